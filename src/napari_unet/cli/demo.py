"""The main job without a screen: annotated images in, objects of unseen ones out."""

import functools
import operator
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from napari_unet.cli.app import table
from napari_unet.core import workflow
from napari_unet.core.annotation.target import Example
from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings
from napari_unet.core.evaluation.scores import Scores
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.presets import PRESETS
from napari_unet.formats.imagej_rois import write_rois
from napari_unet.formats.images import pair_files, read_image, read_labels
from napari_unet.formats.picture import write_picture
from napari_unet.formats.table import measure_objects, write_table
from napari_unet.formats.tiff import write_labels
from napari_unet.samples.folder import write_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("nuclei", "cells")
SHOWN = {"f1": "F1 at IoU 0.5", "iou": "IoU", "seg": "SEG"}


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """An image and its true labels (Y, X)."""

    image: Image
    labels: np.ndarray


def run_demo(out: Path, seconds: float) -> str:
    """Train a model for each kind of sample and segment images it has not seen.

    Parameters
    ----------
    out : Path
        Folder for models, labels, ROIs, tables and pictures.
    seconds : float
        Time to train, shared by the kinds.

    Returns
    -------
    str
        A table of the scores before and after, and where the results lie.
    """
    samples = find_samples(out)
    rows = [["unseen images", *(f"{t} {w}" for t in SHOWN.values() for w in _STAGES)]]
    for kind in KINDS:
        before, after = _show(kind, samples / kind, out, seconds / len(KINDS))
        cells = (
            f"{scores.as_dict()[name]:.3f}"
            for name in SHOWN
            for scores in (before, after)
        )
        rows.append([kind, *cells])
    text = table(rows)
    (out / "scores.txt").write_text(text + "\n", encoding="utf-8")
    return f"{text}\n\nResults in '{out}': models, labels, ROIs, tables, and pictures."


_STAGES = ("before", "after")


def find_samples(out: Path) -> Path:
    """Return the folder of sample data; without a checkout they are made in `out`."""
    checkout = Path(__file__).parents[3] / "sample_data"
    if checkout.is_dir():
        return checkout
    folder = out / "sample_data"
    if not folder.is_dir():
        write_samples(folder)
    return folder


def _read(folder: Path) -> list[Pair]:
    """Read the images and labels of one part of the sample data."""
    return [
        Pair(read_image(image), np.asarray(read_labels(labels)))
        for image, labels in pair_files(folder / "images", folder / "labels")
    ]


def _show(
    kind: str, samples: Path, out: Path, seconds: float
) -> "tuple[Scores, Scores]":
    """Train on one kind of image, write the results, return scores before and after."""
    train, test = _read(samples / "train"), _read(samples / "test")
    objects = sum(int(pair.labels.max()) for pair in train)
    print(
        f"\n{kind}: {len(train)} annotated images with {objects} objects, "
        f"{len(test)} unseen images",
        file=sys.stderr,
    )
    preset = PRESETS["fast"]
    settings = ModelSettings(network=preset.network)
    untrained = build_network(settings.network, seed=preset.training.seed).eval()
    before = _score(Model(untrained, settings, Card()), test, f"{kind} before")[1]
    model = _train(kind, train, out / kind / "model", settings, seconds)
    labels, after = _score(model, test, f"{kind} after")
    for pair, found in zip(test, labels, strict=True):
        _write(pair, found, out / kind)
    return before, after


def _train(
    kind: str,
    pairs: "Sequence[Pair]",
    folder: Path,
    settings: ModelSettings,
    seconds: float,
) -> Model:
    """Train with a progress bar."""
    examples = [Example(image=pair.image, annotation=pair.labels) for pair in pairs]
    steps = workflow.fine_tune(
        examples,
        folder,
        config=PRESETS["fast"].training.replaced(seconds=seconds),
        settings=settings,
        preset="fast",
    )
    with tqdm(total=100, desc=f"{kind} train", unit="%", file=sys.stderr) as bar:
        bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                bar.update(100 - bar.n)
                model: Model = end.value.model
                return model
            bar.update(round(100 * progress.fraction, 1) - bar.n)
            if progress.validation is not None:
                scores = progress.validation.as_dict()
                bar.set_postfix_str(
                    f"iteration {progress.iteration}, loss {progress.loss:.3f}, "
                    f"validation F1 {scores['f1']:.3f}"
                )


def _score(
    model: Model, pairs: "Sequence[Pair]", title: str
) -> tuple[list[np.ndarray], Scores]:
    """Segment images and compare them with the truth."""
    labels, scores = [], []
    for pair in tqdm(pairs, desc=title, unit="image", file=sys.stderr):
        segmentation = workflow.run(workflow.segment(pair.image, model))
        labels.append(workflow.make_labels(segmentation, model.settings))
        scores.append(workflow.evaluate(labels[-1], pair.labels))
    return labels, functools.reduce(operator.add, scores)


def _write(pair: Pair, found: np.ndarray, folder: Path) -> None:
    """Write labels, ROIs, measurements and a picture of one image."""
    image, name = pair.image, pair.image.name
    for part in ("labels", "rois", "tables", "pictures"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_labels(folder / "labels" / f"{name}.tif", found, image.pixel_size_um)
    write_rois(folder / "rois" / f"{name}.zip", found)
    write_table(folder / "tables" / f"{name}.csv", measure_objects(found, image))
    weights = workflow.compute_weight_map(pair.labels)
    write_picture(
        folder / "pictures" / f"{name}.png",
        image,
        found,
        weights=weights,
        truth=pair.labels,
        title=name,
    )
