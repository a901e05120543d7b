"""The map that follows the brush is the map of the whole plane."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.annotation.live_weight_map import LiveWeightMap
from napari_unet.core.annotation.target import Region, make_target
from napari_unet.core.annotation.weight_map import compute_weight_map
from napari_unet.core.config import WeightMapConfig

SHAPE = (90, 110)
IGNORED = 200
stroke = st.tuples(
    st.integers(0, SHAPE[0]), st.integers(0, SHAPE[1]), st.integers(1, 14),
    st.sampled_from([0, 1, 2, 3, 4, 5, IGNORED]),
)  # fmt: skip


def whole(painted, config, regions):
    target = make_target(
        painted,
        regions=regions,
        ignore_label=IGNORED,
        separation_border=config.separation_border,
    )
    return compute_weight_map(target, config)


@pytest.mark.parametrize("balance", ["none", "inverse-frequency", "v_bal", "2019"])
@pytest.mark.parametrize("width", [0, 1, 2])
@given(
    strokes=st.lists(st.lists(stroke, max_size=3), min_size=1, max_size=6),
    with_region=st.booleans(),
)
@settings(deadline=None, max_examples=15)
def test_each_stroke_gives_the_map_of_the_whole(balance, width, strokes, with_region):
    config = WeightMapConfig(sigma=1.5, separation_border=width)
    if balance == "2019":
        config = config.replaced(form="2019", background_sigma=1.2)
    else:
        config = config.replaced(class_balance=balance)
    regions = (Region((10, 20), (70, 80)),) if with_region else ()
    live = LiveWeightMap(config, regions=regions, ignore_label=IGNORED)
    painted = np.zeros(SHAPE, np.uint16)
    painted[10:20, 10:20], painted[10:20, 20:30], painted[40:60, 33:50] = 1, 2, 3
    for strokes_at_once in strokes:
        np.testing.assert_allclose(
            live.update(painted), whole(painted, config, regions), atol=1e-6
        )
        for y, x, radius, number in strokes_at_once:
            painted[
                max(0, y - radius) : y + radius, max(0, x - radius) : x + radius
            ] = number


def test_another_plane_is_computed_from_the_start():
    live = LiveWeightMap(WeightMapConfig())
    one, other = np.zeros((20, 30), int), np.zeros((25, 30), int)
    one[3:9, 3:9], other[4:9, 20:25], other[4:9, 12:18] = 1, 1, 2
    live.update(one)
    np.testing.assert_allclose(
        live.update(other), whole(other, WeightMapConfig(), ()), atol=1e-6
    )


def test_what_it_was_given_may_be_painted_on_afterwards():
    live = LiveWeightMap(WeightMapConfig())
    painted = np.zeros((40, 40), np.uint16)
    painted[5:15, 5:15] = 1
    first = live.update(painted)
    kept = first.copy()
    painted[5:15, 18:28] = 2
    second = live.update(painted)
    np.testing.assert_array_equal(first, kept)
    assert second[10, 16] > first[10, 16] + 1


@pytest.mark.parametrize("balance", ["inverse-frequency", "none"])
def test_the_map_of_classes_is_that_of_the_whole_plane(balance):
    config = WeightMapConfig(class_balance=balance)
    live = LiveWeightMap(config, kind="classes", classes=3)
    painted = np.zeros((40, 50), np.uint16)
    for stroke in (np.s_[5:15, 5:15], np.s_[18:28, 5:15], np.s_[5:15, 15:25]):
        painted[stroke] = 1 if painted.sum() else 2
        expected = compute_weight_map(
            make_target(painted, kind="classes", classes=3), config
        )
        np.testing.assert_allclose(live.update(painted), expected, rtol=1e-5)
