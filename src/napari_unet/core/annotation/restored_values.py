"""Class maps in the numbers that the user's own label images hold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.class_values import COLOUR, read_value


def restore_values(
    classes: NDArray[np.integer], class_values: Sequence[int | str]
) -> NDArray[np.integer]:
    """Return the value that stands for the class of each pixel.

    Parameters
    ----------
    classes : ndarray of int
        Numbers of classes.
    class_values : sequence of int or str
        See `ModelSettings.class_values`. Where there are none, or where they are
        colours, which are no numbers, the classes stay as they are.

    Returns
    -------
    ndarray of uint8, uint16 or uint32, or `classes` itself

    Examples
    --------
    >>> restore_values(np.array([[0, 1, 2]]), (0, 128, 255))
    array([[  0, 128, 255]], dtype=uint8)
    """
    if not has_values(class_values):
        return classes
    values = [read_value(value) for value in class_values]
    table = np.array(values, np.min_scalar_type(max(values)))
    restored: NDArray[np.integer] = table[classes]
    return restored


def has_values(class_values: Sequence[int | str]) -> bool:
    """Tell whether the labels held numbers other than those of the classes."""
    return any(read_value(value) < COLOUR for value in class_values)
