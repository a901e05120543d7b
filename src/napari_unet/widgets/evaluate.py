"""The dock section that compares a prediction with the truth and paints the errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import InputError
from napari_unet.jobs import Job, Outcome, Status
from napari_unet.widgets.background import listen, run_in_background, show_problem
from napari_unet.widgets.class_colors import class_names
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.compared import ComparedNote
from napari_unet.widgets.comparison import KINDS, Answer, compare, read_inputs
from napari_unet.widgets.errors_layer import (
    describe_counts,
    describe_differences,
    describe_signed_error,
    go_to,
    is_verdict,
    show_differences,
    show_errors,
    show_signed_error,
)
from napari_unet.widgets.evaluate_points import PointForm
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import find_layer, is_users_image, role_of
from napari_unet.widgets.point_errors import (
    describe_point_counts,
    show_point_errors,
)
from napari_unet.widgets.score_tables import (
    BoundaryTable,
    ClassTable,
    ErrorTable,
    PointTable,
    ScoreTable,
    ValueTable,
)
from napari_unet.widgets.section import Section
from napari_unet.widgets.threshold_table import ThresholdTable
from napari_unet.widgets.volume_choice import VolumeChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import napari
    from napari.layers import Layer

    from napari_unet.segmented import Segmented
    from napari_unet.session import Session
    from napari_unet.widgets.comparison import Kind

    Comparing = Generator[float, None, Answer]


class EvaluateSection(Section):
    """Choose two layers; see the scores, the errors, and where they are.

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
        self._true_layer: Layer | None = None
        self._proposed = "objects"  # the kind, for the model used last
        self._job: Job | None = None
        self._build()
        self._button.clicked.connect(self._on_button_clicked)
        self._table.chosen.connect(self._on_error_chosen)
        self._kind.currentIndexChanged.connect(self._on_kind_chosen)
        for box in (
            self._predicted,
            self._probabilities,
            self._predicted_image,
            self._true,
            self._true_image,
        ):
            box.layerChanged.connect(self._show_button)
        self._points.layersChanged.connect(self._show_button)
        listen(self._chosen.events.prediction, self._take_chosen)
        listen(self._chosen.events.annotation, self._take_chosen)
        listen(self._chosen.events.target, self._take_chosen)
        listen(session.events.segmentation, self._on_segmentation)
        listen(self._chosen.events.points, self._take_chosen)
        self._take_chosen()
        self._on_kind_chosen()

    def _build(self) -> None:
        self._kind = QComboBox()
        for row, (kind, title, help_text) in enumerate(KINDS):
            self._kind.addItem(title, kind)
            self._kind.setItemData(row, help_text, Qt.ItemDataRole.ToolTipRole)
        self._kind.setToolTip("What is compared")
        self._predicted, self._true = (
            LayerCombo(self._viewer, _is_labels, placeholder="No labels yet")
            for _ in range(2)
        )
        self._probabilities = LayerCombo(
            self._viewer, _is_map, placeholder="No probabilities yet"
        )
        self._predicted_image = LayerCombo(
            self._viewer, _is_image, placeholder="No image yet"
        )
        self._true_image = LayerCombo(
            self._viewer, is_users_image, placeholder="No image yet"
        )
        self._predicted_image.setToolTip("The image that a model has predicted")
        self._true_image.setToolTip(
            "The image that was to be predicted; all of it is compared"
        )
        self._predicted.setToolTip("What a model has found")
        self._probabilities.setToolTip(
            "How probable it is that a pixel is inside a cell, from 0 to 1: Segment "
            "shows it with 'Show probabilities'"
        )
        self._true.setToolTip(
            "What is right: painted by hand. If it is an annotation with regions, only "
            "what lies in them is compared"
        )
        self._inverted = QCheckBox("Bright means membrane")
        self._inverted.setToolTip(
            "Tick this if the layer is high between cells, not inside them"
        )
        self._volumes = VolumeChoice()
        self._button = QPushButton("Compare")
        self._counts = QLabel()
        self._counts.setWordWrap(True)
        self._counts.setTextFormat(Qt.TextFormat.RichText)
        self._scores, self._table = ScoreTable(), ErrorTable()
        self._classes, self._borders = ClassTable(), BoundaryTable()
        self._sweep = ThresholdTable()
        self._all_thresholds = Collapsible("All ten thresholds, in %", self._sweep)
        self._of_points = PointTable()
        self._points = PointForm(self._viewer, self._chosen)
        self._values = ValueTable()
        self._form = QFormLayout()
        for title, combo, name in (
            ("Compare", self._kind, "What is compared"),
            ("Predicted", self._predicted, "Predicted labels"),
            ("Predicted", self._probabilities, "Predicted probabilities"),
            ("", self._inverted, ""),
            ("Predicted", self._predicted_image, "Predicted image"),
            ("True", self._true, "True labels"),
            ("True", self._true_image, "True image"),
            ("", self._volumes, ""),
        ):
            label = QLabel(title)
            label.setBuddy(combo)
            if name:
                combo.setAccessibleName(name)
            self._form.addRow(label, combo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._form)
        layout.addWidget(self._points)
        layout.addWidget(self._button)
        self._note = ComparedNote()
        layout.addWidget(self._note)
        self._results = (
            self._scores,
            self._classes,
            self._borders,
            self._all_thresholds,
            self._of_points,
            self._values,
            self._counts,
            self._table,
        )
        for widget in self._results:
            layout.addWidget(widget)
            widget.hide()

    def _on_kind_chosen(self, _index: int = 0) -> None:
        """Ask for what this comparison needs, and no more."""
        kind = self._kind.currentData()
        borders, values, points = (
            kind == each for each in ("borders", "values", "points")
        )
        self._form.setRowVisible(self._predicted, not (borders or values or points))
        self._form.setRowVisible(self._probabilities, borders)
        self._form.setRowVisible(self._inverted, borders)
        self._form.setRowVisible(self._predicted_image, values)
        self._form.setRowVisible(self._true, not (values or points))
        self._form.setRowVisible(self._true_image, values)
        self._points.setVisible(points)
        if borders:
            self._take_probabilities()
        elif values:
            self._take_images()
        elif points:
            self._points.take_chosen()
        self._show_button()

    def _take_chosen(self, _layer: object = None) -> None:
        """Propose the prediction and the annotation of the chosen image."""
        if self._chosen.prediction is not None:
            self._predicted.setValue(self._chosen.prediction)
        if self._chosen.annotation is not None:
            self._true.setValue(self._chosen.annotation)
        self._take_probabilities()
        self._points.take_chosen()
        self._take_images()
        self._show_button()

    def _on_segmentation(self, segmented: Segmented | None) -> None:
        """Propose the comparison that suits a model of another kind than before."""
        if segmented is None:
            return
        if segmented.annotation != self._proposed:
            self._proposed = segmented.annotation
            self._kind.setCurrentIndex(self._kind.findData(self._proposed))
        self._take_chosen()
        self._note.tell()

    def _take_images(self) -> None:
        """Propose what was predicted from the chosen image, and its target."""
        if self._chosen.image is not None:
            found = find_layer(self._viewer, self._chosen.image, "predicted image")
            if found is not None:
                self._predicted_image.setValue(found)
        if self._chosen.target is not None:
            self._true_image.setValue(self._chosen.target)

    def _take_probabilities(self) -> None:
        """Propose the probabilities of the chosen image."""
        if self._chosen.image is not None:
            found = find_layer(self._viewer, self._chosen.image, "probabilities")
            if found is not None:
                self._probabilities.setValue(found)

    def _layers(self) -> tuple[Layer | None, Layer | None]:
        """Return what is compared: the predicted and the true layer."""
        kind = self._kind.currentData()
        if kind == "points":
            return self._points.layers()
        if kind == "values":
            return self._predicted_image.value(), self._true_image.value()
        predicted = self._probabilities if kind == "borders" else self._predicted
        return predicted.value(), self._true.value()

    def _show_button(self, _event: object = None) -> None:
        layers = self._layers()
        if not self._note.is_of(self._kind.currentData(), layers):
            self._note.forget()
            for widget in self._results:
                widget.hide()
        if self._job is not None:
            return
        self._propose_volume()
        is_same = None not in layers and layers[0] is layers[1]
        self._button.setText("Compare")
        self._button.setEnabled(None not in layers and not is_same)
        self._button.setToolTip(
            "Predicted and True are the same layer: choose another one"
            if is_same
            else "Measure the agreement and paint the errors"
        )

    def _propose_volume(self, _event: object = None) -> None:
        """Ask whether objects reach through planes, where that makes a difference."""
        objects = self._kind.currentData() == "objects"
        is_stack = self._volumes.propose(*self._layers()) if objects else False
        self._form.setRowVisible(self._volumes, is_stack)

    def _on_button_clicked(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._button.setEnabled(False)
            return
        kind: Kind = self._kind.currentData()
        try:
            steps = self._read_points() if kind == "points" else self._read(kind)
        except InputError as error:
            show_problem(error)
            return
        if steps is None:
            return
        self._note.watch(kind, self._layers())
        job = Job("Evaluate", steps)
        if kind == "borders":
            self._job = job  # it takes seconds per plane, and may be stopped
            self.destroyed.connect(job.cancel)
            self._on_progressed(0.0)
        else:
            self._button.setEnabled(False)
            self._button.setText("Comparing …")
        # Not the session's one job: one may compare while a training runs.
        run_in_background(
            job, self, progressed=self._on_progressed, ended=self._on_ended
        )

    def _read(self, kind: Kind) -> Callable[[], Comparing] | None:
        """Copy the layers that are chosen; return what compares them."""
        self._propose_volume()  # more may have been painted since they were chosen
        predicted, true = self._layers()
        if predicted is None or true is None:
            return None
        volume = kind == "objects" and self._volumes.isChecked()
        inputs = read_inputs(self._chosen, kind, predicted, true, volume=volume)
        inverted = self._inverted.isChecked()
        return lambda: compare(kind, inputs, inverted=inverted)

    def _read_points(self) -> Callable[[], Comparing] | None:
        """Copy the points that are chosen; return what compares them."""
        inputs = self._points.read()
        return None if inputs is None else inputs.compare

    def _on_progressed(self, part: float) -> None:
        if self._job is not None and not self._job.is_cancelling:
            self._button.setText(f"Stop comparing ({part:.0%} done)")

    def _on_ended(self, outcome: Outcome) -> None:
        self._job = None
        self._show_button()
        kind, layers = self._kind.currentData(), self._layers()
        # Not where something else was chosen meanwhile.
        if outcome.status is Status.DONE and self._note.is_of(kind, layers):
            self._show(outcome.result)

    def _show(self, answer: Answer) -> None:
        shown: dict[str, tuple[QWidget, ...]] = {
            "objects": (self._scores, self._counts, self._table),
            "classes": (self._classes, self._counts),
            "borders": (self._borders, self._all_thresholds),
            "points": (self._of_points, self._counts, self._table),
            "values": (self._values, self._counts),
        }
        for widget in self._results:
            widget.setVisible(widget in shown[answer.kind])
        self._true_layer = answer.true
        if answer.kind == "borders":
            self._borders.setValue(answer.scores)
            self._sweep.setValue(answer.scores)
        elif answer.kind == "points":
            self._of_points.setValue(answer.scores)
            overall = answer.scores.overall
            self._counts.setText(describe_point_counts(answer.errors, overall))
            self._table.setValue(answer.errors)
            show_point_errors(self._viewer, answer.true, answer.errors)
        elif answer.kind == "values":
            self._values.setValue(answer.scores)
            self._counts.setText(describe_signed_error())
            show_signed_error(self._viewer, answer.true, answer.errors)
        elif answer.kind == "classes":
            predicted, true = (class_names(layer) for layer in self._layers())
            self._classes.setValue(answer.scores, predicted | true)
            self._counts.setText(describe_differences(answer.errors))
            show_differences(self._viewer, answer.true, answer.errors)
        else:
            self._scores.setValue(answer.scores)
            self._counts.setText(describe_counts(answer.errors, answer.scores))
            self._table.setValue(answer.errors.verdicts)
            show_errors(self._viewer, answer.true, answer.errors)

    def _on_error_chosen(self, centre: tuple[float, ...]) -> None:
        if self._true_layer is not None:
            go_to(self._viewer, self._true_layer, centre)


def _is_labels(layer: Layer) -> bool:
    return isinstance(layer, Labels) and not is_verdict(layer)


def _is_map(layer: Layer) -> bool:
    """Tell whether an image may hold probabilities: ours, or one the user opened."""
    grey = isinstance(layer, Image) and not layer.rgb
    return grey and role_of(layer) in (None, "probabilities", "class probability")


def _is_image(layer: Layer) -> bool:
    """Tell whether an image may have been predicted: by us, or by someone else."""
    return isinstance(layer, Image) and role_of(layer) in (None, "predicted image")
