"""Where patches are centred: the densities, and that the default draws as it did."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.annotation.sampling import sampling_density, share_on_objects
from napari_unet.core.annotation.target import Region, make_target
from napari_unet.core.annotation.weight_map import compute_weight_map
from napari_unet.core.config import AugmentationConfig, SamplingConfig, WeightMapConfig
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.patches import PatchSampler, prepare_image

CPU = torch.device("cpu")
FALK = SamplingConfig(rule="density")
STILL = AugmentationConfig(
    flip=False, rotation=0, scale=0, elastic_px=0, contrast=0, brightness=0, noise=0
)


def painted():
    """A few percent of objects; a part of the plane is unknown."""
    labels = np.zeros((60, 50), int)
    labels[8:14, 8:14], labels[20:24, 30:36], labels[50:55, 10:20] = 1, 2, 3
    return make_target(labels, regions=[Region((0, 0), (45, 50))])


@given(st.floats(0.01, 1), st.integers(1, 400), st.integers(0, 4000))
def test_the_density_rule_gives_the_ratio_asked_for(background, objects, others):
    """As two probabilities written out: of a pixel of an object, of background."""
    known = objects + others
    config = SamplingConfig(rule="density", background=background)
    share = share_on_objects(config, objects, known)
    on_object = share / objects + (1 - share) / known
    elsewhere = (1 - share) / known
    assert 0 <= share < 1
    assert elsewhere / on_object == pytest.approx(background)
    assert objects * on_object + others * elsewhere == pytest.approx(1)


def test_the_density_is_that_of_the_fiji_plugin():
    target = painted()
    weights = compute_weight_map(target, WeightMapConfig(w0=0, class_balance="none"))
    density = sampling_density(target.classes, weights > 0, FALK)
    assert density.dtype == np.float32
    assert (density[(target.classes > 0) & target.known] == 1).all()
    background = (target.classes == 0) & target.known
    np.testing.assert_allclose(density[background], 0.1, rtol=1e-6)
    assert (density[~target.known] == 0).all()


@pytest.mark.parametrize(
    "config",
    [FALK, SamplingConfig(), SamplingConfig(objects=0), SamplingConfig(objects=1)],
)
def test_centres_are_drawn_as_often_as_the_density_says(config):
    target = painted()
    weights = target.known.astype(np.float32)
    image = prepare_image(np.zeros((1, 60, 50)), target, weights, CPU)
    sampler = PatchSampler(
        [image], size=(4, 4), output_size=(4, 4), batch_size=1, augmentation=STILL,
        sampling=config,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    drawn = np.zeros((60, 50))
    for _ in range(4000):
        y, x = sampler._draw_centre(image, rng)
        drawn[int(y), int(x)] += 1
    density = sampling_density(target.classes, weights > 0, config)
    expected = 4000 * density / density.sum()
    assert (drawn[~target.known] == 0).all()
    on_object = (target.classes > 0) & target.known
    assert drawn[on_object].sum() == pytest.approx(expected[on_object].sum(), rel=0.1)


def test_the_freiburg_preset_draws_by_density():
    assert PRESETS["freiburg-2019"].training.sampling == FALK


def test_nothing_known_and_no_object_have_a_density():
    nothing = np.zeros((3, 4), bool)
    classes = np.zeros((3, 4), int)
    assert not sampling_density(classes, nothing, FALK).any()
    assert (sampling_density(classes, ~nothing, SamplingConfig()) == 1).all()


def test_the_fast_preset_goes_on_drawing_the_same_patches():
    target = painted()
    grey = np.random.default_rng(5).normal(size=(1, 60, 50)).astype(np.float32)
    weights = target.known.astype(np.float32)
    config = PRESETS["fast"].training
    sampler = PatchSampler(
        [prepare_image(grey, target, weights, CPU)],
        size=(32, 32),
        output_size=(32, 32),
        batch_size=2,
        augmentation=config.augmentation,
        sampling=config.sampling,
        seed=3,
    )
    batches = [sampler.draw(number) for number in range(3)]
    assert [batch.classes.sum().item() for batch in batches] == [88, 54, 86]
    np.testing.assert_allclose(
        [batch.image.sum().item() for batch in batches],
        [437.86163, -396.81867, 688.95691],
        rtol=1e-4,
    )
