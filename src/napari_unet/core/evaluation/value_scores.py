"""How close predicted grey values are to the true ones: MSE, MAE, PSNR, SSIM."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError

# A perfect prediction has this PSNR, in dB: files hold no infinite numbers.
_HIGHEST = 120.0
# Of the Gaussian window of SSIM, in px: its sigma, and its edge where it is cut off.
_SIGMA, _WINDOW = 1.5, 11


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
    similar, windows : float, int
        Sum of the structural similarity over windows, and how many they are; none
        where it was not measured.
    """

    pixels: int = 0
    squared: float = 0.0
    absolute: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf
    similar: float = 0.0
    windows: int = 0

    def __add__(self, other: "ValueScores") -> "ValueScores":
        """Return the sums of both."""
        return ValueScores(
            self.pixels + other.pixels,
            self.squared + other.squared,
            self.absolute + other.absolute,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.similar + other.similar,
            self.windows + other.windows,
        )

    @property
    def mse(self) -> float:
        """Mean squared error, in squared grey values."""
        return self.squared / max(self.pixels, 1)

    @property
    def rmse(self) -> float:
        """Root of the mean squared error, in grey values."""
        return math.sqrt(self.mse)

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

    @property
    def ssim(self) -> float | None:
        """Mean structural similarity, at most 1; None where it was not measured."""
        return self.similar / self.windows if self.windows else None

    def as_dict(self) -> dict[str, float]:
        """Return the measures by name; SSIM where it was measured."""
        measured = {
            "psnr": self.psnr,
            "mse": self.mse,
            "rmse": self.rmse,
            "mae": self.mae,
        }
        return measured if self.ssim is None else measured | {"ssim": self.ssim}


def score_values(
    predicted: NDArray[np.generic],
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


def compare_images(
    predicted: NDArray[np.generic], true: NDArray[np.generic]
) -> ValueScores:
    """Compare a predicted image with the true one, structural similarity included.

    Parameters
    ----------
    predicted, true : ndarray, shape (T, [Z,] Y, X)
        Grey values of T channels. Windows of SSIM lie in planes, also in those of a
        volume.

    Returns
    -------
    ValueScores
        Without SSIM for images that are smaller than its window of 11 px.

    Raises
    ------
    InputError
        If the shapes differ, a value is not finite, or all true values are equal.
    """
    if predicted.shape != true.shape:
        raise InputError(
            f"The predicted image has {_say_shape(predicted)}, the true one "
            f"{_say_shape(true)}; they must be of the same image."
        )
    for name, values in (("predicted", predicted), ("true", true)):
        if not np.isfinite(values).all():
            raise InputError(
                f"The {name} image holds values that are not finite (NaN or infinite); "
                "replace them first."
            )
    if true.size == 0 or true.min() == true.max():
        raise InputError(
            "The true image is constant: errors are measured against the range of its "
            "grey values. Choose another one."
        )
    scores = score_values(predicted, true)
    if min(true.shape[-2:]) < _WINDOW:
        return scores
    similar, windows = _measure_similarity(predicted, true)
    return replace(scores, similar=similar, windows=windows)


def _measure_similarity(
    predicted: NDArray[np.generic], true: NDArray[np.generic]
) -> tuple[float, int]:
    """Return the sum of SSIM [1]_ over the windows inside all planes, and their number.

    As in the paper, windows are Gaussian, 11 px wide with a sigma of 1.5, covariances
    are those of the window's pixels, and constants are 0.01 and 0.03; the dynamic range
    is that of the true values.

    References
    ----------
    .. [1] Wang, Bovik, Sheikh & Simoncelli (2004). Image quality assessment: from error
       visibility to structural similarity. :doi:`10.1109/TIP.2003.819861`
    """
    from skimage.metrics import structural_similarity

    plane, edge = true.shape[-2:], _WINDOW // 2
    similar, windows = 0.0, 0
    span = float(true.max()) - float(true.min())
    pairs = zip(predicted.reshape(-1, *plane), true.reshape(-1, *plane), strict=True)
    for found, right in pairs:
        _, each = structural_similarity(  # type: ignore[no-untyped-call]
            right.astype(np.float64),
            found.astype(np.float64),
            data_range=span,
            gaussian_weights=True,
            sigma=_SIGMA,
            use_sample_covariance=False,
            full=True,
        )
        inside = each[edge:-edge, edge:-edge]
        similar += float(inside.sum())
        windows += inside.size
    return similar, windows


def _say_shape(image: NDArray[np.generic]) -> str:
    """Return '1 channel of 5 × 4 px' (X first) for an array (T, [Z,] Y, X)."""
    channels = "1 channel" if len(image) == 1 else f"{len(image)} channels"
    return f"{channels} of {' × '.join(map(str, image.shape[:0:-1]))} px"
