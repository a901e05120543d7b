"""Copies of what layers hold, for jobs; without memory for one, a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.memory import telling_shortage
from napari_unet.widgets.channel_layers import stack_channels

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from napari.layers import Image, Layer
    from numpy.typing import NDArray


def copy_array(layer: Layer, place: tuple[int, ...] = ()) -> NDArray[Any]:
    """Return a copy of a layer's array at full resolution, or of a plane of it.

    Raises
    ------
    MemoryShortageError
        If there is no memory for it.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    with _telling(layer):
        return np.array(data[place] if place else data)


def copy_channels(layer: Image) -> NDArray[np.generic]:
    """Return the grey values of all channels of an image, shape (C, [Z,] Y, X).

    Raises
    ------
    MemoryShortageError
        If there is no memory for them.
    """
    with _telling(layer):
        return stack_channels(layer)


def _telling(layer: Layer) -> AbstractContextManager[None]:
    return telling_shortage(f"a copy of '{layer.name}'")
