"""The few errors that a face treats differently from a bug.

Their messages are sentences for the user: what was found, where, and what to do.
"""


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
