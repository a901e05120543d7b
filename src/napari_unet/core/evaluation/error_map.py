"""Which objects were found, missed, invented, split or merged, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.evaluation.overlap import measure_overlap
from napari_unet.core.evaluation.verdict import ErrorKind as ErrorKind
from napari_unet.core.evaluation.verdict import judge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_unet.core.evaluation.overlap import Overlap, Side


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one object.

    Parameters
    ----------
    kind : ErrorKind
        FALSE for a predicted object, all others for a true one.
    true_label, predicted_label : int or None
        The object and the one of the other image that shares most pixels with it, if
        any does.
    centre : tuple of float
        Centre of gravity of the object in pixels, ([Z,] Y, X).
    """

    kind: ErrorKind
    true_label: int | None
    predicted_label: int | None
    centre: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ErrorMap:
    """The errors of a segmentation, painted and listed.

    Parameters
    ----------
    kinds : ndarray of uint8, shape ([Z,] Y, X)
        `ErrorKind` of each pixel, 0 where there is neither object nor error. True
        objects are painted whole; false ones where they cover background or an object
        that was found all the same.
    verdicts : tuple of Verdict
        True objects by their labels, then false ones by theirs.
    """

    kinds: NDArray[np.uint8]
    verdicts: tuple[Verdict, ...]

    @property
    def counts(self) -> dict[ErrorKind, int]:
        """How many objects there are of each kind."""
        found = [verdict.kind for verdict in self.verdicts]
        return {kind: found.count(kind) for kind in ErrorKind}


def map_errors(
    predicted: NDArray[Any],
    true: NDArray[Any],
    *,
    known: NDArray[np.bool_] | None = None,
) -> ErrorMap:
    """Tell for every object what became of it.

    Parameters
    ----------
    predicted, true : ndarray of int or bool, shape ([Z,] Y, X)
        Labels; 0 is background.
    known : ndarray of bool, shape ([Z,] Y, X), optional
        Which pixels count; by default all. Of objects that lie mostly outside them
        nothing is told, unless they are found by, or find, one that does not.

    Returns
    -------
    ErrorMap
        The first of these that holds for a true object, with the areas of both taken:

        * FOUND: it and a predicted object cover each other by over half, with an IoU
          of at least 0.5 (these are the true positives of `score_labels`, except for
          ties at exactly 0.5);
        * MERGED: the predicted object that covers over half of it covers over half
          of another one, too;
        * SPLIT: two or more predicted objects that lie in it by over half cover over
          half of it together;
        * MISSED: none of these.

        A predicted object that none of these needs is FALSE.

    Raises
    ------
    InputError
        If the arrays do not cover the same ground, or do not hold labels.

    Examples
    --------
    >>> true = np.array([[1, 1, 1, 0, 2, 2, 2, 3]])
    >>> errors = map_errors(np.array([[1, 1, 1, 4, 5, 5, 5, 5]]), true)
    >>> errors.kinds
    array([[1, 1, 1, 3, 1, 1, 1, 5]], dtype=uint8)
    """
    overlap = measure_overlap(predicted, true, known)
    true_kinds, found, is_false = judge(overlap)
    # As in the scores: what lies mostly outside counts only as the partner of what does
    # not.
    counts = overlap.true.mostly_known.copy()
    rows, columns = overlap.pairs[found].T
    counts[rows] |= overlap.predicted.mostly_known[columns]
    true_kinds[~counts] = 0
    false_kinds = np.where(
        is_false & overlap.predicted.mostly_known, ErrorKind.FALSE, 0
    ).astype(np.uint8)

    of_true = np.concatenate([[0], true_kinds])[overlap.true.of_run]
    of_false = np.concatenate([[0], false_kinds])[overlap.predicted.of_run]
    over = (of_false > 0) & ((of_true == 0) | (of_true == ErrorKind.FOUND))
    of_run = np.where(over, of_false, of_true) * overlap.known
    kinds = np.repeat(of_run.astype(np.uint8), overlap.lengths).reshape(true.shape)

    partner_of_true, partner_of_predicted = _find_partners(overlap)
    return ErrorMap(
        kinds,
        (
            *(
                Verdict(ErrorKind(kind), label, partner, centre)
                for kind, label, partner, centre in zip(
                    true_kinds.tolist(),
                    overlap.true.ids.tolist(),
                    partner_of_true,
                    _find_centres(overlap, overlap.true, true.shape),
                    strict=True,
                )
                if kind
            ),
            *(
                Verdict(ErrorKind(kind), partner, label, centre)
                for kind, label, partner, centre in zip(
                    false_kinds.tolist(),
                    overlap.predicted.ids.tolist(),
                    partner_of_predicted,
                    _find_centres(overlap, overlap.predicted, true.shape),
                    strict=True,
                )
                if kind
            ),
        ),
    )


def _find_partners(overlap: Overlap) -> tuple[list[int | None], list[int | None]]:
    """Return for each object the label of the one it shares most pixels with."""
    order = np.argsort(overlap.shared, kind="stable")
    true, predicted = overlap.pairs[order].T
    of_true: list[int | None] = [None] * len(overlap.true.ids)
    of_predicted: list[int | None] = [None] * len(overlap.predicted.ids)
    for i, j in zip(true.tolist(), predicted.tolist(), strict=True):  # the last stays
        of_true[i] = int(overlap.predicted.ids[j])
        of_predicted[j] = int(overlap.true.ids[i])
    return of_true, of_predicted


def _find_centres(
    overlap: Overlap, side: Side, shape: tuple[int, ...]
) -> list[tuple[float, ...]]:
    """Return the centre of gravity of each object, unknown pixels included."""
    *leading, last = np.unravel_index(overlap.starts, shape)
    axes = [*leading, last + (overlap.lengths - 1) / 2]
    count = len(side.ids) + 1
    sizes = np.bincount(side.of_run, overlap.lengths, count)[1:]
    sums = [np.bincount(side.of_run, a * overlap.lengths, count)[1:] for a in axes]
    return list(zip(*((s / sizes).tolist() for s in sums), strict=True))
