"""Which part of the image to segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QWidget
from superqt.utils import signals_blocked

from napari_unet.core.errors import InputError
from napari_unet.widgets.frames import planes_of_time
from napari_unet.widgets.layers import current_plane, is_on_screen, visible_box

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_unet.segmented import Box

VIEW, SLICE, LAYER = "Field of view", "This slice", "Whole layer"
TIME = "This time point"  # all its slices, where a layer has time and depth


class ExtentCombo(QComboBox):
    """Choose a part of an image; what is offered depends on its axes.

    Parameters
    ----------
    viewer : napari.Viewer
        Unwrapped; shows the part.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.setToolTip("Which part of the image to segment")
        self.setAccessibleName("What to segment")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)

    def offer(self, layer: ImageLayer | None) -> None:
        """Offer the parts of another image; emits nothing."""
        old = self.currentText()
        axes = 2 if layer is None else layer.ndim
        between = {2: [], 3: [SLICE]}.get(axes, [SLICE, TIME])
        with signals_blocked(self):
            self.clear()
            self.addItems([VIEW, *between, LAYER])
            self.setCurrentText(old if old else LAYER)

    def read(self, layer: ImageLayer) -> tuple[Box | None, tuple[int, ...] | None]:
        """Return which box of which planes is chosen; None means all of it."""
        where = self.currentText()
        plane = current_plane(self._viewer, layer)
        box = visible_box(layer) if where == VIEW else None
        if plane is None or where == LAYER:
            return box, None
        return box, planes_of_time(layer, plane) if where == TIME else (plane,)

    def check(self, layer: ImageLayer) -> None:
        """Refuse the field of view where it shows nothing of the image.

        Raises
        ------
        InputError
            Saying how to bring the image back.
        """
        flat = self._viewer.dims.ndisplay == 2
        if self.currentText() == VIEW and flat and not is_on_screen(layer):
            raise InputError(
                f"Nothing of '{layer.name}' is on the screen: press the house button "
                f"below the list of layers to see all of it, or choose {LAYER} instead "
                f"of {VIEW} under Segment."
            )
