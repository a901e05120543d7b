"""Mistakes in pairs of images, of which one is to be predicted from the other."""

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.finding import Finding
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, check_contrast

# In labels, neighbours on objects are equal but for where objects touch.
_ALIKE = 0.9


def look_like_labels(values: NDArray[np.generic]) -> bool:
    """Tell whether a target holds labels of objects or classes, not grey values.

    Labels are whole numbers on a background of 0, and nearly the same everywhere on an
    object.

    Parameters
    ----------
    values : ndarray, shape (T, [Z,] Y, X)
        The target.

    Examples
    --------
    >>> labels = np.repeat(np.array([[[0, 1, 0, 2]]]), 20, axis=2)
    >>> look_like_labels(labels), look_like_labels(np.arange(80).reshape(1, 1, 80))
    (True, False)
    """
    if len(values) != 1 or values.dtype.kind not in "bui" or values.all():
        return False
    left, right = values[..., :-1], values[..., 1:]
    inside = (left != 0) & (right != 0)
    return bool(inside.any() and (left == right)[inside].mean() > _ALIKE)


def find_target_faults(image: Image, target: Image) -> list[Finding]:
    """Look for mistakes in an image and the one to predict from it.

    Parameters
    ----------
    image, target : Image
        Of one shape; that is checked where they become a pair.

    Returns
    -------
    list of Finding
        Errors first; empty where nothing was found.
    """
    found = []
    for each in (image, target):
        try:
            check_contrast(each)
        except InputError as error:
            found.append(Finding("error", str(error)))
    if look_like_labels(target.array):
        text = (
            f"The target '{target.name}' looks like labels, not like grey values. If "
            "it holds objects or classes, learn these (on the command line: without "
            "--annotation values; in the dock: Learn under Annotate)."
        )
        found.append(Finding("warning", text))
    return found
