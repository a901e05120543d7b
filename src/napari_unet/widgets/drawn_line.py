"""The line that is being drawn across the canvas, before anything comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    import napari
    from qtpy.QtGui import QPaintEvent

_WIDTH_PX = 2


class DrawnLine(QWidget):
    """A line over the canvas that lets the mouse through.

    Parameters
    ----------
    canvas : QWidget
        What it lies on.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._points = QPolygonF()
        self.resize(canvas.size())
        self.show()

    def add(self, place: Any) -> None:
        """Draw on to a place of the canvas, (x, y) in its pixels."""
        self._points.append(QPointF(float(place[0]), float(place[1])))
        self.update()

    def finish(self) -> None:
        """Take the line away."""
        self.hide()
        self.deleteLater()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it dark on both sides of a bright middle: seen on any ground."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for color, width in (("black", 2 * _WIDTH_PX), ("white", _WIDTH_PX)):
            painter.setPen(QPen(QColor(color), width))
            painter.drawPolyline(self._points)


def start_line(viewer: napari.Viewer) -> DrawnLine | None:
    """Return an empty line on the canvas of a viewer; None where it has no window."""
    window = getattr(viewer, "window", None)
    # napari has no public way to its canvas.
    return None if window is None else DrawnLine(window._qt_viewer.canvas.native)
