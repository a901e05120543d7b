"""Which of several models suits an image best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import DeviceChoice
from napari_unet.core.device import Precision
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.prediction.channels import pick_channels
from napari_unet.core.prediction.drift import rate_ground
from napari_unet.core.prediction.zoom import Zoom, propose_zoom

# A model that finds nothing, but has seen such images, is as good as one that is sure
# of what it finds and has seen only images that lie half of the way to a warning off.
_UNLIKE = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Rating:
    """How well a model suits an image.

    Parameters
    ----------
    model : Model
        The one that was asked.
    points : float
        1 at most: how sure it is of what it finds, less for an image unlike all that
        it has seen. Of a model that was not asked, as much as it could have.
    zoom : Zoom or None
        That suits it; None where another model had more than this one could have.
    """

    model: Model
    points: float
    zoom: Zoom | None

    @property
    def suits(self) -> bool:
        """Whether it is sure of enough objects, in an image that it need not warn of.

        Without that, the best of several models may be no good.
        """
        if self.zoom is None or not self.zoom.is_telling:
            return False
        return self.points - self.zoom.confidence >= -_UNLIKE


def rate_models(
    image: Image,
    models: Sequence[Model],
    *,
    scale: float | Literal["auto"] | None = "auto",
    device: DeviceChoice = "auto",
    precision: Precision | None = None,
) -> list[Rating]:
    """Return how well models suit an image, the best first.

    That is the one that has seen images most like it, at the zoom that suits it; of
    several alike, the one that is surest of the objects it finds there. Models that
    could not win, however sure they were, are not asked.

    Parameters
    ----------
    image : Image
        The whole image.
    models : sequence of Model
        To choose from; those that cannot read its channels are left out.
    scale : float, "auto" or None
        As of `segment`.
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
            # The zoom does not change what ground is like.
            bound = 1 - _UNLIKE * rate_ground(picked, model.settings)
        except InputError as error:
            refused = error
        else:
            at_best.append((bound, model))
    found: list[Rating] = []
    for bound, model in sorted(at_best, key=lambda each: -each[0]):
        if found and max(each.points for each in found) >= bound:
            found.append(Rating(model, bound, None))
            continue
        try:
            zoom = propose_zoom(
                image, model, scale=scale, device=device, precision=precision
            )
        except InputError as error:
            refused = error
            continue
        found.append(Rating(model, bound - (1 - zoom.confidence), zoom))
    if not found:
        raise refused
    return sorted(found, key=lambda each: -each.points)
