"""How well detected points agree with true ones: F1 at a distance of 3 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.scores import Scores, intervals_of
from napari_unet.core.evaluation.value_scores import ValueScores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Points this far apart, in pixels, may be the same object (Falk et al. 2019).
DISTANCE = 3.0
# What pixel IoU adds to the rank of a checkpoint.
PIXELS = 0.1


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """Agreement of predicted and true points, as counts that can be added.

    Every score is 1 where there is nothing to find and nothing was found, and 0 where
    only one of the two is empty.

    Parameters
    ----------
    objects_true, objects_predicted : int
        Points that count.
    true_positives : int
        Pairs of them, one to one, no further apart than the distance.
    pixels_shared, pixels_true, pixels_predicted : int
        During a training: known pixels that are disk in both, in the target, in the
        prediction.
    images : tuple of DetectionScores
        Those of each image.
    """

    objects_true: int = 0
    objects_predicted: int = 0
    true_positives: int = 0
    pixels_shared: int = 0
    pixels_true: int = 0
    pixels_predicted: int = 0
    images: tuple[DetectionScores, ...] = field(default=(), compare=False)

    def __add__(self, other: DetectionScores) -> DetectionScores:
        """Return the scores of both together; `sum` needs ``DetectionScores()``."""
        return DetectionScores(
            self.objects_true + other.objects_true,
            self.objects_predicted + other.objects_predicted,
            self.true_positives + other.true_positives,
            self.pixels_shared + other.pixels_shared,
            self.pixels_true + other.pixels_true,
            self.pixels_predicted + other.pixels_predicted,
            self.images + other.images,
        )

    def of_one_image(self) -> DetectionScores:
        """Return the same counts, as those of a single image of several classes."""
        return replace(self, images=(replace(self, images=()),))

    @property
    def missed(self) -> int:
        """True points that were not found."""
        return self.objects_true - self.true_positives

    @property
    def invented(self) -> int:
        """Predicted points where there is none."""
        return self.objects_predicted - self.true_positives

    @property
    def precision(self) -> float:
        """Part of the predicted points that are right."""
        return self._ratio(self.true_positives, self.objects_predicted)

    @property
    def recall(self) -> float:
        """Part of the true points that were found."""
        return self._ratio(self.true_positives, self.objects_true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        objects = self.objects_true + self.objects_predicted
        return self._ratio(2 * self.true_positives, objects)

    @property
    def iou(self) -> float:
        """Intersection over union of the disks' pixels."""
        pixels = self.pixels_true + self.pixels_predicted - self.pixels_shared
        return self.pixels_shared / pixels if pixels else 1.0

    def as_dict(self) -> dict[str, float]:
        """Return the scores and their most telling counts, ready for JSON."""
        return {
            "f1": self.f1,
            "precision": self.precision,
            "recall": self.recall,
            "iou": self.iou,
            "objects_true": self.objects_true,
            "objects_predicted": self.objects_predicted,
            "true_positives": self.true_positives,
            "missed": self.missed,
            "invented": self.invented,
            **intervals_of(self.images),
        }

    def _ratio(self, part: int, whole: int) -> float:
        """Return `part` / `whole`, and 1 or 0 if that cannot be told."""
        if whole:
            return part / whole
        return 1.0 if self.objects_true == self.objects_predicted == 0 else 0.0


# What a validation measures: objects, classes or points; or grey values.
FoundScores = Scores | DetectionScores
AnyScores = FoundScores | ValueScores


def is_of_classes(scores: FoundScores) -> bool:
    """Tell whether classes of pixels were compared."""
    return isinstance(scores, Scores) and scores.classes is not None


def quality(scores: FoundScores) -> float:
    """Return what the best checkpoint is chosen by.

    Of objects, the average precision over the IoU thresholds, which asks for right
    outlines; of classes, the mean IoU; of points, which have no outlines, F1.
    """
    if isinstance(scores, DetectionScores):
        return scores.f1
    return scores.iou if is_of_classes(scores) else scores.ap


def rank(scores: AnyScores) -> float:
    """Return the number by which the best checkpoint is chosen.

    That is `quality`; pixel IoU tells apart networks that find no object yet. Of
    classes it is the mean IoU, of grey values the PSNR.
    """
    if isinstance(scores, ValueScores):
        return scores.psnr
    if is_of_classes(scores):
        return scores.iou
    return quality(scores) + PIXELS * scores.iou


def score_points(
    predicted: NDArray[np.floating],
    true: NDArray[np.floating],
    *,
    distance: float = DISTANCE,
    known: NDArray[np.bool_] | None = None,
    pixel_size: Sequence[float] | None = None,
) -> DetectionScores:
    """Compare predicted with true points of one class and one plane or volume.

    Parameters
    ----------
    predicted, true : ndarray of float, shape (N, D) and (M, D)
        ([Z,] Y, X), in pixels.
    distance : float
        Pairs may be so far apart, in pixels along X.
    known : ndarray of bool, shape ([Z,] Y, X), optional
        Where points count; by default everywhere. A point outside is neither missed
        nor false, unless its partner lies inside.
    pixel_size : sequence of float, one per axis, optional
        Edge lengths of a pixel, that along X being 1; by default 1.

    Examples
    --------
    >>> score_points(np.array([[0, 0], [9, 9]]), np.array([[0, 3]])).f1
    0.6666666666666666
    """
    pairs, counted_predicted, counted_true = judge_points(
        predicted, true, distance=distance, known=known, pixel_size=pixel_size
    )
    return DetectionScores(
        objects_true=int(counted_true.sum()),
        objects_predicted=int(counted_predicted.sum()),
        true_positives=int(counted_predicted[pairs[:, 0]].sum()),
    ).of_one_image()


def judge_points(
    predicted: NDArray[np.floating],
    true: NDArray[np.floating],
    *,
    distance: float = DISTANCE,
    known: NDArray[np.bool_] | None = None,
    pixel_size: Sequence[float] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the pairs of points, and which of them count; see `score_points`.

    Returns
    -------
    pairs : ndarray of int, shape (K, 2)
        Indices of a predicted and of a true point.
    counted_predicted, counted_true : ndarray of bool, shape (N,) and (M,)
        Which lie where points count, or have a partner that does.
    """
    sizes = np.ones(predicted.shape[1]) if pixel_size is None else np.array(pixel_size)
    pairs = match_points(predicted * sizes, true * sizes, distance)
    counted_predicted = _lies_in(predicted, known)
    counted_true = _lies_in(true, known)
    rows, columns = pairs.T
    either = counted_predicted[rows] | counted_true[columns]
    counted_predicted[rows] = counted_true[columns] = either
    return pairs, counted_predicted, counted_true


def match_points(
    predicted: NDArray[np.floating],
    true: NDArray[np.floating],
    distance: float = DISTANCE,
) -> NDArray[np.intp]:
    """Return which points belong together, one to one.

    As many pairs as possible; among those, the least sum of distances (the Hungarian
    method). No pair is further apart than `distance`: the C++ code of Falk et al.
    (2019) says so, too, but does not look again after the assignment.

    Parameters
    ----------
    predicted, true : ndarray of float, shape (N, D) and (M, D)
        Positions.
    distance : float
        At most, and not below 0.

    Returns
    -------
    ndarray of int, shape (K, 2)
        Indices of a predicted and of a true point.

    Raises
    ------
    InputError
        If `distance` is below 0 or not finite.
    """
    if not 0 <= distance < np.inf:
        raise InputError(f"The distance is {distance}; give one of 0 or more pixels.")
    if not (len(predicted) and len(true)):
        return np.zeros((0, 2), np.intp)
    # Rounding must not decide about points that are exactly so far apart.
    reach = distance * (1 + 1e-12)
    near = cKDTree(predicted).sparse_distance_matrix(
        cKDTree(true), reach, output_type="ndarray"
    )
    # Points that no chain of candidates connects do not compete.
    shape = len(predicted) + len(true)
    links = sparse.coo_matrix(
        (np.ones(len(near)), (near["i"], near["j"] + len(predicted))), (shape, shape)
    )
    _, group = connected_components(links, directed=False)
    order = np.argsort(group[near["i"]], kind="stable")
    edges = np.flatnonzero(np.diff(group[near["i"][order]])) + 1
    found = [_assign(near[part], distance) for part in np.split(order, edges)]
    return np.concatenate(found)


def _assign(near: NDArray[np.void], distance: float) -> NDArray[np.intp]:
    """Assign the points of one group of candidates (i, j, v) to each other."""
    rows, row = np.unique(near["i"], return_inverse=True)
    columns, column = np.unique(near["j"], return_inverse=True)
    # Dearer than any set of pairs, so that no pair is given up for shorter others.
    forbidden = (distance + 1) * (min(len(rows), len(columns)) + 1)
    costs = np.full((len(rows), len(columns)), forbidden, float)
    costs[row, column] = near["v"]
    chosen = np.stack(linear_sum_assignment(costs), axis=1)
    kept = chosen[costs[chosen[:, 0], chosen[:, 1]] < forbidden]
    return np.stack([rows[kept[:, 0]], columns[kept[:, 1]]], axis=1).astype(np.intp)


def _lies_in(
    points: NDArray[np.floating], known: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """Tell which points lie on known pixels."""
    if known is None or not len(points):
        return np.ones(len(points), bool)
    last = np.asarray(known.shape) - 1
    pixels = tuple(np.clip(np.round(points), 0, last).astype(int).T)
    outside = np.any(abs(points - last / 2) > last / 2 + 0.5, axis=1)
    lies_in: NDArray[np.bool_] = known[pixels] & ~outside
    return lies_in
