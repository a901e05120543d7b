"""Train from scratch on a few real images, through the command line, and score others.

    python benchmarks/real_images.py --data FOLDER [--only isbi2012_em] [--seeds 0 1]

FOLDER holds ``<set>/images`` and ``<set>/<masks>`` with equal stems. Prints a table in
Markdown with the hardware. Base 16, everything else by default.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from data_folder import data_folder
from hardware import describe_hardware


@dataclass(frozen=True)
class Task:
    """What to train on, for how long, and what to reach."""

    name: str
    masks: str
    train: slice
    test: slice
    seconds: int
    measure: str
    target: float


TASKS = (
    Task("bbbc039_u2os", "masks", slice(0, 3), slice(3, 15), 60, "f1", 0.93),
    Task("ctc_phc_u373", "masks", slice(0, 5), slice(5, None), 90, "seg", 0.76),
    Task("isbi2012_em", "instances", slice(0, 5), slice(16, 24), 90, "f1", 0.84),
)


def call(*arguments: object) -> dict:
    """Run a command of the program and return its JSON."""
    command = [sys.executable, "-c", "from napari_unet.cli import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments), "--json"], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr.splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def pick(data: Path, task: Task, part: slice, folder: Path) -> tuple[Path, Path]:
    """Link a part of a set's images and masks into a folder of their own."""
    masks = sorted((data / task.name / task.masks).glob("*.tif"))[part]
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for mask in masks:
        (image,) = (data / task.name / "images").glob(f"{mask.stem}.*")
        shutil.copy(image, folder / "images" / image.name)
        shutil.copy(mask, folder / "labels" / mask.name)
    return folder / "images", folder / "labels"


def run(data: Path, task: Task, folder: Path, seed: int) -> tuple[dict, dict]:
    """Train, segment and evaluate; return what the commands said."""
    train = pick(data, task, task.train, folder / "train")
    images, labels = pick(data, task, task.test, folder / "test")
    model, out = folder / "model", folder / "out"
    limits = ("--seconds", task.seconds, "--base-channels", 16, "--seed", seed)
    trained = call("train", *train, "--model", model, *limits)
    call("segment", images, "--model", model, "--out", out)
    return trained, call("evaluate", out, labels)["overall"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=data_folder, required=True)
    names = [task.name for task in TASKS]
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    print(f"{describe_hardware()}\n")
    print("| set | images | seconds | iterations | measure | to beat | reached |")
    print("|---|--:|--:|--:|---|--:|--:|")
    for task in TASKS:
        for seed in options.seeds if task.name in options.only else []:
            with tempfile.TemporaryDirectory() as folder:
                trained, scores = run(options.data, task, Path(folder), seed)
            print(
                f"| {task.name} | {task.train.stop} | {trained['seconds']:.0f} "
                f"| {trained['iterations']} | {task.measure.upper()} | {task.target} "
                f"| {scores[task.measure]:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
