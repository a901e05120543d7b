"""What came of a training, in words, and the way to use it although it is no better."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QPushButton, QWidget

from napari_unet.core.errors import InputError
from napari_unet.core.score_words import (
    describe_doubt,
    describe_found,
    describe_new_classes,
    describe_verdict,
)
from napari_unet.learned import use_learned
from napari_unet.widgets.background import listen, run_in_background, show_problem
from napari_unet.widgets.history import describe_gain
from napari_unet.widgets.training_bar import describe_time

if TYPE_CHECKING:
    from pathlib import Path

    from napari_unet.core.card import Card, Manifest
    from napari_unet.jobs import Outcome
    from napari_unet.session import Session

_GO_ON = " <i>Go on</i> under <i>All trainings</i> trains it to its end."


def describe_result(model: Manifest, *, stopped: bool) -> str:
    """Return what a training brought, as rich text.

    Parameters
    ----------
    model : Manifest
        What it has written.
    stopped : bool
        Whether the user stopped it.
    """
    card, kind = model.card, model.settings.annotation
    ended = "Stopped after" if stopped else "Trained for"
    taken = f"{ended} {_describe_length(card)} ({card.iterations} iterations)"
    go_on = _GO_ON if stopped else ""
    doubt = describe_doubt(card.scores_before, card.compared)
    ground = f"It was {card.validation}." if card.scores and card.validation else ""
    if card.learned is not None:
        verdict, _, gain = describe_verdict(
            card.scores_before or {}, card.learned.scores, kind
        ).partition(": ")
        found = describe_found(card.learned.scores, kind)
        start = escape(card.started_from or "the model it started from")
        lines = [
            f"{taken}: <b>{verdict}.</b>",
            f"{gain}." if gain else "",
            f"It {found}." if found else "",
            f"<b>'{start}' stays the model in use.</b>{go_on}",
        ]
    else:
        found = describe_found(card.scores or {}, kind)
        gain = escape(describe_gain(card))
        unknown = describe_new_classes(card.started_from, card.new_classes)
        lines = [
            f"{taken}: <b>{found or gain}</b>.",
            f"{gain}." if found else "",
            escape(unknown) if card.scores else "",
            f"'{escape(card.name)}' is now the model in use.{go_on}",
        ]
    lines[-1:-1] = [
        f"<small>{line}</small>" for line in (card.haste, doubt, ground) if line
    ]
    return "<br>".join(line for line in lines if line)


def _describe_length(card: Card) -> str:
    """Say how long a training was: '21 s of 25 s' where it was shorter than asked."""
    taken, asked = card.seconds, (card.training and card.training.seconds) or 0
    said, limit = describe_time(taken), describe_time(asked)
    return f"{said} of {limit}" if taken < asked and said != limit else said


class UseLearned(QPushButton):
    """Offers to use what was learned where the model in use has stayed the old one.

    `taken` says that it was done.

    Parameters
    ----------
    session : Session
        Its `model_folder` becomes what was learned.
    parent : QWidget, optional
        Qt parent.
    """

    taken = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Use it anyway", parent)
        self._session = session
        self._folder: Path | None = None
        self.setToolTip(
            "Take what was learned although it scored no better: the validation ground "
            "may be small, or unlike the images that matter"
        )
        self.clicked.connect(self._on_clicked)
        listen(session.events.job, self._show)
        self._show()

    def setFolder(self, folder: Path | None) -> None:
        """Offer what a training has written into this folder; nothing if None."""
        self._folder = folder
        self._show()

    def _show(self, _event: object = None) -> None:
        self.setVisible(self._folder is not None)
        self.setEnabled(not self._session.is_busy)

    def _on_clicked(self) -> None:
        if self._folder is None:
            return
        try:
            job = use_learned(self._session, self._folder)
        except InputError as error:
            show_problem(error)
            return
        run_in_background(job, self, session=self._session, ended=self._on_ended)

    def _on_ended(self, outcome: Outcome) -> None:
        if outcome.error is None:
            self.setFolder(None)
            self.taken.emit()
