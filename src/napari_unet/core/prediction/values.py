"""What a network with a regression head predicts, as grey values."""

import numpy as np

from napari_unet.core.config import ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.image import IntensityRange


def value_range(settings: ModelSettings) -> IntensityRange:
    """Return the grey values of the target that the network gives as -1 and 1."""
    low, high = np.array(settings.value_range, np.float32).reshape(-1, 2).T
    return IntensityRange(low, high)


def restore_values(predicted: np.ndarray, settings: ModelSettings) -> np.ndarray:
    """Bring what the network predicts back to the grey values of its targets.

    Parameters
    ----------
    predicted : ndarray of float32, shape (T, [Z,] Y, X)
        What `segment` returns as probabilities.
    settings : ModelSettings
        Of a model that predicts values.

    Returns
    -------
    ndarray of float32, shape of `predicted`

    Raises
    ------
    InputError
        If the model predicts objects or classes.
    """
    if settings.annotation != "values":
        raise InputError(
            f"This model predicts {settings.annotation}, not grey values; make labels "
            "of what it predicts."
        )
    target = value_range(settings)
    column = (-1,) + (1,) * (predicted.ndim - 1)
    middle = ((target.low.astype(float) + target.high) / 2).reshape(column)
    half = ((target.high.astype(float) - target.low) / 2).reshape(column)
    restored: np.ndarray = (predicted * half + middle).astype(np.float32)
    return restored
