"""The intensity curve of 2019: grey values bent by a random rising curve."""

import numpy as np
import torch
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

# Where black (0) and white (1) go, and how steep the curve is between its points.
_BLACK = (-0.05, 0.05)
_WHITE = (0.95, 1.05)
_SLOPES = (0.8, 1.2)
# So many times a point is put in the middle between all points there are.
_INSERTIONS = 2
_ENTRIES = 256
# Standard deviation of the smoothing in entries: a quarter of the points' distance.
_SMOOTHING = 16


def draw_curves(channels: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a curve for each channel, (channels, 256) float32.

    That of the Fiji plugin: black and white within 0.05 of their places, mid points
    inserted twice within slopes of 0.8 to 1.2, smoothed by a Gaussian (Falk et al.
    2019, :doi:`10.1038/s41592-018-0261-2`). The width of the smoothing is ours.
    """
    return np.stack([_draw_curve(rng) for _ in range(channels)])


def _draw_curve(rng: np.random.Generator) -> np.ndarray:
    """Draw the values (256,) of a curve at equal steps from black to white."""
    values = np.array([rng.uniform(*_BLACK), rng.uniform(*_WHITE)])
    for _ in range(_INSERTIONS):
        values = _insert_middles(values, rng)
    points = make_interp_spline(np.linspace(0, 1, len(values)), values, k=1)
    # Continued straight on both sides, so that smoothing does not move the ends.
    beyond = 4 * _SMOOTHING
    entries = np.arange(-beyond, _ENTRIES + beyond) / (_ENTRIES - 1)
    smooth = gaussian_filter1d(points(entries), _SMOOTHING)
    return np.asarray(smooth[beyond:-beyond], np.float32)


def _insert_middles(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Insert a value between each two, such that no slope leaves its limits."""
    half = 0.5 / (len(values) - 1)
    left, right = values[:-1], values[1:]
    flat, steep = (slope * half for slope in _SLOPES)
    lowest = np.maximum(left + flat, right - steep)
    highest = np.minimum(left + steep, right - flat)
    inserted = np.empty(2 * len(values) - 1)
    inserted[::2] = values
    inserted[1::2] = rng.uniform(lowest, highest)
    return inserted


def bend(patch: Tensor, curves: np.ndarray) -> Tensor:
    """Map grey values, of which -1 is black and 1 is white, by a curve per channel.

    Parameters
    ----------
    patch : Tensor, shape (C, Y, X)
        Grey values; those beyond black and white follow the curve's ends straight on.
    curves : ndarray, shape (C, n)
        From 0 for black to 1 for white, at equal steps.

    Returns
    -------
    Tensor, shape (C, Y, X)
        Between the steps linear.
    """
    table = torch.from_numpy(2 * curves - 1).to(patch)
    last = curves.shape[1] - 1
    places = ((patch + 1) / 2 * last).flatten(1)
    below = places.floor().clamp(0, last - 1)
    index = below.long()
    lower, upper = table.gather(1, index), table.gather(1, index + 1)
    bent: Tensor = lower + (places - below) * (upper - lower)
    return bent.reshape(patch.shape)
