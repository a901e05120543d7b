"""What a training comes to: nearer to its start perhaps, with objects made anew."""

import functools
import math
from collections.abc import Generator, Mapping

import torch
from torch import Tensor

from napari_unet.core.evaluation.detection import AnyScores, quality, rank
from napari_unet.core.evaluation.value_scores import ValueScores
from napari_unet.core.gain import judge
from napari_unet.core.training.shortage import (
    attempt,
    keep_weights,
    validate_or_skip,
)
from napari_unet.core.training.state import Reached, Training
from napari_unet.core.training.validation import Validate, Validation

# How far to go from the start to what was learned: the shorter way first, for less is
# forgotten on it.
WAYS = (0.3, 0.5)
# What is validated in the end.
_LEARNED = "with its objects as they suit it"
_PART = "{:.0%} of the way from the start to what was learned"


def settle(training: Training, validate: Validate) -> Generator[Validation, None, None]:
    """Choose how the objects of what was learned are made; `network` stays as it is.

    With that, and the way of making objects that suits it best as well, the model that
    the training started from may turn out better. Where there is one, only a part of
    the way from its weights to those learned is gone, unless that is clearly worse: on
    images of another kind than those learned from, it mostly does better than either
    end (Wortsman et al. 2022, :doi:`10.1109/CVPR52688.2022.00780`), and what the start
    knew is kept.

    Yields
    ------
    Validation
        After each tile. Nothing is done where nothing was learned yet.
    """
    if training.iteration == 0:
        return
    learned = training.best_weights or keep_weights(training)
    if learned is None:
        return
    met = yield from _meet_start(training, validate, learned)
    weights, how = met or (learned, _LEARNED)
    result = yield from _validate(training, validate, weights, choosing=True)
    if result is not None:
        reached = Reached(weights, result.scores, result.objects, how)
        if not _is_beaten(training, reached):
            training.settled = reached


def _is_beaten(training: Training, reached: Reached) -> bool:
    """Tell whether what was accepted at an earlier stop is to stay.

    It is if it was better than the start and what is reached now is not, or if what is
    reached now is clearly worse.
    """
    start, earlier = training.start, training.settled
    if start is None or earlier is None:
        return False
    was, before, now = (s.scores.as_dict() for s in (start, earlier, reached))
    gains = judge(was, now) == "better"
    return judge(was, before) == "better" and (
        not gains or judge(before, now) == "worse"
    )


def go_part(
    learned: Mapping[str, Tensor], start: Mapping[str, Tensor], way: float
) -> dict[str, Tensor]:
    """Return weights between start (0) and learned (1); what counts is as learned."""
    return {
        name: torch.lerp(start[name].to(weights), weights, way)
        if weights.is_floating_point()
        else weights.clone()  # a file holds no tensor twice
        for name, weights in learned.items()
    }


def is_worth_it(part: AnyScores, learned: AnyScores, start: AnyScores) -> bool:
    """Tell whether to go but a part of the way: unless that is clearly worse.

    It is if half a standard error is lost, or if what was learned is better than the
    start and what lies between is not.
    """
    if rank(part) < rank(learned) - standard_error(learned) / 2:
        return False
    was = start.as_dict()
    gained, keeps = (judge(was, s.as_dict()) == "better" for s in (learned, part))
    return keeps or not gained


def standard_error(scores: AnyScores) -> float:
    """Return how uncertain `quality` is; there are so many pixels that PSNR is not.

    As if one object more had been found, and one more missed (Laplace): all of a few
    found is not certain to be all of many.
    """
    if isinstance(scores, ValueScores):
        return 0.0
    objects = scores.objects_true + 2
    share = (quality(scores) * scores.objects_true + 1) / objects
    return math.sqrt(share * (1 - share) / objects)


def _meet_start(
    training: Training, validate: Validate, learned: dict[str, Tensor]
) -> Generator[Validation, None, tuple[dict[str, Tensor], str] | None]:
    """Return weights between the start and what was learned, if that is worth it.

    And how they came to be.
    """
    start, reached = training.start, training.best_scores
    if start is None or reached is None:
        return None
    for way in WAYS:
        part = attempt(
            training,
            functools.partial(go_part, learned, start.weights, way),
            "to meet the model that it started from",
        )
        if part is None:
            return None
        result = yield from _validate(training, validate, part, choosing=False)
        if result is not None and is_worth_it(result.scores, reached, start.own):
            return part, _PART.format(way)
    return None


def _validate(
    training: Training,
    validate: Validate,
    weights: Mapping[str, Tensor],
    *,
    choosing: bool,
) -> Generator[Validation, None, Validation | None]:
    """Score other weights; None where there was too little memory."""
    result = None
    steps = validate_or_skip(training, validate, choosing=choosing, weights=weights)
    for result in steps:
        if result is not None:
            yield result
    return result
