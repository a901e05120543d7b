"""The button that takes another zoom than the one just used, and segments again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QPushButton, QWidget

if TYPE_CHECKING:
    from napari_unet.segmented import Segmented
    from napari_unet.session import Session


class ZoomOffer(QPushButton):
    """View of the zoom of a segmentation: offers another one where there is reason to.

    That is the zoom that objects ask for where the pixel sizes ask for another one, or
    the automatic one where the user had chosen it.

    Parameters
    ----------
    session : Session
        Whose zoom is changed.
    parent : QWidget, optional
        Qt parent.
    """

    taken = Signal()  # the zoom of the session is another one now

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._scale = 0.0
        self.hide()
        self.clicked.connect(self._on_clicked)

    def offerFor(self, segmented: Segmented | None) -> None:
        """Show what is offered after a segmentation; nothing after none."""
        zoom = None if segmented is None else segmented.zoom
        chosen = None if segmented is None else segmented.chosen_scale
        proposed = None if zoom is None else zoom.proposed
        self._scale = proposed or 0.0
        self.setText(f"Use zoom {proposed:g}" if proposed else "Use the automatic zoom")
        self.setToolTip("Segment again at this zoom (More settings, Zoom)")
        self.setVisible(proposed is not None or chosen is not None)

    def _on_clicked(self) -> None:
        prediction = self._session.prediction
        self._session.prediction = prediction.replaced(scale=self._scale)
        self.taken.emit()
