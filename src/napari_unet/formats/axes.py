"""Which axis of a stored array means what.

What a file says (OME, ImageJ, colours) is believed. Where it does not say, the shape
decides, by these rules:

* 2 axes are Y, X.
* 3 axes, 8-bit, the last of length 3 or 4: Y, X, colours.
* 3 axes, the first small: C, Y, X. The last small: Y, X, C.
* 3 other axes: a stack, Z, Y, X (or time).
* 4 axes: the same with a stack in front, C, Z, Y, X or Z, C, Y, X or Z, Y, X, C; if
  no axis is small, T, Z, Y, X.
* 5 axes or more: the image is refused; a file that names its axes may have T and Z and
  channels.

Small means at most 8 and at most a quarter of both sides of the image.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.class_values import pack_colours
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats.stored import Stored

_KNOWN = "SCTZYX"
_MOST_CHANNELS = 8


def guess_axes(shape: Sequence[int], dtype: np.dtype) -> str:
    """Return what the axes of an array mean, as far as its shape can tell.

    Parameters
    ----------
    shape : sequence of int
        Without axes of length 1, other than those of the image.
    dtype : dtype
        8-bit arrays may hold colours.

    Returns
    -------
    str
        A letter per axis; empty if the shape does not tell.

    Examples
    --------
    >>> guess_axes((3, 512, 512), np.dtype("uint16"))
    'CYX'
    >>> guess_axes((30, 512, 512), np.dtype("uint16"))
    'ZYX'
    """
    if len(shape) == 2:
        return "YX"
    candidates = ["YXC", "CYX"] if len(shape) == 3 else ["ZYXC", "CZYX", "ZCYX"]
    if len(shape) > 4:
        return ""
    if dtype == np.uint8 and shape[-1] in (3, 4):
        return candidates[0]
    # Channels in front are the more common, so they are tried first.
    for axes in (*candidates[1:], candidates[0]):
        rows, columns, channels = (shape[axes.index(letter)] for letter in "YXC")
        if channels <= min(_MOST_CHANNELS, rows / 4, columns / 4):
            return axes
    return "ZYX" if len(shape) == 3 else "TZYX"


def make_image(stored: Stored, name: str) -> Image:
    """Return a stored array as an image.

    Parameters
    ----------
    stored : Stored
        Any order of axes. Colours of a palette are looked up; colours and channels
        become channels.
    name : str
        Name of the image.

    Returns
    -------
    Image
        (C, Y, X) or (C, Z, Y, X); Z may be time. With depth and time both, the time
        points follow each other along Z, see `Image.times`. Where the file gives a
        pixel size but no distance of planes, planes are taken to be as far apart as
        rows; time points count 1.

    Raises
    ------
    InputError
        If there are more axes than that, or the values are not real numbers.
    """
    array, axes = _drop_single(stored)
    axes = _settle(stored, array, axes)
    if stored.palette is not None:
        array, axes = _look_up(array, stored.palette), axes + "S"
    stack = next((letter for letter in "ZT" if letter in axes), "")
    order = [axes.index(a) for a in "CSTZYX" if a in axes]
    array = np.transpose(array, order)
    times = array.shape[-4] if {"T", "Z"} <= set(axes) else 1
    depth = array.shape[-3] if stack else 1
    spatial = ((times * depth,) if stack else ()) + array.shape[-2:]
    array = np.ascontiguousarray(array.reshape(-1, *spatial))
    size: tuple[float, ...] | None = None
    if stored.sizes_um:
        rows = stored.sizes_um["Y"]
        planes = {"Z": stored.sizes_um.get("Z", rows), "T": 1.0}
        size = (rows, stored.sizes_um["X"])
        size = (planes[stack], *size) if stack else size
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return Image(native, size, name, times=times)


def make_labels(stored: Stored) -> NDArray[np.integer]:
    """Return a stored array as labels or classes.

    Parameters
    ----------
    stored : Stored
        Whole numbers. The numbers of a palette are taken, not its colours.

    Returns
    -------
    ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        The numbers as they are stored, so a mask of 0 and 255 keeps its 255; bits
        become 0 and 1. A third axis that the file does not name is Z.

    Raises
    ------
    InputError
        If the values are colours, channels, fractions or negative.
    """
    name = stored.path.name
    array, axes = _drop_single(stored)
    unnamed = not set(axes) <= set(_KNOWN)
    if array.ndim in (3, 4) and unnamed:  # labels have no channels
        colours = guess_axes(array.shape, array.dtype) == "YXC"
        axes = "YXC" if colours else "TZYX"[-array.ndim :]
    axes = _settle(stored, array, axes)
    if {"C", "S"} & set(axes):
        raise InputError(
            f"'{name}' holds colours or channels, {stored.layout}; labels need one "
            "number per pixel and object. Save them as one greyscale TIFF or PNG, "
            "8 or 16 bit, without colours. Where each colour is a class, say that the "
            "labels are classes; of probability maps, name the labels instead."
        )
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.dtype.kind not in "iu":
        raise InputError(
            f"'{name}' holds {array.dtype.newbyteorder('=')} values; labels need whole "
            "numbers. Convert it to 16 bit without scaling (Python: "
            "labels.astype('uint16')) and save it again."
        )
    if array.size and array.min() < 0:
        row = np.unravel_index(int(array.argmin()), array.shape)
        raise InputError(
            f"'{name}' holds negative numbers, such as {array.min()} at "
            f"{tuple(map(int, row))}; labels start at 0, the background. Replace them."
        )
    order = [axes.index(letter) for letter in "TZYX" if letter in axes]
    labels: NDArray[np.integer] = np.ascontiguousarray(np.transpose(array, order))
    return labels.astype(labels.dtype.newbyteorder("="), copy=False)


def make_class_labels(stored: Stored) -> NDArray[np.integer]:
    """Return a stored array as labels of classes, which may be colours.

    Parameters
    ----------
    stored : Stored
        Whole numbers, or three colours of 8 bits each.

    Returns
    -------
    ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        As `make_labels`; colours as `core.annotation.class_values` holds them. Colours
        that are all grey are the numbers they show.

    Raises
    ------
    InputError
        As `make_labels`, and for colours of more than 8 bits.
    """
    array, axes = _drop_single(stored)
    axes = _settle(stored, array, axes)
    colours = next((letter for letter in "SC" if letter in axes), "")
    if not colours or array.shape[axes.index(colours)] not in (3, 4):
        return make_labels(stored)
    if array.dtype != np.uint8:
        raise InputError(
            f"'{stored.path.name}' holds colours of {array.dtype}; save coloured "
            "classes with 8 bits per colour, or as numbers in one channel."
        )
    order = [axes.index(letter) for letter in "TZYX" + colours if letter in axes]
    pixels = np.transpose(array, order)[..., :3]
    if (pixels == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return pack_colours(pixels)


def _drop_single(stored: Stored) -> tuple[NDArray[np.generic], str]:
    """Drop axes of length 1 other than the sides of the image."""
    array, axes = stored.array, stored.axes
    if "Y" in axes and "X" in axes:
        gone = [i for i, a in enumerate(axes) if a not in "YX" and array.shape[i] == 1]
    else:  # not even the sides are named
        axes = "?" * array.ndim
        single = [i for i, length in enumerate(array.shape) if length == 1]
        gone = single[: max(0, array.ndim - 2)]
    kept = "".join(a for i, a in enumerate(axes) if i not in gone)
    return array.squeeze(tuple(gone)), kept


def _settle(stored: Stored, array: NDArray[np.generic], axes: str) -> str:
    """Name the axes that the file does not name; refuse what is no image."""
    unknown = [letter for letter in axes if letter not in _KNOWN]
    if unknown and set(axes) - set(unknown) <= {"Y", "X"}:
        axes = guess_axes(array.shape, array.dtype)
    elif len(unknown) == 1 and not {"Z", "T"} <= set(axes):
        axes = axes.replace(unknown[0], "T" if "Z" in axes else "Z")
    if {"Y", "X"} <= set(axes) <= set(_KNOWN):
        return axes
    lengths = " × ".join(map(str, array.shape))
    raise InputError(
        f"'{stored.path.name}' has {array.ndim} axes, {lengths}, and does not say "
        "which of them are channels, depth or time. Save it so that it does, in Fiji "
        "by Image > Properties; more axes than these, such as the positions of a "
        "stage, are files of their own."
    )


def _look_up(
    array: NDArray[np.generic], palette: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    colours = palette[array.astype(np.intp)]
    grey = (palette == palette[:, :1]).all()
    return colours[..., :1] if grey else colours
