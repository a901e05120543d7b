"""Does the viewer stay smooth while a network learns? Measure it in the real viewer.

    xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python benchmarks/event_loop.py

(on a machine with a screen, without ``xvfb-run``). A 2048 x 2048 labels layer gets a
paint stroke every 100 ms, while a timer that is due every 10 ms notes how late it
comes: that is how long a click would have waited. First in napari alone, then with the
dock, then while a training runs from the Fine-tune dock, with its curves and preview.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import napari
import numpy as np
import psutil
from qtpy.QtCore import QEventLoop, Qt, QTimer

from napari_unet.samples import fluorescence_nuclei
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.dock import UNetDock
from napari_unet.widgets.layers import add_labels

DUE_MSEC = 10
STROKE_MSEC = 100
SECTION = "Fine-tune"


class DelayMeter:
    """Notes by how many milliseconds a timer comes too late."""

    def __init__(self):
        self.delays = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(DUE_MSEC)
        self._timer.timeout.connect(self._note)

    def start(self):
        """Begin anew."""
        self.delays.clear()
        self._due = time.perf_counter() + DUE_MSEC / 1000
        self._timer.start()

    def stop(self):
        """Return the delays since the start."""
        self._timer.stop()
        return np.array(self.delays)

    def _note(self):
        now = time.perf_counter()
        self.delays.append(max(0.0, now - self._due) * 1000)
        self._due = now + DUE_MSEC / 1000


class Painter:
    """Paints a short stroke at random every 100 ms, as a busy hand does."""

    def __init__(self, layer):
        self._layer, self._random = layer, np.random.default_rng(0)
        self._timer = QTimer()
        self._timer.setInterval(STROKE_MSEC)
        self._timer.timeout.connect(self._paint)
        self._timer.start()

    def _paint(self):
        y, x = self._random.integers(50, np.array(self._layer.data.shape) - 50)
        label = int(self._random.integers(1, 1000))
        for step in range(0, 30, 6):
            self._layer.paint((y, x + step), label)


def wait(seconds, until=None):
    """Let Qt's own event loop run; never poll, that would hide delays."""
    loop, clock = QEventLoop(), QTimer()
    start = time.perf_counter()

    def look():
        if time.perf_counter() - start > seconds or (until and until()):
            loop.quit()

    clock.timeout.connect(look)
    clock.start(50)
    loop.exec()
    clock.stop()


def measure(meter, seconds):
    meter.start()
    wait(seconds)
    return meter.stop()


def open_viewer(size):
    """Open napari with a large, fully annotated image."""
    sample = fluorescence_nuclei((512, 512))
    tiles = (-(-size // 512),) * 2
    image = np.tile(sample.image, tiles)[:size, :size]
    labels = np.tile(sample.labels, tiles)[:size, :size].astype(np.uint16)
    viewer = napari.Viewer()
    layer = viewer.add_image(image, name="nuclei")
    annotation = add_labels(viewer, layer, "annotation", labels)
    annotation.brush_size = 20
    return viewer, layer, annotation


def open_dock(viewer, image):
    """Add the dock, as it is when one is about to train."""
    dock = UNetDock(viewer)
    viewer.window.add_dock_widget(dock, name="U-Net")
    choose_image(viewer, image)
    dock.open_section(SECTION)
    return dock


def start_training(dock, seconds):
    """Press the button and wait until the network really learns."""
    session = dock.session
    session.train_config = session.train_config.replaced(seconds=seconds)
    section = dock.section(SECTION)
    section._button.click()
    wait(120, until=lambda: section._progress.value() > 0)
    return session.job


def hardware():
    lines = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    names = [x.split(":")[1].strip() for x in lines.splitlines() if "model name" in x]
    name = names[0] if names else platform.processor()
    return f"{name}, {psutil.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument(
        "--size", type=int, default=2048, help="of the image, in pixels"
    )
    options = parser.parse_args()
    machine = hardware()
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_UNET_HOME"] = home
        viewer, image, annotation = open_viewer(options.size)
        wait(3)
        painter, meter = Painter(annotation), DelayMeter()
        wait(2)
        rows = {"painting, napari alone": measure(meter, options.seconds)}
        dock = open_dock(viewer, image)
        wait(5)
        rows["painting, with the dock"] = measure(meter, options.seconds)
        job = start_training(dock, 10 * options.seconds + 600)
        rows["painting and training"] = measure(meter, options.seconds)
        painter._timer.stop()
        job.cancel()
        wait(60, until=lambda: not dock.session.is_busy)
        viewer.close()
    print(f"\nEvent-loop delay in ms, {options.size}² labels; {machine}\n")
    print("| | p50 | p99 | longest | samples |\n|---|--:|--:|--:|--:|")
    for name, delays in rows.items():
        p50, p99 = np.percentile(delays, (50, 99))
        print(
            f"| {name} | {p50:.1f} | {p99:.1f} | {delays.max():.1f} | {len(delays)} |"
        )


if __name__ == "__main__":
    main()
