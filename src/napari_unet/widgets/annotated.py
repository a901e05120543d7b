"""How much is annotated in layers: in numbers, and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.frames import fold_times
from napari_unet.widgets.annotation_layers import RegionsByPlane, boxes_of
from napari_unet.widgets.layers import IGNORE_LABEL, pixel_size_um

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_unet.core.annotation.summary import AnnotationSummary
    from napari_unet.core.config import TrainConfig

WHOLE_IMAGE_COUNTS = (
    "Without regions the whole image counts as annotated: what you leave unpainted is "
    "learned as background."
)
PAINTED_PLANES_COUNT = (
    "Without regions the planes with something painted count as annotated: what you "
    "leave unpainted on them is learned as background."
)
WHOLE_VOLUME_COUNTS = (
    "Without regions the whole volume counts as annotated: what you leave unpainted is "
    "learned as background."
)
PAINTED_VOLUMES_COUNT = (
    "Without regions the time points with something painted count as annotated: what "
    "you leave unpainted in them is learned as background."
)
# The same of objects, where unpainted ground may be unknown.
IF_FEW_OF_MANY = (
    " If the model finds more objects than you painted, only the ground around yours "
    "is learned from."
)
ONLY_AROUND_COUNTS = (
    "Without regions only the ground around what you painted is learned from; the rest "
    "is unknown."
)
OBJECTS_AND_POINTS = (
    "<b>There are painted objects and points:</b> a model learns either to segment or "
    "to detect. Erase the objects or delete the points, else no training starts."
)


def summarise_layers(
    annotation: NDArray[Any], regions: RegionsByPlane, *, volume: bool = False
) -> AnnotationSummary:
    """Count what an annotation layer's array holds, over all its planes.

    Parameters
    ----------
    annotation : ndarray of int, shape ([[T,] Z,] Y, X)
        May be the layer's own array: counting beside the brush does no harm.
    regions : dict of tuples of Region
        By plane.
    volume : bool
        Whether objects reach through the planes of a stack.
    """
    from napari_unet.core.annotation.summary import (
        AnnotationSummary,
        summarise_annotation,
    )

    if volume and annotation.ndim > 2:
        return _summarise_volumes(annotation, regions)
    annotation = fold_times(annotation)
    if annotation.ndim == 2:
        return summarise_annotation(annotation, regions.get(None, ()), IGNORE_LABEL)
    # As for training: planes with nothing painted and no region do not count.
    summaries = (
        summarise_annotation(annotation[z], regions.get(z, ()), IGNORE_LABEL)
        for z in _annotated_planes(annotation, regions)
    )
    return sum(summaries, AnnotationSummary())


def _summarise_volumes(
    annotation: NDArray[Any], regions: RegionsByPlane
) -> AnnotationSummary:
    """Count in the volumes ([T,] Z, Y, X) with a painted pixel or a region."""
    from napari_unet.core.annotation.summary import (
        AnnotationSummary,
        summarise_annotation,
    )

    counts, depth = AnnotationSummary(), annotation.shape[-3]
    for time, painted in enumerate(annotation.reshape(-1, *annotation.shape[-3:])):
        mine = boxes_of({z: regions.get(time * depth + z, ()) for z in range(depth)})
        if mine or painted.any():
            counts += summarise_annotation(painted, mine, IGNORE_LABEL)
    return counts


def _annotated_planes(painted: NDArray[Any], regions: RegionsByPlane) -> list[int]:
    """Return the planes of a (Z, Y, X) annotation with a painted pixel or a region."""
    planes = set(np.flatnonzero(painted.any(axis=(1, 2))).tolist())
    return sorted(planes | {z for z in regions if z is not None})


def describe_unpainted(axes: int, *, volume: bool, config: TrainConfig) -> str:
    """Return what counts as annotated in objects painted without regions."""
    if config.unpainted == "unknown":
        return ONLY_AROUND_COUNTS
    whole = describe_whole(axes, volume=volume)
    return whole + (IF_FEW_OF_MANY if config.unpainted == "auto" else "")


def describe_whole(axes: int, *, volume: bool) -> str:
    """Return what counts as annotated in an annotation without regions."""
    if axes == 2:
        return WHOLE_IMAGE_COUNTS
    if not volume:
        return PAINTED_PLANES_COUNT
    return WHOLE_VOLUME_COUNTS if axes == 3 else PAINTED_VOLUMES_COUNT


def describe_summary(
    summary: AnnotationSummary, image: ImageLayer, classes: int | None = None
) -> str:
    """Return the counts of an annotation in one line, areas in µm² where known.

    Parameters
    ----------
    summary : AnnotationSummary
        What is painted.
    image : Image layer
        Gives the pixel size.
    classes : int, optional
        How many there are with the background, where classes are painted, not objects.
    """
    area = f"{summary.known_px:,} px"
    if (size := pixel_size_um(image)) is not None:
        area += f" ({summary.known_px * size[-1] * size[-2]:,.0f} µm²)"
    found = _count(summary.objects, "object")
    if classes is not None and summary.objects >= classes:
        found = f"{summary.objects} painted numbers for {classes} classes"
    elif classes is not None:
        found = "1 class" if summary.objects == 1 else f"{summary.objects} classes"
        found += " beside background"
    text = f"<b>{found}</b>, {area} annotated"
    if summary.regions:
        text += f" in {_count(summary.regions, 'region')}"
    return text


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
