"""Which device computes, in which precision, with how much memory."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Literal

import psutil
import torch

from napari_unet.core.config import THREADS_VARIABLE, DeviceChoice
from napari_unet.core.errors import InputError

Precision = Literal["float32", "bfloat16"]

# bfloat16 must be this much faster before it is worth its rounding.
_WORTH_IT = 1.2
# The share of free memory that one prediction may take.
_MEMORY_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how to compute.

    Parameters
    ----------
    device : torch.device
        ``cpu``, ``cuda`` or ``mps``.
    precision : str
        Number format of the convolutions; weights and sums stay float32.
    """

    device: torch.device
    precision: Precision = "float32"

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the network runs. Never yield inside it."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, getattr(torch, self.precision))

    def describe(self) -> str:
        """Say it for a person: 'CPU (2 threads), bfloat16'."""
        if self.device.type == "cuda":
            name = f"GPU ({torch.cuda.get_device_name(self.device)})"
        elif self.device.type == "mps":
            name = "Apple GPU"
        else:
            threads = torch.get_num_threads()
            name = f"CPU ({threads} thread{'s' if threads > 1 else ''})"
        return f"{name}, {self.precision}"


def choose_compute(
    choice: DeviceChoice = "auto", precision: Precision | None = None
) -> Compute:
    """Return the device that was asked for, and the precision that is faster on it.

    Parameters
    ----------
    choice : str
        ``auto`` takes a CUDA or Apple GPU where there is one.
    precision : str, optional
        By default measured once per process.

    Raises
    ------
    InputError
        If the device does not exist here, or the number of threads is none.
    """
    _limit_threads()
    device = _choose_device(choice)
    return Compute(device, precision or _faster_precision(device))


def _limit_threads() -> None:
    """Compute with as many threads as the environment says, if it does."""
    if not (wanted := os.environ.get(THREADS_VARIABLE, "")):
        return
    if not wanted.isdecimal() or int(wanted) < 1:
        raise InputError(
            f"{THREADS_VARIABLE} is '{wanted}'; give a number of threads from 1 on, or "
            "leave it out."
        )
    if torch.get_num_threads() != int(wanted):
        torch.set_num_threads(int(wanted))
        _faster_precision.cache_clear()


def place(network: torch.nn.Module, device: torch.device) -> None:
    """Move a network to a device, in the layout in which it convolves fastest."""
    network.to(device)
    is_3d = any(weights.ndim == 5 for weights in network.parameters())
    layout = torch.channels_last_3d if is_3d else torch.channels_last
    # torch has this overload; its type hints do not.
    network.to(memory_format=layout)  # type: ignore[call-overload]


def channels_last(images: torch.Tensor) -> torch.Tensor:
    """Return a batch (N, C, [Z,] Y, X) in the layout that `place` gives networks."""
    is_3d = images.ndim == 5
    layout = torch.channels_last_3d if is_3d else torch.channels_last
    return images.contiguous(memory_format=layout)


def _choose_device(choice: DeviceChoice) -> torch.device:
    """Return the device, or say what to do if it is not there."""
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if choice == "auto":
        return torch.device(next(name for name, here in present.items() if here))
    if not present[choice]:
        advice = (
            "Install a CUDA build of PyTorch (see pytorch.org) and the graphics driver"
            if choice == "cuda"
            else "It needs macOS on Apple silicon"
        )
        raise InputError(
            f"The device '{choice}' was asked for, but PyTorch {torch.__version__} "
            f"finds none here. {advice}, or use 'auto' or 'cpu'."
        )
    return torch.device(choice)


@cache
def _faster_precision(device: torch.device) -> Precision:
    """Time a few convolutions, once per process: it takes 0.2 s on a processor."""
    if device.type == "mps":  # its half precision has not been tried by us
        return "float32"
    return "bfloat16" if _measure(device) > _WORTH_IT else "float32"


def _measure(device: torch.device) -> float:
    """Return how many times faster bfloat16 convolutions are than float32 ones."""
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1)
    place(convolution, device)
    image = torch.zeros(1, 64, 192, 192, device=device)
    image = channels_last(image)

    def run(compute: Compute) -> None:
        with torch.inference_mode(), compute.autocast():
            convolution(image)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    plain, short = Compute(device), Compute(device, "bfloat16")
    return _seconds(lambda: run(plain)) / _seconds(lambda: run(short))


def _seconds(work: Callable[[], None], repeats: int = 7) -> float:
    """Return the shortest of several runs, after two to warm up."""
    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        work()
        if i >= 2:
            times.append(time.perf_counter() - start)
    return min(times)


def free_bytes(device: torch.device, share: float = _MEMORY_SHARE) -> int:
    """Return a share of the free memory, by default what one prediction may use."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    else:
        free = psutil.virtual_memory().available
    return int(free * share)
