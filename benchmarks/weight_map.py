"""Time the weight map: ours, one whole-image EDT, and one EDT per object.

Run ``python benchmarks/weight_map.py``; it prints a Markdown table. Nothing is read or
written. "EDT" is `scipy.ndimage.distance_transform_edt`; "per object" computes the
border-distance term with one EDT per object, in its box grown by the reach.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
from scipy import ndimage

from napari_unet.core.annotation.target import make_target
from napari_unet.core.annotation.weight_map import (
    border_distance_term,
    compute_weight_map,
)

W0, SIGMA = 10.0, 5.0
REACH = 29  # px; farther off the term is below 1e-7 of its height

# Shape, objects along each axis, pixel size.
CASES = [
    ((512, 512), (10, 16), (1.0, 1.0)),
    ((1024, 1024), (25, 26), (1.0, 1.0)),
    ((1024, 1024), (25, 26), (1.0, 1.3)),
    ((4096, 4096), (100, 100), (1.0, 1.0)),
    ((32, 256, 256), (1, 8, 8), (1.0, 1.0, 1.0)),
    ((32, 256, 256), (1, 8, 8), (3.0, 1.0, 1.0)),
]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    print(describe_machine(), end="\n\n")
    print(
        "| image | objects | pixel | one EDT, s | border-distance term, s | in EDTs | "
        "labels to weight map, s | in EDTs | EDT per object, s | largest difference |"
    )
    print("|---|--:|---|--:|--:|--:|--:|--:|--:|--:|")
    for shape, grid, size in CASES:
        labels = paint_objects(shape, grid)
        background = labels == 0
        repeats = 3 if labels.size > 2e6 else 7
        one, _ = measure(
            lambda b=background, s=size: ndimage.distance_transform_edt(b, s), repeats
        )
        ours, term = measure(
            lambda n=labels, s=size: border_distance_term(n, pixel_size=s), repeats
        )
        whole, _ = measure(
            lambda n=labels, s=size: compute_weight_map(make_target(n), pixel_size=s),
            repeats,
        )
        each, plain = measure(lambda n=labels, s=size: term_per_object(n, s), 1)
        print(
            f"| {' × '.join(map(str, shape))} | {len(np.unique(labels)) - 1} | "
            f"{' × '.join(f'{s:g}' for s in size)} | {one:.3f} | {ours:.3f} | "
            f"{ours / one:.2f} | {whole:.3f} | {whole / one:.2f} | {each:.3f} | "
            f"{np.abs(term - plain).max():.0e} |",
            flush=True,
        )


def describe_machine() -> str:
    """Return one line about hardware and versions."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if "model name" in x]
        processor = names[0].split(":")[1].strip() if names else processor
    return (
        f"{processor}, {os.cpu_count()} cores; {platform.system()}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, SciPy "
        f"{scipy.__version__}. w0 = {W0:g}, σ = {SIGMA:g}; best of several runs."
    )


def measure(
    function: Callable[[], np.ndarray], repeats: int
) -> tuple[float, np.ndarray]:
    """Return the shortest of `repeats` times in seconds, and the result."""
    shortest = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest, result


def paint_objects(shape: tuple[int, ...], grid: tuple[int, ...]) -> np.ndarray:
    """Return one object per node of a shaken grid; most touch or nearly do."""
    rng = np.random.default_rng(0)
    labels = np.zeros(shape, np.int32)
    pitch = np.divide(shape, grid)
    for number, node in enumerate(np.ndindex(grid), start=1):
        centre = (np.add(node, 0.5) + rng.uniform(-0.15, 0.15, len(grid))) * pitch
        radii = rng.uniform(0.38, 0.58) * pitch
        box = tuple(
            slice(max(int(c - r), 0), min(int(c + r) + 2, n))
            for c, r, n in zip(centre, radii, shape, strict=True)
        )
        axes = zip(np.ogrid[box], centre, radii, strict=True)
        inside = sum(((axis - c) / r) ** 2 for axis, c, r in axes) < 1
        labels[box][inside & (labels[box] == 0)] = number
    return labels


def term_per_object(labels: np.ndarray, pixel_size: tuple[float, ...]) -> np.ndarray:
    """Return the border-distance term from one EDT per object in its grown box."""
    first, second = np.full((2, *labels.shape), np.inf, np.float32)
    margin = [int(REACH / size) + 1 for size in pixel_size]
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        window = tuple(
            slice(max(axis.start - pad, 0), axis.stop + pad)
            for axis, pad in zip(box, margin, strict=True)
        )
        far = ndimage.distance_transform_edt(labels[window] != number, pixel_size)
        second[window] = np.minimum(second[window], np.maximum(first[window], far))
        first[window] = np.minimum(first[window], far)
    term = W0 * np.exp(-((first + second) ** 2) / (2 * SIGMA**2))
    return np.where(labels == 0, term, 0)


if __name__ == "__main__":
    main()
