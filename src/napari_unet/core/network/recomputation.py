"""Feature maps that are forgotten on the way and computed again for the gradient."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from napari_unet.core.network.unet import Network


def blocks_of(network: Network) -> list[nn.Module]:
    """Return the blocks of the contracting and of the expanding path.

    They hold nearly all feature maps.
    """
    paths: tuple[Any, ...] = (network.contracting, network.expanding)
    return [
        block
        for path in paths
        for block in (path.values() if isinstance(path, nn.ModuleDict) else path)
    ]


def recompute_blocks(network: Network, *, again: bool) -> None:
    """Let a network keep only what enters its blocks, or all feature maps again.

    Loss and gradient stay what they are, and a step takes about a third longer [1]_.
    Weights and their names do not change; nor does prediction, which keeps nothing
    anyway.

    References
    ----------
    .. [1] Chen, Xu, Zhang & Guestrin (2016). Training Deep Nets with Sublinear Memory
           Cost. arXiv:1604.06174
    """
    for block in blocks_of(network):
        if again:
            # An attribute of the instance hides the method of its class.
            block.forward = _recomputed(block)
        else:
            block.__dict__.pop("forward", None)


def _recomputed(block: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the forward pass of a block that keeps nothing but its input."""
    plain = type(block).forward

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _unseen(block)

    def forward(image: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            shown: Tensor = plain(block, image)
            return shown
        kept: Tensor = checkpoint(
            plain, block, image, use_reentrant=False, context_fn=contexts
        )
        return kept

    return forward


@contextmanager
def _unseen(block: nn.Module) -> Iterator[None]:
    """Let batch normalisation count a batch once, though it sees it twice."""
    layers = [m for m in block.modules() if isinstance(m, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
