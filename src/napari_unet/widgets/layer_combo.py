"""A combo box of the viewer's layers that keeps up with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from superqt.utils import signals_blocked

from napari_unet.widgets.chosen import unwrapped
from napari_unet.widgets.elided_combo import ElidedCombo

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget


class LayerCombo(ElidedCombo):
    """Choose one of the viewer's layers; the newest comes first.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    accepts : callable
        Tells which layers to offer.
    placeholder : str
        Shown while no layer is chosen.
    can_be_empty : bool
        Whether the placeholder may be chosen, and is at first. Otherwise the newest
        layer is taken as soon as there is one.
    parent : QWidget, optional
        Qt parent.
    """

    layerChanged = Signal(object)

    def __init__(
        self,
        viewer: napari.Viewer,
        accepts: Callable[[Layer], bool],
        *,
        placeholder: str,
        can_be_empty: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        viewer = unwrapped(viewer)
        self._viewer, self._accepts = viewer, accepts
        self._placeholder, self._can_be_empty = placeholder, can_be_empty
        self._offered: list[Layer | None] = []
        self._value: Layer | None = None
        events = viewer.layers.events
        signals = (events.inserted, events.removed, events.reordered, events.renamed)
        for signal in signals:
            signal.connect(self.refresh)
        self.destroyed.connect(
            lambda: [signal.disconnect(self.refresh) for signal in signals]
        )
        self.currentIndexChanged.connect(self._on_chosen)
        self.refresh()

    def value(self) -> Layer | None:
        """Return the chosen layer."""
        return self._value

    def setValue(self, layer: Layer | None) -> None:
        """Show `layer`; emits nothing."""
        self._value = layer
        self._show()

    def refresh(self, event: Any = None) -> None:
        """Offer the layers that there are now."""
        old = self._value
        self._show()
        if self._value is not old:
            self.layerChanged.emit(self._value)

    def _show(self) -> None:
        offered = [
            layer for layer in reversed(self._viewer.layers) if self._accepts(layer)
        ]
        if self._value not in offered:
            self._value = None if self._can_be_empty or not offered else offered[0]
        empty = [None] if self._can_be_empty or not offered else []
        self._offered = [*empty, *offered]
        with signals_blocked(self):
            self.clear()
            for layer in self._offered:
                self.addItem(self._placeholder if layer is None else layer.name)
            self.setCurrentIndex(self._offered.index(self._value))
        self.setEnabled(bool(offered))

    def _on_chosen(self, index: int) -> None:
        self._value = self._offered[index] if index >= 0 else None
        self.layerChanged.emit(self._value)
