"""The course of a training so far, for a dock that is opened while it runs, or after.

No torch when imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_unet.jobs import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_unet.core.config import Normalisation, ObjectConfig
    from napari_unet.core.evaluation.detection import AnyScores
    from napari_unet.core.history import HistoryEntry
    from napari_unet.core.workflow import TrainProgress
    from napari_unet.jobs import Job

# Iteration, loss, what a validation found, and what that cost.
Point = tuple[int, float, "AnyScores | None", float]


@dataclass(eq=False)
class Course:
    """What a training has told, kept as long as its session.

    Parameters
    ----------
    class_names, class_values : sequence
        Of the model; see `TrainingCurves.nameClasses`.
    channels : int
        Of the images.
    normalisation : str
        Of the model.
    values : bool
        Whether another image is learned.
    objects : ObjectConfig
        How objects were made before.
    history : sequence of HistoryEntry
        Of a training that goes on.
    """

    class_names: Sequence[str]
    class_values: Sequence[int | str]
    channels: int
    normalisation: Normalisation
    values: bool
    objects: ObjectConfig
    history: Sequence[HistoryEntry] = ()
    points: list[Point] = field(default_factory=list)
    last: TrainProgress | None = None
    note: str = ""
    outcome: Outcome | None = None  # without its result

    def follow(self, job: Job) -> None:
        """Keep what a job tells, on whichever thread."""
        job.progressed.connect(self._on_progressed)
        job.ended.connect(self._on_ended)

    def _on_progressed(self, progress: TrainProgress) -> None:
        self.last = replace(progress, preview=None)
        self.note = progress.note or self.note
        if (point := point_of(progress)) is not None:
            self.points.append(point)

    def _on_ended(self, outcome: Outcome) -> None:
        self.outcome = Outcome(outcome.status, error=outcome.error)


def point_of(progress: TrainProgress) -> Point | None:
    """Return what a curve shows of a step; None of one that leaves something out."""
    if progress.part != 0:
        return None
    if progress.phase != "training" and progress.validation is None:
        return None
    return (
        progress.iteration,
        progress.loss,
        progress.validation,
        progress.validation_loss,
    )
