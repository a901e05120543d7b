"""Scores for borders between cells: the errors of the ISBI challenge on EM images.

Each is computed at ten thresholds of the probability, and the best one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.partition import FScore, tabulate
from napari_unet.core.evaluation.warping import warp

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

THRESHOLDS: tuple[float, ...] = tuple(k / 10 for k in range(10))
_NOTHING = FScore()


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of predicted and true cells at one threshold, as sums.

    Parameters
    ----------
    pixels, wrong : int
        Known pixels, and those on the wrong side of the threshold.
    splits, mergers : int
        Pixels of the warping error.
    pixel : FScore
        Pixels inside cells.
    rand : FScore
        Pairs of pixels in the same cell; predicted background pairs with nothing.
    v_rand, v_info : FScore
        Pairs of pixels, and bits, after the predicted borders were thinned to nothing.
    """

    pixels: int = 0
    wrong: int = 0
    splits: int = 0
    mergers: int = 0
    pixel: FScore = _NOTHING
    rand: FScore = _NOTHING
    v_rand: FScore = _NOTHING
    v_info: FScore = _NOTHING

    def __add__(self, other: Agreement) -> Agreement:
        """Return the agreement of both images together."""
        return Agreement(
            self.pixels + other.pixels,
            self.wrong + other.wrong,
            self.splits + other.splits,
            self.mergers + other.mergers,
            self.pixel + other.pixel,
            self.rand + other.rand,
            self.v_rand + other.v_rand,
            self.v_info + other.v_info,
        )

    @property
    def pixel_error(self) -> float:
        """1 - F of the pixels inside cells."""
        return 1 - self.pixel.value

    @property
    def plain_pixel_error(self) -> float:
        """Part of the pixels that is wrong."""
        return self.wrong / self.pixels if self.pixels else 0.0

    @property
    def rand_error(self) -> float:
        """1 - F of the Rand index, on the ground that is truly inside cells."""
        return 1 - self.rand.value

    @property
    def warping_error(self) -> float:
        """Pixels of splits and mergers after warping, as part of all pixels."""
        return (self.splits + self.mergers) / self.pixels if self.pixels else 0.0


# How to read each score from an agreement, and which one is the best.
_SCORES: dict[str, tuple[Callable[[Agreement], float], Any]] = {
    "pixel_error": (lambda each: each.pixel_error, min),
    "plain_pixel_error": (lambda each: each.plain_pixel_error, min),
    "rand_error": (lambda each: each.rand_error, min),
    "warping_error": (lambda each: each.warping_error, min),
    "v_rand": (lambda each: each.v_rand.value, max),
    "v_info": (lambda each: each.v_info.value, max),
}


@dataclass(frozen=True, slots=True)
class BoundaryScores:
    """Scores for borders; those of several planes are added.

    Parameters
    ----------
    sweep : tuple of Agreement, one for each of `THRESHOLDS`
        The best is taken for every score by itself, after adding: all planes share a
        threshold.
    """

    sweep: tuple[Agreement, ...] = (Agreement(),) * len(THRESHOLDS)

    def __add__(self, other: BoundaryScores) -> BoundaryScores:
        """Return the scores of both together; `sum` needs ``BoundaryScores()``."""
        return BoundaryScores(
            tuple(a + b for a, b in zip(self.sweep, other.sweep, strict=True))
        )

    def by_threshold(self) -> dict[str, list[float]]:
        """Return each score at each of `THRESHOLDS`."""
        return {
            name: [read(each) for each in self.sweep]
            for name, (read, _) in _SCORES.items()
        }

    def best_thresholds(self) -> dict[str, float]:
        """Return the threshold at which each score is best, the lowest of several."""
        return {
            name: THRESHOLDS[values.index(_SCORES[name][1](values))]
            for name, values in self.by_threshold().items()
        }

    def best(self, name: str) -> Agreement:
        """Return the sums at the threshold where a score is best."""
        return self.sweep[THRESHOLDS.index(self.best_thresholds()[name])]

    @property
    def pixel_error(self) -> float:
        """1 - the largest F of the pixels inside cells."""
        return self.best("pixel_error").pixel_error

    @property
    def plain_pixel_error(self) -> float:
        """Smallest part of the pixels that is wrong."""
        return self.best("plain_pixel_error").plain_pixel_error

    @property
    def rand_error(self) -> float:
        """1 - the largest F of the Rand index, restricted to the true cells."""
        return self.best("rand_error").rand_error

    @property
    def warping_error(self) -> float:
        """Smallest part of the pixels that is a split or a merger after warping."""
        return self.best("warping_error").warping_error

    @property
    def v_rand(self) -> FScore:
        """Best Rand F-score after thinning: recall tells of splits.

        In the words of the challenge: V_Rand, V_Rand-split and V_Rand-merge.
        """
        return self.best("v_rand").v_rand

    @property
    def v_info(self) -> FScore:
        """Best F-score of information after thinning: precision tells of splits.

        In the words of the challenge: V_Info, V_Info-split and V_Info-merge.
        """
        return self.best("v_info").v_info

    def as_dict(self) -> dict[str, Any]:
        """Return the scores, ready for JSON."""
        rand, info = self.v_rand, self.v_info
        return {
            "pixel_error": self.pixel_error,
            "plain_pixel_error": self.plain_pixel_error,
            "rand_error": self.rand_error,
            "warping_error": self.warping_error,
            "v_rand": rand.value,
            "v_rand_split": rand.recall,
            "v_rand_merge": rand.precision,
            "v_info": info.value,
            "v_info_split": info.precision,
            "v_info_merge": info.recall,
            "best_thresholds": self.best_thresholds(),
            "thresholds": list(THRESHOLDS),
            "by_threshold": self.by_threshold(),
        }


def sweep_thresholds(
    probability: NDArray[np.floating[Any]],
    true: NDArray[np.bool_],
    *,
    known: NDArray[np.bool_] | None = None,
) -> Generator[float, None, BoundaryScores]:
    r"""Compare predicted with true cells at each threshold; one `next` is one.

    Parameters
    ----------
    probability : ndarray of float, shape (Y, X)
        Probability of being inside a cell, 0 to 1; borders are low.
    true : ndarray of bool, shape (Y, X)
        True inside cells; borders of at least one pixel keep them apart. Pixels that
        are connected by edges are one cell.
    known : ndarray of bool, shape (Y, X), optional
        Which pixels count; by default all. Unknown ones count as no cell of the truth.

    Yields
    ------
    float
        The threshold that was done.

    Returns
    -------
    BoundaryScores
        The scores of this plane; add those of several planes.

    Raises
    ------
    InputError
        If the arrays do not cover the same plane, or the values are no probabilities.

    Notes
    -----
    A pixel is predicted to be inside a cell where the probability is *above* the
    threshold. Only what is truly inside cells counts for Rand index and information,
    over the fractions :math:`p_{ij}` of it that true cell i and predicted cell j share,
    with sums :math:`a_i` and :math:`b_j` [1]_:

    * *Rand*: :math:`F = 2 \sum p_{ij}^2 / (\sum a_i^2 + \sum b_j^2)`, where each pixel
      of predicted background is a cell of its own.
    * *V_Rand*: the same, after the predicted cells have grown over the predicted
      background by a watershed, until no border is left between them.
    * *V_Info*: :math:`2 I / (H(a) + H(b))` of mutual information and entropies, on
      the same grown cells.

    The F-score of pixels is that of the pixels inside cells. `warp` explains the
    warping error.

    References
    ----------
    .. [1] Arganda-Carreras et al. (2015). Crowdsourcing the creation of image
           segmentation algorithms for connectomics. Frontiers in Neuroanatomy 9, 142.
           :doi:`10.3389/fnana.2015.00142`
    """
    known = np.ones(true.shape, bool) if known is None else known
    _check(probability, true, known)
    inside = true & known
    cells = ndimage.label(inside)[0][inside]
    sweep = []
    for threshold in THRESHOLDS:
        predicted = probability > threshold
        labels = ndimage.label(predicted)[0]
        grown = _grow(labels, probability)
        thinned = tabulate(cells, grown[inside])
        # On unknown ground the truth stays what it is: nothing there differs.
        goal = np.where(known, predicted, inside)
        left = warp(inside, goal, np.abs(probability - threshold))
        sweep.append(
            Agreement(
                pixels=int(known.sum()),
                wrong=int((inside != goal).sum()),
                splits=int(left.splits.sum()),
                mergers=int(left.mergers.sum()),
                pixel=FScore(
                    float((inside & predicted).sum()),
                    float(inside.sum()),
                    float((predicted & known).sum()),
                ),
                rand=_rand(cells, labels[inside]),
                v_rand=thinned.rand(),
                v_info=thinned.information(),
            )
        )
        yield threshold
    return BoundaryScores(tuple(sweep))


def score_boundaries(
    probability: NDArray[np.floating[Any]],
    true: NDArray[np.bool_],
    *,
    known: NDArray[np.bool_] | None = None,
) -> BoundaryScores:
    """Return what `sweep_thresholds` returns, in one go.

    Examples
    --------
    >>> true = np.array([[1, 1, 0, 1, 1]], bool)
    >>> score_boundaries(np.array([[0.9, 0.9, 0.2, 0.9, 0.9]]), true).rand_error
    0.0
    """
    steps = sweep_thresholds(probability, true, known=known)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            scores: BoundaryScores = end.value
            return scores


def as_probability(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return real numbers as they are, and whole ones as parts of their largest.

    Examples
    --------
    >>> as_probability(np.array([[0, 51, 255]], np.uint8))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    if values.dtype.kind in "ui":
        values = values / np.iinfo(values.dtype).max
    real: NDArray[np.float32] = values.astype(np.float32)
    return real


def _check(
    probability: NDArray[Any], true: NDArray[Any], known: NDArray[np.bool_]
) -> None:
    """Raise an InputError unless these are probabilities and truth of one plane."""
    if true.ndim != 2 or not probability.shape == true.shape == known.shape:
        raise InputError(
            f"The probabilities have the shape {probability.shape}, the true cells "
            f"{true.shape}, what is known {known.shape}; borders are compared plane by "
            "plane, with all three of the same shape (Y, X)."
        )
    if probability.size == 0:
        return
    lowest, highest = float(probability.min()), float(probability.max())
    if not (lowest >= 0 and highest <= 1):  # so that NaN is refused, too
        raise InputError(
            f"The probabilities go from {lowest:g} to {highest:g}; they must lie "
            "between 0 and 1. Is this an image, or a map of logits?"
        )


def _rand(cells: NDArray[np.integer], predicted: NDArray[np.integer]) -> FScore:
    """Return the pairs of pixels; each pixel of predicted background is alone."""
    alone = predicted == 0
    first = int(predicted.max(initial=0)) + 1
    segments = predicted.astype(np.int64)
    segments[alone] = first + np.arange(np.count_nonzero(alone))
    return tabulate(cells, segments).rand()


def _grow(
    labels: NDArray[np.integer], probability: NDArray[np.floating[Any]]
) -> NDArray[np.integer]:
    """Grow predicted cells over all the background, along the highest probability."""
    from skimage.segmentation import watershed  # slow to import

    grown: NDArray[np.integer] = labels
    if labels.any() and not labels.all():
        # scikit-image has no type hints.
        grown = watershed(-probability, labels)  # type: ignore[no-untyped-call]
    return grown
