"""Stacks with depth and time: one axis of planes inside, two outside.

Inside, the time points follow each other along Z: all depths of the first, then all of
the next; every plane is a frame. Files and layers have an axis for each.
"""

import numpy as np
from numpy.typing import NDArray


def unfold_times(array: np.ndarray, times: int) -> np.ndarray:
    """Return (..., T * Z, Y, X) as (..., T, Z, Y, X); itself for a single time point.

    Examples
    --------
    >>> unfold_times(np.zeros((6, 4, 5)), 2).shape
    (2, 3, 4, 5)
    """
    if times == 1:
        return array
    *front, planes, rows, columns = array.shape
    return array.reshape(*front, times, planes // times, rows, columns)


def fold_times(array: np.ndarray) -> np.ndarray:
    """Return labels (T, Z, Y, X) as a stack (T * Z, Y, X); others as they are."""
    return array.reshape(-1, *array.shape[-2:]) if array.ndim == 4 else array


def unfold_positions(positions: NDArray[np.float64], depth: int) -> NDArray[np.float64]:
    """Return positions (N, 3) in a stack of time points as (N, 4): T, Z, Y, X.

    Parameters
    ----------
    positions : ndarray of float, shape (N, 3)
        Z runs through all time points.
    depth : int
        Planes of one time point.

    Examples
    --------
    >>> unfold_positions(np.array([[4.0, 7.5, 8.5]]), 3)
    array([[1. , 1. , 7.5, 8.5]])
    """
    times = np.round(positions[:, 0]) // depth
    return np.column_stack([times, positions[:, 0] - times * depth, positions[:, 1:]])


def fold_positions(positions: NDArray[np.float64], depth: int) -> NDArray[np.float64]:
    """Return positions (N, 4) as (N, 3): the reverse of `unfold_positions`."""
    planes = np.round(positions[:, 0]) * depth + positions[:, 1]
    return np.column_stack([planes, positions[:, 2:]])
