"""What the training minimises: weighted cross-entropy, Dice, or the error of values."""

import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    one_hot,
)

from napari_unet.core.config import TrainConfig
from napari_unet.core.network.unet import Network
from napari_unet.core.training.patches import Batch

# Below this the sum of the weights counts as 0: then nothing is learned.
_NOTHING = 1e-6
# Keeps the Dice coefficient of a class that is nowhere at 1.
_SMOOTH = 1.0


def compute_loss(
    network: Network, logits: Tensor, batch: Batch, config: TrainConfig
) -> Tensor:
    """Return how far a batch's logits are from its target.

    Parameters
    ----------
    network : Network
        Says whether the logits are of a softmax or of a sigmoid head.
    logits : Tensor, shape (N, O, [Z,] Y, X)
        In float32.
    batch : Batch
        Classes and weights (N, [Z,] Y, X).
    config : TrainConfig
        Which loss, and the share of the Dice loss in it.

    Returns
    -------
    Tensor, scalar
        0 if no pixel has a weight.
    """
    if batch.values is not None:
        difference = logits - batch.values
        return _mean_error(difference, batch.weights, squared=config.loss == "mse")
    is_sigmoid = network.config.head == "sigmoid"
    share = {"cross-entropy": 0.0, "dice": 1.0}.get(config.loss, config.dice_share)
    loss = logits.new_zeros(())
    if share < 1:
        loss = loss + (1 - share) * _cross_entropy(logits, batch, sigmoid=is_sigmoid)
    if share > 0:
        loss = loss + share * _dice_loss(logits, batch, sigmoid=is_sigmoid)
    return loss


def _cross_entropy(logits: Tensor, batch: Batch, *, sigmoid: bool) -> Tensor:
    """Return the weighted mean over the pixels, so that few known ones count fully.

    With a sigmoid head, the sum of the binary cross-entropies of all outputs.
    """
    if sigmoid:
        truth = _indicate(batch.classes, logits.shape[1] + 1)[:, 1:]
        each = binary_cross_entropy_with_logits(logits, truth, reduction="none")
        per_pixel = each.sum(dim=1)
    else:
        per_pixel = cross_entropy(logits, batch.classes, reduction="none")
    return (batch.weights * per_pixel).sum() / batch.weights.sum().clamp(min=_NOTHING)


def _mean_error(difference: Tensor, weights: Tensor, *, squared: bool) -> Tensor:
    """Return the mean squared or absolute error over the known pixels."""
    each = difference.square() if squared else difference.abs()
    return (weights * each.mean(dim=1)).sum() / weights.sum().clamp(min=_NOTHING)


def _dice_loss(logits: Tensor, batch: Batch, *, sigmoid: bool) -> Tensor:
    """Return 1 - the mean over the outputs of the soft Dice coefficient [1]_.

    Only known pixels count, each alike: weight maps belong to the cross-entropy.

    References
    ----------
    .. [1] Milletari, Navab & Ahmadi (2016). V-Net. :doi:`10.1109/3DV.2016.79`
    """
    known = (batch.weights > 0)[:, None].float()
    probabilities = logits.sigmoid() if sigmoid else logits.softmax(dim=1)
    truth = _indicate(batch.classes, logits.shape[1] + sigmoid)
    truth = truth[:, 1:] if sigmoid else truth
    axes = (0, *range(2, logits.ndim))
    both = (known * probabilities * truth).sum(axes)
    sizes = (known * (probabilities + truth)).sum(axes)
    return 1 - ((2 * both + _SMOOTH) / (sizes + _SMOOTH)).mean()


def _indicate(classes: Tensor, count: int) -> Tensor:
    """Return (N, K, [Z,] Y, X): 1 where the class is k, else 0."""
    return torch.movedim(one_hot(classes, count), -1, 1).float()
