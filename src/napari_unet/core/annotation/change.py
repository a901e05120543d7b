"""A change of an annotation: what it was and what it became, pixel by pixel."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_unet.core.errors import InputError

# A box of an array: (start, stop) along each axis.
ArrayBox = tuple[tuple[int, int], ...]

# So many pixels are changed at a time: their indices take 16 MB.
_AT_ONCE = 2**21


@dataclass(frozen=True, slots=True, eq=False)
class PixelChange:
    """A change of an array, as runs of pixels that changed in the same way.

    A run is a row of pixels in memory order that had one value and got one other: what
    a brush leaves are a few runs for each line, however long they are.

    Parameters
    ----------
    layer : str
        Key of what was changed.
    starts, lengths : ndarray of int64, shape (N,)
        Index of the first pixel of each run in the flat array, ascending, and how many
        pixels it has.
    before, after : ndarray, shape (N,)
        Value of each run; of the array's dtype.
    what : str
        What was done, in a word or two: ``paint``.
    """

    layer: str
    starts: np.ndarray
    lengths: np.ndarray
    before: np.ndarray
    after: np.ndarray
    what: str = field(default="paint")

    @property
    def pixels(self) -> int:
        """How many pixels changed."""
        return int(self.lengths.sum())

    def apply(self, array: np.ndarray) -> None:
        """Make the change in a C-contiguous array that is as it was before.

        Raises
        ------
        InputError
            If it has other values there; nothing is changed.
        """
        self._replace(array, self.before, self.after)

    def revert(self, array: np.ndarray) -> None:
        """Take the change back in a C-contiguous array that is as it was after it.

        Raises
        ------
        InputError
            If it has other values there; nothing is changed.
        """
        self._replace(array, self.after, self.before)

    def box(self, shape: tuple[int, ...]) -> ArrayBox:
        """Return the smallest box of an array of this shape that holds the change."""
        last = self.starts + self.lengths - 1
        corners = np.unravel_index(np.concatenate([self.starts, last]), shape)
        box = [(int(axis.min()), int(axis.max()) + 1) for axis in corners]
        # A run may go on in the next row, or in the next plane.
        for axis in range(len(shape) - 1):
            first, end = corners[axis][: len(last)], corners[axis][len(last) :]
            if (first != end).any():
                box[axis + 1 :] = [(0, size) for size in shape[axis + 1 :]]
                break
        return tuple(box)

    def _replace(self, array: np.ndarray, old: np.ndarray, new: np.ndarray) -> None:
        flat = array.reshape(-1)
        if len(self.starts) and self.starts[-1] + self.lengths[-1] > flat.size:
            raise InputError(self._say_misfit())
        if not all((flat[at] == old[of]).all() for at, of in self._pixels()):
            raise InputError(self._say_misfit())
        for at, of in self._pixels():
            flat[at] = new[of]

    def _pixels(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the flat indices of some pixels, and of which run each is."""
        ends = np.cumsum(self.lengths)
        for first in range(0, self.pixels, _AT_ONCE):
            count = np.arange(first, min(first + _AT_ONCE, self.pixels))
            run = np.searchsorted(ends, count, side="right")
            yield self.starts[run] + count - (ends[run] - self.lengths[run]), run

    def _say_misfit(self) -> str:
        return (
            f"The step '{self.what}' does not fit '{self.layer}', which was changed "
            "since in a way that was not noted; it stays as it is."
        )


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of what is no array: the regions of an image, say.

    Parameters
    ----------
    layer : str
        Key of what was changed.
    before, after : object
        All of it, as JSON knows it.
    what : str
        What was done.
    """

    layer: str
    before: Any
    after: Any
    what: str = "draw"


Change = PixelChange | StateChange


def find_change(
    layer: str,
    before: np.ndarray,
    after: np.ndarray,
    box: ArrayBox | None = None,
    what: str = "paint",
) -> PixelChange | None:
    """Return what changed between two arrays; None if nothing did.

    Parameters
    ----------
    layer : str
        Key of what was changed.
    before, after : ndarray
        Of the same shape and dtype.
    box : tuple of (int, int), optional
        Where to look; everywhere by default.
    what : str
        What was done.
    """
    if before.shape != after.shape or before.dtype != after.dtype:
        raise ValueError("The arrays are not of the same shape and dtype.")
    part = tuple(slice(*side) for side in box or [(0, n) for n in after.shape])
    old, new = before[part], after[part]
    index = np.flatnonzero(old != new)
    if not len(index):
        return None
    if box is None:
        was, became = before.reshape(-1)[index], after.reshape(-1)[index]
    else:
        places = np.unravel_index(index, old.shape)
        was, became = old[places], new[places]
        corner = [piece.start for piece in part]
        index = np.ravel_multi_index(
            tuple(p + c for p, c in zip(places, corner, strict=True)), after.shape
        )
    breaks = (np.diff(index) != 1) | (was[1:] != was[:-1]) | (became[1:] != became[:-1])
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    lengths = np.diff(np.concatenate([first, [len(index)]]))
    return PixelChange(layer, index[first], lengths, was[first], became[first], what)
