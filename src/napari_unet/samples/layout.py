"""Lay out objects that touch and never overlap, and a few fields of chance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
Labels = NDArray[np.uint16]

# Objects reach over the edge of the picture: more is laid out than is shown.
MARGIN = 64
_ANGLES = np.linspace(0, 2 * np.pi, 128, endpoint=False)
_ATTEMPTS = 4000


def shown(array: NDArray[Any]) -> NDArray[Any]:
    """Return the part of a (Y, X) array that is left when the margin is cut off."""
    return array[MARGIN:-MARGIN, MARGIN:-MARGIN]


def smooth_noise(rng: Generator, shape: tuple[int, ...], sigma: float) -> Floats:
    """Return noise of mean 0 and standard deviation 1, smooth over `sigma` pixels."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return np.asarray(noise / noise.std())


def scatter(rng: Generator, where: NDArray[np.bool_], n: int, sigma: float) -> Floats:
    """Return `n` Gaussian spots `sigma` px wide, up to 1 high, centred in `where`."""
    spots = np.zeros(where.shape)
    places = np.flatnonzero(where)
    if places.size:
        np.add.at(spots.reshape(-1), rng.choice(places, n), rng.uniform(0.5, 1, n))
    return np.asarray(ndimage.gaussian_filter(spots, sigma) * 2 * np.pi * sigma**2)


def ellipse(rng: Generator, radius: float, elongation: float) -> Floats:
    """Return the radii, by angle, of an ellipse as large as a circle of `radius`."""
    a, b = radius * np.sqrt(elongation), radius / np.sqrt(elongation)
    angle = _ANGLES - rng.uniform(0, np.pi)
    return np.asarray(a * b / np.hypot(b * np.cos(angle), a * np.sin(angle)))


def wobble(rng: Generator, amplitude: float, highest: int) -> Floats:
    """Return factors near 1, by angle, that make an outline irregular.

    They hold 2, 3, … `highest` waves around the outline; the more waves, the weaker.
    """
    orders = np.arange(2, highest + 1)[:, None]
    size = amplitude * rng.standard_normal(orders.shape) / (orders - 1)
    phase = rng.uniform(0, 2 * np.pi, orders.shape)
    return np.asarray(np.exp((size * np.cos(orders * _ANGLES + phase)).sum(axis=0)))


def lobe(direction: float, width: float) -> Floats:
    """Return a bump of height 1, by angle, `width` radians wide."""
    away = (_ANGLES - direction + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(np.exp(-((away / width) ** 2)))


@dataclass(frozen=True, slots=True)
class _Outline:
    """A star-shaped outline: a centre (y, x) and a radius at each of `_ANGLES`."""

    centre: Floats
    radii: Floats

    def radius(self, angle: float | Floats) -> Floats:
        """Return the radius in pixels at an angle (0 along x, growing towards y)."""
        return np.asarray(np.interp(angle, _ANGLES, self.radii, period=2 * np.pi))

    def level(self, shape: tuple[int, int]) -> tuple[tuple[slice, ...], Floats]:
        """Return a window of the picture and its distance / radius (1 = outline)."""
        reach = self.radii.max() + 1
        window = tuple(
            slice(max(int(c - reach), 0), max(min(int(c + reach) + 2, n), 0))
            for c, n in zip(self.centre, shape, strict=True)
        )
        y, x = np.ogrid[window]
        y, x = y - self.centre[0], x - self.centre[1]
        return window, np.hypot(y, x) / self.radius(np.arctan2(y, x))


class Layout:
    """Objects placed so far.

    Parameters
    ----------
    shape : tuple of int
        Size (Y, X) of the picture, margin included.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.owner: Labels = np.zeros(shape, np.uint16)
        self._outlines: list[_Outline] = []
        self._level = np.full(shape, np.inf)  # how far out in its owner a pixel lies
        self._areas: list[int] = []  # when placed, and now
        self._left: list[int] = []

    @property
    def mean_radii(self) -> Floats:
        """Mean radius of each object in pixels, by its number; background has 0."""
        return np.array([0.0, *(outline.radii.mean() for outline in self._outlines)])

    def add_anywhere(self, rng: Generator, radii: Floats) -> None:
        """Place an object at random if the place is free."""
        centre = rng.uniform(0, 1, 2) * self.owner.shape
        self._add(_Outline(centre, radii), overlap=0)

    def add_neighbour(
        self,
        rng: Generator,
        radii: Floats,
        *,
        closeness: tuple[float, float],
        overlap: float,
    ) -> None:
        """Place an object beside a random one; see `lay_out` for the parameters."""
        host = self._outlines[rng.integers(len(self._outlines))]
        angle = rng.uniform(-np.pi, np.pi)
        guest = _Outline(host.centre, radii)
        reach = host.radius(angle) + guest.radius(angle + np.pi)
        step = np.array([np.sin(angle), np.cos(angle)]) * reach
        centre = host.centre + step * rng.uniform(*closeness)
        self._add(_Outline(centre, radii), overlap=overlap)

    def __len__(self) -> int:
        return len(self._outlines)

    def _add(self, outline: _Outline, *, overlap: float) -> None:
        """Add an object unless one would lose more than `overlap` of its area.

        Where two outlines overlap, a pixel goes to the one it lies deeper in, so the
        objects meet in a line of contact.
        """
        window, level = outline.level(self._level.shape)
        owner, inside = self.owner[window], level < 1
        won = inside & (level < self._level[window])
        area = int(inside.sum())
        if area == 0 or won.sum() < (1 - overlap) * area:
            return
        taken = np.bincount(owner[won], minlength=len(self) + 1)[1:]
        left = np.array(self._left, int) - taken
        if ((taken > 0) & (left < (1 - overlap) * np.array(self._areas))).any():
            return
        self._outlines.append(outline)
        self._areas.append(area)
        self._left = [*left.tolist(), int(won.sum())]
        owner[won] = len(self)
        self._level[window][won] = level[won]


def lay_out(
    rng: Generator,
    shape: tuple[int, int],
    draw: Callable[[Generator], Floats],
    *,
    coverage: float,
    sociable: float,
    closeness: tuple[float, float],
    overlap: float,
) -> Layout:
    """Place objects in a picture and its margin.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    shape : tuple of int
        Size (Y, X) of the picture without its margin.
    draw : callable
        Returns the radii of a new object.
    coverage : float
        Share of the area to cover with objects.
    sociable : float
        Share of the attempts that place an object beside another one.
    closeness : tuple of float
        Range of the distance of such neighbours; 1 is where their outlines just touch.
    overlap : float
        Largest share of its area that an object may lose to its neighbours.

    Returns
    -------
    Layout
        Objects, numbered as they came; they may be torn by others.
    """
    layout = Layout((shape[0] + 2 * MARGIN, shape[1] + 2 * MARGIN))
    for _ in range(_ATTEMPTS):
        radii = draw(rng)
        if len(layout) and rng.random() < sociable:
            layout.add_neighbour(rng, radii, closeness=closeness, overlap=overlap)
        else:
            layout.add_anywhere(rng, radii)
        if np.count_nonzero(layout.owner) >= coverage * layout.owner.size:
            break
    return layout


def single_pieces(owner: Labels, *, smallest: int) -> Labels:
    """Return objects of one 4-connected piece each, also where the margin is cut off.

    Splinters become background. An object that would show in two pieces, or with less
    than `smallest` pixels, is removed.
    """
    in_view = np.zeros(owner.shape, bool)
    shown(in_view)[:] = True
    labels = np.zeros_like(owner)
    for number, box in enumerate(ndimage.find_objects(owner), start=1):
        if box is None:
            continue
        pieces, _ = ndimage.label(owner[box] == number)
        piece = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
        visible = piece & in_view[box]
        if ndimage.label(visible)[1] <= 1 and not 0 < visible.sum() < smallest:
            labels[box][piece] = number
    return labels


def in_reading_order(labels: Labels) -> Labels:
    """Return the labels renumbered 1, 2, … by their first pixel, row by row."""
    numbers, first = np.unique(labels, return_index=True)
    order = numbers[np.argsort(first)]
    order = order[order > 0]
    table = np.zeros(int(numbers.max()) + 1, np.uint16)
    table[order] = np.arange(1, order.size + 1)
    return table[labels]


def measure_depth(labels: Labels) -> Floats:
    """Return the distance in px from each pixel of an object to the object's outside.

    The outside may be another object; pixels along it have 0.5, background has 0.
    """
    inner = labels > 0
    for axis in (0, 1):
        same = np.diff(labels.astype(np.int32), axis=axis) == 0
        before, after = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
        before[axis], after[axis] = (1, 0), (0, 1)
        inner &= np.pad(same, before, constant_values=True)
        inner &= np.pad(same, after, constant_values=True)
    depth = ndimage.distance_transform_edt(inner) + 0.5
    return np.where(labels > 0, depth, 0)
