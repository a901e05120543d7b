"""How close predicted grey values are to the true ones: MSE, MAE, PSNR."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A perfect prediction has this PSNR, in dB: files hold no infinite numbers.
_HIGHEST = 120.0


@dataclass(frozen=True, slots=True)
class ValueScores:
    """Sums over pixels and channels; add those of several images.

    Parameters
    ----------
    pixels : int
        Values compared.
    squared, absolute : float
        Sum of squared and of absolute differences.
    lowest, highest : float
        Of the true values.
    """

    pixels: int = 0
    squared: float = 0.0
    absolute: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf

    def __add__(self, other: "ValueScores") -> "ValueScores":
        """Return the sums of both."""
        return ValueScores(
            self.pixels + other.pixels,
            self.squared + other.squared,
            self.absolute + other.absolute,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
        )

    @property
    def mse(self) -> float:
        """Mean squared error, in squared grey values."""
        return self.squared / max(self.pixels, 1)

    @property
    def mae(self) -> float:
        """Mean absolute error, in grey values."""
        return self.absolute / max(self.pixels, 1)

    @property
    def psnr(self) -> float:
        r"""Peak signal-to-noise ratio in dB, :math:`10 \log_{10}(R^2 / \mathrm{MSE})`.

        R is the range of the true values. At most 120, and 0 where nothing is known.
        """
        if self.pixels == 0:
            return 0.0
        span = self.highest - self.lowest
        least = max(self.mse, span**2 * 10 ** (-_HIGHEST / 10))
        return 10 * math.log10(span**2 / least) if span > 0 else 0.0

    def as_dict(self) -> dict[str, float]:
        """Return the measures by name."""
        return {"psnr": self.psnr, "mse": self.mse, "mae": self.mae}


def score_values(
    predicted: NDArray[np.floating],
    true: NDArray[np.generic],
    known: NDArray[np.bool_] | None = None,
) -> ValueScores:
    """Compare predicted with true grey values.

    Parameters
    ----------
    predicted, true : ndarray, shape (T, [Z,] Y, X)
        Grey values of T channels.
    known : ndarray of bool, shape ([Z,] Y, X), optional
        Which pixels count; by default all.

    Examples
    --------
    >>> score_values(np.array([[0.0, 9.0]]), np.array([[0, 10]])).mse
    0.5
    """
    if known is not None:
        predicted, true = predicted[:, known], true[:, known]
    if true.size == 0:
        return ValueScores()
    difference = predicted.astype(np.float64) - true.astype(np.float64)
    return ValueScores(
        pixels=int(true.size),
        squared=float(np.square(difference).sum()),
        absolute=float(np.abs(difference).sum()),
        lowest=float(true.min()),
        highest=float(true.max()),
    )
