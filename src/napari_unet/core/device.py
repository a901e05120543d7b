"""Which device computes, in which precision, with how much memory."""

import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch

from napari_unet.core.config import THREADS_VARIABLE, DeviceChoice
from napari_unet.core.errors import InputError
from napari_unet.core.free_memory import free_memory
from napari_unet.core.heap import share_heap
from napari_unet.core.remembered import name_processor, recall, remember

Precision = Literal["float32", "bfloat16", "float16"]

# A short number format must be this much faster before it is worth its rounding.
_WORTH_IT = 1.2
_RUNS = 7
# The share of free memory that one prediction may take. A graphics card has hardly
# anything else to do, and a tile that does not fit is cut smaller.
_MEMORY_SHARE = 0.25
_MEMORY_SHARE_OF_GPU = 0.6


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
        By default measured, once on each machine.

    Raises
    ------
    InputError
        If the device does not exist here, or the number of threads is none.
    """
    _limit_threads()
    share_heap()
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
    """Time a few convolutions, unless this was done here before with this torch."""
    if device.type == "mps":  # its half precision has not been tried by us
        return "float32"
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else name_processor()
    threads = "" if on_gpu else f", {torch.get_num_threads()} threads"
    short = short_format(device)
    key = f"{short} on {name}{threads}, torch {torch.__version__}"
    gain = recall(key)
    if gain is None:
        gain = round(_measure(device), 2)
        remember(key, gain)
    return short if gain > _WORTH_IT else "float32"


def short_format(device: torch.device) -> Precision:
    """Return the number format of 16 bits in which a device computes best.

    Graphics cards before NVIDIA's Ampere know float16 only. Its numbers end at 65,504
    and 6e-8: gradients are scaled there, see `Training.scaler`.
    """
    on_gpu = device.type == "cuda"
    if on_gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        return "float16"
    return "bfloat16"


def _measure(device: torch.device) -> float:
    """Return how many times faster short convolutions are than float32 ones.

    Takes 0.2 s on a processor. Both take turns, so that other work beside it slows
    down both; of each the shortest time counts, after two runs to warm up.
    """
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1)
    place(convolution, device)
    image = channels_last(torch.zeros(1, 64, 192, 192, device=device))

    def seconds(compute: Compute) -> float:
        start = time.perf_counter()
        with torch.inference_mode(), compute.autocast():
            convolution(image)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    plain, short = Compute(device), Compute(device, short_format(device))
    pairs = [(seconds(plain), seconds(short)) for _ in range(_RUNS + 2)]
    return min(one for one, _ in pairs[2:]) / min(other for _, other in pairs[2:])


def free_bytes(device: torch.device, share: float | None = None) -> int:
    """Return a share of the free memory, by default what one prediction may use."""
    on_gpu = device.type == "cuda"
    if share is None:
        share = _MEMORY_SHARE_OF_GPU if on_gpu else _MEMORY_SHARE
    if on_gpu:
        free, _ = torch.cuda.mem_get_info(device)
    else:
        free = free_memory()
    return int(free * share)
