"""Objects painted among many that were not: the ground near them is known, no other."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.annotation.object_sizes import keep_known
from napari_unet.core.annotation.target import Example

# An object is known to somebody who has found so much of it.
_FOUND = 0.5
# What is smaller than this part of the painted objects speaks of none left unpainted.
_AS_LARGE = 1 / 3
# So far around painted objects the ground is known, in diameters of them and in pixels:
# not so far that most of a neighbour would lie in it, which counted as invented then.
_REACH, _LEAST_REACH = 0.5, 5
# Where an object ends nobody knows to the pixel: so far around one that was not
# painted, the ground is unknown, too.
_MARGIN = 2

# Where no model is trained yet, a starter is asked whether objects were left out only
# if those that are painted cover less of an image.
_SPARSE = 0.05


def is_sparse(painted: NDArray[np.integer]) -> bool:
    """Tell whether so little of a plane (Y, X) is painted that a starter is asked.

    Before a training from scratch, and never of volumes.
    """
    return painted.ndim == 2 and bool(
        np.count_nonzero(painted) < _SPARSE * painted.size
    )


def count_others(
    annotation: NDArray[np.integer], found: NDArray[np.integer]
) -> tuple[int, int, NDArray[np.bool_]]:
    """Compare painted objects with all that somebody else finds.

    Parameters
    ----------
    annotation : ndarray of int, shape ([Z,] Y, X)
        Painted objects, 0 elsewhere.
    found : ndarray of int, shape of `annotation`
        All objects that are found.

    Returns
    -------
    agreed : int
        How many painted objects are found: half of their pixels.
    others : int
        How many objects of such a size are found that are not painted.
    missing : ndarray of bool, shape of `annotation`
        All objects that are found and not painted.
    """
    painted = annotation != 0
    sizes = np.bincount(found.ravel())
    covered = np.bincount(found[painted].ravel(), minlength=len(sizes))
    is_other = (sizes > 0) & (covered < _FOUND * sizes)
    is_other[0] = False
    numbers, areas = np.unique(annotation[painted], return_counts=True)
    seen = annotation[painted & (found > 0)]
    share = np.searchsorted(np.sort(seen), numbers, side="right") - np.searchsorted(
        np.sort(seen), numbers
    )
    large = _AS_LARGE * np.median(areas) if len(areas) else 0
    return (
        int((share >= _FOUND * areas).sum()),
        int((is_other & (sizes >= large)).sum()),
        is_other[found] & ~painted,
    )


def keep_near(example: Example, missing: NDArray[np.bool_] | None = None) -> Example:
    """Return an example of which only the ground near painted objects is known.

    Parameters
    ----------
    example : Example
        Of objects ([Z,] Y, X), without regions.
    missing : ndarray of bool, shape of the annotation, optional
        Objects that were not painted: they are unknown, wherever they are.

    Returns
    -------
    Example
        With the ignore label, if need be a new one, on all unknown ground. Known are
        painted objects and, half as far around them as they are wide, the ground that
        is not missing.
    """
    painted = keep_known(example) != 0
    if not painted.any():
        return example
    _, areas = np.unique(example.annotation[painted], return_counts=True)
    spacing = example.image.pixel_size_um or (1.0,) * painted.ndim
    aspect = np.asarray(spacing) / spacing[-1]
    volume = float(np.median(areas)) * float(np.prod(aspect))
    width = (
        2 * np.sqrt(volume / np.pi)
        if painted.ndim == 2
        else 2 * np.cbrt(0.75 * volume / np.pi)
    )
    reach = max(_REACH * width, _LEAST_REACH)
    box = tuple(
        slice(max(0, inside.start - pad), inside.stop + pad)
        for inside, edge in zip(
            ndimage.find_objects(painted.view(np.uint8))[0], aspect, strict=True
        )
        for pad in [int(np.ceil(reach / edge)) + 1]
    )
    known = np.zeros(painted.shape, bool)
    known[box] = ndimage.distance_transform_edt(~painted[box], sampling=aspect) <= reach
    if missing is not None:
        known[box] &= ~ndimage.binary_dilation(missing[box], iterations=_MARGIN)
    known |= painted
    ignored = example.ignore_label
    if ignored is None:
        ignored = int(example.annotation.max()) + 1
    annotation = example.annotation.astype(np.int64)
    annotation[~known] = ignored
    return replace(example, annotation=annotation, ignore_label=ignored)
