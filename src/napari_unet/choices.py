"""What the user has chosen, for the next time napari is opened (no torch).

Remembered are the model, what to start from, the preset, how long to train, and the
average and the tile of a segmentation; nothing that belongs to one image.
"""

from __future__ import annotations

import functools
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.core.card import SETTINGS_FILE
from napari_unet.core.config import AVERAGES, PredictionConfig
from napari_unet.core.presets import PRESETS
from napari_unet.core.remembered import read_content, write_content
from napari_unet.core.user_folders import data_folder

if TYPE_CHECKING:
    from napari_unet.session import Session

_FILE = "choices.json"
_CHOSEN = (
    "model_folder",
    "start_from",
    "preset",
    "train_config",
    "averaging",
    "prediction",
)


def remember_choices(session: Session) -> None:
    """Take over what was chosen last time, and keep what will be chosen from now on."""
    _take(session, read_content(_path()))
    for name in _CHOSEN:
        signal = getattr(session.events, name)
        signal.connect(functools.partial(_keep, session))


def forget_choices(session: Session) -> None:
    """Go back to what a new user finds."""
    session.start_is_chosen = False
    session.model_folder = None
    session.choose_preset("fast")
    session.train_config = PRESETS["fast"].training
    session.averaging = "none"
    session.prediction = PredictionConfig()


def _keep(session: Session, _event: object = None) -> None:
    start = session.start_from if session.start_is_chosen else None
    content = {
        "model": _text(session.model_folder),
        "start_is_chosen": session.start_is_chosen,
        "start_from": _text(start),
        "preset": session.preset,
        "seconds": session.train_config.seconds,
        "iterations": session.train_config.iterations,
        "averaging": session.averaging,
        "tile": session.prediction.tile,
    }
    if content != read_content(_path()):
        write_content(_path(), content)


def _take(session: Session, kept: dict[str, Any]) -> None:
    """Take over each choice that still makes sense; the others stay as they are."""
    preset = kept.get("preset")
    if isinstance(preset, str) and preset in PRESETS:
        session.choose_preset(preset)
    with suppress(ValueError, KeyError):
        end = {name: kept[name] for name in ("seconds", "iterations")}
        session.train_config = session.train_config.replaced(**end)
    if kept.get("averaging") in AVERAGES:
        session.averaging = kept["averaging"]
    with suppress(ValueError, KeyError):
        session.prediction = session.prediction.replaced(tile=kept["tile"])
    if (model := _folder(kept.get("model"))) is not None:
        session.model_folder = model
    if kept.get("start_is_chosen") is True:
        start = _folder(kept.get("start_from"))
        if start is not None or kept.get("start_from") is None:
            session.start_is_chosen, session.start_from = True, start


def _folder(kept: object) -> Path | None:
    """Return a model folder, if it is still there."""
    with suppress(OSError, ValueError):
        if isinstance(kept, str) and (Path(kept) / SETTINGS_FILE).is_file():
            return Path(kept)
    return None


def _text(folder: Path | None) -> str | None:
    return None if folder is None else str(folder)


def _path() -> Path:
    return data_folder() / _FILE
