"""A training that runs out of memory: what is left out, and what it says in the end."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from napari_unet.core.memory import explain_shortage, give_back, is_memory_shortage
from napari_unet.core.training.state import Training
from napari_unet.core.training.validation import Validate, Validation

Progress = TypeVar("Progress")

_LESS = (
    "Close other programs, choose fewer channels or levels (on the command line: "
    "--base-channels, --levels; in the dock: More settings, Network), or compute on "
    "another device."
)


def explain_training_shortage(training: Training) -> AbstractContextManager[None]:
    """Turn running out of memory into a sentence, where nothing helps any more."""
    return explain_shortage(
        training.compute.device, "a training step, even the smallest one", _LESS
    )


def validate_or_skip(
    training: Training, validate: Validate, *, choosing: bool
) -> Iterator[Validation | None]:
    """Validate; a validation that does not fit into memory is left out.

    Tiles that do not fit are cut smaller before it comes to that, see `Room`.

    Yields
    ------
    Validation or None
        How things stand after each tile, and in the end the result: None if there is
        none.
    """
    try:
        yield from validate(choosing)
    except (MemoryError, RuntimeError) as error:
        if not is_memory_shortage(error):
            raise
        give_back(error, training.compute.device)
        training.tell(
            "There was too little free memory to validate, even in the smallest tiles: "
            "the training goes on without."
        )
        yield None


def choose_objects(
    training: Training, validate: Validate, tell: Callable[[], Progress]
) -> Generator[Progress, None, Validation | None]:
    """Validate and choose how objects are made; tell how things stand at each tile.

    Returns
    -------
    Validation or None
        With the way chosen; None where there was too little memory.
    """
    result = None
    for so_far in validate_or_skip(training, validate, choosing=True):
        result = so_far
        yield tell()
    return result
