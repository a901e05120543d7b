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
from napari_unet.core.image import Image, IntensityRange
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.predict import TilePrediction, predict
from napari_unet.core.prediction.rescaled import Rescaled
from napari_unet.core.prediction.rescaling import (
    Box,
    check_square,
    choose_factors,
    rescaled_box,
    rescaled_shape,
)
from napari_unet.core.prediction.room import Room


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
    news : str
        As of `TilePrediction`.
    """

    done: int
    total: int
    box: Box
    foreground: np.ndarray
    probabilities: np.ndarray
    news: str = ""


def predict_plane(
    network: Network,
    image: Image,
    intensity: IntensityRange,
    settings: ModelSettings,
    compute: Compute,
    *,
    box: Box | None = None,
    tile: int | None = None,
    scale: float | None = None,
    averaging: Averaging = "none",
    room: Room | None = None,
    background_only: bool = False,
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
    scale : float, optional
        Zoom before the network, see `choose_factors`; by default by the pixel sizes.
    averaging : str
        See `predict`.
    room : Room, optional
        See `predict`.
    background_only : bool
        Keep the first class only: half the memory, and all that objects need.

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
    factors = choose_factors(image, settings, scale)
    check_square(image, factors, averaging)
    shape, exact = rescaled_shape(image.shape, factors)
    is_same = shape == tuple(image.shape)
    array = image.array if is_same else Rescaled(image.array, shape)
    model_box = rescaled_box(box, exact, shape)
    doubts = averaging != "none" and settings.annotation != "values"
    lengths = [part.stop - part.start for part in model_box]
    kept = 1 if background_only else settings.network.predictions
    canvas = np.zeros((kept + doubts, *lengths), np.float32)
    for part in predict(
        network,
        array,
        intensity,
        compute,
        tile=tile,
        box=model_box,
        averaging=averaging,
        room=room,
    ):
        _paste(part, model_box, canvas, kept)
        area, shown = _show(part, canvas, model_box, box, exact, kept)
        foreground = 1 - shown[0] if settings.annotation != "values" else shown[0]
        yield PlaneProgress(part.done, part.total, area, foreground, shown, part.news)
    if all(f == 1 for f in exact):
        return canvas
    return _bring_back(canvas, model_box, box, exact)


def check_channels(image: Image, settings: ModelSettings) -> None:
    """Refuse an image with another number of channels than the model reads."""
    wanted = settings.network.in_channels
    if image.channels == wanted:
        return
    have, need = (_kind(n) for n in (image.channels, wanted))
    if settings.channels:
        need = f"{need} ({', '.join(map(str, settings.channels))})"
    raise InputError(
        f"'{image.name}' is a {have} image, but the model was made for {need} images. "
        + _advise(image, wanted)
    )


def refuse_channels(image: Image) -> InputError:
    """Return why none of several models of one channel reads an image of more."""
    return InputError(
        f"'{image.name}' is a {_kind(image.channels)} image; the starter models read "
        "one channel, and which one is not clear here. " + _advise(image, 1)
    )


def _kind(channels: int) -> str:
    """Return what an image of so many channels is called."""
    return {1: "grey", 3: "3-channel (RGB)"}.get(channels, f"{channels}-channel")


def _advise(image: Image, wanted: int) -> str:
    """Say what to do with an image of other channels than a model reads."""
    if image.channels < wanted:
        return "Give it an image with all its channels, or train another model."
    named = ", ".join(f"{i} {name}" for i, name in enumerate(image.channel_names))
    has = f"It has the channels {named}. " if named else ""
    which = "0" if wanted == 1 else "0,1"
    where = "Channels and pixel size, under Image and model"
    if wanted == 1 and image.channels == 3:
        where += ", or 'Split into red, green and blue' there"
    advice = (
        f"{has}Choose what it shall read (on the command line: --channels {which}; in "
        f"the dock: {where}), or train a model on images like this one."
    )
    if wanted == 1 and image.channels != 3:
        advice += (
            " If these are slices or time points, save it so that the file says so "
            "(Fiji: Image > Properties)."
        )
    return advice


def _paste(
    part: TilePrediction, model_box: tuple[slice, ...], canvas: np.ndarray, classes: int
) -> None:
    """Write what a tile and the box have in common, of the first classes."""
    source, target = [], []
    for tile, whole in zip(part.interior, model_box, strict=True):
        first, last = max(tile.start, whole.start), min(tile.stop, whole.stop)
        source.append(slice(first - tile.start, last - tile.start))
        target.append(slice(first - whole.start, last - whole.start))
    canvas[(slice(classes), *target)] = part.probabilities[(slice(classes), *source)]
    if part.disagreement is not None:
        canvas[classes][tuple(target)] = part.disagreement[tuple(source)]


def _show(
    part: TilePrediction,
    canvas: np.ndarray,
    model_box: tuple[slice, ...],
    box: Box,
    factors: Sequence[float],
    classes: int,
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
    index: tuple[Any, ...] = (slice(classes), *np.ix_(*places))
    shown: np.ndarray = canvas[index]
    return tuple(area), shown


def _bring_back(
    canvas: np.ndarray, model_box: tuple[slice, ...], box: Box, factors: Sequence[float]
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
