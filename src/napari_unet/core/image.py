"""An image with its pixel size; its grey-value statistics; changes of pixel size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import ndimage

from napari_unet.core.config import Normalisation
from napari_unet.core.errors import InputError
from napari_unet.core.frames import unfold_times

# Pixel sizes that differ by less are taken as equal: no resampling for rounding.
_SAME_PIXEL_SIZE = 0.02
# Statistics of larger images are read from a regular grid of about this many pixels.
_MAX_SAMPLES = 4_000_000
# Grey values are computed with in float32.
_LARGEST = 1e37


@dataclass(frozen=True, slots=True)
class Image:
    """An image as every part of the program passes it on.

    Parameters
    ----------
    array : ndarray of real numbers, shape (C, Y, X) or (C, Z, Y, X)
        Grey values as they were read; Z may also be time. Never modified.
    pixel_size_um : tuple of float, one per spatial axis, optional
        Edge lengths of a pixel in µm; None where nobody knows.
    name : str
        What the user calls it: the file's stem or the layer's name.
    channel_names : tuple of str, one per channel
        Empty where they have none.
    times : int
        Of a stack with depth *and* time, how many time points follow each other along
        Z: all depths of the first, then all of the next. Then every plane is a frame.

    Raises
    ------
    InputError
        If the array is not an image: wrong dimensions, empty, or not finite numbers.
    """

    array: np.ndarray
    pixel_size_um: tuple[float, ...] | None = None
    name: str = "image"
    channel_names: tuple[str, ...] = ()
    times: int = 1

    def __post_init__(self) -> None:
        """Check once, at the door."""
        array = self.array
        if array.ndim not in (3, 4):
            raise InputError(
                f"'{self.name}' has {array.ndim} dimensions {array.shape}; an image "
                "needs channels and 2 or 3 spatial axes."
            )
        if array.size == 0:
            raise InputError(f"'{self.name}' is empty: its shape is {array.shape}.")
        if array.dtype.kind not in "buif":
            raise InputError(
                f"'{self.name}' holds {array.dtype} values; it needs real numbers."
            )
        # Not a number is not below anything.
        if array.dtype.kind == "f" and not (fit := np.abs(array) < _LARGEST).all():
            bad = int(array.size - fit.sum())
            what = "1 pixel that is" if bad == 1 else f"{bad} pixels that are"
            raise InputError(
                f"'{self.name}' has {what} not a number or infinite (above "
                f"{_LARGEST:g}); replace them (for example by 0) and try again."
            )
        size = self.pixel_size_um
        if size is not None and (
            len(size) != array.ndim - 1 or not all(0 < s < np.inf for s in size)
        ):
            raise InputError(
                f"'{self.name}' has the pixel size {size} µm; it needs one positive "
                f"number for each of its {array.ndim - 1} spatial axes."
            )

        if self.channel_names and len(self.channel_names) != self.channels:
            raise InputError(
                f"'{self.name}' has {self.channels} channels, but "
                f"{len(self.channel_names)} names for them."
            )
        planes = array.shape[1] if array.ndim == 4 else 1
        if self.times < 1 or planes % self.times:
            raise InputError(
                f"'{self.name}' has {planes} planes, which cannot be {self.times} time "
                "points of equal depth."
            )

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.array.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape, (Y, X) or (Z, Y, X)."""
        return self.array.shape[1:]

    @property
    def full_shape(self) -> tuple[int, ...]:
        """Shape with time as an axis of its own, if there is one: (T, Z, Y, X)."""
        return self.unfold(self.array[0]).shape

    def unfold(self, array: np.ndarray) -> np.ndarray:
        """Give results of the whole stack, (..., Z, Y, X), their axis of time back.

        Returns
        -------
        ndarray, shape (..., T, Z, Y, X)
            A view; `array` itself where there are no time points.
        """
        return unfold_times(array, self.times)

    def time_point(self, index: int) -> Self:
        """Return the volume (C, Z, Y, X) of time point `index`."""
        depth = self.shape[0] // self.times
        part = self.array[:, index * depth : (index + 1) * depth]
        return replace(self, array=part, times=1)

    def plane(self, index: int) -> Self:
        """Return plane `index` of a (C, Z, Y, X) image as a (C, Y, X) image."""
        size = self.pixel_size_um
        return replace(
            self,
            array=self.array[:, index],
            pixel_size_um=None if size is None else size[1:],
            times=1,
        )


def check_contrast(image: Image) -> None:
    """Refuse an image in which nothing can be seen.

    Raises
    ------
    InputError
        If every channel is constant.
    """
    if all(channel.min() == channel.max() for channel in image.array):
        what = f"all its pixels are {image.array.flat[0]}"
        if image.channels > 1:
            what = "each of its channels has one value"
        raise InputError(
            f"'{image.name}' is constant: {what}, so there is nothing to see in it. "
            "Check how it was exported."
        )


@dataclass(frozen=True, slots=True)
class IntensityRange:
    """The grey values of each channel that normalisation maps to 0 and 1.

    They belong to the whole image, so that a crop of it is normalised like the whole.
    """

    low: np.ndarray  # (C,) float32
    high: np.ndarray  # (C,) float32

    def apply(self, array: np.ndarray) -> np.ndarray:
        """Map (C, ...) grey values to float32, `low` to -1 and `high` to 1.

        A constant channel (`low` equals `high`) becomes 0.
        """
        column = (-1,) + (1,) * (array.ndim - 1)
        # In float64 the offset of a 16-bit camera is taken off exactly.
        middle = ((self.low.astype(float) + self.high) / 2).reshape(column)
        span = (self.high.astype(float) - self.low).reshape(column)
        scale = np.divide(2, span, out=np.zeros_like(span), where=span > 0)
        normalised: np.ndarray = ((array - middle) * scale).astype(np.float32)
        return normalised


def measure_intensity(
    image: Image, normalisation: Normalisation = "percentile"
) -> IntensityRange:
    """Return the grey values that `normalisation` maps to the ends of its range.

    Parameters
    ----------
    image : Image
        The whole image, even if only a part of it will be segmented.
    normalisation : str
        ``percentile``: 1 % and 99.8 %; ``min-max``, and ``min-max-joint`` of all
        channels together; ``mean-std``: mean -/+ one standard deviation;
        ``vector-norm``: 0 and the greatest Euclidean norm of a pixel's channels (as in
        the Fiji plugin of Falk et al. 2019); ``none``: -1 and 1, i.e. the values are
        kept.

    Returns
    -------
    IntensityRange
        Two values per channel. Images over four million pixels are sampled on a
        regular grid.
    """
    channels = image.array.reshape(image.channels, -1)
    step = max(1, channels.shape[1] // _MAX_SAMPLES)
    samples = channels[:, ::step].astype(np.float64)
    if normalisation == "none":
        low, high = -np.ones(image.channels), np.ones(image.channels)
    elif normalisation == "min-max":
        low, high = samples.min(axis=1), samples.max(axis=1)
    elif normalisation == "min-max-joint":
        low, high = np.full((2, image.channels), [[samples.min()], [samples.max()]])
    elif normalisation == "vector-norm":
        longest = np.linalg.norm(samples, axis=0).max()
        low, high = np.zeros(image.channels), np.full(image.channels, longest)
    elif normalisation == "mean-std":
        mean, std = samples.mean(axis=1), samples.std(axis=1)
        low, high = mean - std, mean + std
    else:
        low, high = np.percentile(samples, (1, 99.8), axis=1)
        # So few bright pixels that both percentiles are background.
        flat = low >= high
        low[flat], high[flat] = samples[flat].min(axis=1), samples[flat].max(axis=1)
    return IntensityRange(low.astype(np.float32), high.astype(np.float32))


def only_channel(array: np.ndarray) -> int | None:
    """Return the one channel that shows anything; None if there are several, or none.

    Channels that are constant, or copies of an earlier one, show nothing of their own:
    so it is with grey images that were saved in colour, and with one stain in one
    colour.

    Parameters
    ----------
    array : ndarray, shape (C, ...)
        Grey values.

    Examples
    --------
    >>> grey = np.eye(3)
    >>> only_channel(np.stack([grey, grey])), only_channel(np.stack([0 * grey, grey]))
    (0, 1)
    >>> only_channel(np.stack([grey, 2 * grey])) is None
    True
    """
    shown: list[int] = []
    for number, channel in enumerate(array):
        first = channel.flat[0] if channel.size else 0
        is_new = not any(np.array_equal(channel, array[other]) for other in shown)
        if is_new and (channel != first).any():
            shown.append(number)
        if len(shown) > 1:
            return None
    return shown[0] if shown else None


def scale_to_model(
    image: Image,
    model_pixel_sizes_um: Sequence[float] | None,
    otherwise: float = 1.0,
) -> tuple[float, ...]:
    """Return by how much each axis must grow to fit the model.

    Parameters
    ----------
    image : Image
        Of a stack for a 2D model, only Y and X count: planes stay as they are.
    model_pixel_sizes_um : sequence of float or None
        The model's pixel size along ([Z,] Y, X).
    otherwise : float
        The factor for Y and X where one of the pixel sizes is unknown.

    Returns
    -------
    tuple of float
        A factor for each spatial axis of the image: 1 where pixel sizes differ by less
        than 2 %.
    """
    factors = [1.0] * len(image.shape)
    if model_pixel_sizes_um is None or image.pixel_size_um is None:
        return (*factors[:-2], otherwise, otherwise)
    axes = min(len(factors), len(model_pixel_sizes_um))
    for axis in range(-axes, 0):
        factor = image.pixel_size_um[axis] / model_pixel_sizes_um[axis]
        factors[axis] = 1.0 if abs(factor - 1) < _SAME_PIXEL_SIZE else factor
    return tuple(factors)


def in_pixels_of_x(
    pixel_size_um: Sequence[float] | None,
) -> tuple[float, ...] | None:
    """Return the edges of a pixel in the unit of σ and radii: pixels along X.

    None where all axes are alike, or nobody knows.

    Examples
    --------
    >>> in_pixels_of_x((2.0, 0.5, 0.5))
    (4.0, 1.0, 1.0)
    """
    if pixel_size_um is None or len(set(pixel_size_um)) == 1:
        return None
    return tuple(size / pixel_size_um[-1] for size in pixel_size_um)


def resample(array: np.ndarray, shape: Sequence[int], *, order: int = 1) -> np.ndarray:
    """Resample the last axes of an array to `shape`.

    Parameters
    ----------
    array : ndarray, shape (..., [Z,] Y, X)
        Grey values, probabilities (`order` 1) or labels (`order` 0).
    shape : sequence of two or three int
        New length of as many axes, the last ones.
    order : int
        1 interpolates linearly, after a Gaussian blur where the array shrinks;
        0 takes the nearest pixel, so labels stay labels.

    Returns
    -------
    ndarray, shape (..., *shape)
        Of the dtype of `array` for order 0, else float32. Pixel centres are aligned
        as areas: corner pixels cover the same ground before and after.
    """
    axes = len(shape)
    before = array.shape[-axes:]
    if tuple(shape) == before:
        return array
    factors = [new / old for new, old in zip(shape, before, strict=True)]
    if order == 0:
        places = [
            np.minimum(((np.arange(new) + 0.5) / f).astype(int), old - 1)
            for new, f, old in zip(shape, factors, before, strict=True)
        ]
        return array[(..., *np.ix_(*places))]
    parts = array.reshape(-1, *before).astype(np.float32)
    sigma = [max(0.0, (1 / f - 1) / 2) for f in factors]
    out = np.empty((len(parts), *shape), np.float32)
    for source, target in zip(parts, out, strict=True):
        smooth = ndimage.gaussian_filter(source, sigma) if any(sigma) else source
        # The map of pixel centres: output i lies at (i + 0.5) / f - 0.5.
        ndimage.affine_transform(
            smooth,
            [1 / f for f in factors],
            offset=[0.5 / f - 0.5 for f in factors],
            output_shape=tuple(shape),
            output=target,
            order=1,
            mode="nearest",
        )
    return out.reshape(*array.shape[:-axes], *shape)
