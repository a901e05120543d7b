"""From the click on Segment to the first labels in view: what takes how long.

    xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python \
        benchmarks/first_labels.py [--model FOLDER] [--size 1024] [--repeats 10]

(on a machine with a screen, without ``xvfb-run``). In the real viewer with the dock
open, on an image of synthetic nuclei. The first click finds PyTorch loaded, which the
dock sees to as soon as an image is open, but the network not yet used; the others are
warm. For each: until labels are in the layer, until they are drawn, until the
segmentation is finished. Without --model the program chooses a starter at each click,
as it does for everybody at first. Beside it, on a thread of the same priority, what the
network alone takes for as many pixels.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import napari
import numpy as np
from event_loop import hardware, wait

from napari_unet.core.model_folders import STARTERS
from napari_unet.samples import fluorescence_nuclei
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.dock import UNetDock
from napari_unet.widgets.layers import find_layer

GOAL = 1.0
LONGEST = 120


def open_viewer(size: int, model: Path | None) -> tuple[napari.Viewer, UNetDock]:
    """Open an image and the dock, and wait until nothing happens any more."""
    sample = fluorescence_nuclei((512, 512))
    tiles = (-(-size // 512),) * 2
    viewer = napari.Viewer()
    layer = viewer.add_image(np.tile(sample.image, tiles)[:size, :size], name="nuclei")
    dock = UNetDock(viewer)
    viewer.window.add_dock_widget(dock, name="U-Net")
    choose_image(viewer, layer)
    dock.session.model_folder = model
    dock.open_section("Segment")
    wait(LONGEST, until=lambda: "torch" in sys.modules)
    wait(5)
    return viewer, dock


def click(viewer: napari.Viewer, dock: UNetDock) -> dict[str, float]:
    """Press Segment; return the seconds until each thing has happened."""
    image, session = viewer.layers["nuclei"], dock.session
    if (old := find_layer(viewer, image, "prediction")) is not None:
        viewer.layers.remove(old)
        wait(0.5)
    begun = time.perf_counter()
    seen: dict[str, float] = {}

    def note(name: str) -> None:
        seen.setdefault(name, time.perf_counter() - begun)

    def look(_event: object = None) -> None:
        layer = find_layer(viewer, image, "prediction")
        if layer is not None and "first labels in the layer" not in seen:
            if layer.data.any():
                note("first labels in the layer")
        elif "first labels in the layer" in seen:
            note("drawn")

    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    canvas.events.draw.connect(look)
    session.events.segmentation.connect(lambda _: note("finished"))
    dock.section("Segment")._button.click()
    note("the button is free again")
    deadline = time.perf_counter() + LONGEST
    while "finished" not in seen and time.perf_counter() < deadline:
        wait(0.02)
        look()
    wait(0.3)
    look()
    canvas.events.draw.disconnect(look)
    return seen


def network_alone(model: Path | str, size: int, repeats: int) -> float:
    """Return the seconds of the bare network for the image, as a job computes it."""
    import torch

    from napari_unet.core.checkpoint import load_model
    from napari_unet.core.device import choose_compute, place
    from napari_unet.priority import leave_room

    found = []

    def work() -> None:
        leave_room()
        compute, network = choose_compute("cpu"), load_model(model).network
        place(network, compute.device)
        image = torch.randn(1, 1, size, size).contiguous(
            memory_format=torch.channels_last
        )
        for _ in range(repeats + 1):
            start = time.perf_counter()
            with torch.inference_mode(), compute.autocast():
                network(image)
            found.append(time.perf_counter() - start)

    thread = threading.Thread(target=work)
    thread.start()
    wait(LONGEST, until=lambda: not thread.is_alive())
    return statistics.median(found[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="a model folder")
    parser.add_argument("--size", type=int, default=1024, help="of the image, in px")
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    machine = hardware()
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_UNET_HOME"] = home
        model = options.model and options.model.resolve()
        viewer, dock = open_viewer(options.size, model)
        first = click(viewer, dock)
        warm = [click(viewer, dock) for _ in range(options.repeats)]
        alone = network_alone(model or STARTERS[0], options.size, 3)
        viewer.close()
    print(f"\nFrom click to labels, {options.size}², seconds; {machine}\n")
    print("| until | first click | warm (median) | warm (longest) | goal |")
    print("|---|--:|--:|--:|--:|")
    for step in first:
        times = [each[step] for each in warm if step in each]
        goal = f"{GOAL:g}" if step == "drawn" else ""
        print(
            f"| {step} | {first[step]:.2f} | {statistics.median(times):.2f} "
            f"| {max(times):.2f} | {goal} |"
        )
    print(f"| *the bare network* | | {alone:.2f} | | |")


if __name__ == "__main__":
    main()
