"""The loss on held-back ground, from what a validation has predicted anyway."""

import math

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.annotation.target import Target
from napari_unet.core.config import TrainConfig
from napari_unet.core.network.unet import Network
from napari_unet.core.training.loss import compute_loss
from napari_unet.core.training.patches import Batch

# Probabilities are float32: those of a sigmoid next to 1 cannot be told from it.
_SURE = 1e-6


def ground_of(
    target: Target, weights: np.ndarray, values: np.ndarray | None = None
) -> Batch:
    """Return ground ([Z,] Y, X) as the loss sees it: a batch of one, without an image.

    Parameters
    ----------
    target : Target
        Its classes count.
    weights : ndarray of float32, shape ([Z,] Y, X)
        Weighted as the ground that is trained on.
    values : ndarray of float32, shape (T, [Z,] Y, X), optional
        Normalised grey values to predict.
    """
    return Batch(
        image=torch.empty(0),
        classes=torch.from_numpy(target.classes.astype(np.int64))[None],
        weights=torch.from_numpy(weights.astype(np.float32))[None],
        values=None if values is None else torch.from_numpy(values)[None],
    )


class MeanLoss:
    """The mean loss of several images, each by the sum of its weights.

    Parameters
    ----------
    network : Network
        Says what its outputs are.
    config : TrainConfig
        Which loss.
    """

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self._network, self._config = network, config
        self._sum = self._weight = 0.0

    def add(self, predicted: np.ndarray, ground: Batch) -> None:
        """Add an image.

        Parameters
        ----------
        predicted : ndarray of float32, shape (K, [Z,] Y, X)
            Probabilities, background first; or normalised grey values.
        ground : Batch
            From `ground_of`.
        """
        weight = float(ground.weights.sum())
        if weight > 0:
            logits = _logits(torch.from_numpy(predicted), self._network)[None]
            loss = compute_loss(self._network, logits, ground, self._config)
            self._sum += weight * loss.item()
            self._weight += weight

    def value(self) -> float:
        """Return the mean; NaN where nothing has a weight."""
        return self._sum / self._weight if self._weight else math.nan


def _logits(predicted: Tensor, network: Network) -> Tensor:
    """Return logits (O, [Z,] Y, X) that give these probabilities, or the values."""
    if network.config.head == "regression":
        return predicted
    if network.config.head == "sigmoid":
        return predicted[1:].logit(_SURE)
    return predicted.clamp(min=torch.finfo(torch.float32).tiny).log()
