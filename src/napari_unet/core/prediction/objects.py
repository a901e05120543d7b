"""From probabilities to objects: one number per object and pixel.

Everything here is a handful of passes over the image, whatever the number of objects:
the sliders of the dock call it again and again.
"""

from __future__ import annotations

import functools
import itertools
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.heap import trim_heap
from napari_unet.core.prediction.bands import (
    BAND_PIXELS,
    Bands,
    split_by_bands,
    strips,
)
from napari_unet.core.prediction.waist import split_at_waists

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

# Frame of background around the labels: no step below leaves the array, and no step
# over the end of a row meets another object.
_FRAME = 3
_INSIDE = slice(_FRAME, -_FRAME)
# A line between objects is often half seen: splitting also looks at the pixels above
# these shares of the way from the threshold to certainty.
_CORES = (0.4, 0.7)


@cache
def _rings(axes: int) -> tuple[list[tuple[int, ...]], ...]:
    """Return steps to the pixels around one, ring by ring, up to 2 pixels away.

    Distances are chessboard distances, as those of the square neighbourhood by which
    the target cuts its line.
    """
    around = list(itertools.product(range(-2, 3), repeat=axes))
    return tuple(
        [step for step in around if max(map(abs, step)) == distance]
        for distance in (1, 2)
    )


def find_objects(
    foreground: NDArray[Any],
    config: ObjectConfig | None = None,
    spacing: Sequence[float] | None = None,
    *,
    is_background: bool = False,
) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """Return the objects in an image of foreground probabilities.

    In this order: threshold; connected components (two pixels that touch only at
    a corner are not connected, so a diagonal line of one pixel separates); holes;
    minimum size; splitting; the separation line is given back.

    Parameters
    ----------
    foreground : ndarray of real numbers, shape ([Z,] Y, X)
        Probability that a pixel belongs to an object, in [0, 1].
    config : ObjectConfig, optional
        Threshold and what to do with small objects, holes, lines and waists.
    spacing : sequence of float, optional
        Volumes: edges of a pixel along Z, Y and X, in any unit, by which the widths of
        waists are measured; by default all alike.
    is_background : bool
        The probabilities are those of the background, so that nobody need make a copy.

    Returns
    -------
    labels : ndarray of uint16, or uint32 above 65,535 objects, shape ([Z,] Y, X)
        0 is background; objects are numbered 1, 2, … by their first pixel, row by row.

    Raises
    ------
    InputError
        If `foreground` is neither a plane nor a volume.

    Notes
    -----
    *Volumes* are treated alike (connected by faces).

    *Holes.* Background that one object alone encloses becomes part of it. Background
    that holds another object, lies between several objects, or reaches the edge of the
    image is no hole.

    *Size* counts the filled object, before the separation line is given back.

    *Line.* The training target cuts a line of one pixel between touching objects, and
    networks paint it up to 3 px wide. Background too narrow for a 4×4 square without
    its corners, with two different objects within 2 px, is such a line; each of its
    pixels goes to the nearest object (in steps along edges or corners), and where two
    are equally near to the later one, from which the target cuts. Nothing else grows,
    and wider gaps remain.

    Examples
    --------
    >>> foreground = np.array([[0.9, 0.8, 0.1, 0.9, 0.7]])
    >>> find_objects(foreground, ObjectConfig(min_size=0))
    array([[1, 1, 2, 2, 2]], dtype=uint16)
    """
    config = ObjectConfig() if config is None else config
    if foreground.ndim not in (2, 3):
        raise InputError(
            "Objects are found in an array ([Z,] Y, X) of probabilities; this one has "
            f"the shape {foreground.shape}."
        )
    if foreground.size == 0:
        return np.zeros(foreground.shape, np.uint16)
    is_above = functools.partial(_is_above, foreground, is_background=is_background)
    labels = _label_components(np.pad(is_above(config.threshold), _FRAME))
    holds_objects = config.fill_holes and _fill_holes(labels)
    removed = config.min_size > 1 and _remove_small(labels, config.min_size)
    if holds_objects and removed:  # they may have been specks
        _fill_holes(labels)
    if config.split:
        labels = _split(labels, config, is_above, spacing)
    if config.recover_border:
        _give_back_lines(labels)
    if labels.size > BAND_PIXELS:
        trim_heap()
    return _number_by_row(_inside(labels))


def _is_above(
    probabilities: NDArray[Any],
    threshold: float,
    rows: slice = slice(None),
    *,
    is_background: bool,
) -> NDArray[np.bool_]:
    """Return where the foreground is at least as probable, in rows or planes."""
    part = probabilities[rows]
    above = np.empty(part.shape, bool)
    for few, _ in strips(part):
        foreground = 1 - part[few] if is_background else part[few]
        np.greater_equal(foreground, threshold, out=above[few])
    return above


def _split(
    labels: NDArray[np.int32],
    config: ObjectConfig,
    is_above: Callable[..., NDArray[np.bool_]],
    spacing: Sequence[float] | None,
) -> NDArray[np.int32]:
    """Cut objects at their waists; large planes, in place, band by band."""
    rest = 1 - config.threshold
    thresholds = tuple(config.threshold + share * rest for share in _CORES)
    if labels.ndim == 2 and labels.size > BAND_PIXELS:

        def framed(threshold: float, rows: slice) -> NDArray[np.bool_]:
            first, last = rows.start - _FRAME, rows.stop - _FRAME
            inside = is_above(threshold, slice(max(0, first), max(0, last)))
            before = max(0, -first)
            after = rows.stop - rows.start - before - len(inside)
            return np.pad(inside, ((before, after), (_FRAME, _FRAME)))

        split_by_bands(labels, config.split, config.min_size, framed, thresholds)
        return labels
    return split_at_waists(
        labels,
        config.split,
        config.min_size,
        [np.pad(is_above(threshold), _FRAME) for threshold in thresholds],
        spacing=spacing,
        frame=_FRAME,
    )


def class_map(probabilities: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the most probable class of each pixel.

    Parameters
    ----------
    probabilities : ndarray of float, shape (K, [Z,] Y, X)
        Probability of each of at most 256 classes.

    Returns
    -------
    ndarray of uint8, shape ([Z,] Y, X)
        The class; the lower number where two are equally probable.

    Examples
    --------
    >>> class_map(np.array([[[0.2, 0.5]], [[0.8, 0.5]]]))
    array([[1, 0]], dtype=uint8)
    """
    classes = np.zeros(probabilities.shape[1:], np.uint8)
    # Class by class: argmax along the first axis would make an int64 array.
    best = probabilities[0].copy()
    for number, probability in enumerate(probabilities[1:], start=1):
        better = probability > best
        classes[better] = number
        np.copyto(best, probability, where=better)
    return classes


def label_dtype(count: int) -> np.dtype:
    """Return the smaller of uint16 and uint32 that can number `count` objects."""
    return np.dtype(np.uint16 if count <= np.iinfo(np.uint16).max else np.uint32)


def _label_components(framed: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the components of a mask with a frame that are connected by edges."""
    labels: NDArray[np.int32] = ndimage.label(framed)[0]
    return labels


def _inside(framed: NDArray[Any]) -> NDArray[Any]:
    """Return the array without its frame."""
    return framed[(_INSIDE,) * framed.ndim]


def _strides(array: NDArray[Any]) -> NDArray[np.int64]:
    """Return by how much a flat index grows with each axis."""
    return np.array(array.strides) // array.itemsize


def _fill_holes(labels: NDArray[np.int32]) -> bool:
    """Fill holes in place, and say if there may be some that hold another object.

    A hole is background that touches one object only, and not the frame. It lies in
    the rows of its object, and so completely in a band.
    """
    if labels.ndim == 2 and labels.size > BAND_PIXELS:
        for rows in Bands.of(labels).windows:
            _fill_enclosed(labels[rows])
        return True  # what lies in two bands was not looked for
    return _fill_enclosed(labels)


def _fill_enclosed(labels: NDArray[np.int32]) -> bool:
    """Fill holes that do not reach the edge of labels, which may be a band."""
    # Background is connected by corners where objects are by edges: at a crossing of
    # two diagonals either the objects pass or the background does.
    corners = np.ones((3,) * labels.ndim, bool)
    background, count = ndimage.label(labels == 0, corners)
    is_hole = np.ones(count + 1, bool)
    is_hole[background[0]] = is_hole[background[-1]] = False
    is_hole[background.flat[0]] = is_hole[0] = False
    flat = labels.reshape(-1)
    enclosed = np.flatnonzero(is_hole[background])
    hole = background.reshape(-1)[enclosed]
    lowest = np.full(count + 1, np.iinfo(np.int32).max)
    highest = np.zeros(count + 1, lowest.dtype)
    for step in (*_strides(labels), *-_strides(labels)):
        neighbour = flat[enclosed + step]
        rim = neighbour > 0
        np.minimum.at(lowest, hole[rim], neighbour[rim])
        np.maximum.at(highest, hole[rim], neighbour[rim])
    owner = np.where(lowest == highest, lowest, 0)
    flat[enclosed] = owner[hole]
    return bool((lowest < highest).any())


def _remove_small(labels: NDArray[np.int32], min_size: int) -> bool:
    """Remove, in place, objects of fewer than `min_size` pixels; say if there were."""
    sizes = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    for part, _ in strips(labels):
        sizes += np.bincount(labels[part].reshape(-1), minlength=len(sizes))
    small = sizes < min_size
    if not small.any():
        return False
    kept = np.where(small, 0, np.arange(len(small), dtype=np.int32))
    for part, _ in strips(labels):
        labels[part] = kept[labels[part]]
    return True


def _give_back_lines(labels: NDArray[np.int32]) -> None:
    """Give, in place, thin lines between two objects to the nearest of them."""
    flat = labels.reshape(-1)
    rings = [np.array(ring) @ _strides(labels) for ring in _rings(labels.ndim)]
    pixels = _find_narrow_pixels(labels)

    owner = np.zeros(len(pixels), np.int32)
    open_ = np.arange(len(pixels))  # not given to anybody yet
    for ring in rings:
        nearest = np.zeros(len(open_), np.int32)
        for step in ring:
            label = flat.take(pixels[open_] + step)
            np.maximum(nearest, label, out=nearest)
        owner[open_] = nearest
        open_ = open_[nearest == 0]
    flat[pixels] = owner

    alone = np.arange(len(pixels))  # no other object seen yet
    for ring in rings:
        near, mine = pixels[alone], owner[alone]
        only_mine = np.ones(len(alone), bool)
        for step in ring:
            label = flat.take(near + step)
            only_mine &= (label == 0) | (label == mine)
        alone = alone[only_mine]
    flat[pixels[alone]] = 0


def _find_narrow_pixels(labels: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return the flat indices of narrow background inside the frame, ascending."""
    found = []
    inside = _inside(labels)
    for part, wider in strips(inside, halo=2 * _FRAME):
        narrow = _find_narrow_background(inside[wider] == 0)
        own = narrow[part.start - wider.start :][: part.stop - part.start]
        places = np.nonzero(own)
        places = (places[0] + part.start, *places[1:])
        framed = tuple(place + _FRAME for place in places)
        found.append(np.ravel_multi_index(framed, labels.shape))
    return np.concatenate(found)


def _find_narrow_background(background: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return background that no 4×4 square without corners covers (an opening).

    The image goes on beyond its edge as it ends there: a line stays narrow.
    """
    # The shape is a 2×2 square grown by a cross, so both steps are done one by one.
    square = np.pad(background, _FRAME, mode="edge")
    axes = range(background.ndim)
    for axis in axes:
        before, after = _neighbours(square, axis)
        before &= after
    fits = square.copy()
    for axis in axes:
        (before, after), (fits_before, fits_after) = (
            _neighbours(square, axis),
            _neighbours(fits, axis),
        )
        fits_after &= before
        fits_before &= after
    wide = fits.copy()
    for axis in axes:
        (before, after), (wide_before, wide_after) = (
            _neighbours(fits, axis),
            _neighbours(wide, axis),
        )
        wide_after |= before
        wide_before |= after
    for axis in axes:
        before, after = _neighbours(wide, axis)
        after |= before
    narrow: NDArray[np.bool_] = background & ~_inside(wide)
    return narrow


def _neighbours(
    array: NDArray[np.bool_], axis: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return views of all but the last and of all but the first along an axis."""
    front: list[slice] = [slice(None)] * array.ndim
    back = list(front)
    front[axis], back[axis] = slice(None, -1), slice(1, None)
    return array[tuple(front)], array[tuple(back)]


def _number_by_row(
    labels: NDArray[np.int32],
) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """Renumber objects 1, 2, … by their first pixel in row-by-row order."""
    found = [np.zeros(0, labels.dtype)]
    for part, _ in strips(labels):
        rows = labels[part]
        begins = rows > 0
        begins[..., 1:] &= rows[..., 1:] != rows[..., :-1]
        numbers, places = np.unique(rows[begins], return_index=True)
        found.append(numbers[np.argsort(places)])
    in_turn = np.concatenate(found)
    numbers, places = np.unique(in_turn, return_index=True)
    dtype = label_dtype(len(numbers))
    renumbered = np.zeros(numbers.max(initial=0) + 1, dtype)
    renumbered[in_turn[np.sort(places)]] = np.arange(1, len(numbers) + 1, dtype=dtype)
    numbered = np.empty(labels.shape, dtype)
    for part, _ in strips(labels):
        numbered[part] = renumbered[labels[part]]
    return numbered
