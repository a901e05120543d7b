"""Corrections of objects: deleted, merged, cut by a line, taken apart.

Each returns what is to change, looks at the boxes of the objects concerned only, and
leaves the labels themselves as they are.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.draw import line
from skimage.segmentation import watershed

from napari_unet.core.annotation.edited import (
    ArrayBox,
    Edit,
    edit_between,
    find_box,
    no_edit,
    unused_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

# Merged objects get the background between them where they are no further apart.
_GAP_PX = 2
# Smaller splinters beside a line drawn by hand are no objects of their own.
_SPLINTER_PX = 4


def delete_objects(labels: NDArray[Any], numbers: Collection[int]) -> Edit:
    """Make objects background.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        Not modified, nor by any function here.
    numbers : collection of int
        Those of the objects.
    """
    box = find_box(labels, numbers)
    if box is None:
        return no_edit(labels)
    part = labels[box]
    gone = np.isin(part, list(numbers))
    return edit_between(labels, box, np.where(gone, 0, part), len(numbers))


def merge_objects(labels: NDArray[Any], numbers: Sequence[int]) -> Edit:
    """Give several objects the number of the first, and close the gap between them.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        0 is background.
    numbers : sequence of int
        Those of the objects, each once. Background becomes theirs where two of them are
        at most 2 px apart.
    """
    box = find_box(labels, numbers, margin=_GAP_PX)
    if box is None or len(numbers) < 2:
        return no_edit(labels)
    part = labels[box]
    square = np.ones((3,) * part.ndim, bool)
    near = np.zeros(part.shape, np.uint16)  # how many of them are
    for number in numbers:
        near += ndimage.binary_dilation(part == number, square, iterations=_GAP_PX)
    mine = np.isin(part, list(numbers))
    # The image goes on beyond its edge as it ends there.
    framed = np.pad(mine, _GAP_PX, mode="edge")
    inside = (slice(_GAP_PX, -_GAP_PX),) * part.ndim
    closed = ndimage.binary_closing(framed, square, iterations=_GAP_PX // 2)[inside]
    gap = closed & (part == 0) & (near > 1)
    new = np.where(gap | mine, numbers[0], part)
    return edit_between(labels, box, new, len(numbers))


def split_objects(
    labels: NDArray[Any],
    path: NDArray[np.floating],
    ignore_label: int | None = None,
    numbered: NDArray[Any] | None = None,
) -> Edit:
    """Cut the objects that a drawn line crosses.

    Nothing is lost: what lies under the line goes to the nearer piece. An object that
    the line does not cross from edge to edge stays whole.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        0 is background. A volume is cut through all its planes.
    path : ndarray of float, shape (N, 2)
        Points of the line in pixels (Y, X), joined in their order.
    ignore_label : int, optional
        Ground that is no object.
    numbered : ndarray of int, optional
        Where the new numbers must be new, if in more than `labels`.

    Returns
    -------
    Edit
        The largest piece of each object keeps its number. `objects` counts those cut.
    """
    rows, columns = _draw(path, labels.shape[-2:])
    crossed = np.unique(labels[..., rows, columns])
    edits, needed = [], 0
    for number in crossed.tolist():
        if number in (0, ignore_label):
            continue
        box = find_box(labels, [number])
        if box is None:
            continue
        pieces = _cut(labels[box] == number, _mark(rows, columns, box))
        if count := int(pieces.max()) - 1:
            edits.append((box, number, pieces))
            needed += count
    fresh = unused_numbers(
        labels if numbered is None else numbered, needed, ignore_label
    )
    return _number_pieces(labels, edits, fresh)


def numbers_along(
    labels: NDArray[Any],
    path: NDArray[np.floating],
    ignore_label: int | None = None,
) -> list[int]:
    """Return the numbers of the objects under a drawn line, in the line's order.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background.
    path, ignore_label
        See `split_objects`.
    """
    found = labels[_draw(path, labels.shape)].tolist()
    return [n for n in dict.fromkeys(found) if n not in (0, ignore_label)]


def separate_objects(
    labels: NDArray[Any],
    number: int,
    ignore_label: int | None = None,
    numbered: NDArray[Any] | None = None,
) -> Edit:
    """Give each piece of an object that hangs together by edges a number of its own.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        0 is background.
    number : int
        Which object; its largest piece keeps the number.
    ignore_label, numbered
        See `split_objects`.
    """
    box = find_box(labels, [number])
    if box is None:
        return no_edit(labels)
    pieces = _by_size(ndimage.label(labels[box] == number)[0])
    everywhere = labels if numbered is None else numbered
    fresh = unused_numbers(everywhere, max(int(pieces.max()) - 1, 0), ignore_label)
    return _number_pieces(labels, [(box, number, pieces)], fresh)


def _draw(
    path: NDArray[np.floating], shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pixels under a line, those outside the image left out."""
    points = np.round(np.asarray(path)).astype(int)
    parts = [
        np.stack(line(*start, *stop))  # type: ignore[no-untyped-call]
        for start, stop in itertools.pairwise(points)
    ]
    rows, columns = np.concatenate([points[:1].T, *parts], axis=1)
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[inside], columns[inside]


def _mark(
    rows: NDArray[np.intp], columns: NDArray[np.intp], box: ArrayBox
) -> NDArray[np.bool_]:
    """Return where the line is in the plane of a box."""
    top, left = box[-2].start, box[-1].start
    marked = np.zeros((box[-2].stop - top, box[-1].stop - left), bool)
    is_in = (rows >= top) & (rows < box[-2].stop)
    is_in &= (columns >= left) & (columns < box[-1].stop)
    marked[rows[is_in] - top, columns[is_in] - left] = True
    return marked


def _cut(mine: NDArray[np.bool_], cut: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the pieces of an object, the largest as 1; 0 outside of it.

    A part that was apart before, and is not cut, stays with the largest.
    """
    before, count = ndimage.label(mine)
    after = ndimage.label(mine & ~cut)[0]
    sizes = np.bincount(after.reshape(-1))
    inside = after > 0
    home = np.zeros(len(sizes), np.int32)  # of each part, what it was a part of
    home[after[inside]] = before[inside]
    whole = np.bincount(before.reshape(-1), minlength=count + 1)
    is_piece = sizes >= np.minimum(_SPLINTER_PX, whole[home] // 4)
    is_piece[0] = False
    is_cut = np.bincount(home[is_piece], minlength=count + 1) > 1
    order = np.flatnonzero(is_piece & is_cut[home])
    order = order[np.argsort(-sizes[order], kind="stable")]
    number = np.where(is_piece, 1, 0).astype(np.int32)
    number[order] = np.arange(1, len(order) + 1)
    seeds = number[after]
    # What lies under the line, and splinters, from where it hangs together.
    flat = np.zeros(mine.shape, np.uint8)
    pieces = watershed(flat, seeds, mask=mine)  # type: ignore[no-untyped-call]
    cut_up: NDArray[np.int32] = np.where(mine & (pieces == 0), 1, pieces)
    return cut_up


def _by_size(pieces: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return pieces numbered anew, the largest as 1."""
    sizes = np.bincount(pieces.reshape(-1))
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    rank = np.zeros(len(sizes), np.int32)
    rank[order] = np.arange(1, len(order) + 1)
    ranked: NDArray[np.int32] = rank[pieces]
    return ranked


def _number_pieces(
    labels: NDArray[Any],
    cut: Sequence[tuple[ArrayBox, int, NDArray[np.int32]]],
    fresh: NDArray[np.int64],
) -> Edit:
    """Return the edit by which the first piece of each object keeps its number."""
    edits, used = [], 0
    for box, number, pieces in cut:
        count = int(pieces.max()) - 1
        names = np.array([0, number, *fresh[used : used + count]])
        used += count
        new = np.where(pieces > 0, names[pieces], labels[box])
        edits.append(edit_between(labels, box, new))
    if not edits:
        return no_edit(labels)
    where = tuple(
        np.concatenate(axis) for axis in zip(*(e.where for e in edits), strict=True)
    )
    return Edit(where, np.concatenate([e.values for e in edits]), len(edits))
