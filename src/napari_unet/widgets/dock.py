"""The U-Net dock: every section in the order of the work, over one session per viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import napari
from napari.settings import get_plugin_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_unet.session import Session
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.chosen import unwrapped
from napari_unet.widgets.evaluate import EvaluateSection
from napari_unet.widgets.export import ExportSection
from napari_unet.widgets.fine_tune import FineTuneSection
from napari_unet.widgets.image_model import ImageModelSection
from napari_unet.widgets.segment import SegmentSection
from napari_unet.widgets.weight_map import WeightMapSection

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGIN = "napari-unet-live"
# In the order of the work; the first ones are open at the start.
SECTIONS: dict[str, Callable[..., QWidget]] = {
    "Image and model": ImageModelSection,
    "Segment": SegmentSection,
    "Annotate": AnnotateSection,
    "Weight map": WeightMapSection,
    "Fine-tune": FineTuneSection,
    "Evaluate": EvaluateSection,
    "Export": ExportSection,
}
OPEN_AT_START = ("Image and model", "Segment", "Annotate")
_WIDTH = 340

_sessions: WeakKeyDictionary[napari.Viewer, Session] = WeakKeyDictionary()


def session_of(viewer: napari.Viewer) -> Session:
    """Return the one session of a viewer, made from the user's preferences at first."""
    viewer = unwrapped(viewer)
    if viewer not in _sessions:
        _sessions[viewer] = Session(device=get_plugin_settings(PLUGIN).compute.device)
    return _sessions[viewer]


class UNetDock(QWidget):
    """The whole loop: image, segment, annotate, fine-tune, evaluate, export.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer to work in.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.session = session_of(viewer)
        self._sections: dict[str, QWidget] = {}
        column = QWidget()
        rows = QVBoxLayout(column)
        rows.setContentsMargins(4, 4, 4, 4)
        rows.setSpacing(2)
        for title, make in SECTIONS.items():
            section = make(self.session, viewer)
            self._sections[title] = section
            rows.addWidget(_collapsible(title, section, title in OPEN_AT_START))
        rows.addStretch(1)
        scroll = _scrolling(column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self.setMinimumWidth(_WIDTH)

    def section(self, title: str) -> Any:
        """Return a section by its title."""
        return self._sections[title]


def _collapsible(title: str, section: QWidget, is_open: bool) -> QCollapsible:
    box = QCollapsible(title)
    box.addWidget(section)
    box.setDuration(0)
    box.toggleButton().setAccessibleName(f"Section {title}")
    box.toggleButton().setToolTip(f"Open or close {title}")
    if is_open:
        box.expand(animate=False)
    return box


def _scrolling(content: QWidget) -> QScrollArea:
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(content)
    return scroll


def _alone(title: str, viewer: napari.Viewer) -> QWidget:
    """Return one section as a dock of its own, over the viewer's session."""
    holder = QWidget()
    rows = QVBoxLayout(holder)
    rows.addWidget(SECTIONS[title](session_of(viewer), unwrapped(viewer)))
    rows.addStretch(1)
    holder.setMinimumWidth(_WIDTH)
    return holder


def image_model_dock(viewer: napari.viewer.Viewer) -> QWidget:
    """Return the section *Image and model* as a dock."""
    return _alone("Image and model", viewer)


def segment_dock(viewer: napari.viewer.Viewer) -> QWidget:
    """Return the section *Segment* as a dock."""
    return _alone("Segment", viewer)


def annotate_dock(viewer: napari.viewer.Viewer) -> QWidget:
    """Return the section *Annotate* as a dock."""
    return _alone("Annotate", viewer)


def weight_map_dock(viewer: napari.viewer.Viewer) -> QWidget:
    """Return the section *Weight map* as a dock."""
    return _alone("Weight map", viewer)


def fine_tune_dock(viewer: napari.viewer.Viewer) -> QWidget:
    """Return the section *Fine-tune* as a dock."""
    return _alone("Fine-tune", viewer)


def evaluate_dock(viewer: napari.viewer.Viewer) -> QWidget:
    """Return the section *Evaluate* as a dock."""
    return _alone("Evaluate", viewer)


def export_dock(viewer: napari.viewer.Viewer) -> QWidget:
    """Return the section *Export* as a dock."""
    return _alone("Export", viewer)
