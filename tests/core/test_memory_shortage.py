"""Memory that runs out: one sentence with what to make smaller, and none kept."""

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError, MemoryShortageError
from napari_unet.core.image import Image
from napari_unet.core.memory import explain_shortage, is_memory_shortage
from napari_unet.core.network.unet import UNet
from napari_unet.core.workflow import fine_tune

CPU = torch.device("cpu")
TOO_MUCH = 2**60


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(TOO_MUCH, dtype=torch.uint8),
        lambda: np.empty(TOO_MUCH, np.uint8),
    ],
)
def test_what_pytorch_and_numpy_say_is_recognised(allocate):
    with pytest.raises((RuntimeError, MemoryError)) as raised:
        allocate()
    assert is_memory_shortage(raised.value)
    shortage = explain_shortage(CPU, "tiles of 9 px", "Take smaller ones.")
    with pytest.raises(MemoryShortageError) as told, shortage:
        allocate()
    assert str(told.value) == (
        "This computer has too little free memory for tiles of 9 px. Take smaller ones."
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
        (KeyboardInterrupt("out of memory"), False),
    ],
)
def test_other_errors_stay_what_they_are(error, expected):
    assert is_memory_shortage(error) is expected
    wanted = MemoryShortageError if expected else type(error)
    with pytest.raises(wanted), explain_shortage(CPU, "a", "b"):
        raise error


def test_nothing_of_the_failed_step_is_kept_while_the_error_is_held():
    kept = []

    def step():
        feature_maps = torch.zeros(1000)
        kept.append(weakref.ref(feature_maps))
        torch.empty(TOO_MUCH, dtype=torch.uint8)

    shortage = explain_shortage(CPU, "a", "b")
    with pytest.raises(MemoryShortageError) as held, shortage:
        step()
    gc.collect()
    assert kept[0]() is None
    assert isinstance(held.value, InputError)


_ENOUGH_FOR_SMALL_TILES = """
import resource, sys
import numpy as np
from napari_unet.core import device
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.workflow import segment

network = NetworkConfig(base_channels=32, levels=2)
model = Model(build_network(network, seed=0), ModelSettings(network=network))
image = Image(np.random.default_rng(0).random((1, 800, 800), np.float32))
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = taken + 220 * 2**20
device.free_memory = lambda: 2**34  # as it was before other programs took it
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
options = {"device": "cpu", "precision": "float32"}
box = slice(0, 500), slice(0, 500)
steps = segment(image, model, tile=1024, box=box, **options)
said = [progress.news for progress in steps if progress.news]
print(" ".join(said))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory as Linux does")
def test_a_tile_that_really_does_not_fit_goes_on_in_smaller_ones():
    ended = subprocess.run(
        [sys.executable, "-c", _ENOUGH_FOR_SMALL_TILES],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "too little free memory for tiles of 548 × 548 px" in ended.stdout
    assert "went on with tiles of " in ended.stdout


def test_a_training_that_fits_in_no_way_says_what_may_help(tmp_path, monkeypatch):
    # A real allocation fails; only its size is not what the patches would take.
    real = UNet.forward

    def forward(self, image, spare=0):
        if image.is_meta:  # the estimate
            return real(self, image, spare)
        return torch.empty(TOO_MUCH, dtype=torch.uint8)

    monkeypatch.setattr(UNet, "forward", forward)
    labels = np.zeros((64, 64), int)
    labels[10:30, 10:30] = 1
    example = Example(Image((labels * 200).astype(np.uint8)[None]), labels)
    settings = ModelSettings(network=NetworkConfig(base_channels=2, levels=1))
    config = TrainConfig(iterations=2, seconds=None, patch_size=32, batch_size=3)
    steps = fine_tune(
        [example], tmp_path / "m", config=config, settings=settings, device="cpu"
    )
    with pytest.raises(MemoryShortageError) as told:
        list(steps)
    said = str(told.value)
    assert "a training step, even the smallest one" in said
    assert "--base-channels" in said
    assert "More settings, Network" in said
