"""How long after a brush stroke is the weight map up to date? In the real viewer.

    xvfb-run -a .venv/bin/python benchmarks/live_weight_map.py

(on a machine with a screen, without ``xvfb-run``). Paints single strokes on a fully
annotated 1024 x 1024 image and waits for each until the layer has the new map.
"""

import argparse
import os
import tempfile
import time

import numpy as np
from event_loop import hardware, open_viewer, wait

from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.dock import UNetDock
from napari_unet.widgets.layers import find_layer


def time_stroke(annotation, weights, random):
    """Paint a stroke; return the milliseconds until the map changes."""
    changed = []

    def note(_event):
        changed.append(time.perf_counter())

    weights.events.data.connect(note)
    y, x = random.integers(50, np.array(annotation.data.shape) - 50)
    number = int(annotation.data.max()) + 1
    start = time.perf_counter()
    annotation.paint((y, x), number)
    wait(5, until=lambda: changed)
    weights.events.data.disconnect(note)
    return (changed[0] - start) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strokes", type=int, default=60)
    parser.add_argument("--size", type=int, default=1024, help="of the image, in px")
    options = parser.parse_args()
    machine, random = hardware(), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_UNET_HOME"] = home
        viewer, image, annotation = open_viewer(options.size)
        dock = UNetDock(viewer)
        viewer.window.add_dock_widget(dock, name="U-Net")
        choose_image(viewer, image)
        dock.open_section("Weight map")
        dock.section("Weight map")._live.setChecked(True)
        wait(20, until=lambda: find_layer(viewer, image, "weight map") is not None)
        wait(3)
        weights = find_layer(viewer, image, "weight map")
        times = []
        for _ in range(options.strokes):
            times.append(time_stroke(annotation, weights, random))
            wait(0.3)
        viewer.close()
    p50, p95 = np.percentile(times, (50, 95))
    print(f"\nStroke to weight map in ms, {options.size}² labels; {machine}\n")
    print("| p50 | p95 | longest | strokes |\n|--:|--:|--:|--:|")
    print(f"| {p50:.0f} | {p95:.0f} | {max(times):.0f} | {len(times)} |")


if __name__ == "__main__":
    main()
