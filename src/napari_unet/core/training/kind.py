"""What a model learns, objects, classes, points or values, and what it is given."""

import math
from collections.abc import Sequence

from napari_unet.core.annotation.point_maps import balance_for_points
from napari_unet.core.annotation.points import class_names_of
from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.training.pixel_size import choose_pixel_size

# A piece smaller than this part of a disk or ball is no point, until validation says
# better.
_SMALLEST_PIECE = 0.25


def name_point_classes(
    settings: ModelSettings | None, examples: Sequence[Example], radius: float
) -> ModelSettings | None:
    """Return the settings of a new model that learns the classes of these points.

    Parameters
    ----------
    settings : ModelSettings, optional
        What is asked for otherwise.
    examples : sequence of Example
        Where they have no points, the settings stay as they are.
    radius : float
        Of the disks, in pixels.
    """
    points = [example.points for example in examples if example.points is not None]
    if not points:
        return settings
    settings = settings or ModelSettings()
    names = class_names_of(points)
    dimensions = settings.network.dimensions
    plane, depth = choose_pixel_size(settings, examples)
    along_z = depth / plane if plane and depth else 1.0
    smallest = max(1, round(_SMALLEST_PIECE * _disk_size(radius, dimensions, along_z)))
    return settings.replaced(
        annotation="points",
        class_names=names,
        network=settings.network.replaced(classes=len(names)).model_dump(),
        objects=settings.objects.replaced(min_size=smallest).model_dump(),
    )


def _disk_size(radius: float, dimensions: int, along_z: float) -> float:
    """Return how many pixels a disk has; or a ball, of pixels so long along Z."""
    if dimensions == 2:
        return math.pi * radius**2
    return 4 / 3 * math.pi * radius**3 / along_z


def balance_points(config: TrainConfig, examples: Sequence[Example]) -> TrainConfig:
    """Return training settings in which the few pixels of points weigh enough."""
    if all(example.points is None for example in examples):
        return config
    balanced = balance_for_points(config.weight_map)
    return config.replaced(weight_map=balanced.model_dump())


def check_kind(examples: Sequence[Example], settings: ModelSettings | None) -> None:
    """Refuse what a model of another kind learns from.

    That is points for a model that segments, painted objects for one that detects, an
    image to predict for both, and the other way round.

    Parameters
    ----------
    examples : sequence of Example
        To train on.
    settings : ModelSettings, optional
        Of the model; without, the images are only compared with each other.

    Raises
    ------
    InputError
        Naming an image; also if some images have points and others painted objects, or
        if the model does not know a class of points.
    """
    if any(e.values is not None for e in examples) or (
        settings is not None and settings.annotation == "values"
    ):
        _check_values(examples, settings)
        return
    with_points = [e.image.name for e in examples if e.points is not None]
    painted = [e.image.name for e in examples if e.points is None]
    if with_points and painted:
        raise InputError(
            f"'{with_points[0]}' is annotated by points, '{painted[0]}' by painted "
            "objects; train on one kind of them."
        )
    if settings is None:
        return
    detects = settings.annotation == "points"
    if with_points and not detects:
        raise InputError(
            f"'{with_points[0]}' is annotated by points, but the model to start from "
            "segments painted objects; start from scratch, or from a model that "
            "detects points."
        )
    if painted and detects:
        raise InputError(
            f"'{painted[0]}' is annotated by painted objects, but the model to start "
            "from detects points; start from scratch, or from a model that segments."
        )
    for example in examples:
        if example.points is not None:
            example.points.numbers(settings.class_names)


def _check_values(examples: Sequence[Example], settings: ModelSettings | None) -> None:
    """Refuse images without one to predict, and a model that predicts none."""
    without = [e.image.name for e in examples if e.values is None]
    if without:
        raise InputError(
            f"The network predicts grey values, but '{without[0]}' has no image to "
            "predict. Choose its target (on the command line: train IMAGES TARGETS "
            "--annotation values); or, to learn what is painted, start from scratch or "
            "from a model of objects."
        )
    if settings is not None and settings.annotation != "values":
        raise InputError(
            f"'{examples[0].image.name}' has an image to predict, but the network "
            f"predicts {settings.annotation}. Choose the preset 'denoise', or a "
            "network with the head 'regression', and start from scratch or from a "
            "model of grey values."
        )
