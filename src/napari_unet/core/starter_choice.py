"""Which of the models that come with the program is used where none was chosen."""

from dataclasses import dataclass

from napari_unet.core.checkpoint import Model, load_model
from napari_unet.core.config import DeviceChoice
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.model_folders import STARTERS_FOLDER, list_starters
from napari_unet.core.prediction.suited import better_suited
from napari_unet.core.prediction.zoom import Zoom


@dataclass(frozen=True, slots=True, eq=False)
class StarterChoice:
    """A starter model, and why it and no other.

    Parameters
    ----------
    model : Model
        The starter model.
    why : str
        For people, to be read after "it is used because".
    zoom : Zoom
        How to zoom the image for it.
    """

    model: Model
    why: str
    zoom: Zoom


def choose_starter(image: Image, device: DeviceChoice = "auto") -> StarterChoice:
    """Return the starter model that suits an image.

    Parameters
    ----------
    image : Image
        To be segmented.
    device : str
        Where to look at it.

    Raises
    ------
    InputError
        If the program came without starter models, or none can read this image.
    """
    models = [load_model(folder) for folder, _ in list_starters()]
    if not models:
        raise InputError(
            f"There are no starter models in '{STARTERS_FOLDER}': install the program "
            "anew, or train a model of your own."
        )
    model, zoom = better_suited(image, models, device=device)
    why = f"of the {len(models)} there are it suits this image best"
    if len(models) == 1:
        why = "it is the only one there is"
    if zoom.objects:
        sure = f"{zoom.confidence:.0%} sure of the {zoom.objects} objects it found"
        why += f"; in a quick look it was {sure}"
    return StarterChoice(model, why, zoom)
