"""Someone who uses the viewer, for the tests that go a whole path."""

import numpy as np
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QPushButton,
    QWidget,
)
from scipy import ndimage

from napari_unet.widgets.collapsible import Collapsible

PLUGIN = "napari-unet-live"
LEFT = Qt.MouseButton.LeftButton
# A training of seconds: settings by their titles in the form.
QUICK = {
    "Patch size": 96,
    "Batch size": 4,
    "Validations": 2,
    "Base channels": 8,
    "Levels": 3,
}


class Person:
    """Someone at the screen: knows layers by name and controls by their titles."""

    def __init__(self, qtbot, viewer):
        self.qtbot, self.viewer = qtbot, viewer
        _, self.dock = viewer.window.add_plugin_dock_widget(PLUGIN, "U-Net")
        self.session = self.dock.session
        self.wait(self.dock.isVisible)
        self.told = []
        notification_manager.notification_ready.connect(self._read)

    def _read(self, notification):
        self.told.append((str(notification.severity), notification.message))

    def leave(self):
        notification_manager.notification_ready.disconnect(self._read)

    def problems(self):
        """Return the warnings and errors the viewer showed."""
        return [text for kind, text in self.told if kind in ("warning", "error")]

    def layer(self, name):
        return self.viewer.layers[name]

    # ------------------------------------------------------------------ the dock

    def open(self, *titles, inside=None):
        """Open boxes by their titles and return the last one."""
        box = inside or self.dock
        for title in titles:
            [box] = [b for b in box.findChildren(Collapsible) if b._title == title]
            if not box.isOpen():
                QTest.mouseClick(box.findChild(QPushButton), LEFT)
                QTest.qWait(20)  # what it holds finds its place
        return box

    def find(self, kind, name, title):
        """Return the control with this text or accessible name in a section."""
        found = [
            control
            for control in self.open(title)._content.findChildren(kind)
            if control.accessibleName() == name
            or (isinstance(control, QAbstractButton) and control.text() == name)
        ]
        assert len(found) == 1, f"{len(found)} controls are called '{name}' in {title}"
        assert found[0].isVisible(), f"'{name}' cannot be seen"
        return found[0]

    def press(self, name, title):
        button = self.find(QPushButton, name, title)
        assert button.isEnabled(), f"'{name}' is grey: {button.toolTip()}"
        QTest.mouseClick(button, LEFT)

    def choose(self, text, name, title):
        combo = self.find(QComboBox, name, title)
        index = combo.findText(text)
        assert index >= 0, f"'{text}' is not offered"
        combo.setCurrentIndex(index)
        combo.activated.emit(index)

    def enter(self, value, name, title):
        self.find(QWidget, name, title).setValue(value)

    def reads(self, title):
        """Return all text that a section shows."""
        labels = self.open(title).findChildren(QLabel)
        return "\n".join(label.text() for label in labels if label.isVisible())

    def wait(self, condition, seconds=120):
        self.qtbot.waitUntil(condition, timeout=1000 * seconds)

    def wait_for(self, text, title):
        self.wait(lambda: text in self.reads(title))

    # ---------------------------------------------------------------- the canvas

    def on_canvas(self, layer, pixel):
        """Return where on the canvas a pixel of a layer is."""
        camera = self.viewer.scene.camera
        canvas = self.viewer.window._qt_viewer.canvas.native
        world = np.asarray(layer.data_to_world(pixel))[-2:]
        down, right = (world - camera.center[-2:]) * camera.zoom
        return QPointF(canvas.width() / 2 + right, canvas.height() / 2 + down)

    def drag(self, layer, *pixels):
        """Press the mouse, move it over pixels of a layer, let go."""
        points = [self.on_canvas(layer, pixel) for pixel in pixels]
        self._send(QEvent.Type.MouseButtonPress, points[0])
        for point in points[1:]:
            self._send(QEvent.Type.MouseMove, point)
        self._send(QEvent.Type.MouseButtonRelease, points[-1])

    def _send(self, kind, point):
        canvas = self.viewer.window._qt_viewer.canvas.native
        moved, up = kind == QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease
        none = Qt.MouseButton.NoButton
        event = QMouseEvent(
            kind,
            point,
            QPointF(canvas.mapToGlobal(point)),
            none if moved else LEFT,
            none if kind == up else LEFT,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(canvas, event)
        QApplication.processEvents()

    def look_at(self, layer, box):
        """Zoom until a part of a layer fills the canvas."""
        corners = [(box[0].start, box[1].start), (box[0].stop, box[1].stop)]
        low, high = (np.asarray(layer.data_to_world(c))[-2:] for c in corners)
        canvas = self.viewer.window._qt_viewer.canvas.native
        size = np.array([canvas.height(), canvas.width()])
        self.viewer.scene.camera.center = (0, *((low + high) / 2))
        self.viewer.scene.camera.zoom = 0.9 * float((size / (high - low)).min())
        self.qtbot.wait(50)

    def draw_region(self, box, button):
        self.press(button, "Annotate")
        corners = (box[0].start, box[1].start), (box[0].stop - 1, box[1].stop - 1)
        middle = tuple(np.mean(corners, axis=0))
        self.drag(self.viewer.layers[0], corners[0], middle, corners[1])

    def paint_object(self, mask):
        """Take a new number; paint strokes with the brush, then fill up the outline."""
        self.press("Next object", "Annotate")
        annotation = self.viewer.layers.selection.active
        assert annotation.mode == "paint"
        annotation.brush_size = 5
        free = mask & (annotation.data == 0)
        inner = ndimage.binary_erosion(free, iterations=4)
        for pixel in np.argwhere(inner)[::9]:
            annotation.paint(pixel, annotation.selected_label)
        rest = np.nonzero(free & (annotation.data == 0))
        annotation.data_setitem(rest, annotation.selected_label)

    # ------------------------------------------------------------- what takes long

    def make_it_quick(self, iterations=50):
        """Choose a small network and a short training in the form."""
        self.choose("iterations", "Unit of the training's length", "Fine-tune")
        self.enter(iterations, "Train for", "Fine-tune")
        more = self.open("More settings", inside=self.open("Fine-tune"))
        for title in ("Training", "Network"):
            self.open(title, inside=more)
        for name, value in QUICK.items():
            self.enter(value, name, "Fine-tune")
        QTest.mouseClick(more.findChild(QPushButton), LEFT)

    def wait_for_the_job(self):
        self.wait(lambda: not self.session.is_busy)
