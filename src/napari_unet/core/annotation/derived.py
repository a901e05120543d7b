"""What can be made of labels beside a weight map: distances, borders, counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.annotation.sampling import sampling_density
from napari_unet.core.annotation.target import (
    Region,
    check_labels,
    make_target,
    split_components,
)
from napari_unet.core.annotation.weight_map import compute_weight_map
from napari_unet.core.config import AnnotationKind, SamplingConfig, WeightMapConfig


def distance_map(
    labels: NDArray[np.generic], pixel_size: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """Return how far each pixel is from the outline of an object.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        One number per object; 0 is background.
    pixel_size : sequence of float, one per axis, optional
        Edge lengths of a pixel; by default 1, then distances are in pixels.

    Returns
    -------
    ndarray of float32, shape of `labels`
        Between pixel centres. On background, the distance to the nearest object, d1 of
        the weight map: 1 beside it. Inside an object, below 0: to the nearest pixel
        that is not of this object, so that touching objects stay apart. What lies
        beyond the image does not count; infinite where there is nothing to measure to.

    Examples
    --------
    >>> distance_map(np.array([[0, 0, 1, 1, 1, 2, 2]]))
    array([[ 2.,  1., -1., -2., -1., -1., -2.]], dtype=float32)
    """
    labels = check_labels(labels)
    outside = labels == 0
    if outside.all():
        return np.full(labels.shape, np.inf, np.float32)
    distances = ndimage.distance_transform_edt(outside, sampling=pixel_size)
    numbers, compact = np.unique(labels, return_inverse=True)
    first = 0 if numbers[0] > 0 else 1
    compact = compact.reshape(labels.shape) + (1 - first)
    boxes = ndimage.find_objects(compact.astype(np.int32))
    for number, box in enumerate(boxes, start=1):
        # One pixel more on each side, so that what surrounds the object is seen.
        grown = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        own = compact[grown] == number
        inside = np.full(own.shape, np.inf)
        if not own.all():
            inside = ndimage.distance_transform_edt(own, sampling=pixel_size)
        distances[grown][own] = -inside[own]
    found: NDArray[np.float32] = distances.astype(np.float32)
    return found


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How much of one class there is.

    Parameters
    ----------
    pixels : int
        That are known.
    objects : int
        Objects, or pieces connected by edges where the numbers are classes; 0 for
        background.
    """

    pixels: int
    objects: int


def count_labels(
    labels: NDArray[np.generic],
    *,
    kind: AnnotationKind = "objects",
    ignore_label: int | None = None,
) -> dict[int, ClassCount]:
    """Count pixels and objects of each class, background (0) included.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        What was painted.
    kind : str
        Whether the numbers are objects, all of class 1, or classes.
    ignore_label : int, optional
        Pixels with this number do not count.

    Examples
    --------
    >>> count_labels(np.array([[0, 0, 4, 4, 7]]))
    {0: ClassCount(pixels=2, objects=0), 1: ClassCount(pixels=3, objects=2)}
    """
    labels = check_labels(labels)
    known = (
        np.ones(labels.shape, bool)
        if ignore_label is None
        else (labels != ignore_label)
    )
    counts = {0: ClassCount(int(((labels == 0) & known).sum()), 0)}
    painted = np.where(known, labels, 0)
    if kind == "objects":
        numbers = np.unique(painted[painted > 0])
        counts[1] = ClassCount(int((painted > 0).sum()), len(numbers))
        return counts
    for number in np.unique(painted[painted > 0]).tolist():
        own = painted == number
        counts[number] = ClassCount(int(own.sum()), int(split_components(own).max()))
    return counts


MapName = Literal["weight map", "separation border", "patch density", "distance map"]


def derive_map(
    name: MapName,
    annotation: NDArray[np.integer],
    weights: WeightMapConfig,
    sampling: SamplingConfig,
    *,
    regions: Sequence[Region] = (),
    ignore_label: int | None = None,
    kind: AnnotationKind = "objects",
    classes: int = 2,
    pixel_size: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Return what a training makes of an annotation, to look at.

    Parameters
    ----------
    name : str
        ``weight map``: see `compute_weight_map`, balanced over this annotation.
        ``separation border``: 1 where objects are cut apart. ``patch density``: how
        often a pixel is the centre of a patch. ``distance map``: see `distance_map`,
        but 0 where nothing is painted.
    annotation : ndarray of int, shape ([Z,] Y, X)
        What was painted.
    weights, sampling : WeightMapConfig, SamplingConfig
        The settings of the training.
    regions : sequence of Region
        Where the annotation is complete.
    ignore_label : int, optional
        Pixels with this number are unknown.
    kind : str
        Whether the numbers are objects or classes, which are never cut apart.
    classes : int
        How many there are, background included.
    pixel_size : sequence of float, one per axis, optional
        Edge lengths of a pixel in the unit of the distances; by default 1.

    Returns
    -------
    ndarray of float32, shape of `annotation`
    """
    target = make_target(
        annotation,
        kind=kind,
        classes=classes,
        regions=regions,
        ignore_label=ignore_label,
        separation_border=weights.separation_border,
    )
    if name == "separation border":
        cut: NDArray[np.bool_] = (target.labels > 0) & (target.classes == 0)
        return cut.astype(np.float32)
    if name == "distance map":
        distances = distance_map(target.labels, pixel_size)
        distances[~np.isfinite(distances)] = 0
        return distances
    map_ = compute_weight_map(target, weights, pixel_size=pixel_size)
    if name == "weight map":
        return map_
    return sampling_density(target.classes, map_ > 0, sampling)
