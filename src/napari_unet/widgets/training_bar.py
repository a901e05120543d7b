"""How far a training is, and how long it will take."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar

from napari_unet.core.errors import in_dock

if TYPE_CHECKING:
    from napari_unet.core.workflow import TrainProgress

_PARTS = 1000


class TrainingBar(QProgressBar):
    """Shows phase, part and time left of a training; hidden at first."""

    def __init__(self) -> None:
        super().__init__()
        self.setRange(0, _PARTS)
        self.setAccessibleName("Training progress")
        self.hide()

    def start(self) -> None:
        """Wait for the first news."""
        self.setValue(0)
        self.setFormat("Preparing …")
        self.show()

    def sayChoosing(self) -> None:
        """Say that it is not known yet what to start from."""
        self.start()
        self.setFormat("Choosing what to start from …")

    def sayStopping(self) -> None:
        """Say that the training ends: it is still validated and saved."""
        self.setFormat("Stopping …")

    def showProgress(self, progress: TrainProgress) -> None:
        """Show how far it is."""
        self.setValue(round(_PARTS * progress.fraction))
        self.setFormat(_describe(progress))


def describe_news(progress: TrainProgress) -> str:
    """Return what there is to say below the bar, as rich text; mostly nothing.

    Before the first step, how much memory each will take.
    """
    said = [escape(in_dock(progress.note))] if progress.note else []
    if progress.memory:
        step = f"Patches of {progress.patch}, {progress.memory} for a step."
        said.insert(0, f"<small>{escape(step)}</small>")
    return "<br>".join(said)


def describe_time(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> describe_time(42.4), describe_time(150), describe_time(7500)
    ('42 s', '2:30 min', '2:05 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"


def _describe(progress: TrainProgress) -> str:
    """Return what the bar says: phase, part and time left."""
    if progress.phase == "preparing":
        return "Preparing …"
    if progress.phase == "validating" and progress.iteration == 0 and not progress.part:
        return "Measuring the model to start from …"
    doing = "validating, " if progress.phase == "validating" else ""
    if progress.part:
        doing = f"leaving out {progress.part} of {progress.parts - 1}, "
    left = progress.seconds_left
    rest = "" if left is None else f", {describe_time(left)} left"
    return f"{doing}{progress.fraction:.0%}{rest}"
