"""The verbs every face calls. They compose the rest of the core; no arithmetic here."""

import functools
import operator
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from napari_unet.core.annotation.target import (
    Example,
    Region,
    check_labels,
    make_target,
    mark_known,
)
from napari_unet.core.annotation.weight_map import (
    compute_weight_map as compute_target_weights,
)
from napari_unet.core.checkpoint import (
    Model,
    check_writable,
    load_model,
)
from napari_unet.core.config import (
    AnnotationKind,
    DeviceChoice,
    ModelSettings,
    TrainConfig,
    WeightMapConfig,
)
from napari_unet.core.device import Precision, choose_compute
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.scores import Scores, score_labels
from napari_unet.core.frames import fold_times
from napari_unet.core.memory import give_back
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.prediction.detect import make_points
from napari_unet.core.prediction.labels import make_labels
from napari_unet.core.prediction.objects import find_objects
from napari_unet.core.prediction.segment import Segmentation, SegmentProgress, segment
from napari_unet.core.prediction.values import restore_values
from napari_unet.core.prediction.zoom import propose_zoom
from napari_unet.core.starter_choice import (
    choose_channel,
    choose_starter,
    choose_starter_for_all,
    choose_witness,
)
from napari_unet.core.training.clock import Clock, TrainProgress
from napari_unet.core.training.course import (
    judge_start,
    leave_out,
    preparing,
    say_ground,
    settle_ground,
    train_and_save,
)
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.kept_start import use_learned
from napari_unet.core.training.leave_one_out import leave_each_out
from napari_unet.core.training.origin import Origin, begin
from napari_unet.core.training.patches import Batch, ChangePatch
from napari_unet.core.training.preparation import (
    make_sampler,
    prepare_for,
    split_for,
)
from napari_unet.core.training.resumption import Stopped
from napari_unet.core.training.run import Look, Preview, Run, TrainResult
from napari_unet.core.training.seen import note_seen
from napari_unet.core.training.shortage import explain_any_shortage
from napari_unet.core.training.task import Task
from napari_unet.core.training.values import pair_images

__all__ = [
    "Example",
    "Model",
    "Preview",
    "Region",
    "Scores",
    "SegmentProgress",
    "Segmentation",
    "TrainProgress",
    "TrainResult",
    "choose_channel",
    "choose_starter",
    "choose_starter_for_all",
    "choose_witness",
    "compute_weight_map",
    "describe_device",
    "draw_patches",
    "evaluate",
    "find_objects",
    "fine_tune",
    "load_model",
    "make_labels",
    "make_points",
    "pair_images",
    "propose_zoom",
    "restore_values",
    "run",
    "segment",
    "use_learned",
]

Result = TypeVar("Result")


@explain_any_shortage
def fine_tune(
    examples: Sequence[Example],
    folder: Path,
    *,
    config: TrainConfig,
    start_from: Model | None = None,
    settings: ModelSettings | None = None,
    preset: str = "",
    reading: Sequence[str] = (),
    device: DeviceChoice = "auto",
    precision: Precision | None = None,
    resume: bool = False,
    preview: Callable[[], Preview | None] | None = None,
    change_patch: ChangePatch | None = None,
    before_save: Callable[[], None] | None = None,
) -> Generator[TrainProgress, None, TrainResult]:
    """Train a model on annotated images and save it; one `next` is one step.

    Closing the generator stops the training; the best and the last weights are saved,
    if a step was taken.

    Parameters
    ----------
    examples : sequence of Example
        Training images; validation images or regions by their role, else a part of
        the annotated ground is held back, with a gap as wide as the network sees, as
        far as enough is left. With `config.leave_one_out`, all are trained on; then
        each image or region is left out of a training of its own, and judged by that.
    folder : Path
        The model folder to write.
    config : TrainConfig
        How to train.
    start_from : Model, optional
        Fine-tune this model; by default train from scratch.
    settings : ModelSettings, optional
        Of the new model, where none is given to start from. Without a pixel size, that
        of the images is filled in.
    preset : str
        Name for the card.
    reading : sequence of str
        Options of the command line by which the labels were read from files, for the
        command in the card that repeats the training.
    device, precision : str
        Where and how to compute.
    resume : bool
        Go on with the training that `folder` holds, optimizer and all.
    preview : callable, optional
        Asked every two seconds what to predict for the user to see.
    change_patch : callable, optional
        For scripts: given the image of each training patch, (C, [Z,] Y, X) float32 of
        about -1 to 1, after all other random changes, and a generator of random
        numbers, it returns the image to learn from, of the same shape. It must not
        move anything: target and weights stay as they are.
    before_save : callable, optional
        Called once, right before the model is saved for the first time: whatever else
        is in `folder` can still be moved away.

    Yields
    ------
    TrainProgress
        After each step.

    Returns
    -------
    TrainResult
        With the saved model. Where it can be compared with the one it started from on
        validation ground, it is better, or that one; `use_learned` takes what was
        learned all the same.

    Raises
    ------
    InputError
        If the examples or the folder cannot be used; nothing is written then.
    MemoryShortageError
        If nothing helps any more, see `Descent`; the last weights are saved.
    TrainingDivergedError
        If the loss is not a number; the last good weights are saved.
    """
    stopped = Stopped.load(folder, config) if resume else None
    if stopped is not None:
        start_from, origin = stopped.model, stopped.origin
    else:
        origin = None if start_from is None else Origin.of(start_from, folder)
    regions = {e.image.name: e.regions for e in examples if e.regions}
    task = Task.of(examples, config, settings, start_from)
    examples, settings, config = task.examples, task.settings, task.config
    check_writable(folder)
    folds = leave_each_out(examples, settings) if config.leave_one_out else []
    yield replace(preparing(config), note=task.note)
    asked = start_from if stopped is None else stopped.beginning
    witness = choose_witness(asked, settings, device)
    known = yield from settle_ground(task, witness, device, is_start=asked is not None)
    examples = known.examples
    folds = folds and leave_each_out(examples, settings)

    compute = choose_compute(device, precision)
    training = begin(settings, config, compute, origin)
    if stopped is not None:
        stopped.take_up(training)
    split = split_for(examples, settings, config)
    sampler, validate = prepare_for(training, split, settings, change_patch)
    descent = Descent(training, sampler)
    said = known.say_ground(say_ground(split, folds, settings))
    yield replace(
        preparing(config),
        patch=descent.patch,
        memory=descent.describe(),
        ground=said,
        note=" ".join(filter(None, (known.note, training.news()))),
        parts=len(folds) + 1,
    )
    settings = note_seen(settings, examples)
    run = Run(
        *(training, settings, folder, origin, preset),
        *(examples, split[0], reading, regions, before_save),
    )
    run.note_validation(said)
    clock = Clock(training)
    if origin is not None and validate is not None:
        yield from judge_start(validate, training, origin, clock)
    if stopped is not None:
        yield from stopped.validate(training, validate, clock)

    look = None if preview is None else Look(preview, training, settings)
    try:
        for progress in train_and_save(training, descent, validate, look, run, clock):
            yield replace(progress, parts=len(folds) + 1)
        if folds:
            yield from leave_out(folds, settings, training, origin, change_patch, run)
        return run.result()
    finally:  # the device's memory is free again before anybody hears of the end
        del training, descent, sampler, validate, run, look, stopped
        give_back(None, compute.device)


def evaluate(
    predicted: np.ndarray,
    true: np.ndarray,
    ignore_label: int | None = None,
    *,
    volume: bool = False,
    regions: Sequence[Region] = (),
) -> Scores:
    """Compare predicted with true labels ([[T,] Z,] Y, X).

    Planes of a stack are summed up, unless it is a `volume` through whose planes
    objects reach; then only time points are. True pixels with the number `ignore_label`
    do not count, nor, if there are `regions`, what lies outside all of them.
    """
    predicted, true = check_labels(predicted, "predicted"), check_labels(true, "true")
    if predicted.shape != true.shape:
        raise InputError(
            f"The predicted labels have the shape {predicted.shape}, the true ones "
            f"{true.shape}; they must be of the same image."
        )
    known = mark_known(true.shape, regions)
    if ignore_label is not None:
        known &= true != ignore_label
        true = np.where(known, true, 0)
    if true.ndim == 2 or (volume and true.ndim == 3):
        return score_labels(predicted, true, known=known)
    stacks = predicted, true, known
    if not volume:
        stacks = fold_times(predicted), fold_times(true), fold_times(known)
    planes = zip(*stacks, strict=True)
    scores = (score_labels(p, t, known=k) for p, t, k in planes)
    return functools.reduce(operator.add, scores)


def compute_weight_map(
    annotation: np.ndarray,
    config: WeightMapConfig | None = None,
    *,
    kind: AnnotationKind = "objects",
    regions: Sequence[Region] = (),
    ignore_label: int | None = None,
    pixel_size: Sequence[float] | None = None,
) -> np.ndarray:
    """Return the loss weight of each pixel of an annotation ([Z,] Y, X), float32.

    Parameters
    ----------
    annotation : ndarray of int
        What was painted.
    config : WeightMapConfig, optional
        Height and width of the ridge, class balance, separation border.
    kind : str
        Whether the numbers are objects or classes.
    regions : sequence of Region
        Fully annotated ground; without any, all of the image is.
    ignore_label : int, optional
        The number that marks ground to be left out.
    pixel_size : sequence of float, optional
        Edge lengths of a pixel, where they differ between axes; by default 1.
    """
    config = config or WeightMapConfig()
    annotation = check_labels(annotation, "annotation")
    classes = 2
    if kind != "objects":
        highest = annotation.max(initial=1, where=annotation != ignore_label)
        classes = int(highest) + 1
    target = make_target(
        annotation,
        kind=kind,
        regions=tuple(regions),
        ignore_label=ignore_label,
        separation_border=config.separation_border,
        classes=classes,
    )
    return compute_target_weights(target, config, pixel_size=pixel_size)


def run(steps: Generator[Any, None, Result]) -> Result:
    """Drive `fine_tune` or `segment` to the end and return the result.

    For scripts that need no progress; else iterate, and take the result from
    ``StopIteration.value``.
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def describe_device(choice: DeviceChoice = "auto") -> str:
    """Say which device and precision will be used: 'CPU (2 threads), bfloat16'."""
    return choose_compute(choice).describe()


def draw_patches(
    examples: Sequence[Example],
    *,
    config: TrainConfig,
    start_from: Model | None = None,
    settings: ModelSettings | None = None,
    count: int = 6,
    change_patch: ChangePatch | None = None,
) -> Batch:
    """Draw patches as a training would, to look at what the random changes do.

    Parameters
    ----------
    examples : sequence of Example
        Annotated images.
    config : TrainConfig
        Its seed, patch size, weight map and augmentation count.
    start_from : Model, optional
        The model that would be fine-tuned; by default one from scratch.
    settings : ModelSettings, optional
        Of the model that would be trained from scratch.
    count : int
        How many patches.
    change_patch : callable, optional
        See `fine_tune`.

    Returns
    -------
    Batch
        Image (N, C, [Z,] Y, X), classes and weights (N, [z,] y, x), on the processor.
    """
    task = Task.of(examples, config, settings, start_from)
    settings = task.settings
    witness, starts = choose_witness(start_from, settings), start_from is not None
    known = run(settle_ground(task, witness, is_start=starts))
    to_train, _ = split_for(known.examples, settings, task.config)
    sampler, _ = make_sampler(
        to_train,
        task.config,
        settings,
        Geometry.of_axes(settings.network),
        torch.device("cpu"),
        change_patch,
    )
    return sampler.draw(0, count)
