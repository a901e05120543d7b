"""What a quick look has seen of an image: shown until tiles take its place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """What was seen where it was looked, at the zoom that was chosen or close to it.

    Parameters
    ----------
    plane : int or None
        Index along Z or time; None in a 2D image.
    box : tuple of slice
        Where (Y, X) in the plane, in pixels of the image.
    foreground : ndarray of float32, shape (y, x)
        Probability of being in an object, in these pixels.
    """

    plane: int | None
    box: tuple[slice, slice]
    foreground: NDArray[np.float32]

    def within(self, box: tuple[slice, slice]) -> "Glimpse | None":
        """Return the part inside a box of the plane; None where there is none."""
        parts = [
            slice(max(mine.start, other.start), min(mine.stop, other.stop))
            for mine, other in zip(self.box, box, strict=True)
        ]
        if any(part.start >= part.stop for part in parts):
            return None
        y, x = (
            slice(part.start - mine.start, part.stop - mine.start)
            for part, mine in zip(parts, self.box, strict=True)
        )
        return Glimpse(self.plane, (parts[0], parts[1]), self.foreground[y, x])
