"""Tiled prediction against the bare network and against a sliding window.

    python benchmarks/prediction.py [--size 2048 8192] [--repeats 3] [--model FOLDER]

The limit is the network alone, once over the whole image: no context mirrored at its
edges, no normalisation, no probabilities. Where that does not fit into half of the free
memory, the image is taken in strips as wide as it, without context either: still less
work than any exact prediction has. What our tiles give is compared with one tile around
the whole image or, where that does not fit, with tiles of another size.

The peer is a sliding window as most people use it: windows of 512 px (``--window``)
that overlap by half, float32, weighted by a Gaussian. MONAI's, where it is installed
(``pip install monai``, in an environment of the benchmark's own), with the network as
PyTorch makes it; and one of our own of the same kind, without its overhead, the network
in the layout in which it is fastest. All take turns; the shortest of several runs
counts; with ``--busy``, where other work runs beside it, of the seconds that the
processor worked for it. Each has run before it is timed, on images above 2048² on a
piece only. Prints a table in Markdown.
"""

import argparse
import copy
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch
from hardware import describe_hardware

from napari_unet.core.checkpoint import load_model
from napari_unet.core.config import NetworkConfig
from napari_unet.core.device import Compute, place
from napari_unet.core.image import IntensityRange
from napari_unet.core.network.folding import fold_normalisation
from napari_unet.core.network.unet import Network, build_network
from napari_unet.core.prediction.predict import predict

CPU = torch.device("cpu")
KEPT = IntensityRange(-np.ones(1, np.float32), np.ones(1, np.float32))
# Of an input pixel of a network with 16 channels, in bytes, at the most.
PER_PIXEL = 600

BARE, OURS = "bare network", "our tiles"
OVERLAP = 0.5
# Larger images are not segmented once more before they are timed.
WARMED = 2048

Way = Callable[[], np.ndarray | None]


def as_batch(array: np.ndarray) -> torch.Tensor:
    """Return an image (1, Y, X) as the network wants it."""
    batch = torch.from_numpy(array.astype(np.float32))[None]
    return batch.contiguous(memory_format=torch.channels_last)


def bare(network: Network, image: np.ndarray, compute: Compute, strip: int) -> None:
    """Run the network alone, over strips of so many rows."""
    for first in range(0, image.shape[1], strip):
        with torch.inference_mode(), compute.autocast():
            network(as_batch(image[:, first : first + strip]))


def tiled(
    network: Network, image: np.ndarray, compute: Compute, tile: int | None
) -> np.ndarray:
    """Predict the image tile by tile, as `segment` does."""
    folded = fold_normalisation(network)
    place(folded, CPU)
    out = np.empty((network.config.classes, *image.shape[1:]), np.float32)
    for part in predict(folded, image, KEPT, compute, tile=tile):
        out[(slice(None), *part.interior)] = part.probabilities
    return out


def sliding_window(
    network: Network, image: np.ndarray, window: int, overlap: float
) -> np.ndarray:
    """Predict windows that overlap, and take their mean weighted by a Gaussian."""
    window = min(window, *image.shape[1:])
    places = np.arange(window) - (window - 1) / 2
    along = np.exp(-0.5 * (places / (window / 8)) ** 2)
    weight = torch.from_numpy(np.maximum(np.outer(along, along), 1e-3)).float()
    height, width = image.shape[1:]
    total = torch.zeros(network.config.classes, height, width)
    count = torch.zeros(height, width)
    step = int(window * (1 - overlap))
    starts = [
        sorted({*range(0, length - window, step), length - window})
        for length in (height, width)
    ]
    for y in starts[0]:
        for x in starts[1]:
            here = (slice(y, y + window), slice(x, x + window))
            with torch.inference_mode():
                logits = network(as_batch(image[(slice(None), *here)]))[0]
            total[(slice(None), *here)] += logits * weight
            count[here] += weight
    return (total / count).softmax(dim=0).numpy()


def monai_window(
    network: Network, image: np.ndarray, window: int, overlap: float
) -> np.ndarray:
    """Predict with MONAI's sliding window."""
    from monai.inferers import sliding_window_inference

    batch = torch.from_numpy(image.astype(np.float32))[None]
    with torch.inference_mode():
        logits = sliding_window_inference(
            batch, (window,) * 2, 4, network, overlap=overlap, mode="gaussian"
        )
    return logits[0].softmax(dim=0).numpy()


def has_monai() -> bool:
    """Tell whether MONAI is installed."""
    return importlib.util.find_spec("monai") is not None


def take_turns(
    ways: dict[str, Way], repeats: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the shortest time of each."""
    best = dict.fromkeys(ways, np.inf)
    for _ in range(repeats):
        for name, work in ways.items():
            start = clock()
            work()
            best[name] = min(best[name], clock() - start)
    return best


def make_image(size: int) -> np.ndarray:
    """Return smooth noise, with structure at the scale of cells."""
    coarse = np.random.default_rng(0).normal(size=(-(-size // 8) + 1,) * 2)
    fine = np.kron(coarse, np.ones((8, 8)))[:size, :size]
    return fine[None].astype(np.float32)


def list_ways(
    network: Network, image: np.ndarray, window: int, strip: int
) -> dict[tuple[str, str], Way]:
    """Return what is compared, by name and precision."""
    ways: dict[tuple[str, str], Way] = {}
    for compute in (Compute(CPU), Compute(CPU, "bfloat16")):
        name = compute.precision
        ways[BARE, name] = lambda c=compute: bare(network, image, c, strip)
        ways[OURS, name] = lambda c=compute: tiled(network, image, c, None)
    ways["sliding window", "float32"] = lambda: sliding_window(
        network, image, window, OVERLAP
    )
    if has_monai():
        plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
        ways["MONAI's sliding window", "float32"] = lambda: monai_window(
            plain, image, window, OVERLAP
        )
    return ways


def compare(
    network: Network,
    size: int,
    window: int,
    repeats: int,
    clock: Callable[[], float],
) -> list[tuple[str, ...]]:
    """Return the rows of the table for one image."""
    image = make_image(size)
    free = psutil.virtual_memory().available / 2
    step = network.geometry.step
    strip = min(size, max(step, int(free / PER_PIXEL / size) // step * step))
    for work in list_ways(network, image[:, :WARMED, :WARMED], window, WARMED).values():
        work()
    ways = list_ways(network, image, window, strip)
    times = take_turns(ways, repeats, clock)
    whole = size + 2 * network.geometry.halo + step
    fits = whole**2 * PER_PIXEL < free
    expected = tiled(network, image, Compute(CPU), whole if fits else WARMED)
    *_, peer = times.values()
    rows = []
    for (name, precision), seconds in times.items():
        worst = ""
        if name != BARE and (size <= WARMED or name == OURS):
            worst = f"{np.abs(ways[name, precision]() - expected).max():.0e}"
        rows.append(
            (
                f"{size}²",
                name + (f", strips of {strip} rows" * (name == BARE and strip < size)),
                precision,
                f"{seconds:.2f}",
                f"{seconds / times[BARE, precision]:.2f}",
                f"{peer / seconds:.1f}",
                worst,
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, nargs="+", default=[2048])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument(
        "--busy",
        action="store_true",
        help="count the processor's seconds",
    )
    parser.add_argument("--model", type=Path, help="by default an untrained network")
    options = parser.parse_args()
    network = build_network(NetworkConfig(), seed=0).eval()
    if options.model:
        network = load_model(options.model).network
    place(network, CPU)
    print(f"{describe_hardware()}, {torch.get_num_threads()} threads\n")
    print(
        "| image | way | precision | seconds | × bare network | × as fast as the last "
        "| largest difference from one tile in float32 |"
    )
    print("|---|---|---|--:|--:|--:|--:|")
    for size in options.size:
        clock = time.process_time if options.busy else time.perf_counter
        for row in compare(network, size, options.window, options.repeats, clock):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
