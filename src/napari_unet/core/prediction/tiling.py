"""The overlap-tile strategy: which windows cover an image, mirrored at its edges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from napari_unet.core.errors import InputError
from napari_unet.core.network.geometry import Geometry

# Larger tiles gain little and make cancelling slow.
_MAX_INTERIOR = 1024


# An array or a tensor.
Pixels = TypeVar("Pixels", bound=Any)


@dataclass(frozen=True, slots=True)
class Tile:
    """One step of a prediction.

    Parameters
    ----------
    interior : tuple of slice
        The pixels (Y, X) of the image that this tile writes.
    window : tuple of (int, int)
        Start and stop of the network's input along each axis; may lie outside the
        image, where it is mirrored.
    offset : tuple of int
        Where the interior starts in the network's output.
    """

    interior: tuple[slice, ...]
    window: tuple[tuple[int, int], ...]
    offset: tuple[int, ...]

    def cut(self, output: Pixels) -> Pixels:
        """Cut the interior out of the network's output (..., Y, X)."""
        rows, columns = (
            slice(start, start + part.stop - part.start)
            for start, part in zip(self.offset, self.interior, strict=True)
        )
        cut: Pixels = output[..., rows, columns]
        return cut


def plan_tiles(
    shape: Sequence[int],
    geometry: Geometry,
    *,
    tile: int | None = None,
    memory: int | None = None,
    box: Sequence[slice] | None = None,
) -> list[Tile]:
    """Cover an image with tiles whose interiors partition it.

    Parameters
    ----------
    shape : sequence of int
        (Y, X) of the image, from (1, 1) up.
    geometry : Geometry
        Of the network.
    tile : int, optional
        Longest edge of the network's input, in pixels. By default as large as
        `memory` allows, up to an interior of 1024 px.
    memory : int, optional
        Bytes that one prediction may use; by default no limit.
    box : sequence of slice, optional
        Cover only this part (Y, X) of the image. Its first tiles start at a multiple
        of `Geometry.step`, so that a part comes out as it does in the whole.

    Returns
    -------
    list of Tile
        Row by row. Tiles are shifted by multiples of `Geometry.step`, so the result
        does not depend on the tiling.

    Raises
    ------
    InputError
        If `tile` is too small for the network's halo.
    """
    longest = _MAX_INTERIOR if tile is None else tile - 2 * geometry.halo
    longest = longest // geometry.step * geometry.step
    if tile is not None and longest < geometry.step:
        smallest = 2 * geometry.halo + geometry.step
        raise InputError(
            f"A tile of {tile} px is too small: this network needs {geometry.halo} px "
            f"of context on each side. Take at least {smallest} px, or 'auto'."
        )
    if memory is not None:
        while longest > geometry.step and (
            geometry.forward_bytes((longest + 2 * geometry.halo) ** 2) > memory
        ):
            longest -= geometry.step
    box = [slice(0, length) for length in shape] if box is None else box
    rows, columns = (_spans(part, longest, geometry) for part in box)
    return [
        Tile(
            interior=(row[0], column[0]),
            window=(row[1], column[1]),
            offset=(geometry.halo - geometry.shrink,) * 2,
        )
        for row in rows
        for column in columns
    ]


def _spans(
    part: slice, longest: int, geometry: Geometry
) -> list[tuple[slice, tuple[int, int]]]:
    """Cut a part of one axis into interiors of equal size, each with its window."""
    origin = part.start // geometry.step * geometry.step
    length = part.stop - origin
    pieces = math.ceil(length / longest)
    step = math.ceil(length / pieces / geometry.step) * geometry.step
    spans = []
    for start in range(origin, part.stop, step):
        stop = min(start + step, part.stop)
        size = geometry.size_at_least(stop - start + 2 * geometry.halo)
        first = start - geometry.halo
        spans.append((slice(start, stop), (first, first + size)))
    return spans


def mirror_indices(start: int, stop: int, length: int) -> np.ndarray:
    """Return which pixel of an axis stands at each place from `start` to `stop`.

    Beyond the ends the axis is mirrored without repeating the end pixel, as often as
    it takes: ``length`` 3 continues 0 1 2 1 0 1 2 ...

    Examples
    --------
    >>> mirror_indices(-3, 5, 3)
    array([1, 2, 1, 0, 1, 2, 1, 0])
    """
    period = max(1, 2 * (length - 1))
    folded = np.abs(np.arange(start, stop)) % period
    return np.minimum(folded, period - folded) if length > 1 else folded * 0


def read_window(array: np.ndarray, window: Sequence[tuple[int, int]]) -> np.ndarray:
    """Copy a window out of an array (..., Y, X), mirrored where it lies outside."""
    rows, columns = (
        mirror_indices(start, stop, length)
        for (start, stop), length in zip(window, array.shape[-2:], strict=True)
    )
    return array[..., rows[:, None], columns]
