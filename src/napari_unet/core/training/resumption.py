"""Going on with a training that was stopped, as if it never had been."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model, copy_weights, load_last, load_model
from napari_unet.core.config import TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.detection import rank
from napari_unet.core.model_folders import refuse_starter
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.clock import Clock, TrainProgress
from napari_unet.core.training.origin import Origin
from napari_unet.core.training.shortage import choose_objects, validate_or_skip
from napari_unet.core.training.state import (
    BEST,
    LEARNED,
    Reached,
    Training,
    lent,
    weights_in,
)
from napari_unet.core.training.validation import Validate

_EARLIER = "what was in use before it went on"
# Ranks that differ by more than this part were measured on other ground: in bfloat16
# and on a GPU, the same network is not the same to the last digit.
_ALIKE = 0.02


def check_resumable(card: Card, config: TrainConfig) -> None:
    """Refuse to go on with another optimizer, whose state would mean nothing.

    Parameters
    ----------
    card : Card
        Of the model folder.
    config : TrainConfig
        To go on with.

    Raises
    ------
    InputError
        If the optimizers differ.
    """
    was = config.optimizer if card.training is None else card.training.optimizer
    if config.optimizer != was:
        raise InputError(
            f"The training to go on with uses the optimizer '{was}', and "
            f"'{config.optimizer}' is given now, which cannot take over its state. "
            f"Give '{was}', or fine-tune the model instead."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stopped:
    """A stopped training, as its folder holds it.

    Parameters
    ----------
    model : Model
        As it was trained: with its own way of making objects.
    state : dict of str to Tensor
        What `Training.state` returned.
    """

    model: Model
    state: dict[str, Tensor]

    @classmethod
    def load(cls, folder: Path, config: TrainConfig) -> "Stopped":
        """Load it, to go on with these settings.

        Raises
        ------
        InputError
            If it used another optimizer, or the folder is that of a starter model.
        ModelFolderError
            If the folder holds no state of it, or a damaged one.
        """
        refuse_starter(folder)
        model = load_model(folder.absolute())  # this place, no name of a model
        check_resumable(model.card, config)
        objects = model.card.own_objects or model.settings.objects
        settings = model.settings.replaced(objects=objects.model_dump())
        return cls(replace(model, settings=settings), load_last(folder))

    @property
    def origin(self) -> Origin | None:
        """What it started from."""
        return Origin.of_stopped(self.model.card, self.state)

    @property
    def beginning(self) -> Model | None:
        """The model that it started from, as it was then; None from scratch."""
        origin = self.origin
        if origin is None or origin.weights is None:
            return None if origin is None else self.model
        network = build_network(self.model.settings.network)
        network.load_state_dict(origin.weights)
        return replace(self.model, network=network.eval())

    @property
    def best(self) -> dict[str, Tensor] | None:
        """The weights of its best validation; None before the first one."""
        if math.isnan(self._best_rank):
            return None
        state = self.state
        return (
            weights_in(state, BEST)
            or weights_in(state, LEARNED)
            or copy_weights(self.model.network)
        )

    def take_up(self, training: Training) -> None:
        """Put a training back to where it was.

        Raises
        ------
        InputError
            If it is over.
        """
        card = self.model.card
        training.restore(self.state)
        training.history[:] = card.history
        training.shortages[:0] = card.shortages
        training.told += len(card.shortages)
        if card.ended or not training.config.leave_one_out:
            _check_not_over(training)

    def validate(
        self, training: Training, validate: Validate | None, clock: Clock
    ) -> Iterator[TrainProgress]:
        """Score the best of its weights on the ground that is held back now.

        Where that is not what it was, earlier validations say nothing about later ones,
        and are forgotten.
        """
        if validate is None or self.best is None:
            training.forget_validations()
            return
        result = None
        with lent(training.network, self.best):
            for so_far in validate_or_skip(training, validate, choosing=False):
                result = so_far
                yield clock.progress("validating")
        if result is None:
            return
        training.best_weights, training.best_scores = self.best, result.scores
        then, now = self._best_rank, rank(result.scores)
        if not math.isclose(now, then, rel_tol=_ALIKE, abs_tol=_ALIKE):
            training.forget_validations()
        yield from self._keep_accepted(training, validate, clock)

    def _keep_accepted(
        self, training: Training, validate: Validate, clock: Clock
    ) -> Iterator[TrainProgress]:
        """Score what was better than the start when it was stopped.

        It is in use, and stays so unless something as good comes of going on.
        """
        if training.start is None or self.model.card.learned is not None:
            return
        weights = copy_weights(self.model.network)
        result = yield from choose_objects(
            training, validate, lambda: clock.progress("validating"), weights
        )
        if result is not None:
            training.settled = Reached(weights, result.scores, result.objects, _EARLIER)

    @property
    def _best_rank(self) -> float:
        """By which its best validation was chosen; NaN before the first one."""
        value = self.state.get("best_rank")  # not in folders of earlier versions
        return math.nan if value is None else float(value)


def _check_not_over(training: Training) -> None:
    """Refuse to go on with a training that has had all it is now given."""
    config = training.config
    if config.iterations is not None and training.iteration >= config.iterations:
        taken, given = f"{training.iteration} iterations", f"{config.iterations}"
    elif config.seconds is not None and training.seconds >= config.seconds:
        taken, given = f"{training.seconds:.0f} seconds", f"{config.seconds:g}"
    else:
        return
    raise InputError(
        f"The training to go on with has taken {taken} already, and is given {given} "
        "in all; give it more (on the command line: --iterations or --seconds, in all)."
    )
