"""What a training gives up, one thing after the other, where memory is short."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from napari_unet.core.device import (
    Precision,
    choose_compute,
    free_bytes,
    short_format,
)
from napari_unet.core.memory import give_back, is_memory_shortage
from napari_unet.core.network.recomputation import recompute_blocks
from napari_unet.core.training.drawn_ahead import DrawnAhead
from napari_unet.core.training.patch_shape import describe_patch, output_shape
from napari_unet.core.training.patches import Batch, PatchSampler
from napari_unet.core.training.shortage import explain_training_shortage
from napari_unet.core.training.state import Training
from napari_unet.core.training.step_memory import (
    STEP_SHARE,
    StepMemory,
    estimate_step,
)
from napari_unet.core.training.undo import put_back_if_it_fails

# Smaller patches show too little: px along Y and X, and along Z.
_LEAST_EDGE, _LEAST_DEPTH = 64, 8
# Given training, batch and what to do meanwhile, it takes a step and returns the loss.
TakeStep = Callable[[Training, Batch, Callable[[], None]], float]

# A batch grows by no more than this when its patches shrink.
_MOST_PATCHES = 16


@dataclass(frozen=True, slots=True)
class Rung:
    """How a training computes its steps.

    Parameters
    ----------
    at_once : int
        Patches in memory at a time.
    size : tuple of int
        ([Z,] Y, X) of a patch, in pixels.
    batch : int
        Patches of a step.
    precision : str
        Of the convolutions.
    recompute : bool
        Whether feature maps are computed twice instead of kept.
    device : str
        ``cpu``, ``cuda`` or ``mps``.
    """

    at_once: int
    size: tuple[int, ...]
    batch: int
    precision: Precision
    recompute: bool
    device: str


class Descent:
    """Takes the steps of a training; where memory runs out, in another way.

    In this order, from what changes the result least: fewer patches at a time, whose
    gradients are added up; smaller patches, and more of them; a short number format;
    feature maps computed twice instead of kept; the processor, where it begins anew
    with what was asked for. A step that failed is taken again, with the same patches as
    long as their size is the same: nothing that was learned is lost.

    A training whose step is estimated to take more than is free begins lower.

    Parameters
    ----------
    training : Training
        Changed in place.
    sampler : PatchSampler
        Where batches come from.
    """

    def __init__(self, training: Training, sampler: PatchSampler) -> None:
        self._training, self._sampler = training, sampler
        self._asked = sampler
        self._ahead = DrawnAhead(training.compute.device)
        self._recompute = False
        before = self._rung()
        while not self._fits() and self._lower():
            pass
        self._tell(before)

    @property
    def memory(self) -> StepMemory:
        """What a step is estimated to take."""
        return estimate_step(
            self._training.network.config,
            self._training.config,
            self._sampler.size,
            self._rung().at_once,
            precision=self._training.compute.precision,
            recompute=self._recompute,
        )

    @property
    def patch(self) -> str:
        """How large patches are, in words."""
        return self._sampler.described

    def describe(self) -> str:
        """Say what a step will take: '2 patches at a time, about 210 MB'."""
        at_once = self._rung().at_once
        patches = "1 patch" if at_once == 1 else f"{at_once} patches"
        return f"{patches} at a time, {self.memory.describe()}"

    def step(self, take_step: TakeStep) -> float:
        """Take the next step, in whatever way there is memory for it.

        Parameters
        ----------
        take_step : callable
            As of the module `train`.

        Returns
        -------
        float
            The loss.

        Raises
        ------
        MemoryShortageError
            If nothing is left to give up; the training is as it was before the step.
        """
        before = self._rung()
        with explain_training_shortage(self._training):
            while (loss := self._try(take_step)) is None:
                pass
        self._tell(before)
        return loss

    def _try(self, take_step: TakeStep) -> float | None:
        """Take a step; None if it did not fit and another way is to be tried."""
        training = self._training
        try:
            # What batch normalisation has seen of a step that failed is forgotten.
            with put_back_if_it_fails(list(training.network.buffers())):
                batch = self._ahead.take(self._sampler, training.iteration)
                return take_step(training, batch, self._draw_next)
        except (MemoryError, RuntimeError) as error:
            if not is_memory_shortage(error):
                raise
            training.forget_step()
            self._ahead = DrawnAhead(training.compute.device)
            give_back(error, training.compute.device)
            if not self._lower():
                raise
        return None

    def _draw_next(self) -> None:
        self._ahead.prepare(self._sampler, self._training.iteration + 1)

    def _fits(self) -> bool:
        """Tell whether a step is estimated to fit into what is free."""
        free = free_bytes(self._training.compute.device, STEP_SHARE)
        return self.memory.total <= free

    def _lower(self) -> bool:
        """Give up one thing; return whether there was one."""
        training, now = self._training, self._rung()
        if now.at_once > 1:
            training.at_once = math.ceil(now.at_once / 2)
        elif (size := self._smaller()) is not None:
            self._shrink(size)
        elif now.precision == "float32" and now.device != "mps":
            short = short_format(training.compute.device)
            training.move(replace(training.compute, precision=short))
        elif not now.recompute:
            self._recompute_blocks(again=True)
        elif now.device != "cpu":
            self._recompute_blocks(again=False)
            training.move(choose_compute("cpu"))
            self._sampler = self._asked = self._asked.to(training.compute.device)
            self._ahead = DrawnAhead(training.compute.device)
            training.at_once = self._sampler.batch_size
        else:
            return False
        return True

    def _rung(self) -> Rung:
        """Return how steps are computed now."""
        training, sampler = self._training, self._sampler
        return Rung(
            at_once=min(training.at_once or sampler.batch_size, sampler.batch_size),
            size=sampler.size,
            batch=sampler.batch_size,
            precision=training.compute.precision,
            recompute=self._recompute,
            device=training.compute.device.type,
        )

    def _smaller(self) -> tuple[int, ...] | None:
        """Return about half the size of a patch; None if that shows too little."""
        geometries, size = self._training.network.geometries, self._sampler.size
        least = (_LEAST_DEPTH, _LEAST_EDGE, _LEAST_EDGE)[-len(size) :]
        smaller = tuple(
            min(n, each.size_at_least(max(n // 2, low)))
            for n, each, low in zip(size, geometries, least, strict=True)
        )
        return smaller if smaller != size else None

    def _shrink(self, size: tuple[int, ...]) -> None:
        """Draw smaller patches, one at a time, and more of them in each step."""
        training, sampler = self._training, self._sampler
        ratio = math.prod(sampler.size) // math.prod(size)
        limit = max(sampler.batch_size, _MOST_PATCHES * training.config.batch_size)
        shown = output_shape(size, training.network.geometries)
        batch = min(sampler.batch_size * ratio, limit)
        self._sampler = sampler.resized(size, shown, batch)
        training.at_once = 1

    def _recompute_blocks(self, *, again: bool) -> None:
        recompute_blocks(self._training.network, again=again)
        self._recompute = again

    def _tell(self, before: Rung) -> None:
        """Note in one sentence what was given up since, if anything was."""
        after, training = self._rung(), self._training
        if after == before:
            return
        where = "This computer" if before.device == "cpu" else "The graphics card"
        training.tell(
            f"{where} has too little free memory for {_patches(before.at_once)} of "
            f"{describe_patch(before.size, before.size)} at a time: from iteration "
            f"{training.iteration + 1} on, {_differences(before, after)}."
        )


def _differences(before: Rung, after: Rung) -> str:
    """Return what another rung does otherwise."""
    said = []
    if after.device != before.device:
        said.append("the processor computes, which is slower")
    if after.size != before.size:
        size = describe_patch(after.size, after.size)
        said.append(f"a step sees {_patches(after.batch)} of {size}")
    if after.at_once < after.batch and after.at_once != before.at_once:
        said.append(
            f"the gradients of {_patches(after.at_once)} at a time are added up"
        )
    if after.precision != before.precision:
        said.append(f"it computes in {after.precision}")
    if after.recompute and not before.recompute:
        said.append("feature maps are computed twice instead of kept")
    return ", ".join(said) or "less at a time"


def _patches(count: int) -> str:
    return "1 patch" if count == 1 else f"{count} patches"
