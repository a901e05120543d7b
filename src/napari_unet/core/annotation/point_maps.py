"""What a training makes of points, to look at: weights, borders, density, distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_unet.core.annotation.derived import distance_map
from napari_unet.core.annotation.disks import draw_disks
from napari_unet.core.annotation.points import Points, class_names_of
from napari_unet.core.annotation.sampling import sampling_density
from napari_unet.core.annotation.target import Target, mark_known
from napari_unet.core.annotation.weight_map import (
    compute_weight_map,
    count_classes,
    weigh_classes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_unet.core.annotation.target import Region
    from napari_unet.core.config import SamplingConfig, WeightMapConfig

PointMapName = Literal[
    "weight map", "separation border", "patch density", "distance map"
]


def balance_for_points(config: WeightMapConfig) -> WeightMapConfig:
    """Return settings of the weight map in which the few pixels of points weigh enough.

    Disks are about a hundredth of an image. Unless its classes are balanced, form 2015
    of the weights learns where points are, and of which class they are much later.
    """
    return config.replaced(class_balance="inverse-frequency")


def draw_points(
    points: Points,
    shape: tuple[int, ...],
    config: WeightMapConfig,
    *,
    radius: float = 2.0,
    regions: Sequence[Region] = (),
    ignored: NDArray[np.bool_] | None = None,
    pixel_size: Sequence[float] | None = None,
) -> Target:
    """Return what a training draws from points: disks, or balls.

    Parameters
    ----------
    points : Points
        ([Z,] Y, X), in pixels; each class gets a number.
    shape : tuple of int
        ([Z,] Y, X) of the image.
    config : WeightMapConfig
        Its separation border counts.
    radius, regions, ignored, pixel_size
        As for `draw_disks`.
    """
    return draw_disks(
        points.positions,
        points.numbers(class_names_of([points])),
        shape,
        radius=radius,
        regions=regions,
        ignored=ignored,
        separation_border=config.separation_border,
        pixel_size=pixel_size,
    )


def draw_plane_of_balls(
    points: Points,
    plane: int,
    shape: tuple[int, ...],
    config: WeightMapConfig,
    *,
    radius: float = 2.0,
    regions: Sequence[Region] = (),
    ignored: NDArray[np.bool_] | None = None,
    pixel_size: Sequence[float] | None = None,
) -> Target:
    """Return one plane of what `draw_points` draws in a volume, from what is near.

    Parameters
    ----------
    points : Points
        (Z, Y, X), in pixels.
    plane : int
        Index along Z.
    shape : tuple of int
        (Z, Y, X) of the volume.
    config, radius, pixel_size
        As for `draw_points`.
    regions, ignored
        On this plane, (Y, X).

    Returns
    -------
    Target
        Of shape (Y, X).
    """
    along_z = 1.0 if pixel_size is None else pixel_size[0]
    # Balls that reach this plane, and those they share the ground with.
    reach = int(np.ceil(4 * radius / along_z)) + 2
    first, last = max(0, plane - reach), min(shape[0], plane + reach + 1)
    along = points.positions[:, 0]
    near = (along >= first - 0.5) & (along <= last - 0.5)
    names = tuple(n for n, keep in zip(points.names, near, strict=True) if keep)
    slab = draw_points(
        Points(points.positions[near] - (first, 0, 0), names),
        (last - first, *shape[1:]),
        config,
        radius=radius,
        pixel_size=pixel_size,
    )
    annotated = mark_known(shape[1:], regions)
    if ignored is not None:
        annotated &= ~ignored
    here = plane - first
    return Target(
        slab.classes[here], slab.labels[here], slab.known[here] & annotated, annotated
    )


def weigh_points(
    targets: Sequence[Target],
    config: WeightMapConfig,
    pixel_size: Sequence[float] | None = None,
) -> list[NDArray[np.float32]]:
    """Return the weight maps of targets drawn from points, balanced over all of them.

    Parameters
    ----------
    targets : sequence of Target
        From `draw_points`.
    config : WeightMapConfig
        Its class balance does not count; see `balance_for_points`.
    pixel_size : sequence of float, optional
        As for `compute_weight_map`.
    """
    config = balance_for_points(config)
    classes = max((int(t.classes.max(initial=0)) for t in targets), default=0) + 1
    counts = sum((count_classes(t, classes) for t in targets), np.zeros(classes, int))
    balance = weigh_classes(config, counts).tolist()
    return [
        compute_weight_map(target, config, class_weights=balance, pixel_size=pixel_size)
        for target in targets
    ]


def derive_point_map(
    name: PointMapName,
    target: Target,
    weights: WeightMapConfig,
    sampling: SamplingConfig,
) -> NDArray[np.float32]:
    """Return what a training makes of points on a plane, to look at.

    Parameters
    ----------
    name : str
        ``weight map``; ``separation border``: 1 where close points are cut apart;
        ``patch density``: how often a pixel is the centre of a patch; ``distance map``:
        see `distance_map`, measured from the disks, and 0 where there are none.
    target : Target
        From `draw_points` or `draw_plane_of_balls`, (Y, X).
    weights, sampling : WeightMapConfig, SamplingConfig
        The settings of the training.

    Returns
    -------
    ndarray of float32, shape (Y, X)
    """
    if name == "separation border":
        cut: NDArray[np.bool_] = (
            target.known & (target.labels > 0) & (target.classes == 0)
        )
        return cut.astype(np.float32)
    if name == "distance map":
        distances = distance_map(np.where(target.classes > 0, target.labels, 0))
        distances[~np.isfinite(distances)] = 0
        return distances
    [weight_map] = weigh_points([target], weights)
    if name == "weight map":
        return weight_map
    return sampling_density(target.classes, weight_map > 0, sampling)
