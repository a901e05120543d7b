"""A device with little memory, for tests of what happens when it runs out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_LARGE = 1 << 12  # smaller tensors are no feature maps


class Scarce(TorchDispatchMode):
    """Raises `torch.OutOfMemoryError` where an operation makes too large a tensor.

    The real code runs otherwise unchanged, forward and backward.

    Parameters
    ----------
    limit : int
        Numbers of the largest tensor that there is memory for.
    within : str
        Only of operations that code asks for where this is in the path of its file,
        followed by a colon and the name of the function; by default, only those of
        convolutions and their gradients count.
    operation : str
        Only of operations with this in their name; also of those that change a tensor
        in place, and need no memory.
    first : int
        Refuse from this one of them on, counted from 0.
    most : int, optional
        Refuse no more often than this: then there is memory again.
    """

    def __init__(
        self,
        limit: int,
        within: str = "",
        operation: str = "",
        first: int = 0,
        most: int | None = None,
    ) -> None:
        super().__init__()
        self.limit, self.within, self.most = limit, within, most
        self.left_out = first
        self.operation = operation or ("" if within else "conv")
        self.refused = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation, then look at what it made."""
        made = function(*args, **(kwargs or {}))
        if self._is_meant(function) and self._largest(made, args) > self.limit:
            if self.left_out:
                self.left_out -= 1
                return made
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate more")
        return made

    def _is_meant(self, function: Any) -> bool:
        """Tell whether an operation is one of those that may be refused."""
        if self.most is not None and self.refused >= self.most:
            return False
        return self.operation in str(function) and _is_asked_for_in(self.within)

    def _largest(self, made: Any, args: Any) -> int:
        """Return the numbers of the largest tensor that is new, or was asked for."""
        old = set() if self.operation else {_place(t) for t in _tensors(args)}
        new = [t.numel() for t in _tensors(made) if _place(t) not in old]
        return max(new, default=0)


@contextmanager
def scarce(limit: int, **options: Any) -> Iterator[Scarce]:
    """Let tensors of layers have no more than so many numbers."""
    with Scarce(max(limit, _LARGE) if not options else limit, **options) as device:
        yield device


def _is_asked_for_in(file: str) -> bool:
    """Tell whether code in a file is running, or has called what is."""
    frame = sys._getframe()
    while file and frame is not None:
        if file in f"{frame.f_code.co_filename}:{frame.f_code.co_name}":
            return True
        frame = frame.f_back
    return not file


def _tensors(several: Any) -> list[torch.Tensor]:
    return [t for t in tree_leaves(several) if isinstance(t, torch.Tensor)]


def _place(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata
