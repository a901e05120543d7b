"""Real data of each kind through train, segment or detect, and evaluate.

    python benchmarks/kinds.py --data FOLDER [--only NAME ...] [--iterations N]

RGB, several classes, volumes, planes as channels, five channels, movies, extreme
shapes, 16 bit with an offset, points: whether the whole way works for each, with a
short training from scratch. Prints a table in Markdown with the hardware.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data_folder import data_folder
from hardware import describe_hardware
from real_images import call
from scipy import ndimage

HEAD = "| set | kind | trained on | scored on | iterations | score | |"


@dataclass(frozen=True)
class Task:
    """A set, what is special about it, how it is split, and which options it needs."""

    name: str
    kind: str
    train: slice
    test: slice
    options: tuple[object, ...] = ()
    classes: bool = False
    points: bool = False
    frames: bool = False  # one file whose planes are split instead of files


TASKS = (
    Task("dsb2018_rgb_histo", "RGB", slice(0, 12), slice(12, None)),
    Task("gbm40_he_nuclei", "RGB", slice(0, 8), slice(8, 16)),
    Task("wbc_multiclass_rgb", "RGB, three classes", slice(0, 50), slice(50, None),
         ("--classes", "background,cytoplasm,nucleus"), classes=True),
    Task("vnc_em_multiclass", "five classes", slice(0, 7), slice(7, None),
         ("--classes", "membrane,inside,mitochondria,synapse,glia"), classes=True),
    Task("nuclei_3d_small", "volumes", slice(0, 1), slice(1, 2),
         ("--preset", "fast-3d")),
    Task("baby_yeast_bf_zstack", "five planes as channels", slice(0, 11),
         slice(11, None), ("--planes-as-channels",)),
    Task("imc_5ch_pancreas", "five channels", slice(0, 2), slice(2, 3)),
    Task("ctc_phc_u373_timelapse", "movie", slice(0, 8), slice(20, 28), frames=True),
    Task("baby_mother_machine", "869 × 51 px", slice(0, 1), slice(1, 2)),
    Task("ctc_fluo_n2dl_hela", "16 bit with an offset of 32768", slice(0, 2),
         slice(2, None)),
    Task("bbbc039_u2os", "points", slice(0, 6), slice(6, 14), points=True),
)  # fmt: skip


def split(data: Path, task: Task, part: slice, folder: Path) -> tuple[Path, Path]:
    """Copy a part of a set into a folder of its own; points are centres of masks."""
    images, labels = folder / "images", folder / "labels"
    images.mkdir(parents=True)
    labels.mkdir()
    masks = sorted((data / task.name / "masks").glob("*.tif"))
    for mask in masks if task.frames else masks[part]:
        (image,) = (data / task.name / "images").glob(f"{mask.stem}.*")
        if task.frames:
            _cut_frames(image, mask, part, images, labels)
        else:
            shutil.copy(image, images / image.name)
            if task.points:
                _write_centres(mask, labels)
            else:
                shutil.copy(mask, labels / mask.name)
    return images, labels


def _cut_frames(
    image: Path, mask: Path, part: slice, images: Path, labels: Path
) -> None:
    import tifffile

    for source, folder in ((image, images), (mask, labels)):
        frames = tifffile.imread(source)[part]
        tifffile.imwrite(
            folder / f"{mask.stem}.tif", frames, imagej=True, metadata={"axes": "TYX"}
        )


def _write_centres(mask: Path, folder: Path) -> None:
    from napari_unet.formats.images import read_labels

    labels = read_labels(mask)
    numbers = np.unique(labels[labels > 0])
    centres = ndimage.center_of_mass(labels > 0, labels, numbers)
    lines = ["y,x", *(f"{y:.2f},{x:.2f}" for y, x in centres)]
    (folder / f"{mask.stem}.csv").write_text("\n".join(lines) + "\n")


def run(data: Path, task: Task, iterations: int, folder: Path) -> tuple[dict, dict]:
    """Train, predict and evaluate; return what the commands said."""
    train = split(data, task, task.train, folder / "train")
    images, labels = split(data, task, task.test, folder / "test")
    model, out = folder / "model", folder / "out"
    options = list(task.options)
    if task.classes:
        options += ["--annotation", "classes"]
    if task.points:
        options += ["--points"]
    trained = call(
        "train", *train, "--model", model, "--iterations", iterations, *options
    )
    call("detect" if task.points else "segment", images, "--model", model, "--out", out)
    how = ["--classes"] if task.classes else []
    if task.kind == "volumes":
        how = ["--volumes"]
    scored = call("evaluate", out, labels, *how)
    return trained, scored["overall"]


def say(task: Task, scores: dict) -> str:
    """Return the score that tells most."""
    if task.classes:
        return f"{scores['mean_iou']:.3f} | mean IoU"
    if task.points:
        return f"{scores['f1']:.3f} | F1 at 3 px"
    return f"{scores['f1']:.3f} | F1 at IoU 0.5; pixel IoU {scores['iou']:.3f}"


def rows(data: Path, names: list[str], iterations: int) -> Iterator[str]:
    """Yield a line of the table for each set."""
    for task in TASKS:
        if task.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            trained, scores = run(data, task, iterations, Path(folder))
        unit = "frames" if task.frames else "files"
        first = task.train.stop - (task.train.start or 0)
        stop = task.test.stop
        last = "the others" if stop is None else f"{stop - task.test.start} {unit}"
        yield (
            f"| {task.name} | {task.kind} | {first} {unit} | {last} "
            f"| {trained['iterations']} | {say(task, scores)} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=data_folder, required=True)
    names = [task.name for task in TASKS]
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    parser.add_argument("--iterations", type=int, default=250)
    options = parser.parse_args()
    print(f"{describe_hardware()}\n\n{HEAD}\n|---|---|--:|--:|--:|--:|---|")
    for row in rows(options.data, options.only, options.iterations):
        print(row, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
