"""The course of a training: its start is measured; it learns, is saved, and judged."""

import contextlib
import functools
from collections.abc import Generator, Iterator, Sequence

from napari_unet.core.config import DeviceChoice, ModelSettings, TrainConfig
from napari_unet.core.training.apart import describe_ground, view_of
from napari_unet.core.training.clock import Clock, TrainProgress
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.held_back import Split
from napari_unet.core.training.leave_one_out import describe_left_out, measure_left_out
from napari_unet.core.training.origin import Origin
from napari_unet.core.training.patches import ChangePatch
from napari_unet.core.training.run import Look, Run
from napari_unet.core.training.settling import settle
from napari_unet.core.training.shortage import (
    attempt,
    choose_objects,
    save_in_the_end,
)
from napari_unet.core.training.state import Start, Training
from napari_unet.core.training.task import Task
from napari_unet.core.training.train import train
from napari_unet.core.training.unpainted import Settled, Witness, settle_unpainted
from napari_unet.core.training.validation import Validate

# Whoever stops a training waits no longer than this, in seconds, until what was learned
# is judged; after that it is saved as the last validation left it.
_STOPPING = 20.0


def settle_ground(
    task: Task, witness: Witness, device: DeviceChoice = "auto", *, is_start: bool
) -> Generator[TrainProgress, None, Settled]:
    """Decide what ground left unpainted means, where objects are to be learned."""
    if task.settings.annotation != "objects":
        return Settled(task.examples)
    how = task.config.unpainted
    steps = settle_unpainted(
        task.examples, how, witness, is_start=is_start, device=device
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            settled: Settled = end.value
            return settled
        yield preparing(task.config)


def train_and_save(
    training: Training,
    descent: Descent,
    validate: Validate | None,
    look: Look | None,
    run: Run,
    clock: Clock,
) -> Iterator[TrainProgress]:
    """Train; save now and then, and in the end, however that comes."""
    try:
        for progress in train(training, descent, validate, look, clock):
            attempt(
                training,
                functools.partial(run.save_now_and_then, progress),
                "to save what was learned so far",
            )
            yield progress
        if not training.config.leave_one_out:  # else it is measured first
            run.end()
    except GeneratorExit:  # stopped; what was learned is still to be used well
        since = clock.read()
        if validate is not None:
            with contextlib.closing(settle(training, validate)) as steps:
                for _ in steps:  # left out where it takes too long
                    if clock.read() - since > _STOPPING:
                        break
        clock.has_stopped(since)
        raise
    finally:
        save_in_the_end(training, run.save)


def judge_start(
    validate: Validate, training: Training, origin: Origin, clock: Clock
) -> Iterator[TrainProgress]:
    """Score the model to start from: what comes must be better than what was there.

    Its objects are made in the way that suits it best, as those of what comes will be.
    """
    if origin.weights is None:
        return
    validation = yield from choose_objects(
        training, validate, lambda: clock.progress("validating"), origin.weights
    )
    clock.has_judged()
    if validation is None:
        return
    training.start = Start.of(
        origin.weights,
        validation.scores if validation.own is None else validation.own,
        validation.scores,
        validation.objects,
        is_rival=not origin.new_classes,
    )


def say_ground(split: Split, folds: Sequence[Split], settings: ModelSettings) -> str:
    """Say on what ground a model will be validated."""
    if folds:
        return describe_left_out(len(folds))
    return describe_ground(*split, view_of(settings))


def leave_out(
    folds: Sequence[Split],
    settings: ModelSettings,
    training: Training,
    origin: Origin | None,
    change_patch: ChangePatch | None,
    run: Run,
) -> Iterator[TrainProgress]:
    """Measure the model, which is saved already, by leaving each part out."""
    steps = measure_left_out(folds, settings, training, origin, change_patch)
    judged = yield from steps
    if judged < len(folds):
        run.note_validation(describe_left_out(len(folds), judged))
    run.end()
    save_in_the_end(training, run.save)


def preparing(config: TrainConfig) -> TrainProgress:
    """Return the progress before the first step."""
    return TrainProgress("preparing", 0, config.iterations, 0.0, config.seconds)
