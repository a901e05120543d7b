"""Points turned into what the loss sees: disks or balls, with unknown ground around."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.separation_border import cut_separation_border
from napari_unet.core.annotation.target import Region, Target, mark_known
from napari_unet.core.errors import InputError


def draw_disks(
    positions: NDArray[np.floating],
    classes: NDArray[np.integer],
    shape: tuple[int, ...],
    *,
    radius: float = 2.0,
    regions: Sequence[Region] = (),
    seen: Sequence[Region] = (),
    ignored: NDArray[np.bool_] | None = None,
    separation_border: int = 1,
    pixel_size: Sequence[float] | None = None,
) -> Target:
    """Turn points into a target, as the U-Net plugin for Fiji does [1]_.

    Each point becomes a disk of its class, in a volume a ball. Around it, up to twice
    the radius, the ground is unknown: nobody has said where the object ends.

    Parameters
    ----------
    positions : ndarray of float, shape (N, 2) or (N, 3)
        ([Z,] Y, X) in pixels of the target; the centre of the first pixel is 0.
    classes : ndarray of int, shape (N,)
        From 1 on.
    shape : tuple of int
        ([Z,] Y, X) of the target.
    radius : float
        Of the disks, in pixels along X: a pixel belongs to one if its centre does.
    regions : sequence of Region
        Everything outside all of them is unknown; none means that everything is known.
    seen : sequence of Region
        Ground that is annotated, too, but not to be learned from.
    ignored : ndarray of bool, shape of the target, optional
        Ground to be left out.
    separation_border : int
        Width of the line of background between close points, 0 to 2 pixels.
    pixel_size : sequence of float, one per axis, optional
        Edge lengths of a pixel, that along X being 1. By default 1: in volumes, pixels
        are often longer along Z, and a ball reaches through fewer of them.

    Returns
    -------
    Target
        Its labels are the ground of each point, disk and ring: point i has the number
        i + 1. The weight map measures distances from there, and takes nothing to be
        hidden in the rings.

    Raises
    ------
    InputError
        If the radius or the pixel size is not positive, or has the wrong length.

    Notes
    -----
    Where the ground of two points overlaps, each pixel goes to the nearer one, and a
    line of known background is cut between them, in their disks as well as in their
    rings: in contrast to [1]_, no unknown ground joins close points, across which the
    network could merge them. That holds for points of different classes, too. No point
    vanishes: one that would be covered by others keeps the pixel nearest to it that is
    not the last of another.

    References
    ----------
    .. [1] Falk et al. (2019). U-Net: deep learning for cell counting, detection, and
           morphometry. Nature Methods 16. :doi:`10.1038/s41592-018-0261-2`

    Examples
    --------
    >>> target = draw_disks(np.array([[0, 3]]), np.array([1]), (1, 8), radius=1)
    >>> target.classes, target.known.astype(int)
    (array([[0, 0, 1, 1, 1, 0, 0, 0]]), array([[1, 0, 1, 1, 1, 0, 1, 1]]))
    """
    if not radius > 0:
        raise InputError(f"The radius of the points is {radius:g}; give one above 0.")
    sizes = np.ones(len(shape)) if pixel_size is None else np.array(pixel_size, float)
    if len(sizes) != len(shape) or not (sizes > 0).all():
        raise InputError(
            f"The pixel size is {tuple(sizes.tolist())}, but the target has "
            f"{len(shape)} axes; give one positive number for each."
        )
    positions = np.asarray(positions, float).reshape(-1, len(shape))
    owner, distance = _share_ground(positions, shape, 2 * radius, sizes)
    class_of = np.concatenate([[0], classes]).astype(np.int64)
    kept = cut_separation_border(owner, separation_border)
    disks = (kept > 0) & (distance <= radius)
    disks.flat[_nearest_pixels(kept, distance)] = True
    annotated = mark_known(shape, regions)
    known = annotated & ~((kept > 0) & ~disks)
    if seen:
        annotated |= mark_known(shape, seen)
    if ignored is not None:
        known &= ~ignored
        annotated &= ~ignored
    classes_drawn = np.where(disks, class_of[kept], 0)
    return Target(classes_drawn, owner, known, annotated)


def _share_ground(
    positions: NDArray[np.floating],
    shape: tuple[int, ...],
    reach: float,
    sizes: NDArray[np.floating],
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return for each pixel the number of its point, and the distance to it.

    Pixels further than `reach` from any point have none; of two points equally near,
    the earlier one has the pixel. Each point has one at least.
    """
    owner = np.zeros(shape, np.int32)
    distance = np.full(shape, np.inf)
    for number, point in enumerate(positions, start=1):
        box = tuple(
            slice(max(0, int(np.ceil(p - far))), max(0, int(p + far) + 1))
            for p, far in zip(point, reach / sizes, strict=True)
        )
        apart = _distances(point, shape, box, sizes)
        nearer = (apart <= reach) & (apart < distance[box])
        owner[box][nearer] = number
        distance[box][nearer] = apart[nearer]
    counts = np.bincount(owner.ravel(), minlength=len(positions) + 1)
    for number in np.flatnonzero(counts == 0).tolist():
        if number == 0:  # no background at all
            continue
        everywhere = (slice(None),) * len(shape)
        apart = _distances(positions[number - 1], shape, everywhere, sizes)
        apart[(owner > 0) & (counts[owner] < 2)] = np.inf
        pixel = np.unravel_index(np.argmin(apart), shape)
        counts[owner[pixel]] -= 1
        counts[number] += 1
        owner[pixel], distance[pixel] = number, apart[pixel]
    return owner, distance


def _distances(
    point: NDArray[np.floating],
    shape: tuple[int, ...],
    box: tuple[slice, ...],
    sizes: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return how far the pixels of a box are from a point."""
    along = [
        (np.arange(n)[part] - p) * size
        for n, part, p, size in zip(shape, box, point, sizes, strict=True)
    ]
    apart: NDArray[np.float64] = np.abs(along[0])
    for other in along[1:]:
        apart = np.hypot(apart[..., None], other)
    return apart


def _nearest_pixels(
    kept: NDArray[np.integer], distance: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return for each number the flat index of its pixel nearest to its point."""
    pixels = np.flatnonzero(kept)
    order = np.lexsort((distance.flat[pixels], kept.flat[pixels]))
    _, first = np.unique(kept.flat[pixels[order]], return_index=True)
    nearest: NDArray[np.intp] = pixels[order[first]]
    return nearest
