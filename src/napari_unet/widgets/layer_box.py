"""A box to choose one of the viewer's layers from; it follows the layer list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget
from superqt.utils import signals_blocked

from napari_unet.widgets.chosen import unwrapped

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer


class LayerBox(QComboBox):
    """Choose a layer of one type.

    Keeps its choice while layers are added, renamed, moved or removed; falls back to
    the topmost layer, or to nothing, when its layer is removed.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    kind : type
        Class of the layers.
    nothing : str, optional
        Text of an entry that stands for no layer; without it there is none.
    parent : QWidget, optional
        Qt parent.
    """

    valueChanged = Signal(object)

    def __init__(
        self,
        viewer: napari.Viewer,
        kind: type[Layer],
        *,
        nothing: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._kind, self._nothing = unwrapped(viewer), kind, nothing
        # Long names are cut off instead of widening the dock.
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setMinimumContentsLength(12)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        events = self._viewer.layers.events
        signals = (events.inserted, events.removed, events.reordered, events.renamed)
        for signal in signals:
            signal.connect(self._refresh)
        self.destroyed.connect(
            lambda: [signal.disconnect(self._refresh) for signal in signals]
        )
        self._refresh()
        self.currentIndexChanged.connect(self._on_index_changed)

    def value(self) -> Any:
        """Return the chosen layer, or None."""
        return self.currentData()

    def setValue(self, layer: Layer | None) -> None:
        """Choose a layer; one that is not offered is ignored."""
        index = self._index(layer)
        if index >= 0:
            self.setCurrentIndex(index)

    def _on_index_changed(self, _index: int) -> None:
        self.valueChanged.emit(self.value())

    def _index(self, layer: Layer | None) -> int:
        # Not findData: Qt would compare layers by value, which layers do not support.
        items = range(self.count())
        return next((i for i in items if self.itemData(i) is layer), -1)

    def _refresh(self, _event: object = None) -> None:
        """List the layers anew, topmost first."""
        old = self.value()
        with signals_blocked(self):
            self.clear()
            if self._nothing is not None:
                self.addItem(self._nothing, None)
            for layer in reversed(self._viewer.layers):
                if isinstance(layer, self._kind):
                    self.addItem(layer.name, layer)
            self.setCurrentIndex(max(self._index(old), 0 if self.count() else -1))
        if self.value() is not old:
            self.valueChanged.emit(self.value())
