"""Losses against values worked out by hand; unknown pixels change nothing."""

import math

import pytest
import torch

from napari_unet.core.config import NetworkConfig, TrainConfig
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.loss import compute_loss
from napari_unet.core.training.patches import Batch

LOSSES = ["cross-entropy", "dice", "cross-entropy + dice"]


def network(head="softmax", classes=2):
    return build_network(
        NetworkConfig(base_channels=2, levels=1, head=head, classes=classes)
    )


def batch(classes, weights=None):
    classes = torch.tensor(classes)[None]
    if weights is None:
        weights = torch.ones(classes.shape)
    else:
        weights = torch.tensor(weights)[None]
    return Batch(torch.zeros(1, 1, *classes.shape[1:]), classes, weights)


def loss_of(name, logits, drawn, head="softmax", **options):
    config = TrainConfig(loss=name, **options)
    kind = network(head, logits.shape[1] + (head == "sigmoid"))
    return compute_loss(kind, logits, drawn, config)


def test_weighted_cross_entropy_by_hand():
    # Probability of the right class: 0.8, 0.5; weights 3 and 1.
    logits = torch.tensor([[[[0.0, 0.0]], [[math.log(4), 0.0]]]])
    loss = loss_of("cross-entropy", logits, batch([[1, 0]], [[3.0, 1.0]]))
    expected = (3 * -math.log(0.8) + -math.log(0.5)) / 4
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_a_sigmoid_of_one_class_is_a_softmax_of_two():
    logits = torch.randn(1, 1, 4, 5)
    drawn = batch([[0, 1, 1, 0, 1]] * 4)
    both = torch.cat([torch.zeros_like(logits), logits], dim=1)
    for name in LOSSES[:1]:
        torch.testing.assert_close(
            loss_of(name, logits, drawn, "sigmoid"), loss_of(name, both, drawn)
        )


def test_the_dice_loss_by_hand():
    # Foreground 1/2 everywhere, one of two pixels is an object: Dice of both classes
    # (2 * 1/2 + 1) / (1 + 1 + 1).
    logits = torch.zeros(1, 2, 1, 2)
    loss = loss_of("dice", logits, batch([[1, 0]]))
    assert float(loss) == pytest.approx(1 - 2 / 3, abs=1e-6)
    sure = torch.tensor([[[[-50.0, 50.0]], [[50.0, -50.0]]]])
    assert float(loss_of("dice", sure, batch([[1, 0]]))) == pytest.approx(0, abs=1e-6)


def test_the_mixture_has_the_shares_asked_for():
    logits, drawn = torch.randn(1, 3, 6, 7), batch([[0, 1, 2, 1, 0, 0, 2]] * 6)
    entropy, dice = (loss_of(name, logits, drawn) for name in LOSSES[:2])
    mixture = loss_of(LOSSES[2], logits, drawn, dice_share=0.3)
    torch.testing.assert_close(mixture, 0.7 * entropy + 0.3 * dice)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_unknown_pixels_change_neither_loss_nor_gradient(name, head):
    outputs = 2 if head == "softmax" else 1
    known = [[1.0, 2.0, 0.0, 0.0]] * 3
    logits = torch.randn(1, outputs, 3, 4)
    results = []
    for painted in (0, 1):
        each = logits.clone().requires_grad_()
        loss = loss_of(name, each, batch([[0, 1, painted, painted]] * 3, known), head)
        loss.backward()
        results.append((loss.detach(), each.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert not results[0][1][..., 2:].any()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_with_nothing_known_the_loss_and_its_gradient_are_nought(name, head):
    outputs = 2 if head == "softmax" else 1
    logits = torch.randn(1, outputs, 3, 4, requires_grad=True)
    loss = loss_of(name, logits, batch([[0, 1, 1, 0]] * 3, [[0.0] * 4] * 3), head)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not logits.grad.any()


def test_probabilities_of_a_sigmoid_head():
    logits = torch.tensor([2.0, -1.0])[:, None, None]
    probabilities = network("sigmoid", classes=3).probabilities(logits)
    first, second = torch.sigmoid(torch.tensor([2.0, -1.0])).tolist()
    expected = torch.tensor([1 - first, first, second])[:, None, None]
    torch.testing.assert_close(probabilities, expected)
