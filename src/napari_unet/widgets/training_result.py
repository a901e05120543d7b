"""What came of a training, in words, and the way to use it although it is no better."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_unet.core.card import read_manifest
from napari_unet.core.errors import InputError, in_dock
from napari_unet.core.model_folders import find_start
from napari_unet.core.score_words import (
    describe_doubt,
    describe_found,
    describe_kept,
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
    from napari_unet.core.config import AnnotationKind
    from napari_unet.jobs import Outcome
    from napari_unet.session import Session

_GO_ON = " <i>Go on</i> under <i>All trainings</i> trains it to its end."


def describe_result(model: Manifest, *, stopped: bool, in_use: str) -> str:
    """Return what a training brought, as rich text.

    Parameters
    ----------
    model : Manifest
        What it has written.
    stopped : bool
        Whether the user stopped it.
    in_use : str
        The name of the model that is in use now.
    """
    card, kind = model.card, model.settings.annotation
    ended = "Stopped after" if stopped else "Trained for"
    taken = f"{ended} {_describe_length(card)} ({card.iterations} iterations)"
    doubt = describe_doubt(card.scores_before, card.compared)
    ground = f"It was {card.validation}." if card.scores and card.validation else ""
    notes = (card.haste, doubt, ground)
    go_on = _GO_ON if stopped else ""
    lines = [
        f"{taken}: {_describe_gain(card, kind)}",
        *(f"<small>{line}</small>" for line in notes if line),
        _describe_use(card, in_use) + go_on,
    ]
    said = "<br>".join(lines)
    if kind in ("objects", "points") and card.own_objects is not None:
        # Those are of its zoom, which its smallest object has followed already.
        said += f" {describe_choice(card.own_objects, model.settings.objects)}"
    return said.rstrip()


def _describe_gain(card: Card, kind: AnnotationKind) -> str:
    """Return what was learned, the verdict in bold where there is one."""
    learned = card.compared
    if not learned or not card.scores_before or card.new_classes:
        found = describe_found(learned or {}, kind)
        gain = escape(describe_gain(card))
        unknown = describe_new_classes(card.started_from, card.new_classes)
        lines = [
            f"<b>{found or gain}</b>.",
            f"{gain}." if found else "",
            escape(unknown) if learned else "",
        ]
    else:
        verdict, _, gain = describe_verdict(
            card.scores_before, learned, kind
        ).partition(": ")
        found = describe_found(learned, kind)
        lines = [
            f"<b>{verdict}.</b>",
            f"{gain}." if gain else "",
            f"It {found}." if found else "",
        ]
    return "<br>".join(line for line in lines if line)


def _describe_use(card: Card, in_use: str) -> str:
    """Say which model is in use, and why."""
    name, is_new = escape(in_use), in_use == card.name
    if card.learned is None and is_new:
        chosen = ", as you chose" if card.is_forced else ""
        return f"'{name}' is now the model in use{chosen}."
    if card.learned is not None and is_new:  # what it started from is gone
        return f"<b>'{name}' is in use, unchanged from what it started from.</b>"
    if in_use != card.started_from:  # chosen since
        return f"'{name}' is the model in use."
    verb = "stays" if card.learned is not None else "is again"
    why = describe_kept(card.scores_before, card.compared or {})
    return f"<b>'{name}' {verb} the model in use{why}.</b>"


def _describe_length(card: Card) -> str:
    """Say how long a training was: '21 s of 25 s' where it was shorter than asked."""
    taken, asked = card.seconds, (card.training and card.training.seconds) or 0
    said, limit = describe_time(taken), describe_time(asked)
    return f"{said} of {limit}" if taken < asked and said != limit else said


class UseLearned(QPushButton):
    """Offers to use what was learned although it is no better, and the way back.

    `changed` says that another model is in use.

    Parameters
    ----------
    session : Session
        Its `model_folder` becomes what was learned, or the start again.
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._folder: Path | None = None
        self.clicked.connect(self._on_clicked)
        listen(session.events.job, self._show)
        listen(session.events.model_folder, self._show)
        self._show()

    def setFolder(self, folder: Path | None) -> None:
        """Offer what a training has written into this folder; nothing if None."""
        self._folder = folder
        self._show()

    def _card(self) -> Card | None:
        """Return what the folder says; None where there is nothing to offer."""
        with suppress(InputError):  # deleted meanwhile
            model = None if self._folder is None else read_manifest(self._folder)
            if model is not None and (model.card.learned or model.card.is_forced):
                return model.card
        return None

    def _way_back(self, card: Card) -> Path | None:
        """Return the start, where what was learned is in use instead."""
        is_taken = card.learned is None and self._session.model_folder == self._folder
        return find_start(card) if is_taken else None

    def _show(self, _event: object = None) -> None:
        card = self._card()
        back = None if card is None else self._way_back(card)
        is_taken = card is not None and self._session.model_folder == self._folder
        has_more = card is not None and (not is_taken or card.learned is not None)
        self.setVisible(back is not None or has_more)
        self.setEnabled(not self._session.is_busy)
        if back is not None:
            self.setText(f"Back to '{back.name}'")
            self.setToolTip("Use the model again from which the training started")
        else:
            self.setText("Use it anyway")
            self.setToolTip(
                "Take what was learned although it scored no better: the validation "
                "ground may be small, or unlike the images that matter"
            )

    def _on_clicked(self) -> None:
        card = self._card()
        if card is None or self._folder is None:
            return
        if card.learned is None:  # its weights are in the folder already
            self._session.model_folder = self._way_back(card) or self._folder
            self.changed.emit()
            return
        try:
            job = use_learned(self._session, self._folder)
        except InputError as error:
            show_problem(error)
            return
        run_in_background(job, self, session=self._session, ended=self._on_ended)

    def _on_ended(self, outcome: Outcome) -> None:
        if outcome.error is None:
            self._show()
            self.changed.emit()


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
        self._worse.changed.connect(self._on_choice)
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
        self._worse.setFolder(trained)

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

    def _on_choice(self) -> None:
        """Say which model is in use now, and still how good what was learned is."""
        trained = self._session.trained
        model = None if trained is None else self._session.read_model(trained)
        if model is not None:
            self._say_result(model, stopped=False)

    def _say_result(self, model: Manifest, *, stopped: bool) -> None:
        """Say what a training brought, and what is in use since."""
        folder = self._session.model_in_use
        in_use = model.card.name if folder is None else folder.name
        self.say(describe_result(model, stopped=stopped, in_use=in_use))
