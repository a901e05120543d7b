"""What a training tells whoever is watching, and the time it has."""

import math
import time
from dataclasses import dataclass

import numpy as np

from napari_unet.core.evaluation.detection import AnyScores
from napari_unet.core.training.state import Training

# Validation may take this share of a training for a time; then it waits for the end.
_VALIDATION_SHARE = 0.1
# The last validation, and choosing how objects are made, take so many times as long
# where no start was judged in the same way before.
_SETTLING = 8
# This share of the time is for steps, however long judging takes.
_LEAST_SHARE = 0.5
# A validation that takes more of that than this waits for the end.
_LONG = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class TrainProgress:
    """What one step tells whoever is watching.

    Parameters
    ----------
    phase : str
        ``preparing``, ``training`` or ``validating``.
    iteration : int
        Optimizer steps taken.
    iterations : int or None
        Steps to take; None where time is the limit.
    seconds, seconds_total : float, float or None
        Time trained so far, and the limit.
    loss : float
        Running mean of the weighted cross-entropy.
    validation : Scores, DetectionScores or ValueScores, optional
        Only right after a validation.
    validation_loss : float
        Of that validation, on the held-back ground; else NaN.
    validated : str
        What that validation was of, if not of the weights of this iteration.
    is_best : bool
        Whether the weights of that validation are the ones to keep so far: the best of
        those learned, and better than the model to start from.
    preview : ndarray of float32, shape (Y, X), optional
        What is predicted where the user is looking, see `run.Look`.
    patch : str
        Once, before the first step: the size of the patches, and of what the network
        makes of them.
    memory : str
        With it: how much memory a step will take, estimated.
    note : str
        A sentence about what was decided in the beginning, or done about too little
        memory; mostly nothing.
    ground : str
        Once, before the first step: on what it is validated.
    part, parts : int
        Which training this is, counted from 0, of how many: the model's, then, to leave
        each image or region out, one for each.
    """

    phase: str
    iteration: int
    iterations: int | None
    seconds: float
    seconds_total: float | None
    loss: float = math.nan
    validation: AnyScores | None = None
    validation_loss: float = math.nan
    validated: str = ""
    is_best: bool = False
    preview: np.ndarray | None = None
    patch: str = ""
    memory: str = ""
    note: str = ""
    ground: str = ""
    part: int = 0
    parts: int = 1

    @property
    def fraction(self) -> float:
        """How much of all trainings is done, 0 to 1."""
        return (self.part + self._of_part) / self.parts

    @property
    def seconds_left(self) -> float | None:
        """How long all trainings will still take; None before the first step."""
        if self._of_part == 0:
            return None
        of_one = self.seconds / self._of_part
        return of_one * (self.parts - self.part - self._of_part)

    @property
    def _of_part(self) -> float:
        """How much of this training is done, 0 to 1."""
        if self.iterations is not None:
            return min(1.0, self.iteration / self.iterations)
        return min(1.0, self.seconds / (self.seconds_total or math.inf))


class Clock:
    """Counts time from when it is made, and says when it is over.

    All of it counts: judging the start, steps, validations and what is done in the end.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self._start = time.perf_counter() - training.seconds
        self._begun = training.seconds
        self._judging = 0.0  # seconds that judging the start took
        self._validating = 0.0  # seconds spent
        self._last_validation = 0.0  # seconds the last one took

    def has_judged(self) -> None:
        """Note that the start is judged, as what is learned will be in the end."""
        self._judging = self.read() - self._begun

    def begin_steps(self) -> None:
        """Note that what was done up to now were no steps."""
        judging = self.read() - self._begun
        self._training.aside += judging
        self._training.measuring += judging

    def has_stopped(self, since: float) -> None:
        """Note that since then no steps were taken, but use was made of them."""
        self._training.aside += self.read() - since
        self.has_settled(since)

    def has_settled(self, since: float) -> None:
        """Note that since then it was measured what the training has come to."""
        self._training.measuring += self.read() - since

    def fraction(self) -> float:
        """Return how much of the steps is done, 0 to 1."""
        training, seconds = self._training, self.read()
        if training.config.iterations is not None:
            return min(1.0, training.iteration / training.config.iterations)
        return min(1.0, (seconds - training.aside) / self._time_for_steps())

    def is_over(self) -> bool:
        """Whether to stop, leaving time for a last validation and what follows."""
        return self.fraction() >= 1

    def _time_for_steps(self) -> float:
        """Return what is left for steps besides all else."""
        training = self._training
        seconds = training.config.seconds or 0.0
        settling = _SETTLING * self._last_validation
        if self._judging:
            validations = 2 if training.start is not None else 1
            settling = self._judging + validations * self._last_validation
        left = seconds - settling - training.aside
        return max(left, _LEAST_SHARE * seconds, 1e-6)

    def may_validate(self) -> bool:
        """Whether validation has taken no more than its share of the time.

        A training of so many iterations is to be repeated exactly: there it always may.
        """
        if self._training.config.iterations is not None:
            return True
        expected = self._last_validation or self._judging
        if expected > _LONG * self._time_for_steps():
            return False
        return self._validating <= _VALIDATION_SHARE * self.read()

    def has_validated(self, seconds: float) -> None:
        """Note what a validation took."""
        self._validating += seconds
        self._training.aside += seconds
        self._training.measuring += seconds
        self._last_validation = seconds

    def read(self) -> float:
        """Return the seconds of the training so far, and note them."""
        self._training.seconds = time.perf_counter() - self._start
        return self._training.seconds

    def progress(
        self,
        phase: str,
        *,
        validation: AnyScores | None = None,
        validation_loss: float = math.nan,
        validated: str = "",
        is_best: bool = False,
        preview: np.ndarray | None = None,
    ) -> TrainProgress:
        """Return how things stand."""
        training = self._training
        return TrainProgress(
            phase=phase,
            iteration=training.iteration,
            iterations=training.config.iterations,
            seconds=self.read(),
            seconds_total=training.config.seconds,
            loss=training.loss,
            validation=validation,
            validation_loss=validation_loss,
            validated=validated,
            is_best=is_best,
            preview=preview,
            note=training.news(),
        )
