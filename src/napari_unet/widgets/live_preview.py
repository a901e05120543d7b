"""What the user is looking at, predicted while the network learns."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from napari_unet.core.errors import InputError
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.layers import (
    LayerRole,
    current_plane,
    find_layer,
    image_of,
    is_made_for,
    role_of,
    visible_box,
)
from napari_unet.widgets.overlay import show_overlay

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Layer
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from napari_unet.core.config import Normalisation
    from napari_unet.core.image import Image, IntensityRange
    from napari_unet.core.workflow import Preview
    from napari_unet.segmented import Box

# How often to see where the user looks.
_LOOK_MSEC = 300
# A larger part of the view would take too much time from the training.
_LARGEST_PX = 512
# Foreground shines through; a predicted image takes the place of the image.
_LOOKS: dict[LayerRole, dict[str, Any]] = {
    "preview": {"colormap": "cyan", "blending": "additive", "opacity": 0.3},
    "image preview": {"colormap": "gray"},
}


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A part of an image on the screen."""

    layer: ImageLayer
    image: Image
    plane: int | None
    box: Box


class LivePreview(QObject):
    """Carries the view to a training on another thread, and its predictions back.

    Parameters
    ----------
    viewer : napari.Viewer
        Unwrapped; its chosen image is predicted.
    owner : QWidget
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MSEC)
        self._timer.timeout.connect(self._look)
        # One training asks and answers in turn, so answers come in this order.
        self._asked: deque[_View] = deque()
        self._hidden: list[Layer] = []  # predictions that it would lie under

    def start(
        self, channels: int, normalisation: Normalisation, *, values: bool = False
    ) -> None:
        """Follow the view, for a training that begins now.

        Parameters
        ----------
        channels : int
            Images with another number of channels are not predicted.
        normalisation : str
            Of the model that is trained.
        values : bool
            Whether grey values are predicted, not foreground.
        """
        self._role: LayerRole = "image preview" if values else "preview"
        self._channels, self._normalisation = channels, normalisation
        self._image: tuple[ImageLayer, Image] | None = None
        self._view: _View | None = None
        self._asked.clear()
        self._intensity: tuple[Image, IntensityRange] | None = None
        for layer in self._viewer.layers:
            if role_of(layer) == self._role:
                layer.visible = True  # a segmentation may have hidden it
            if role_of(layer) == "prediction" and layer.visible:
                layer.visible = False  # else it hides what is learned
                self._hidden.append(layer)
        self._look()
        self._timer.start()

    def stop(self) -> None:
        """Look no more, hide what was shown, and let go of the image."""
        self._timer.stop()
        layers = list(self._viewer.layers)
        for layer in layers:
            # What is left of a deleted image stays: napari 0.9.2 cannot draw nothing.
            is_over = any(is_made_for(layer, image) for image in layers)
            if role_of(layer) in _LOOKS and is_over:
                layer.visible = False  # a part of the image, as it was a while ago
        for layer in self._hidden:
            layer.visible = True
        self._hidden = []
        self._image = self._view = self._intensity = None
        self._asked.clear()

    def ask(self) -> Preview | None:
        """Return what to predict. Called by the training, on its thread."""
        from napari_unet.core.image import measure_intensity
        from napari_unet.core.workflow import Preview

        view = self._view
        if view is None:
            return None
        if self._intensity is None or self._intensity[0] is not view.image:
            whole = measure_intensity(view.image, self._normalisation)
            self._intensity = (view.image, whole)
        plane = view.image if view.plane is None else view.image.plane(view.plane)
        part = replace(plane, array=plane.array[(slice(None), *view.box)])
        self._asked.append(view)
        return Preview(part, self._intensity[1])

    def show(self, predicted: NDArray) -> None:
        """Show an answer over the part of the image that was asked for."""
        if not self._asked:  # of a training that was stopped meanwhile
            return
        view = self._asked.popleft()
        if view.layer not in self._viewer.layers:
            return
        is_new = find_layer(self._viewer, view.layer, self._role) is None
        layer = show_overlay(
            self._viewer,
            view.layer,
            self._role,
            predicted,
            plane=view.plane,
            box=view.box,
            contrast_limits=(0, 1),
            **_LOOKS[self._role],
        )
        if is_new and self._role == "preview":
            # On top, where it shines on what is painted: else a wholly painted image
            # hides it.
            layers = self._viewer.layers
            layers.move(layers.index(layer), len(layers))

    def _look(self) -> None:
        """Note where the user is looking."""
        layer = chosen_layers(self._viewer).image
        if layer is None or layer not in self._viewer.layers:
            self._view = None
            return
        if self._image is None or self._image[0] is not layer:
            try:
                self._image = (layer, image_of(layer))
            except InputError:  # it cannot be predicted; the training goes on
                self._view = None
                return
        image = self._image[1]
        if image.channels != self._channels:
            self._view = None
            return
        plane = current_plane(self._viewer, layer)
        self._view = _View(layer, image, plane, _middle(visible_box(layer)))


def _middle(box: Box) -> Box:
    """Return the middle of a box that is too large."""
    rows, columns = (
        slice(start, start + _LARGEST_PX)
        if (start := (axis.start + axis.stop - _LARGEST_PX) // 2) > axis.start
        else axis
        for axis in box
    )
    return rows, columns
