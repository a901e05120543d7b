"""A training as the docks start it: from a model folder, on the job's own thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.setting_errors import explain_setting
from napari_unet.inspected import refuse_faults
from napari_unet.priority import leave_room

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_unet.core.card import Manifest
    from napari_unet.core.config import DeviceChoice
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Example, Model, TrainProgress, TrainResult


@dataclass(frozen=True, slots=True)
class SuitedStart:
    """The starter model that suits an annotated image, to start a training from.

    Parameters
    ----------
    folder : Path or None
        Its model folder; None where there is none to start from.
    image : str
        The name of the image.
    why : str
        This one and no other, or none; for people.
    """

    folder: Path | None
    image: str
    why: str


def suit_start(image: Image, device: DeviceChoice) -> SuitedStart:
    """Return the starter model that suits an image; looks at it, so it is slow."""
    from napari_unet.core import workflow

    leave_room()
    try:
        choice = workflow.choose_starter(image, device)
    except InputError as error:
        return SuitedStart(None, image.name, str(error))
    if choice.model.settings.channels:  # it was looked for in one of several
        why = f"no starter model learns from {image.channels} channels"
        return SuitedStart(None, image.name, why)
    return SuitedStart(choice.model.folder, image.name, choice.why)


def new_settings(
    image: Image,
    network: NetworkConfig,
    *,
    class_names: tuple[str, ...],
    **settings: Any,
) -> ModelSettings:
    """Return the settings of a model to be trained from scratch.

    Parameters
    ----------
    image : Image
        Gives the channels.
    network : NetworkConfig
        With other channels and classes, perhaps.
    class_names : tuple of str
        Background first.
    **settings
        The other fields of `ModelSettings`.
    """
    network = network.replaced(in_channels=image.channels, classes=len(class_names))
    return ModelSettings(
        network=network,
        class_names=class_names,
        channels=image.channel_names,
        **settings,
    )


def settings_to_learn(settings: ModelSettings, model: Manifest | None) -> ModelSettings:
    """Return the settings of the model that will learn.

    Parameters
    ----------
    settings : ModelSettings
        Of a new model, with the classes that are annotated now.
    model : Manifest, optional
        Of the model to start from: then its network learns, with these classes.

    Raises
    ------
    InputError
        If that network cannot learn what is annotated.
    """
    if model is None:
        return settings
    try:
        classes = settings.network.classes
        network = model.settings.network.replaced(classes=classes)
        return settings.replaced(network=network.model_dump())
    except ValidationError as error:
        said = explain_setting(error, ModelSettings)[1]
        raise InputError(
            f"The model to start from, '{model.card.name}', cannot learn this: {said}. "
            "Start from scratch, or from a model of the same kind."
        ) from error


def fine_tune(
    examples: Sequence[Example],
    folder: Path,
    *,
    start_from: Path | None,
    settings: ModelSettings,
    config: TrainConfig,
    **options: Any,
) -> Generator[TrainProgress, None, TrainResult]:
    """Load the model to start from, if any, and train.

    Parameters
    ----------
    examples : sequence of Example
        Annotated images.
    folder : Path
        The model folder to write.
    start_from : Path, optional
        The model folder to start from; it goes on with the classes of `settings`, or
        with its own where points name theirs.
    settings : ModelSettings
        Of a new model.
    config : TrainConfig
        How to train.
    **options
        The other arguments of `core.workflow.fine_tune`.
    """
    from napari_unet.core import workflow

    leave_room()
    model = load_start(start_from, examples, settings)
    learns = settings if model is None else model.settings
    refuse_faults(examples, learns, config)
    result = yield from workflow.fine_tune(
        examples,
        folder,
        start_from=model,
        settings=settings,
        config=config,
        **options,
    )
    return result


def load_start(
    folder: Path | None, examples: Sequence[Example], settings: ModelSettings
) -> Model | None:
    """Return the model to start from, if any, with the classes it will learn."""
    if folder is None:
        return None
    from napari_unet.core import workflow

    model = workflow.load_model(folder)
    if any(example.points is not None for example in examples):
        return model
    return _with_classes(model, settings)


def _with_classes(model: Model, settings: ModelSettings) -> Model:
    """Return a model with the classes of `settings`; itself, if it has these."""
    old = model.settings
    if old.annotation == settings.annotation and (
        old.annotation == "objects" or old.class_names == settings.class_names
    ):
        return model
    from napari_unet.core.training.class_change import change_classes

    return change_classes(model, settings.class_names, annotation=settings.annotation)
