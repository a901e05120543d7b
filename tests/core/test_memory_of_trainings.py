"""A training that does not fit climbs down, and goes on at the same step."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scarce import scarce

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import read_manifest
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.device import Compute
from napari_unet.core.errors import MemoryShortageError
from napari_unet.core.image import Image
from napari_unet.core.network.recomputation import recompute_blocks
from napari_unet.core.network.unet import build_network
from napari_unet.core.presets import PRESETS
from napari_unet.core.training import descent as descent_module
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.preparation import prepare_for, split_for
from napari_unet.core.training.state import Training
from napari_unet.core.training.step_memory import estimate_step
from napari_unet.core.training.train import take_step
from napari_unet.core.workflow import Preview, fine_tune

CPU = torch.device("cpu")
PLANE = NetworkConfig(base_channels=4, levels=2, norm="none")
VOLUME = PLANE.replaced(dimensions=3, levels=1, levels_z=1)
QUICK = TrainConfig(
    seconds=None, iterations=4, patch_size=64, batch_size=4, validations=2
)
EXACT = {"device": "cpu", "precision": "float32"}
NUMBERS = 8 * 64 * 64  # of the largest feature map of one patch


def example(*shape):
    """Return a bright block on darker noise, annotated everywhere."""
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(n // 4, n // 2) for n in shape)] = 1
    noise = np.random.default_rng(0).normal(100, 10, shape)
    image = Image((noise + 60 * labels)[None].astype(np.float32))
    whole = Region((0,) * len(shape), shape)
    return Example(image, labels, regions=(whole,) if len(shape) == 2 else ())


def begin(config=QUICK, network=PLANE, shape=(96, 96)):
    settings = ModelSettings(network=network)
    training = Training(build_network(network, seed=0), config, Compute(CPU))
    sampler, validate = prepare_for(
        training, split_for([example(*shape)], settings, training.config), settings
    )
    return training, Descent(training, sampler), validate


def steps_of(training, descent, count):
    losses = []
    for _ in range(count):
        losses.append(descent.step(take_step))
        training.iteration += 1
    return losses


def weights_of(training):
    return torch.cat([p.detach().flatten() for p in training.network.parameters()])


@pytest.mark.parametrize(
    ("network", "shape", "numbers"),
    [(PLANE, (96, 96), NUMBERS), (VOLUME, (16, 64, 64), 8 * 8 * 64 * 64)],
)
@pytest.mark.parametrize("first", [0, 2])
def test_gradients_of_parts_add_up_to_the_same_training(network, shape, numbers, first):
    config = QUICK.replaced(patch_depth=8, max_gradient=1.0)
    plain, unlimited, _ = begin(config, network, shape)
    expected = steps_of(plain, unlimited, 4)
    training, descent, _ = begin(config, network, shape)
    losses = steps_of(training, descent, first)
    with scarce(numbers) as device:
        losses += steps_of(training, descent, 4 - first)
    assert device.refused == 2  # for 4 patches at a time, and for 2
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    torch.testing.assert_close(
        weights_of(training), weights_of(plain), atol=1e-4, rtol=0
    )
    [said] = training.shortages
    assert f"4 patches of {' × '.join(map(str, descent._sampler.size))} px" in said
    assert f"from iteration {first + 1} on" in said
    assert "1 patch at a time" in said


def test_a_failed_step_leaves_no_trace_in_batch_normalisation():
    network = PLANE.replaced(norm="batch")
    plain, unlimited, _ = begin(network=network)
    training, descent, _ = begin(network=network)
    before = [b.clone() for b in training.network.buffers()]
    with scarce(0), pytest.raises(MemoryShortageError):
        descent.step(take_step)
    for buffer, old in zip(training.network.buffers(), before, strict=True):
        torch.testing.assert_close(buffer, old)
    assert all(p.grad is None for p in training.network.parameters())
    assert steps_of(plain, unlimited, 1)


def test_the_way_down_has_an_order_and_an_end():
    _, descent, _ = begin(
        QUICK.replaced(patch_size=128, batch_size=2), shape=(200, 200)
    )
    seen = []

    def refuse(training, batch, meanwhile):
        seen.append(
            (
                training.at_once,
                tuple(batch.image.shape),
                training.compute.precision,
                "forward" in training.network.contracting[0].__dict__,
            )
        )
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(MemoryShortageError):
        descent.step(refuse)
    assert seen == [
        (None, (2, 1, 128, 128), "float32", False),
        (1, (2, 1, 128, 128), "float32", False),
        (1, (8, 1, 64, 64), "float32", False),
        (1, (8, 1, 64, 64), "bfloat16", False),
        (1, (8, 1, 64, 64), "bfloat16", True),
    ]


def test_another_error_of_a_step_is_no_shortage():
    training, descent, _ = begin()

    def fail(training, batch, meanwhile):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        descent.step(fail)
    assert training.at_once is None


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("architecture", ["unet", "unet++"])
def test_computing_maps_twice_changes_no_number(norm, architecture):
    network = PLANE.replaced(norm=norm, architecture=architecture)
    plain, unlimited, _ = begin(network=network)
    training, descent, _ = begin(network=network)
    recompute_blocks(training.network, again=True)
    expected, losses = (
        steps_of(*each, 3) for each in ((plain, unlimited), (training, descent))
    )
    assert losses == pytest.approx(expected, rel=1e-5)
    for name, value in plain.network.state_dict().items():
        if "num_batches" not in name:
            torch.testing.assert_close(training.network.state_dict()[name], value)
    recompute_blocks(training.network, again=False)
    assert "forward" not in training.network.contracting[0].__dict__


def test_a_step_that_will_not_fit_begins_lower_and_says_so(monkeypatch):
    _, roomy, _ = begin()
    needed = roomy.memory.total
    monkeypatch.setattr(descent_module, "free_bytes", lambda *_: needed - 1)
    training, descent, _ = begin()
    assert training.at_once == 2
    assert descent.memory.total < needed
    assert "from iteration 1 on" in training.shortages[0]
    assert descent.describe().startswith("2 patches at a time, about ")


def _train(folder, limit, **options):
    """Train with little memory from the first step on; return all progress."""
    settings = ModelSettings(network=PLANE)
    steps = fine_tune(
        [example(96, 160), replace(example(80, 120), role="validation")],
        folder,
        config=QUICK,
        settings=settings,
        **EXACT,
        **options,
    )
    seen = []
    with scarce(limit) as device:
        seen.extend(steps)
    return seen, device


def test_a_whole_training_with_little_memory_ends_well(tmp_path):
    view = Preview(example(250, 250).image)
    seen, device = _train(tmp_path / "m", NUMBERS, preview=lambda: view)
    assert device.refused > 2
    assert seen[-1].iteration == QUICK.iterations
    news = [progress.note for progress in seen if progress.note]
    assert any("at a time are added up" in sentence for sentence in news)
    assert any("went on with tiles of" in sentence for sentence in news)
    assert any(progress.preview is not None for progress in seen)
    assert any(progress.validation is not None for progress in seen)
    card = read_manifest(tmp_path / "m").card
    assert set(" ".join(card.shortages)) == set(" ".join(news))
    assert "added up" in (tmp_path / "m" / "README.md").read_text()


def test_a_validation_that_fits_in_no_way_is_left_out(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("napari_unet.core.prediction.predict.predict_tile", refuse)
    view = Preview(example(64, 64).image)
    seen, _ = _train(tmp_path / "m", 10**9, preview=lambda: view)
    assert seen[-1].iteration == QUICK.iterations
    said = " ".join(progress.note for progress in seen)
    assert said.count("to validate, even in the smallest tiles") == 1
    assert said.count("to show what is learned") == 1
    assert read_manifest(tmp_path / "m").card.iterations == QUICK.iterations


def test_a_training_that_fits_in_no_way_leaves_what_there_was(tmp_path):
    model = tmp_path / "m"
    with pytest.raises(MemoryShortageError):
        _train(model, 0)
    assert not model.exists()
    _train(model, 10**9)
    before = (model / "settings.json").read_text()
    with pytest.raises(MemoryShortageError):
        _train(model, 0)
    assert (model / "settings.json").read_text() == before


@pytest.mark.parametrize("preset", ["fast", "fast-3d", "mini", "mobile"])
def test_the_estimate_grows_with_what_a_step_sees(preset):
    network, config = PRESETS[preset].network, PRESETS[preset].training
    network = network.replaced(base_channels=4)
    small, large = (
        ((192, 192), (576, 576))
        if network.dimensions == 2
        else ((8, 32, 32), (32, 64, 64))
    )
    little = estimate_step(network, config, small, 1)
    much = estimate_step(network, config, large, 1)
    assert little.total < much.total
    assert little.weights == much.weights
    assert estimate_step(network, config, large, 2).maps == 2 * much.maps
    for saving in ({"precision": "bfloat16"}, {"recompute": True}):
        assert estimate_step(network, config, large, 1, **saving).maps < 0.8 * much.maps


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card")
def test_a_graphics_card_is_left_as_it_was(tmp_path):
    before = torch.cuda.memory_allocated()
    list(
        fine_tune(
            [example(96, 160)],
            tmp_path / "m",
            config=QUICK,
            settings=ModelSettings(network=PLANE),
            device="cuda",
        )
    )
    assert torch.cuda.memory_allocated() == before
