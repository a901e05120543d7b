"""A graphics card: training step and prediction, beside bare network and its limits.

    python benchmarks/gpu.py [--device cuda|cpu] [--size 4096] [--base-channels 16 64]

First what the device can do: a large product of matrices, and copying in its memory.
From both follows the *limit* of a network computed layer by layer: each convolution
multiplies at the one speed, or moves its input and output at the other, whichever takes
longer. The bare network is PyTorch alone, on numbers that lie on the device; ours
draws patches, or reads, cuts, copies and puts together tiles. With ``--device cpu`` the
same on the processor, with smaller numbers. Prints tables in Markdown.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from hardware import describe_hardware
from prediction import KEPT, make_image
from torch.utils.flop_counter import FlopCounterMode
from training_step import make_sampler

from napari_unet.core.config import NetworkConfig
from napari_unet.core.device import Compute, channels_last, choose_compute, place
from napari_unet.core.network.folding import fold_normalisation
from napari_unet.core.network.unet import Network, build_network
from napari_unet.core.prediction.predict import predict
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.state import Training
from napari_unet.core.training.train import take_step

# Edge of the matrices, and numbers that are copied.
MATRIX = {"cuda": 8192, "cpu": 1024}
COPIED = {"cuda": 2**28, "cpu": 2**24}
# A backward pass does twice the work of the forward pass.
PASSES = 3


@dataclass(frozen=True)
class Limits:
    """What a device can do: operations and bytes per second."""

    operations: float
    bytes: float


def seconds(
    work: Callable[[], object], device: torch.device, repeats: int, warm_up: int = 3
) -> float:
    """Return the median time of a piece of work, done completely."""
    times = []
    for _ in range(repeats + warm_up):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[warm_up:])


def wait(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_limits(compute: Compute, repeats: int) -> Limits:
    """Measure how fast a device multiplies and copies."""
    device, edge = compute.device, MATRIX[compute.device.type]
    kind = getattr(torch, compute.precision)
    one = torch.randn(edge, edge, device=device).to(kind)
    other = torch.randn(edge, edge, device=device).to(kind)
    multiplying = seconds(lambda: one @ other, device, repeats)
    source = torch.zeros(COPIED[device.type], device=device)
    target = torch.empty_like(source)
    copying = seconds(lambda: target.copy_(source), device, repeats)
    moved = 2 * source.numel() * source.element_size()
    return Limits(2 * edge**3 / multiplying, moved / copying)


def least_seconds(
    network: Network, image: torch.Tensor, compute: Compute, limits: Limits
) -> float:
    """Return what a forward pass takes at the least."""
    width = 4 if compute.precision == "float32" else 2
    total, hooks = 0.0, []

    def look(module: torch.nn.Module, given: tuple, made: torch.Tensor) -> None:
        nonlocal total
        with FlopCounterMode(display=False) as counter:
            forward(module, given[0])
        moved = width * (given[0].numel() + made.numel())
        total += max(
            counter.get_total_flops() / limits.operations, moved / limits.bytes
        )

    def forward(module: torch.nn.Module, given: torch.Tensor) -> None:
        type(module).forward(module, given)

    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    for module in network.modules():
        if isinstance(module, kinds):
            hooks.append(module.register_forward_hook(look))
    with torch.inference_mode(), compute.autocast():
        network(image)
    for hook in hooks:
        hook.remove()
    return total


def compare_steps(base: int, compute: Compute, repeats: int, limits: Limits) -> str:
    """Return the line of the table of training steps."""
    preset = PRESETS["fast"]
    network = build_network(preset.network.replaced(base_channels=base), seed=0)
    training = Training(network.train(), preset.training, compute)
    sampler = make_sampler(training)
    descent = Descent(training, sampler)
    fixed = sampler.draw(0)

    def step() -> None:
        descent.step(take_step)
        training.iteration += 1

    least = PASSES * least_seconds(training.network, fixed.image, compute, limits)
    bare = seconds(lambda: take_step(training, fixed), compute.device, repeats)
    drawing = seconds(lambda: sampler.draw(1), compute.device, repeats)
    ours = seconds(step, compute.device, repeats)
    patches = f"{sampler.batch_size} × {sampler.size[0]}²"
    return (
        f"| {base} | {patches} | {compute.precision} | {1000 * least:.2f} "
        f"| {1000 * bare:.2f} | {1000 * drawing:.2f} | {1000 * ours:.2f} "
        f"| {ours / bare:.2f} |"
    )


def compare_predictions(
    base: int, size: int, compute: Compute, repeats: int, limits: Limits
) -> str:
    """Return the line of the table of predictions, in megapixels per second."""
    network = fold_normalisation(build_network(NetworkConfig(base_channels=base)))
    network.eval()
    place(network, compute.device)
    image, edge = make_image(size), min(size, 2048)
    piece = torch.from_numpy(image[None, :, :edge, :edge]).to(compute.device)
    piece = channels_last(piece)

    def bare() -> None:
        with torch.inference_mode(), compute.autocast():
            network(piece)

    def ours() -> None:
        out = np.empty((2, size, size), np.float32)
        for part in predict(network, image, KEPT, compute):
            out[(slice(None), *part.interior)] = part.probabilities

    least = edge**2 / least_seconds(network, piece, compute, limits)
    alone = edge**2 / seconds(bare, compute.device, repeats, warm_up=1)
    tiled = size**2 / seconds(ours, compute.device, repeats, warm_up=1)
    return (
        f"| {base} | {size}² | {compute.precision} | {least / 1e6:.1f} "
        f"| {alone / 1e6:.1f} | {tiled / 1e6:.1f} | {alone / tiled:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--size", type=int, help="edge of the image, in px")
    parser.add_argument("--base-channels", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print(
            "PyTorch finds no CUDA device here, so nothing was measured; --device cpu "
            "runs the same on the processor."
        )
        return
    size = options.size or (8192 if options.device == "cuda" else 1024)
    compute = choose_compute(options.device)
    limits = measure_limits(compute, options.repeats)
    print(f"{describe_hardware()}; {compute.describe()}\n")
    print(
        f"Limits: {limits.operations / 1e12:.2f} TFLOP/s (product of matrices), "
        f"{limits.bytes / 1e9:.0f} GB/s (copying).\n"
    )
    print(
        "| base | patches | precision | limit, ms | bare step, ms | drawing alone, ms "
        "| our step, ms | ours ÷ bare |\n|--:|---|---|--:|--:|--:|--:|--:|"
    )
    for base in options.base_channels:
        print(compare_steps(base, compute, options.repeats, limits), flush=True)
    print(
        "\n| base | image | precision | limit, MP/s | bare network, MP/s "
        "| our tiles, MP/s | bare ÷ ours |\n|--:|---|---|--:|--:|--:|--:|"
    )
    for base in options.base_channels:
        row = compare_predictions(base, size, compute, options.repeats, limits)
        print(row, flush=True)


if __name__ == "__main__":
    main()
