"""Bright discs, and a small model that knows them, for tests of several faces."""

import numpy as np

from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.workflow import Example, fine_tune, run

QUICK = TrainConfig(
    seconds=None, iterations=60, patch_size=48, batch_size=4, learning_rate=5e-3
)


def discs(rows, columns, seed):
    """Bright discs, apart from each other, and their labels."""
    rng = np.random.default_rng(seed)
    shape = 24 * rows, 28 * columns
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for number, (row, column) in enumerate(np.ndindex(rows, columns), start=1):
        cy, cx = np.array([12 + 24 * row, 14 + 28 * column]) + rng.uniform(-3, 3, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 49] = number
    grey = 900 * (labels > 0) + 300 + rng.normal(0, 60, shape)
    return grey.astype(np.uint16), labels


def learn_discs(folder, iterations=60):
    """Train a model on such discs; return its folder."""
    grey, labels = discs(4, 4, 3)
    run(
        fine_tune(
            [Example(Image(grey[None], None, "discs"), labels)],
            folder,
            config=QUICK.replaced(iterations=iterations),
            settings=ModelSettings(network=NetworkConfig(base_channels=4, levels=2)),
            device="cpu",
            precision="float32",
        )
    )
    return folder
