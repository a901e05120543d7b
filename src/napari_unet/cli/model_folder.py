"""Model folders on the command line: found by path or name, never written over."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.cli.app import warn
from napari_unet.cli.folder_zoom import read_some
from napari_unet.core import model_folders
from napari_unet.core.card import SETTINGS_FILE
from napari_unet.core.config import DeviceChoice, NetworkConfig
from napari_unet.core.errors import InputError
from napari_unet.core.model_folders import STARTERS, is_starter

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Iterator

    from napari_unet.cli.folder_zoom import Looked
    from napari_unet.cli.image_results import Scale
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Model


def open_model(name: str) -> "Model":
    """Load a model by its folder or its name: see `core.model_folders.find_model`."""
    from napari_unet.core.workflow import load_model

    return load_model(find_model(name))


class Opened:
    """The model that segments, as it reads each image.

    Parameters
    ----------
    model : Model
        That was named, or picked.
    looked : mapping of Path to Looked, optional
        What was seen of a few images when it was picked.
    device : str, optional
        Where to look at images that have other channels than it reads; it chooses one
        for all that have as many, of the same names. Without it they are refused.
    scale : float, "auto" or None
        As of `segment`, for that look.
    """

    def __init__(
        self,
        model: "Model",
        looked: "Mapping[Path, Looked] | None" = None,
        device: DeviceChoice | None = None,
        scale: "Scale" = "auto",
    ) -> None:
        self.model = model
        self.looked = dict(looked or {})
        self._device, self._scale = device, scale
        self._readers: dict[tuple[int, tuple[str, ...]], Model] = {}

    def reader(self, image: "Image") -> "Model":
        """Return the model as it reads an image; the first time, say the channel.

        Raises
        ------
        InputError
            If it finds too little in every channel.
        """
        if self._device is None:
            return self.model
        from napari_unet.core.workflow import choose_channel

        kind = image.channels, image.channel_names
        if kind not in self._readers:
            chosen, channel = choose_channel(
                image, self.model, self._device, scale=self._scale
            )
            if not channel:  # others of as many may show something in more than one
                return chosen
            self._readers[kind] = chosen
            warn(
                f"Images with {image.channels} channels, as '{image.name}', are read "
                f"in {channel}; choose another one with --channels."
            )
        return self._readers[kind]


def open_or_pick(
    name: str | None,
    images: Sequence[Path],
    device: DeviceChoice,
    channels: Sequence[int],
    scale: "Scale",
) -> Opened:
    """Load a model; without a name the starter that suits the images, and say so.

    One for all images, so that results can be compared; a few of them choose it. What
    was seen of these is returned with it. It reads these channels of them, if any are
    named.
    """
    if name is not None:
        from napari_unet.core.prediction.channels import read_these

        model = open_model(name)
        return Opened(replace(model, settings=read_these(model.settings, channels)))
    from napari_unet.core.workflow import choose_starter_for_all

    looked_at: list[tuple[Path, tuple[float, ...] | None]] = []

    def look_at() -> "Iterator[Image]":
        for path, image in read_some(images):
            looked_at.append((path, image.pixel_size_um))
            yield image

    choice = choose_starter_for_all(look_at(), device, channels, scale=scale)
    more = " for all images" if len(images) > 1 else ""
    warn(
        f"No --model is given; the starter model '{choice.model.card.name}' is used"
        f"{more}: {choice.why}."
    )
    seen = zip(looked_at, choice.zooms, strict=True)
    looked = {path: (size, zoom) for (path, size), zoom in seen if zoom is not None}
    return Opened(choice.model, looked, None if channels else device, scale)


def find_model(name: str) -> Path:
    """Return the folder of a model; say so where it hides a starter model."""
    folder = model_folders.find_model(name)
    if name in STARTERS and not is_starter(folder):
        warn(
            f"'{name}' is the model in '{folder.resolve()}', which comes before the "
            "starter model of that name. Rename that folder to use the starter model."
        )
    return folder


def check_new_name(folder: Path) -> None:
    """Refuse to give a new model the name of a starter model, which it would hide.

    Raises
    ------
    InputError
        Unless a model of that name is there already: it is the user's.
    """
    name = str(folder)
    if name in STARTERS and not (folder / SETTINGS_FILE).exists():
        raise InputError(
            f"--model {name}: a starter model is called so, and is never changed. Give "
            f"the new model another name, for example my-{name}; '--start-from {name}' "
            "starts from the starter model."
        )


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


class NewModel:
    """The folder of a model to be trained; another model there is kept, and moved.

    Parameters
    ----------
    folder : Path
        Where the new model is saved.
    start : Model, optional
        That it starts from: that one may be saved over.
    resumes : bool
        Whether the model in the folder itself is trained on.
    """

    def __init__(self, folder: Path, start: "Model | None", *, resumes: bool) -> None:
        self.folder = folder
        self.is_saved = False
        self.moved: Path | None = None  # where the other model is now
        self._start = None if start is None else start.folder
        self._resumes = resumes

    def make_room(self) -> None:
        """Rename the folder of another model, right before the new one is saved."""
        self.is_saved = True
        folder = self.folder
        if self._resumes or not self.is_taken:
            return
        if self._start is not None and folder.samefile(self._start):
            return
        number = 1
        while (moved := folder.with_name(f"{folder.name}.{number}")).exists():
            number += 1
        folder.rename(moved)
        self.moved = moved

    def put_back(self) -> None:
        """Undo `make_room` if no new model came into being."""
        if self.moved is None or self.is_taken:
            return
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        if not self.folder.exists():
            self.moved.rename(self.folder)

    @property
    def is_taken(self) -> bool:
        """Whether there is a model in the folder."""
        return (self.folder / SETTINGS_FILE).exists()


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
