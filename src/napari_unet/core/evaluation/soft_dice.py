"""The Dice coefficient of probabilities, and of what lies above a threshold."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.evaluation.overlap import check_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Keeps the coefficient of nothing at 1, and that of a trace of it off 0 / 0.
SMOOTH = 1e-4
HARD_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class DiceSums:
    """Sums over pixels, of which those of several images can be added.

    Parameters
    ----------
    true : float
        True pixels.
    predicted, shared : float
        Probability over all pixels, and over the true ones.
    hard_predicted, hard_shared : float
        Pixels of a probability of `HARD_THRESHOLD` or more, and the true ones of them.
    """

    true: float = 0.0
    predicted: float = 0.0
    shared: float = 0.0
    hard_predicted: float = 0.0
    hard_shared: float = 0.0

    def __add__(self, other: DiceSums) -> DiceSums:
        """Return the sums of both."""
        return DiceSums(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        )

    @property
    def soft(self) -> float:
        """Dice coefficient of the probabilities, see `sum_dice`."""
        return _dice(self.shared, self.predicted, self.true)

    @property
    def hard(self) -> float:
        """Dice coefficient of the pixels above the threshold."""
        return _dice(self.hard_shared, self.hard_predicted, self.true)

    def as_dict(self) -> dict[str, float]:
        """Return both, ready for JSON."""
        return {"soft_dice": self.soft, "hard_dice": self.hard}


def sum_dice(
    probability: NDArray[np.floating[Any]],
    true: NDArray[np.bool_],
    known: NDArray[np.bool_] | None = None,
) -> DiceSums:
    r"""Return what the Dice coefficients of a probability map are made of.

    Parameters
    ----------
    probability : ndarray of float, shape ([Z,] Y, X)
        Of being what is true, 0 to 1.
    true : ndarray of bool, shape of `probability`
        What is.
    known : ndarray of bool, shape of `probability`, optional
        Which pixels count; by default all.

    Raises
    ------
    InputError
        If the arrays do not cover the same ground.

    Notes
    -----
    :math:`(2 \sum p t + s) / (\sum p + \sum t + s)` with :math:`s = 10^{-4}`, over
    probabilities p and truth t; *hard* with p rounded to 0 or 1. With several images
    the sums are added first.

    Examples
    --------
    >>> sums = sum_dice(np.array([[0.75, 0.25]]), np.array([[True, False]]))
    >>> round(sums.soft, 4), round(sums.hard, 4)
    (0.75, 1.0)
    """
    check_pair(probability >= HARD_THRESHOLD, true, known)
    where = np.ones(true.shape, bool) if known is None else known
    p, t = probability[where].astype(np.float64), true[where]
    hard = p >= HARD_THRESHOLD
    return DiceSums(
        true=float(t.sum()),
        predicted=float(p.sum()),
        shared=float(p[t].sum()),
        hard_predicted=float(hard.sum()),
        hard_shared=float(hard[t].sum()),
    )


def _dice(shared: float, predicted: float, true: float) -> float:
    return (2 * shared + SMOOTH) / (predicted + true + SMOOTH)
