"""Whether the objects of a stack are compared as bodies or plane by plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox

from napari_unet.evaluated import reach_through_planes

if TYPE_CHECKING:
    from napari.layers import Labels, Layer
    from qtpy.QtWidgets import QWidget


class VolumeChoice(QCheckBox):
    """Proposes what two layers look like, until the user decides for these two.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Objects reach through planes", parent)
        self.setToolTip(
            "Ticked: a number stands for one body through all planes, compared as a "
            "whole. Not ticked: each plane is compared for itself. Proposed where the "
            "same numbers lie over each other in both layers"
        )
        self._pair: tuple[Layer | None, Layer | None] = (None, None)
        self._is_decided = False
        self.clicked.connect(self._on_clicked)

    def propose(self, predicted: Layer | None, true: Layer | None) -> bool:
        """Set itself for these layers; return whether there is anything to choose."""
        if (predicted, true) != self._pair:
            self._pair, self._is_decided = (predicted, true), False
        layers = [
            layer for layer in self._pair if layer is not None and layer.ndim == 3
        ]
        is_stack = len(layers) == len(self._pair)
        if not self._is_decided:
            self.setChecked(is_stack and all(map(_shows_bodies, layers)))
        return is_stack

    def _on_clicked(self) -> None:
        self._is_decided = True


def _shows_bodies(layer: Labels) -> bool:
    """Tell whether a stack's numbers reach through planes, other than through time."""
    if layer.units[0].is_compatible_with("second"):
        return False
    return reach_through_planes(layer.data[0] if layer.multiscale else layer.data)
