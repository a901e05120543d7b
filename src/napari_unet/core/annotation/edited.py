"""What every correction of labels is made of: the part that changes, and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

ArrayBox = tuple[slice, ...]

# Large labels are looked through so many pixels at a time.
_AT_ONCE = 2**22


class Edit(NamedTuple):
    """New numbers of some pixels of labels, which differ from the old ones.

    Parameters
    ----------
    where : tuple of ndarray of int
        Indices of the pixels, one array for each axis.
    values : ndarray
        The new number of each, of the labels' dtype.
    objects : int
        How many objects are concerned.
    """

    where: tuple[NDArray[np.intp], ...]
    values: NDArray[Any]
    objects: int = 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not len(self.values)


def no_edit(labels: NDArray[Any]) -> Edit:
    """Return the edit of labels that changes nothing, and concerns no object."""
    nowhere = tuple(np.zeros(0, np.intp) for _ in labels.shape)
    return Edit(nowhere, np.zeros(0, labels.dtype), 0)


def edit_between(
    labels: NDArray[Any], box: ArrayBox, new: NDArray[Any], objects: int = 1
) -> Edit:
    """Return the edit after which the box of `labels` is as `new`.

    Parameters
    ----------
    labels : ndarray of int
        As they are.
    box : tuple of slice
        With a start, one for each axis.
    new : ndarray, shape of the box
        As they are to be.
    objects : int
        How many objects are concerned.
    """
    inside = np.nonzero(new != labels[box])
    where = tuple(at + side.start for at, side in zip(inside, box, strict=True))
    return Edit(where, new[inside].astype(labels.dtype), objects)


def find_box(
    labels: NDArray[Any], numbers: Collection[int], margin: int = 0
) -> ArrayBox | None:
    """Return the smallest box that holds all pixels with these numbers.

    Parameters
    ----------
    labels : ndarray of int
        Not modified.
    numbers : collection of int
        Those of some objects.
    margin : int
        So many pixels more on each side, as far as there are some.

    Returns
    -------
    tuple of slice, or None
        None where no pixel has such a number.
    """
    lowest = np.array(labels.shape)
    highest = np.full(labels.ndim, -1)
    for first, part in _strips(labels):
        mine = _is_one_of(part, numbers)
        if not mine.any():
            continue
        for axis in range(labels.ndim):
            others = tuple(a for a in range(labels.ndim) if a != axis)
            at = np.flatnonzero(mine.any(axis=others)) + (first if axis == 0 else 0)
            lowest[axis] = min(lowest[axis], at[0])
            highest[axis] = max(highest[axis], at[-1])
    if highest[0] < 0:
        return None
    starts = np.maximum(lowest - margin, 0).tolist()
    stops = np.minimum(highest + 1 + margin, labels.shape).tolist()
    return tuple(slice(*side) for side in zip(starts, stops, strict=True))


def unused_numbers(
    labels: NDArray[Any], count: int, ignore_label: int | None = None
) -> NDArray[np.int64]:
    """Return the `count` lowest positive numbers that no pixel has.

    Parameters
    ----------
    labels : ndarray of int
        Where they are to be new.
    count : int
        How many are needed.
    ignore_label : int, optional
        Number that no object may get.

    Raises
    ------
    InputError
        If the dtype has not so many left.
    """
    used = _used_numbers(labels)
    candidates = np.arange(1, len(used) + count + 2)
    unused = candidates[~np.isin(candidates, used) & (candidates != ignore_label)]
    numbers: NDArray[np.int64] = unused[:count]
    if count and numbers[-1] > np.iinfo(labels.dtype).max:
        raise InputError(
            f"The annotation's data type, {labels.dtype}, has no numbers left for "
            f"{count} more objects; accept fewer, or start a new annotation layer."
        )
    return numbers


def _used_numbers(labels: NDArray[Any]) -> NDArray[Any]:
    found = [np.zeros(0, labels.dtype)]
    for _, part in _strips(labels):
        # In rows, most pixels have the number of the one before.
        begins = part[..., 1:] != part[..., :-1]
        found += [np.unique(part[..., 0]), np.unique(part[..., 1:][begins])]
    return np.unique(np.concatenate(found))


def _is_one_of(part: NDArray[Any], numbers: Collection[int]) -> NDArray[np.bool_]:
    if len(numbers) == 1:
        (number,) = numbers
        same: NDArray[np.bool_] = part == number
        return same
    return np.isin(part, list(numbers))


def _strips(labels: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the array in parts along its first axis, each with its first index."""
    if not labels.size:
        return
    rows = max(1, _AT_ONCE * len(labels) // labels.size)
    for first in range(0, len(labels), rows):
        yield first, labels[first : first + rows]
