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

from hardware import describe_hardware

PICTURES = Path(__file__).parents[2] / "docs" / "images"


def parse(description: str | None, **defaults: object) -> argparse.Namespace:
    """Read --data, --picture and whole numbers or lists of them with these defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True)
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


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown, with the machine above it, row by row."""
    print(f"{describe_hardware()}\n")
    print(f"| {' | '.join(head)} |")
    print(f"|{'--:|' * len(head)}")
    for row in rows:
        cells = (f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def draw(path: Path | None, panels: dict[str, object]) -> None:
    """Write arrays beside each other, each under its name, as a PNG.

    Labels are drawn in random colours, everything else in grey values.
    """
    if path is None:
        return
    import numpy as np
    from PIL import Image, ImageDraw

    tiles = []
    for title, panel in panels.items():
        array = np.asarray(panel)
        if array.dtype.kind in "ui" and array.dtype.itemsize > 1:
            colours = np.random.default_rng(1).integers(60, 255, (array.max() + 1, 3))
            colours[0] = 0
            picture = colours[array].astype(np.uint8)
        else:
            low, high = np.percentile(array, (0.5, 99.5))
            grey = np.clip((array - low) / max(high - low, 1e-9), 0, 1)
            picture = np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=2)
        tile = Image.fromarray(picture[:400, :400])
        canvas = Image.new("RGB", (tile.width, tile.height + 18), "white")
        canvas.paste(tile, (0, 18))
        ImageDraw.Draw(canvas).text((3, 3), title, fill="black")
        tiles.append(canvas)
    sheet = Image.new(
        "RGB",
        (
            sum(t.width for t in tiles) + 6 * (len(tiles) - 1),
            max(t.height for t in tiles),
        ),
        "white",
    )
    left = 0
    for tile in tiles:
        sheet.paste(tile, (left, 0))
        left += tile.width + 6
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
