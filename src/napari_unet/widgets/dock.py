"""The U-Net dock: every section in the order of the work, over one session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from napari.settings import get_plugin_settings
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from napari_unet.choices import remember_choices
from napari_unet.session import Session
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.chosen import unwrapped
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.desks import desks_of
from napari_unet.widgets.evaluate import EvaluateSection
from napari_unet.widgets.export import ExportSection
from napari_unet.widgets.fine_tune import FineTuneSection
from napari_unet.widgets.image_model import ImageModelSection
from napari_unet.widgets.kept_row import LeftOpen
from napari_unet.widgets.segment import SegmentSection
from napari_unet.widgets.weight_map import WeightMapSection

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from qtpy.QtGui import QShowEvent

PLUGIN = "napari-unet-live"
# In the order of the work.
SECTIONS: dict[str, Callable[..., QWidget]] = {
    "Image and model": ImageModelSection,
    "Segment": SegmentSection,
    "Annotate": AnnotateSection,
    "Weight map": WeightMapSection,
    "Fine-tune": FineTuneSection,
    "Evaluate": EvaluateSection,
    "Export": ExportSection,
}
# Room for the widest controls: the dock keeps it whatever is unfolded.
WIDTH = 340

_sessions: WeakKeyDictionary[napari.Viewer, Session] = WeakKeyDictionary()


def session_of(viewer: napari.Viewer) -> Session:
    """Return the one session of a viewer; at first, with what the user chose before."""
    viewer = unwrapped(viewer)
    if viewer not in _sessions:
        session = Session(device=get_plugin_settings(PLUGIN).compute.device)
        remember_choices(session)
        _sessions[viewer] = session
    return _sessions[viewer]


class UNetDock(QWidget):
    """The whole loop: image, segment, annotate, fine-tune, evaluate, export.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer to work in.
    """

    # napari hands its viewer only to a parameter with exactly this annotation.
    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.session = session_of(viewer)
        self._sections: dict[str, QWidget] = {}
        self._boxes: dict[str, Collapsible] = {}
        column = QWidget()
        rows = QVBoxLayout(column)
        rows.setContentsMargins(4, 4, 4, 4)
        rows.setSpacing(2)
        for title, make in SECTIONS.items():
            section = make(self.session, viewer)
            self._sections[title] = section
            self._boxes[title] = Collapsible(title, section)
            rows.addWidget(self._boxes[title])
        # What one begins with: with a model to segment, without one to annotate.
        has_models = self.session.has_model or self.session.list_models()
        first = "Segment" if has_models else "Annotate"
        for title in ("Image and model", first):
            self._boxes[title].setOpen(True)
        rows.addStretch(1)
        self._scroll = _Column(column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._desks = desks_of(viewer)
        layout.addWidget(LeftOpen(viewer))
        layout.addWidget(self._scroll)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Keep what is painted for as long as the window is open."""
        super().showEvent(event)
        self._desks.end_with(self.window())

    def section(self, title: str) -> Any:
        """Return a section by its title."""
        return self._sections[title]

    def open_section(self, title: str) -> None:
        """Open a section and scroll to it."""
        self._boxes[title].setOpen(True)
        self._scroll.ensureWidgetVisible(self._boxes[title])


class _Column(QScrollArea):
    """Scrolls up and down only; never narrower than `WIDTH`, or its widest control."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the content and of the scroll bar."""
        hint, content, bar = (
            super().minimumSizeHint(),
            self.widget(),
            self.verticalScrollBar(),
        )
        if content is not None and bar is not None:
            width = content.minimumSizeHint().width() + bar.sizeHint().width()
            hint.setWidth(max(WIDTH, width))
        return hint

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask for another width when the content does, e.g. when a section opens."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class SectionDock(QWidget):
    """One section as a dock of its own, over the viewer's session.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer to work in.
    """

    title: ClassVar[str]

    # napari hands its viewer only to a parameter with exactly this annotation.
    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.session = session_of(viewer)
        self.section = SECTIONS[self.title](self.session, viewer)
        self._desks = desks_of(viewer)
        rows = QVBoxLayout(self)
        rows.addWidget(self.section)
        rows.addStretch(1)
        self.setMinimumWidth(WIDTH)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Keep what is painted for as long as the window is open."""
        super().showEvent(event)
        self._desks.end_with(self.window())


class ImageModelDock(SectionDock):
    """The section *Image and model* alone."""

    title = "Image and model"


class SegmentDock(SectionDock):
    """The section *Segment* alone."""

    title = "Segment"


class AnnotateDock(SectionDock):
    """The section *Annotate* alone."""

    title = "Annotate"


class WeightMapDock(SectionDock):
    """The section *Weight map* alone."""

    title = "Weight map"


class FineTuneDock(SectionDock):
    """The section *Fine-tune* alone."""

    title = "Fine-tune"


class EvaluateDock(SectionDock):
    """The section *Evaluate* alone."""

    title = "Evaluate"


class ExportDock(SectionDock):
    """The section *Export* alone."""

    title = "Export"
