"""What importing the package and opening the dock take, beyond napari's own part.

    xvfb-run -a .venv/bin/python benchmarks/startup.py [--repeats 5] [--slowest 10]

(on a machine with a screen, without ``xvfb-run``). Every measurement is a process of
its own. napari's own part is what an empty dock costs: the window, the look through the
plugins, and Qt's layout. Both processes open the same window; the shortest of several
runs counts. ``--slowest`` lists the modules that take longest, as ``python -X
importtime`` sees them. Ends with 1 if torch was loaded.
"""

import argparse
import json
import subprocess
import sys

from hardware import describe_hardware

IMPORT = """
import json, sys, time
start = time.perf_counter(), time.process_time()
{statement}
stop = time.perf_counter(), time.process_time()
print(json.dumps([stop[0] - start[0], stop[1] - start[1], "torch" in sys.modules]))
"""
OPEN = """
import json, sys, time
import napari
from napari.settings import get_plugin_settings
from qtpy.QtWidgets import QApplication, QLabel

viewer = napari.Viewer()
get_plugin_settings("napari-unet-live")
viewer.window.add_dock_widget(QLabel("first"), name="first")  # Qt's own preparations
for _ in range(20):
    QApplication.processEvents()
start = time.perf_counter(), time.process_time()
{statement}
viewer.window.add_dock_widget(dock, name="U-Net")
QApplication.processEvents()
stop = time.perf_counter(), time.process_time()
print(json.dumps([stop[0] - start[0], stop[1] - start[1], "torch" in sys.modules]))
sys.stdout.close()
import os
os._exit(0)
"""
OURS = "from napari_unet.widgets.dock import UNetDock\ndock = UNetDock(viewer)"
EMPTY = 'dock = QLabel("empty")'


def run(code: str) -> tuple[float, float, bool]:
    """Return what a process counted: seconds, those of the processor, had it torch."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    seconds, busy, torch = json.loads(done.stdout.splitlines()[-1])
    return seconds, busy, torch


def shortest(code: str, repeats: int) -> tuple[float, float, bool]:
    """Return the shortest times of several runs, and whether any had torch."""
    seconds, busy, torch = zip(*(run(code) for _ in range(repeats)), strict=True)
    return min(seconds), min(busy), any(torch)


def slowest_modules(count: int) -> list[tuple[float, str]]:
    """Return the milliseconds that our modules, and what only they need, take."""
    code = (
        "from napari._qt.qt_main_window import Window; import napari_unet; "
        "from napari_unet.widgets.dock import UNetDock"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True
    )
    lines = [line for line in done.stderr.splitlines() if "|" in line][1:]
    rows = [line.partition(":")[2].split("|") for line in lines]
    first = [name.strip() for *_, name in rows].index("napari_unet")
    times = [(int(own) / 1000, name.strip()) for own, _, name in rows[first:]]
    return sorted(times)[-count:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slowest", type=int, default=0, help="modules to list")
    options = parser.parse_args()
    repeats = options.repeats
    nothing = shortest(IMPORT.format(statement=""), repeats)
    package = shortest(IMPORT.format(statement="import napari_unet"), repeats)
    empty = shortest(OPEN.format(statement=EMPTY), repeats)
    dock = shortest(OPEN.format(statement=OURS), repeats)
    rows = {
        "`import napari_unet`": (package, nothing, "0.3"),
        "an empty dock (napari's own)": (empty, (0, 0), ""),
        "opening our dock, beyond that": (dock, empty, "0.3"),
    }
    print(f"{describe_hardware()}\n")
    print("| step | seconds | of the processor | goal | torch loaded |")
    print("|---|--:|--:|--:|---|")
    for step, ((seconds, busy, torch), less, goal) in rows.items():
        loaded = "yes" if torch else "no"
        print(
            f"| {step} | {seconds - less[0]:.3f} | {busy - less[1]:.3f} | {goal} "
            f"| {loaded} |"
        )
    if options.slowest:
        print("\n| module | ms of its own |\n|---|--:|")
        for milliseconds, name in reversed(slowest_modules(options.slowest)):
            print(f"| {name} | {milliseconds:.0f} |")
    sys.exit(package[2] or dock[2])


if __name__ == "__main__":
    main()
