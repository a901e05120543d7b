"""The pixel size of the chosen image, to look at and to correct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QFormLayout, QWidget
from superqt.utils import signals_blocked

from napari_unet.widgets.layer_pixel_size import set_pixel_size
from napari_unet.widgets.layers import pixel_size_um
from napari_unet.widgets.length_box import LengthBox

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer


class PixelSizeEditor(QWidget):
    """Edit the pixel size of an image layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are meant.
    parent : QWidget, optional
        Qt parent.
    """

    pixelSizeChanged = Signal()

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: ImageLayer | None = None
        self._plane = LengthBox(
            "Pixel size of the image",
            "unknown",
            "Edge of a pixel along X and Y. Models know theirs, and images are "
            "rescaled to it; the file of an image does not always say it",
        )
        self._depth = LengthBox(
            "Distance of planes of the image",
            "unknown",
            "Distance of the planes of a stack; leave it where they are time points",
        )
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.addRow("Pixel size", self._plane)
        self._form.addRow("Between planes", self._depth)
        self._plane.valueChanged.connect(self._on_edited)
        self._depth.valueChanged.connect(self._on_edited)

    def setLayer(self, layer: ImageLayer | None) -> None:
        """Show the pixel size of an image."""
        self._layer = layer
        sizes = None if layer is None else pixel_size_um(layer)
        is_stack = layer is not None and layer.ndim > 2
        is_length = is_stack and layer is not None and _is_length(layer)
        with signals_blocked(self._plane), signals_blocked(self._depth):
            self._plane.setLength(None if sizes is None else sizes[-1])
            self._depth.setLength(sizes[-3] if sizes and is_length else None)
        self._form.setRowVisible(self._depth, is_stack)
        self.setEnabled(layer is not None)

    def _on_edited(self, _value: float) -> None:
        plane, layer = self._plane.length(), self._layer
        if layer is None or plane is None:  # the other may still be unknown
            return
        depth = self._depth.length() if layer.ndim > 2 else None
        set_pixel_size(self._viewer, layer, plane, depth)
        self.setLayer(layer)
        self.pixelSizeChanged.emit()


def _is_length(layer: ImageLayer) -> bool:
    """Tell whether the first axis of a stack is a length, not time or pixels."""
    return bool(layer.units[-3].is_compatible_with("micrometer"))
