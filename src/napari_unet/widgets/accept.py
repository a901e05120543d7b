"""Buttons that take many predicted objects over into the annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from napari_unet.widgets.accepting import (
    accept_in_regions,
    accept_many,
    accept_one,
    accept_sure,
)
from napari_unet.widgets.background import listen
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.correction_tools import (
    IN_REGIONS_KEY,
    SURE_KEY,
    correction_tools,
)
from napari_unet.widgets.layers import visible_box

if TYPE_CHECKING:
    import napari


class AcceptButtons(QWidget):
    """Copy predicted objects: all in view, in the regions, sure ones, the picked one.

    Each press is one step that can be undone.

    Parameters
    ----------
    viewer : napari.Viewer
        Where prediction and annotation are.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._chosen = chosen_layers(viewer)
        self._tools = correction_tools(viewer)
        self._in_view = QPushButton("Accept all in view")
        self._in_regions = QPushButton("Accept in regions")
        self._picked = QPushButton("Accept picked")
        self._sure = QPushButton("Accept from")
        self._least = QDoubleSpinBox()
        self._least.setRange(0, 1)
        self._least.setSingleStep(0.05)
        self._least.setValue(self._tools.least_confidence)
        self._least.setAccessibleName("Least confidence")
        helps = {
            self._in_view: "Take every predicted object on the screen into the "
            "annotation; what is painted there is kept",
            self._in_regions: "Take every predicted object in the regions of this "
            f"slice into the annotation ({IN_REGIONS_KEY})",
            self._picked: "Take the predicted object whose number is selected in the "
            "prediction layer into the annotation",
            self._sure: "Take every predicted object of this confidence or more into "
            f"the annotation ({SURE_KEY})",
            self._least: "Confidence of an object: the mean probability that the model "
            "gives its pixels, from 0 to 1",
        }
        for control, help_text in helps.items():
            control.setToolTip(help_text)
            control.setAccessibleDescription(help_text)
        sure = QHBoxLayout()
        sure.addWidget(self._sure, 1)
        sure.addWidget(self._least)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(0, 1)
        layout.setColumnStretch(1, 1)
        layout.addWidget(self._in_view, 0, 0)
        layout.addWidget(self._in_regions, 0, 1)
        layout.addWidget(self._picked, 1, 0)
        layout.addLayout(sure, 1, 1)
        self._in_view.clicked.connect(self._on_in_view_clicked)
        self._in_regions.clicked.connect(self._on_in_regions_clicked)
        self._picked.clicked.connect(self._on_picked_clicked)
        self._sure.clicked.connect(self._on_sure_clicked)
        self._least.valueChanged.connect(self._on_least_changed)
        listen(self._chosen.events.prediction, self._show_prediction)
        self._show_prediction()

    def _on_in_regions_clicked(self) -> None:
        accept_in_regions(self._viewer)

    def _on_sure_clicked(self) -> None:
        accept_sure(self._viewer, self._tools.least_confidence)

    def _on_least_changed(self, least: float) -> None:
        self._tools.least_confidence = least

    def _show_prediction(self) -> None:
        has_prediction = self._chosen.prediction is not None
        for control in (
            self._in_view,
            self._in_regions,
            self._picked,
            self._sure,
            self._least,
        ):
            control.setEnabled(has_prediction)

    def _on_in_view_clicked(self) -> None:
        if self._chosen.image is not None:
            accept_many(self._viewer, boxes=[visible_box(self._chosen.image)])

    def _on_picked_clicked(self) -> None:
        if self._chosen.prediction is not None:
            accept_one(self._viewer, self._chosen.prediction.selected_label)
