"""What the journal adds to a stroke of the brush, and what comes back after kills.

    python benchmarks/strokes.py [--size 4096] [--strokes 200] [--kills 200]

Strokes are painted through napari's own labels layer, each of 60 dabs with a brush of
40 px, once without and once with the dock's keeper that notes them. *Noted* is what one
stroke takes from its end until it is in the journal. Then a program that paints is
killed at random moments, again and again, and what comes back is compared with what it
said to have noted: a stroke that was noted must be there. Prints Markdown.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from hardware import describe_hardware

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

_DABS, _BRUSH = 60, 40
_PAINTER = """
import sys
from pathlib import Path
import numpy as np
from napari_unet.desk import Desk
desk = Desk(Path(sys.argv[1]))
desk.begin("a", (512, 512), np.dtype("uint16"))
array, rng = desk.arrays["a"].copy(), np.random.default_rng(int(sys.argv[2]))
print("ready", flush=True)
while True:
    y, x, side = rng.integers(0, 480), rng.integers(0, 480), rng.integers(1, 32)
    array[y : y + side, x : x + side] = rng.integers(1, 60000)
    desk.note("a", array)
    print("noted", flush=True)
"""


def paint(layer, start: np.ndarray, number: int, rng: np.random.Generator) -> float:
    """Paint a stroke; return the milliseconds of its end, when napari tells of it."""
    way = np.cumsum(rng.normal(0, 8, (_DABS, 2)), axis=0) + start
    with layer.block_history():
        for place in np.clip(way, 0, np.array(layer.data.shape) - 1):
            layer.paint(place, number, refresh=False)
        begun = time.perf_counter()
    return 1e3 * (time.perf_counter() - begun)


def measure_strokes(size: int, strokes: int, *, noted: bool) -> np.ndarray:
    """Return milliseconds of the end of each stroke."""
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QApplication

    from napari_unet.desk_folders import KeptDesk, KeptImage
    from napari_unet.widgets.chosen import choose_image
    from napari_unet.widgets.desk_keeper import DeskKeeper
    from napari_unet.widgets.layers import add_labels

    application = QApplication.instance() or QApplication([])
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((size, size), np.uint8), name="image")
    layer = add_labels(viewer, image, "annotation")
    choose_image(viewer, image)
    keeper = None
    if noted:
        kept = KeptDesk("strokes", KeptImage("image", "", (size, size)))
        keeper = DeskKeeper(viewer, image, kept)
        keeper.watch()
    layer.mode, layer.brush_size = "paint", _BRUSH
    rng = np.random.default_rng(0)
    taken = []
    for number in range(1, strokes + 1):
        taken.append(paint(layer, rng.integers(0, size, 2), number, rng))
        application.processEvents()
    if keeper is not None:
        if keeper.kept.desk.steps != strokes:
            raise SystemExit(f"Only {keeper.kept.desk.steps} strokes were noted.")
        keeper.close()
    return np.array(taken)


def kill(path: Path, seed: int, rng: random.Random) -> int:
    """Kill a painter; return how many strokes came back, all of them as painted."""
    from napari_unet.desk import Desk

    with Desk(path) as desk:
        begun = desk.steps
        expected = desk.arrays.get("a", np.zeros((512, 512), np.uint16)).copy()
    command = [sys.executable, "-c", _PAINTER, str(path), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as painter:
        assert painter.stdout is not None
        painter.stdout.readline()
        time.sleep(rng.uniform(0, 0.1))
        painter.kill()
        said = painter.stdout.read().count(b"noted\n")
    with Desk(path) as desk:
        back, found = desk.steps - begun, desk.arrays["a"]
        strokes = np.random.default_rng(seed)
        for _ in range(back):
            y, x, side = (strokes.integers(*n) for n in ((0, 480), (0, 480), (1, 32)))
            expected[y : y + side, x : x + side] = strokes.integers(1, 60000)
        if back < said or not np.array_equal(found, expected):
            raise SystemExit(
                f"Kill {seed}: {said} strokes were noted, {back} are back."
            )
    return back


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args()
    print(f"{describe_hardware()}\n")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_UNET_HOME"] = folder
        print("| end of a stroke | median | 99 % | most |\n|---|--:|--:|--:|")
        for noted in (False, True):
            taken = measure_strokes(options.size, options.strokes, noted=noted)
            middle, late = np.percentile(taken, (50, 99))
            name = "noted in the journal" if noted else "napari alone"
            print(
                f"| {name} | {middle:.1f} ms | {late:.1f} ms | {taken.max():.1f} ms |"
            )
        rng, path = random.Random(0), Path(folder) / "killed"
        back = sum(kill(path, seed, rng) for seed in range(options.kills))
    print(f"\n{options.kills} kills, {back} strokes: all that were noted came back.")


if __name__ == "__main__":
    main()
