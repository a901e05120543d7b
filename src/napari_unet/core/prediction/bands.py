"""Large label images worked on band by band, so that little memory is needed at once.

A band is a window of rows that holds some objects completely; each object belongs to
one band. What depends on single objects and their surroundings comes out the same in a
band as in the whole image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_unet.core.prediction.waist import (
    climb_and_join,
    mean_distance,
    smooth_height,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

# Pixels of a band, about: with what is around them they need some 150 MB at once.
BAND_PIXELS = 2_000_000
# Rows around a band where the nearest background is looked for at first.
_HALO = 32
# Farther rows have no part in a smoothed height.
_SMOOTHING_ROWS = 4


def strips(array: NDArray[Any], halo: int = 0) -> Iterator[tuple[slice, slice]]:
    """Yield parts of the first axis of an array, and each with a halo around it."""
    length = len(array)
    step = max(1, BAND_PIXELS * length // max(1, array.size))
    for start in range(0, length, step):
        stop = min(start + step, length)
        yield slice(start, stop), slice(max(0, start - halo), min(stop + halo, length))


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The bands of a plane of labels that has a frame of background.

    Parameters
    ----------
    windows : list of slice
        Rows of each band, with at least one row around its objects.
    band_of : ndarray of int, one per label
        Which band an object belongs to; -1 for background and for numbers that are
        none.
    """

    windows: list[slice]
    band_of: NDArray[np.int32]

    @classmethod
    def of(cls, labels: NDArray[np.int32]) -> Bands:
        """Return the bands of labels (Y, X)."""
        extents = ndimage.find_objects(labels)
        rows = np.array(
            [
                (0, 0) if each is None else (each[0].start, each[0].stop)
                for each in extents
            ],
            np.int64,
        ).reshape(-1, 2)
        height = max(1, BAND_PIXELS // labels.shape[1])
        band_of = np.full(len(rows) + 1, -1, np.int32)
        windows: list[slice] = []
        for start in range(0, len(labels), height):
            begins = (rows[:, 0] >= start) & (rows[:, 0] < start + height)
            own = np.flatnonzero(begins & (rows[:, 1] > 0))
            if len(own):
                band_of[own + 1] = len(windows)
                first, last = int(rows[own, 0].min()), int(rows[own, 1].max())
                windows.append(slice(first - 1, last + 1))
        return cls(windows, band_of)


def split_by_bands(
    labels: NDArray[np.int32],
    clear_waist: float,
    min_size: int,
    above: Callable[[float, slice], NDArray[np.bool_]],
    thresholds: tuple[float, ...],
) -> None:
    """Do in place, band by band, what `split_at_waists` does.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        With a frame of background.
    clear_waist, min_size
        See `split_at_waists`.
    above : callable
        Given a threshold and rows, which of their pixels are above it.
    thresholds : tuple of float
        Of the cores.
    """
    bands = Bands.of(labels)
    middles: list[NDArray[np.intp]] = []
    count = 0
    for number, rows in enumerate(bands.windows):
        window = labels[rows]
        # Objects that are done have negative numbers.
        known = np.maximum(window, 0)
        own = np.where(bands.band_of[known] == number, known, 0)
        height = _measure_rows(labels, rows, above, thresholds)
        split, summits = climb_and_join(own, height, clear_waist, min_size)
        np.copyto(window, -(split + count), where=own > 0)
        middles.append(summits + rows.start * labels.shape[1])
        count += len(summits)
    # Numbered by their highest pixels, as in one piece.
    order = np.argsort(np.concatenate([np.zeros(0, np.intp), *middles]))
    numbers = np.zeros(count + 1, np.int32)
    numbers[order + 1] = np.arange(1, count + 1, dtype=np.int32)
    for part, _ in strips(labels):
        labels[part] = numbers[-labels[part]]


def _measure_rows(
    labels: NDArray[np.int32],
    rows: slice,
    above: Callable[[float, slice], NDArray[np.bool_]],
    thresholds: tuple[float, ...],
) -> NDArray[np.float32]:
    """Return the height of some rows, exactly as in the whole image.

    Further rows are looked at until none beyond them can matter.
    """
    near = _around(rows, _SMOOTHING_ROWS, len(labels))
    halo = _HALO
    while True:
        far = _around(near, halo, len(labels))
        objects = labels[far] != 0
        masks, unsure = [objects], np.zeros(len(objects), bool)
        for threshold in thresholds:
            core, rows_unsure = _fill(above(threshold, far) & objects)
            masks.append(core & objects)
            unsure |= rows_unsure
        inner = slice(near.start - far.start, near.stop - far.start)
        mean, highest = mean_distance(masks, inner)
        reach = int(np.ceil(highest))
        seen = _around(inner, reach, len(objects))
        is_all = len(objects) == len(labels)
        if is_all or (reach <= halo and not unsure[seen].any()):
            height = smooth_height(mean)
            return height[rows.start - near.start : rows.stop - near.start]
        halo *= 2


def _around(rows: slice, halo: int, length: int) -> slice:
    return slice(max(0, rows.start - halo), min(length, rows.stop + halo))


def _fill(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Fill the holes of a mask that are seen completely.

    Also returned is in which rows there is background of which the cut-off rows leave
    open whether it is a hole.
    """
    background, count = ndimage.label(~mask)
    is_open = np.zeros(count + 1, bool)
    is_open[background[:, 0]] = is_open[background[:, -1]] = True
    is_cut = np.zeros(count + 1, bool)
    is_cut[background[0]] = is_cut[background[-1]] = True
    is_open[0] = is_cut[0] = False
    unsure = is_cut & ~is_open
    rows = unsure[background].any(axis=1) if unsure.any() else np.zeros(len(mask), bool)
    return ~(is_open | is_cut)[background], rows
