"""Which of several models suits an image best."""

from collections.abc import Sequence

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import DeviceChoice
from napari_unet.core.device import Precision
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.prediction.channels import pick_channels
from napari_unet.core.prediction.drift import rate_level, rate_unlike
from napari_unet.core.prediction.zoom import Zoom, propose_zoom

# A model that finds nothing, but has seen such images, is as good as one that is sure
# of what it finds and has seen only images that lie half of the way to a warning off.
_UNLIKE = 2.0


def better_suited(
    image: Image,
    models: Sequence[Model],
    *,
    device: DeviceChoice = "auto",
    precision: Precision | None = None,
) -> tuple[Model, Zoom]:
    """Return the model that suits an image best, and how to zoom the image for it.

    That is the one that has seen images most like it, at the zoom that suits it; of
    several alike, the one that is surest of the objects it finds there. Models that
    could not win, however sure they were, are not asked.

    Parameters
    ----------
    image : Image
        The whole image.
    models : sequence of Model
        To choose from; those that cannot read its channels are left out.
    device, precision : str
        Where and how to compute.

    Raises
    ------
    InputError
        If no model can read the image, or it is constant.
    """
    refused = InputError("There is no model to choose from. Give at least one.")
    at_best = []
    for model in models:
        try:
            picked = pick_channels(image, model.settings)
            # The zoom does not change how dark the ground is.
            bound = 1 - _UNLIKE * rate_level(picked, model.settings)
        except InputError as error:
            refused = error
        else:
            at_best.append((bound, model, picked))
    best: tuple[float, Model, Zoom] | None = None
    for bound, model, picked in sorted(at_best, key=lambda each: -each[0]):
        if best is not None and best[0] >= bound:
            break
        try:
            zoom = propose_zoom(image, model, device=device, precision=precision)
        except InputError as error:
            refused = error
            continue
        unlike = rate_unlike(picked, model.settings, scale=zoom.scale)
        rating = zoom.confidence - _UNLIKE * unlike
        if best is None or rating > best[0]:
            best = rating, model, zoom
    if best is None:
        raise refused
    return best[1:]
