"""How sure a model is of each object it has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def object_confidences(
    labels: NDArray[Any], foreground: NDArray[np.floating]
) -> dict[int, float]:
    """Return the mean probability of the pixels of each object.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        Objects; 0 is background.
    foreground : ndarray of float, same shape
        Probability of being in an object, from 0 to 1.

    Returns
    -------
    dict of int to float
        By the number of the object.

    Examples
    --------
    >>> object_confidences(np.array([[1, 1, 0, 3]]), np.array([[1, 0.5, 0, 0.25]]))
    {1: 0.75, 3: 0.25}
    """
    inside = labels > 0
    numbers, which = np.unique(labels[inside], return_inverse=True)
    sums = np.bincount(which, foreground[inside], minlength=len(numbers))
    means = sums / np.bincount(which, minlength=len(numbers))
    return dict(zip(numbers.tolist(), means.tolist(), strict=True))
