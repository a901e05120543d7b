"""Overlap-tile prediction against one single pass and against MONAI's sliding window.

    python benchmarks/prediction.py [--size 2048] [--repeats 3]

MONAI is measured where it is installed (``pip install monai``, in an environment of
the benchmark's own). Prints a table in Markdown: seconds, and the largest difference
from the single pass of the same precision.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from hardware import describe_hardware

from napari_unet.core.config import NetworkConfig
from napari_unet.core.device import Compute
from napari_unet.core.image import IntensityRange
from napari_unet.core.network.unet import Network, build_network
from napari_unet.core.prediction.predict import predict, predict_tile
from napari_unet.core.prediction.tiling import Tile, mirror_indices

CPU = torch.device("cpu")
KEPT = IntensityRange(-np.ones(1, np.float32), np.ones(1, np.float32))


def single_pass(network: Network, image: np.ndarray, compute: Compute) -> np.ndarray:
    """Predict the whole image as one tile."""
    halo = network.geometry.halo
    window = []
    for length in image.shape[1:]:
        size = network.geometry.size_at_least(length + 2 * halo)
        window.append((-halo, size - halo))
    whole = tuple(slice(0, n) for n in image.shape[1:])
    tile = Tile(whole, tuple(window), (halo - network.geometry.shrink,) * 2)
    return predict_tile(network, image, KEPT, tile, compute)


def tiled(
    network: Network, image: np.ndarray, compute: Compute, tile: int | None
) -> np.ndarray:
    """Predict the image tile by tile."""
    out = np.empty((network.config.classes, *image.shape[1:]), np.float32)
    for part in predict(network, image, KEPT, compute, tile=tile):
        out[(slice(None), *part.interior)] = part.probabilities
    return out


def monai_window(
    network: Network, image: np.ndarray, compute: Compute, overlap: float
) -> np.ndarray:
    """Predict with MONAI's sliding window of 512 px on the mirrored image."""
    from monai.inferers import sliding_window_inference

    halo = network.geometry.halo
    rows, columns = (mirror_indices(-halo, n + halo, n) for n in image.shape[1:])
    padded = torch.from_numpy(image[:, rows][:, :, columns].astype(np.float32))[None]
    with torch.inference_mode(), compute.autocast():
        logits = sliding_window_inference(
            padded, (512, 512), 4, network, overlap=overlap, mode="gaussian"
        )
    inner = logits[0, :, halo:-halo, halo:-halo].float()
    return inner.softmax(dim=0).numpy()


def measure(work: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Return the median seconds of some runs after one to warm up, and the result."""
    result, times = work(), []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    image = np.random.default_rng(0).normal(size=(1, options.size, options.size))
    image = image.astype(np.float32)
    network = build_network(NetworkConfig(), seed=0).eval()
    network.to(memory_format=torch.channels_last)
    print(f"{describe_hardware()}; {options.size}², base 16, same padding\n")
    print("| way | precision | seconds | × single pass | largest difference |")
    print("|---|---|--:|--:|--:|")
    for compute in (Compute(CPU), Compute(CPU, "bfloat16")):
        whole, expected = measure(
            lambda c=compute: single_pass(network, image, c), options.repeats
        )
        ways = {"single pass": (whole, expected)}
        for name, tile in (("our tiles, auto", None), ("our tiles, 512 px", 512)):
            ways[name] = measure(
                lambda c=compute, t=tile: tiled(network, image, c, t), options.repeats
            )
        try:
            for overlap in (0.25, 0.5):
                ways[f"MONAI 512 px, overlap {overlap}"] = measure(
                    lambda c=compute, o=overlap: monai_window(network, image, c, o),
                    options.repeats,
                )
        except ImportError:
            print("| MONAI is not installed | | | | |")
        for name, (seconds, result) in ways.items():
            print(
                f"| {name} | {compute.precision} | {seconds:.2f} "
                f"| {seconds / whole:.2f} | {np.abs(result - expected).max():.1e} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
