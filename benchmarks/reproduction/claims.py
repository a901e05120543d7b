"""What the reproductions of the paper's claims share.

Each script trains and scores through the command line, as a user would.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from data_folder import data_folder
from hardware import describe_hardware


def parse(description: str | None, **defaults: object) -> argparse.Namespace:
    """Read --data, --picture and whole numbers or lists of them with these defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=data_folder, required=True)
    parser.add_argument("--picture", type=Path, help="PNG to write")
    for name, default in defaults.items():
        many = isinstance(default, list)
        parser.add_argument(
            f"--{name}", type=int, default=default, nargs="+" if many else None
        )
    return parser.parse_args()


def call(*arguments: object) -> dict:
    """Run a command of the program and return its JSON."""
    command = [sys.executable, "-c", "from napari_unet.cli import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments), "--json"], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr.splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def copy_pairs(
    images: Path, labels: Path, stems: Iterable[str], folder: Path
) -> tuple[Path, Path]:
    """Copy pairs of files of equal stem into a folder; return where they are."""
    for kind, source in (("images", images), ("labels", labels)):
        target = folder / kind
        target.mkdir(parents=True, exist_ok=True)
        for stem in stems:
            (file,) = source.glob(f"{stem}.*")
            shutil.copy(file, target / file.name)
    return folder / "images", folder / "labels"


def stems(labels: Path) -> list[str]:
    """Return the stems of the label images of a folder, in order."""
    return sorted(path.stem for path in labels.glob("*.tif"))


def print_table(
    head: Sequence[str], rows: Iterable[Sequence[object]]
) -> list[Sequence[object]]:
    """Print a table in Markdown, with the machine above it, row by row; return it."""
    print(f"{describe_hardware()}\n")
    print(f"| {' | '.join(head)} |")
    print(f"|{'--:|' * len(head)}")
    printed = []
    for row in rows:
        cells = (f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        printed.append(row)
    return printed


def draw_chart(path: Path | None, title: str, rows: dict[str, list[float]]) -> None:
    """Write a PNG with a line for each condition and a dot for each run of it.

    The axis begins at 0. Pictures of the images themselves are not made: they are not
    ours to publish.
    """
    if path is None or not rows:
        return
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(15)
    left, width, height, top = 230, 420, 30, 44
    picture = Image.new("RGB", (left + width + 110, top + height * len(rows)), "white")
    pen = ImageDraw.Draw(picture)
    pen.text((10, 10), title, fill="black", font=font)
    longest = max(max(values) for values in rows.values()) or 1.0
    for line, (name, values) in enumerate(rows.items()):
        y = top + height * line + height // 2
        pen.text((left - 12, y), name, fill="black", font=font, anchor="rm")
        pen.line([(left, y), (left + width, y)], fill="#cccccc")
        for value in values:
            x = left + width * value / longest
            pen.ellipse([x - 5, y - 5, x + 5, y + 5], fill="#2a6fbb", outline="white")
        mean = sum(values) / len(values)
        pen.text(
            (left + width + 12, y), f"{mean:.3g}", fill="black", font=font, anchor="lm"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def group(
    rows: Iterable[Sequence[object]], names: Sequence[int], value: int
) -> dict[str, list[float]]:
    """Return the values of a column by what stands in other columns."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        name = ", ".join(str(row[column]) for column in names)
        groups.setdefault(name, []).append(float(str(row[value])))
    return groups
