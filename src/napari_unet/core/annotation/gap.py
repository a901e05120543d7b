"""How wide the gap between the two nearest objects is at each pixel.

The border-distance term of the U-Net paper needs d1 + d2, the distances to the nearest
and to the second-nearest object. One distance transform per object would take a time
that grows with their number. Here it takes a handful, however many there are:

1. Objects close enough to matter to one another get different colours, by first fit.
2. There are n sets, and a colour stands for k of them: an object belongs to the k sets
   of its colour. Two colours never stand for the same k, so neither of two close
   objects is in all the sets of the other. Four sets make six colours, twelve 924.
3. The distances to the n sets are computed. At a pixel, the k sets of the nearest
   object are d1 away; no other set contains it, and one of them contains the
   second-nearest object. So in order of size the first distance is d1 and the one
   after k is d2, ties included.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations, islice, product
from math import comb
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.memory import is_memory_shortage

# Edge of a tile's interior: a few arrays of a tile fit a processor's cache.
_TILE_EDGE = {1: 2**18, 2: 512, 3: 160}
# Each thread holds the arrays of a tile: about 20 MB in 2D, some hundred in 3D.
_MAX_THREADS = 4
# Up to so many pixels of reach, comparing neighbours beats SciPy's transform, and the
# squared distances (the reach and one more, plus the reach) fit 16 bits.
_MAX_STEPS = 180
# Colours are given on a grid with this many cells per reach, and of this many pixels.
_CELLS_PER_REACH = 7
_MIN_CELL = 4


def measure_gap(
    labels: NDArray[np.integer],
    reach: float,
    *,
    pixel_size: Sequence[float],
    where: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return the distance to the nearest plus that to the second-nearest object.

    Distances run between pixel centres: to an adjacent pixel it is one pixel, inside
    an object 0.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        Any numbers, not below 0, in any order; an object may be in several pieces.
    reach : float
        Up to which sum the result is wanted, in the unit of `pixel_size`.
    pixel_size : sequence of float, one per axis
        Edge lengths of a pixel.
    where : ndarray of bool, shape of `labels`
        The pixels whose result is wanted.

    Returns
    -------
    ndarray of float32, shape of `labels`
        In the unit of `pixel_size`; infinite where the sum exceeds `reach`, or where it
        is not wanted.

    Notes
    -----
    If d1 + d2 does not exceed the reach at some pixel, the two objects are not farther
    apart than the reach. Therefore only such pairs need different colours, and a part
    of the image grown by the reach gives the same result as the whole.
    """
    gap = np.full(labels.shape, np.inf, np.float32)
    unit = min(pixel_size)
    metric = _Metric(tuple(size / unit for size in pixel_size), reach / unit)
    labels = _with_small_numbers(labels)
    boxes = ndimage.find_objects(labels)
    numbers = [number for number, box in enumerate(boxes, start=1) if box is not None]
    colours = _colour_objects(
        [boxes[number - 1] for number in numbers], labels.shape, metric.steps
    )
    if len(set(colours)) < 2:  # no two objects are close
        return gap
    sets = _Sets.for_colours(max(colours) + 1)
    members = np.zeros(len(boxes) + 1, sets.members.dtype)
    members[numbers] = sets.members[colours]

    def fill(interior: tuple[slice, ...]) -> None:
        if not where[interior].any():
            return
        window, inner = _grow(interior, metric.steps, labels.shape)
        ranked = _rank_distances(members[labels[window]], sets, metric, inner)
        through = np.sqrt(ranked[0], dtype=np.float32)
        through += np.sqrt(ranked[-1], dtype=np.float32)
        wanted = where[interior] & (through <= metric.reach)
        gap[interior][wanted] = through[wanted] * np.float32(unit)

    interiors = list(_interiors(labels.shape, metric.steps))
    try:  # NumPy lets other threads run while it works on an array
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS)) as threads:
            list(threads.map(fill, interiors))
    except RuntimeError as error:
        if not is_memory_shortage(error):
            raise
        for interior in interiors:  # no room for the stack of a thread
            fill(interior)
    return gap


@dataclass(frozen=True, slots=True)
class _Metric:
    """How distances are measured, with the shortest edge of a pixel as the unit."""

    pixel_size: tuple[float, ...]
    reach: float

    @property
    def steps(self) -> tuple[int, ...]:
        """How many pixels the reach is along each axis."""
        return tuple(int(self.reach / size) for size in self.pixel_size)

    @property
    def is_short(self) -> bool:
        """Whether it pays to look at all neighbours."""
        return max(self.steps) <= _MAX_STEPS

    @property
    def dtype(self) -> type[np.uint16 | np.float32]:
        """Number format of squared distances, exact for square pixels."""
        square = all(size == 1 for size in self.pixel_size)
        return np.uint16 if square and self.is_short else np.float32


@dataclass(frozen=True, slots=True)
class _Sets:
    """Which of `count` sets each colour stands for: always `chosen` of them."""

    count: int
    chosen: int
    members: NDArray[np.unsignedinteger]  # (colours,); bit i stands for set i

    @classmethod
    def for_colours(cls, colours: int) -> Self:
        """Choose as few sets as will do."""
        count = 1
        while comb(count, count // 2) < colours:
            count += 1
        chosen = combinations(range(count), count // 2)
        members = [sum(1 << i for i in some) for some in islice(chosen, colours)]
        return cls(
            count, count // 2, np.array(members, np.min_scalar_type(2**count - 1))
        )


def _with_small_numbers(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """Renumber objects whose numbers are too large for a look-up table."""
    if labels.max() <= labels.size:
        return labels
    _, inverse = np.unique(np.append(labels, 0), return_inverse=True)
    return inverse[:-1].reshape(labels.shape)


def _colour_objects(
    boxes: Sequence[tuple[slice, ...]], shape: Sequence[int], steps: Sequence[int]
) -> list[int]:
    """Give different colours (0, 1, ...) to objects not farther apart than the reach.

    Each box is grown by half the reach and entered on a coarse grid. Objects whose
    boxes share a cell get different colours: all the close ones, and some more.
    """
    cells = [max(_MIN_CELL, step / _CELLS_PER_REACH) for step in steps]
    # One bit per colour, in words of 64; there are as many words as it takes.
    taken = np.zeros(
        (1, *(int(n / c) + 1 for n, c in zip(shape, cells, strict=True))), "<u8"
    )
    axes = tuple(range(1, taken.ndim))
    colours = []
    for box in boxes:
        # Halves add up to the reach, rounded up: `steps` is rounded down.
        here = tuple(
            slice(
                max(0, int((axis.start - (step + 1) / 2) / cell)),
                int((axis.stop - 1 + (step + 1) / 2) / cell) + 1,
            )
            for axis, step, cell in zip(box, steps, cells, strict=True)
        )
        words = np.bitwise_or.reduce(taken[(slice(None), *here)], axis=axes)
        bits = int.from_bytes(words.tobytes(), "little")
        colour = (~bits & (bits + 1)).bit_length() - 1  # the lowest bit not set
        word, bit = divmod(colour, 64)
        if word == len(taken):
            taken = np.concatenate([taken, np.zeros_like(taken[:1])])
        taken[word][here] |= np.uint64(1 << bit)
        colours.append(colour)
    return colours


def _interiors(
    shape: Sequence[int], steps: Sequence[int]
) -> Iterator[tuple[slice, ...]]:
    """Cut an image into boxes that are large compared to the reach."""
    edges = [max(_TILE_EDGE[min(len(shape), 3)], 8 * step) for step in steps]
    starts = [range(0, size, edge) for size, edge in zip(shape, edges, strict=True)]
    for corner in product(*starts):
        yield tuple(
            slice(start, min(start + edge, size))
            for start, edge, size in zip(corner, edges, shape, strict=True)
        )


def _grow(
    interior: Sequence[slice], steps: Sequence[int], shape: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the window of an interior, and where the interior lies in it."""
    window = tuple(
        slice(max(0, axis.start - step), min(axis.stop + step, size))
        for axis, step, size in zip(interior, steps, shape, strict=True)
    )
    inner = tuple(
        slice(axis.start - outer.start, axis.stop - outer.start)
        for axis, outer in zip(interior, window, strict=True)
    )
    return window, inner


def _rank_distances(
    members: NDArray[np.unsignedinteger],
    sets: _Sets,
    metric: _Metric,
    inner: tuple[slice, ...],
) -> list[NDArray[np.generic]]:
    """Return the smallest squared distances to the sets in order, `chosen` and one."""
    ranked: list[NDArray[np.generic]] = []
    for i in range(sets.count):
        distance = _squared_distance((members & (1 << i)) != 0, metric)[inner]
        for rank, smaller in enumerate(ranked):
            ranked[rank] = np.minimum(smaller, distance)
            distance = np.maximum(smaller, distance)
        if len(ranked) <= sets.chosen:
            ranked.append(distance)
    return ranked


def _squared_distance(
    member: NDArray[np.bool_], metric: _Metric
) -> NDArray[np.generic]:
    """Return each pixel's squared distance to the nearest member.

    It is right up to the reach; beyond, it is only sure to exceed the reach.
    """
    if not metric.is_short:
        if not member.any():
            return np.full(member.shape, np.inf, np.float32)
        far = ndimage.distance_transform_edt(~member, metric.pixel_size)
        squared: NDArray[np.float32] = np.square(far).astype(np.float32)
        return squared

    # Along the last axis the distance itself, in pixels.
    step = metric.steps[-1]
    values = np.where(member, metric.dtype(0), metric.dtype(step + 1))
    work = np.empty_like(values)
    covered = 0
    while covered < step:
        # Shifts of 1, 2, 4, ... and a rest add up to any number up to the reach.
        shift = min(covered + 1, step - covered)
        _lower(values, values, shift, shift, -1, work)
        covered += shift
    values *= metric.dtype(metric.pixel_size[-1])
    values *= values
    # Along the others, the squares of Pythagoras.
    for axis in range(member.ndim - 1):
        source = values.copy()
        for shift in range(1, metric.steps[axis] + 1):
            cost = (shift * metric.pixel_size[axis]) ** 2
            if shift % 8 == 0 and cost >= values.max():  # nothing left to lower
                break
            _lower(values, source, shift, cost, axis, work)
    return values


def _lower(
    values: NDArray[np.generic],
    source: NDArray[np.generic],
    shift: int,
    cost: float,
    axis: int,
    work: NDArray[np.generic],
) -> None:
    """Lower `values` to those of `source` `shift` pixels away plus `cost`, in place."""
    if shift >= values.shape[axis]:
        return
    np.add(source, values.dtype.type(cost), out=work)
    head = (slice(None),) * (axis % values.ndim) + (slice(None, -shift),)
    tail = (*head[:-1], slice(shift, None))
    np.minimum(values[tail], work[head], out=values[tail])
    np.minimum(values[head], work[tail], out=values[head])
