"""Choose the image that a network shall learn to predict from the chosen one."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFormLayout, QLabel, QWidget

from napari_unet.core.errors import InputError
from napari_unet.widgets.background import listen, show_problem
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import is_users_image
from napari_unet.widgets.target_layers import set_target

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

NO_TARGET_YET = (
    "Choose what the network shall learn to predict: for example a sharp or noise-free "
    "image of the same ground, or another stain."
)
ITSELF = (
    "An image that predicts itself makes an <b>auto-encoder</b>; to remove noise, set "
    "Noise among the random changes of the patches."
)


class TargetPicker(QWidget):
    """View of the target of the chosen image.

    Parameters
    ----------
    viewer : napari.Viewer
        Unwrapped; its image layers are offered.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen_layers(viewer)
        self._target = LayerCombo(
            viewer, is_users_image, placeholder="Choose an image", can_be_empty=True
        )
        self._target.setToolTip(
            "The image that the network shall predict from the one under Image and "
            "model; it shows the same ground, pixel on pixel"
        )
        self._target.setAccessibleName("Target")
        self._line = QLabel()
        self._line.setWordWrap(True)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addRow("Target", self._target)
        layout.addRow(self._line)
        self._target.layerChanged.connect(self._on_target_chosen)
        for signal in (self._chosen.events.image, self._chosen.events.target):
            listen(signal, self._show)
        self._show()

    def _on_target_chosen(self, layer: ImageLayer | None) -> None:
        image = self._chosen.image
        if image is None:
            return
        try:
            set_target(image, layer)
        except InputError as error:
            show_problem(error)
            self._target.setValue(self._chosen.target)
            return
        self._chosen.target = layer

    def _show(self, _event: object = None) -> None:
        image, target = self._chosen.image, self._chosen.target
        self._target.setValue(target)
        self._target.setEnabled(image is not None)
        if image is None or target is None:
            self._line.setText(NO_TARGET_YET)
        elif target is image:
            self._line.setText(ITSELF)
        else:
            names = (html.escape(layer.name) for layer in (target, image))
            self._line.setText(
                "The network learns to predict <b>{}</b> from <b>{}</b>.".format(*names)
            )
