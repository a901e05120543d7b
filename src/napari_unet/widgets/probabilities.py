"""What a segmentation keeps of the part of an image that a tool works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from napari_unet.core.errors import InputError
from napari_unet.widgets.frames import place_of
from napari_unet.widgets.prediction_layer import segmentation_of

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_unet.widgets.edited_part import EditedPart


class Background(NamedTuple):
    """Probability of being in no object, where an image was segmented.

    Parameters
    ----------
    values : ndarray of float32
        Of the box.
    box : tuple of slice
        Where it lies in the part that is worked on.
    threshold : float
        From which probability of being in one a pixel was an object's.
    """

    values: NDArray[Any]
    box: tuple[slice, ...]
    threshold: float


def background_of(prediction: Labels | None, part: EditedPart) -> Background:
    """Return what a prediction came from, for a slice or a volume of its image.

    Raises
    ------
    InputError
        If nothing is kept of it, or it is looked at along another axis.
    """
    segmented = None if prediction is None else segmentation_of(prediction)
    if segmented is None or segmented.found_with is None:
        raise InputError(
            "The model's probabilities of this image are not there (only those of the "
            "last segmentation are kept); press Segment first."
        )
    if not part.is_in_order:
        raise InputError(
            "The model's probabilities belong to the slices along the first axis; "
            "turn the view back to them (Ctrl+E)."
        )
    values, threshold = segmented.probabilities[0], segmented.found_with.threshold
    if segmented.planes is None:
        return Background(values, segmented.box, threshold)
    shown = {place_of(part.layer, z): at for at, z in enumerate(segmented.planes)}
    fixed = tuple(at for at in part.index if isinstance(at, int))
    if len(part.place) == len(segmented.box):  # one slice
        if fixed not in shown:
            raise InputError(
                "This slice was not segmented; press Segment for it, or go to one "
                "that was."
            )
        return Background(values[shown[fixed]], segmented.box, threshold)
    depth = sorted(
        (place[-1], at) for place, at in shown.items() if place[:-1] == fixed
    )
    first, last = depth[0], depth[-1]
    if len(depth) != last[0] - first[0] + 1:
        raise InputError("Only single slices were segmented; segment the whole stack.")
    planes = slice(first[0], last[0] + 1)
    here = values[first[1] : last[1] + 1]
    return Background(here, (planes, *segmented.box), threshold)
