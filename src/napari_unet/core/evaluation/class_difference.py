"""Where predicted classes of pixels differ from the true ones."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.evaluation.overlap import check_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Difference(IntEnum):
    """What became of a pixel; also its value in a map of differences."""

    AGREE = 1
    FALSE = 2
    MISSED = 3
    CONFUSED = 4


def map_difference(
    predicted: NDArray[Any],
    true: NDArray[Any],
    *,
    known: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Tell for every pixel whether its class is right.

    Parameters
    ----------
    predicted, true : ndarray of int, shape ([Z,] Y, X)
        Class of each pixel; 0 is background.
    known : ndarray of bool, shape ([Z,] Y, X), optional
        Which pixels count; by default all.

    Returns
    -------
    ndarray of uint8, shape of `true`
        AGREE where both have the same class, other than background; FALSE and MISSED
        where only the prediction or only the truth is not background; CONFUSED where
        both have a class, and not the same; 0 elsewhere.

    Raises
    ------
    InputError
        If the arrays do not cover the same ground, or do not hold classes.

    Examples
    --------
    >>> map_difference(np.array([[0, 1, 1, 0, 2]]), np.array([[0, 1, 0, 1, 1]]))
    array([[0, 1, 2, 3, 4]], dtype=uint8)
    """
    check_pair(predicted, true, known)
    seen, there = predicted > 0, true > 0
    found = np.select(
        [seen & ~there, there & ~seen, predicted != true, there],
        [Difference.FALSE, Difference.MISSED, Difference.CONFUSED, Difference.AGREE],
        default=0,
    ).astype(np.uint8)
    return found if known is None else np.where(known, found, np.uint8(0))
