"""Layers with time and depth: which of their planes is which.

Planes are counted through all time points, as in `core.image.Image`: in a layer
(T, Z, Y, X) plane ``t * Z + z``. In a stack (Z, Y, X), that is z.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer


def stack_shape(layer: Layer) -> tuple[int, ...]:
    """Return the axes before Y and X of an image or labels layer: (), (Z,), (T, Z)."""
    data: Any = layer.data
    shape = data[0].shape if getattr(layer, "multiscale", False) else data.shape
    return tuple(shape[: layer.ndim - 2])


def plane_at(layer: Layer, position: Sequence[float]) -> int | None:
    """Return the plane of a layer that a position in its pixels lies on.

    The nearest one where it lies outside; None in a 2D layer.
    """
    front = stack_shape(layer)
    if not front:
        return None
    place = np.round(np.asarray(position[: len(front)], float)).astype(int)
    return int(np.ravel_multi_index(place.tolist(), front, mode="clip"))


def place_of(layer: Layer, plane: int | None) -> tuple[int, ...]:
    """Return the index of a plane in a layer: () in 2D, (z,), or (t, z)."""
    if plane is None:
        return ()
    return tuple(int(i) for i in np.unravel_index(plane, stack_shape(layer)))


def times_of(layer: Layer) -> int:
    """Return how many time points a layer with time and depth has; else 1."""
    front = stack_shape(layer)
    return front[0] if len(front) == 2 else 1


def planes_of_time(layer: Layer, plane: int) -> tuple[int, ...]:
    """Return all planes of the time point that a plane belongs to."""
    depth = stack_shape(layer)[-1]
    first = plane // depth * depth
    return tuple(range(first, first + depth))


def folded_shape(layer: Layer) -> tuple[int, ...]:
    """Return ([Z,] Y, X) of an image or labels layer, Z through all time points."""
    data: Any = layer.data
    shape = data[0].shape if getattr(layer, "multiscale", False) else data.shape
    front = stack_shape(layer)
    planes = (math.prod(front),) if front else ()
    return (*planes, *shape[len(front) : layer.ndim])
