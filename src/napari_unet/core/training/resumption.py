"""Going on with a training that was stopped, as if it never had been."""

import math
from collections.abc import Mapping

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model, load_last
from napari_unet.core.config import TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.training.state import Training

# Scores that differ by more than this part were measured on other ground: in bfloat16
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


def go_on(training: Training, model: Model) -> None:
    """Put a training back to where the folder of `model` was left.

    Parameters
    ----------
    training : Training
        Changed in place. Its `start` says how the model does on the ground that is held
        back now. Where that is not what it was, earlier validations say
        nothing about later ones, and are forgotten.
    model : Model
        Loaded from its folder.

    Raises
    ------
    InputError
        If the training is over.
    ModelFolderError
        If the folder holds no state of it, or a damaged one.
    """
    if model.folder is None:
        raise InputError("A model without a folder has no training to go on with.")
    training.restore(load_last(model.folder))
    training.history[:] = model.card.history
    training.shortages[:0] = model.card.shortages
    training.told += len(model.card.shortages)
    now = None if training.start is None else training.start.own.as_dict()
    if not _are_alike(now or {}, model.card.scores or {}):
        training.forget_validations()
    _check_not_over(training)


def _are_alike(now: Mapping[str, float], then: Mapping[str, float]) -> bool:
    """Tell whether two sets of scores can be of the same network and ground."""
    if bool(now) != bool(then):
        return False
    return all(
        math.isclose(now[name], then[name], rel_tol=_ALIKE, abs_tol=_ALIKE)
        for name in set(now) & set(then)
    )


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
