"""Corrections of an object's outline: smoothed, filled, grown and shrunk.

An object takes background only: never another object, nor ignored ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_unet.core.annotation.edited import Edit, edit_between, find_box, no_edit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Edge of the square, or cube, that decides for each pixel when an object is smoothed.
_SMOOTHED_PX = 5


def smooth_object(labels: NDArray[Any], number: int) -> Edit:
    """Give each pixel at an object's outline to what is most of its surroundings.

    Spikes vanish and notches close. Where the object touches another one, or ignored
    ground, its outline stays: these have no vote. An object that is thinner than the
    surroundings, and would vanish, stays as it is.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        Not modified, nor by any function here.
    number : int
        Which object.
    """
    box = find_box(labels, [number], margin=_SMOOTHED_PX // 2)
    if box is None:
        return no_edit(labels)
    part = labels[box]
    mine, free = part == number, part == 0
    # At the edge of the image, nothing beyond it has a vote either.
    votes = ndimage.uniform_filter(
        (mine | free).astype(float), _SMOOTHED_PX, mode="constant"
    )
    mine_votes = ndimage.uniform_filter(
        mine.astype(float), _SMOOTHED_PX, mode="constant"
    )
    # A tie leaves a pixel as it is; sums of fractions are not exact.
    surplus = 2 * mine_votes - votes
    tolerance = 0.5 / _SMOOTHED_PX**part.ndim
    kept = (mine & (surplus > -tolerance)) | (free & (surplus > tolerance))
    if not kept.any():
        return no_edit(labels)
    return _reshape(labels, box, mine, kept, number)


def fill_object(labels: NDArray[Any], number: int) -> Edit:
    """Fill the holes of an object: background that it encloses.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        In a volume, a hole is closed on all sides.
    number : int
        Which object. What else lies in a hole stays.
    """
    box = find_box(labels, [number])
    if box is None:
        return no_edit(labels)
    part = labels[box]
    mine = part == number
    filled = ndimage.binary_fill_holes(mine) & (part == 0)
    return _reshape(labels, box, mine, mine | filled, number)


def grow_object(labels: NDArray[Any], number: int, pixels: float = 1) -> Edit:
    """Let an object take the background around it.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        0 is background.
    number : int
        Which object.
    pixels : float
        How far, from the centre of a pixel to that of the nearest one of the object.
    """
    box = find_box(labels, [number], margin=int(np.ceil(pixels)))
    if box is None:
        return no_edit(labels)
    part = labels[box]
    mine = part == number
    near = ndimage.distance_transform_edt(~mine) <= pixels
    return _reshape(labels, box, mine, mine | (near & (part == 0)), number)


def shrink_object(labels: NDArray[Any], number: int, pixels: float = 1) -> Edit:
    """Take the rim of an object away, but where it is cut by the edge of the image.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        0 is background.
    number : int
        Which object. It may vanish: then `Edit.objects` is 0, and nothing changes.
    pixels : float
        How far, from the centre of a pixel to that of the nearest one that is not the
        object's.
    """
    box = find_box(labels, [number], margin=1)
    if box is None:
        return no_edit(labels)
    mine = labels[box] == number
    kept = ndimage.distance_transform_edt(mine) > pixels if not mine.all() else mine
    if not kept.any():
        return no_edit(labels)
    return _reshape(labels, box, mine, kept, number)


def _reshape(
    labels: NDArray[Any],
    box: tuple[slice, ...],
    mine: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    number: int,
) -> Edit:
    """Return the edit that makes an object `kept`; what it leaves is background."""
    part = labels[box]
    return edit_between(labels, box, np.where(kept, number, np.where(mine, 0, part)))
