"""A device with little memory, for tests of what happens when it runs out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_LARGE = 1 << 12  # smaller tensors are no feature maps


class Scarce(TorchDispatchMode):
    """Raises `torch.OutOfMemoryError` where an operation makes too large a tensor.

    The real code runs otherwise unchanged, forward and backward.

    Parameters
    ----------
    limit : int
        Numbers of the largest tensor that there is memory for.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.refused = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation, then look at what it made."""
        made = function(*args, **(kwargs or {}))
        if _is_layer(function) and _largest(made) > max(self.limit, _LARGE):
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate more")
        return made


@contextmanager
def scarce(limit: int) -> Iterator[Scarce]:
    """Let tensors of layers have no more than so many numbers."""
    with Scarce(limit) as device:
        yield device


def _is_layer(function: Any) -> bool:
    """Tell whether an operation is a convolution or its gradient."""
    return "conv" in str(function)


def _largest(made: Any) -> int:
    several = made if isinstance(made, (tuple, list)) else (made,)
    return max((t.numel() for t in several if isinstance(t, torch.Tensor)), default=0)
