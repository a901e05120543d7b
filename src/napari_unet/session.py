"""What the user has chosen and what is running: the model behind every dock."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from psygnal import SignalGroupDescriptor

from napari_unet.core.card import Card, Manifest, read_manifest
from napari_unet.core.config import (
    AnnotationKind,
    Averaging,
    DeviceChoice,
    ModelSettings,
    NetworkConfig,
    Normalisation,
    ObjectConfig,
    PredictionConfig,
    TrainConfig,
)
from napari_unet.core.errors import InputError
from napari_unet.core.model_folders import (
    free_model_folder,
    list_models,
    list_starters,
    models_folder,
)
from napari_unet.core.presets import PRESETS, PresetName, take_training
from napari_unet.fine_tuned import SuitedStart, fine_tune, load_start, new_settings
from napari_unet.jobs import Job, Outcome, Status, Steps
from napari_unet.learned import (
    keep_together,
    network_that_learns,
    take_starter,
    take_trained,
)
from napari_unet.priority import leave_room
from napari_unet.segmented import (
    Box,
    Segmented,
    TileLabels,
    segment_by_tiles,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from napari_unet.core.annotation.live_weight_map import LiveWeightMap
    from napari_unet.core.annotation.target import Example, Region
    from napari_unet.core.image import Image
    from napari_unet.core.training.patches import Batch
    from napari_unet.core.workflow import Preview, TrainProgress, TrainResult
    from napari_unet.watched import Course

NOTHING_ANNOTATED = "Nothing is annotated: paint a few objects in an annotation first."
# What the user calls the jobs of `Session.segment` and `Session.fine_tune`.
SEGMENTING = "Segment"
TRAINING = "Fine-tune"


@dataclass(eq=False)
class Session:
    """State shared by the docks of one viewer. Knows neither Qt nor napari.

    Setting a field tells every listener of ``events.<field>``. The verbs return a `Job`
    that the caller runs, and whose outcome the caller hands to `finish`. One job at a
    time: a second one is refused.
    """

    models_folder: Path = field(default_factory=models_folder)
    model_folder: Path | None = None  # chosen by the user; None: a starter that suits
    suited: Path | None = None  # the starter that suited the last image
    suited_start: SuitedStart | None = None  # what is annotated; None: not looked at
    trained: Path | None = None  # what the last training wrote; None while it runs
    device: DeviceChoice = "auto"
    averaging: Averaging = "none"
    prediction: PredictionConfig = field(default_factory=PredictionConfig)
    preset: PresetName = "fast"
    network: NetworkConfig = PRESETS["fast"].network
    start_from: Path | None = None  # of the next training; None: from scratch
    train_config: TrainConfig = PRESETS["fast"].training
    normalisation: Normalisation = PRESETS["fast"].normalisation
    # Of a new model, along X and Y and, in 3D, Z; None: those of the images.
    pixel_size_um: float | None = None
    pixel_size_z_um: float | None = None
    objects: ObjectConfig = field(default_factory=ObjectConfig)
    annotation: AnnotationKind = "objects"
    class_names: tuple[str, ...] = ("background", "class 1")  # where it is "classes"
    class_colors: dict[str, str] = field(default_factory=dict)  # of coloured labels
    start_is_chosen: bool = False  # what to start from, by the user
    course: Course | None = None  # of the last training, or of the one that runs
    job: Job | None = None
    segmentation: Segmented | None = None

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor(
        equality_operators=dict.fromkeys(
            ("segmentation", "job", "course"), operator.is_
        )
    )

    def __post_init__(self) -> None:
        """Nobody waits for a job yet; what is learned and by what go together."""
        self._on_done: Callable[[Outcome], None] | None = None
        keep_together(self)

    @property
    def is_busy(self) -> bool:
        """Whether a job has begun and was not finished."""
        return self.job is not None

    @property
    def has_model(self) -> bool:
        """Whether there is anything to segment with: a chosen model, or starters."""
        return self.model_folder is not None or bool(self.list_starters())

    @property
    def model_in_use(self) -> Path | None:
        """The chosen model, or else the starter that suited the last image, if any."""
        return self.model_folder or self.suited

    @property
    def learning_network(self) -> NetworkConfig:
        """The network of the next training: of the model to start from, if any."""
        return network_that_learns(self)

    def choose_preset(self, name: PresetName) -> None:
        """Take a preset's settings, but keep the time to train and the user's ridge."""
        preset, left = PRESETS[name], self.preset
        self.preset = name
        self.network = preset.network
        self.normalisation = preset.normalisation
        self.train_config = take_training(name, self.train_config, left)

    def begin(
        self,
        name: str,
        start_steps: Steps,
        on_done: Callable[[Outcome], None] | None = None,
    ) -> Job:
        """Make the one current job.

        Parameters
        ----------
        name : str
            What the user calls it.
        start_steps : callable
            Returns the generator to run, on the job's thread.
        on_done : callable, optional
            Called by `finish` with the outcome.

        Raises
        ------
        InputError
            If another job is not finished.
        """
        if self.job is not None:
            raise InputError(
                f"'{self.job.name}' is still running; wait for it or stop it first."
            )
        self._on_done = on_done
        self.job = Job(name, start_steps)
        return self.job

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Take over what `job` brought; call it once, where the views live."""
        if self.job is not job:
            return
        self.job = None
        on_done, self._on_done = self._on_done, None
        if on_done is not None:
            on_done(outcome)

    # ------------------------------------------------------------------- segment

    def segment(
        self, image: Image, *, box: Box | None = None, planes: Sequence[int] = ()
    ) -> Job:
        """Return the job that segments `image` with the chosen model.

        If none is chosen, with the starter model that suits the image.

        Parameters
        ----------
        image : Image
            The whole image, so that a part of it is normalised like the whole.
        box : tuple of two slices, optional
            Part of each plane to segment; everything by default.
        planes : sequence of int
            Planes of a (C, Z, Y, X) image; all by default.

        Returns
        -------
        Job
            Yields `TileLabels`; its result becomes `segmentation`.

        Raises
        ------
        InputError
            If there is no model or another job runs.
        """
        folder, objects, device = self.model_folder, self.objects, self.device
        averaging, how, colors = self.averaging, self.prediction, self.class_colors
        adjusted_for = self.model_in_use
        if not self.has_model:
            raise InputError(
                "There is no model yet: annotate some objects and fine-tune one, or "
                "open a model folder."
            )
        chosen = tuple(planes) or None

        def start() -> Generator[TileLabels, None, Segmented]:
            return segment_by_tiles(
                image,
                folder,
                objects,
                adjusted_for=adjusted_for,
                class_colors=colors,
                box=box,
                planes=chosen,
                tile=how.tile or None,
                scale=how.scale or "auto",
                averaging=averaging,
                device=device,
            )

        return self.begin(SEGMENTING, start, self._take_segmentation)

    def find_objects(
        self, segmented: Segmented, config: ObjectConfig | None = None
    ) -> Segmented:
        """Find the objects again in cached probabilities, without the network.

        Parameters
        ----------
        segmented : Segmented
            Where the probabilities come from.
        config : ObjectConfig, optional
            `objects` by default.
        """
        return segmented.relabelled(config or self.objects)

    def _take_segmentation(self, outcome: Outcome) -> None:
        if outcome.status is not Status.DONE:
            return
        if outcome.result.starter is not None:
            take_starter(self, outcome.result.starter)
        self.segmentation = outcome.result

    # ----------------------------------------------------------------- fine-tune

    def fine_tune(
        self,
        examples: Sequence[Example],
        *,
        start_from: Path | None = None,
        name: str = "",
        preview: Callable[[], Preview | None] | None = None,
    ) -> Job:
        """Return the job that trains with the settings as they are now.

        Parameters
        ----------
        examples : sequence of Example
            Annotated images.
        start_from : Path, optional
            Model folder to start from; from scratch with `network` by default.
        name : str
            For the new model's folder; the first image's name by default.
        preview : callable, optional
            Asked now and then for the crop to predict while training.

        Returns
        -------
        Job
            Yields ``TrainProgress``, returns ``TrainResult``; when it ends, or is
            stopped, the new folder becomes `trained` and `model_folder`, unless what
            was learned is no better than `start_from`.

        Raises
        ------
        InputError
            If nothing is annotated or another job runs.
        """
        settings = self.settings_for(examples)
        folder = self.new_model_folder(name or examples[0].image.name)
        config, device, preset = self.train_config, self.device, self.preset
        self.trained = None

        def start() -> Generator[TrainProgress, None, TrainResult]:
            return fine_tune(
                examples,
                folder,
                start_from=start_from,
                settings=settings,
                config=config,
                preset=preset,
                device=device,
                preview=preview,
            )

        take = functools.partial(take_trained, self, folder, start_from)
        return self.begin(TRAINING, start, take)

    def settings_for(self, examples: Sequence[Example]) -> ModelSettings:
        """Return the settings of a new model that would learn from these images.

        Raises
        ------
        InputError
            If nothing is annotated.
        """
        if not examples:
            raise InputError(NOTHING_ANNOTATED)
        is_volume = self.network.dimensions == 3
        are_classes = self.annotation == "classes"
        return new_settings(
            examples[0].image,
            self.network,
            class_names=self.class_names if are_classes else ("background", "object"),
            annotation=self.annotation,
            normalisation=self.normalisation,
            objects=self.objects,
            pixel_size_um=self.pixel_size_um,
            pixel_size_z_um=self.pixel_size_z_um if is_volume else None,
        )

    def draw_patches(self, examples: Sequence[Example], seed: int) -> Batch:
        """Return patches as the next training would see them; may take a second.

        Raises
        ------
        InputError
            If nothing is annotated.
        """
        from napari_unet.core import workflow

        settings = self.settings_for(examples)
        leave_room()
        return workflow.draw_patches(
            examples,
            config=self.train_config.replaced(seed=seed),
            start_from=load_start(self.start_from, examples, settings),
            settings=settings,
        )

    # -------------------------------------------------------- weight map, device

    def live_weight_map(
        self, *, regions: Sequence[Region] = (), ignore_label: int | None = None
    ) -> LiveWeightMap:
        """Return what keeps the weight map of a painted plane up to date.

        With the settings of `train_config` at the time of the call.
        """
        from napari_unet.core.annotation.live_weight_map import LiveWeightMap

        return LiveWeightMap(
            self.train_config.weight_map,
            regions=regions,
            ignore_label=ignore_label,
            kind="classes" if self.annotation == "classes" else "objects",
            classes=len(self.class_names) if self.annotation == "classes" else 2,
        )

    def describe_device(self) -> str:
        """Say which device and precision will be used; loads torch, so it is slow."""
        from napari_unet.core import workflow

        leave_room()
        return str(workflow.describe_device(self.device))

    # -------------------------------------------------------------------- models

    def list_models(self) -> list[tuple[Path, Card]]:
        """Return the folders in `models_folder` and their cards, the newest first."""
        return list_models(self.models_folder)

    def list_starters(self) -> list[tuple[Path, Card]]:
        """Return the folders of the starter models and their cards."""
        return list_starters()

    def read_model(self, folder: Path | None = None) -> Manifest | None:
        """Return what a model folder, by default the one in use, says about itself.

        Raises
        ------
        ModelFolderError
            If it is no model folder, or a damaged one.
        """
        folder = folder or self.model_in_use
        return None if folder is None else read_manifest(folder)

    def new_model_folder(self, name: str) -> Path:
        """Return the path of a model folder that does not exist yet."""
        return free_model_folder(self.models_folder, name)
