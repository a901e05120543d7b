"""Points of several classes and planes compared: class by class, point by point."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.detection import (
    DISTANCE,
    DetectionScores,
    judge_points,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PointComparison:
    """How predicted and true points agree.

    Parameters
    ----------
    scores : dict of str to DetectionScores
        Of each class, sorted by name.
    found, counted : ndarray of bool, shape (N,)
        Of each predicted point: whether it has a partner, and whether it counts.
    was_found, true_counted : ndarray of bool, shape (M,)
        The same of each true point.
    """

    scores: dict[str, DetectionScores]
    found: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    was_found: NDArray[np.bool_]
    true_counted: NDArray[np.bool_]

    @property
    def overall(self) -> DetectionScores:
        """The counts of all classes together; F1 is that of the sums."""
        total = functools.reduce(operator.add, self.scores.values(), DetectionScores())
        return total if len(self.scores) == 1 else total.of_one_image()


def compare_points(
    predicted: NDArray[np.floating],
    predicted_names: Sequence[str],
    true: NDArray[np.floating],
    true_names: Sequence[str],
    *,
    distance: float = DISTANCE,
    volume: bool = False,
    pixel_size: Sequence[float] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> PointComparison:
    """Compare points, each class by itself.

    Parameters
    ----------
    predicted, true : ndarray of float, shape (N, D) and (M, D)
        (Y, X), (Z, Y, X) or (T, Z, Y, X), in pixels. Time points are for themselves.
    predicted_names, true_names : sequence of str
        Class of each point.
    distance : float
        Pairs may be so far apart, in pixels along X.
    volume : bool
        Whether pairs may lie on different planes; by default each plane of a stack,
        to which Z is rounded, is for itself.
    pixel_size : sequence of float, one per axis, optional
        Edge lengths of a pixel, that along X being 1; by default 1.
    known : ndarray of bool, shape ([[T,] Z,] Y, X), optional
        Where points count; see `score_points`.

    Raises
    ------
    InputError
        If one side has points of a stack and the other of a single image.

    Examples
    --------
    >>> true = np.array([[4.0, 9, 9], [7.0, 2, 2]])
    >>> found = np.array([[5.2, 9, 8]])
    >>> compared = compare_points(found, ["a"], true, ["a", "a"], volume=True)
    >>> compared.overall.f1, compared.was_found
    (0.6666666666666666, array([ True, False]))
    """
    if len(predicted) and len(true) and predicted.shape[1] != true.shape[1]:
        raise InputError(
            "The predicted points and the true ones have different numbers of "
            "coordinates: one side is of a stack, the other of a single image."
        )
    axes = (true if len(true) else predicted).shape[1]
    predicted, true = (
        each if len(each) else np.zeros((0, axes)) for each in (predicted, true)
    )
    sides = (predicted, predicted_names), (true, true_names)
    keys = [_group(places, names, volume) for places, names in sides]
    found, counted = np.zeros((2, len(predicted)), bool)
    was_found, true_counted = np.zeros((2, len(true)), bool)
    scores: dict[str, DetectionScores] = {}
    for name, plane in sorted({*keys[0], *keys[1]}):
        rows, columns = (
            np.flatnonzero([key == (name, plane) for key in each]) for each in keys
        )
        used = slice(-3 if volume else -2, None)
        pairs, here, there = judge_points(
            predicted[rows][:, used],
            true[columns][:, used],
            distance=distance,
            known=_known_on(known, plane),
            pixel_size=None if pixel_size is None else tuple(pixel_size)[used],
        )
        counted[rows], true_counted[columns] = here, there
        found[rows[pairs[:, 0]]] = was_found[columns[pairs[:, 1]]] = True
        one = DetectionScores(
            objects_true=int(there.sum()),
            objects_predicted=int(here.sum()),
            true_positives=int(here[pairs[:, 0]].sum()),
        ).of_one_image()
        scores[name] = scores[name] + one if name in scores else one
    return PointComparison(scores, found, counted, was_found, true_counted)


def _group(
    places: NDArray[np.floating], names: Sequence[str], volume: bool
) -> list[tuple[str, tuple[int, ...]]]:
    """Return the class of each point, and its plane or time where these are apart."""
    front = np.round(places[:, : -3 if volume else -2]).astype(int).tolist()
    return [(name, tuple(place)) for name, place in zip(names, front, strict=True)]


def _known_on(
    known: NDArray[np.bool_] | None, place: tuple[int, ...]
) -> NDArray[np.bool_] | None:
    """Return where points of a plane or volume count; nowhere beyond the stack."""
    if known is None or known.ndim == 2:
        return known
    there: NDArray[np.bool_] = np.zeros(known.shape[len(place) :], bool)
    if all(i in range(n) for i, n in zip(place, known.shape, strict=False)):
        there |= known[place]
    return there
