"""How large objects are: diameters of circles of the same area."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.target import Example, Region, mark_known

# With so many whole objects, those that an edge cuts are left out.
_ENOUGH = 3


def measure_diameters(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the diameter of each object in a plane, in pixels.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        One number per object, 0 is background.

    Returns
    -------
    ndarray of float, shape (N,)
        Of the circle with as many pixels. Objects that touch the edge of the plane are
        left out, unless fewer than three others remain.
    """
    if labels.max(initial=0) > labels.size:  # too far apart to count by number
        numbers, places = np.unique(labels, return_inverse=True)
        labels = places.reshape(labels.shape) + int(numbers[0] > 0)
    areas = np.bincount(labels.ravel())
    areas[:1] = 0  # background
    whole = areas.copy()
    whole[labels[[0, -1]]] = 0
    whole[labels[:, [0, -1]]] = 0
    if (whole > 0).sum() >= _ENOUGH:
        areas = whole
    diameters: NDArray[np.float64] = 2 * np.sqrt(areas[areas > 0] / np.pi)
    return diameters


def measure_annotated(example: Example) -> NDArray[np.float64]:
    """Return the diameter of each annotated object, in pixels of the image.

    Parameters
    ----------
    example : Example
        Of objects in a plane; only what lies in its regions counts, if it has any.
    """
    parts = _within(keep_known(example), example.regions)
    return np.concatenate([measure_diameters(part) for part in parts])


def keep_known(example: Example) -> NDArray[np.integer]:
    """Return the labels with 0 outside the regions, and where they say 'ignore'."""
    labels = example.annotation
    known = mark_known(labels.shape, example.regions)
    if example.ignore_label is not None:
        known &= labels != example.ignore_label
    return np.where(known, labels, 0)


def _within(
    labels: NDArray[np.integer], regions: Sequence[Region]
) -> list[NDArray[np.integer]]:
    """Return the ground of each region; all of it where there is none."""
    return [labels[region.box] for region in regions] or [labels]
