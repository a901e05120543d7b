"""The layers that were compared last, and whether they are still what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Points
from qtpy.QtWidgets import QLabel, QWidget

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_unet.widgets.comparison import Kind

CHANGED = "The layers have changed since; press <b>Compare</b> for new numbers."


class ComparedNote(QLabel):
    """Says that results are of layers that have changed since.

    The results stay, for one may be mending error after error.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(CHANGED, parent)
        self.setWordWrap(True)
        self.hide()
        self._compared: tuple[Any, ...] = ()
        self._watched: list[Any] = []
        self.destroyed.connect(self._let_go)

    def watch(self, kind: Kind, layers: tuple[Layer | None, ...]) -> None:
        """Begin to listen to layers whose copies are about to be compared."""
        self.forget()
        self._compared = (kind, *layers)
        for layer in layers:
            if isinstance(layer, Labels):
                self._watched += [layer.events.paint, layer.events.data]
            elif isinstance(layer, Points):
                self._watched += [layer.events.data, layer.events.features]
        for signal in self._watched:
            signal.connect(self.tell)

    def is_of(self, kind: Kind, layers: tuple[Layer | None, ...]) -> bool:
        """Tell whether this is what was compared."""
        return self._compared == (kind, *layers)

    def forget(self) -> None:
        """Say nothing until something else is compared."""
        self._let_go()
        self._compared = ()
        self.hide()

    def tell(self, _event: object = None) -> None:
        """Say that something has changed, if something was compared."""
        if self._compared:
            self.show()

    def _let_go(self) -> None:
        for signal in self._watched:
            signal.disconnect(self.tell)
        self._watched = []
