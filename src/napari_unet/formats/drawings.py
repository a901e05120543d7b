"""Areas and points that were drawn in another program, painted as labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.points import DEFAULT_CLASS, Points
from napari_unet.core.errors import InputError
from napari_unet.formats.outlines import Part, fill_rings

_HIGHEST = int(np.iinfo(np.uint32).max)
_MOST_PIXELS = 2**28
# No image is as wide; beyond, sums lose whole pixels.
_FARTHEST = 1e9
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Place:
    """On which plane something was drawn; 0 is the first, None where it is not said.

    Parameters
    ----------
    frame : int, optional
        Counted through all planes of a stack.
    time, z : int, optional
        Or each by itself.
    """

    frame: int | None = None
    time: int | None = None
    z: int | None = None

    @property
    def is_named(self) -> bool:
        """Whether a plane is named at all."""
        return any(each is not None for each in (self.frame, self.time, self.z))

    def plane_of(self, shape: tuple[int, ...]) -> int | None:
        """Return which plane of an image this is, None if there is no such plane.

        Parameters
        ----------
        shape : tuple of int
            (Y, X), (Z|T, Y, X) or (T, Z, Y, X).
        """
        time, z = self.time or 0, self.z or 0
        count = int(np.prod(shape[:-2]))
        if self.frame is not None:
            plane = self.frame
        elif len(shape) == 4:
            plane = time * shape[1] + z if z < shape[1] else count
        else:  # one axis: either depth or time, whichever was used
            plane = max(time, z) if not (time and z) else count
        return plane if 0 <= plane < count else None


@dataclass(frozen=True, slots=True)
class Area:
    """One outline, on one plane.

    Parameters
    ----------
    parts : tuple of tuple of ndarray
        As those of `outlines.Outline`; corners at any fraction of a pixel.
    number : int, optional
        The label that its name asks for.
    of_class : str
        Empty where none is named.
    place : Place
        The plane.
    """

    parts: tuple[Part, ...]
    number: int | None = None
    of_class: str = ""
    place: Place = Place()

    def __post_init__(self) -> None:
        """Refuse corners that are nowhere; whoever reads the file says of which."""
        _check_places(np.concatenate([ring for part in self.parts for ring in part]))


@dataclass(frozen=True, slots=True)
class Mark:
    """One point: x and y in pixels, the centre of the first pixel being 0."""

    x: float
    y: float
    of_class: str = ""
    place: Place = Place()

    def __post_init__(self) -> None:
        """Refuse a point that is nowhere."""
        _check_places(np.array([self.x, self.y]))


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a file of outlines holds.

    Parameters
    ----------
    areas : list of Area
        In the order of the file: later ones lie on top.
    marks : list of Mark
        Points.
    left_out : Counter of str
        What is neither, and so was left out, by what it is: 'line', 'text'.
    """

    areas: list[Area] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the areas, sorted."""
        return tuple(sorted({area.of_class for area in self.areas} - {""}))

    def fit(self) -> tuple[int, ...]:
        """Return the shape (Y, X) or (P, Y, X) of the smallest image that holds all.

        Raises
        ------
        InputError
            If that is too large to be an image.
        """
        corners = [ring for each in self.areas for part in each.parts for ring in part]
        corners += [np.array([[mark.x + 0.5, mark.y + 0.5]]) for mark in self.marks]
        width, height = np.ceil(np.concatenate(corners).max(axis=0)).astype(int)
        places = [area.place for area in self.areas]
        places += [mark.place for mark in self.marks]
        planes = 1 + max(max(p.frame or 0, p.time or 0, p.z or 0) for p in places)
        shape = (max(int(height), 1), max(int(width), 1))
        if planes * shape[0] * shape[1] > _MOST_PIXELS:
            raise InputError(
                f"The outlines reach to row {height} and column {width}, so the size "
                "of their image cannot be guessed; open the image first."
            )
        return shape if planes == 1 else (planes, *shape)


@dataclass(slots=True)
class _Account:
    """What happened to areas while they were painted."""

    beyond: int = 0
    outside: int = 0
    small: int = 0
    cut: int = 0
    covered_px: int = 0

    def sentences(self, hidden: int) -> list[str]:
        said = []
        if self.beyond:
            said.append(
                f"{areas(self.beyond)} on planes that the image does not have "
                f"{_were(self.beyond)} left out."
            )
        if self.outside:
            said.append(
                f"{areas(self.outside)} outside the image {_were(self.outside)} left "
                "out."
            )
        if self.cut:
            said.append(
                f"{areas(self.cut)} {_were(self.cut)} cut at the edge of the image."
            )
        if self.small:
            said.append(
                f"{areas(self.small)} without the centre of any pixel "
                f"{_were(self.small)} left out."
            )
        if self.covered_px:
            gone = f", which hides {areas(hidden)} completely" if hidden else ""
            said.append(
                f"Outlines overlap: on {self.covered_px} pixels the later one lies on "
                f"top{gone}."
            )
        return said


def areas(number: int) -> str:
    """Return '1 area', '2 areas'."""
    return f"{number} area" if number == 1 else f"{number} areas"


def paint_objects(
    found: Drawing, shape: tuple[int, ...]
) -> tuple[NDArray[np.integer], list[str]]:
    """Paint each area as one object.

    Parameters
    ----------
    found : Drawing
        Areas whose numbers are all different on their plane keep them as labels, and
        the others get those that follow; else all are numbered anew.
    shape : tuple of int
        Shape (Y, X), (Z|T, Y, X) or (T, Z, Y, X) of the image.

    Returns
    -------
    labels : ndarray of uint16, or uint32 for labels above 65535, shape `shape`
        A pixel belongs to an area if its centre does; of overlapping ones to the last.
    said : list of str
        What was lost.
    """
    planes = [area.place.plane_of(shape) for area in found.areas]
    wanted = [
        area.number if area.number and area.number <= _HIGHEST - len(planes) else None
        for area in found.areas
    ]
    named = [pair for pair in zip(planes, wanted, strict=True) if pair[1]]
    said = []
    if len({*named}) < len(named):
        said.append(
            "Several areas have the same number as their name: all got new ones."
        )
        wanted = [None] * len(wanted)
    last = max((number for number in wanted if number), default=0)
    numbers = []
    for number in wanted:
        last += number is None
        numbers.append(number or last)
    labels, lost = _paint(found.areas, planes, numbers, shape)
    return labels, said + lost


def paint_classes(
    found: Drawing, shape: tuple[int, ...], names: Sequence[str]
) -> tuple[NDArray[np.integer], list[str]]:
    """Paint each area with the number of its class.

    Parameters
    ----------
    found : Drawing
        Areas without a class are left out.
    shape : tuple of int
        As for `paint_objects`.
    names : sequence of str
        Of the classes, background first: the place of a name is its number.

    Returns
    -------
    classes : ndarray of uint16, shape `shape`
    said : list of str
        What was lost.

    Raises
    ------
    InputError
        If no area has a class, or one has another.
    """
    classed = [area for area in found.areas if area.of_class]
    if not classed:
        raise InputError(
            "None of its areas has a class; learn objects, or give them classes in "
            "the program that drew them."
        )
    if missing := [name for name in found.classes if name not in names[1:]]:
        raise InputError(
            f"It holds areas of the class {_list(missing)}, which is not among "
            f"{_list(names)}; name all classes, background first."
        )
    planes = [area.place.plane_of(shape) for area in classed]
    numbers = [list(names).index(area.of_class, 1) for area in classed]
    classes, said = _paint(classed, planes, numbers, shape)
    if without := len(found.areas) - len(classed):
        said.append(f"{areas(without)} without a class {_were(without)} left out.")
    return classes, said


def place_marks(
    marks: Sequence[Mark], shape: tuple[int, ...]
) -> tuple[Points, list[str]]:
    """Return points in the axes of an image, and what was lost."""
    positions, names = [], []
    for mark in marks:
        plane = mark.place.plane_of(shape)
        inside = -0.5 <= mark.y < shape[-2] - 0.5 and -0.5 <= mark.x < shape[-1] - 0.5
        if plane is not None and inside:
            above = np.unravel_index(plane, shape[:-2]) if len(shape) > 2 else ()
            positions.append([*map(float, above), mark.y, mark.x])
            names.append(mark.of_class or DEFAULT_CLASS)
    array = np.array(positions, float).reshape(-1, len(shape))
    lost = len(marks) - len(names)
    said = [f"{lost} of {len(marks)} points outside the image left out."]
    return Points(array, tuple(names)), said if lost else []


def say_unplaced(found: Drawing, shape: tuple[int, ...]) -> list[str]:
    """Return what to say of what names no plane of a stack."""
    places = [area.place for area in found.areas]
    places += [mark.place for mark in found.marks]
    unplaced = sum(not place.is_named for place in places)
    if len(shape) == 2 or not unplaced:
        return []
    return [
        f"{unplaced} of {len(places)} areas and points name no plane; they lie on the "
        "first."
    ]


def say_left_out(left_out: Counter[str]) -> list[str]:
    """Return what to say of what is neither area nor point."""
    if not left_out:
        return []
    listed = ", ".join(
        f"{number} × {noun}" for noun, number in sorted(left_out.items())
    )
    return [f"Left out, for only areas and points can be used: {listed}."]


def _paint(
    found: Sequence[Area],
    planes: Sequence[int | None],
    numbers: Sequence[int],
    shape: tuple[int, ...],
) -> tuple[NDArray[np.integer], list[str]]:
    highest = max(numbers, default=0)
    labels = np.zeros(shape, np.uint16 if highest <= 65535 else np.uint32)
    canvas = labels.reshape(-1, *shape[-2:])
    size = np.array(shape[:-3:-1])
    account, painted = _Account(), set()
    for area, plane, number in zip(found, planes, numbers, strict=True):
        corners = np.concatenate([ring for part in area.parts for ring in part])
        first, last = corners.min(axis=0), corners.max(axis=0)
        if plane is None:
            account.beyond += 1
        elif (last <= 0).any() or (first >= size).any():
            account.outside += 1
        elif covered := _fill(canvas[plane], area, number):
            painted.add(number)
            account.covered_px += covered - 1
            account.cut += bool((first < 0).any() or (last > size).any())
        else:
            account.small += 1
    hidden = len(painted - set(np.unique(labels).tolist())) if account.covered_px else 0
    return labels, account.sentences(hidden)


def _fill(plane: NDArray[np.integer], area: Area, number: int) -> int:
    """Paint an area; return 0 if it holds no pixel, else 1 and what it covers."""
    filled = covered = 0
    for part in area.parts:
        box, mask = fill_rings(part, (plane.shape[0], plane.shape[1]))
        there = plane[box]
        taken = (there != 0) & (there != number)
        covered += int(np.count_nonzero(mask & taken))
        filled += int(np.count_nonzero(mask))
        there[mask] = number
    return covered + 1 if filled else 0


def _check_places(places: NDArray[np.floating]) -> None:
    if not (np.abs(places) < _FARTHEST).all():
        raise ValueError("something was drawn at no place of an image")


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED_AT_MOST])
    return shown + (", …" if len(names) > _NAMED_AT_MOST else "")
