"""The few errors that a face treats differently from a bug.

Their messages are sentences for the user: what was found, where, and what to do.
"""

import re

# What a message says to those on the command line, alone or before what a dock says.
_FOR_COMMAND_LINE = re.compile(
    r"\(on the command line:? ([^;()]*?)(?:; in the dock:? ([^()]*))?\)"
)


def in_dock(message: str) -> str:
    """Return a message as the dock says it, where the command line says it otherwise.

    Examples
    --------
    >>> in_dock("Take more (on the command line: --tile; in the dock: Add), or less.")
    'Take more (Add), or less.'
    >>> in_dock("Take more (on the command line: --tile), or less.")
    'Take more, or less.'
    """
    said = _FOR_COMMAND_LINE.sub(lambda m: f"({m[2]})" if m[2] else "", message)
    return re.sub(r" +(?=[ .,;:])", "", said)


class InputError(ValueError):
    """What the user gave cannot be used; nothing was changed.

    The command line answers with exit code 2, a dock with a notification.
    """


class PlacedError(InputError):
    """What cannot be used is at a place of an image.

    Parameters
    ----------
    message : str
        The sentence.
    place : tuple of int
        The pixel ([Z,] Y, X); it may lie outside the image.
    """

    def __init__(self, message: str, place: tuple[int, ...]) -> None:
        super().__init__(message)
        self.place = place


class ModelFolderError(InputError):
    """A model folder is missing, damaged, foreign, or too new."""


class MemoryShortageError(InputError):
    """The memory does not hold what was asked for; something smaller may fit."""


class TrainingDivergedError(RuntimeError):
    """The loss stopped being a number; the last good weights are kept."""
