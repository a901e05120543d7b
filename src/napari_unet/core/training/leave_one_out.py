"""Every image or region is left out once, and judged by a model that never saw it.

With a few images, a single held-back part says little. Leaving each out in turn uses
all of them twice: the model learns from all, and its scores are those of models that
learned in the same way from all but one (Stone 1974, J. R. Stat. Soc. B 36, 111-147).
"""

import functools
import operator
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.annotation.target import Example
from napari_unet.core.checkpoint import copy_weights
from napari_unet.core.config import AnnotationKind, ModelSettings, ObjectConfig
from napari_unet.core.errors import InputError, MemoryShortageError
from napari_unet.core.evaluation.detection import AnyScores
from napari_unet.core.memory import give_back, is_memory_shortage
from napari_unet.core.training.apart import View, view_of
from napari_unet.core.training.clock import Clock, TrainProgress
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.held_back import (
    Split,
    divide,
    list_areas,
    says_enough,
    size_of,
    train_on_all,
)
from napari_unet.core.training.origin import Origin, begin
from napari_unet.core.training.patches import ChangePatch
from napari_unet.core.training.preparation import prepare_for
from napari_unet.core.training.settling import WAYS, go_part, is_worth_it
from napari_unet.core.training.shortage import choose_objects
from napari_unet.core.training.state import Reached, Start, Training, lent
from napari_unet.core.training.train import train
from napari_unet.core.training.validation import Validation

# More images or regions are left out in as many groups.
_MOST_TRAININGS = 5
# Between them, in what the network sees on each side of a pixel; less where else more
# than half of the others would be lost.
_GAPS = (2.0, 1.0, 0.5, 0.0)
_LEAST_LEFT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What was measured on ground that was left out.

    Parameters
    ----------
    scores : Scores, DetectionScores or ValueScores
        Of all trainings together.
    own : Scores, DetectionScores or ValueScores
        The same with the model's own way of making objects.
    objects : list of ObjectConfig
        The way of making objects that each of them came to.
    """

    scores: AnyScores
    own: AnyScores
    objects: list[ObjectConfig]

    @classmethod
    def of(cls, each: Sequence[Validation]) -> "LeftOut":
        """Pool what was measured in each training."""
        scores = functools.reduce(operator.add, (v.scores for v in each))
        own = functools.reduce(
            operator.add, (v.scores if v.own is None else v.own for v in each)
        )
        return cls(scores, own, [v.objects for v in each])

    @property
    def usual_objects(self) -> ObjectConfig:
        """The middle one of all ways of making objects, setting by setting."""
        middle = {
            name: sorted(getattr(o, name) for o in self.objects)[
                (len(self.objects) - 1) // 2
            ]
            for name in ObjectConfig.model_fields
        }
        return ObjectConfig(**middle)


def leave_each_out(examples: Sequence[Example], settings: ModelSettings) -> list[Split]:
    """Return, for each image or region, all others to train on and it to validate on.

    More than five of them are left out in five groups. Regions of one image keep a gap
    as wide as the network sees, as far as half of the others is left.

    Raises
    ------
    InputError
        If there are fewer than two, or if too little is left without one of them.
    """
    training, view = train_on_all(examples), view_of(settings)
    areas = list_areas(training)
    if len(areas) < 2:
        raise InputError(
            "To leave one image or region out, there must be two at least: annotate "
            "another image, or draw regions; or train without it (on the command line: "
            "--leave-one-out; in the dock: Leave each image or region out once)."
        )
    count = min(len(areas), _MOST_TRAININGS)
    groups = [[int(i) for i in g] for g in np.array_split(range(len(areas)), count)]
    kind = settings.annotation
    return [_leave_out(training, set(group), kind, view) for group in groups]


def _leave_out(
    training: list[Example], group: set[int], kind: AnnotationKind, view: View
) -> Split:
    """Leave some areas out, with as wide a gap to the others as can be."""
    areas = list_areas(training)
    away = [area for number, area in enumerate(areas) if number in group]
    cuts = {(i, r): (None, replace(r, role="validation")) for i, r in away}
    for times in _GAPS:
        gaps = [tuple(round(times * n) for n in view(e.image)) for e in training]
        rest, held = divide(training, areas, cuts, gaps)
        left = size_of(training) - size_of(held)
        if size_of(rest) >= _LEAST_LEFT * left and says_enough(rest, rest, kind):
            return rest, held
    names = ", ".join(f"'{training[i].image.name}'" for i, _ in away)
    raise InputError(
        f"Without what is annotated on {names}, there is too little to learn from: "
        "fewer than two objects. Annotate more on the others, or train without leaving "
        "one out (on the command line: --leave-one-out; in the dock: Leave one out)."
    )


def describe_left_out(folds: int, judged: int | None = None) -> str:
    """Say how it was validated, in a sentence without its full stop.

    Parameters
    ----------
    folds : int
        How many trainings leave something out.
    judged : int, optional
        How many of them there was memory for; by default all.
    """
    if judged == 0:
        return "not validated: there was too little memory to leave anything out"
    of_all = f"{folds}" if judged in (None, folds) else f"{judged} of {folds}"
    return (
        f"validated by {of_all} trainings, each without the images or regions that "
        "it was judged on; this model was trained on all of them"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """What one training was measured to be, on what was left out of it.

    Parameters
    ----------
    start : Validation, optional
        The model that it started from.
    learned : Validation
        What it learned.
    between : tuple of Validation
        Each of `WAYS` between them; empty from scratch.
    """

    start: Validation | None
    learned: Validation
    between: tuple[Validation, ...]


def measure_left_out(
    folds: Sequence[Split],
    settings: ModelSettings,
    training: Training,
    origin: Origin | None,
    change_patch: ChangePatch | None = None,
) -> Generator[TrainProgress, None, int]:
    """Train without each part in turn, and judge on it; the result is in `training`.

    What there is too little memory for is passed over.

    Parameters
    ----------
    folds : sequence of (list of Example, list of Example)
        From `leave_each_out`.
    settings : ModelSettings
        Of the model.
    training : Training
        Of the model, which has learned from all. What it has come to, and what its
        start was, becomes what the others together have shown.
    origin : Origin, optional
        The model that all of them start from.
    change_patch : callable, optional
        See `workflow.fine_tune`.

    Yields
    ------
    TrainProgress
        Of each training, with its number.

    Returns
    -------
    int
        How many parts it was judged on.
    """
    measured = []
    for number, split in enumerate(folds, start=1):
        steps = _measure_or_pass(split, settings, training, origin, change_patch)
        last = _waiting(training)
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                fold = end.value
                break
            training.tell(progress.note)  # for the card: it is of another training
            last = replace(progress, part=number, parts=len(folds) + 1)
            yield replace(last, note=training.news())
        if fold is not None:
            measured.append(fold)
            continue
        training.tell(
            f"There was too little free memory to train without part {number} of "
            f"{len(folds)}, or to judge on it: the scores know nothing of it."
        )
        yield replace(last, note=training.news())
    if measured:
        _conclude(training, origin, measured)
    return len(measured)


def _waiting(training: Training) -> TrainProgress:
    """Return how things stand before a part is left out."""
    config = training.config
    limits = config.iterations, training.seconds, config.seconds
    return TrainProgress("validating", 0, *limits)


def _measure_or_pass(
    split: Split,
    settings: ModelSettings,
    whole: Training,
    origin: Origin | None,
    change_patch: ChangePatch | None,
) -> Generator[TrainProgress, None, Fold | None]:
    """Do what `_measure` does; None also where memory runs out elsewhere."""
    try:
        return (yield from _measure(split, settings, whole, origin, change_patch))
    except (MemoryError, RuntimeError, MemoryShortageError) as error:
        if not isinstance(error, MemoryShortageError) and not is_memory_shortage(error):
            raise
        give_back(error, whole.compute.device)
        return None


def _conclude(training: Training, origin: Origin | None, folds: Sequence[Fold]) -> None:
    """Take over what was measured; go but a part of the way where that is worth it."""
    weights = copy_weights(training.network)
    learned = LeftOut.of([fold.learned for fold in folds])
    how = f"{len(folds)} trainings that left something out"
    starts = [fold.start for fold in folds if fold.start is not None]
    if origin is not None and origin.weights is not None and starts:
        start = LeftOut.of(starts)
        training.start = Start.of(
            origin.weights,
            start.own,
            start.scores,
            start.usual_objects,
            is_rival=not origin.new_classes,
        )
        for way, *parts in zip(WAYS, *(fold.between for fold in folds), strict=True):
            part = LeftOut.of(parts)
            if is_worth_it(part.scores, learned.scores, start.scores):
                weights, learned = go_part(weights, origin.weights, way), part
                break
    training.settled = Reached(weights, learned.scores, learned.usual_objects, how)


def _measure(
    split: Split,
    settings: ModelSettings,
    whole: Training,
    origin: Origin | None,
    change_patch: ChangePatch | None,
) -> Generator[TrainProgress, None, Fold | None]:
    """Train as the whole was; None where there was no memory to judge it."""
    training = begin(settings, whole.config, whole.compute, origin)
    sampler, validate = prepare_for(training, split, settings, change_patch)
    if validate is None:  # every fold has some
        raise RuntimeError("Nothing was left out.")
    clock = Clock(training)

    def choose() -> Generator[TrainProgress, None, Validation | None]:
        return choose_objects(training, validate, lambda: clock.progress("validating"))

    start, between = None, []
    if training.origin is not None:
        if (start := (yield from choose())) is None:
            return None
        clock.has_judged()
    # Not validated on its way: the model that learns from all cannot be, either.
    yield from train(training, Descent(training, sampler), clock=clock)
    if (learned := (yield from choose())) is None:
        return None
    if training.origin is not None:
        reached = copy_weights(training.network)
        for way in WAYS:
            with lent(training.network, go_part(reached, training.origin, way)):
                if (part := (yield from choose())) is None:
                    return None
            between.append(part)
    return Fold(start, learned, tuple(between))
