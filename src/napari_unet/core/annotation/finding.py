"""What a look at annotated images brings: one thing that is wrong, and where."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or looks wrong.

    Parameters
    ----------
    level : str
        ``error``: training would be refused or useless; ``warning``: have a look.
    message : str
        What was found, and what to do.
    image : str
        The name of the image that it is about.
    place : tuple of int, optional
        A pixel ([Z,] Y, X) to look at, or the first of several.
    topic : str
        What kind of finding it is: the same on many planes is said once.
    """

    level: Level
    message: str
    image: str = ""
    place: tuple[int, ...] | None = None
    topic: str = ""

    @property
    def where(self) -> str:
        """The place for people, e.g. 'plane 3, row 10, column 7'; may be empty."""
        if self.place is None:
            return ""
        names = ("plane", "row", "column")[-len(self.place) :]
        return ", ".join(
            f"{name} {number}" for name, number in zip(names, self.place, strict=True)
        )


def first_pixel(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return where a mask ([Z,] Y, X) begins."""
    pixel = np.unravel_index(int(mask.argmax()), mask.shape)
    return tuple(int(axis) for axis in pixel)


def gather_planes(
    by_plane: Iterable[tuple[int, Iterable[Finding]]],
) -> list[Finding]:
    """Return the findings of the planes of a stack, each topic once.

    Parameters
    ----------
    by_plane : iterable of (int, iterable of Finding)
        Places (Y, X).

    Returns
    -------
    list of Finding
        The first of each topic and level, with its plane, and how many planes more
        have the same.
    """
    first: dict[tuple[str, Level], Finding] = {}
    more: dict[tuple[str, Level], int] = {}
    for z, findings in by_plane:
        for finding in findings:
            key = (finding.topic or finding.message, finding.level)
            if key in first:
                more[key] += 1
                continue
            place = (z, *(finding.place or (0, 0)))
            first[key], more[key] = replace(finding, place=place), 0
    return [
        finding
        if not more[key]
        else replace(
            finding, message=f"{finding.message} The like on {_planes(more[key])}."
        )
        for key, finding in first.items()
    ]


def _planes(number: int) -> str:
    return "1 more plane" if number == 1 else f"{number} more planes"
