"""What is to be learned and the network that suits it, which follow each other.

And what was learned: whether it is used, for a training may make no model better.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_unet.core.card import SETTINGS_FILE, read_manifest
from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.presets import PRESETS
from napari_unet.segmented import changed_by_hand

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_unet.core.config import NetworkConfig
    from napari_unet.jobs import Job, Outcome
    from napari_unet.session import Session


def keep_together(session: Session) -> None:
    """Let annotation, network and model of a session follow each other from now on.

    Grey values are learned by a network with a regression head, and by no other.
    """
    events = session.events
    events.annotation.connect(lambda _: follow_annotation(session))
    events.network.connect(lambda _: follow_network(session))
    events.model_folder.connect(lambda _: follow_model(session))
    events.suited.connect(lambda _: follow_model(session))


def network_that_learns(session: Session) -> NetworkConfig:
    """Return the network of the model to start from; without one, the one chosen."""
    if session.start_from is not None:
        with suppress(InputError):  # said where the model is shown
            if (manifest := session.read_model(session.start_from)) is not None:
                return manifest.settings.network
    return session.network


def picks_start(session: Session) -> bool:
    """Tell whether the program picks a starter to train from: nobody chose otherwise.

    Starters segment planes; who changes the network wants to train that one.
    """
    is_usual = session.network == PRESETS[session.preset].network
    return (
        not session.start_is_chosen
        and session.model_folder is None
        and session.annotation == "objects"
        and session.network.dimensions == 2
        and is_usual
        and bool(session.list_starters())
    )


def follow_annotation(session: Session) -> None:
    """Choose another preset where the network does not learn what was chosen."""
    wants_values = session.annotation == "values"
    if wants_values != (session.network.head == "regression"):
        session.choose_preset("denoise" if wants_values else "fast")


def follow_network(session: Session) -> None:
    """Learn what the network predicts, with a loss for that."""
    predicts_values = session.network.head == "regression"
    if predicts_values != (session.train_config.loss in ("mse", "l1")):
        session.train_config = session.train_config.replaced(
            loss="mse" if predicts_values else "cross-entropy"
        )
    if predicts_values != (session.annotation == "values"):
        session.annotation = "values" if predicts_values else "objects"


def follow_model(session: Session) -> None:
    """Make objects as the model did when it was validated; go on with what it knows."""
    with suppress(InputError):  # said where the model is shown
        manifest = session.read_model()
        if manifest is None:  # a starter will be picked, and brings its own way
            session.objects = ObjectConfig()
            return
        session.objects = manifest.settings.objects
        kind = manifest.settings.annotation
        if kind == "classes":
            session.class_names = manifest.settings.class_names
        if kind in ("classes", "values"):
            session.annotation = kind
        elif session.annotation == "values":
            session.annotation = "objects"


def take_starter(session: Session, starter: Path) -> None:
    """Make objects as the starter model does that was picked just now."""
    if starter == session.suited:
        return
    changed = {} if session.model_in_use else changed_by_hand(session.objects)
    with session.events.segmentation.blocked():
        session.segmentation = None  # the last one was not by this model
    session.suited = starter
    session.objects = session.objects.replaced(**changed)


def take_trained(
    session: Session, folder: Path, start_from: Path | None, _outcome: Outcome
) -> None:
    """Use what a training has written, also after Stop, and after an error.

    Where it was no better than the model it started from, that one stays in use, with
    its own way of making objects, unless nothing is found in that.

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
    if manifest.settings.objects != manifest.card.own_objects:
        session.objects = manifest.settings.objects


def use_learned(session: Session, folder: Path) -> Job:
    """Return the job that takes what was learned, although it was no better.

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
