"""Points set by the user, or read from a table: one for each object, with its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# The class of points that name none.
DEFAULT_CLASS = "object"


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Where objects are, and of which class each is.

    Parameters
    ----------
    positions : ndarray of float64, shape (N, 2) or (N, 3)
        (Y, X) or (Z, Y, X) in pixels; the centre of the first pixel is 0.
    names : tuple of str, one per point
        Its class.

    Raises
    ------
    InputError
        If there is not one class for each point, or a position is not finite.
    """

    positions: NDArray[np.float64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check once, at the door."""
        positions = np.asarray(self.positions, np.float64)
        if positions.size == 0:
            axes = positions.shape[1] if positions.ndim == 2 else 2
            positions = positions.reshape(0, axes or 2)
        if positions.ndim != 2 or positions.shape[1] not in (2, 3):
            raise InputError(
                f"The points have the shape {positions.shape}; each needs two "
                "coordinates (Y, X), or three (Z, Y, X) in a stack."
            )
        if len(positions) != len(self.names):
            raise InputError(
                f"There are {len(positions)} points and {len(self.names)} classes; "
                "give one class for each point."
            )
        if not np.isfinite(positions).all():
            number = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0]) + 1
            raise InputError(
                f"Point {number} has no finite position; delete it or set it again."
            )
        object.__setattr__(self, "positions", positions)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.names)

    def plane(self, index: int) -> Points:
        """Return the (Y, X) points on plane `index` of a stack."""
        mine = np.round(self.positions[:, 0]) == index
        names = tuple(n for n, keep in zip(self.names, mine, strict=True) if keep)
        return Points(self.positions[mine, 1:], names)

    def numbers(self, class_names: Sequence[str]) -> NDArray[np.int64]:
        """Return the class of each point as the model numbers it, background 0.

        Parameters
        ----------
        class_names : sequence of str
            Of the model, background first.

        Raises
        ------
        InputError
            If the model does not know a class.
        """
        known = {name: i for i, name in enumerate(class_names) if i}
        if missing := sorted(set(self.names) - set(known)):
            raise InputError(
                f"There are points of the class '{missing[0]}', but the model knows "
                f"only {', '.join(map(repr, known))}. Rename the class, or train from "
                "scratch."
            )
        return np.array([known[name] for name in self.names], np.int64)


def check_inside(points: Points, shape: Sequence[int], name: str) -> None:
    """Refuse points that lie outside their image.

    Parameters
    ----------
    points : Points
        With as many axes as `shape`.
    shape : sequence of int
        Of the image, ([Z,] Y, X).
    name : str
        How the message begins, e.g. "The points of 'nuclei'".

    Raises
    ------
    InputError
        Naming the first that does.
    """
    if points.positions.shape[1] != len(shape):
        raise InputError(
            f"{name} have {points.positions.shape[1]} coordinates each, the image has "
            f"{len(shape)} axes {tuple(shape)}; set points on this very image."
        )
    low, high = -0.5, np.asarray(shape) - 0.5
    inside = ((points.positions >= low) & (points.positions <= high)).all(axis=1)
    if not inside.all():
        number = int(np.flatnonzero(~inside)[0])
        place = ", ".join(f"{value:g}" for value in points.positions[number])
        raise InputError(
            f"{name} do not fit: point {number + 1} is at ({place}), outside the image "
            f"of {' × '.join(map(str, shape))} pixels. Choose the image they were set "
            "on; positions are in pixels, not in µm."
        )


def lie_between_planes(points: Points) -> bool:
    """Tell whether some points of a stack are on no plane, but between two."""
    along_z = points.positions[:, 0]
    return points.positions.shape[1] == 3 and bool((along_z % 1 != 0).any())


def class_names_of(all_points: Sequence[Points]) -> tuple[str, ...]:
    """Return the names of the classes that occur, background first.

    Names that are numbers come in the order of the numbers.
    """
    found = {name for points in all_points for name in points.names}
    numbers = sorted((name for name in found if name.isdecimal()), key=int)
    others = sorted(found.difference(numbers))
    return ("background", *((*numbers, *others) or (DEFAULT_CLASS,)))
