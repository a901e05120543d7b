"""Training in float16, whose largest number is 65,504, as some cards need it."""

import torch

from napari_unet.core.checkpoint import copy_weights
from napari_unet.core.config import NetworkConfig, TrainConfig
from napari_unet.core.device import Compute
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.patches import Batch
from napari_unet.core.training.state import Training
from napari_unet.core.training.train import take_step


def begin(precision, **options):
    network = build_network(NetworkConfig(base_channels=4, levels=1), seed=0).train()
    config = TrainConfig(seconds=1, learning_rate=1e-2, **options)
    return Training(network, config, Compute(torch.device("cpu"), precision))


def bright_squares():
    image = torch.zeros(2, 1, 32, 32)
    image[..., 8:24, 8:24] = 1
    classes = image[:, 0].long()
    return Batch(image, classes, torch.ones(classes.shape))


def test_a_network_learns_in_float16():
    training, batch = begin("float16"), bright_squares()
    losses = [take_step(training, batch) for _ in range(30)]
    assert losses[-1] < losses[0] / 2


def test_a_step_whose_gradients_are_too_large_moves_nothing_and_lowers_the_scale():
    training, batch = begin("float16"), bright_squares()
    training.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = copy_weights(training.network)
    take_step(training, batch)
    weights = dict(training.network.named_parameters())
    assert all(torch.equal(weights[name], before[name]) for name in weights)
    assert training.scaler.get_scale() < 2.0**40


def test_a_step_that_failed_half_way_can_be_taken_again():
    training, batch = begin("float16"), bright_squares()
    loss = training.network(batch.image).square().mean()
    training.scaler.scale(loss).backward()
    training.scaler.unscale_(training.optimizer)  # and here memory ran out
    scale = training.scaler.get_scale()
    training.forget_step()
    take_step(training, batch)
    assert training.scaler.get_scale() == scale


def test_other_formats_are_not_scaled():
    for precision in ("float32", "bfloat16"):
        assert begin(precision).scaler.get_scale() == 1


def test_what_is_to_be_done_meanwhile_is_done_once_a_step():
    training, done = begin("float32"), []
    training.at_once = 1
    take_step(training, bright_squares(), lambda: done.append(training.iteration))
    assert done == [0]
