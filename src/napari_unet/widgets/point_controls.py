"""Mark objects by points instead of painting them: a button, and the class to set."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from napari.layers import Points as PointsLayer
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QWidget,
)
from superqt.utils import qthrottled, signals_blocked

from napari_unet.core.annotation.points import DEFAULT_CLASS
from napari_unet.core.errors import InputError, in_dock
from napari_unet.core.frames import fold_times
from napari_unet.widgets.annotation_layers import boxes_of, regions_of
from napari_unet.widgets.background import LatestAnswer, listen, show_problem
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.frames import folded_shape, times_of
from napari_unet.widgets.layers import (
    IGNORE_LABEL,
    find_layer,
    is_made_here,
    labels_of,
    pixel_size_um,
)
from napari_unet.widgets.point_layers import (
    CLASS,
    add_points,
    adopt_points,
    classes_of,
    points_of,
    set_class,
    take_over,
)

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

    from napari_unet.core.annotation.finding import Finding
    from napari_unet.session import Session

_CHANGES = ("data", "features", "feature_defaults")
_CHECK_MSEC = 300
WHOLE_IMAGE_COUNTS = (
    "Without regions the whole image counts as marked: what has no point is learned as "
    "background."
)
MARKED_PLANES_COUNT = (
    "Without regions the planes with points count as marked: what has no point on them "
    "is learned as background."
)


class PointControls(QWidget):
    """View of the points layer of the chosen image.

    Parameters
    ----------
    session : Session
        How large the disks will be, and whether planes or volumes are learned.
    viewer : napari.Viewer
        Where image and points are.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self, session: Session, viewer: napari.Viewer, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._viewer = session, viewer
        self._checker = LatestAnswer(self, "Checking points")
        self._checker.answered.connect(self._show_findings)
        self._chosen = chosen_layers(viewer)
        self._watched: list[Layer] = []
        self._says_rule = True
        self._build()
        self._mark.clicked.connect(self._on_mark_clicked)
        self._class.textActivated.connect(self._on_class_given)
        if (editor := self._class.lineEdit()) is not None:
            editor.returnPressed.connect(
                lambda: self._on_class_given(self._class.currentText())
            )
            editor.editingFinished.connect(self._on_class_left)
        self._take.clicked.connect(self._on_take_clicked)
        events = viewer.layers.events
        for signal in (events.inserted, events.removed):
            signal.connect(self._show_detections)
        self.destroyed.connect(
            lambda: [
                signal.disconnect(self._show_detections)
                for signal in (events.inserted, events.removed)
            ]
        )
        for name in ("image", "points", "regions"):
            listen(getattr(self._chosen.events, name), self._show_layers)
        for signal in (
            session.events.train_config,
            session.events.network,
            session.events.start_from,
        ):
            listen(signal, self._on_changed)
        self._show_layers()

    def _build(self) -> None:
        self._mark = QPushButton("Mark by points")
        self._mark.setToolTip(
            "Instead of painting: click on each object to set a point. A model trained "
            "on points says where objects are and counts them, and needs no outlines. "
            "A points layer of yours that is selected is taken"
        )
        self._class = QComboBox()
        self._class.setEditable(True)
        self._class.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._class.setAccessibleName("Class of the points")
        self._class.setToolTip(
            "The class of the points that you set from now on: choose one or write a "
            "new one. Points picked with the arrow get it, too"
        )
        self._class.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self._take = QPushButton("Take over detections")
        self._take.setToolTip(
            "Copy what the model has detected into your points, to correct it; points "
            "that are there already stay as they are"
        )
        self._summary = QLabel()
        self._summary.setWordWrap(True)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._mark, 0, 0)
        layout.addWidget(self._class, 0, 1)
        layout.addWidget(self._take, 1, 0, 1, 2)
        layout.addWidget(self._summary, 2, 0, 1, 2)
        self._findings = QLabel()
        self._findings.setWordWrap(True)
        self._findings.hide()
        layout.addWidget(self._findings, 3, 0, 1, 2)
        layout.setColumnStretch(0, 1)
        layout.setColumnStretch(1, 1)

    # -------------------------------------------------------------------- actions

    def _on_mark_clicked(self) -> None:
        try:
            layer = self._make_sure_of_points()
        except InputError as error:
            show_problem(error)
            return
        if layer is not None:
            self._viewer.layers.selection.active = layer
            layer.mode = "add"

    def _make_sure_of_points(self) -> PointsLayer | None:
        """Return the image's points: its own, the user's layer in use, or new ones."""
        image = self._chosen.image
        if image is not None and self._chosen.points is None:
            layer = self._viewer.layers.selection.active
            if isinstance(layer, PointsLayer) and not is_made_here(layer):
                adopt_points(layer, image)
            else:
                layer = add_points(self._viewer, image)
            self._chosen.points = layer
        return self._chosen.points

    def _on_class_given(self, name: str) -> None:
        layer = self._chosen.points
        if layer is not None and name.strip():
            set_class(layer, name.strip())
        self._show_points()

    def _on_class_left(self) -> None:
        """Take a class that was written without Enter, for points to come only."""
        layer, name = self._chosen.points, self._class.currentText().strip()
        if layer is not None and name and name != _current_class(layer):
            layer.feature_defaults = {CLASS: name}

    def _on_take_clicked(self) -> None:
        layer = self._make_sure_of_points()
        found = self._find_detections()
        if layer is not None and found is not None:
            take_over(found, layer)
            self._viewer.layers.selection.active = layer

    def _find_detections(self) -> PointsLayer | None:
        image = self._chosen.image
        if image is None:
            return None
        layer: PointsLayer | None = find_layer(self._viewer, image, "detections")
        return layer

    # -------------------------------------------------------------------- showing

    def _show_layers(self) -> None:
        self._mark.setEnabled(self._chosen.image is not None)
        for layer in self._watched:
            for name in _CHANGES:
                getattr(layer.events, name).disconnect(self._on_changed)
        layers = (self._chosen.points, self._chosen.regions)
        self._watched = [layer for layer in layers if layer is not None]
        for layer in self._watched:
            for name in _CHANGES:
                getattr(layer.events, name).connect(self._on_changed)
        self._show_detections()
        self._show_points()

    def _show_detections(self, _event: Any = None) -> None:
        self._take.setVisible(self._find_detections() is not None)

    def _on_changed(self, _event: Any = None) -> None:
        self._show_points()

    def _show_points(self) -> None:
        layer = self._chosen.points
        self._class.setVisible(layer is not None)
        self._summary.setVisible(layer is not None)
        if layer is None:
            self._check()
            return
        counts = Counter(classes_of(layer))
        with signals_blocked(self._class):
            self._class.clear()
            current = _current_class(layer)
            self._class.addItems(sorted({*counts, current}))
            self._class.setCurrentText(current)
        text = f"<b>{len(layer.data)} point{'' if len(layer.data) == 1 else 's'}</b>"
        if len(counts) > 1:
            text += ": " + ", ".join(f"{n} {name}" for name, n in counts.most_common())
        if self._says_rule and self._chosen.regions is None:
            by_plane = (
                layer.ndim == 3 and self._session.learning_network.dimensions == 2
            )
            text += f"<br>{MARKED_PLANES_COUNT if by_plane else WHOLE_IMAGE_COUNTS}"
        self._summary.setText(text)
        self._check()

    def sayRule(self, says_rule: bool) -> None:
        """Say which ground counts, or leave that to what is said of painted objects."""
        if says_rule != self._says_rule:
            self._says_rule = says_rule
            self._show_points()

    # -------------------------------------------------------------------- mistakes

    @qthrottled(timeout=_CHECK_MSEC)
    def _check(self, _event: Any = None) -> None:
        """Look for points set twice, outside, on ground that does not count."""
        image, layer = self._chosen.image, self._chosen.points
        self._checker.forget()
        if image is None or layer is None or not len(layer.data):
            self._findings.hide()
            return
        try:
            regions = boxes_of(regions_of(self._chosen.regions, image))
            points = points_of(layer, image)
        except InputError as error:
            self._show_text(str(error))
            return
        shape, size = folded_shape(image), pixel_size_um(image)
        annotation = self._chosen.annotation
        ignored = None
        if annotation is not None:
            ignored = fold_times(labels_of(annotation)) == IGNORE_LABEL
        radius = self._session.train_config.point_radius
        # Volumes of two time points lie side by side here, and are never too close.
        volume = self._session.learning_network.dimensions == 3 and times_of(image) == 1

        def find() -> list[Finding]:
            from napari_unet.core.annotation.point_findings import (
                find_misplaced_points,
            )

            return find_misplaced_points(
                points,
                shape,
                pixel_size_um=size,
                radius=radius,
                regions=regions,
                ignored=ignored,
                volume=volume,
            )

        self._checker.ask(find)

    def _show_findings(self, findings: list[Finding]) -> None:
        self._show_text(
            "<br>".join(f"⚠ {in_dock(finding.message)}" for finding in findings)
        )

    def _show_text(self, text: str) -> None:
        self._findings.setText(text)
        self._findings.setVisible(bool(text))


def _current_class(layer: PointsLayer) -> str:
    """Return the class of the next point."""
    if CLASS not in layer.feature_defaults or not len(layer.feature_defaults):
        return DEFAULT_CLASS
    return str(layer.feature_defaults[CLASS][0])
