"""What came of a training, in words, and the way to use it although it is no better."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_unet.core.errors import InputError, in_dock
from napari_unet.core.score_words import (
    describe_doubt,
    describe_found,
    describe_new_classes,
    describe_verdict,
)
from napari_unet.jobs import Status
from napari_unet.learned import use_learned
from napari_unet.widgets.background import listen, run_in_background, show_problem
from napari_unet.widgets.history import describe_choice, describe_gain
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
    lines[-1:-1] = [f"<small>{line}</small>" for line in (doubt, ground) if line]
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


class TrainingResult(QWidget):
    """Says how a training goes and what came of it; empty at first.

    Where the model in use has stayed the old one, it offers to use what was learned.

    Parameters
    ----------
    session : Session
        Its `course` is what is told about, and `trained` what came of it.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._line = QLabel()
        self._line.setWordWrap(True)
        self._line.setTextFormat(Qt.TextFormat.RichText)
        self._worse = UseLearned(session, self)
        self._worse.taken.connect(self._on_taken)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line)
        layout.addWidget(self._worse)
        self.hide()

    def text(self) -> str:
        """Return what is said, as rich text."""
        return str(self._line.text())

    def clear(self) -> None:
        """Say nothing, until there is something new to say."""
        self._worse.setFolder(None)
        self.hide()

    def say(self, text: str) -> None:
        """Say something else, as rich text."""
        self._line.setText(text)
        self.show()

    def showEnd(self, outcome: Outcome) -> None:
        """Say what came of a training that has ended."""
        trained = self._session.trained
        if isinstance(outcome.error, InputError) and trained is None:
            self.say(escape(in_dock(str(outcome.error))))
            return
        if outcome.status is Status.FAILED:
            saved = "; the model that was best so far is saved" if trained else ""
            self.say(f"The training ended with an error{saved}.")
            return
        model = None if trained is None else self._session.read_model(trained)
        if trained is None or model is None:
            self.say("Stopped before anything was learned.")
            return
        self._say_result(model, stopped=outcome.status is Status.CANCELLED)
        is_kept = model.card.learned is not None
        self._worse.setFolder(trained if is_kept else None)

    def scrollIntoView(self) -> None:
        """Let the dock scroll until it is seen, once it has found its place."""
        QTimer.singleShot(0, self._scroll)

    def _scroll(self) -> None:
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None:
            for widget in (self._worse, self._line):  # the beginning above all
                if widget.isVisible():
                    area.ensureWidgetVisible(widget)

    def _on_taken(self) -> None:
        """Say that what was learned is in use, although it is no better."""
        model = self._session.read_model()
        if model is not None:
            self._say_result(model, stopped=False)

    def _say_result(self, model: Manifest, *, stopped: bool) -> None:
        self.say(describe_result(model, stopped=stopped) + self._say_choice(model))

    def _say_choice(self, model: Manifest) -> str:
        """Return which ways of making objects the training has changed, if any."""
        course = self._session.course
        if model.settings.annotation not in ("objects", "points") or course is None:
            return ""
        own = model.card.own_objects if model.card.learned else None
        choice = describe_choice(own or course.objects, model.settings.objects)
        return f" {choice}" if choice else ""
