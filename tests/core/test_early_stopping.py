"""Stopping early, plateaus, and the cut of the gradient."""

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import make_target
from napari_unet.core.config import NetworkConfig, ObjectConfig, TrainConfig
from napari_unet.core.device import choose_compute
from napari_unet.core.evaluation.scores import Scores
from napari_unet.core.network.unet import build_network
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.descent import Descent
from napari_unet.core.training.patches import Batch, PatchSampler, prepare_image
from napari_unet.core.training.state import Training
from napari_unet.core.training.train import note_gain, take_step, train
from napari_unet.core.training.validation import Validation

QUICK = TrainConfig(seconds=None, iterations=40, patch_size=8, validations=20)


def training_with(**settings):
    network = build_network(NetworkConfig(base_channels=2, levels=1), seed=0)
    compute = choose_compute("cpu", "float32")
    return Training(network, QUICK.replaced(**settings), compute)


def sampler():
    labels = np.zeros((16, 16), int)
    labels[4:9, 4:9] = 1
    grey = labels[None].astype(np.float32)
    image = prepare_image(
        grey, make_target(labels), np.ones((16, 16), np.float32), torch.device("cpu")
    )
    return PatchSampler(
        [image],
        size=(8, 8),
        output_size=(8, 8),
        batch_size=1,
        augmentation=QUICK.augmentation,
    )


def validate_always_alike(choosing):
    yield Validation(Scores(), ObjectConfig())


@pytest.mark.parametrize(("patience", "iterations"), [(0, 40), (1, 4), (3, 8)])
def test_patience_ends_a_training_that_gains_nothing(patience, iterations, monkeypatch):
    # Validate whenever it is due, however long that takes.
    monkeypatch.setattr("napari_unet.core.training.clock._VALIDATION_SHARE", 1e9)
    training = training_with(patience=patience)
    seen = list(train(training, Descent(training, sampler()), validate_always_alike))
    assert training.iteration == iterations
    validations = [entry for entry in training.history if entry.scores]
    assert len(validations) == (patience + 1 if patience else 20)
    assert seen[-1].is_best


def test_without_held_back_ground_patience_never_ends():
    training = training_with(patience=1, iterations=6)
    list(train(training, Descent(training, sampler())))
    assert training.iteration == 6


def test_a_plateau_lowers_the_learning_rate_after_five_validations_more():
    training = training_with(schedule="plateau")
    factors = []
    for rank in [0.5] + [0.4] * 6 + [0.6] + [0.6] * 12:
        note_gain(training, rank)
        factors.append(training.rate_factor)
    expected = [1] * 6 + [0.1] * 7 + [0.01] * 6 + [0.001]
    assert factors == pytest.approx(expected)
    assert training.without_gain == 12


def test_only_the_plateau_schedule_lowers_it():
    training = training_with(schedule="constant")
    for _ in range(20):
        note_gain(training, 0.3)
    assert training.rate_factor == 1


def test_a_lowered_learning_rate_survives_resuming():
    training = training_with(schedule="plateau")
    training.rate_factor = 0.1
    other = training_with(schedule="plateau")
    other.restore(training.state())
    assert other.rate_factor == pytest.approx(0.1)


@pytest.mark.parametrize(("largest", "expected"), [(0.01, 0.01), (0, None)])
def test_the_gradient_is_cut_at_its_largest_norm(largest, expected):
    training = training_with(max_gradient=largest, optimizer="sgd", momentum=0)
    generator = torch.Generator().manual_seed(0)
    batch = Batch(
        image=torch.randn(1, 1, 8, 8, generator=generator) * 30,
        classes=torch.ones(1, 8, 8, dtype=torch.long),
        weights=torch.ones(1, 8, 8),
    )
    take_step(training, batch)
    norm = torch.stack([p.grad.norm() for p in training.network.parameters()]).norm()
    if expected is None:
        assert norm > 0.1
    else:
        assert norm.item() == pytest.approx(expected, rel=1e-3)


def test_adagrad_trains_and_resumes():
    training = training_with(optimizer="adagrad", iterations=3)
    list(train(training, Descent(training, sampler())))
    other = training_with(optimizer="adagrad", iterations=5)
    other.restore(training.state())
    list(train(other, Descent(other, sampler())))
    assert other.iteration == 5


def test_the_milesial_preset_has_its_schedule_and_its_cut():
    config = PRESETS["milesial"].training
    assert (config.schedule, config.max_gradient) == ("plateau", 1)


def test_while_nothing_is_found_the_later_weights_are_kept():
    """At first all may be taken for foreground, which has some pixels right."""
    everything = Scores(
        objects_true=4,
        objects_predicted=1,
        matches=(0,) * 10,
        pixels_shared=12,
        pixels_true=12,
        pixels_predicted=100,
    )
    nothing = Scores(objects_true=4, matches=(0,) * 10, pixels_true=12)
    answers = iter([everything, *[nothing] * 20])

    def validate(choosing):
        yield Validation(nothing if choosing else next(answers), ObjectConfig())

    training = training_with(iterations=8, validations=4)
    list(train(training, Descent(training, sampler()), validate))
    last = {k: v.clone() for k, v in training.network.state_dict().items()}
    kept = training.best_weights
    assert all(torch.equal(kept[name], last[name]) for name in kept)
