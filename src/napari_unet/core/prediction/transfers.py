"""Copies to and from a graphics card, while it computes."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Step = TypeVar("Step")


class Transfers:
    """Copies beside what a graphics card computes, each way in a queue of its own.

    Both need memory of the processor that stays in place (pinned).

    Parameters
    ----------
    device : torch.device
        A CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._up, self._down = torch.cuda.Stream(device), torch.cuda.Stream(device)

    def send(self, values: Tensor) -> Tensor:
        """Return values on the device; what is computed next waits for them."""
        pinned = values.pin_memory()
        with torch.cuda.stream(self._up):
            there = pinned.to(self._device, non_blocking=True)
        present = torch.cuda.current_stream(self._device)
        present.wait_stream(self._up)
        there.record_stream(present)
        return there

    def fetch(self, values: Tensor) -> np.ndarray:
        """Return where values will have arrived after the `arrival`."""
        self._down.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._down):
            here = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            here.copy_(values, non_blocking=True)
        values.record_stream(self._down)
        array: np.ndarray = here.numpy()
        return array

    def arrival(self) -> torch.cuda.Event:
        """Return what to wait for until all that was fetched so far is here."""
        event: torch.cuda.Event = self._down.record_event()
        return event


def one_ahead(steps: Iterator[Step]) -> Iterator[Step]:
    """Yield each step once the next one has begun; the last one at the end.

    So a graphics card has work while the processor prepares a tile, and while it shows
    the one before.
    """
    begun = None
    for step in steps:
        if begun is not None:
            yield begun
        begun = step
    if begun is not None:
        yield begun
