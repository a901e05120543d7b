"""What a prediction will take, before it starts: size, tiles and memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from napari_unet.core.config import Averaging, ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.prediction.averaging import list_versions
from napari_unet.core.prediction.rescaling import (
    Box,
    choose_factors,
    mean_factor,
    rescaled_box,
    rescaled_shape,
)
from napari_unet.core.prediction.tiling import MAX_INTERIOR, plan_tiles


@dataclass(frozen=True, slots=True)
class PredictionPlan:
    """What a prediction will take.

    Parameters
    ----------
    shape : tuple of int
        ([Z,] Y, X) of what the network sees, all of it, in pixels of the model.
    is_rescaled : bool
        Whether that is not the shape of the image.
    zoom : float
        By how much lengths in the plane grow; a geometric mean.
    window : tuple of int
        ([Z,] Y, X) of the largest tile with its context, the network's input.
    grid : tuple of int
        How many tiles there are along each of these axes.
    planes : int
        How often: each plane of a stack is tiled for itself by a network of planes,
        each time point by one of volumes.
    versions : int
        How many mirrored or turned versions of each tile are averaged.
    memory : int
        Bytes of the network's feature maps for one tile, estimated for float32; the
        weights, and the probabilities of the whole image, come on top.
    """

    shape: tuple[int, ...]
    is_rescaled: bool
    zoom: float
    window: tuple[int, ...]
    grid: tuple[int, ...]
    planes: int
    versions: int
    memory: int

    @property
    def steps(self) -> int:
        """How often the network runs: once for each version of each tile."""
        return math.prod(self.grid) * self.planes * self.versions

    def describe(self) -> str:
        """Say it for a person: 'tile 1024 × 1024 px, 3 × 4 tiles, about 1.2 GB'.

        X first, as sizes of images are written.
        """
        tiles = f"{_times(self.grid)} tiles"
        if math.prod(self.grid) == 1:
            tiles = "1 tile"
        if self.planes > 1:
            each = "planes" if len(self.window) == 2 else "time points"
            tiles += f" in each of {self.planes} {each}"
        if self.versions > 1:
            tiles += f", {self.versions} versions of each"
        rescaled = f"{self.describe_shape()}; " if self.is_rescaled else ""
        return (
            f"{rescaled}tile {_times(self.window)} px, {tiles}, "
            f"about {say_bytes(self.memory)}"
        )

    def describe_shape(self) -> str:
        """Say what becomes of the image: 'rescaled to 512 × 512 px (zoom 0.5)'."""
        return f"rescaled to {_times(self.shape)} px (zoom {self.zoom:.3g})"


def plan_prediction(
    image: Image,
    settings: ModelSettings,
    *,
    box: Box | None = None,
    planes: Sequence[int] | None = None,
    tile: int | None = None,
    scale: float | None = None,
    averaging: Averaging = "none",
    memory: int | None = None,
    largest: int = MAX_INTERIOR,
) -> PredictionPlan:
    """Return what `segment` with the same arguments will take.

    Parameters
    ----------
    image : Image
        Only its shape, pixel size and name count.
    settings : ModelSettings
        Of the model.
    box, planes, tile, scale, averaging
        As of `segment`.
    memory : int, optional
        Bytes that one tile may use where `tile` is left to the program.
    largest : int
        Edge up to which its interior grows then, see `largest_interior`.

    Raises
    ------
    InputError
        If the tile is too small, or the scale out of proportion.
    """
    is_volume = settings.network.dimensions == 3
    shown = image
    count = 1
    stack = len(image.shape) == 3
    if stack and not is_volume:
        by_plane = not settings.planes_as_channels
        count = len(planes or range(image.shape[0])) if by_plane else 1
        shown = image.plane(0)
    area: Box = box or tuple(slice(0, length) for length in shown.shape[-2:])
    if is_volume:
        chosen = planes or range(image.shape[0]) if stack else None
        depths, times = cover_volumes(image, chosen)
        area, count, shown = (depths, *area), len(times), image.time_point(0)
    factors = choose_factors(shown, settings, scale)
    shape, exact = rescaled_shape(shown.shape, factors)
    geometries = Geometry.of_axes(settings.network)
    tiles = plan_tiles(
        shape,
        geometries,
        tile=tile,
        memory=memory,
        box=rescaled_box(area, exact, shape),
        largest=largest,
    )
    axes = range(len(shape))
    window = tuple(max(t.window[i][1] - t.window[i][0] for t in tiles) for i in axes)
    return PredictionPlan(
        shape=shape,
        is_rescaled=any(factor != 1 for factor in factors),
        zoom=mean_factor(shown, settings, scale),
        window=window,
        grid=tuple(len({t.window[i] for t in tiles}) for i in axes),
        planes=count,
        versions=len(list_versions(averaging)),
        memory=geometries[-1].forward_bytes(math.prod(window)),
    )


def cover_volumes(
    image: Image, planes: Sequence[int] | None
) -> tuple[slice, list[int]]:
    """Return which depths of which time points hold the planes that were asked for.

    All from the first depth to the last, in each of these time points.
    """
    if planes is None:
        raise InputError(
            f"'{image.name}' is a single plane, but the model was made for volumes. "
            "Take a stack of planes, or a model for planes."
        )
    depth = image.shape[0] // image.times
    depths = {plane % depth for plane in planes}
    times = sorted({plane // depth for plane in planes})
    return slice(min(depths), max(depths) + 1), times


def _times(lengths: Sequence[int]) -> str:
    """Return lengths as they are written, X first: '3 × 4'."""
    return " × ".join(map(str, reversed(lengths)))


def say_bytes(number: int) -> str:
    """Return bytes with two digits: '1.2 GB', '350 MB'."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if number >= factor:
            amount = number / factor
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return "1 MB"
