"""How much is annotated: the numbers a user watches while painting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.annotation.object_findings import looks_binary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_unet.core.annotation.target import Region


@dataclass(frozen=True, slots=True)
class AnnotationSummary:
    """Counts that add up over planes and images.

    Parameters
    ----------
    objects : int
        Objects with at least one known pixel.
    object_px : int
        Their known pixels.
    known_px : int
        Pixels that training may use: inside the regions, or everywhere if there are
        none, without the ignored ones.
    regions : int
        Regions declared fully annotated.
    looks_binary : bool
        Whether all objects have one number, although they are in several pieces.
    """

    objects: int = 0
    object_px: int = 0
    known_px: int = 0
    regions: int = 0
    looks_binary: bool = False

    def __add__(self, other: AnnotationSummary) -> AnnotationSummary:
        """Return the counts of both."""
        return AnnotationSummary(
            self.objects + other.objects,
            self.object_px + other.object_px,
            self.known_px + other.known_px,
            self.regions + other.regions,
            self.looks_binary or other.looks_binary,
        )


def summarise_annotation(
    annotation: NDArray[Any],
    regions: Sequence[Region] = (),
    ignore_label: int | None = None,
) -> AnnotationSummary:
    """Count the objects and the known pixels of an annotation.

    Parameters
    ----------
    annotation : ndarray of int, shape (Y, X)
        One number per object, 0 is background.
    regions : sequence of Region
        Fully annotated boxes; they may overlap.
    ignore_label : int, optional
        Number of the pixels to leave out.

    Examples
    --------
    >>> summarise_annotation(np.array([[0, 1, 1], [2, 0, 9]]), ignore_label=9)
    AnnotationSummary(objects=2, object_px=3, known_px=5, regions=0,
    looks_binary=False)
    """
    known = np.ones(annotation.shape, bool)
    if regions:
        known[:] = False
        for region in regions:
            known[tuple(map(slice, region.start, region.stop))] = True
    if ignore_label is not None:
        known &= annotation != ignore_label
    painted = annotation[known & (annotation != 0)]
    return AnnotationSummary(
        objects=len(np.unique(painted)),
        object_px=len(painted),
        known_px=int(np.count_nonzero(known)),
        regions=len(regions),
        looks_binary=looks_binary(np.where(known, annotation, 0)),
    )
