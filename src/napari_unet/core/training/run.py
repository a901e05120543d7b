"""A training and the folder it is saved in; a look at what the user is looking at."""

import importlib.metadata
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import Card, now
from napari_unet.core.checkpoint import Model, save_model, save_regions
from napari_unet.core.config import ModelSettings
from napari_unet.core.device import Compute
from napari_unet.core.evaluation.detection import AnyScores
from napari_unet.core.image import Image, IntensityRange, measure_intensity
from napari_unet.core.memory import give_back, is_memory_shortage
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.channels import pick_channels, pick_intensity
from napari_unet.core.prediction.plane import predict_plane
from napari_unet.core.training.clock import TrainProgress
from napari_unet.core.training.command import repeat_command
from napari_unet.core.training.examples import count_objects
from napari_unet.core.training.origin import Origin
from napari_unet.core.training.shortage import note_shortage
from napari_unet.core.training.state import Training

# A crash loses at most this much of a training, in seconds.
_SAVE_EVERY = 30.0
# The view is predicted again at most this often, in seconds.
_LOOK_EVERY = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What the user is looking at while the network learns.

    Parameters
    ----------
    image : Image
        A (C, Y, X) part of an image.
    intensity : IntensityRange, optional
        Of the whole image; by default measured on the part.
    """

    image: Image
    intensity: IntensityRange | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """How a training ended.

    Parameters
    ----------
    model : Model
        With the best weights.
    before, after : Scores, DetectionScores, ValueScores or None
        Of the starting model, with the way of making objects that suits it best, and of
        `model`, on the validation part; None where there was none.
    iterations, seconds : int, float
        Taken.
    compute : str
        Device and precision.
    kept_start : bool
        Whether what was learned was no better, so that the model is the one that it
        started from; `use_learned` takes the other all the same.
    """

    model: Model
    before: AnyScores | None
    after: AnyScores | None
    iterations: int
    seconds: float
    loss: float
    compute: Compute
    kept_start: bool = False


class Run:
    """A training and the folder it is saved in."""

    def __init__(
        self,
        training: Training,
        settings: ModelSettings,
        folder: Path,
        origin: Origin | None,
        preset: str,
        examples: Sequence[Example],
        learned_from: Sequence[Example],
        reading: Sequence[str] = (),
        regions: Mapping[str, Sequence[Region]] | None = None,
        before_save: Callable[[], None] | None = None,
    ) -> None:
        self._before_save = before_save
        self._training = training
        self._settings = settings
        self._folder = folder
        self._regions = regions or {}
        self._saved_at = time.perf_counter()
        self._card = Card(
            name=folder.name,
            trained_on=tuple(dict.fromkeys(e.image.name for e in learned_from)),
            objects=sum(count_objects(e) for e in learned_from),
            started_from=None if origin is None else origin.name,
            start_place="" if origin is None else origin.place,
            new_classes=() if origin is None else origin.new_classes,
            preset=preset,
            command=repeat_command(
                folder,
                examples,
                settings,
                training.config,
                None if origin is None else origin.place or origin.name,
                reading,
            ),
            training=training.config,
            own_objects=settings.objects,
            device=training.compute.describe(),
            versions={
                name: importlib.metadata.version(name)
                for name in ("napari-unet-live", "torch", "numpy")
            },
        )

    def note_validation(self, said: str) -> None:
        """Note on what ground the model is validated."""
        self._card = self._card.replaced(validation=said)

    def end(self) -> None:
        """Note that the training has come to its end, measurement and all."""
        self._card = self._card.replaced(ended=True)

    def save_now_and_then(self, progress: TrainProgress) -> None:
        """Save after a new best, and at least every half minute."""
        overdue = time.perf_counter() - self._saved_at > _SAVE_EVERY
        if overdue or (progress.validation is not None and progress.is_best):
            self._saved_at = time.perf_counter()  # also where that fails
            self.save()

    def save(self) -> None:
        """Save the best weights, and the last ones with the optimizer's state."""
        training = self._training
        if self._before_save is not None:
            self._before_save()
            self._before_save = None
        save_model(
            self._folder,
            self._tuned(),
            self.card(),
            training.weights,
            training.state(),
        )
        save_regions(self._folder, self._regions)

    def _tuned(self) -> ModelSettings:
        """Return the settings with the way of making objects that validated best."""
        objects = self._training.objects or self._settings.objects
        return self._settings.replaced(objects=objects.model_dump())

    def card(self) -> Card:
        """Return the card as of now."""
        training = self._training
        start, scores = training.start, training.scores
        command = self._card.command
        # Another machine, or another hour, takes other steps in the same time.
        if training.config.iterations is None and training.iteration:
            command += f" --iterations {training.iteration}"
        return self._card.replaced(
            command=command,
            created=now(),
            device=training.compute.describe(),
            shortages=training.shortages,
            iterations=training.iteration,
            seconds=round(training.seconds, 2),
            measuring=round(training.measuring, 2),
            loss=None if math.isnan(training.loss) else training.loss,
            scores_before=None if start is None else start.scores.as_dict(),
            scores=None if scores is None else scores.as_dict(),
            learned=self._learned(),
            history=[entry.model_dump() for entry in training.history],
        )

    def _learned(self) -> dict[str, Any] | None:
        """Return what was learned, if that was no better than what was there before."""
        training = self._training
        scores, settled = training.learned_scores, training.settled
        if scores is None or not training.keeps_start:
            return None
        objects = self._settings.objects if settled is None else settled.objects
        return {"scores": scores.as_dict(), "objects": objects.model_dump()}

    def result(self) -> TrainResult:
        """Return the model with its best weights."""
        training = self._training
        network = build_network(self._settings.network)
        network.load_state_dict(training.weights)
        model = Model(network.eval(), self._tuned(), self.card(), self._folder)
        return TrainResult(
            model=model,
            before=None if training.start is None else training.start.scores,
            after=training.scores,
            iterations=training.iteration,
            seconds=training.seconds,
            loss=training.loss,
            compute=training.compute,
            kept_start=training.keeps_start,
        )


class Look:
    """Predicts what the user is looking at, not too often."""

    def __init__(
        self,
        preview: Callable[[], Preview | None],
        training: Training,
        settings: ModelSettings,
    ) -> None:
        self._preview = preview
        self._training = training
        self._settings = settings
        self._looked_at = -math.inf

    def __call__(self) -> np.ndarray | None:
        """Return what is predicted in the current view, from 0 to 1, or None.

        That is the probability of foreground; of values, where they lie in their range.
        """
        if time.perf_counter() - self._looked_at < _LOOK_EVERY:
            return None
        if self._settings.network.dimensions == 3:  # one plane says too little
            return None
        request = self._preview()
        if request is None:
            return None
        intensity = request.intensity or measure_intensity(
            request.image, self._settings.normalisation
        )
        intensity = pick_intensity(intensity, request.image, self._settings)
        try:
            image = pick_channels(request.image, self._settings)
            seen = self._predict(image, intensity)
        except (MemoryError, RuntimeError) as error:
            if not is_memory_shortage(error):
                raise
            give_back(error, self._training.compute.device)
            note_shortage(
                self._training, "to show what is learned, even in the smallest tiles"
            )
            return None
        finally:
            self._looked_at = time.perf_counter()
        return (seen + 1) / 2 if self._settings.annotation == "values" else 1 - seen

    def _predict(self, image: Image, intensity: IntensityRange) -> np.ndarray:
        """Return the first map that is predicted, (Y, X)."""
        steps = predict_plane(
            self._training.network,
            image,
            intensity,
            self._settings,
            self._training.compute,
            room=self._training.room,
        )
        while True:
            try:
                self._training.tell(next(steps).news)
            except StopIteration as end:
                first: np.ndarray = end.value[0]
                return first
