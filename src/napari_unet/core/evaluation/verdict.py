"""What became of each object: found, missed, split or merged; and who was invented."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_unet.core.evaluation.overlap import Overlap


class ErrorKind(IntEnum):
    """What became of an object; also the value of its pixels in an error map."""

    FOUND = 1
    MISSED = 2
    FALSE = 3
    SPLIT = 4
    MERGED = 5


def judge(
    overlap: Overlap,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell for every object of two label images what became of it.

    Returns
    -------
    kinds : ndarray of uint8, one per true object
        `ErrorKind`; see `map_errors` for what each means.
    found : ndarray of bool, one per pair
        Which pairs found each other.
    is_false : ndarray of bool, one per predicted object
        Which none of the true ones needs.
    """
    true, predicted = overlap.pairs.T
    covers = 2 * overlap.shared > overlap.true_sizes
    inside = 2 * overlap.shared > overlap.predicted_sizes
    found = covers & inside & (2 * overlap.shared >= overlap.union)

    covered = np.bincount(predicted[covers], minlength=len(overlap.predicted.ids))
    merged = covers & (covered[predicted] >= 2)

    count = len(overlap.true.ids)
    pieces = np.bincount(true[inside], minlength=count)
    area = np.bincount(true[inside], overlap.shared[inside], count)
    is_split = (pieces >= 2) & (2 * area > overlap.true.sizes)

    kinds = np.full(count, ErrorKind.MISSED, np.uint8)
    kinds[is_split] = ErrorKind.SPLIT
    kinds[true[merged]] = ErrorKind.MERGED
    kinds[true[found]] = ErrorKind.FOUND

    is_false = np.ones(len(overlap.predicted.ids), bool)
    piece = inside & (kinds[true] == ErrorKind.SPLIT)
    is_false[predicted[found | merged | piece]] = False
    return kinds, found, is_false
