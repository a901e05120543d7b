"""What the data pipeline and the loop cost beside the bare training step.

    python benchmarks/training_step.py [--steps 20]

The bare step is forward, loss, backward and update on one fixed batch; the program's
step also draws, deforms and moves a new batch. Prints a table in Markdown.
"""

import argparse
import statistics
import time

import numpy as np
from hardware import describe_hardware

from napari_unet.core.annotation.target import make_target
from napari_unet.core.annotation.weight_map import compute_weight_map
from napari_unet.core.device import choose_compute
from napari_unet.core.network.unet import build_network
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.patches import PatchSampler, prepare_image
from napari_unet.core.training.state import Training
from napari_unet.core.training.train import take_step
from napari_unet.samples import fluorescence_nuclei


def make_sampler(training: Training) -> PatchSampler:
    """Return patches of a synthetic image of 1024²."""
    sample = fluorescence_nuclei((1024, 1024), seed=0)
    config = training.config
    target = make_target(sample.labels.astype(np.int32))
    weights = compute_weight_map(target, config.weight_map)
    grey = sample.image[None] / np.float32(sample.image.max())
    device = training.compute.device
    return PatchSampler(
        [prepare_image(grey, target, weights, device)],
        size=(config.patch_size,) * 2,
        output_size=(config.patch_size,) * 2,
        batch_size=config.batch_size,
        augmentation=config.augmentation,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    preset = PRESETS["fast"]
    training = Training(
        build_network(preset.network, seed=0).train(), preset.training, choose_compute()
    )
    sampler = make_sampler(training)
    fixed = sampler.draw(0)
    times: dict[str, list[float]] = {"bare step": [], "drawing a batch": []}
    for i in range(options.steps + 3):
        start = time.perf_counter()
        take_step(training, fixed)
        middle = time.perf_counter()
        sampler.draw(i)
        end = time.perf_counter()
        if i >= 3:
            times["bare step"].append(middle - start)
            times["drawing a batch"].append(end - middle)
    bare = statistics.median(times["bare step"])
    config = preset.training
    print(f"{describe_hardware()}; {training.compute.describe()}")
    print(f"\n{config.batch_size} × {config.patch_size}², base 16\n")
    print("| part | milliseconds | share of the bare step |")
    print("|---|--:|--:|")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name} | {1000 * median:.0f} | {median / bare:.1%} |")


if __name__ == "__main__":
    main()
