"""Maps of points are those that training uses."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.annotation.disks import draw_disks
from napari_unet.core.annotation.point_maps import (
    derive_point_map,
    draw_plane_of_balls,
    draw_points,
    weigh_points,
)
from napari_unet.core.annotation.points import Points
from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.config import (
    SamplingConfig,
    TrainConfig,
    WeightMapConfig,
)
from napari_unet.core.image import Image
from napari_unet.core.training.examples import prepare, prepare_training
from napari_unet.core.training.kind import balance_points, name_point_classes

SHAPE = (30, 40)
PLACES = np.array([[8.0, 9], [8, 14], [22, 30]])
POINTS = Points(PLACES, ("a", "b", "a"))
SAMPLING = SamplingConfig()


@pytest.mark.parametrize("form", ["2015", "2019"])
def test_the_weight_map_is_the_one_that_training_uses(form):
    config = TrainConfig(weight_map=WeightMapConfig(class_balance="none").in_form(form))
    grey = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
    example = Example(Image(grey), np.zeros(SHAPE, np.uint8), points=POINTS)
    settings = name_point_classes(None, [example], 2)
    prepared = prepare(example, settings)
    used = balance_points(config, [example]).weight_map
    [image], _ = prepare_training([prepared], used, 3, torch.device("cpu"))
    target = draw_points(POINTS, SHAPE, config.weight_map)
    weights = derive_point_map("weight map", target, config.weight_map, SAMPLING)
    assert np.array_equal(weights, image.truth[1].numpy())
    assert len(np.unique(weights)) > 3


def test_disks_weigh_as_much_as_background_and_rings_nothing():
    config = WeightMapConfig(w0=0, class_balance="none")
    target = draw_points(POINTS, SHAPE, config)
    weights = derive_point_map("weight map", target, config, SAMPLING)
    of_class = [weights[target.known & (target.classes == n)].sum() for n in range(3)]
    assert np.allclose(of_class, of_class[0], rtol=1e-4)
    assert np.array_equal(weights > 0, target.known)
    apart = np.hypot(*(np.indices(SHAPE) - np.array([22, 30])[:, None, None]))
    assert not weights[(apart > 2) & (apart <= 4)].any()


def test_close_points_have_a_ridge_and_a_border_between_them():
    config = WeightMapConfig()
    target = draw_points(POINTS, SHAPE, config)
    border = derive_point_map("separation border", target, config, SAMPLING)
    between = border[:, 10:14]
    assert border.sum() == between.sum() > 0
    weights = derive_point_map("weight map", target, config, SAMPLING)
    assert weights[border > 0].min() > 5


def test_the_density_is_0_on_rings_and_1_on_disks():
    config, sampling = WeightMapConfig(), SamplingConfig(rule="density")
    target = draw_points(POINTS, SHAPE, config)
    density = derive_point_map("patch density", target, config, sampling)
    assert (density[target.classes > 0] == 1).all()
    assert not density[~target.known].any()
    far = density[target.known & (target.classes == 0)]
    np.testing.assert_allclose(far, 0.1, rtol=1e-5)


def test_distances_are_measured_from_the_disks():
    config = WeightMapConfig()
    target = draw_points(POINTS, SHAPE, config)
    distances = derive_point_map("distance map", target, config, SAMPLING)
    assert distances[22, 30] < 0
    assert distances[22, 35] == 3
    nothing = draw_points(Points(np.zeros((0, 2)), ()), SHAPE, config)
    assert not derive_point_map("distance map", nothing, config, SAMPLING).any()


def test_regions_and_ignored_ground_count_nothing():
    ignored = np.zeros(SHAPE, bool)
    ignored[:, :5] = True
    target = draw_points(
        POINTS,
        SHAPE,
        WeightMapConfig(),
        regions=[Region((0, 0), (15, 40))],
        ignored=ignored,
    )
    weights = derive_point_map("weight map", target, WeightMapConfig(), SAMPLING)
    assert not weights[15:].any()
    assert not weights[:, :5].any()
    assert weights[8, 9] > 0


def test_several_planes_are_balanced_together():
    config = WeightMapConfig(w0=0)
    targets = [draw_points(p, SHAPE, config) for p in (POINTS, Points(PLACES[:1], "a"))]
    maps = weigh_points(targets, config)
    disk = [m[t.classes == 1].max() for m, t in zip(maps, targets, strict=True)]
    assert disk[0] == disk[1]


@given(
    st.lists(
        st.tuples(st.integers(0, 11), st.integers(0, 15), st.integers(0, 17)),
        max_size=6,
        unique=True,
    ),
    st.integers(0, 11),
    st.sampled_from([1.0, 2.5]),
)
def test_a_plane_of_balls_is_that_of_the_volume(places, plane, along_z):
    shape, sizes = (12, 16, 18), (along_z, 1, 1)
    positions = np.array(places, float).reshape(-1, 3)
    names = ("x",) * len(places)
    one = draw_plane_of_balls(
        Points(positions, names), plane, shape, WeightMapConfig(), pixel_size=sizes
    )
    whole = draw_disks(
        positions, np.ones(len(places), int), shape, radius=2, pixel_size=sizes
    )
    assert np.array_equal(one.known, whole.known[plane])
    assert np.array_equal(one.classes, whole.classes[plane])
    assert np.array_equal(one.labels > 0, whole.labels[plane] > 0)
