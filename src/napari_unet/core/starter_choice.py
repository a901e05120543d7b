"""Which of the models that come with the program is used where none was chosen."""

from dataclasses import dataclass

from napari_unet.core.checkpoint import Model, load_model
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.model_folders import STARTERS_FOLDER, list_starters


@dataclass(frozen=True, slots=True, eq=False)
class StarterChoice:
    """A starter model, and why it and no other.

    Parameters
    ----------
    model : Model
        The starter model.
    why : str
        For people: "it finds more in 'a.tif' than cells-phase does".
    """

    model: Model
    why: str


def choose_starter(image: Image) -> StarterChoice:
    """Return the starter model that suits an image.

    Parameters
    ----------
    image : Image
        To be segmented.

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
    if len(models) == 1:
        return StarterChoice(models[0], "it is the only one there is")
    from napari_unet.core.prediction.suited import better_suited

    return StarterChoice(*better_suited(image, models))
