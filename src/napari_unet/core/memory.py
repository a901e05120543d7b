"""Too little memory: told in one sentence, and given back first."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_unet.core.errors import MemoryShortageError
from napari_unet.core.heap import trim_heap

# How processors, graphics cards and their libraries say it; most of them in a plain
# RuntimeError.
_SAYINGS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "alloc_failed",
    "could not create a primitive",  # oneDNN, without room for its work space
)


def is_memory_shortage(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in said for word in _SAYINGS)


def give_back(error: BaseException | None, device: torch.device) -> None:
    """Free what a step that failed still holds, and what is kept in reserve.

    Its frames hold all its arrays as long as somebody holds the error.
    """
    if error is not None:
        traceback.clear_frames(error.__traceback__)
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
