"""The training loop, as a generator: one `next` is one optimizer step."""

import math
import time
from collections.abc import Callable, Generator

import numpy as np
import torch

from napari_unet.core.errors import TrainingDivergedError
from napari_unet.core.evaluation.detection import (
    PIXELS,
    AnyScores,
    quality,
    rank,
)
from napari_unet.core.evaluation.value_scores import ValueScores
from napari_unet.core.training.clock import Clock, TrainProgress
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.loss import compute_loss
from napari_unet.core.training.patches import Batch
from napari_unet.core.training.settling import settle, standard_error
from napari_unet.core.training.shortage import keep_weights, validate_or_skip
from napari_unet.core.training.state import Training
from napari_unet.core.training.validation import Validate

# The share of the training during which the learning rate grows.
_WARM_UP = 0.05
# The shown loss is a running mean over about this many steps.
_SMOOTHING = 20
# Guessing costs 0.7. Without normalisation the first steps may cost some hundreds.
_DIVERGED = 1e4
# Below this the sum of the weights counts as 0, as in the loss.
_NOTHING = 1e-6
# So many steps of a training, evenly spread, are noted beside its validations.
_NOTED = 200
# Of a validation, these scores and those of each class are noted.
_SHOWN = ("f1", "iou", "psnr", "mse")
# After more validations without a gain than this, a plateau lowers the learning rate.
_PLATEAU = 5
_PLATEAU_FACTOR = 0.1


def train(
    training: Training,
    descent: Descent,
    validate: Validate | None = None,
    look: Callable[[], np.ndarray | None] | None = None,
    clock: Clock | None = None,
) -> Generator[TrainProgress, None, None]:
    """Train until the iterations or the seconds of the settings are used up.

    Or, where the settings have patience, until so many validations brought no gain.

    Close the generator to stop early. `training` then holds the weights of the last
    complete step, and the best ones.

    Parameters
    ----------
    training : Training
        Changed in place.
    descent : Descent
        Takes the steps, with less at a time where memory runs out.
    validate : callable, optional
        From `make_validation`.
    look : callable, optional
        Returns the current foreground probability where the user is looking, if any.
    clock : Clock, optional
        That counts already; by default time counts from now on.

    Yields
    ------
    TrainProgress
        After every step, and after every validated image.

    Raises
    ------
    TrainingDivergedError
        If the loss is not a number, or huge; the last good weights are restored first.
    """
    clock = clock or Clock(training)
    clock.begin_steps()
    good = keep_weights(training)
    # One that goes on has been validated, and noted, up to where it was stopped.
    validated = int(clock.fraction() * training.config.validations)
    noted, validated_at = int(clock.fraction() * _NOTED), -1
    while not clock.is_over() and not _is_patience_over(training):
        training.network.train()
        _set_learning_rate(training, clock.fraction())
        loss = descent.step(take_step)
        if not loss < _DIVERGED:
            if good is not None:
                training.network.load_state_dict(good)
            raise TrainingDivergedError(
                f"The loss became {loss:.3g} at iteration {training.iteration + 1}: "
                f"the learning rate {training.config.learning_rate:g} is probably too "
                "large. The last good weights are kept; try a tenth of it."
            )
        training.iteration += 1
        blend = 1 / min(training.iteration, _SMOOTHING)
        known = loss if math.isnan(training.loss) else training.loss
        training.loss = (1 - blend) * known + blend * loss
        if noted < (part := int(clock.fraction() * _NOTED)):
            noted = part
            training.note()
        yield clock.progress("training", preview=look() if look else None)

        share = int(clock.fraction() * training.config.validations)
        due = validated < share < training.config.validations
        if validate and due and clock.may_validate():
            validated, validated_at = share, training.iteration
            good = keep_weights(training) or good
            yield from _validate(training, validate, clock)
    if validate:
        is_known = _is_patience_over(training) or validated_at == training.iteration
        if not is_known:
            yield from _validate(training, validate, clock)
        since = clock.read()
        for _ in settle(training, validate):
            yield clock.progress("validating")
        clock.has_settled(since)
        if training.settled is not None:
            yield clock.progress(
                "validating",
                validation=training.settled.scores,
                validated=training.settled.how,
                is_best=not training.keeps_start,
            )


def take_step(
    training: Training, batch: Batch, meanwhile: Callable[[], None] | None = None
) -> float:
    """Predict a batch, compare, and move the weights; return the loss.

    A batch without weight gives 0. Where only some patches are computed at a time,
    their gradients are added up by the weight of their pixels: the sum is that of the
    whole batch. Two things see the parts only: batch normalisation takes mean and
    variance of each part, and the Dice loss its overlap. In float16, a step whose
    gradients are beyond all numbers moves nothing, and the next ones are scaled less.

    `meanwhile` is called once, while a graphics card still computes the prediction.
    """
    at_once = training.at_once or len(batch.image)
    total = batch.weights.sum()
    training.optimizer.zero_grad()
    value = 0.0
    for part in batch.parts(at_once):
        with training.compute.autocast():
            logits = training.network(part.image)  # (N, K, Y, X)
        if meanwhile is not None:
            meanwhile()
            meanwhile = None
        loss = compute_loss(training.network, logits.float(), part, training.config)
        if len(part.image) < len(batch.image):
            loss = loss * (part.weights.sum() / total.clamp(min=_NOTHING))
        value += loss.item()
        if not value < _DIVERGED:
            return value
        training.scaler.scale(loss).backward()
    if training.config.max_gradient > 0:
        training.scaler.unscale_(training.optimizer)
        torch.nn.utils.clip_grad_norm_(
            training.network.parameters(), training.config.max_gradient
        )
    training.move_weights()
    return value


def _set_learning_rate(training: Training, fraction: float) -> None:
    """Warm up linearly, then follow a cosine down to a hundredth; or as it was left."""
    rate = training.config.learning_rate * training.rate_factor
    if training.config.schedule == "cosine":
        if fraction < _WARM_UP:
            rate *= max(fraction / _WARM_UP, 0.01)
        else:
            angle = math.pi * (fraction - _WARM_UP) / (1 - _WARM_UP)
            rate *= 0.01 + 0.99 * (1 + math.cos(min(angle, math.pi))) / 2
    for group in training.optimizer.param_groups:
        group["lr"] = rate


def _validate(
    training: Training, validate: Validate, clock: Clock
) -> Generator[TrainProgress, None, None]:
    """Score the network as it is; keep its weights if they are the best."""
    start = time.perf_counter()
    result = None
    for so_far in validate_or_skip(training, validate, choosing=False):
        result = so_far
        yield clock.progress("validating")
    clock.has_validated(time.perf_counter() - start)
    if result is None:
        return
    scores = result.scores
    weights = keep_weights(training) if _is_best(scores, training) else None
    note_gain(training, rank(scores))
    is_best = weights is not None
    if is_best:
        training.best_scores, training.best_weights = scores, weights
    shown = {
        name: value
        for name, value in scores.as_dict().items()
        if name in _SHOWN or name.removeprefix("iou_").isdigit()
    }
    training.note(shown, result.loss)
    yield clock.progress(
        "validating",
        validation=scores,
        validation_loss=result.loss,
        is_best=is_best and not training.keeps_start,
    )


def note_gain(training: Training, rank: float) -> None:
    """Count validations without a gain; on a plateau, lower the learning rate."""
    if rank > training.top:
        training.top = rank
        training.without_gain = training.on_plateau = 0
        return
    training.without_gain += 1
    training.on_plateau += 1
    if training.config.schedule == "plateau" and training.on_plateau > _PLATEAU:
        training.rate_factor *= _PLATEAU_FACTOR
        training.on_plateau = 0


def _is_patience_over(training: Training) -> bool:
    """Tell whether to stop early."""
    patience = training.config.patience
    return 0 < patience <= training.without_gain


def _is_best(scores: AnyScores, training: Training) -> bool:
    """Tell whether the network as it is shall be kept.

    Held-back ground is small, so its scores are uncertain: of two checkpoints that
    differ by less than a standard error the later one is taken, which has learned
    longer, at a lower rate (the one-standard-error rule of Breiman et al., 1984). But
    one that is worse than the model it started from never replaces one that is not.
    """
    best, start = training.best_scores, training.start
    if start is not None and best is not None:
        least = rank(start.own)
        if rank(scores) < least <= rank(best):
            return False
    if isinstance(scores, ValueScores):
        return rank(scores) >= training.top
    share = quality(scores)
    if share == 0 and training.top <= PIXELS:
        # Nothing is found yet. Pixels say little then: a network that takes all for
        # foreground, as they do in the beginning, has some of them right.
        return True
    if share == 0:  # by chance, where something was found before: no object is found
        return False
    return rank(scores) >= training.top - standard_error(scores)
