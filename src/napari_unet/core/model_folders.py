"""Where models are: the user's, those that come with the program; what a name means."""

import re
from datetime import datetime
from pathlib import Path

from napari_unet.core.card import SETTINGS_FILE, Card, read_manifest
from napari_unet.core.errors import InputError, ModelFolderError
from napari_unet.core.user_folders import data_folder

# The models that come with the program, in the order in which they are offered.
STARTERS = ("nuclei", "cells-phase")
STARTERS_FOLDER = Path(__file__).parent / "starter_models"


def models_folder() -> Path:
    """Return the folder that holds the user's models, one folder each."""
    return data_folder() / "models"


def list_models(folder: Path) -> list[tuple[Path, Card]]:
    """Return the model folders inside `folder` and their cards, newest first.

    Folders that are no models, or damaged ones, are left out.
    """
    if not folder.is_dir():
        return []
    found = _readable([*folder.iterdir()])
    return sorted(found, key=lambda entry: entry[1].created, reverse=True)


def list_starters() -> list[tuple[Path, Card]]:
    """Return the folders of the starter models and their cards, as they are offered."""
    return _readable([STARTERS_FOLDER / name for name in STARTERS])


def _readable(folders: list[Path]) -> list[tuple[Path, Card]]:
    """Return the model folders among some, with their cards."""
    found = []
    for path in folders:
        try:
            found.append((path, read_manifest(path).card))
        except ModelFolderError:
            continue
    return found


def is_starter(folder: Path) -> bool:
    """Tell whether a folder is one of the models that come with the program."""
    return folder.resolve().parent == STARTERS_FOLDER.resolve()


def refuse_starter(folder: Path) -> None:
    """Refuse to write into a model that comes with the program.

    Raises
    ------
    InputError
        Saying how to go on from it instead.
    """
    if is_starter(folder):
        raise InputError(
            f"'{folder.name}' is a starter model, which comes with the program and is "
            "never changed. Start a new training from it (on the command line: "
            f"--start-from {folder.name}; in the dock: Start from, under Fine-tune)."
        )


def find_model(name: Path | str) -> Path:
    """Return the model folder that a path or a name means.

    A name alone means the model folder of that name in the working directory; if there
    is none, the one in the user's models folder; if there is none, the starter model.
    So what the user has made is never hidden by what comes with the program.

    Parameters
    ----------
    name : Path or str
        A path, or the name of a model.

    Returns
    -------
    Path
        Of a model folder, or `name` itself where there is something else.

    Raises
    ------
    ModelFolderError
        If nothing has this name.
    """
    given = Path(name)
    if len(given.parts) != 1 or _holds_model(given):
        return given
    for place in (models_folder(), STARTERS_FOLDER):
        if _holds_model(place / given):
            return place / given
    if not given.exists():
        raise ModelFolderError(
            f"There is no model '{given}': no folder here or in '{models_folder()}' is "
            "called so. Give the path of a model folder, or the name of a starter "
            f"model: {', '.join(STARTERS)}."
        )
    return given


def _holds_model(folder: Path) -> bool:
    return (folder / SETTINGS_FILE).is_file()


def find_start(card: Card) -> Path | None:
    """Return the folder of the model that a training started from, if it is there."""
    if card.started_from is None:
        return None
    place = Path(card.start_place or STARTERS_FOLDER / card.started_from)
    return place if _holds_model(place) else None


def free_model_folder(parent: Path, name: str) -> Path:
    """Return the path of a folder in `parent`, named and dated, that does not exist."""
    words = re.sub(r"[^\w\-]+", " ", name).strip() or "model"
    stem = f"{words} {datetime.now():%Y-%m-%d %H.%M}"
    folder, number = parent / stem, 2
    while folder.exists():
        folder, number = parent / f"{stem} ({number})", number + 1
    return folder
