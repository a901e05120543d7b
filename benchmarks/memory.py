"""Peak resident memory of a segmentation, and of a training step beside its estimate.

    python benchmarks/memory.py [--model FOLDER] [--sizes 2048 4096 8192]

Every line is measured in a process of its own, so that nothing remains of the others:
the command line's ``segment`` with default settings on a uint16 image (reading, tiles,
objects, file), the same network on the whole image at once, and MONAI's sliding window
where it is installed (``pip install monai``). The image is synthetic; without --model
a new network of base 16 is saved and used. Prints tables in Markdown, in MB.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from hardware import describe_hardware

WAYS = {
    "segment": "`segment`, default settings",
    "whole": "the network on the whole image at once",
    "monai": "MONAI, windows of 512 px, overlap 0.25",
}
# Dimensions, base channels, levels, patch, precision: two patches each.
STEPS = [
    (2, 16, 4, (256, 256), "float32"),
    (2, 16, 4, (256, 256), "bfloat16"),
    (2, 32, 4, (256, 256), "float32"),
    (2, 16, 4, (512, 512), "float32"),
    (2, 32, 4, (512, 512), "bfloat16"),
    (3, 16, 2, (32, 64, 64), "float32"),
    (3, 16, 2, (32, 64, 64), "bfloat16"),
    (3, 32, 2, (32, 64, 64), "float32"),
]
NOT_INSTALLED = 3


def peak_mb(*, of_child: bool = False) -> float:
    """Return the largest resident memory so far of this process, or of those it ran."""
    import resource

    whose = resource.RUSAGE_CHILDREN if of_child else resource.RUSAGE_SELF
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(whose).ru_maxrss * unit / 1e6


def write_image(path: Path, size: int) -> None:
    """Write nuclei, side by side as often as it takes, as uint16."""
    from napari_unet.formats.tiff import write_labels
    from napari_unet.samples import fluorescence_nuclei

    piece = fluorescence_nuclei((512, 512), seed=0).image
    grey = np.tile(piece, (-(-size // 512), -(-size // 512)))[:size, :size]
    write_labels(path, grey.astype(np.uint16))


def write_model(folder: Path) -> None:
    """Save a new network of base 16."""
    from napari_unet.core.card import Card
    from napari_unet.core.checkpoint import copy_weights, save_model
    from napari_unet.core.config import ModelSettings
    from napari_unet.core.network.unet import build_network

    settings = ModelSettings()
    network = build_network(settings.network, seed=0)
    save_model(folder, settings, Card(name=folder.name), copy_weights(network))


def predict_at_once(way: str, image: str, model: str) -> None:
    """Predict an image as other programs do, in float32.

    Not where it is sure to end the process.
    """
    import psutil
    import torch

    from napari_unet.core.image import measure_intensity
    from napari_unet.core.workflow import load_model
    from napari_unet.formats.images import read_image

    network, array = load_model(model).network.eval(), read_image(image)
    grey = measure_intensity(array).apply(array.array)
    with torch.inference_mode():
        batch = torch.from_numpy(grey)[None]
        if way == "whole":
            needed = network.geometry.forward_bytes(batch[0, 0].numel())
            if needed > psutil.virtual_memory().available:
                raise SystemExit(f"not run: needs about {needed / 1e6:.0f}")
            network(batch).softmax(dim=1)
            return
        try:
            from monai.inferers import sliding_window_inference
        except ImportError:
            raise SystemExit(NOT_INSTALLED) from None
        window = (512, 512)
        logits = sliding_window_inference(
            batch, window, 4, network, overlap=0.25, mode="gaussian"
        )
        logits.softmax(dim=1)


def take_a_step(number: int) -> None:
    """Take a training step; print what it took and what was estimated."""
    import torch

    from napari_unet.core.config import NetworkConfig, TrainConfig
    from napari_unet.core.device import Compute, channels_last
    from napari_unet.core.network.unet import build_network
    from napari_unet.core.training.patches import Batch
    from napari_unet.core.training.state import Training
    from napari_unet.core.training.step_memory import estimate_step
    from napari_unet.core.training.train import take_step

    dimensions, base, levels, size, precision = STEPS[number]
    config = NetworkConfig(
        dimensions=dimensions, base_channels=base, levels=levels, levels_z=levels
    )
    training = Training(
        build_network(config, seed=0),
        TrainConfig(),
        Compute(torch.device("cpu"), precision),
    )

    def step(shape: tuple[int, ...]) -> None:
        batch = Batch(
            channels_last(torch.rand(2, 1, *shape)),
            torch.zeros(2, *shape, dtype=torch.long),
            torch.ones(2, *shape),
        )
        take_step(training, batch)

    memory = estimate_step(config, TrainConfig(), size, 2, precision=precision)
    step((32,) * dimensions)  # libraries, weights and optimizer are there now
    before = peak_mb()
    step(size)
    print(f"{peak_mb() - before:.0f} {(memory.maps + memory.batch) / 1e6:.0f}")


def measure(*arguments: str) -> str | None:
    """Run this file in a process of its own; None if something is not installed."""
    command = [sys.executable, __file__, "--run", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == NOT_INSTALLED:
        return None
    if ended.returncode < 0:
        return f"ended by signal {-ended.returncode}"
    if ended.returncode:
        return ended.stderr.strip().splitlines()[-1]
    return ended.stdout.strip().splitlines()[-1]


def run(what: str, *arguments: str) -> None:
    """Do one thing in this process, and print its peak."""
    if what == "step":
        take_a_step(int(arguments[0]))
        return
    image, model, out = arguments
    if what == "segment":
        options = ["segment", image, "--model", model, "--out", out]
        command = [sys.executable, "-m", "napari_unet", *options]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    else:
        predict_at_once(what, image, model)
    print(f"{peak_mb(of_child=what == 'segment'):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[2048, 4096, 8192])
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(*options.run)
        return
    print(f"{describe_hardware()}\n\nPeak resident memory, MB\n")
    print("| way |" + "".join(f" {size}² |" for size in options.sizes))
    print("|---|" + "--:|" * len(options.sizes))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = options.model or folder / "model"
        if options.model is None:
            write_model(model)
        for size in options.sizes:
            write_image(folder / f"{size}.tif", size)
        for way, said in WAYS.items():
            peaks = []
            for size in options.sizes:
                image, out = folder / f"{size}.tif", folder / f"labels {size}"
                peak = measure(way, str(image), str(model), str(out))
                peaks.append(peak or "not installed")
            print(f"| {said} | {' | '.join(peaks)} |", flush=True)
    print("\nA training step on top of weights and optimizer, two patches, MB\n")
    print(
        "| network | patch | precision | measured | estimated |\n|---|---|---|--:|--:|"
    )
    for number, (dimensions, base, _, size, precision) in enumerate(STEPS):
        said = (measure("step", str(number)) or "").split()
        edges = " × ".join(map(str, size))
        print(
            f"| {dimensions}D, base {base} | {edges} | {precision} "
            f"| {' | '.join(said)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
