"""Annotated images, split into training and validation, at the model's pixel size."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from napari_unet.core.annotation.disks import draw_disks
from napari_unet.core.annotation.summary import summarise_annotation
from napari_unet.core.annotation.target import (
    Example,
    Region,
    Role,
    Target,
    looks_binary,
    make_target,
    mark_known,
)
from napari_unet.core.annotation.weight_map import (
    balance_classes,
    compute_weight_map,
    count_classes,
)
from napari_unet.core.config import ModelSettings, WeightMapConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import (
    IntensityRange,
    check_contrast,
    measure_intensity,
    resample,
    scale_to_model,
)
from napari_unet.core.training.patches import TrainingImage, prepare_image

# Of each held-back part and of what remains, so that both say something.
_FEWEST_OBJECTS = 2
# Smaller objects than this percentile may be slips of the brush.
_SMALLEST = 2
# Shorter ground, in px, is not cut.
_SHORTEST = 8


def split_validation(
    examples: Sequence[Example],
) -> tuple[list[Example], list[Example]]:
    """Return the examples to train on and those to validate on.

    Where the user named validation images or regions, they are taken. Else a part of
    one annotated area is held back: a fifth of it per area there is, half at most. The
    same image may appear on both sides, with regions that do not overlap.

    Parameters
    ----------
    examples : sequence of Example
        As the user annotated them.

    Returns
    -------
    training, validation : list of Example
        Each with regions of one role. `validation` is empty where too little is
        annotated to hold any of it back.
    """
    training = [p for e in examples if (p := _part(e, "training")) is not None]
    validation = [p for e in examples if (p := _part(e, "validation")) is not None]
    return (training, validation) if validation else _hold_back(training)


def _part(example: Example, role: Role) -> Example | None:
    """Return the part of an example with this role; None if there is none."""
    if example.role != role and not any(r.role == role for r in example.regions):
        return None
    regions = tuple(r for r in example.regions if r.role == role)
    if example.role == "validation":  # the whole image is, whatever its regions say
        return replace(example, role="validation") if role == "validation" else None
    if example.regions and not regions:
        return None
    return replace(example, regions=regions)


def _hold_back(training: list[Example]) -> tuple[list[Example], list[Example]]:
    """Cut a validation part off the last annotated area that allows it."""
    areas = [
        (index, region)
        for index, example in enumerate(training)
        for region in example.regions or (_whole(example),)
    ]
    share = min(0.5, 0.2 * len(areas))
    for index, region in reversed(areas):
        example = training[index]
        longest = max(b - a for a, b in zip(region.start, region.stop, strict=True))
        if longest < _SHORTEST:
            continue
        rest, held = _cut(region, share)
        if min(_objects(example, rest), _objects(example, held)) < _FEWEST_OBJECTS:
            continue
        others = [r for r in example.regions if r != region]
        reduced = list(training)
        reduced[index] = replace(example, regions=(*others, rest))
        return reduced, [replace(example, regions=(held,))]
    return training, []


def _whole(example: Example) -> Region:
    """Return a region that covers the image."""
    return Region((0, 0), example.annotation.shape)


def _cut(region: Region, share: float) -> tuple[Region, Region]:
    """Cut the last `share` off a region, across its longer side."""
    lengths = [b - a for a, b in zip(region.start, region.stop, strict=True)]
    axis = int(np.argmax(lengths))
    at = region.stop[axis] - math.ceil(lengths[axis] * share)
    stop, start = list(region.stop), list(region.start)
    stop[axis] = start[axis] = at
    return (
        replace(region, stop=tuple(stop)),
        Region(tuple(start), region.stop, "validation"),
    )


def _objects(example: Example, region: Region) -> int:
    """Count the annotated numbers, or the points, inside a region."""
    if example.points is not None:
        return int(_counted(example, (region,)).sum())
    box = tuple(slice(a, b) for a, b in zip(region.start, region.stop, strict=True))
    numbers = np.unique(example.annotation[box])
    return int(np.sum((numbers != 0) & (numbers != example.ignore_label)))


@dataclass(frozen=True, slots=True, eq=False)
class KnownPoints:
    """Points at the model's pixel size.

    Parameters
    ----------
    positions : ndarray of float, shape (N, 2)
        (Y, X) in pixels.
    classes : ndarray of int, shape (N,)
        From 1 on.
    known : ndarray of bool, shape (Y, X)
        Where no point is missing; in contrast to a target's, also around points.
    """

    positions: np.ndarray
    classes: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An example at the model's pixel size.

    Parameters
    ----------
    grey : ndarray, shape (C, Y, X)
        Grey values as in the image, resampled.
    intensity : IntensityRange
        Of the whole image.
    target : Target
        Classes, labels and known pixels.
    points : KnownPoints, optional
        What the target was drawn from, where that was points.
    """

    grey: np.ndarray
    intensity: IntensityRange
    target: Target
    points: KnownPoints | None = None

    def part(self, box: tuple[slice, slice]) -> "Prepared":
        """Return a part (Y, X) of it; positions count from its corner."""
        target, points = self.target, self.points
        if points is not None:
            corner = [side.start or 0 for side in box]
            points = replace(
                points, positions=points.positions - corner, known=points.known[box]
            )
        return Prepared(
            grey=self.grey[(slice(None), *box)],
            intensity=self.intensity,
            target=Target(target.classes[box], target.labels[box], target.known[box]),
            points=points,
        )


def prepare(
    example: Example,
    settings: ModelSettings,
    *,
    separation_border: int = 1,
    point_radius: float = 2.0,
) -> Prepared:
    """Resample an example to the model's pixel size and make its target."""
    factors = scale_to_model(example.image, settings.pixel_size_um)
    shape = tuple(
        max(1, round(n * f)) for n, f in zip(example.image.shape, factors, strict=True)
    )
    exact = [n / old for n, old in zip(shape, example.image.shape, strict=True)]
    regions = tuple(
        replace(
            region,
            start=tuple(round(a * f) for a, f in zip(region.start, exact, strict=True)),
            stop=tuple(round(b * f) for b, f in zip(region.stop, exact, strict=True)),
        )
        for region in example.regions
    )
    annotation = resample(example.annotation, shape, order=0)
    points = None
    if example.points is None:
        target = make_target(
            annotation,
            kind=settings.annotation,
            regions=regions,
            ignore_label=example.ignore_label,
            separation_border=separation_border,
            classes=settings.network.classes,
        )
    else:
        ignored = annotation != 0
        points = KnownPoints(
            # Pixel i has its centre at (i + 0.5) * f - 0.5 of the new grid.
            positions=(example.points.positions + 0.5) * exact - 0.5,
            classes=example.points.numbers(settings.class_names),
            known=mark_known(shape, regions) & ~ignored,
        )
        target = draw_disks(
            points.positions,
            points.classes,
            shape,
            radius=point_radius,
            regions=regions,
            ignored=ignored,
            separation_border=separation_border,
        )
    return Prepared(
        grey=resample(example.image.array, shape),
        intensity=measure_intensity(example.image, settings.normalisation),
        target=target,
        points=points,
    )


def prepare_training(
    examples: Sequence[Prepared],
    config: WeightMapConfig,
    classes: int,
    device: torch.device,
) -> Iterator[TrainingImage]:
    """Compute weight maps, balanced over all examples, and move all to the device."""
    counts = sum(count_classes(e.target, classes) for e in examples)
    balance = np.ones(classes)
    if config.class_balance == "inverse-frequency":
        balance = balance_classes(np.asarray(counts))
    for example in examples:
        weights = compute_weight_map(
            example.target, config, class_weights=balance.tolist()
        )
        grey = example.intensity.apply(example.grey)
        yield prepare_image(grey, example.target, weights, device)


def check_examples(examples: Sequence[Example]) -> None:
    """Refuse a training that could not learn anything."""
    if not examples:
        raise InputError("No annotated image was given. Annotate at least one.")
    for example in examples:
        if example.points is None and looks_binary(example.annotation):
            raise InputError(
                f"The labels of '{example.image.name}' hold one number in several "
                "separate pieces: they look like a binary mask, in which touching "
                "objects cannot be told apart. Split the mask into components, so that "
                "each piece becomes an object of its own (on the command line: "
                "--split-components)."
            )
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
    for example in examples:
        check_contrast(example.image)


def count_objects(example: Example) -> int:
    """Count the objects that can be learned from: inside the regions, if any."""
    if example.points is not None:
        return int(_counted(example, example.regions).sum())
    return summarise_annotation(
        example.annotation, example.regions, example.ignore_label
    ).objects


def _counted(example: Example, regions: Sequence[Region]) -> np.ndarray:
    """Tell of each point whether it lies in one of the regions, and is not ignored."""
    if example.points is None:
        return np.zeros(0, bool)
    known = mark_known(example.annotation.shape, regions) & (example.annotation == 0)
    last = np.asarray(known.shape) - 1
    y, x = np.clip(np.round(example.points.positions), 0, last).astype(int).T
    counted: np.ndarray = known[y, x]
    return counted


def complete_settings(
    settings: ModelSettings | None, examples: Sequence[Example], *, new: bool
) -> ModelSettings:
    """Complete the settings of a new model by what the images say."""
    settings = settings or ModelSettings()
    if not new:
        return settings
    sizes = [
        math.sqrt(math.prod(example.image.pixel_size_um[-2:]))
        for example in examples
        if example.image.pixel_size_um is not None
    ]
    # With some images of unknown size, rescaling the others would only do harm.
    known = len(sizes) == len(examples)
    size = round(float(np.median(sizes)), 6) if known else None
    network = settings.network.replaced(in_channels=examples[0].image.channels)
    objects = settings.objects
    if settings.annotation == "objects":
        smallest = _smallest_size(examples, objects.min_size)
        objects = objects.replaced(min_size=smallest)
    return settings.replaced(
        network=network.model_dump(), pixel_size_um=size, objects=objects.model_dump()
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
