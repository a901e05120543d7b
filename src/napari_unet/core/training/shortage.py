"""A training that runs out of memory: what is left out, and what it says in the end."""

import functools
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from napari_unet.core.checkpoint import copy_weights
from napari_unet.core.memory import explain_shortage, give_back, is_memory_shortage
from napari_unet.core.training.state import Training, lent
from napari_unet.core.training.validation import Validate, Validation

Progress = TypeVar("Progress")
Made = TypeVar("Made")
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

_LESS = (
    "Close other programs, choose fewer channels or levels (on the command line: "
    "--base-channels, --levels; in the dock: More settings, Network), or compute on "
    "another device."
)
_CPU = torch.device("cpu")


def explain_training_shortage(training: Training) -> AbstractContextManager[None]:
    """Turn running out of memory into a sentence, where nothing helps any more."""
    return explain_shortage(
        training.compute.device,
        "a training step, even the smallest one",
        f"{_LESS} The training is saved: with more memory it can go on "
        "(on the command line: --resume; in the dock: Go on).",
    )


def explain_any_shortage(
    train: Callable[Arguments, Generator[Progress, None, Result]],
) -> Callable[Arguments, Generator[Progress, None, Result]]:
    """Return a training that says in a sentence where memory ran out beside its steps.

    That is while it is prepared, or while its result is.
    """

    @functools.wraps(train)
    def explained(
        *args: Arguments.args, **options: Arguments.kwargs
    ) -> Generator[Progress, None, Result]:
        with explain_shortage(_CPU, "this training", _LESS):
            return (yield from train(*args, **options))

    return explained


def attempt(training: Training, work: Callable[[], Made], doing: str) -> Made | None:
    """Do what a training can do without; if memory is short, say that it does.

    Parameters
    ----------
    training : Training
        Notes the sentence.
    work : callable
        Must leave everything as it was where it fails.
    doing : str
        What there was too little memory for: 'to validate'.

    Returns
    -------
    object or None
        What `work` returned; None where there was too little memory.
    """
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not is_memory_shortage(error):
            raise
        give_back(error, training.compute.device)
        note_shortage(training, doing)
        return None


def note_shortage(training: Training, doing: str) -> None:
    """Note what a training goes on without."""
    training.tell(
        f"There was too little free memory {doing}: the training goes on without."
    )


def keep_weights(training: Training) -> dict[str, Tensor] | None:
    """Return a copy of the weights as they are; None without memory for one."""
    return attempt(
        training,
        lambda: copy_weights(training.network),
        "to keep a copy of the weights",
    )


def save_in_the_end(training: Training, save: Callable[[], Any]) -> None:
    """Save what was learned, with as little memory as can be.

    Where there is too little for all of it, what the optimizer remembers is given up:
    a training that goes on from there begins anew with that.

    Raises
    ------
    MemoryShortageError
        If even so it does not fit.
    """
    with explain_shortage(_CPU, "the copy of the model that is saved", _LESS):
        try:
            save()
        except (MemoryError, RuntimeError) as error:
            if not is_memory_shortage(error):
                raise
            give_back(error, training.compute.device)
            training.forget_optimizer()
            training.tell(
                "There was too little free memory to save what the optimizer "
                "remembers: the model is saved without."
            )
            save()


def validate_or_skip(
    training: Training,
    validate: Validate,
    *,
    choosing: bool,
    weights: Mapping[str, Tensor] | None = None,
) -> Iterator[Validation | None]:
    """Validate; a validation that does not fit into memory is left out.

    Tiles that do not fit are cut smaller before it comes to that, see `Room`.

    Parameters
    ----------
    training : Training
        Notes what was left out.
    validate : callable
        From `make_validation`.
    choosing : bool
        Whether to choose how objects are made.
    weights : mapping of str to Tensor, optional
        Validate these instead of what the network has learned.

    Yields
    ------
    Validation or None
        How things stand after each tile, and in the end the result: None if there is
        none.
    """
    try:
        with nullcontext() if weights is None else lent(training.network, weights):
            yield from validate(choosing)
    except (MemoryError, RuntimeError) as error:
        if not is_memory_shortage(error):
            raise
        give_back(error, training.compute.device)
        note_shortage(training, "to validate, even in the smallest tiles")
        yield None


def choose_objects(
    training: Training,
    validate: Validate,
    tell: Callable[[], Progress],
    weights: Mapping[str, Tensor] | None = None,
) -> Generator[Progress, None, Validation | None]:
    """Validate and choose how objects are made; tell how things stand at each tile.

    Returns
    -------
    Validation or None
        With the way chosen; None where there was too little memory.
    """
    result = None
    steps = validate_or_skip(training, validate, choosing=True, weights=weights)
    for so_far in steps:
        result = so_far
        yield tell()
    return result
