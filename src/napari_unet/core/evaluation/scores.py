"""How well a segmentation agrees with the truth, in one number or another.

Scores are kept as counts, so those of several images can be added; only the ratio of
the sums is a score of them together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.evaluation.interval import (
    Interval,
    Sums,
    f1_interval,
    jackknife,
    mean_share_interval,
    ratio_interval,
    share_interval,
)
from napari_unet.core.evaluation.overlap import measure_overlap
from napari_unet.core.evaluation.verdict import ErrorKind, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_unet.core.evaluation.class_scores import ClassScores
    from napari_unet.core.evaluation.overlap import Overlap

# In percent: compared as whole numbers, an IoU of 11/20 is not a matter of rounding.
_THRESHOLDS_PERCENT = tuple(range(50, 100, 5))
THRESHOLDS: tuple[float, ...] = tuple(p / 100 for p in _THRESHOLDS_PERCENT)


@dataclass(frozen=True, slots=True)
class Scores:
    """Agreement of predicted and true objects, as counts that can be added.

    Every score is 1 where there is nothing to find and nothing was found, and 0 where
    only one of the two is empty.

    Parameters
    ----------
    objects_true, objects_predicted : int
        Objects that count.
    matches : tuple of int, one for each of `THRESHOLDS`
        Pairs of a true and a predicted object with at least that IoU, one to one.
    seg_sum : float
        Sum over true objects of the Jaccard index of the Cell Tracking Challenge.
    pixels_shared, pixels_true, pixels_predicted : int
        Known pixels that are foreground in both, in the truth, in the prediction.
    classes : ClassScores, optional
        Where classes of pixels were compared: then `iou` and `dice` are their means.
    split, merged, invented : int
        True objects cut into several, and taken for one with others; predicted objects
        where there is none.
    images : tuple of Scores
        Those of each image: by how much these differ says how certain the scores are.
    spread : Sums
        Over the objects, of the pixels they share with the prediction and of those of
        either: so far differ the objects of an image.
    """

    objects_true: int = 0
    objects_predicted: int = 0
    matches: tuple[int, ...] = (0,) * len(THRESHOLDS)
    seg_sum: float = 0.0
    pixels_shared: int = 0
    pixels_true: int = 0
    pixels_predicted: int = 0
    classes: ClassScores | None = None
    split: int = 0
    merged: int = 0
    invented: int = 0
    images: tuple[Scores, ...] = field(default=(), compare=False)
    spread: Sums = field(default=Sums(), compare=False)

    def __add__(self, other: Scores) -> Scores:
        """Return the scores of both images together; `sum` needs ``Scores()``."""
        return Scores(
            self.objects_true + other.objects_true,
            self.objects_predicted + other.objects_predicted,
            tuple(a + b for a, b in zip(self.matches, other.matches, strict=True)),
            self.seg_sum + other.seg_sum,
            self.pixels_shared + other.pixels_shared,
            self.pixels_true + other.pixels_true,
            self.pixels_predicted + other.pixels_predicted,
            self.classes + other.classes
            if self.classes and other.classes
            else self.classes or other.classes,
            self.split + other.split,
            self.merged + other.merged,
            self.invented + other.invented,
            self.images + other.images,
            self.spread + other.spread,
        )

    def of_one_image(self) -> Scores:
        """Return the same scores, as those of a single image."""
        return replace(self, images=(replace(self, images=()),))

    @property
    def true_positives(self) -> int:
        """Objects matched at IoU 0.5."""
        return self.matches[0]

    @property
    def missed(self) -> int:
        """True objects that were neither matched nor split nor merged."""
        return self.objects_true - self.true_positives - self.split - self.merged

    @property
    def precision(self) -> float:
        """Part of the predicted objects that are right, at IoU 0.5."""
        return self._ratio(self.true_positives, self.objects_predicted)

    @property
    def recall(self) -> float:
        """Part of the true objects that were found, at IoU 0.5."""
        return self._ratio(self.true_positives, self.objects_true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, at IoU 0.5."""
        return self.f1_at(0)

    def f1_at(self, index: int) -> float:
        """Return the F1 score at IoU ``THRESHOLDS[index]``."""
        objects = self.objects_true + self.objects_predicted
        return self._ratio(2 * self.matches[index], objects)

    @property
    def ap(self) -> float:
        """Average precision: mean of TP / (TP + FP + FN) over the IoU thresholds.

        The formula of the 2018 Data Science Bowl, at 0.50, 0.55, …, 0.95.
        """
        objects = self.objects_true + self.objects_predicted
        ratios = [self._ratio(n, objects - n) for n in self.matches]
        return sum(ratios) / len(ratios)

    @property
    def seg(self) -> float:
        """SEG of the Cell Tracking Challenge; false objects do not lower it."""
        return self._ratio(self.seg_sum, self.objects_true)

    @property
    def iou(self) -> float:
        """Intersection over union of the foreground pixels, or mean of the classes."""
        if self.classes is not None:
            return self.classes.mean_iou
        pixels = self.pixels_true + self.pixels_predicted - self.pixels_shared
        return _divide(self.pixels_shared, pixels, empty=1.0)

    @property
    def dice(self) -> float:
        """Dice coefficient of the foreground pixels, or mean of the classes."""
        if self.classes is not None:
            return self.classes.mean_dice
        pixels = self.pixels_true + self.pixels_predicted
        return _divide(2 * self.pixels_shared, pixels, empty=1.0)

    def as_dict(self) -> dict[str, float]:
        """Return the scores and their most telling counts, ready for JSON.

        Of classes, also the IoU of each: ``iou_0`` is that of background. Of objects,
        also 95 % intervals, see `intervals_of`.
        """
        each = () if self.classes is None else self.classes.iou
        return {
            "f1": self.f1,
            "precision": self.precision,
            "recall": self.recall,
            "iou": self.iou,
            "dice": self.dice,
            "seg": self.seg,
            "ap": self.ap,
            "objects_true": self.objects_true,
            "objects_predicted": self.objects_predicted,
            "true_positives": self.true_positives,
            "split": self.split,
            "merged": self.merged,
            "missed": self.missed,
            "invented": self.invented,
            **intervals_of(self.images, _intervals_beside(self)),
            **{f"iou_{number}": iou for number, iou in enumerate(each)},
        }

    def _ratio(self, part: float, whole: float) -> float:
        """Return `part` / `whole`, and 1 or 0 if that cannot be told."""
        nothing = self.objects_true == self.objects_predicted == 0
        return _divide(part, whole, empty=1.0 if nothing else 0.0)


def _intervals_beside(scores: Scores) -> dict[str, Interval]:
    """Return the intervals that only objects with outlines have."""
    if scores.classes is not None:
        return {}
    ap = mean_share_interval(
        [
            [
                (each.matches[index], each.objects_true + each.objects_predicted)
                for each in scores.images
            ]
            for index in range(len(THRESHOLDS))
        ]
    )
    pixels = scores.pixels_true + scores.pixels_predicted - scores.pixels_shared
    iou = ratio_interval(scores.pixels_shared, pixels, scores.spread)
    return {"ap": ap} | ({} if iou is None else {"iou": iou})


def intervals_of(
    images: Sequence[Any], beside: Mapping[str, Interval] | None = None
) -> dict[str, float]:
    """Return the ends of the 95 % intervals of scores, ``f1_low`` and ``f1_high``.

    F1, precision and recall have them; IoU of three images and more, by how much these
    differ.

    Parameters
    ----------
    images : sequence of Scores or DetectionScores
        Of each image. Without any object, nothing is returned.
    beside : mapping of str to (float, float), optional
        Other intervals; never made narrower by images that differ little.
    """
    if not any(each.objects_true + each.objects_predicted for each in images):
        return {}
    counts = [
        (each.true_positives, each.objects_true, each.objects_predicted)
        for each in images
    ]
    intervals = {
        "f1": f1_interval([(hits, t + p - hits) for hits, t, p in counts]),
        "precision": share_interval([(hits, p) for hits, _, p in counts]),
        "recall": share_interval([(hits, t) for hits, t, _ in counts]),
        **jackknife(images, ["iou"], 1.0),
    }
    for name, (low, high) in (beside or {}).items():
        least, most = intervals.get(name, (low, high))
        intervals[name] = min(low, least), max(high, most)
    return {
        f"{name}_{end}": value
        for name, interval in intervals.items()
        for end, value in zip(("low", "high"), interval, strict=True)
    }


def score_labels(
    predicted: NDArray[Any],
    true: NDArray[Any],
    *,
    known: NDArray[np.bool_] | None = None,
) -> Scores:
    r"""Compare predicted with true objects.

    Parameters
    ----------
    predicted, true : ndarray of int or bool, shape ([Z,] Y, X)
        Labels; 0 is background. Their numbers carry no meaning.
    known : ndarray of bool, shape ([Z,] Y, X), optional
        Which pixels count; by default all. Areas are measured on known pixels alone.
        An object that lies mostly outside them is neither missed nor false, unless it
        matches one that counts.

    Returns
    -------
    Scores
        Counts and what follows from them; add those of several images.

    Raises
    ------
    InputError
        If the arrays do not cover the same ground, or do not hold labels.

    Notes
    -----
    *Matches* need an IoU of at least the threshold (:math:`\ge`, as in StarDist's
    ``matching``), one to one. Above 0.5 at most one partner qualifies, because it
    covers over half of the object; at exactly 0.5 there may be two, each one half of
    it, and one of them counts.

    *SEG* follows [1]_: the prediction :math:`S` belongs to the true object :math:`R`
    if :math:`|R \cap S| > 0.5 |R|`, strictly; the true object then adds
    :math:`|R \cap S| / |R \cup S|`, else 0.

    References
    ----------
    .. [1] Ulman et al. (2017). An objective comparison of cell-tracking algorithms.
           Nature Methods 14, 1141-1152. :doi:`10.1038/nmeth.4473`

    Examples
    --------
    >>> true = np.array([[1, 1, 1, 1, 0, 2, 2]])
    >>> score_labels(np.array([[7, 7, 7, 0, 0, 0, 3]]), true).f1
    1.0
    """
    overlap = measure_overlap(predicted, true, known)
    matched = _match_half(overlap)
    counted_true, counted_predicted = _count_known(overlap, overlap.pairs[matched])
    counts = matched & counted_true[overlap.pairs[:, 0]]
    percent = 100 * overlap.shared[counts]
    matches = tuple(
        int((percent >= threshold * overlap.union[counts]).sum())
        for threshold in _THRESHOLDS_PERCENT
    )
    belongs = 2 * overlap.shared > overlap.true_sizes
    belongs &= counted_true[overlap.pairs[:, 0]]
    jaccard = overlap.shared[belongs] / overlap.union[belongs]
    pixels = overlap.lengths * overlap.known
    is_true, is_predicted = overlap.true.of_run > 0, overlap.predicted.of_run > 0
    # Of those that were not matched: at an IoU of exactly 0.5 a verdict is stricter.
    kinds, _, is_false = judge(overlap)
    wrong_true, wrong_predicted = counted_true.copy(), counted_predicted.copy()
    wrong_true[overlap.pairs[matched, 0]] = False
    wrong_predicted[overlap.pairs[matched, 1]] = False
    there, seen = int(counted_true.sum()), int(counted_predicted.sum())
    return Scores(
        objects_true=there,
        objects_predicted=seen,
        matches=matches,
        seg_sum=float(jaccard.sum()),
        pixels_shared=int(pixels[is_true & is_predicted].sum()),
        pixels_true=int(pixels[is_true].sum()),
        pixels_predicted=int(pixels[is_predicted].sum()),
        split=int((wrong_true & (kinds == ErrorKind.SPLIT)).sum()),
        merged=int((wrong_true & (kinds == ErrorKind.MERGED)).sum()),
        invented=int((wrong_predicted & is_false).sum()),
        spread=_spread(overlap),
    ).of_one_image()


def _spread(overlap: Overlap) -> Sums:
    """Sum up what each object shares with the prediction, and what either covers.

    What is predicted beside the true objects is counted with those that its object
    shares pixels with, by how many; where there are none, it is an object of its own.
    """
    true, predicted = overlap.true.of_run, overlap.predicted.of_run
    lengths = overlap.lengths * overlap.known
    beside = np.bincount(
        predicted, lengths * (true == 0), len(overlap.predicted.ids) + 1
    )[1:]
    rows, columns = overlap.pairs.T
    count = len(overlap.true.ids)
    of_predicted = np.bincount(columns, overlap.shared, len(beside))
    part = overlap.shared / of_predicted[columns]
    shared = np.bincount(rows, overlap.shared, count)
    union = overlap.true.sizes + np.bincount(rows, part * beside[columns], count)
    lone = beside[(of_predicted == 0) & (beside > 0)]
    return Sums.of(
        np.append(shared[union > 0], np.zeros(len(lone))),
        np.append(union[union > 0], lone),
    )


def _match_half(overlap: Overlap) -> NDArray[np.bool_]:
    """Return which pairs are matched at IoU 0.5, one to one and as many as possible.

    Two rivals for an object do not overlap, so either covers exactly half of it and
    nothing else, and has no other partner to turn to: whichever is taken, the number of
    matches is the largest. The one with the lower label is.
    """
    candidate = np.flatnonzero(2 * overlap.shared >= overlap.union)
    for side in (0, 1):
        _, first = np.unique(overlap.pairs[candidate, side], return_index=True)
        candidate = candidate[np.sort(first)]
    matched = np.zeros(len(overlap.pairs), bool)
    matched[candidate] = True
    return matched


def _count_known(
    overlap: Overlap, matched: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which true and which predicted objects count.

    Those mostly known, and their partners: where an object ends decides on which side
    of the half it falls, and that must not make a right prediction false.
    """
    true = overlap.true.mostly_known.copy()
    predicted = overlap.predicted.mostly_known.copy()
    rows, columns = matched.T
    either = true[rows] | predicted[columns]
    true[rows] = predicted[columns] = either
    return true, predicted


def _divide(part: float, whole: float, empty: float) -> float:
    """Return `part` / `whole`, or `empty` where there is no whole."""
    return float(part / whole) if whole else empty
