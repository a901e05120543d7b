"""How well two ways of dividing the same pixels into segments agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FScore:
    """What two things share, and how much either has; those of images can be added.

    Parameters
    ----------
    shared, true, predicted : float
        Pixels, pairs of pixels or bits: in both, in the truth, in the prediction.
    """

    shared: float = 0.0
    true: float = 0.0
    predicted: float = 0.0

    def __add__(self, other: FScore) -> FScore:
        """Return the score of both images together; `sum` needs ``FScore()``."""
        return FScore(
            self.shared + other.shared,
            self.true + other.true,
            self.predicted + other.predicted,
        )

    @property
    def value(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing."""
        both = self.true + self.predicted
        return float(2 * self.shared / both) if both else 1.0

    @property
    def precision(self) -> float:
        """Part of the prediction that is shared; 1 where it has nothing."""
        return float(self.shared / self.predicted) if self.predicted else 1.0

    @property
    def recall(self) -> float:
        """Part of the truth that is shared; 1 where it has nothing."""
        return float(self.shared / self.true) if self.true else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Contingency:
    """In which parts true and predicted segments share their pixels.

    Parameters
    ----------
    shared : ndarray of float, shape (P,)
        Part of all pixels that a true and a predicted segment share, for each pair of
        segments that share some.
    true, predicted : ndarray of float, shape (T,) and (S,)
        Part of all pixels in each segment.
    """

    shared: NDArray[np.float64]
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]

    def rand(self) -> FScore:
        """Return pairs of pixels that lie in one segment, as parts of all pairs."""
        parts = (self.shared, self.true, self.predicted)
        return FScore(*(float((part**2).sum()) for part in parts))

    def information(self) -> FScore:
        """Return mutual information and the entropies, in bits."""
        both, true, predicted = (
            abs(float((part * np.log2(part)).sum()))
            for part in (self.shared, self.true, self.predicted)
        )
        return FScore(max(true + predicted - both, 0.0), true, predicted)


def tabulate(true: NDArray[Any], predicted: NDArray[Any]) -> Contingency:
    """Count what the segments of two divisions of the same pixels share.

    Parameters
    ----------
    true, predicted : ndarray of int, shape (N,)
        Number of the segment of each pixel, from 0.

    Examples
    --------
    >>> table = tabulate(np.array([0, 0, 1, 1]), np.array([5, 5, 5, 5]))
    >>> table.rand()
    FScore(shared=0.5, true=0.5, predicted=1.0)
    """
    columns = int(predicted.max(initial=0)) + 1
    keys = true.astype(np.int64) * columns + predicted
    counts = (
        np.unique(keys, return_counts=True)[1],
        *(np.bincount(segments) for segments in (true, predicted)),
    )
    return Contingency(*(count[count > 0] / max(len(keys), 1) for count in counts))
