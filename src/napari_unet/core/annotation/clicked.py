"""The object that a model sees at a place, from its probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_unet.core.annotation.edited import ArrayBox, Edit, edit_between, no_edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# How far around the place to look first, in pixels; farther while it is too near.
_FIRST_RADIUS_PX = 64
# What reaches further is no object, but ground that the model is unsure of.
LAST_RADIUS_PX = 1024
# Of a less probable pixel, nothing is seen there.
LEAST_PROBABILITY = 0.02


def add_object(
    labels: NDArray[Any],
    background: NDArray[np.floating],
    place: Sequence[int],
    number: int,
    threshold: float,
) -> Edit:
    """Give the object that a model sees at a place a number.

    It is what hangs together with the place by edges, is at least as probable as the
    threshold, and is background so far, or the object's own; and the holes in it.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        Not modified. What has another number than 0 and `number` is left out.
    background : ndarray of float, shape of `labels`
        Probability of being in no object.
    place : sequence of int
        A pixel.
    number : int
        What the object gets.
    threshold : float
        From which probability on a pixel is the object's. See `threshold_at`.

    Returns
    -------
    Edit
        Of no object where the place itself is less probable, or not free; or where the
        object would reach more than 1024 px away.
    """
    at = tuple(place)
    radius = _FIRST_RADIUS_PX
    while radius <= LAST_RADIUS_PX:
        box = _around(at, radius, labels.shape)
        part = labels[box]
        free = (part == 0) | (part == number)
        pieces = ndimage.label(free & (1 - background[box] >= threshold))[0]
        mine = pieces[tuple(i - side.start for i, side in zip(at, box, strict=True))]
        if mine == 0:
            return no_edit(labels)
        found = pieces == mine
        if not _meets_a_cut(found, box, labels.shape):
            found |= ndimage.binary_fill_holes(found) & free
            return edit_between(labels, box, np.where(found, number, part))
        radius *= 2
    return no_edit(labels)


def threshold_at(probability: float, usual: float, repeats: int = 0) -> float:
    """Return from which probability on pixels belong to an object that was clicked on.

    Parameters
    ----------
    probability : float
        Of the pixel that was clicked on.
    usual : float
        The model's threshold. Where the pixel is below it, half its probability counts.
    repeats : int
        How often it was clicked on before: each time a third less.
    """
    first = usual if probability >= usual else probability / 2
    return first * (2 / 3) ** repeats


def _around(at: tuple[int, ...], radius: int, shape: tuple[int, ...]) -> ArrayBox:
    return tuple(
        slice(max(0, centre - radius), min(size, centre + radius + 1))
        for centre, size in zip(at, shape, strict=True)
    )


def _meets_a_cut(
    found: NDArray[np.bool_], box: ArrayBox, shape: tuple[int, ...]
) -> bool:
    """Tell whether an object goes on beyond a box that is not the image's edge."""
    for axis, (side, size) in enumerate(zip(box, shape, strict=True)):
        along = np.moveaxis(found, axis, 0)
        if (side.start > 0 and along[0].any()) or (
            side.stop < size and along[-1].any()
        ):
            return True
    return False
