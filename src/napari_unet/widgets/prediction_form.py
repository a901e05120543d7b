"""Averages, tile and zoom of a segmentation, and what it will take with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_unet.core.config import AVERAGES
from napari_unet.planned import begin_sentence
from napari_unet.widgets.background import LatestAnswer, listen
from napari_unet.widgets.form import Form
from napari_unet.widgets.zoom_box import ZoomBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QShowEvent

    from napari_unet.core.config import PredictionConfig
    from napari_unet.session import Session
    from napari_unet.widgets.segment_report import Report


class PredictionForm(QWidget):
    """View of `Session.averaging` and `Session.prediction`.

    Parameters
    ----------
    session : Session
        The state to show and to change.
    question : callable
        Returns what to compute, on another thread, to learn in words what a
        segmentation would take; None where there is nothing to segment.
    parent : QWidget, optional
        Qt parent.
    """

    told = Signal(str)

    def __init__(
        self,
        session: Session,
        question: Callable[[], Callable[[], str] | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._question = session, question
        # For the last image, where it was left to the program and is not the usual one.
        self.found_zoom: float | None = None
        self._answer = LatestAnswer(self, "Planning")
        self._averaging = QComboBox()
        self._averaging.addItems(AVERAGES)
        self._averaging.setAccessibleName("Average over")
        self._averaging.setToolTip(
            "Average over mirrored and turned versions of the image: a little better, "
            "and takes as many times as long. 7 angles, as in the paper of 2015, need "
            "interpolation and twice the time of the others"
        )
        average = QHBoxLayout()
        average.addWidget(QLabel("Average over"))
        average.addWidget(self._averaging, 1)
        self._zoom = ZoomBox()
        self._form: Form[PredictionConfig] = Form(
            session.prediction, controls={"scale": self._zoom}
        )
        tile = self._form.control("tile")
        tile.setSpecialValueText("automatic")
        tile.setStepType(QAbstractSpinBox.StepType.DefaultStepType)
        tile.setSingleStep(64)
        for box in (tile, self._zoom):
            # As wide as the row, for the style leaves too little room for the words.
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._plan = QLabel()
        self._plan.setWordWrap(True)
        self._plan.setToolTip(
            "What the network sees of the image, how it is cut into tiles, and roughly "
            "how much memory one of them takes"
        )
        self._plan.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(average)
        layout.addWidget(self._form)
        layout.addWidget(self._plan)
        self._averaging.currentTextChanged.connect(self._on_averaging_chosen)
        self._form.valueChanged.connect(self._on_edited)
        self._answer.answered.connect(self._on_answered)
        listen(session.events.prediction, self._show)
        listen(session.events.averaging, self._show_averaging)
        listen(session.events.device, self.refresh)
        self._show_averaging()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Ask when unfolded: the answer loads torch."""
        super().showEvent(event)
        self.refresh()

    def refresh(self, _event: object = None) -> None:
        """Ask again, if somebody looks."""
        if self.isVisible():
            self.ask()

    def ask(self) -> None:
        """Ask what a segmentation would take; `told` brings it."""
        question = self._question()
        if question is None:
            self._answer.forget()
            self._plan.clear()
            self._plan.hide()
        else:
            self._answer.ask(question)

    def _on_averaging_chosen(self, averaging: str) -> None:
        self._session.averaging = averaging

    def _show_averaging(self) -> None:
        averaging = self._session.averaging
        with signals_blocked(self._averaging):
            if self._averaging.findText(averaging) < 0:  # another number of angles
                self._averaging.addItem(averaging)
            self._averaging.setCurrentText(averaging)
        self.refresh()

    def _on_edited(self, config: PredictionConfig) -> None:
        self._session.prediction = config

    def _show(self, config: PredictionConfig) -> None:
        self._form.setValue(config)
        self.refresh()

    def showZoom(self, report: Report | None) -> None:
        """Show which zoom was found for the image that is chosen now."""
        self._zoom.showFound(None if report is None else report.zoom)
        self.found_zoom = None if report is None else report.scale

    def tell(self, plan: str) -> None:
        """Show what a segmentation that has begun will take, with the zoom found."""
        said = begin_sentence(plan)
        if said not in ("", self._plan.text()):
            self._answer.forget()
            self._on_answered(said)

    def _on_answered(self, text: str) -> None:
        self._plan.setText(text)
        self._plan.show()
        self.told.emit(text)
