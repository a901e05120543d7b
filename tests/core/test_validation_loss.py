"""The loss of a validation is the training's own, on ground that was held back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import Example, make_target
from napari_unet.core.config import (
    ModelSettings,
    NetworkConfig,
    TrainConfig,
    WeightMapConfig,
)
from napari_unet.core.device import choose_compute
from napari_unet.core.image import Image, measure_intensity
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.predict import predict
from napari_unet.core.training.loss import compute_loss
from napari_unet.core.training.preparation import prepare_for, split_for
from napari_unet.core.training.state import Training
from napari_unet.core.training.validation_loss import MeanLoss, ground_of

CONFIG = TrainConfig(seconds=None, iterations=1, patch_size=32)


def random_ground(seed=0, shape=(12, 16)):
    rng = np.random.default_rng(seed)
    target = make_target(rng.integers(0, 3, shape), kind="classes", classes=3)
    weights = rng.uniform(0, 4, shape).astype(np.float32)
    weights[:3] = 0
    return target, weights


def network_with(head):
    return build_network(NetworkConfig(base_channels=2, levels=1, head=head, classes=3))


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("loss", ["cross-entropy", "dice", "cross-entropy + dice"])
def test_it_is_that_of_the_logits_behind_the_probabilities(head, loss):
    network, config = network_with(head), CONFIG.replaced(loss=loss)
    target, weights = random_ground()
    logits = 3 * torch.randn(network.config.outputs, 12, 16)
    ground = ground_of(target, weights)
    mean = MeanLoss(network, config)
    mean.add(network.probabilities(logits).numpy(), ground)
    expected = compute_loss(network, logits[None], ground, config).item()
    assert mean.value() == pytest.approx(expected, rel=1e-4)


def test_by_hand():
    network = network_with("softmax")
    target = make_target(np.array([[0, 2, 1]]), kind="classes", classes=3)
    probabilities = np.array(
        [[[0.5, 0.2, 0.9]], [[0.25, 0.3, 0.05]], [[0.25, 0.5, 0.05]]], np.float32
    )
    mean = MeanLoss(network, CONFIG)
    mean.add(probabilities, ground_of(target, np.array([[1, 3, 0]], np.float32)))
    assert mean.value() == pytest.approx(np.log(2), rel=1e-5)  # both are 0.5


def test_images_count_by_their_weights_and_none_without_any():
    network = network_with("softmax")
    mean, sums = MeanLoss(network, CONFIG), np.zeros(2)
    assert np.isnan(mean.value())
    for seed in (0, 1):
        target, weights = random_ground(seed, (12, 16 + 8 * seed))
        probabilities = torch.randn(3, *weights.shape).softmax(dim=0).numpy()
        picked = np.take_along_axis(probabilities, target.classes[None], axis=0)[0]
        sums += (weights * -np.log(picked)).sum(), weights.sum()
        mean.add(probabilities, ground_of(target, weights))
    mean.add(probabilities, ground_of(target, 0 * weights))
    assert mean.value() == pytest.approx(sums[0] / sums[1], rel=1e-4)


def test_probabilities_of_nothing_cost_much_but_are_finite():
    target, weights = random_ground()
    for head in ("softmax", "sigmoid"):
        mean = MeanLoss(network_with(head), CONFIG)
        wrong = np.zeros((3, *weights.shape), np.float32)
        wrong[0] = target.classes > 0
        wrong[1] = target.classes == 0
        mean.add(wrong, ground_of(target, weights))
        assert 10 < mean.value() < 200


def test_values_are_compared_as_they_are_learned():
    network = network_with("regression")
    target, weights = random_ground()
    wanted = np.zeros((1, *weights.shape), np.float32)
    for loss, expected in (("mse", 0.25), ("l1", 0.5)):
        mean = MeanLoss(network, CONFIG.replaced(loss=loss))
        mean.add(wanted + 0.5, ground_of(target, weights, wanted))
        assert mean.value() == pytest.approx(expected)


def squares():
    labels = np.zeros((64, 80), np.int32)
    for number in range(12):
        y, x = divmod(number, 4)
        labels[2 + 20 * y : 20 + 20 * y, 2 + 20 * x : 20 + 20 * x] = number + 1
    noise = np.random.default_rng(0).normal(0, 40, labels.shape)
    grey = (labels > 0) * 800 + 300 + noise
    return Example(Image(grey[None].astype(np.uint16), name="squares"), labels)


@pytest.mark.parametrize("border", [0, 1, 2])
@pytest.mark.parametrize("form", ["2015", "2019"])
def test_the_same_image_costs_what_it_costs_in_the_training(border, form):
    """Same weights, same balance of the classes, same line between objects."""
    weight_map = WeightMapConfig(separation_border=border).in_form(form)
    config = CONFIG.replaced(weight_map=weight_map.model_dump())
    settings = ModelSettings(network=NetworkConfig(base_channels=2, levels=1))
    network = build_network(settings.network, seed=0)
    training = Training(network, config, choose_compute("cpu", "float32"))
    examples = [squares(), replace(squares(), role="validation")]
    split = split_for(examples, settings, training.config)
    sampler, validate = prepare_for(training, split, settings)
    *_, validation = validate(False)

    [image] = sampler._images
    classes, weights = image.truth.numpy()
    array = squares().image
    intensity = measure_intensity(array, settings.normalisation)
    # Mirrored beyond the edge, as in every prediction.
    [tile] = predict(network, array.array, intensity, training.compute, tile=128)
    picked = np.where(classes > 0, tile.probabilities[1], tile.probabilities[0])
    expected = (weights * -np.log(picked)).sum() / weights.sum()
    assert validation.loss == pytest.approx(expected, rel=1e-4)
