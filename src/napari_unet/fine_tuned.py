"""A training as the docks start it: from a model folder, on the job's own thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_unet.core.card import SETTINGS_FILE, read_manifest
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.setting_errors import explain_setting
from napari_unet.inspected import refuse_faults
from napari_unet.priority import leave_room

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_unet.core.card import Manifest
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Example, Model, TrainProgress, TrainResult
    from napari_unet.jobs import Job, Outcome
    from napari_unet.session import Session


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


def take_trained(
    session: Session, folder: Path, start_from: Path | None, _outcome: Outcome
) -> None:
    """Use what a training has written, also after Stop, and after an error.

    Where it was worse than the model it started from, that one stays in use, with the
    way of making objects that suits it on the images annotated now.

    Parameters
    ----------
    session : Session
        Its `trained` becomes the folder, if there is one, and its `model_folder` as
        said.
    folder : Path
        Where the training was to write.
    start_from : Path, optional
        The model folder that it started from.
    """
    if not (folder / SETTINGS_FILE).exists():
        return
    session.trained = folder
    manifest = None if start_from is None else read_manifest(folder)
    if manifest is None or manifest.card.learned is None:
        session.model_folder = folder
        return
    if session.model_in_use != start_from:
        session.model_folder = start_from
    session.objects = manifest.settings.objects


def use_learned(session: Session, folder: Path) -> Job:
    """Return the job that takes what was learned, although it was worse.

    Parameters
    ----------
    session : Session
        Its `model_folder` becomes the folder.
    folder : Path
        What the training has written.

    Raises
    ------
    InputError
        If another job runs.
    """

    def start() -> Generator[None, None, None]:
        from napari_unet.core import workflow

        yield
        workflow.use_learned(folder)

    def take(outcome: Outcome) -> None:
        if outcome.error is None:
            session.model_folder = folder

    return session.begin("Use what was learned", start, take)


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
