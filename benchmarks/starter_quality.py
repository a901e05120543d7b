"""How well the starter models do on images of which they have learned nothing.

    python benchmarks/starter_quality.py --data FOLDER [--out FOLDER] \
        [--models nuclei cells-phase] [--limit 10]

FOLDER of the data holds ``<set>/images`` and ``<set>/masks`` with equal stems. Each
image is segmented as `segment` does it with a starter: its pixel size is unknown and
the scale automatic. Of the sets a starter was trained on, only those images count that
it has never seen; they also come shrunk and enlarged. A model may be in another folder:
``--models nuclei=FOLDER``. Prints a table in Markdown; with ``--out``, also a strip of
pictures for each row, the truth in blue and what was found in orange.

The zoom is compared with the one that brings the median true object to the size that
the model was made for: 1 is right, 2 twice as large. *Chosen* counts the images for
which the program would have taken this starter by itself. Where few objects of an image
are annotated, only the recall says something: what else is found may be right as well.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from data_folder import data_folder
from hardware import describe_hardware
from PIL import Image as Picture
from real_sets import (
    SETS,
    Pair,
    RealSet,
    check_data,
    name_folders,
    open_starter,
    segment_as_users_do,
)
from starter_models.train import median_diameter

import napari_unet as nu
from napari_unet.core.evaluation.overlap import measure_overlap
from napari_unet.core.image import resample
from napari_unet.core.model_folders import STARTERS

RESCALED = (1.0, 0.4, 2.5)
PICTURES = 5
EDGE = 360  # of a picture, px
BLUE, ORANGE = (60, 140, 255), (255, 150, 0)
HEAD = (
    "| set | images | chosen | objects | F1 | precision | recall | mean IoU "
    "| zoom ÷ right one | s per image |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


@dataclass
class Tally:
    """What is known of a row of the table so far."""

    scores: nu.Scores = field(default_factory=nu.Scores)
    chosen: int = 0
    matched: list[float] = field(default_factory=list)
    zooms: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    strip: list[np.ndarray] = field(default_factory=list)

    def row(self, name: str, *, sparse: bool) -> str:
        """Return the line of the table."""
        scores = self.scores
        f1 = "" if sparse else f"{scores.f1:.3f}"
        precision = "" if sparse else f"{scores.precision:.3f}"
        iou = f"{np.mean(self.matched):.3f}" if self.matched else ""
        zooms = f"{min(self.zooms):.2f} to {max(self.zooms):.2f}" if self.zooms else ""
        return (
            f"| {name} | {len(self.seconds)} | {self.chosen} "
            f"| {scores.objects_true} | {f1} | {precision} | {scores.recall:.3f} "
            f"| {iou} | {zooms} | {np.mean(self.seconds):.2f} |"
        )


def matched_ious(found: np.ndarray, true: np.ndarray) -> list[float]:
    """Return the IoU of each pair of objects that share at least half of their union.

    Such pairs are one to one, but for ties at exactly a half.
    """
    overlap = measure_overlap(found, true)
    ious = overlap.shared / overlap.union
    return [float(iou) for iou in ious[ious >= 0.5]]


def rescale(pair: Pair, factor: float) -> Pair:
    """Return an image and its labels at another size."""
    image, labels = pair
    if factor == 1:
        return pair
    shape = [max(1, round(length * factor)) for length in labels.shape]
    grey = resample(image.array, shape)
    return nu.Image(grey, name=image.name), resample(labels, shape, order=0)


def draw(image: nu.Image, true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return a piece of the image with both outlines, (Y, X, 3) uint8."""
    height, width = (min(EDGE, length) for length in true.shape)
    top, left = ((a - b) // 2 for a, b in zip(true.shape, (height, width), strict=True))
    piece = (slice(top, top + height), slice(left, left + width))
    grey = image.array[0][piece].astype(np.float32)
    low, high = np.percentile(image.array[0], (1, 99.8))
    grey = np.clip((grey - low) / max(high - low, 1e-6), 0, 1) ** 0.7
    picture = np.zeros((EDGE, EDGE, 3), np.uint8)
    shown = picture[:height, :width]
    shown[:] = (255 * grey).astype(np.uint8)[..., None]
    for labels, colour in ((true, BLUE), (found, ORANGE)):
        shown[_edges(labels[piece])] = colour
    return picture


def _edges(labels: np.ndarray) -> np.ndarray:
    """Return the pixels of objects that touch another number below or to the right."""
    edges = np.zeros(labels.shape, bool)
    edges[:-1] |= labels[:-1] != labels[1:]
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return edges


def measure(
    model: nu.Model,
    starter: str,
    diameter: float,
    pairs: Iterator[Pair],
    *,
    sparse: bool,
) -> Tally:
    """Segment images and compare."""
    tally = Tally()
    for image, true in pairs:
        start = time.perf_counter()
        found, zoom = segment_as_users_do(image, model)
        tally.seconds.append(time.perf_counter() - start)
        tally.chosen += nu.choose_starter(image).model.card.name == starter
        tally.scores += nu.evaluate(found, true)
        tally.matched += matched_ious(found, true)
        size = median_diameter(true, np.nan)
        if np.isfinite(size) and not sparse:
            tally.zooms.append(zoom * size / diameter)
        if len(tally.strip) < PICTURES:
            tally.strip.append(draw(image, true, found))
    return tally


def rows(
    data: Path, sets: list[RealSet], model: nu.Model, limit: int | None
) -> Iterator[tuple[str, Tally, bool]]:
    """Yield the name, the tally and whether it is sparse, for each row."""
    for each in sets:
        stems = each.unseen(data)[:limit]
        for factor in RESCALED if each.rescaled else (1.0,):
            pairs = (rescale(pair, factor) for pair in each.read(data, stems))
            tally = measure(
                model, each.starter, each.diameter, pairs, sparse=each.sparse
            )
            name = each.name if factor == 1 else f"{each.name} × {factor:g}"
            yield name, tally, each.sparse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=data_folder, required=True)
    parser.add_argument("--out", type=Path, help="folder for strips of pictures")
    parser.add_argument(
        "--models", nargs="+", default=list(STARTERS), metavar="NAME[=FOLDER]"
    )
    names = [each.name for each in SETS]
    parser.add_argument(
        "--sets", nargs="+", default=names, choices=names, help="only these"
    )
    parser.add_argument("--limit", type=int, help="images of each set, at most")
    options = parser.parse_args()
    check_data(options.data, options.sets)
    folders = name_folders(options.models)
    starters = {name: open_starter(folder) for name, folder in folders.items()}
    print(f"{describe_hardware()}\n\n{HEAD}")
    for starter, model in starters.items():
        if model is None:
            continue
        sets = [
            each
            for each in SETS
            if each.starter == starter
            and each.name in options.sets
            and each.stems(options.data)
        ]
        for name, tally, sparse in rows(options.data, sets, model, options.limit):
            print(tally.row(name, sparse=sparse), flush=True)
            if options.out is not None:
                options.out.mkdir(parents=True, exist_ok=True)
                stem = name.replace("/", "_").replace(" × ", "_x")
                file = options.out / f"{stem}.png"
                Picture.fromarray(np.hstack(tally.strip)).save(file)


if __name__ == "__main__":
    main()
