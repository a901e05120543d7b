"""What an image looks like to a network, in a few numbers that compare images."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.image import Image, IntensityRange, resample

# Structure is measured in a square of this edge, in pixels of the model.
_EDGE = 384
# Standard deviations of Gaussians in pixels of the model: details lie between the first
# two, structure as coarse as small objects between the others.
_FINE, _COARSE = (0.0, 1.0), (4.0, 8.0)
# The second difference of what changes slowly is nothing, of noise its own size.
_SECOND_DIFFERENCE = np.outer((1, -2, 1), (1, -2, 1)) / 6
# Of normally distributed noise, the median of its absolute values in its deviation.
_MEDIAN_OF_NOISE = 0.6745
# Of the whole image, about this many pixels along each axis are looked at.
_SAMPLED = 512
# Ground is looked for between objects, which must not shrink to a pixel or two: of a
# larger image in a part of it, so long at the most.
_PART = 3 * _SAMPLED - 1
# In them, ground is told from structure in windows of so many pixels.
_WINDOW = 128
# Of the grey values in a window, the darkest, the ground, and the brightest.
_DARKEST, _GROUND, _BRIGHTEST = 2, 25, 98
# After a Gaussian of this, what is wider than squares of so many pixels of the model is
# uneven light; rare pixels, beyond these grey values or percentiles, say nothing.
_SMOOTH, _UNEVEN, _USUAL, _RARE = 1.0, 65, (-1.5, 1.5), (0.2, 99.8)
# More skewness than this says only how few things are bright.
_BRIGHT = 0.5
# Less than a grey value of 16 bits is no noise.
_LEAST = 1e-4


def measure_look(
    image: Image, intensity: IntensityRange, factors: Sequence[float]
) -> dict[str, float]:
    """Measure what an image looks like to a network.

    Parameters
    ----------
    image : Image
        A plane (C, Y, X), or a volume, of which the middle plane counts.
    intensity : IntensityRange
        Of the whole image.
    factors : sequence of float
        By how much each axis grows on its way to the network.

    Returns
    -------
    dict of str to float
        ``level``: the first quartile, from -1 to 1: low where ground is dark, even if
        half of it is covered with bright objects.
        ``noise``: deviation of the noise, 2 being the range of the grey values, as a
        power of 10.
        ``grain``: how fine the structure is: details compared with what is as large as
        small objects, as a power of 10.
        ``clipped``: share of the pixels that have the highest value.
        ``values``: how many grey values there are, as a power of 2.
        ``depth``: see `measure_ground`.
        ``skew``: the skewness of the grey values beside uneven light: 0.5 where what
        stands out is bright, as in fluorescence and halos, down to -1 where it is dark.
    """
    return measure_ground(image, intensity) | measure_structure(
        image, intensity, factors
    )


def measure_structure(
    image: Image, intensity: IntensityRange, factors: Sequence[float]
) -> dict[str, float]:
    """Return the numbers of `measure_look` that are not those of `measure_ground`."""
    plane, step = _flatten(image)
    sampled = plane[:, ::step, ::step]
    edges = [max(1, math.ceil(_EDGE / factor)) for factor in factors[-2:]]
    box = find_content(sampled, [edge // step or 1 for edge in edges])
    part = plane[(slice(None), *(slice(b.start * step, b.stop * step) for b in box))]
    shape = [
        max(1, round(length * factor))
        for length, factor in zip(part.shape[1:], factors[-2:], strict=True)
    ]
    grey = intensity.apply(resample(part, shape)).mean(axis=0)
    return {
        "skew": _measure_skew(grey),
        "noise": _power_of_10(_measure_noise(grey)),
        "grain": _power_of_10(_deviation(grey, _FINE))
        - _power_of_10(_deviation(grey, _COARSE)),
        "clipped": float(max(np.mean(c == c.max()) for c in sampled)),
        "values": math.log2(min(len(np.unique(channel)) for channel in sampled)),
    }


def measure_ground(image: Image, intensity: IntensityRange) -> dict[str, float]:
    """Return those numbers of `measure_look` that are the same at any zoom.

    Returns
    -------
    dict of str to float
        ``level``: see `measure_look`.
        ``depth``: how far structure reaches below the ground around it, of all that it
        reaches above and below, from 0 to 1. Nothing is darker than the ground of
        fluorescence; in other images much is.
    """
    plane, step = _flatten(image)
    normalised = intensity.apply(plane[:, ::step, ::step]).mean(axis=0)
    part = plane[(slice(None), *find_content(plane, (_PART, _PART)))]
    shrunk = _shrink(part, max(1, min(part.shape[1:]) // _SAMPLED))
    small = ndimage.gaussian_filter(shrunk, _SMOOTH)
    return {
        "level": float(np.percentile(np.clip(normalised, -1, 1), 25)),
        "depth": _measure_depth(small),
    }


def find_content(
    array: NDArray[np.generic], edges: Sequence[int]
) -> tuple[slice, slice]:
    """Return where a window of a plane holds most.

    Parameters
    ----------
    array : ndarray, shape (C, Y, X)
        Grey values.
    edges : sequence of int
        (Y, X) of the window; the plane itself where it is smaller.

    Returns
    -------
    tuple of slice
        (Y, X): where grey values differ most from the median, single bright pixels
        counting no more than others.
    """
    lengths = [min(e, n) for e, n in zip(edges, array.shape[1:], strict=True)]
    step = max(1, min(lengths) // 16)
    grey = array[:, ::step, ::step].astype(np.float32)
    low, middle, high = np.percentile(grey, (1, 50, 99), axis=(1, 2), keepdims=True)
    span = np.maximum(np.maximum(high - middle, middle - low), 1e-12)
    content = np.minimum(np.abs(grey - middle) / span, 1).mean(axis=0)
    sums = np.pad(content, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    h, w = (max(1, length // step) for length in lengths)
    inside = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    corner = np.unravel_index(int(inside.argmax()), inside.shape)
    starts = [
        min(int(place) * step, whole - length)
        for place, whole, length in zip(corner, array.shape[1:], lengths, strict=True)
    ]
    top, left = (
        slice(start, start + length)
        for start, length in zip(starts, lengths, strict=True)
    )
    return top, left


def _flatten(image: Image) -> tuple[NDArray[np.generic], int]:
    """Return a plane (C, Y, X), in the middle of a volume, and a step to sample it."""
    array = image.array
    plane = array if array.ndim == 3 else array[:, array.shape[1] // 2]
    return plane, max(1, min(plane.shape[1:]) // _SAMPLED)


def _shrink(plane: NDArray[np.generic], step: int) -> NDArray[np.float32]:
    """Return the mean of the channels, and of squares of so many pixels."""
    height, width = (length // step for length in plane.shape[1:])
    squares = plane[:, : height * step, : width * step].reshape(
        len(plane), height, step, width, step
    )
    small: NDArray[np.float32] = squares.mean(axis=(0, 2, 4), dtype=np.float32)
    return small


def _measure_depth(grey: NDArray[np.float32]) -> float:
    """Return how much of the contrast, window by window, lies below the ground."""
    grey = grey[::2, ::2]  # smooth: no need of all of them
    height, width = grey.shape
    rows, columns = max(1, 2 * height // _WINDOW), max(1, 2 * width // _WINDOW)
    cut = grey[: height // rows * rows, : width // columns * columns]
    windows = cut.reshape(rows, height // rows, columns, width // columns)
    darkest, ground, brightest = np.percentile(
        windows, (_DARKEST, _GROUND, _BRIGHTEST), axis=(1, 3)
    )
    contrast = float((brightest - darkest).sum())
    return float((ground - darkest).sum()) / contrast if contrast > 0 else 0.0


def _measure_skew(grey: NDArray[np.float32]) -> float:
    """Return the skewness of grey values beside uneven light, without rare ones."""
    smooth = ndimage.gaussian_filter(np.clip(grey, *_USUAL), _SMOOTH)
    even = smooth - ndimage.uniform_filter(smooth, _UNEVEN)
    kept = np.clip(even, *np.percentile(even, _RARE))
    kept = kept - kept.mean()
    deviation = float(kept.std())
    if deviation == 0:
        return 0.0
    return min(math.tanh(float((kept**3).mean()) / deviation**3), _BRIGHT)


def _measure_noise(grey: NDArray[np.float32]) -> float:
    """Return the deviation of the noise: what most pixels differ from around."""
    difference = np.abs(ndimage.convolve(grey, _SECOND_DIFFERENCE))
    return float(np.median(difference)) / _MEDIAN_OF_NOISE


def _deviation(grey: NDArray[np.float32], band: tuple[float, float]) -> float:
    """Return the deviation of what lies between two Gaussians."""
    narrow, wide = (ndimage.gaussian_filter(grey, sigma) for sigma in band)
    return float(np.clip(narrow - wide, -1, 1).std())


def _power_of_10(number: float) -> float:
    return math.log10(max(number, _LEAST))
