"""A stopped training goes on: how long, whether it can, and the job that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.core.card import Card, Manifest, read_manifest
from napari_unet.core.errors import InputError
from napari_unet.core.model_folders import find_start
from napari_unet.learned import take_trained
from napari_unet.priority import leave_room
from napari_unet.session import NOTHING_ANNOTATED, TRAINING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from napari_unet.core.annotation.target import Example
    from napari_unet.core.config import AnnotationKind, TrainConfig
    from napari_unet.core.workflow import Preview, TrainProgress, TrainResult
    from napari_unet.jobs import Job, Outcome
    from napari_unet.session import Session

# Less is not worth a start.
_LEAST_SECONDS = 1.0


def to_its_end(card: Card) -> TrainConfig | None:
    """Return the settings with which a training goes on to its end.

    None if it has reached it, or if its folder does not tell its settings.

    Parameters
    ----------
    card : Card
        Of the model folder.
    """
    config = card.training
    # One for a time ends before its last second, so that it can validate.
    if config is None or card.ended:
        return None
    if card.is_unmeasured:  # perhaps that is all that is left to do
        return config
    if config.iterations is not None:
        return config if card.iterations < config.iterations else None
    left = (config.seconds or 0) - card.seconds
    return config if left >= _LEAST_SECONDS else None


def for_another(card: Card, amount: TrainConfig) -> TrainConfig | None:
    """Return the settings with which a training goes on for more seconds or steps.

    None if its folder does not tell its settings.

    Parameters
    ----------
    card : Card
        Of the model folder; all settings but its length are its own.
    amount : TrainConfig
        Its seconds or iterations come on top of those taken.
    """
    if card.training is None:
        return None
    if amount.iterations is not None:
        steps = card.iterations + amount.iterations
        return card.training.replaced(iterations=steps, seconds=None)
    seconds = card.seconds + (amount.seconds or 0)
    return card.training.replaced(iterations=None, seconds=seconds)


def check_annotation(
    manifest: Manifest, annotation: AnnotationKind, class_names: Sequence[str]
) -> None:
    """Refuse to go on with a training that learned something else.

    Parameters
    ----------
    manifest : Manifest
        Of the model folder.
    annotation : str
        What is annotated now: objects or classes.
    class_names : sequence of str
        Of the classes, background first.

    Raises
    ------
    InputError
        If it learned classes and objects are annotated now, or the other way round, or
        other classes; or if the folder has no state to go on from.
    """
    name, settings = f"'{manifest.card.name}'", manifest.settings
    if manifest.last is None:
        raise InputError(
            f"The folder of {name} holds no state to go on from; fine-tune the model "
            "instead."
        )
    if settings.annotation not in ("objects", "classes"):
        return  # points and pairs of images say themselves what they are
    if settings.annotation != annotation:
        raise InputError(
            f"{name} was learning {settings.annotation}, and {annotation} are "
            f"annotated now; choose {settings.annotation} under Annotate, or start a "
            "new training."
        )
    if annotation == "classes" and settings.class_names != tuple(class_names):
        raise InputError(
            f"{name} was learning the classes {', '.join(settings.class_names)}, and "
            f"there are {', '.join(class_names)} now; start a new training from it, "
            "which goes on with other classes."
        )


def resume(
    session: Session,
    examples: Sequence[Example],
    folder: Path,
    config: TrainConfig,
    *,
    preview: Callable[[], Preview | None] | None = None,
) -> Job:
    """Return the job that goes on with the training in a model folder.

    With its weights, its optimizer and its settings; the folder is written again.

    Parameters
    ----------
    session : Session
        Says what is annotated and where to compute; the folder becomes its
        `model_folder`.
    examples : sequence of Example
        Annotated images.
    folder : Path
        The model folder.
    config : TrainConfig
        From `to_its_end` or `for_another`.
    preview : callable, optional
        See `Session.fine_tune`.

    Raises
    ------
    InputError
        If nothing is annotated, another job runs, or the training cannot go on with
        what is annotated.
    """
    from napari_unet.core.training.kind import check_kind

    if not examples:
        raise InputError(NOTHING_ANNOTATED)
    manifest = read_manifest(folder)
    check_kind(examples, manifest.settings)
    check_annotation(manifest, session.annotation, session.class_names)
    device, preset = session.device, manifest.card.preset
    session.trained = None

    def start() -> Generator[TrainProgress, None, TrainResult]:
        from napari_unet.core import workflow

        leave_room()
        return workflow.fine_tune(
            examples,
            folder,
            config=config,
            preset=preset,
            device=device,
            resume=True,
            preview=preview,
        )

    def take_model(outcome: Outcome) -> None:
        was = session.model_folder
        take_trained(session, folder, find_start(manifest.card), outcome)
        if session.model_folder == was == folder:  # another model in the same place
            session.events.model_folder.emit(folder, folder)

    return session.begin(TRAINING, start, take_model)
