"""The line of background between touching objects, as the U-Net paper has it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# An object left with fewer pixels, and no more than half of its own, is nearly gone.
_NEARLY_NOTHING = 5


@dataclass(frozen=True, slots=True)
class Shrunk:
    """An object of which the separation border leaves nearly nothing.

    Parameters
    ----------
    number : int
        Its label.
    before, after : int
        Its pixels without and with the border.
    place : tuple of int, ([Z,] Y, X)
        A pixel of what is left.
    """

    number: int
    before: int
    after: int
    place: tuple[int, ...]


def cut_separation_border(
    labels: NDArray[np.integer], width: int = 1, elsewhere: Collection[int] = ()
) -> NDArray[np.integer]:
    """Cut a line of background between touching objects.

    One pixel wide: in the order of their numbers, each object loses the pixels that
    touch, by an edge or a corner, what is left of an earlier one. The U-Net paper only
    says that the border is "computed using morphological operations"; this is our
    reading. Two pixels wide: each object loses the pixels that touch another one; this
    is easier to learn in little time, and the objects get the line back in the end.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        One number per object; 0 is background.
    width : int
        1, 2, or 0 for no line.
    elsewhere : collection of int
        Where `labels` is a part of an image: the objects of which something is left
        outside it, so that they are not gone whatever happens here.

    Returns
    -------
    ndarray of int, shape of `labels`
        No two objects touch any more, not even by a corner, and none is gone: from
        one that would be, the pixel nearest to its centre stays, and its neighbours
        make room, unless that would be the end of them: objects of a few pixels may
        still touch.

    Examples
    --------
    >>> cut_separation_border(np.array([[1, 1, 1, 2, 2, 2, 0, 3]]))
    array([[1, 1, 1, 0, 2, 2, 0, 3]])
    """
    kept = _cut_one_side(labels) if width == 1 else labels.copy()
    if width == 2:
        kept[_nearby(labels, np.minimum) < _nearby(labels, np.maximum)] = 0
    shrunk = np.unique(labels[kept != labels])
    gone = shrunk[~np.isin(shrunk, kept) & ~np.isin(shrunk, list(elsewhere))]
    if gone.size:
        _keep_one_pixel_each(kept, labels, gone, elsewhere)
    return kept


def find_shrunk(labels: NDArray[np.integer], kept: NDArray[np.integer]) -> list[Shrunk]:
    """Return the objects of which a separation border leaves nearly nothing.

    That is fewer than 5, and no more than half of what they had.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        Before the border was cut.
    kept : ndarray of int, shape of `labels`
        What `cut_separation_border` left of them.

    Examples
    --------
    >>> labels = np.array([[1, 1, 1, 2, 2, 3, 3, 3]])
    >>> find_shrunk(labels, cut_separation_border(labels, 2))
    [Shrunk(number=2, before=2, after=1, place=(0, 3))]
    """
    numbers, before = np.unique(labels[labels > 0], return_counts=True)
    left = kept[kept > 0]
    after = np.bincount(np.searchsorted(numbers, left), minlength=len(numbers))
    nearly = (after < _NEARLY_NOTHING) & (2 * after <= before)
    return [
        Shrunk(int(number), int(had), int(has), _place(kept, labels, int(number)))
        for number, had, has in zip(
            numbers[nearly], before[nearly], after[nearly], strict=True
        )
    ]


def _place(
    kept: NDArray[np.integer], labels: NDArray[np.integer], number: int
) -> tuple[int, ...]:
    """Return a pixel of what is left of an object, or else of what was there."""
    mask = kept == number
    if not mask.any():
        mask = labels == number
    pixel = np.unravel_index(int(mask.argmax()), mask.shape)
    return tuple(int(axis) for axis in pixel)


def _cut_one_side(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """Let each object make room for what is left of the earlier ones."""
    kept = labels
    # The rule looks at what is *left* of earlier objects, which is not known at first.
    # Each round settles at least one more object of every chain of touching ones;
    # mostly two rounds do.
    while True:
        lowest = _nearby(kept, np.minimum)
        again = np.where(lowest < labels, 0, labels)
        if np.array_equal(again, kept):
            break
        kept = again
    return kept.copy() if kept is labels else kept


def _nearby(labels: NDArray[np.integer], extreme: np.ufunc) -> NDArray[np.integer]:
    """Return the lowest or highest number among each pixel and its neighbours.

    Those are 8 (3D: 26). Background does not count: 0 only stands where all are 0 and
    the highest is asked for.
    """
    background = np.iinfo(labels.dtype).max if extreme is np.minimum else 0
    found = np.where(labels == 0, background, labels)
    for axis in range(labels.ndim):
        before = found.copy()
        head = (slice(None),) * axis + (slice(None, -1),)
        tail = (slice(None),) * axis + (slice(1, None),)
        extreme(found[head], before[tail], out=found[head])
        extreme(found[tail], before[head], out=found[tail])
    return found


def _keep_one_pixel_each(
    kept: NDArray[np.integer],
    labels: NDArray[np.integer],
    gone: NDArray[np.integer],
    elsewhere: Collection[int],
) -> None:
    """Bring objects back as one pixel with background around it, in place."""
    pixels = np.argwhere(np.isin(labels, gone))
    index = np.searchsorted(gone, labels[tuple(pixels.T)])
    sums = [np.bincount(index, weights=axis) for axis in pixels.T]
    centres = np.stack(sums, axis=1) / np.bincount(index)[:, None]
    distances = np.square(pixels - centres[index]).sum(axis=1)
    order = np.lexsort((distances, index))
    nearest = order[np.searchsorted(index[order], np.arange(len(gone)))]

    numbers, counts = np.unique(kept, return_counts=True)
    left = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    left |= dict.fromkeys(elsewhere, kept.size + 1)
    for number, pixel in zip(gone.tolist(), pixels[nearest].tolist(), strict=True):
        around = kept[tuple(slice(max(p - 1, 0), p + 2) for p in pixel)]
        for other, count in Counter(around[around > 0].tolist()).items():
            if count < left[other]:
                around[around == other] = 0
                left[other] -= count
        kept[tuple(pixel)] = number
        left[number] = 1
