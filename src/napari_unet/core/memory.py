"""Too little memory: told in one sentence, and given back first. No torch needed."""

from __future__ import annotations

import re
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_unet.core.errors import MemoryShortageError
from napari_unet.core.heap import trim_heap

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

# How processors, graphics cards, their libraries and the system say it; most of them in
# a plain RuntimeError.
_SAYINGS = (
    "outofmemoryerror",
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",  # the system, for a file or a library
    "not enough memory",
    "alloc_failed",
    "could not create a primitive",  # oneDNN, without room for its work space
    "can't start new thread",  # without room for its stack
)


# What only graphics cards and their libraries say.
_OF_GRAPHICS_CARDS = re.compile(r"\b(cuda|cudnn|cublas|hip|mps)")
_SIZE = re.compile(r"allocate (\d+(?:\.\d+)? [MGTPE]iB)")


def is_memory_shortage(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    said = f"{type(error).__name__}: {error}".lower()
    kinds = (RuntimeError, OSError, ImportError)
    return isinstance(error, kinds) and any(word in said for word in _SAYINGS)


def tell_shortage(error: BaseException, doing: str) -> BaseException:
    """Return an error as people are told it, whatever work it has ended.

    Parameters
    ----------
    error : BaseException
        Anything; what does not mean that memory ran out is returned as it is.
    doing : str
        What there was too little memory for: 'this command'.

    Examples
    --------
    >>> error = MemoryError("Unable to allocate 7.45 GiB for an array")
    >>> str(tell_shortage(error, "'Evaluate'")).partition(". ")[0]
    "This computer has too little free memory for 'Evaluate' (7.45 GiB more needed)"
    """
    if not is_memory_shortage(error):
        return error
    said = str(error)
    size = _SIZE.search(said)
    needed = f" ({size[1]} more needed)" if size else ""
    where, advice = "This computer", "Close other programs"
    if isinstance(error, RuntimeError) and _OF_GRAPHICS_CARDS.search(said.lower()):
        where = "The graphics card"
        advice += (
            ", compute on the processor (on the command line: --device cpu; in the "
            "dock: Device)"
        )
    return MemoryShortageError(
        f"{where} has too little free memory for {doing}{needed}. Nothing that was "
        f"there before is lost. {advice}, or take less at a time: a smaller part of "
        "the images, or fewer of them."
    )


@contextmanager
def telling_shortage(doing: str) -> Iterator[None]:
    """Where memory runs out, raise what `tell_shortage` makes of it."""
    try:
        yield
    except Exception as error:  # the kinds differ by library; all go on
        told = tell_shortage(error, doing)
        if told is error:
            raise
        traceback.clear_frames(error.__traceback__)
        raise told from None


def give_back(error: BaseException | None, device: torch.device) -> None:
    """Free what a step that failed still holds, and what is kept in reserve.

    Its frames hold all its arrays as long as somebody holds the error.
    """
    if error is not None:
        traceback.clear_frames(error.__traceback__)
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    trim_heap()


@contextmanager
def explain_shortage(device: torch.device, doing: str, advice: str) -> Iterator[None]:
    """Turn any way of running out of memory into one sentence, and free the memory.

    Parameters
    ----------
    device : torch.device
        Where the work is done.
    doing : str
        What there was too little memory for: 'tiles of 1024 px'.
    advice : str
        What to do, as a sentence.

    Raises
    ------
    MemoryShortageError
        Instead of what PyTorch or NumPy raised.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_memory_shortage(error):
            raise
        give_back(error, device)
        where = "This computer" if device.type == "cpu" else "The graphics card"
        raise MemoryShortageError(
            f"{where} has too little free memory for {doing}. {advice}"
        ) from None
