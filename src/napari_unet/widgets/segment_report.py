"""What was said of the segmentation of each image, and is said of the chosen one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_unet.widgets.background import listen
from napari_unet.widgets.chosen import chosen_layers, unwrapped
from napari_unet.widgets.described import describe_segmentation
from napari_unet.widgets.zoom_offer import ZoomOffer

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image as ImageLayer

    from napari_unet.segmented import Segmented
    from napari_unet.session import Session


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of an image, as rich text, and its segmentation, if that is done.

    Without its arrays: `zoom` and `chosen_scale` as in `Segmented`.
    """

    text: str
    zoom: float | None = None  # that was found
    scale: float | None = None  # the same for `segment`; None where it is the usual one
    proposed: float | None = None
    chosen_scale: float | None = None

    @classmethod
    def of(cls, segmented: Segmented, text: str) -> Report:
        """Return what is said of a finished segmentation."""
        zoom = segmented.zoom
        if zoom is None:
            return cls(text, chosen_scale=segmented.chosen_scale)
        return cls(text, zoom.factor, zoom.scale, zoom.proposed, segmented.chosen_scale)


class Reports:
    """The last report of each image of a viewer, as long as the image lives.

    `changed` says of which image there is another one.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        self._reports: WeakKeyDictionary[ImageLayer, Report] = WeakKeyDictionary()

    def of(self, image: ImageLayer | None) -> Report | None:
        """Return what was said last of an image, if anything."""
        return None if image is None else self._reports.get(image)

    def put(self, image: ImageLayer, report: Report | None) -> None:
        """Keep another report of an image; None forgets the last one."""
        if report is None:
            self._reports.pop(image, None)
        else:
            self._reports[image] = report
        self.changed.emit(image)


_reports: WeakKeyDictionary[napari.Viewer, Reports] = WeakKeyDictionary()


def reports_of(viewer: napari.Viewer) -> Reports:
    """Return the reports of the images in `viewer`, the same object every time."""
    return _reports.setdefault(unwrapped(viewer), Reports())


class SegmentReport(QWidget):
    """View of the report of the chosen image, with the zoom that it proposes.

    Parameters
    ----------
    session : Session
        Whose zoom is changed.
    viewer : napari.Viewer
        Unwrapped; whose images are segmented.
    segment_again : callable
        Called when another zoom was taken.
    """

    def __init__(
        self,
        session: Session,
        viewer: napari.Viewer,
        segment_again: Callable[[], None],
    ) -> None:
        super().__init__()
        self._session, self._chosen = session, chosen_layers(viewer)
        self._reports = reports_of(viewer)
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.line.setTextFormat(Qt.TextFormat.RichText)
        self.offer = ZoomOffer(session, segment_again)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line)
        layout.addWidget(self.offer)
        listen(self._chosen.events.image, self._show)
        listen(self._reports.changed, self._on_changed)
        self._show()

    @property
    def current(self) -> Report | None:
        """The report of the chosen image, if there is one."""
        return self._reports.of(self._chosen.image)

    def say(self, image: ImageLayer | None, text: str) -> None:
        """Say something of a segmentation that has no result, or none yet.

        Of an image that is gone it is said until another one is chosen.
        """
        if image is None:
            self._show_report(Report(text))
        else:
            self._reports.put(image, Report(text))

    def tell(self, image: ImageLayer, segmented: Segmented) -> None:
        """Say what was found in an image."""
        text = describe_segmentation(segmented, self._session.objects)
        self._reports.put(image, Report.of(segmented, text))

    def forget(self, image: ImageLayer) -> None:
        """Say nothing of an image any more."""
        self._reports.put(image, None)

    def _on_changed(self, image: ImageLayer) -> None:
        if image is self._chosen.image:
            self._show()

    def _show(self, _event: object = None) -> None:
        self._show_report(self.current)

    def _show_report(self, report: Report | None) -> None:
        self.setVisible(report is not None)
        if report is not None:
            self.line.setText(report.text)
            self.offer.showFor(report.proposed, is_chosen=bool(report.chosen_scale))
