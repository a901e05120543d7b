"""Splitting at waists in volumes: the analogue of planes, at any pixel size."""

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.config import ObjectConfig
from napari_unet.core.prediction.objects import find_objects
from napari_unet.core.prediction.waist import measure_distance

PLAIN = ObjectConfig(min_size=0, fill_holes=False, recover_border=False, split=0)
SPLIT = PLAIN.replaced(split=0.75)


def balls(shape, *bodies, spacing=(1, 1, 1)):
    """Return the union of balls (z, y, x, radius), in the unit of the spacing."""
    places = np.indices(shape) * np.reshape(spacing, (3, 1, 1, 1))
    inside = [
        ((places - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius**2
        for *centre, radius in bodies
    ]
    return np.any(inside, axis=0).astype(np.float32)


def dumb_bell(neck, radius=10):
    """Return two balls joined by a rod along X of the radius `neck`."""
    shape = (2 * radius + 3, 2 * radius + 3, 5 * radius)
    middle = radius + 1
    foreground = balls(
        shape,
        (middle, middle, middle, radius),
        (middle, middle, 5 * radius - middle, radius),
    )
    z, y, x = np.indices(shape)
    rod = (z - middle) ** 2 + (y - middle) ** 2 <= neck**2
    return np.maximum(foreground, rod & (x > middle) & (x < 5 * radius - middle))


@settings(max_examples=50, deadline=None)
@given(
    npst.arrays(np.bool_, npst.array_shapes(min_dims=3, max_dims=3, max_side=7)),
    st.tuples(*[st.sampled_from((0.5, 1.0, 2.7))] * 3),
)
def test_the_distance_is_that_to_the_nearest_pixel_outside(mask, spacing):
    if mask.all():
        assert np.isinf(measure_distance(mask, spacing)).all()
        return
    places = np.argwhere(np.ones_like(mask)) * spacing
    outside = np.argwhere(~mask) * spacing
    expected = np.linalg.norm(places[:, None] - outside[None], axis=2).min(axis=1)
    found = measure_distance(mask, spacing)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5)


def test_two_overlapping_balls_are_cut_at_the_waist():
    foreground = balls((40, 40, 60), (20, 20, 20, 11), (20, 20, 38, 11))
    assert find_objects(foreground, PLAIN).max() == 1
    labels = find_objects(foreground, SPLIT)
    assert labels.max() == 2
    np.testing.assert_array_equal(labels > 0, foreground)
    assert set(labels[..., :28].ravel()) == {0, 1}
    assert set(labels[..., 31:].ravel()) == {0, 2}


@pytest.mark.parametrize("neck", [2, 4, 6, 9])
@pytest.mark.parametrize("clear", [0.25, 0.5, 0.75])
def test_a_dumb_bell_is_cut_where_its_neck_is_narrower_than_asked(neck, clear):
    radius = 10
    labels = find_objects(dumb_bell(neck, radius), PLAIN.replaced(split=clear))
    assert labels.max() == (2 if neck < clear * radius else 1)


def test_widths_are_measured_with_the_pixel_size():
    # Planes 3 apart: in pixels, the bodies are as flat as the bridge, which is as thick
    # as they are, but half as wide.
    shape, spacing = (12, 30, 70), (3, 1, 1)
    bodies = [(18, 15, 15, 12), (18, 15, 55, 12)]
    foreground = balls(shape, *bodies, spacing=spacing)
    foreground[2:11, 9:22, 15:55] = 1
    assert find_objects(foreground, SPLIT, spacing).max() == 2
    assert find_objects(foreground, SPLIT).max() == 1
    # Only how the lengths compare matters.
    micrometres = tuple(0.2 * length for length in spacing)
    np.testing.assert_array_equal(
        find_objects(foreground, SPLIT, micrometres),
        find_objects(foreground, SPLIT, spacing),
    )


def test_objects_that_go_through_a_thin_stack_are_cut_as_in_a_plane():
    disks = balls((1, 40, 60), (0, 20, 20, 11), (0, 20, 38, 11))
    for planes in (1, 4):
        labels = find_objects(np.repeat(disks, planes, axis=0), SPLIT)
        assert labels.max() == 2
        assert (labels == labels[0]).all()
    plane = find_objects(disks[0], SPLIT)
    np.testing.assert_array_equal(labels[0], plane)


def test_a_volume_without_background_is_one_object():
    assert (find_objects(np.ones((4, 5, 6)), SPLIT) == 1).all()


@pytest.mark.parametrize("radii", [(12, 12, 12), (5, 8, 20), (3, 16, 16)])
def test_an_ellipsoid_stays_whole(radii):
    places = np.indices((43, 43, 43)) - 21
    z, y, x = places[0], places[1] + places[2], places[1] - places[2]
    turned = [axis / radius for axis, radius in zip((z, y, x), radii, strict=True)]
    foreground = (sum(t**2 for t in turned) <= 1).astype(np.float32)
    np.testing.assert_array_equal(
        find_objects(foreground, SPLIT), find_objects(foreground, PLAIN)
    )


def test_nothing_smaller_than_the_minimum_is_cut_off():
    foreground = balls((30, 30, 50), (15, 15, 15, 11), (15, 15, 30, 5))
    small = int((find_objects(foreground, SPLIT) == 2).sum())
    assert small > 0
    for min_size, objects in ((small, 2), (small + 1, 1)):
        config = SPLIT.replaced(min_size=min_size)
        assert find_objects(foreground, config).max() == objects


@settings(max_examples=30, deadline=None)
@given(npst.arrays(np.bool_, npst.array_shapes(min_dims=3, max_dims=3, max_side=5)))
def test_parts_are_connected_and_belong_to_one_object(mask):
    foreground = np.kron(mask, np.ones((3, 3, 3))).astype(np.float32)
    whole, parts = find_objects(foreground, PLAIN), find_objects(foreground, SPLIT)
    np.testing.assert_array_equal(parts > 0, whole > 0)
    for number in range(1, parts.max() + 1):
        part = parts == number
        assert len(np.unique(whole[part])) == 1
        assert ndimage.label(part)[1] == 1


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1000),
    st.permutations(range(3)),
    st.lists(st.sampled_from(range(3)), max_size=3, unique=True),
    st.sampled_from([(1, 1, 1), (2, 1, 1), (1.5, 1, 0.8)]),
)
def test_turning_the_volume_turns_the_parts(seed, order, flipped, spacing):
    rng = np.random.default_rng(seed)
    shape = (18, 30, 34)
    extent = np.array(shape) * spacing
    bodies = [(*rng.uniform(0, extent), rng.uniform(4, 9)) for _ in range(6)]
    foreground = balls(shape, *bodies, spacing=spacing)
    labels = find_objects(foreground, SPLIT, spacing)
    turned = np.flip(foreground.transpose(order), flipped)
    found = find_objects(turned, SPLIT, [spacing[axis] for axis in order])
    assert found.max() == labels.max()
    expected = np.flip(labels.transpose(order), flipped)
    # The same parts; a pixel from which two ways up are equally steep may take either.
    pairs, counts = np.unique(
        np.stack([expected.ravel(), found.ravel()]), axis=1, return_counts=True
    )
    best = {}
    for (mine, _), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        best[mine] = max(best.get(mine, 0), count)
    assert sum(best.values()) >= 0.99 * labels.size
    assert (expected > 0).sum() == (found > 0).sum()
