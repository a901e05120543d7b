"""Grey values bent by a random curve that rises."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.config import AugmentationConfig
from napari_unet.core.training.augmentation import (
    change_grey_values,
    measure_grey_values,
)
from napari_unet.core.training.intensity_curve import bend, draw_curves

CURVE = AugmentationConfig(contrast=0, brightness=0, noise=0, curve=True)


@given(st.integers(0, 10_000))
def test_a_curve_rises_within_its_limits_and_is_smooth(seed):
    (curve,) = draw_curves(1, np.random.default_rng(seed))
    assert curve.shape == (256,)
    assert abs(curve[0]) < 0.051
    assert abs(curve[-1] - 1) < 0.051
    slopes = np.diff(curve) * 255
    assert slopes.min() > 0.8 - 1e-3
    assert slopes.max() < 1.2 + 1e-3
    # Corners of up to 0.4 are spread over 16 entries: at most 0.4 / (sqrt(2 pi) 16).
    assert np.abs(np.diff(slopes)).max() < 0.0101


def test_curves_differ_and_use_their_whole_range():
    curves = draw_curves(2000, np.random.default_rng(0))
    for end, centre in ((curves[:, 0], 0), (curves[:, -1], 1)):
        assert end.mean() == pytest.approx(centre, abs=0.003)
        assert end.std() == pytest.approx(0.1 / np.sqrt(12), rel=0.05)
    bent = curves[:, 128] - (curves[:, 0] + curves[:, -1]) / 2
    assert bent.min() < -0.07
    assert bent.max() > 0.07


def test_a_straight_curve_changes_nothing_and_continues_beyond_its_ends():
    patch = torch.linspace(-3, 3, 60).reshape(2, 5, 6)
    straight = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(2, axis=0)
    torch.testing.assert_close(bend(patch, straight), patch, rtol=1e-4, atol=1e-5)


def test_bending_looks_up_each_channel_in_its_own_curve():
    rng = np.random.default_rng(1)
    curves = draw_curves(3, rng)
    patch = rng.uniform(-1, 1, (3, 9, 7)).astype(np.float32)
    steps = np.linspace(-1, 1, 256)
    expected = [
        np.interp(each, steps, 2 * curve - 1)
        for each, curve in zip(patch, curves, strict=True)
    ]
    bent = bend(torch.from_numpy(patch), curves)
    np.testing.assert_allclose(bent, expected, atol=1e-5)


def test_the_curve_is_one_of_the_random_changes():
    grey = np.random.default_rng(0).uniform(-1, 1, (2, 20, 20)).astype(np.float32)
    patch, statistics = torch.from_numpy(grey), measure_grey_values(grey, "cpu")

    def change(seed):
        rng = np.random.default_rng(seed)
        return change_grey_values(patch, statistics, CURVE, rng)

    assert not torch.equal(change(0), patch)
    assert not torch.equal(change(0), change(1))
    torch.testing.assert_close(change(0), change(0), rtol=0, atol=0)
    # It rises: the order of the grey values stays.
    for before, after in zip(patch, change(0), strict=True):
        assert torch.equal(before.flatten().argsort(), after.flatten().argsort())
