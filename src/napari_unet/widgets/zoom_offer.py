"""The button that takes another zoom than the one just used, and segments again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton, QWidget

from napari_unet.widgets.background import listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_unet.session import Session


class ZoomOffer(QPushButton):
    """View of the zoom of a segmentation: offers another one where there is reason to.

    That is the zoom that objects ask for where the pixel sizes ask for another one, or
    the automatic one where the user had chosen it.

    Parameters
    ----------
    session : Session
        Whose zoom is changed.
    segment_again : callable
        Called when it was.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self,
        session: Session,
        segment_again: Callable[[], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._segment_again = session, segment_again
        self._scale, self._is_offered = 0.0, False
        self.setToolTip("Segment again at this zoom (More settings, Zoom)")
        self.hide()
        self.clicked.connect(self._on_clicked)
        listen(session.events.job, self._show)

    def showFor(self, proposed: float | None, *, is_chosen: bool) -> None:
        """Offer the proposed zoom, or the automatic one where the user chose another.

        Nothing where neither is so, or while a job runs.
        """
        self._scale = proposed or 0.0
        self._is_offered = proposed is not None or is_chosen
        self.setText(f"Use zoom {proposed:g}" if proposed else "Use the automatic zoom")
        self._show()

    def _show(self, _event: object = None) -> None:
        self.setVisible(self._is_offered and not self._session.is_busy)

    def _on_clicked(self) -> None:
        prediction = self._session.prediction
        self._session.prediction = prediction.replaced(scale=self._scale)
        self._segment_again()
