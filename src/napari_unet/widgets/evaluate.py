"""The dock section that compares predicted with true labels and paints the errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.errors import InputError
from napari_unet.jobs import Job, Outcome, Status
from napari_unet.widgets.annotation_layers import regions_of
from napari_unet.widgets.background import listen, run_in_background, show_problem
from napari_unet.widgets.errors_layer import describe_counts, go_to, show_errors
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import IGNORE_LABEL, labels_of, role_of
from napari_unet.widgets.score_tables import ErrorTable, ScoreTable
from napari_unet.widgets.section import Section

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Layer

    from napari_unet.core.evaluation.error_map import ErrorMap
    from napari_unet.core.evaluation.scores import Scores
    from napari_unet.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """A comparison with the layer it belongs to."""

    true: Labels
    scores: Scores
    errors: ErrorMap


class EvaluateSection(Section):
    """Choose two labels layers; see the scores, the errors, and where they are.

    Parameters
    ----------
    session : Session
        Compares.
    viewer : napari.Viewer
        Whose layers to offer, and where the errors are painted.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self,
        session: Session,
        viewer: napari.Viewer,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, viewer, parent)
        self._true_layer: Labels | None = None
        self._build()
        self._button.clicked.connect(self._on_button_clicked)
        self._table.chosen.connect(self._on_error_chosen)
        for box in (self._predicted, self._true):
            box.layerChanged.connect(self._show_button)
        listen(self._chosen.events.prediction, self._take_chosen)
        listen(self._chosen.events.annotation, self._take_chosen)
        self._take_chosen()

    def _build(self) -> None:
        self._predicted, self._true = (
            LayerCombo(self._viewer, _is_labels, placeholder="No labels yet")
            for _ in range(2)
        )
        self._predicted.setToolTip("What a model has found")
        self._true.setToolTip(
            "What is right: painted by hand. If it is an annotation with regions, only "
            "what lies in them is compared"
        )
        self._button = QPushButton("Compare")
        self._button.setToolTip("Measure the agreement and paint the errors")
        self._counts = QLabel()
        self._counts.setWordWrap(True)
        self._counts.setTextFormat(Qt.TextFormat.RichText)
        self._scores, self._table = ScoreTable(), ErrorTable()
        form = QFormLayout()
        for title, combo in (("Predicted", self._predicted), ("True", self._true)):
            label = QLabel(title)
            label.setBuddy(combo)
            combo.setAccessibleName(f"{title} labels")
            form.addRow(label, combo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        for widget in (self._button, self._scores, self._counts, self._table):
            layout.addWidget(widget)
        for widget in (self._scores, self._counts, self._table):
            widget.hide()

    def _take_chosen(self, _layer: object = None) -> None:
        """Propose the prediction and the annotation of the chosen image."""
        if self._chosen.prediction is not None:
            self._predicted.setValue(self._chosen.prediction)
        if self._chosen.annotation is not None:
            self._true.setValue(self._chosen.annotation)
        self._show_button()

    def _show_button(self, _event: object = None) -> None:
        layers = self._predicted.value(), self._true.value()
        self._button.setText("Compare")
        self._button.setEnabled(None not in layers and layers[0] is not layers[1])

    def _on_button_clicked(self) -> None:
        predicted, true = self._predicted.value(), self._true.value()
        if not isinstance(predicted, Labels) or not isinstance(true, Labels):
            return
        try:
            regions: Any = {}
            if true is self._chosen.annotation and self._chosen.image is not None:
                regions = regions_of(self._chosen.regions, self._chosen.image)
        except InputError as error:
            show_problem(error)
            return
        arrays, session = (labels_of(predicted), labels_of(true)), self._session

        def steps() -> Generator[None, None, _Answer]:
            yield
            scores, errors = session.evaluate(
                *arrays, regions=regions, ignore_label=IGNORE_LABEL
            )
            return _Answer(true, scores, errors)

        self._button.setEnabled(False)
        self._button.setText("Comparing …")
        # Not the session's one job: one may compare while a training runs.
        run_in_background(Job("Evaluate", steps), self, ended=self._on_ended)

    def _on_ended(self, outcome: Outcome) -> None:
        self._show_button()
        if outcome.status is Status.DONE:
            self._show(outcome.result)

    def _show(self, answer: _Answer) -> None:
        for widget in (self._scores, self._counts, self._table):
            widget.show()
        self._scores.setValue(answer.scores)
        self._counts.setText(describe_counts(answer.errors))
        self._table.setValue(answer.errors)
        self._true_layer = answer.true
        if answer.true in self._viewer.layers:
            show_errors(self._viewer, answer.true, answer.errors)

    def _on_error_chosen(self, centre: tuple[float, ...]) -> None:
        if self._true_layer is not None:
            go_to(self._viewer, self._true_layer, centre)


def _is_labels(layer: Layer) -> bool:
    return isinstance(layer, Labels) and role_of(layer) != "errors"
