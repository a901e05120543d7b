"""Annotated images: checked, and brought to the model's pixel size."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from napari_unet.core.annotation.disks import draw_disks
from napari_unet.core.annotation.object_findings import look_like_classes, looks_binary
from napari_unet.core.annotation.summary import (
    AnnotationSummary,
    summarise_annotation,
)
from napari_unet.core.annotation.target import (
    Example,
    Region,
    make_target,
)
from napari_unet.core.annotation.weight_map import (
    compute_weight_map,
    count_classes,
    weigh_classes,
)
from napari_unet.core.config import AnnotationKind, ModelSettings, WeightMapConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import (
    check_contrast,
    in_pixels_of_x,
    measure_intensity,
    resample,
    scale_to_model,
)
from napari_unet.core.training.held_back import mark_counted_points
from napari_unet.core.training.patches import TrainingImage, prepare_image
from napari_unet.core.training.pixel_size import complete_pixel_size
from napari_unet.core.training.prepared import Prepared, place_points
from napari_unet.core.training.time_points import split_times

# Returns the weight map of an example, ([Z,] Y, X).
Weigh = Callable[[Prepared], np.ndarray]

# Of the known background so much must count for the loss, else there are no ridges.
_LEAST_BACKGROUND = 0.5
# Smaller objects than this percentile may be slips of the brush.
_SMALLEST = 2


def fit_dimensions(examples: Sequence[Example], dimensions: int) -> list[Example]:
    """Return examples as a 2D or 3D network learns from them.

    Parameters
    ----------
    examples : sequence of Example
        Planes and stacks.
    dimensions : int
        For 2, stacks become their annotated planes; for 3, stacks with time become
        their annotated time points.

    Raises
    ------
    InputError
        If a 3D network is to learn from a single plane.
    """
    fitting = []
    for example in examples:
        is_stack = len(example.image.shape) == 3
        if dimensions == 2:
            planes = [example.plane(z) for z in example.annotated_planes]
            fitting += planes if planes or is_stack else [example]
        elif not is_stack:
            raise InputError(
                f"'{example.image.name}' is a single plane, but the network learns "
                "from volumes. Give a stack of planes, or choose 2 dimensions."
            )
        else:
            fitting += split_times(example)
    return fitting


def prepare(
    example: Example,
    settings: ModelSettings,
    *,
    separation_border: int = 1,
    point_radius: float = 2.0,
) -> Prepared:
    """Resample an example to the model's pixel size and make its target."""
    factors = scale_to_model(example.image, settings.pixel_sizes_um, settings.zoom)
    shape = tuple(
        max(1, round(n * f)) for n, f in zip(example.image.shape, factors, strict=True)
    )
    exact = [n / old for n, old in zip(shape, example.image.shape, strict=True)]
    regions, seen = (
        tuple(_scale(region, exact) for region in part)
        for part in (example.regions, example.seen)
    )
    annotation = resample(example.annotation, shape, order=0)
    pixel_size = in_pixels_of_x(settings.pixel_sizes_um)
    points = None
    if example.points is None:
        target = make_target(
            annotation,
            kind=settings.annotation,
            regions=regions,
            seen=seen,
            ignore_label=example.ignore_label,
            separation_border=separation_border,
            classes=settings.network.classes,
        )
    else:
        points = place_points(example.points, settings, exact, annotation, regions)
        target = draw_disks(
            points.positions,
            points.classes,
            shape,
            radius=point_radius,
            regions=regions,
            seen=seen,
            ignored=annotation != 0,
            separation_border=separation_border,
            pixel_size=pixel_size,
        )
    return Prepared(
        grey=resample(example.image.array, shape),
        intensity=measure_intensity(example.image, settings.normalisation),
        target=target,
        points=points,
        pixel_size=pixel_size,
    )


def _scale(region: Region, factors: Sequence[float]) -> Region:
    """Return a region in other pixels."""
    return replace(
        region,
        start=tuple(round(a * f) for a, f in zip(region.start, factors, strict=True)),
        stop=tuple(round(b * f) for b, f in zip(region.stop, factors, strict=True)),
    )


def prepare_training(
    examples: Sequence[Prepared],
    config: WeightMapConfig,
    classes: int,
    device: torch.device,
) -> tuple[list[TrainingImage], Weigh]:
    """Compute weight maps, balanced over all examples, and move all to the device.

    Also return what weighs other ground by the same rule. Where so little ground is
    annotated that unseen objects could change the weight of most of its background,
    none of it has a ridge: learning from objects alone, the network would find them
    everywhere.
    """
    counts = sum(count_classes(e.target, classes) for e in examples)
    balance = weigh_classes(config, np.asarray(counts)).tolist()
    weigh = functools.partial(_weigh, config=config, balance=balance)
    maps = [weigh(example) for example in examples]
    known = sum(int(_background(e).sum()) for e in examples)
    counted = sum(
        int((_background(e) & (weights > 0)).sum())
        for e, weights in zip(examples, maps, strict=True)
    )
    if counted < _LEAST_BACKGROUND * known:
        weigh = functools.partial(_weigh, config=config.replaced(w0=0), balance=balance)
        maps = [weigh(example) for example in examples]
    images = [
        prepare_image(e.intensity.apply(e.grey), e.target, weights, device)
        for e, weights in zip(examples, maps, strict=True)
    ]
    return images, weigh


def _background(example: Prepared) -> np.ndarray:
    """Tell which pixels are known to be background."""
    target = example.target
    background: np.ndarray = target.known & (target.classes == 0)
    return background


def _weigh(
    example: Prepared, *, config: WeightMapConfig, balance: Sequence[float]
) -> np.ndarray:
    """Return the weight map of an example, with this balance of the classes."""
    return compute_weight_map(
        example.target, config, class_weights=balance, pixel_size=example.pixel_size
    )


def check_examples(
    examples: Sequence[Example], kind: AnnotationKind = "objects"
) -> None:
    """Refuse a training that could not learn anything."""
    if not examples:
        raise InputError("No annotated image was given. Annotate at least one.")
    if all(example.values is not None for example in examples):
        return
    if kind == "objects":
        _check_objects(examples)
    for role in ("training", "validation"):
        of_role = [e for e in examples if e.role == role]
        if role == "validation" and not of_role:
            continue
        _check_painted(of_role)
    if kind == "objects":
        _check_background(examples)
    for example in examples:
        check_contrast(example.image)


def _check_objects(examples: Sequence[Example]) -> None:
    """Refuse masks and classes where objects are wanted."""
    for example in examples:
        painted = example.annotation
        if example.ignore_label is not None:
            painted = np.where(painted == example.ignore_label, 0, painted)
        if looks_binary(painted):
            raise InputError(
                f"The labels of '{example.image.name}' hold one number in several "
                "separate pieces: they look like a binary mask, in which touching "
                "objects cannot be told apart. Split the mask into components, so that "
                "each piece becomes an object of its own (on the command line: "
                "--split-components)."
            )
        said = look_like_classes(painted, np.unique(painted[painted > 0]))
        if said:
            raise InputError(f"'{example.image.name}': {said}")


def _check_painted(examples: Sequence[Example]) -> None:
    """Refuse images on which nothing is annotated."""
    if not any(count_objects(example) for example in examples):
        names = ", ".join(f"'{e.image.name}'" for e in examples[:3])
        where = " in their regions" if any(e.regions for e in examples) else ""
        if any(e.points is not None for e in examples):
            raise InputError(
                f"There are no points in {names}{where}. Set a point on each object, "
                "then train."
            )
        raise InputError(
            f"The labels of {names} are empty: no object is painted{where}. Paint a "
            "few objects, then train."
        )


def _check_background(examples: Sequence[Example]) -> None:
    """Refuse annotated ground that is objects only."""
    if any(e.points is not None for e in examples):
        return  # around points, background is known
    counts = sum(map(_summarise, examples), AnnotationSummary())
    if counts.object_px and counts.object_px == counts.known_px:
        names = ", ".join(f"'{e.image.name}'" for e in examples[:3])
        raise InputError(
            f"No background is known in {names}: all annotated ground is objects, and "
            "the network would take everything for one. Mark less as ignored, or draw "
            "the regions larger than the objects."
        )


def _summarise(example: Example) -> AnnotationSummary:
    return summarise_annotation(
        example.annotation, example.regions, example.ignore_label
    )


def count_objects(example: Example) -> int:
    """Count the objects that can be learned from: inside the regions, if any."""
    if example.points is not None:
        return int(mark_counted_points(example, example.regions).sum())
    return _summarise(example).objects


def _check_alike(examples: Sequence[Example]) -> None:
    """Refuse images with different numbers of channels for one network."""
    first = examples[0].image
    for other in (example.image for example in examples):
        if other.channels != first.channels:
            raise InputError(
                f"'{first.name}' has {first.channels} channel(s), '{other.name}' has "
                f"{other.channels}; a network reads the same channels of all images. "
                "Choose them by position, or bring all images to the same kind."
            )


def complete_settings(
    settings: ModelSettings | None, examples: Sequence[Example], *, new: bool
) -> ModelSettings:
    """Complete the settings of a new model by what the images say.

    Channels and pixel size that the settings name stay.
    """
    settings = settings or ModelSettings()
    if not new:
        return settings
    settings = complete_pixel_size(settings, examples)
    if not settings.channels:
        _check_alike(examples)
    channels = len(settings.channels) or examples[0].image.channels
    network = settings.network.replaced(in_channels=channels)
    objects = settings.objects
    if settings.annotation == "objects":
        smallest = _smallest_size(examples, objects.min_size)
        objects = objects.replaced(min_size=smallest)
    return settings.replaced(
        network=network.model_dump(),
        objects=objects.model_dump(),
    )


def _smallest_size(examples: Sequence[Example], default: int) -> int:
    """Return from how many pixels on something counts as an object.

    That is a quarter of the smallest annotated objects (the edge of an image may cut
    them), at least `default`, unless most objects are not much larger than that.
    """
    sizes = [
        np.bincount(np.unique(labels[labels > 0], return_inverse=True)[1])
        for example in examples
        for labels in [
            np.where(example.annotation == example.ignore_label, 0, example.annotation)
        ]
    ]
    small, middle = np.percentile(np.concatenate(sizes), (_SMALLEST, 50))
    return round(float(max(small / 4, min(default, middle / 4))))
