"""Wherever memory runs out in a training, it goes on as if nothing had been."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scarce import scarce

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import read_manifest
from napari_unet.core.checkpoint import load_last, load_model
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.device import Compute
from napari_unet.core.errors import MemoryShortageError
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.preparation import prepare_for, split_for
from napari_unet.core.training.state import Training
from napari_unet.core.training.train import take_step
from napari_unet.core.workflow import Preview, fine_tune, run

NETWORK = NetworkConfig(base_channels=4, levels=2, norm="batch")
QUICK = TrainConfig(
    seconds=None, iterations=4, patch_size=32, batch_size=4, validations=2
)
EXACT = {"device": "cpu", "precision": "float32"}
OPTIMIZERS = "torch/optim/"


def example(*shape):
    """Return a bright block on darker noise, annotated everywhere."""
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(n // 4, n // 2) for n in shape)] = 1
    noise = np.random.default_rng(0).normal(100, 10, shape)
    image = Image((noise + 60 * labels)[None].astype(np.float32))
    return Example(image, labels, regions=(Region((0, 0), shape),))


def begin(config=QUICK, network=NETWORK):
    settings = ModelSettings(network=network)
    compute = Compute(torch.device("cpu"))
    training = Training(build_network(network, seed=0), config, compute)
    ground = split_for([example(96, 96)], settings, training.config)
    sampler, _ = prepare_for(training, ground, settings)
    return training, Descent(training, sampler), sampler


def state_of(training):
    kept = training.optimizer.state_dict()["state"]
    return copy.deepcopy((training.network.state_dict(), kept))


def are_equal(one, other):
    return torch.utils._pytree.tree_all(
        lambda pair: pair,
        torch.utils._pytree.tree_map(lambda a, b: bool((a == b).all()), one, other),
    )


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize(
    ("optimizer", "operation", "first"),
    [
        ("adamw", "zeros_like", 0),
        ("adamw", "zeros_like", 1),
        ("adamw", "zeros_like", 3),
        ("adamw", "lerp_", 5),
        ("adamw", "sqrt", 5),
        ("adamw", "addcdiv_", 5),
        ("adagrad", "addcdiv_", 5),
        ("rmsprop", "addcmul_", 5),
        ("sgd", "add_", 5),
    ],
)
def test_a_step_of_the_optimizer_is_taken_whole_or_not_at_all(
    optimizer, operation, first, steps
):
    if operation == "zeros_like" and steps:
        return  # only the first step makes what the optimizer keeps
    config = QUICK.replaced(optimizer=optimizer, momentum=0.9)
    training, _, sampler = begin(config)
    for number in range(steps):
        take_step(training, sampler.draw(number))
    plain = Training(build_network(NETWORK, seed=0), config, training.compute)
    plain.network.load_state_dict(training.network.state_dict())
    plain.optimizer.load_state_dict(copy.deepcopy(training.optimizer.state_dict()))
    before = state_of(training)
    little = scarce(0, within=OPTIMIZERS, operation=operation, first=first)
    with little as device, pytest.raises(torch.OutOfMemoryError):
        take_step(training, sampler.draw(steps))
    assert device.refused == 1
    weights, kept = state_of(training)
    assert are_equal(kept, before[1])
    learned = [name for name, _ in training.network.named_parameters()]
    assert all(torch.equal(weights[name], before[0][name]) for name in learned)
    training.network.load_state_dict(before[0])  # what batch normalisation has seen
    training.forget_step()
    for each in (training, plain):
        take_step(each, sampler.draw(steps))
    assert are_equal(state_of(training), state_of(plain))


def test_the_step_that_failed_in_the_optimizer_is_taken_again():
    plain, unlimited, _ = begin()
    training, descent, _ = begin()
    with scarce(0, within=OPTIMIZERS, operation="sqrt", first=7, most=2) as device:
        losses = [descent.step(take_step)]
    assert device.refused == 2
    assert losses == pytest.approx([unlimited.step(take_step)], rel=0.2)
    assert all(int(s["step"]) == 1 for s in training.optimizer.state.values())
    assert set(plain.optimizer.state_dict()["state"]) == set(
        training.optimizer.state_dict()["state"]
    )


def train(folder, config=QUICK, **options):
    settings = ModelSettings(network=NETWORK)
    examples = [example(96, 160), replace(example(80, 120), role="validation")]
    return fine_tune(
        examples, folder, config=config, settings=settings, **EXACT, **options
    )


@pytest.mark.parametrize(
    "where",
    [
        {"within": "training/augmentation.py"},
        {"within": "training/patches.py"},
        {"within": "training/loss.py"},
        {"operation": "batch_norm"},
        {"operation": "backward"},
        {"within": OPTIMIZERS},
        {"within": "clip_grad.py"},
        {"within": "prediction/predict.py"},
        {"within": "training/validation"},
        {"within": "training/run.py"},
        {"within": "core/tensor_file.py"},
        {"within": "checkpoint.py:copy_weights"},
    ],
)
@pytest.mark.parametrize("first", [0, 3])
def test_at_no_stage_does_it_end_a_training(tmp_path, where, first):
    view = Preview(example(64, 64).image)
    with scarce(16, **where, first=first, most=1) as device:
        seen = list(train(tmp_path / "m", preview=lambda: view))
    assert device.refused == 1
    assert seen[-1].iteration == QUICK.iterations
    assert read_manifest(tmp_path / "m").card.iterations == QUICK.iterations
    assert load_model(tmp_path / "m")


def test_without_memory_for_copies_the_last_weights_are_saved(tmp_path):
    with scarce(0, within="checkpoint.py:copy_weights") as device:
        run(train(tmp_path / "m"))
    assert device.refused
    manifest = read_manifest(tmp_path / "m")
    assert "to keep a copy of the weights" in " ".join(manifest.card.shortages)
    last = load_last(tmp_path / "m")
    for name, value in load_model(tmp_path / "m").network.state_dict().items():
        assert torch.equal(value, last[f"network.{name}"])


@pytest.mark.parametrize("optimizer", ["adamw", "adagrad"])
def test_a_model_that_hardly_fits_is_saved_without_what_the_optimizer_keeps(
    tmp_path, optimizer
):
    config = QUICK.replaced(validations=1, optimizer=optimizer)
    with scarce(16, within="core/tensor_file.py", most=3) as device:
        run(train(tmp_path / "m", config))
    assert device.refused == 3  # as the best, as what is delivered, and in the end
    card = read_manifest(tmp_path / "m").card
    assert "the model is saved without" in " ".join(card.shortages)
    assert not [n for n in load_last(tmp_path / "m") if n.startswith("optimizer")]
    longer = config.replaced(iterations=6)
    assert run(train(tmp_path / "m", longer, resume=True)).iterations == 6


def test_a_model_that_cannot_be_saved_is_told_in_one_sentence(tmp_path):
    with (
        scarce(16, within="core/tensor_file.py"),
        pytest.raises(MemoryShortageError, match="the copy of the model that is saved"),
    ):
        run(train(tmp_path / "m"))


def test_memory_that_runs_out_before_the_first_step_is_told_in_one_sentence(tmp_path):
    with (
        scarce(16, within="network/blocks.py"),
        pytest.raises(MemoryShortageError, match="too little free memory for this"),
    ):
        run(train(tmp_path / "m"))
    assert not (tmp_path / "m").exists()
