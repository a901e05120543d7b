"""What `check` says about ground left unpainted: the same as a training would."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_unet.cli.classes import check_same_channels
from napari_unet.cli.training_options import make_settings, open_start, with_classes
from napari_unet.core.config import AnnotationKind, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.presets import Preset, TrainingSettings

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Callable, Generator

    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.workflow import Example, Model

    Ground = tuple[list[Example], list[Finding]]


@dataclass(frozen=True)
class Learner:
    """What would learn from the images that are checked.

    Parameters
    ----------
    base : TrainingSettings
        Of a preset, with the options of `check`.
    start : Model, optional
        The model to start from, whose network learns then.
    """

    base: TrainingSettings
    start: "Model | None"

    @classmethod
    def of(
        cls,
        name: str | None,
        preset: Preset,
        channels: tuple[int, ...],
        **options: object,
    ) -> "Learner":
        """Open the model to start from, if one is named.

        Parameters
        ----------
        name : str, optional
            As of `train --start-from`.
        preset : Preset
            Of a training.
        channels : tuple of int
            Which are read of each image; those of the model, if any are named.
        **options
            Settings of the training; None leaves those of the preset.
        """
        start = open_start(name, resume=False)
        if start is not None:
            check_same_channels(start, channels)
        given = {name: value for name, value in options.items() if value is not None}
        base = TrainingSettings(
            network=preset.network,
            training=preset.training.replaced(**given),
            normalisation=preset.normalisation,
        )
        return cls(base, start)

    @property
    def network(self) -> NetworkConfig:
        """The network that learns."""
        start = self.start
        return self.base.network if start is None else start.settings.network

    @property
    def channels(self) -> tuple[int | str, ...]:
        """Those that the model to start from reads; none if it says nothing."""
        return () if self.start is None else self.start.settings.channels

    @property
    def takes_planes(self) -> bool:
        """Whether the model to start from takes planes as channels."""
        return self.start is not None and self.start.settings.planes_as_channels

    @property
    def training(self) -> TrainConfig:
        """How it learns."""
        return self.base.training

    def look_at_ground(
        self,
        examples: "list[Example]",
        kind: AnnotationKind,
        drive: "Callable[[Generator[float, None, Ground]], Ground]",
    ) -> "Ground":
        """Ask what was left unpainted, as a training would; see `inspect_unpainted`.

        What this learner cannot learn at all is an error among the findings.
        """
        from napari_unet.inspected import fault_of, inspect_unpainted

        if kind != "objects" or not examples:
            return examples, []
        try:
            start = with_classes(self.start, None, kind, None, self.training.seed)
            if start is not None:  # the images have its channels already
                settings = start.settings.replaced(channels=())
                start = replace(start, settings=settings)
            settings = make_settings(self.base, self.base.network, kind, None, ())
            return drive(
                inspect_unpainted(examples, settings, self.training, start_from=start)
            )
        except InputError as error:
            return examples, [fault_of(error, examples[0].image.name)]
