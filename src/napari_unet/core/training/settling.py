"""What a training comes to: halfway to its start perhaps, with objects made anew."""

import math
from collections.abc import Generator, Iterator, Mapping

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

# What is validated in the end.
_LEARNED = "with its objects as they suit it"
_HALFWAY = "the mean of the start and what was learned"


def settle(training: Training, validate: Validate) -> Iterator[Validation]:
    """Choose how the objects of what was learned are made; `network` stays as it is.

    With that, and the way of making objects that suits it best as well, the model that
    the training started from may turn out better. Where there is one, the mean of its
    weights and those learned is taken, unless that is clearly worse: on images of
    another kind than those learned from, it mostly does better than either (Wortsman et
    al. 2022, :doi:`10.1109/CVPR52688.2022.00780`), and what the start knew is kept.

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
    mean = yield from _meet_start(training, validate, learned)
    weights, how = (learned, _LEARNED) if mean is None else (mean, _HALFWAY)
    result = yield from _validate(training, validate, weights, choosing=True)
    if result is not None:
        training.settled = Reached(weights, result.scores, result.objects, how)


def halfway(
    learned: Mapping[str, Tensor], start: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the mean of two sets of weights; what counts is as it was learned."""
    return {
        name: torch.lerp(weights, start[name].to(weights), 0.5)
        if weights.is_floating_point()
        else weights.clone()  # a file holds no tensor twice
        for name, weights in learned.items()
    }


def is_worth_it(mean: AnyScores, learned: AnyScores, start: AnyScores) -> bool:
    """Tell whether to meet the start halfway: unless that is clearly worse.

    It is if half a standard error is lost, or if what was learned is better than the
    start and the mean of both is not.
    """
    if rank(mean) < rank(learned) - standard_error(learned) / 2:
        return False
    was = start.as_dict()
    gained, keeps = (judge(was, s.as_dict()) == "better" for s in (learned, mean))
    return keeps or not gained


def standard_error(scores: AnyScores) -> float:
    """Return how uncertain `quality` is; there are so many pixels that PSNR is not."""
    if isinstance(scores, ValueScores):
        return 0.0
    share = quality(scores)
    return math.sqrt(share * (1 - share) / max(scores.objects_true, 1))


def _meet_start(
    training: Training, validate: Validate, learned: dict[str, Tensor]
) -> Generator[Validation, None, dict[str, Tensor] | None]:
    """Return the mean of what was learned and the start, if it is worth it."""
    start, reached = training.start, training.best_scores
    if start is None or reached is None:
        return None
    mean = attempt(
        training,
        lambda: halfway(learned, start.weights),
        "to meet the model that it started from halfway",
    )
    if mean is None:
        return None
    result = yield from _validate(training, validate, mean, choosing=False)
    if result is None or not is_worth_it(result.scores, reached, start.own):
        return None
    return mean


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
