"""The button that segments, detects or predicts, as the model does, and stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton

from napari_unet.session import SEGMENTING

if TYPE_CHECKING:
    from napari_unet.core.config import AnnotationKind
    from napari_unet.jobs import Job

_VERBS: dict[AnnotationKind, tuple[str, str]] = {
    "points": ("Detect", "Set a point on each object that the chosen model finds"),
    "values": ("Predict", "Predict the grey values that the chosen model has learned"),
}
_SEGMENT = "Segment", "Find the objects with the chosen model"


class SegmentButton(QPushButton):
    """Starts what the model in use does, and stops it once it runs."""

    def __init__(self) -> None:
        super().__init__(_SEGMENT[0])
        self.setMinimumHeight(36)
        self.setToolTip(_SEGMENT[1])

    def showState(self, job: Job | None, kind: AnnotationKind, *, ready: bool) -> None:
        """Offer to start, to stop, or nothing while another job runs.

        Parameters
        ----------
        job : Job or None
            What runs.
        kind : str
            What the model in use has learned.
        ready : bool
            Whether there are an image and a model.
        """
        mine = job is not None and job.name == SEGMENTING
        verb, purpose = _VERBS.get(kind, _SEGMENT)
        self.setText("Stop" if mine else verb)
        if job is not None and mine:
            self.setEnabled(not job.is_cancelling)
        else:
            self.setEnabled(job is None and ready)
        if job is not None and not mine:
            purpose = f"'{job.name}' is running: wait for it or stop it first"
        self.setToolTip(purpose)
