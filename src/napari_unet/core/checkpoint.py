"""Model folders: saved atomically, loaded with suspicion; their form: `core.card`."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from napari_unet.core.annotation.region_features import region_features
from napari_unet.core.annotation.target import Region
from napari_unet.core.card import (
    HISTORY_FILE,
    REGIONS_FOLDER,
    SETTINGS_FILE,
    TRAINING_FILE,
    Card,
    Manifest,
    StoredFile,
    describe,
    file_stem,
    read_manifest,
)
from napari_unet.core.config import ModelSettings
from napari_unet.core.errors import InputError, ModelFolderError
from napari_unet.core.history import write_history
from napari_unet.core.model_folders import find_model, refuse_starter
from napari_unet.core.network.unet import Network, build_network
from napari_unet.core.network_summary import summarise_network
from napari_unet.core.notes import ModelNotes
from napari_unet.core.presets import PRESETS, TrainingSettings
from napari_unet.core.tensor_file import file_pieces

Weights = Mapping[str, Tensor]
# Starter models come with the program: each must be small.
_MOST_PUBLISHED_MB = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network with all it needs to be used.

    Parameters
    ----------
    network : Network
        On the CPU, in evaluation mode.
    settings : ModelSettings
        Normalisation, pixel size, classes.
    card : Card
        Where it comes from.
    folder : Path, optional
        Where it was loaded from or saved to.
    new_classes : tuple of str
        Of its classes, those that it has not learned yet, see `change_classes`.
    """

    network: Network
    settings: ModelSettings
    card: Card = field(default_factory=Card)
    folder: Path | None = None
    new_classes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return name, network and folder, not thousands of numbers."""
        network = str(summarise_network(self.settings.network))
        place = "" if self.folder is None else f", folder={str(self.folder)!r}"
        return f"Model({self.card.name!r}, {network!r}{place})"


def check_writable(folder: Path) -> None:
    """Refuse a folder into which a model cannot be saved, before training starts.

    Raises
    ------
    InputError
        If it is a starter model or a file, holds other files, or cannot be written to.
    """
    refuse_starter(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"'{folder}' is a file; a model needs a folder of its own.")
    if folder.is_dir() and not (folder / SETTINGS_FILE).exists():
        others = [path.name for path in folder.iterdir() if path.suffix != ".part"]
        if others:
            raise InputError(
                f"'{folder}' holds other files ({', '.join(sorted(others)[:3])}, ...); "
                "choose a new or an empty folder for the model."
            )
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"probe-{os.getpid()}.part"
        probe.write_bytes(b"")
        probe.unlink()
        if is_new:  # nothing is learned yet, and perhaps never will be
            folder.rmdir()
    except OSError as error:
        raise InputError(
            f"The model cannot be saved in '{folder}': {error.strerror or error}. "
            "Choose a folder that you may write to."
        ) from error


def save_model(
    folder: Path,
    settings: ModelSettings,
    card: Card,
    weights: Weights,
    last: Weights | None = None,
) -> None:
    """Save a model so that a kill at any moment leaves the old one or the new one.

    The weights get a name of their own (their hash); ``settings.json``, which names
    them, is replaced in one step after they are on the disk; only then are the files
    of the previous model removed.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    settings, card : ModelSettings, Card
        What goes into ``settings.json``.
    weights : mapping of str to Tensor
        The best weights.
    last : mapping of str to Tensor, optional
        What `load_last` gives back: the last weights and the optimizer's state.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; the old model is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        settings=settings,
        card=card,
        weights=_store(folder, "weights", weights),
        last=None if last is None else _store(folder, "last", last),
    )
    _replace(folder / "README.md", [describe(manifest).encode()])
    if card.training is not None:
        repeatable = TrainingSettings(
            preset=next((name for name in PRESETS if name == card.preset), "fast"),
            network=settings.network,
            training=card.training,
            normalisation=settings.normalisation,
        )
        text = repeatable.model_dump_json(indent=1)
        _replace(folder / TRAINING_FILE, [text.encode()])
    if card.history:
        _replace(folder / HISTORY_FILE, [write_history(card.history).encode()])
    _replace(folder / SETTINGS_FILE, [manifest.model_dump_json(indent=1).encode()])
    kept = {manifest.weights.name, manifest.last.name if manifest.last else ""}
    for path in folder.iterdir():
        ours = path.name.startswith(("weights-", "last-"))
        if ours and path.suffix == ".safetensors" and path.name not in kept:
            with suppress(OSError):  # Windows: another process still reads it
                path.unlink()


def publish_model(folder: Path, published: Path, notes: ModelNotes) -> None:
    """Make of a trained model one to give to others, as the starter models are.

    It has the best weights, exactly, and all of the card but what only its maker can
    use: no state of a training to go on with, no paths. It is saved as `save_model`
    does, whole or not at all.

    Parameters
    ----------
    folder : Path
        The model folder to make it of; left as it is.
    published : Path
        The folder to write; its name becomes the model's.
    notes : ModelNotes
        What others must know.

    Raises
    ------
    InputError
        If its weights take more than 8 MB.
    ModelFolderError
        If `folder` is no model folder, or a damaged one.
    """
    model = load_model(folder)
    weights = copy_weights(model.network)
    megabytes = sum(each.nbytes for each in weights.values()) / 1e6
    if megabytes > _MOST_PUBLISHED_MB:
        raise InputError(
            f"The weights of '{folder}' take {megabytes:.1f} MB, and a model to be "
            f"given to others may have {_MOST_PUBLISHED_MB:g} MB. Train a network with "
            "fewer base channels or levels."
        )
    card = model.card.replaced(
        name=published.name,
        command="",
        start_place="",
        own_objects=None,
        learned=None,
        notes=notes,
    )
    save_model(published, model.settings, card, weights)


def save_regions(folder: Path, regions: Mapping[str, Sequence[Region]]) -> None:
    """Save in a model folder which ground of its images was annotated.

    Parameters
    ----------
    folder : Path
        The model folder.
    regions : mapping of str to sequence of Region
        By the name of the image; each gets a file that ``train --regions`` reads.
    """
    for name, drawn in regions.items():
        boxes = [(region.start, region.stop, region.role) for region in drawn]
        text = json.dumps(region_features(boxes))
        place = folder / REGIONS_FOLDER
        place.mkdir(parents=True, exist_ok=True)
        _replace(place / f"{file_stem(name)}.geojson", [text.encode()])


def _store(folder: Path, kind: str, tensors: Weights) -> StoredFile:
    """Write tensors to a file named by their hash."""
    hashed, length = hashlib.sha256(), 0
    for piece in file_pieces(tensors):
        hashed.update(piece)
        length += len(piece)
    digest = hashed.hexdigest()
    name = f"{kind}-{digest[:12]}.safetensors"
    _replace(folder / name, file_pieces(tensors))
    return StoredFile(name=name, bytes=length, sha256=digest)


def _replace(path: Path, content: Iterable[bytes | memoryview]) -> None:
    """Write aside, flush to the disk, rename."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def load_model(folder: Path | str) -> Model:
    """Load a model folder. Runs no code from its files.

    Parameters
    ----------
    folder : Path or str
        A model folder, or the name of a model: see `core.model_folders.find_model`.

    Returns
    -------
    Model
        Its network is on the CPU, in evaluation mode.

    Raises
    ------
    ModelFolderError
        If the folder is missing, foreign, too new, or any part of it is damaged.
    """
    folder = find_model(folder)
    manifest = read_manifest(folder)
    weights = _load(folder, manifest.weights)
    network = build_network(manifest.settings.network)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelFolderError(
            f"The weights in '{folder}' do not belong to the network that its "
            f"{SETTINGS_FILE} describes. Take another copy of the folder."
        ) from error
    network.eval()
    return Model(network, manifest.settings, manifest.card, folder)


def load_last(folder: Path | str) -> dict[str, Tensor]:
    """Load the last weights and the optimizer's state, to resume a training.

    Raises
    ------
    ModelFolderError
        If the folder has none, or they are damaged.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest.last is None:
        raise ModelFolderError(
            f"'{folder}' holds no state to resume from; fine-tune it instead."
        )
    return _load(folder, manifest.last)


def _load(folder: Path, file: StoredFile) -> dict[str, Tensor]:
    """Read a file that must be exactly what ``settings.json`` says."""
    path = folder / Path(file.name).name  # never a path out of the folder
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFolderError(
            f"'{folder}' lacks its file {path.name} ({error.strerror}). Take another "
            "copy of the model folder."
        ) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ModelFolderError(
            f"'{path}' is damaged: it has {len(content)} bytes, {file.bytes} were "
            "saved, and their checksum differs. Take another copy of the model folder."
        )
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ModelFolderError(
            f"'{path}' is not a safetensors file ({error})."
        ) from error


def copy_weights(network: torch.nn.Module) -> dict[str, Tensor]:
    """Return a copy of all weights and running statistics, on the CPU."""
    return {
        name: value.detach().cpu().clone()
        for name, value in network.state_dict().items()
    }
