"""The overlap-tile strategy: which windows cover an image, mirrored at its edges."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from napari_unet.core.errors import InputError
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.prediction.rescaled import Rescaled

# Larger tiles gain little on a processor and make cancelling slow.
MAX_INTERIOR = 1024
# A graphics card computes such a tile in a fraction of a second, and of a tile of 1024
# px three tenths are context. In still larger ones a feature map has more numbers than
# some convolutions can count with 32 bits.
_MAX_INTERIOR_OF_GPU = 4096


# An array or a tensor.
Pixels = TypeVar("Pixels", bound=Any)


@dataclass(frozen=True, slots=True)
class Tile:
    """One step of a prediction.

    Parameters
    ----------
    interior : tuple of slice
        The pixels ([Z,] Y, X) of the image that this tile writes.
    window : tuple of (int, int)
        Start and stop of the network's input along each axis; may lie outside the
        image, where it is mirrored.
    offset : tuple of int
        Where the interior starts in the network's output, were all of it computed.
    """

    interior: tuple[slice, ...]
    window: tuple[tuple[int, int], ...]
    offset: tuple[int, ...]

    @property
    def spare(self) -> int:
        """On each side of the plane, what the network need not compute."""
        return self.offset[-1]

    @property
    def pixels(self) -> int:
        """Pixels of the window."""
        return math.prod(stop - start for start, stop in self.window)

    def describe(self) -> str:
        """Say how large the window is, X first: '1208 × 1208 px'."""
        lengths = (stop - start for start, stop in reversed(self.window))
        return " × ".join(map(str, lengths)) + " px"

    def cut(self, output: Pixels) -> Pixels:
        """Cut the interior out of the network's output (..., [Z,] Y, X).

        Whether or not what is `spare` was computed: it lies around the middle.
        """
        parts = []
        for axis, (part, (first, stop)) in enumerate(
            zip(self.interior, self.window, strict=True), start=-len(self.interior)
        ):
            middle = stop - first - 2 * (part.start - first)
            start = (output.shape[axis] - middle) // 2
            parts.append(slice(start, start + part.stop - part.start))
        cut: Pixels = output[(..., *parts)]
        return cut


def plan_tiles(
    shape: Sequence[int],
    geometries: Sequence[Geometry],
    *,
    tile: int | None = None,
    memory: int | None = None,
    box: Sequence[slice] | None = None,
    largest: int = MAX_INTERIOR,
) -> list[Tile]:
    """Cover an image with tiles whose interiors partition it.

    Parameters
    ----------
    shape : sequence of int
        ([Z,] Y, X) of the image, from (1, 1) up.
    geometries : sequence of Geometry
        Of the network, for each of these axes.
    tile : int, optional
        Longest edge of the network's input, in pixels along Y and X. By default as
        large as `memory` allows, up to an interior of `largest` px.
    memory : int, optional
        Bytes that one prediction may use; by default no limit. In planes, interiors
        shorter than half a halo are not planned: they take nearly as much, and many
        times as long.
    box : sequence of slice, optional
        Cover only this part ([Z,] Y, X) of the image. Its first tiles start at a
        multiple of `Geometry.step`, so that a part comes out as it does in the whole.
    largest : int
        See `largest_interior`.

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
    plane = geometries[-1]
    longest = largest if tile is None else tile - 2 * plane.halo
    if longest < plane.step:
        smallest = 2 * plane.halo + plane.step
        raise InputError(
            f"A tile of {tile} px is too small: this network needs {plane.halo} px "
            f"of context on each side. Take at least {smallest} px, or 'auto' (0 in "
            "the dock)."
        )
    box = [slice(0, length) for length in shape] if box is None else box
    return _cover(box, geometries, _fit_memory(box, geometries, longest, memory))


def largest_interior(device: str) -> int:
    """Return up to which edge in pixels tiles pay on a kind of device."""
    return _MAX_INTERIOR_OF_GPU if device == "cuda" else MAX_INTERIOR


def halve_tile(tile: Tile, geometries: Sequence[Geometry]) -> list[Tile]:
    """Return smaller tiles for the same interior: half as long in Y and X, or in Z.

    The axis is cut whose interior is the longest compared with its halo; Y and X
    alike. The tile itself is returned where no axis is longer than its step.
    """
    lengths = [_steps_of(*each) for each in zip(tile.interior, geometries, strict=True)]
    for axis in _longest_axes(lengths, geometries, [each.step for each in geometries]):
        step = geometries[axis].step
        lengths[axis] = max(step, math.ceil(lengths[axis] / 2 / step) * step)
    return _cover(tile.interior, geometries, lengths)


def _steps_of(part: slice, geometry: Geometry) -> int:
    """Return the length of an interior, rounded up to a multiple of the step."""
    step = geometry.step
    length: int = part.stop - part.start // step * step
    return math.ceil(length / step) * step


def _cover(
    box: Sequence[slice], geometries: Sequence[Geometry], lengths: Sequence[int]
) -> list[Tile]:
    """Cover a box with tiles whose interiors are no longer than `lengths`."""
    spans = (
        _spans(part, length, geometry)
        for part, length, geometry in zip(box, lengths, geometries, strict=True)
    )
    return [
        Tile(
            interior=tuple(interior for interior, _ in axes),
            window=tuple(window for _, window in axes),
            offset=tuple(each.halo - each.shrink for each in geometries),
        )
        for axes in itertools.product(*spans)
    ]


def _fit_memory(
    box: Sequence[slice],
    geometries: Sequence[Geometry],
    longest: int,
    memory: int | None,
) -> list[int]:
    """Return the length of the interiors along each axis, multiples of its step.

    Where memory is short, the axis is cut whose interiors are the longest compared with
    their halo; Y and X alike. None of a plane becomes shorter than half its halo,
    which saves little memory and multiplies what is computed.
    """
    least = [each.step for each in geometries]
    if len(box) == 2:
        least = [max(1, each.halo // 2 // each.step) * each.step for each in geometries]
    lengths = [longest // each.step * each.step for each in geometries]
    if len(box) == 3:
        depth = box[0].stop - box[0].start
        lengths[0] = math.ceil(depth / geometries[0].step + 1) * geometries[0].step

    def too_much() -> bool:
        windows = (
            length + 2 * each.halo
            for length, each in zip(lengths, geometries, strict=True)
        )
        return geometries[-1].forward_bytes(math.prod(windows)) > (memory or math.inf)

    while too_much() and any(
        length > low for length, low in zip(lengths, least, strict=True)
    ):
        for axis in _longest_axes(lengths, geometries, least):
            lengths[axis] = max(
                min(lengths[axis], least[axis]), lengths[axis] - geometries[axis].step
            )
    return lengths


def _longest_axes(
    lengths: Sequence[int], geometries: Sequence[Geometry], least: Sequence[int]
) -> tuple[int, ...]:
    """Return the axes along which interiors are the longest for their halo.

    Those that may become no shorter come last.
    """
    ratios = [
        length / (each.halo or 1) if length > low else 0
        for length, each, low in zip(lengths, geometries, least, strict=True)
    ]
    deep = len(lengths) == 3 and ratios[0] > max(ratios[1:])
    return (0,) if deep else (-2, -1)


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


def read_window(
    array: np.ndarray | Rescaled, window: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Copy a window of the last axes of an array, mirrored where it lies outside."""
    places = [
        mirror_indices(start, stop, length)
        for (start, stop), length in zip(
            window, array.shape[-len(window) :], strict=True
        )
    ]
    if isinstance(array, Rescaled):
        box = [slice(int(each.min()), int(each.max()) + 1) for each in places]
        array = array.part(box)
        places = [each - part.start for each, part in zip(places, box, strict=True)]
    index: tuple[Any, ...] = (..., *np.ix_(*places))
    windowed: np.ndarray = array[index]
    return windowed
