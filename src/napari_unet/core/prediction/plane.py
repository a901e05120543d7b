"""A plane, or in 3D a volume, brought to the model's pixel size and back."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from napari_unet.core.config import Averaging, ModelSettings
from napari_unet.core.device import Compute
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, IntensityRange, resample, scale_to_model
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.averaging import list_versions
from napari_unet.core.prediction.predict import TilePrediction, predict

Box = tuple[slice, ...]

# Rescaling may multiply the pixels of an image by this; more is a wrong pixel size.
_MAX_GROWTH = 64
# By how much a pixel's edges may differ where it is turned by angles.
_SQUARE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class PlaneProgress:
    """One tile of a plane or volume.

    Parameters
    ----------
    done, total : int
        Tiles.
    box : tuple of slice
        Where `foreground` lies, in pixels of the image.
    foreground : ndarray of float32, shape ([z,] y, x)
        Probability of being anything but background; or the first predicted channel.
    probabilities : ndarray of float32, shape (K, [z,] y, x)
        Of each class; or all predicted channels.
    """

    done: int
    total: int
    box: Box
    foreground: np.ndarray
    probabilities: np.ndarray


def predict_plane(
    network: Network,
    image: Image,
    intensity: IntensityRange,
    settings: ModelSettings,
    compute: Compute,
    *,
    box: Box | None = None,
    tile: int | None = None,
    averaging: Averaging = "none",
) -> Generator[PlaneProgress, None, np.ndarray]:
    """Predict a box of a plane or volume; the same as predicting all and cutting.

    Parameters
    ----------
    network : Network
        On the device of `compute`.
    image : Image
        The whole plane (C, Y, X), or for a 3D network the volume (C, Z, Y, X).
    intensity : IntensityRange
        Of the whole image.
    settings : ModelSettings
        The model's pixel size and classes.
    compute : Compute
        Device and precision.
    box : tuple of slice, optional
        The part ([Z,] Y, X) to predict, in pixels of the image; by default all of it.
    tile : int, optional
        Edge of the network's input in pixels of the model; by default from memory.
    averaging : str
        See `predict`.

    Yields
    ------
    PlaneProgress
        After each tile.

    Returns
    -------
    ndarray of float32, shape (K, [z,] y, x) or one more map
        Class probabilities of the box, on the image's own grid; after them, where
        versions are averaged, how much these disagree.
    """
    box = box or tuple(slice(0, length) for length in image.shape)
    factors = check_scale(image, settings.pixel_sizes_um)
    _check_square(image, factors, averaging)
    shape = [max(1, round(n * f)) for n, f in zip(image.shape, factors, strict=True)]
    exact = [new / old for new, old in zip(shape, image.shape, strict=True)]
    array = resample(image.array, shape)
    model_box = tuple(
        _grown(part, f, n) for part, f, n in zip(box, exact, shape, strict=True)
    )
    doubts = averaging != "none" and settings.annotation != "values"
    lengths = [part.stop - part.start for part in model_box]
    canvas = np.zeros((settings.network.predictions + doubts, *lengths), np.float32)
    for part in predict(
        network,
        array,
        intensity,
        compute,
        tile=tile,
        box=model_box,
        averaging=averaging,
    ):
        _paste(part, model_box, canvas)
        area, shown = _show(part, canvas, model_box, box, exact)
        foreground = 1 - shown[0] if settings.annotation != "values" else shown[0]
        yield PlaneProgress(part.done, part.total, area, foreground, shown)
    if all(f == 1 for f in exact):
        return canvas
    return _bring_back(canvas, model_box, box, exact)


def check_channels(image: Image, settings: ModelSettings) -> None:
    """Refuse an image with another number of channels than the model reads."""
    wanted = settings.network.in_channels
    if image.channels == wanted:
        return
    kinds = {1: "grey", 3: "3-channel (RGB)"}
    have, need = (kinds.get(n, f"{n}-channel") for n in (image.channels, wanted))
    advice = "Convert the image, or train a model on images like this one."
    if settings.channels:
        need = f"{need} ({', '.join(map(str, settings.channels))})"
    if wanted == 1:
        advice += (
            " If these are slices or time points, save it so that the file says so "
            "(Fiji: Image > Properties)."
        )
    raise InputError(
        f"'{image.name}' is a {have} image, but the model was made for {need} images. "
        + advice
    )


def check_scale(
    image: Image, pixel_sizes_um: Sequence[float] | None
) -> tuple[float, ...]:
    """Return the factors ([Z,] Y, X) to the model's pixel size, if they make sense.

    Raises
    ------
    InputError
        If the image would grow out of proportion or shrink to nothing.
    """
    factors = scale_to_model(image, pixel_sizes_um)
    growth = math.prod(factors)
    if not 1 / _MAX_GROWTH <= growth <= _MAX_GROWTH:
        have = _say_size(image.pixel_size_um)
        raise InputError(
            f"'{image.name}' has pixels of {have} µm, the model of "
            f"{_say_size(pixel_sizes_um)} µm: rescaling would change the number of "
            f"pixels {growth:.3g}-fold. Correct the pixel size of the image, or use a "
            "model for this scale."
        )
    return factors


def _check_square(image: Image, factors: Sequence[float], averaging: Averaging) -> None:
    """Refuse to turn pixels by angles that are no squares to the network."""
    if image.pixel_size_um is None or not any(
        v.angle for v in list_versions(averaging)
    ):
        return
    height, width = (
        size / factor
        for size, factor in zip(image.pixel_size_um[-2:], factors[-2:], strict=True)
    )
    if abs(height / width - 1) > _SQUARE:
        raise InputError(
            f"'{image.name}' has pixels of {_say_size(image.pixel_size_um[-2:])} µm, "
            "and the model knows no pixel size to bring them to: an average over "
            f"'{averaging}' would distort what it turns. Choose '4 flips', or correct "
            "the pixel size of the image."
        )


def _say_size(sizes: Sequence[float] | None) -> str:
    """Return pixel sizes as they are written: '0.5 × 0.1 × 0.1'; one if all alike."""
    values = list(dict.fromkeys(sizes or ()))
    return " × ".join(f"{s:g}" for s in (values if len(values) == 1 else sizes or ()))


def _grown(part: slice, factor: float, length: int) -> slice:
    """Return the model's pixels under a part of an axis, and two more on each side."""
    if factor == 1:
        return part
    first = math.floor(part.start * factor) - 2
    last = math.ceil(part.stop * factor) + 2
    return slice(max(0, first), min(length, last))


def _paste(
    part: TilePrediction, model_box: tuple[slice, ...], canvas: np.ndarray
) -> None:
    """Write what a tile and the box have in common."""
    source, target = [], []
    for tile, whole in zip(part.interior, model_box, strict=True):
        first, last = max(tile.start, whole.start), min(tile.stop, whole.stop)
        source.append(slice(first - tile.start, last - tile.start))
        target.append(slice(first - whole.start, last - whole.start))
    classes = len(part.probabilities)
    canvas[(slice(classes), *target)] = part.probabilities[(slice(None), *source)]
    if part.disagreement is not None:
        canvas[classes][tuple(target)] = part.disagreement[tuple(source)]


def _show(
    part: TilePrediction,
    canvas: np.ndarray,
    model_box: tuple[slice, ...],
    box: Box,
    factors: list[float],
) -> tuple[Box, np.ndarray]:
    """Return a tile on the image's grid, by the nearest pixel of the model's.

    Where it lies, and the probabilities (K, [z,] y, x).
    """
    area, places = [], []
    for tile, whole, wanted, f in zip(
        part.interior, model_box, box, factors, strict=True
    ):
        # Image pixel i has its centre at (i + 0.5) * f - 0.5 of the model's grid.
        first = max(wanted.start, math.ceil(tile.start / f - 0.5))
        last = max(first, min(wanted.stop, math.ceil(tile.stop / f - 0.5)))
        area.append(slice(first, last))
        nearest = np.floor((np.arange(first, last) + 0.5) * f).astype(int)
        places.append(np.clip(nearest - whole.start, 0, whole.stop - whole.start - 1))
    index: tuple[Any, ...] = (slice(len(part.probabilities)), *np.ix_(*places))
    shown: np.ndarray = canvas[index]
    return tuple(area), shown


def _bring_back(
    canvas: np.ndarray, model_box: tuple[slice, ...], box: Box, factors: list[float]
) -> np.ndarray:
    """Interpolate the model's grid at the centres of the image's pixels."""
    shape = tuple(part.stop - part.start for part in box)
    offset = [
        (part.start + 0.5) * f - 0.5 - whole.start
        for part, whole, f in zip(box, model_box, factors, strict=True)
    ]
    out = np.empty((len(canvas), *shape), np.float32)
    for source, target in zip(canvas, out, strict=True):
        ndimage.affine_transform(
            source,
            factors,
            offset=offset,
            output_shape=shape,
            output=target,
            order=1,
            mode="nearest",
        )
    return out
