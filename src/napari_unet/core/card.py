"""What a model folder says about its model: settings, history, scores. No weights here.

A model folder holds::

    settings.json              this card and the names of the files below; replaced last
    weights-<hash>.safetensors the best weights
    last-<hash>.safetensors    the last weights and the optimizer's state, to resume
    training.json              the settings of its training, for `train --config`
    regions/<image>.geojson    where its images were annotated, for `train --regions`
    training.csv               its course: loss and scores after so many steps
    README.md                  the card for people
"""

import functools
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from napari_unet.core.config import (
    AnnotationKind,
    Config,
    ModelSettings,
    ObjectConfig,
    TrainConfig,
)
from napari_unet.core.errors import ModelFolderError
from napari_unet.core.gain import judge
from napari_unet.core.history import HistoryEntry
from napari_unet.core.network_summary import describe_parts, summarise_network
from napari_unet.core.notes import ModelNotes, describe_notes
from napari_unet.core.score_words import (
    describe_doubt,
    describe_found,
    describe_kept,
    describe_new_classes,
    describe_verdict,
    shown_gain,
)
from napari_unet.core.setting_errors import explain_setting

FORMAT = "napari-unet model"
VERSION = 1
SETTINGS_FILE = "settings.json"
TRAINING_FILE = "training.json"
REGIONS_FOLDER = "regions"
HISTORY_FILE = "training.csv"
# So many images that a model learned from are named in the card for people.
_MOST_NAMED = 12


class Learned(Config):
    """What was learned, where it was no better than what was there before.

    Its weights are kept beside those of the start: ``last.learned``.
    """

    scores: dict[str, float]
    objects: ObjectConfig


class Card(Config):
    """Where a model comes from and how good it was."""

    name: str = "model"
    created: str = ""
    trained_on: tuple[str, ...] = ()
    objects: int = 0
    started_from: str | None = None
    start_place: str = ""  # the folder of that, where its name does not tell
    new_classes: tuple[str, ...] = ()  # which that does not know
    own_objects: ObjectConfig | None = None  # before others were chosen
    preset: str = ""
    command: str = ""  # repeats the training
    training: TrainConfig | None = None
    iterations: int = 0
    seconds: float = 0.0
    ended: bool = False  # by itself: it was not stopped, nor while it was measured
    loss: float | None = None
    device: str = ""
    shortages: tuple[str, ...] = ()  # what was done about too little memory
    scores_before: dict[str, float] | None = None
    scores: dict[str, float] | None = None
    validation: str = ""  # on what ground the scores were measured
    learned: Learned | None = None  # where the model is still the one it started from
    versions: dict[str, str] = Field(default_factory=dict)
    history: tuple[HistoryEntry, ...] = ()  # validations, and some steps between them
    notes: ModelNotes | None = None  # of a model that is given to others

    @property
    def compared(self) -> dict[str, float] | None:
        """The scores that were compared with `scores_before`: of what was learned."""
        return self.scores if self.learned is None else self.learned.scores

    @property
    def is_forced(self) -> bool:
        """Whether what was learned is used although it is no better than the start."""
        if self.learned is not None or self.new_classes:
            return False
        if not self.scores or not self.scores_before:
            return False
        return judge(self.scores_before, self.scores) != "better"

    @property
    def is_unmeasured(self) -> bool:
        """Whether it was stopped before each image or region was left out once."""
        asked = self.training is not None and self.training.leave_one_out
        return asked and not self.ended


class StoredFile(Config):
    """A file of the folder, with what it must be like."""

    name: str
    bytes: int
    sha256: str


class Manifest(Config):
    """All of ``settings.json``."""

    format: str = FORMAT
    version: int = VERSION
    settings: ModelSettings
    card: Card
    weights: StoredFile
    last: StoredFile | None = None


def read_manifest(folder: Path) -> Manifest:
    """Read ``settings.json`` of a model folder.

    Parameters
    ----------
    folder : Path
        The model folder.

    Returns
    -------
    Manifest
        Checked for form; the weights are not read.

    Raises
    ------
    ModelFolderError
        If the folder is missing, foreign, damaged or too new.
    """
    path = Path(folder) / SETTINGS_FILE
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except FileNotFoundError:
        raise ModelFolderError(
            f"'{folder}' is not a model folder: it has no {SETTINGS_FILE}. Choose a "
            "folder that this program has saved."
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFolderError(
            f"'{path}' cannot be read ({error}); the model folder is damaged. Take "
            "another copy of it."
        ) from error
    _check_origin(folder, content)
    try:
        return _validate(text)
    except ValidationError as error:
        name, said = explain_setting(error, Manifest)
        raise ModelFolderError(
            f"'{path}' is damaged: {name}: {said}. Take another copy of it."
        ) from error


@functools.lru_cache(maxsize=64)
def _validate(text: str) -> Manifest:
    """Return what a file says; the dock asks the same ones many times."""
    return Manifest.model_validate(json.loads(text))


def _check_origin(folder: Path, content: Any) -> None:
    """Refuse folders of other programs and of later versions of this one."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFolderError(
            f"'{folder}' was not saved by this program: its {SETTINGS_FILE} does not "
            f"name the format '{FORMAT}'."
        )
    version = content.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise ModelFolderError(
            f"'{folder}' was saved by a newer version of this program (format "
            f"{version}, this one reads up to {VERSION}). Update napari-unet-live."
        )


def file_stem(name: str) -> str:
    """Return a layer's name as every file system takes it.

    Examples
    --------
    >>> file_stem("well A1/nuclei: labels [2]")
    'well A1_nuclei_ labels [2]'
    """
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")
    return stem or "labels"


def now() -> str:
    """Return the local time to the second, ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _describe_reading(settings: ModelSettings) -> list[str]:
    """Say which channels are read, and what stood for which class."""
    lines = []
    if settings.planes_as_channels:
        lines.append("- The planes of a stack are its channels")
    if settings.channels:
        lines.append(f"- Reads the channels {', '.join(map(str, settings.channels))}")
    if settings.class_values:
        pairs = zip(settings.class_names, settings.class_values, strict=True)
        named = ", ".join(f"{value} = {name}" for name, value in pairs)
        lines.append(f"- In the labels it learned from: {named}")
    return lines


def describe(manifest: Manifest) -> str:
    """Return the card as Markdown, for ``README.md`` in the model folder."""
    card, settings = manifest.card, manifest.settings
    size = settings.pixel_size_um
    network = settings.network
    kind = "points" if settings.annotation == "points" else "objects"
    objects = "" if settings.annotation == "values" else f"{card.objects} {kind} of "
    lines = [
        f"# {card.name}",
        "",
        *([f"{card.notes.purpose}.", ""] if card.notes else []),
        f"A U-Net of napari-unet-live, saved {card.created}.",
        "",
        f"- Network: {summarise_network(network, card.preset)}",
        f"- Its parts: {describe_parts(network)}, {_describe_learned(settings)}",
        *_describe_reading(settings),
        f"- Pixel size: {'unknown' if size is None else f'{size:g} µm'}",
        f"- Grey values brought to a common range by: {settings.normalisation}",
        f"- Trained on {objects}{_name_images(card.trained_on)}",
        f"- Started from: {card.started_from or 'scratch'}",
        f"- {card.iterations} iterations in {card.seconds:.0f} s on {card.device}",
    ]
    lines += [f"- {sentence}" for sentence in card.shortages]
    lines += _describe_scores(card, settings.annotation)
    versions = ", ".join(f"{name} {value}" for name, value in card.versions.items())
    lines.append(f"- Made with {versions}")
    lines += describe_notes(card.notes) if card.notes else _describe_repeating(card)
    return "\n".join([*lines, ""])


def _describe_scores(card: Card, kind: AnnotationKind) -> list[str]:
    """Return how good a model is, and whether it became better, as lines."""
    lines = []
    shown = {"After": card.scores}
    if card.learned is None:
        shown = {"Before": card.scores_before} | shown
    for title, scores in shown.items():
        if scores:
            gain = shown_gain(None, scores, kind)
            named = ", ".join(f"{name} {value}" for name, value in gain.items())
            found = describe_found(scores, kind)
            lines.append(f"- {title} (validation): {named}" + (found and f"; {found}"))
    if card.scores and card.validation:
        lines.append(f"- How: {card.validation}")
    if card.learned is not None and card.scores_before is not None:
        verdict = describe_verdict(card.scores_before, card.learned.scores, kind)
        kept = describe_kept(card.scores_before, card.learned.scores)
        lines.append(f"- {verdict}. Its weights are still those it started from{kept}")
    if card.is_forced and card.scores_before and card.scores:
        verdict = describe_verdict(card.scores_before, card.scores, kind)
        lines.append(f"- {verdict}. It is used all the same")
    others = [
        describe_doubt(card.scores_before, card.compared),
        describe_new_classes(card.started_from, card.new_classes),
    ]
    return lines + [f"- {sentence}" for sentence in others if sentence]


def _name_images(names: Sequence[str]) -> str:
    """Return the names of images; of many the first ones and how many there are."""
    if len(names) <= _MOST_NAMED:
        return ", ".join(names) or "?"
    first = ", ".join(names[:_MOST_NAMED])
    return f"{len(names)} images: {first}, …"


def _describe_learned(settings: ModelSettings) -> str:
    """Return what a network was made for."""
    if settings.annotation == "values":
        return f"predicts an image of {settings.network.target_channels} channel(s)"
    return f"classes {', '.join(settings.class_names)}"


def _describe_repeating(card: Card) -> list[str]:
    """Return how to train the same once more, as lines of Markdown."""
    if not card.command:
        return []
    others = "TARGETS" if "TARGETS" in card.command else "LABELS"
    replaced = f"IMAGES and {others} are folders of files that pair by equal names"
    if others == "LABELS":
        replaced += " (`a annotation.tif` or `a points.csv` belongs to `a.tif`)"
    if "--regions" in card.command:
        replaced += (
            ", and equal to those of the files in `regions/`, which hold their fully "
            "annotated rectangles"
        )
    saving = "images with File > Save"
    if others == "LABELS":
        saving += ", annotations with the section Export"
    said = f"{replaced}. What was open in the viewer must be saved as files first: "
    said += f"{saving}."
    if "--pixel-size" in card.command:
        said += (
            " The files must know their pixel size: napari does not write it; set it "
            "in Fiji under Image > Properties."
        )
    if "--iterations" in card.command:
        said += (
            " This training was for a time; the command takes as many iterations as it "
            "took, and comes out a little differently."
        )
    return [
        "",
        "## The same training once more",
        "",
        f"    {card.command}",
        "",
        said,
    ]
