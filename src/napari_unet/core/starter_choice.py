"""Which of the models that come with the program is used where none was chosen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.annotation.object_sizes import keep_known
from napari_unet.core.annotation.target import Example
from napari_unet.core.checkpoint import Model, load_model
from napari_unet.core.config import DeviceChoice, ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.model_folders import STARTERS_FOLDER, list_starters
from napari_unet.core.prediction.channels import read_these
from napari_unet.core.prediction.suited import better_suited
from napari_unet.core.prediction.zoom import Zoom

# Where no model is trained yet, a starter is asked whether objects were left out only
# if those that are painted cover less of an image.
_SPARSE = 0.05


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


def choose_starter(
    image: Image, device: DeviceChoice = "auto", channels: Sequence[int] = ()
) -> StarterChoice:
    """Return the starter model that suits an image.

    Parameters
    ----------
    image : Image
        To be segmented.
    device : str
        Where to look at it.
    channels : sequence of int
        Which channels of the image are read, if it has more than the models read.

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
    if channels:
        models = [
            replace(model, settings=read_these(model.settings, channels))
            for model in models
        ]
    model, zoom = better_suited(image, models, device=device)
    why = f"of the {len(models)} there are it suits this image best"
    if len(models) == 1:
        why = "it is the only one there is"
    if zoom.objects:
        sure = f"{zoom.confidence:.0%} sure of the {zoom.objects} objects it found"
        why += f"; in a quick look it was {sure}"
    return StarterChoice(model, why, zoom)


def choose_witness(
    start_from: Model | None, settings: ModelSettings, device: DeviceChoice = "auto"
) -> Callable[[Example], tuple[Model, Zoom | None] | None]:
    """Return who is asked which objects an annotated image holds, and at which zoom.

    Parameters
    ----------
    start_from : Model, optional
        The model to start from: it is asked.
    settings : ModelSettings
        Its own, as they fit the images; or those of a new model.
    device : str
        Where a starter is chosen.

    Returns
    -------
    callable
        Of an example; None where nobody is. Before a training from scratch that is the
        starter that suits the image, where little of it is painted.
    """

    def choose(example: Example) -> tuple[Model, Zoom | None] | None:
        if start_from is not None:
            return replace(start_from, settings=settings), None
        painted = keep_known(example) != 0
        if painted.ndim > 2 or np.count_nonzero(painted) >= _SPARSE * painted.size:
            return None
        choice = choose_starter(example.image, device)
        return choice.model, choice.zoom

    return choose
