"""From probabilities to points: where objects are, of which class, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_unet.core.prediction.segment import Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Detected points.

    Parameters
    ----------
    positions : ndarray of float64, shape (N, 2) or (N, 3)
        (Y, X) or (Z, Y, X) in pixels of the image; the centre of the first pixel is 0.
    classes : ndarray of int, shape (N,)
        As the model numbers them, from 1 on.
    confidence : ndarray of float64, shape (N,)
        Mean probability of the class over the pixels that say so.
    """

    positions: NDArray[np.float64]
    classes: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.classes)


def detect_points(
    probabilities: NDArray[np.floating], config: ObjectConfig | None = None
) -> Detections:
    """Return the points in a plane or a volume of class probabilities.

    A pixel belongs to an object if its probability of being one reaches the threshold;
    with two classes and 0.5 that is the most probable class. Each 4-connected piece (in
    a volume, 6-connected) is a point, of the class that is most probable over all its
    pixels, at the centre of mass weighted by the probability of that class. Falk et al.
    (2019) take the pieces of each class instead, so an object that looks like two
    classes is two points there.

    Parameters
    ----------
    probabilities : ndarray of float, shape (K, [Z,] Y, X)
        Class 0 is background.
    config : ObjectConfig, optional
        `threshold`; pieces smaller than `min_size` do not count. By default, 0.5 and 1.

    Raises
    ------
    InputError
        If there are no classes, or not two or three axes of pixels.

    Examples
    --------
    >>> spot = np.array([[0, 0.6, 0.9, 0.6, 0]])
    >>> found = detect_points(np.stack([1 - spot, spot])[:, :, :])
    >>> found.positions, found.confidence
    (array([[0., 2.]]), array([0.7]))
    """
    config = config or ObjectConfig(min_size=1)
    if probabilities.ndim not in (3, 4) or len(probabilities) < 2:
        raise InputError(
            "Points are found in an array (K, Y, X) or (K, Z, Y, X) of two or more "
            f"classes; this one has the shape {probabilities.shape}."
        )
    labels, count = ndimage.label(1 - probabilities[0] >= config.threshold)
    pixels = np.nonzero(labels)
    piece = labels[pixels] - 1
    sizes = np.bincount(piece, minlength=count)
    kept = sizes >= config.min_size
    of_classes = probabilities[1:][:, labels > 0].astype(np.float64)
    sums = np.stack([np.bincount(piece, values, count) for values in of_classes])
    best = sums.argmax(axis=0)
    weights = of_classes[best[piece], np.arange(len(piece))]
    total = np.bincount(piece, weights, count)
    centres = [np.bincount(piece, weights * axis, count) / total for axis in pixels]
    return Detections(
        positions=np.stack(centres, axis=1)[kept],
        classes=best[kept] + 1,
        confidence=(total / sizes)[kept],
    )


def make_points(
    segmentation: Segmentation, config: ObjectConfig | None = None
) -> Detections:
    """Turn predicted probabilities into points of the whole image.

    Plane by plane, unless a 3D model saw the planes together.

    Parameters
    ----------
    segmentation : Segmentation
        What `segment` returned; of a part of an image, too.
    config : ObjectConfig, optional
        See `detect_points`; normally the model's own.

    Returns
    -------
    Detections
        (Y, X), or (Z, Y, X) of a stack, in pixels of the whole image.
    """
    return locate_points(
        segmentation.probabilities,
        segmentation.box,
        segmentation.planes,
        config,
        volume=segmentation.volume,
    )


def locate_points(
    probabilities: NDArray[np.floating],
    box: tuple[slice, slice],
    planes: Sequence[int] | None,
    config: ObjectConfig | None = None,
    *,
    volume: bool = False,
) -> Detections:
    """Return the points of a box of an image, or of some planes of a stack.

    Parameters
    ----------
    probabilities : ndarray of float, shape (K, Y, X) or (K, Z, Y, X)
        Of the box and the planes only.
    box : tuple of slice
        Where they lie in each plane.
    planes : sequence of int or None
        Their indices; None for a single image.
    config : ObjectConfig, optional
        See `detect_points`.
    volume : bool
        Whether objects reach through the planes, which are then all of one block.
    """
    corner = np.array([part.start for part in box], float)
    if planes is None:
        found = detect_points(probabilities, config)
        return Detections(found.positions + corner, found.classes, found.confidence)
    if volume:
        corner = np.array([planes[0], *corner])
        found = detect_points(probabilities, config)
        return Detections(found.positions + corner, found.classes, found.confidence)
    each = [detect_points(plane, config) for plane in np.moveaxis(probabilities, 1, 0)]
    rows = [
        np.insert(found.positions + corner, 0, z, axis=1)
        for z, found in zip(planes, each, strict=True)
    ]
    return Detections(
        positions=np.concatenate(rows),
        classes=np.concatenate([found.classes for found in each]),
        confidence=np.concatenate([found.confidence for found in each]),
    )
