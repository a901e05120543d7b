"""Mistakes in points that spoil a training: where each is, and how to mend it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from napari_unet.core.annotation.finding import Finding
from napari_unet.core.annotation.findings import look_at_grey_values
from napari_unet.core.annotation.points import DEFAULT_CLASS, Points
from napari_unet.core.annotation.target import Example, mark_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_unet.core.annotation.target import Region
    from napari_unet.core.image import Image

# Points nearer than this, in pixels, are one that was set twice.
_SAME = 1.0
# So many points are needed to learn from some and to measure with others.
_FEWEST = 4
# Fewer points of a class than this are soon all on one side.
_FEWEST_OF_CLASS = 4


def find_point_faults(
    image: Image,
    points: Points,
    *,
    radius: float = 2.0,
    regions: Sequence[Region] = (),
    ignored: NDArray[np.bool_] | None = None,
    volume: bool = False,
) -> list[Finding]:
    """Look for mistakes in the points of an image.

    Parameters
    ----------
    image : Image
        (C, [Z,] Y, X).
    points : Points
        In its pixels.
    radius : float
        Of the disks that they will become, in pixels along X.
    regions : sequence of Region
        Where every object has its point; none means everywhere.
    ignored : ndarray of bool, shape ([Z,] Y, X), optional
        Ground to be left out.
    volume : bool
        Whether objects reach through planes; else points of two planes of a stack are
        never too close.

    Returns
    -------
    list of Finding
        Errors first; empty where nothing was found.
    """
    misplaced = find_misplaced_points(
        points,
        image.shape,
        pixel_size_um=image.pixel_size_um,
        radius=radius,
        regions=regions,
        ignored=ignored,
        volume=volume,
    )
    return sorted([*look_at_grey_values(image), *misplaced], key=_level)


def find_misplaced_points(
    points: Points,
    shape: tuple[int, ...],
    *,
    pixel_size_um: tuple[float, ...] | None = None,
    radius: float = 2.0,
    regions: Sequence[Region] = (),
    ignored: NDArray[np.bool_] | None = None,
    volume: bool = False,
) -> list[Finding]:
    """Look for mistakes in where points are, without the image.

    Parameters
    ----------
    points, radius, regions, ignored, volume
        As for `find_point_faults`.
    shape : tuple of int
        ([Z,] Y, X) of the image.
    pixel_size_um : tuple of float, one per axis, optional
        Edge lengths of its pixels.
    """
    axes = points.positions.shape[1]
    if len(points) and axes != len(shape):
        text = (
            f"The points have {axes} coordinates each, the image has {len(shape)} axes "
            f"({_size(shape)} pixels); set them on this very image: in a stack each "
            "point needs its plane (z)."
        )
        return [Finding("error", text)]
    if not len(points):
        text = (
            "There are no points: all of the image is learned as background. Set a "
            "point on each object, unless it truly shows none."
        )
        return [Finding("warning", text)]
    found, points = split_off_outside(points, shape, pixel_size_um)
    sizes = np.ones(axes) if pixel_size_um is None else np.array(pixel_size_um, float)
    return [
        *found,
        *_look_for_close_ones(points, radius, sizes / sizes[-1], volume),
        *_look_for_lost_ones(points, shape, regions, ignored),
    ]


def split_off_outside(
    points: Points,
    shape: tuple[int, ...],
    pixel_size_um: tuple[float, ...] | None = None,
) -> tuple[list[Finding], Points]:
    """Return what is to be said of points outside an image, and those inside.

    Parameters
    ----------
    points, shape, pixel_size_um
        As for `find_misplaced_points`; with as many coordinates as the image has axes.
    """
    outside = _outside(points, shape)
    if not outside.any():
        return [], points
    names = tuple(n for n, o in zip(points.names, outside, strict=True) if not o)
    inside = Points(points.positions[~outside], names)
    return [_say_outside(points, shape, pixel_size_um, outside)], inside


def find_point_set_faults(examples: Sequence[Example]) -> list[tuple[str, Finding]]:
    """Look for what only shows when the points of all images are seen together.

    Parameters
    ----------
    examples : sequence of Example
        The whole set; those without points are passed over.

    Returns
    -------
    list of (str, Finding)
        With the name of the image that it is about.
    """
    marked = [(e.image.name, e.points) for e in examples if e.points is not None]
    if not marked:
        return []
    total = sum(len(points) for _, points in marked)
    if total == 0:
        text = "There are no points in any image; set one on each object."
        return [(marked[0][0], Finding("error", text))]
    found = []
    if total < _FEWEST:
        text = (
            f"There {'is' if total == 1 else 'are'} only {_count(total)} in all: too "
            "few to learn from some and to measure with others. Set a few dozen."
        )
        found.append((marked[0][0], Finding("warning", text)))
    return [*found, *_look_at_classes(marked)]


def _look_at_classes(marked: Sequence[tuple[str, Points]]) -> list[tuple[str, Finding]]:
    """Look for classes with few points, in one image, or spelled in two ways."""
    counts = Counter(name for _, points in marked for name in points.names)
    if len(counts) < 2:
        return []
    found = []
    for name, count in sorted(counts.items()):
        image, place = _first_of(marked, name)
        text = ""
        twin = next((n for n in counts if n < name and _plain(n) == _plain(name)), None)
        holders = sum(name in points.names for _, points in marked)
        if twin is not None:
            text = (
                f"The classes '{twin}' and '{name}' (the first point of it at {place}) "
                "differ in spelling only, but are learned as two; give all these "
                "points one name."
            )
        elif name == DEFAULT_CLASS:
            text = (
                f"{_count(count)} name no class, the first at {place}, and become the "
                f"class '{name}' beside {_others(counts, name)}; name the class of "
                "each, unless that is right."
            )
        elif count < _FEWEST_OF_CLASS:
            text = (
                f"The class '{name}' has {_count(count)} only, the first at {place}; "
                "with so few it can hardly be learned and not be measured. Set more, "
                "or correct the name."
            )
        elif holders == 1 < len(marked):
            text = (
                f"The class '{name}' has points in this image only, the first at "
                f"{place}: with it held back nobody can learn the class, with it "
                "learned nobody can measure it. Mark it in another image, too."
            )
        if text:
            found.append((image, Finding("warning", text)))
    return found


def _outside(points: Points, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Tell which points lie outside an image; see `points.check_inside`."""
    inside = (points.positions >= -0.5) & (points.positions <= np.array(shape) - 0.5)
    outside: NDArray[np.bool_] = np.logical_not(inside.all(axis=1))
    return outside


def _say_outside(
    points: Points,
    shape: Sequence[int],
    pixel_size_um: tuple[float, ...] | None,
    outside: NDArray[np.bool_],
) -> Finding:
    """Say which points lie outside, and what may have gone wrong."""
    number = int(np.flatnonzero(outside)[0])
    advice = "delete what lies there, or choose the image that was marked"
    if pixel_size_um is not None:
        as_pixels = Points(points.positions / np.array(pixel_size_um), points.names)
        if not _outside(as_pixels, shape).any():
            size = " × ".join(f"{edge:g}" for edge in pixel_size_um)
            advice = (
                f"they would fit as µm: divide them by the pixel size ({size} µm), for "
                "positions are in pixels"
            )
    swapped = np.concatenate(
        [points.positions[:, :-2], points.positions[:, :-3:-1]], axis=1
    )
    if not _outside(Points(swapped, points.names), shape).any():
        advice = "they would fit with x and y exchanged: exchange the two columns"
    text = (
        f"{_count(int(outside.sum()), verb=True)} outside the image of "
        f"{_size(shape)} pixels, the first at {_place(points, number)} (point "
        f"{number + 1}); {advice}."
    )
    return Finding("error", text, place=_pixel(points, number))


def _look_for_close_ones(
    points: Points, radius: float, sizes: NDArray[np.float64], volume: bool
) -> list[Finding]:
    """Look for points that were set twice, and for disks that overlap."""
    places = points.positions * sizes
    if not volume and places.shape[1] == 3:  # planes are worlds apart
        places[:, 0] = np.round(points.positions[:, 0]) * (2 * radius + _SAME)
    pairs = cKDTree(places).query_pairs(2 * radius, output_type="ndarray")
    apart = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    findings = []
    for chosen, say in (
        (
            apart < _SAME,
            "{} set twice, less than a pixel apart, the first {}; delete one of each.",
        ),
        (
            (apart >= _SAME) & (apart < 2 * radius),
            f"{{}} closer than the {2 * radius:g} px that their disks are wide, the "
            "first {}: each learns a part of its disk only. Choose a smaller radius "
            "(on the command line: --point-radius; in the dock: More settings, "
            "Training), or delete one where "
            "an object has two.",
        ),
    ):
        close = pairs[chosen]
        if len(close):
            first, second = close[np.lexsort((close[:, 1], close[:, 0]))[0]].tolist()
            where = f"at {_place(points, first)} and {_place(points, second)}"
            pairs_said = (
                "1 pair of points is"
                if len(close) == 1
                else f"{len(close)} pairs of points are"
            )
            text = say.format(pairs_said, where)
            findings.append(Finding("warning", text, place=_pixel(points, first)))
    return findings


def _look_for_lost_ones(
    points: Points,
    shape: tuple[int, ...],
    regions: Sequence[Region],
    ignored: NDArray[np.bool_] | None,
) -> list[Finding]:
    """Look for points that are not learned from."""
    last = np.asarray(shape) - 1
    pixels = tuple(np.clip(np.round(points.positions), 0, last).astype(int).T)
    findings = []
    left_out = np.zeros(shape, bool) if ignored is None else ignored
    for chosen, where in (
        (~mark_known(shape, regions)[pixels], "outside all regions"),
        (left_out[pixels], "on ignored ground"),
    ):
        if chosen.any():
            number = int(np.flatnonzero(chosen)[0])
            text = (
                f"{_count(int(chosen.sum()), verb=True)} {where}, the first at "
                f"{_place(points, number)}, and will not be learned from; that is "
                "right only if it was meant so."
            )
            findings.append(Finding("warning", text, place=_pixel(points, number)))
    return findings


def _first_of(marked: Sequence[tuple[str, Points]], name: str) -> tuple[str, str]:
    """Return the image of the first point of a class, and where it is."""
    for image, points in marked:
        if name in points.names:
            return image, _place(points, points.names.index(name))
    raise KeyError(name)


def _pixel(points: Points, number: int) -> tuple[int, ...]:
    """Return the pixel on which a point lies."""
    return tuple(int(axis) for axis in np.round(points.positions[number]))


def _place(points: Points, number: int) -> str:
    """Return where a point is: (y, x), or (z, y, x)."""
    place = ", ".join(f"{value:.4g}" for value in points.positions[number])
    axes = "z, y, x" if points.positions.shape[1] == 3 else "y, x"
    return f"({axes}) = ({place})"


def _count(number: int, *, verb: bool = False) -> str:
    text = "1 point" if number == 1 else f"{number} points"
    return text if not verb else f"{text} {'lies' if number == 1 else 'lie'}"


def _others(counts: Counter[str], name: str) -> str:
    return ", ".join(f"'{other}'" for other in sorted(counts) if other != name)


def _plain(name: str) -> str:
    """Return a name without what people mistype: case, blanks, plural."""
    return "".join(name.split()).casefold().removesuffix("s")


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _level(finding: Finding) -> str:
    return finding.level
