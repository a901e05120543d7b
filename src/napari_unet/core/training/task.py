"""What is learned from what: examples and settings that agree with each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from napari_unet.core.annotation.target import Example
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.prediction.channels import pick_channels
from napari_unet.core.training.examples import (
    check_examples,
    complete_settings,
    fit_dimensions,
)
from napari_unet.core.training.kind import (
    balance_points,
    check_kind,
    name_point_classes,
)
from napari_unet.core.training.values import check_values, complete_values
from napari_unet.core.training.zoom import fit_zoom


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a training is given.

    Parameters
    ----------
    examples : list of Example
        Planes or volumes, with the channels that the model reads.
    settings : ModelSettings
        Of the model, with the pixel size and the classes of the examples.
    config : TrainConfig
        How to train.
    note : str
        A sentence about what was decided for the user; often nothing.
    """

    examples: list[Example]
    settings: ModelSettings
    config: TrainConfig
    note: str = ""

    @classmethod
    def of(
        cls,
        examples: Sequence[Example],
        config: TrainConfig,
        settings: ModelSettings | None,
        start_from: Model | None,
    ) -> "Task":
        """Check examples and settings, and fill in what the examples say.

        Parameters
        ----------
        examples : sequence of Example
            As they were read.
        config : TrainConfig
            How to train.
        settings : ModelSettings, optional
            Of a new model.
        start_from : Model, optional
            The model to go on from; then its settings count.

        Raises
        ------
        InputError
            If they do not go together, or cannot be learned from.
        """
        config = balance_points(config, examples)
        if start_from is not None:
            settings = start_from.settings
        else:
            settings = name_point_classes(settings, examples, config.point_radius)
        settings = settings or ModelSettings()
        check_kind(examples, settings)
        check_values(examples, settings, config)
        fitting = fit_dimensions(examples, settings.network.dimensions)
        check_examples(fitting, settings.annotation)
        settings = complete_settings(settings, fitting, new=start_from is None)
        if settings.annotation == "values" and start_from is None:
            settings = complete_values(settings, fitting)
        settings, note = fit_zoom(settings, fitting)
        picked = [replace(e, image=pick_channels(e.image, settings)) for e in fitting]
        return cls(picked, settings, config, note)
