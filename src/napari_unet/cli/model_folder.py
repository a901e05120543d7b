"""Model folders on the command line: found by path or name, never written over."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.workflow import Model


def open_model(name: str) -> "Model":
    """Load a model by its folder, or by its name in the user's models folder."""
    from napari_unet.core.card import models_folder
    from napari_unet.core.workflow import load_model

    known = models_folder() / name
    folder = Path(name)
    return load_model(known if not folder.exists() and known.exists() else folder)


def set_aside(folder: Path, start: "Model | None") -> Path | None:
    """Rename the folder of another model that stands where the new one will be."""
    from napari_unet.core.card import SETTINGS_FILE

    continued = start is not None and start.folder is not None
    if continued and folder.exists() and folder.samefile(start.folder):  # type: ignore[union-attr,arg-type]
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
    model: "Model", base_channels: int | None, levels: int | None, padding: str | None
) -> None:
    """Refuse options that would ask for another network than the model's."""
    network = model.settings.network
    given = {"base_channels": base_channels, "levels": levels, "padding": padding}
    for name, value in given.items():
        if value is not None and value != getattr(network, name):
            option = "--" + name.replace("_", "-")
            raise InputError(
                f"{option} {value}: the model to start from has "
                f"{getattr(network, name)}. Leave {option} out, or train from scratch."
            )
