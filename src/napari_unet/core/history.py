"""What a training reached on its way: for the card, its table and the curves."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from pydantic import Field, model_validator

from napari_unet.core.setting import Config

# Of the table, before the scores.
_COLUMNS = ("iteration", "seconds", "loss", "validation_loss")


class HistoryEntry(Config):
    """How things stood after so many steps.

    Parameters
    ----------
    iteration : int
        Optimizer steps taken.
    seconds : float
        Time trained.
    loss : float
        Running mean over the training patches.
    validation_loss : float, optional
        Of the held-back ground, weighted alike.
    scores : dict of str to float
        Of a validation, empty between two: F1 and IoU, of classes also the IoU of each
        (``iou_0`` is that of background); of grey values PSNR and MSE.
    """

    iteration: int
    seconds: float
    loss: float
    validation_loss: float | None = None
    scores: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _read_numbers_in_a_row(cls, value: Any) -> Any:
        """Take the rows of folders saved when there was no validation loss."""
        if not isinstance(value, list | tuple):
            return value
        iteration, seconds, loss, f1, iou = value
        return {
            "iteration": iteration,
            "seconds": seconds,
            "loss": loss,
            "scores": {"f1": f1, "iou": iou},
        }


def write_history(history: Sequence[HistoryEntry]) -> str:
    """Return a history as CSV: one row each, the scores after the loss.

    Examples
    --------
    >>> print(write_history([HistoryEntry(iteration=5, seconds=2.5, loss=0.75)]))
    iteration,seconds,loss,validation_loss
    5,2.50,0.75,
    <BLANKLINE>
    """
    names = list(dict.fromkeys(name for entry in history for name in entry.scores))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*_COLUMNS, *names])
    for entry in history:
        loss = entry.validation_loss
        table.writerow(
            [
                entry.iteration,
                f"{entry.seconds:.2f}",
                f"{entry.loss:.6g}",
                "" if loss is None else f"{loss:.6g}",
                *(
                    f"{entry.scores[name]:.6g}" if name in entry.scores else ""
                    for name in names
                ),
            ]
        )
    return text.getvalue()
