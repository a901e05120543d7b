"""The button that takes another zoom than the one just used, and segments again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton, QWidget

from napari_unet.widgets.background import listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_unet.jobs import Job
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
        self._scale = 0.0
        self.setToolTip("Segment again at this zoom (More settings, Zoom)")
        self.hide()
        self.clicked.connect(self._on_clicked)
        listen(session.events.segmentation, self._offer_for)
        listen(session.events.job, self._on_job)

    def _on_job(self, job: Job | None) -> None:
        if job is not None:
            self.hide()

    def _offer_for(self, segmented: Segmented | None) -> None:
        """Show what is offered after a segmentation; nothing after none."""
        zoom = None if segmented is None else segmented.zoom
        chosen = None if segmented is None else segmented.chosen_scale
        proposed = None if zoom is None else zoom.proposed
        self._scale = proposed or 0.0
        self.setText(f"Use zoom {proposed:g}" if proposed else "Use the automatic zoom")
        self.setVisible(proposed is not None or chosen is not None)

    def _on_clicked(self) -> None:
        prediction = self._session.prediction
        self._session.prediction = prediction.replaced(scale=self._scale)
        self._segment_again()
