"""The next batch of a training, drawn while a graphics card computes this one."""

import torch

from napari_unet.core.training.patches import Batch, PatchSampler


class DrawnAhead:
    """Draws a batch before it is needed, beside other work of a graphics card.

    Patches are read and deformed on the device that computes, from images that lie
    there: nothing is copied but the random numbers. Drawing waits for its own results,
    so it needs a queue of its own not to wait for the step as well. Elsewhere, and for
    a batch that was not drawn yet, it is drawn when it is asked for.

    Parameters
    ----------
    device : torch.device
        On which the images lie already.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)
            self._stream.wait_stream(torch.cuda.current_stream(device))
        self._next: tuple[PatchSampler, int, Batch] | None = None

    def prepare(self, sampler: PatchSampler, iteration: int) -> None:
        """Draw a batch beside what is computed now; only on a graphics card."""
        if self._stream is not None:
            with torch.cuda.stream(self._stream):
                self._next = sampler, iteration, sampler.draw(iteration)

    def take(self, sampler: PatchSampler, iteration: int) -> Batch:
        """Return a batch; it is the same whether it was drawn before or not."""
        prepared, self._next = self._next, None
        if self._stream is None or prepared is None:
            return sampler.draw(iteration)
        drawn_by, number, batch = prepared
        if drawn_by is not sampler or number != iteration:
            return sampler.draw(iteration)
        present = torch.cuda.current_stream(self._stream.device)
        present.wait_stream(self._stream)
        for tensor in (batch.image, batch.classes, batch.weights, batch.values):
            if tensor is not None:  # its memory belongs to the other queue
                tensor.record_stream(present)
        return batch
