"""Model folders on the command line: found by path or name, never written over."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.config import NetworkConfig
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.workflow import Model


def open_model(name: str) -> "Model":
    """Load a model by its folder, or by its name in the user's models folder."""
    from napari_unet.core.workflow import load_model

    return load_model(find_model(name))


def find_model(name: str) -> Path:
    """Return the folder of a model, given by its path or its name."""
    from napari_unet.core.card import models_folder

    known = models_folder() / name
    folder = Path(name)
    return known if not folder.exists() and known.exists() else folder


def require_kind(model: "Model", *, detects: bool) -> None:
    """Refuse a model that segments where points are wanted, and the other way round.

    Raises
    ------
    InputError
        Naming the command for this model.
    """
    name = f"'{model.card.name}'"
    if detects and model.settings.annotation != "points":
        raise InputError(
            f"{name} was trained to segment objects, not to detect points; use "
            "'napari-unet segment' with it, or train one with --points."
        )
    if not detects and model.settings.annotation == "points":
        raise InputError(
            f"{name} was trained on points: it detects objects and does not outline "
            "them; use 'napari-unet detect' with it."
        )


def set_aside(folder: Path, start: "Model | None") -> Path | None:
    """Rename the folder of another model that stands where the new one will be."""
    from napari_unet.core.card import SETTINGS_FILE

    origin = None if start is None else start.folder
    if origin is not None and folder.exists() and folder.samefile(origin):
        return None
    if not (folder / SETTINGS_FILE).exists():
        return None
    number = 1
    while (kept := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    folder.rename(kept)
    return kept


def put_back(kept: Path | None, folder: Path) -> None:
    """Undo `set_aside` if no new model came into being."""
    from napari_unet.core.card import SETTINGS_FILE

    if kept is None or (folder / SETTINGS_FILE).exists():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if not folder.exists():
        kept.rename(folder)


def check_same_network(
    model: "Model", wanted: NetworkConfig, given: Mapping[str, str]
) -> None:
    """Refuse options that ask for another network than the model's.

    Parameters
    ----------
    model : Model
        To start from.
    wanted : NetworkConfig
        With what was given.
    given : mapping of str to str
        The fields that were given, and by which option.
    """
    for name, option in given.items():
        value, has = getattr(wanted, name), getattr(model.settings.network, name)
        if value != has:
            raise InputError(
                f"{option} {value}: the model to start from has {has}. Leave {option} "
                "out, or train from scratch."
            )
