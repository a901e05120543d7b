"""Which layers together are the channels of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Image as ImageLayer

from napari_unet.core.image import only_channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_COLORS = ("red", "green", "blue")
_channels: WeakKeyDictionary[ImageLayer, tuple[ref[ImageLayer], ...]] = (
    WeakKeyDictionary()
)


def set_channels(image: ImageLayer, layers: Sequence[ImageLayer]) -> None:
    """Let these layers, in this order, be the channels of an image; none: itself."""
    _channels[image] = tuple(map(ref, layers))


def channels_of(image: ImageLayer) -> tuple[ImageLayer, ...]:
    """Return the layers that are the channels of an image, at least itself."""
    found = (reference() for reference in _channels.get(image, ()))
    return tuple(layer for layer in found if layer is not None) or (image,)


def count_channels(image: ImageLayer) -> int:
    """Return how many channels an image has; a coloured layer has three."""
    return sum(3 if layer.rgb else 1 for layer in channels_of(image))


def shows_one_channel(image: ImageLayer) -> bool:
    """Tell whether only one channel shows anything, as far as a coarse look tells."""
    if not image.rgb or channels_of(image) != (image,):
        return count_channels(image) == 1
    data = image.data[-1] if image.multiscale else image.data
    coarse = np.asarray(data[..., ::16, ::16, :3])
    return only_channel(np.moveaxis(coarse, -1, 0)) is not None


def channel_names(image: ImageLayer) -> tuple[str, ...]:
    """Return a name for each channel; none where the image is a single layer."""
    layers = channels_of(image)
    if layers == (image,):
        return ()
    return tuple(
        f"{layer.name} {color}".rstrip()
        for layer in layers
        for color in (_COLORS if layer.rgb else ("",))
    )


def stack_channels(image: ImageLayer) -> NDArray[np.generic]:
    """Return the grey values of all channels of an image, shape (C, [Z,] Y, X)."""
    return np.concatenate([_channels_first(layer) for layer in channels_of(image)])


def _channels_first(layer: ImageLayer) -> NDArray[np.generic]:
    array = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    # An alpha channel says nothing about the specimen.
    return np.moveaxis(array[..., :3], -1, 0) if layer.rgb else array[np.newaxis]


def split_first_axis(image: ImageLayer) -> list[ImageLayer]:
    """Return the planes of a stack (C, Y, X) as layers of their own."""
    return [
        ImageLayer(
            plane,
            name=f"{image.name} [{number}]",
            scale=image.scale[1:],
            translate=image.translate[1:],
            units=image.units[1:],
            visible=number == 0,
        )
        for number, plane in enumerate(
            image.data[0] if image.multiscale else image.data
        )
    ]


def split_rgb(image: ImageLayer) -> list[ImageLayer]:
    """Return red, green and blue of a colour image (Y, X, 3) as layers of their own."""
    pixels = np.asarray(image.data[0] if image.multiscale else image.data)
    return [
        ImageLayer(
            pixels[..., number],
            name=f"{image.name} {color}",
            scale=image.scale,
            translate=image.translate,
            units=image.units,
            visible=number == 0,
        )
        for number, color in enumerate(_COLORS)
    ]
