"""`weights` and `tools density` of points: what a training makes of their tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.config import SamplingConfig, WeightMapConfig
from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from napari_unet.core.annotation.target import Target
    from napari_unet.core.image import Image

Sizes = tuple[float, ...] | None


def weigh_table(
    table: Path,
    image: Path | None,
    config: WeightMapConfig,
    *,
    radius: float,
    volumes: bool,
) -> "tuple[np.ndarray, Sizes]":
    """Return the weight map of a table of points, and its pixel size in µm.

    Of a stack, planes without points have the weight 0: a network of planes does not
    learn from them.
    """
    import numpy as np

    from napari_unet.core.annotation.point_maps import weigh_points
    from napari_unet.core.image import in_pixels_of_x

    picture, targets = _draw(table, image, config, radius=radius, volumes=volumes)
    sizes = in_pixels_of_x(picture.pixel_size_um) if volumes else None
    maps = weigh_points([target for _, target in targets], config, sizes)
    whole = np.zeros(picture.shape, np.float32)
    for (place, _), weights in zip(targets, maps, strict=True):
        whole[place] = weights
    return picture.unfold(whole), picture.pixel_size_um


def density_of_table(
    table: Path,
    image: Path | None,
    sampling: SamplingConfig,
    *,
    radius: float,
    volumes: bool,
) -> "tuple[np.ndarray, Sizes]":
    """Return how often each pixel is the centre of a patch, and its pixel size."""
    import numpy as np

    from napari_unet.core.annotation.sampling import sampling_density

    picture, targets = _draw(
        table, image, WeightMapConfig(), radius=radius, volumes=volumes
    )
    classes = np.zeros(picture.shape, np.int64)
    known = np.zeros(picture.shape, bool)
    for place, target in targets:
        classes[place], known[place] = target.classes, target.known
    density = sampling_density(classes, known, sampling)
    return picture.unfold(density), picture.pixel_size_um


def _draw(
    table: Path,
    image: Path | None,
    config: WeightMapConfig,
    *,
    radius: float,
    volumes: bool,
) -> "tuple[Image, Sequence[tuple[slice | int, Target]]]":
    """Return the image, and what is drawn where: all of it, or marked planes."""
    import numpy as np

    from napari_unet.core.annotation.point_maps import draw_points
    from napari_unet.core.annotation.points import check_inside, fold_points
    from napari_unet.core.image import in_pixels_of_x
    from napari_unet.formats.images import read_image
    from napari_unet.formats.points import read_points

    if image is None:
        raise InputError(
            f"'{table.name}' is a table of points, which says nothing about the size "
            "of the image: name it with --image."
        )
    picture, points = read_image(image), read_points(table).points
    points = fold_points(points, picture.full_shape)
    check_inside(points, picture.shape, f"The points of '{picture.name}'")
    if volumes and picture.times > 1:
        raise InputError(
            f"'{picture.name}' has depth and time; with --volumes, save a time point "
            "as a file of its own."
        )
    if volumes and len(picture.shape) == 2:
        raise InputError(
            f"'{picture.name}' is a single plane; --volumes is about stacks."
        )
    if len(picture.shape) == 2 or volumes:
        target = draw_points(
            points,
            picture.shape,
            config,
            radius=radius,
            pixel_size=in_pixels_of_x(picture.pixel_size_um) if volumes else None,
        )
        return picture, [(slice(None), target)]
    planes = np.unique(np.round(points.positions[:, 0]).astype(int)).tolist()
    return picture, [
        (z, draw_points(points.plane(z), picture.shape[1:], config, radius=radius))
        for z in planes
    ]
