"""The weight map equals the paper's formula, written out plainly, everywhere."""

import time

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from napari_unet.core.annotation.target import Region, make_target
from napari_unet.core.annotation.weight_map import (
    balance_classes,
    border_distance_term,
    compute_weight_map,
    count_classes,
    reach_px,
)
from napari_unet.core.config import WeightMapConfig
from napari_unet.core.errors import InputError

UNBALANCED = WeightMapConfig(class_balance="none")

label_images = npst.arrays(
    np.int32,
    npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=11),
    # Few numbers, so that objects are large, touch, and are in pieces; not 1, 2, 3.
    elements=st.sampled_from([0, 0, 0, 0, 1, 3, 70_000, 2**31 - 1]),
)
pixel_sizes = st.tuples(*[st.sampled_from([1.0, 1.0, 0.37, 2.0, 3.3])] * 3)


def plain_term(labels, w0=10.0, sigma=5.0, pixel_size=None):
    """One distance transform per object; two sorted distances; Eq. 2."""
    term = np.zeros(labels.shape)
    numbers = np.unique(labels[labels > 0])
    if len(numbers) >= 2:
        first, second = np.full((2, *labels.shape), np.inf)
        for number in numbers:
            far = distance_transform_edt(labels != number, sampling=pixel_size)
            second = np.minimum(second, np.maximum(first, far))
            first = np.minimum(first, far)
        term = w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2))
    term[labels > 0] = 0
    return term


def paint_discs(shape, pitch, seed=0):
    """Round objects of uneven size on a shaken grid; most touch a neighbour."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    corners = [
        (y, x) for y in range(0, shape[0], pitch) for x in range(0, shape[1], pitch)
    ]
    for number, corner in enumerate(corners, start=1):
        y, x = np.add(corner, pitch / 2 + rng.uniform(-0.15, 0.15, 2) * pitch)
        radius = rng.uniform(0.38, 0.58) * pitch
        box = tuple(slice(max(int(c - radius), 0), int(c + radius) + 2) for c in (y, x))
        disc = (rows[box[0]] - y) ** 2 + (columns[:, box[1]] - x) ** 2 < radius**2
        labels[box][disc & (labels[box] == 0)] = number
    return labels


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (1, 9.231163),
        (2, 8.352702),
        (3, 7.261490),
        (4, 6.065307),
        (5, 4.867523),
        (6, 3.753111),
        (8, 1.978987),
        (10, 0.889216),
        (15, 0.059760),
        (20, 0.001477),
    ],
)
def test_a_straight_gap_has_one_weight(pixels, expected):
    labels = np.zeros((12, pixels + 8), int)
    labels[:, :4], labels[:, -4:] = 1, 2
    term = border_distance_term(labels)
    np.testing.assert_allclose(term[:, 4:-4], expected, atol=2e-6)
    assert not term[labels > 0].any()


FALK = WeightMapConfig(form="2019", w0=50, sigma=6)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (1, 48.293485),
        (2, 45.120356),
        (3, 41.032381),
        (4, 36.327925),
        (5, 31.322044),
        (6, 26.312292),
        (8, 17.228135),
        (10, 10.309034),
        (15, 2.423786),
        (20, 1.104886),
    ],
)
def test_the_weights_of_2019_beside_a_straight_gap(pixels, expected):
    labels = np.zeros((12, pixels + 8), int)
    labels[:, :4], labels[:, -4:] = 1, 2
    weights = compute_weight_map(make_target(labels), FALK)
    np.testing.assert_allclose(weights[:, 4], expected, atol=2e-5)
    assert (weights[labels > 0] == 1).all()


def test_the_weights_of_2019_on_the_line_between_touching_cells():
    labels = np.zeros((9, 10), int)
    labels[:, :5], labels[:, 5:] = 1, 2
    target = make_target(labels)
    weights = compute_weight_map(target, FALK)
    np.testing.assert_allclose(weights[target.classes == 0], 1 + 49.310356, atol=2e-5)


def test_the_weights_of_2019_far_away_and_on_unknown_ground():
    labels = np.zeros((200, 30), int)
    labels[:9, :9] = 3
    weights = compute_weight_map(
        make_target(labels, regions=[Region((0, 0), (190, 30))]), FALK
    )
    assert weights[150, 20] == pytest.approx(0.1, abs=1e-6)
    assert (weights[190:] == 0).all()
    nothing = compute_weight_map(make_target(np.zeros((9, 9), int)), FALK)
    np.testing.assert_allclose(nothing, 0.1)


def test_classes_are_kept_apart_each_for_itself_in_2019():
    painted = np.zeros((9, 20), int)
    painted[:, :6], painted[:, 8:12], painted[:, 14:] = 1, 2, 1
    target = make_target(painted, kind="classes", classes=3)
    pooled = compute_weight_map(target, UNBALANCED.replaced(w0=50, sigma=6))
    apart = compute_weight_map(target, FALK)
    # In the gap from class 1 to class 2 the next object of class 1 is far away.
    far = 50 * np.exp(-((1 + 8) ** 2) / 72)
    near = 0.1 + 0.9 * np.exp(-1 / 200)
    assert pooled[4, 6] == pytest.approx(1 + 50 * np.exp(-9 / 72), abs=1e-4)
    assert apart[4, 6] == pytest.approx(near + far, abs=1e-4)


def test_two_small_cells_have_the_known_map():
    labels = np.zeros((7, 7), int)
    labels[1:3, 1:3], labels[4:6, 4:6] = 1, 2
    upper = [
        [4.678794, 5.867523, 6.494237, 6.415943, 5.594290, 4.584506, 3.566608],
        [5.867523, 1, 1, 8.071651, 7.065307, 5.867523, 4.584506],
        [6.494237, 1, 1, 9.110361, 8.261490, 7.065307, 5.594290],
        [6.415943, 8.071651, 9.110361, 9.521438, 9.110361, 8.071651, 6.415943],
    ]
    expected = np.array(upper + [row[::-1] for row in upper[2::-1]])
    weights = compute_weight_map(make_target(labels), UNBALANCED)
    np.testing.assert_allclose(weights, expected, atol=2e-6)


@settings(deadline=None, max_examples=400)
@given(label_images, st.floats(0.4, 4), pixel_sizes)
def test_equals_the_formula(labels, sigma, sizes):
    sizes = sizes[: labels.ndim]
    term = border_distance_term(labels, sigma=sigma, pixel_size=sizes)
    assert term.dtype == np.float32
    np.testing.assert_allclose(
        term, plain_term(labels, sigma=sigma, pixel_size=sizes), atol=1e-5
    )


def test_equals_the_formula_where_an_image_is_larger_than_a_tile():
    labels = paint_discs((560, 610), 60)
    np.testing.assert_allclose(
        border_distance_term(labels), plain_term(labels), atol=1e-5
    )


@pytest.mark.parametrize("pixel_size", [(1, 1, 1), (3, 1, 1.2)])
def test_equals_the_formula_in_a_stack(pixel_size):
    labels = np.stack([paint_discs((60, 170), 20, seed) for seed in range(3)])
    labels = labels.repeat(4, axis=0)
    np.testing.assert_allclose(
        border_distance_term(labels, pixel_size=pixel_size),
        plain_term(labels, pixel_size=pixel_size),
        atol=1e-5,
    )


def test_hundreds_of_objects_within_reach_of_each_other():
    labels = np.zeros((50, 50), int)
    labels[::3, ::3] = np.arange(1, 17**2 + 1).reshape(17, 17)
    np.testing.assert_allclose(
        border_distance_term(labels), plain_term(labels), atol=1e-5
    )


@pytest.mark.parametrize("sigma", [31.6, 31.7, 31.9, 60])  # reach: 179 to 341 pixels
@pytest.mark.parametrize("distance", [150, 179, 180, 181, 260])
def test_a_wide_ridge(sigma, distance):
    labels = np.zeros((3, 400), int)
    labels[0, 2], labels[2, 2 + distance] = 1, 2
    for turned in (labels, labels.T):
        np.testing.assert_allclose(
            border_distance_term(turned, sigma=sigma),
            plain_term(turned, sigma=sigma),
            atol=1e-5,
        )


@settings(deadline=None)
@given(label_images, st.permutations([1, 3, 70_000, 2**31 - 1]))
def test_numbers_carry_no_meaning(labels, numbers):
    renumbered = np.zeros_like(labels)
    for old, new in zip([1, 3, 70_000, 2**31 - 1], numbers, strict=True):
        renumbered[labels == old] = new
    np.testing.assert_array_equal(
        border_distance_term(labels), border_distance_term(renumbered)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (1, 1, 1), (5, 6)])
@pytest.mark.parametrize("number", [0, 1, 300])
def test_fewer_than_two_objects_have_no_ridge(shape, number):
    labels = np.full(shape, number)
    assert not border_distance_term(labels).any()
    assert compute_weight_map(make_target(labels)).tolist() == np.ones(shape).tolist()


def test_no_ridge_of_no_height():
    assert not border_distance_term(paint_discs((40, 40), 20), w0=0).any()


def test_the_time_is_that_of_a_few_distance_transforms():
    """However many objects there are; processor time, to be safe from other load."""
    labels = paint_discs((1024, 1024), 40)
    assert labels.max() > 640
    background = labels == 0

    def measure(function, argument):
        times = []
        for _ in range(3):
            start = time.process_time()
            function(argument)
            times.append(time.process_time() - start)
        return min(times)

    ours = measure(border_distance_term, labels)
    assert ours < 3 * measure(distance_transform_edt, background)


def test_a_ridge_where_objects_touch():
    """Distances are from the objects as painted: 0 and 1 on the line that was cut."""
    labels = np.zeros((5, 8), int)
    labels[1:4, 1:4], labels[1:4, 4:7] = 1, 2
    weights = compute_weight_map(make_target(labels), UNBALANCED)
    np.testing.assert_allclose(weights[1:4, 4], 1 + 9.801987, atol=2e-6)
    assert (weights[1:4, [1, 2, 3, 5, 6]] == 1).all()


def test_class_weights_of_ten_and_ninety_pixels():
    weights = balance_classes(np.array([90, 10]))
    np.testing.assert_allclose(weights, [0.555556, 5.0], atol=1e-6)
    assert (weights * [0.9, 0.1]).sum() == pytest.approx(1)


def test_a_class_that_does_not_occur_takes_no_part():
    weights = balance_classes(np.array([30, 0, 10]))
    np.testing.assert_allclose(weights, [40 / 60, 0, 2])
    assert balance_classes(np.array([0, 0])).tolist() == [0, 0]


@settings(deadline=None)
@given(label_images)
def test_the_class_balance_has_mean_one(labels):
    weights = compute_weight_map(make_target(labels), WeightMapConfig(w0=0))
    assert weights.mean() == pytest.approx(1, abs=1e-5)


def test_unknown_pixels_weigh_nothing_and_do_not_count():
    labels = np.zeros((20, 30), int)
    labels[5:10, 4:9], labels[5:10, 11:16], labels[0, 0] = 1, 2, 9
    target = make_target(labels, regions=[Region((0, 0), (20, 10))], ignore_label=9)
    # Low enough ridges, that what unknown ground may hide does not matter.
    weights = compute_weight_map(target, WeightMapConfig(w0=0.1))
    assert not weights[:, 10:].any()
    assert weights[0, 0] == 0
    assert (weights[target.known & (target.classes > 0)] > 0).all()
    assert count_classes(target, 3).tolist() == [199 - 25, 25, 0]
    # What is painted outside the region changes nothing: there is one object.
    balance = balance_classes(count_classes(target, 2))
    assert weights[7, 9] == pytest.approx(balance[0])


def test_class_weights_of_the_isbi_membranes():
    weights = balance_classes(np.array([1_727_250, 6_137_070]))  # membranes, cells
    np.testing.assert_allclose(weights, [2.276544, 0.640723], rtol=1e-5)


def test_the_term_falls_below_a_thousandth_beyond_18_58_px():
    reach = 5 * np.sqrt(2 * np.log(1000))
    assert reach == pytest.approx(18.58, abs=0.01)
    for size, below in ((reach - 0.01, False), (reach + 0.01, True)):
        # d1 + d2 in a gap of one pixel of half the length
        term = border_distance_term(np.array([[1, 0, 2]]), pixel_size=(1, size / 2))
        assert (term[0, 1] < 10 / 1000) == below


def test_given_class_weights_are_used():
    target = make_target(np.array([[0, 1, 2]]), kind="classes", classes=3)
    config = WeightMapConfig(w0=0)
    assert compute_weight_map(target, config, class_weights=[1, 2, 3]).tolist() == [
        [1, 2, 3]
    ]
    with pytest.raises(InputError, match="3 classes, background included, but there"):
        compute_weight_map(target, config, class_weights=[1, 2])


def test_the_class_balance_v_bal_weighs_background_down():
    labels = np.zeros((20, 20), int)
    labels[5:9, 5:9] = 1
    config = WeightMapConfig(w0=0, class_balance="v_bal")
    weights = compute_weight_map(make_target(labels), config)
    np.testing.assert_allclose(weights, np.where(labels > 0, 1, 0.1))


def test_each_class_can_be_given_its_weight():
    target = make_target(np.array([[0, 1, 2, 3]]), kind="classes", classes=4)
    config = WeightMapConfig(w0=0, class_balance="weights", class_weights="0.5, 3, 2")
    assert config.class_weights == (0.5, 3, 2)
    weights = compute_weight_map(target, config)
    np.testing.assert_allclose(weights, [[0.5, 3, 2, 2]])  # the last one for the rest
    for wrong in ("", "0", "1,-1", "a"):
        with pytest.raises(ValueError, match="class_weights"):
            WeightMapConfig(class_weights=wrong)


def test_a_form_brings_the_ridge_published_for_it():
    assert WeightMapConfig(sigma=3).in_form("2019") == FALK
    assert FALK.in_form("2015") == WeightMapConfig()


WHOLE = paint_discs((160, 150), 21, seed=3)
WHOLE_WEIGHTS = {
    sigma: compute_weight_map(
        make_target(WHOLE),
        UNBALANCED.replaced(sigma=sigma),
        pixel_size=(1, size),
    )
    for sigma, size in ((1.5, 1), (5.0, 1), (2.0, 1.7))
}


@pytest.mark.parametrize(("sigma", "size"), [(1.5, 1), (5.0, 1), (2.0, 1.7)])
@given(st.data())
@settings(deadline=None, max_examples=30)
def test_a_part_grown_by_the_reach_gives_the_map_of_the_whole(sigma, size, data):
    """What the dock relies on when it recomputes a box around a brush stroke."""
    config = UNBALANCED.replaced(sigma=sigma)
    reach = reach_px(config, (1, size))
    starts = [data.draw(st.integers(0, n - 1)) for n in WHOLE.shape]
    stops = [
        data.draw(st.integers(start + 1, n))
        for start, n in zip(starts, WHOLE.shape, strict=True)
    ]
    outer = tuple(
        slice(max(start - reach, 0), stop + reach)
        for start, stop in zip(starts, stops, strict=True)
    )
    part = compute_weight_map(
        make_target(WHOLE[outer]),
        config,
        class_weights=[1, 1],
        pixel_size=(1, size),
    )
    inner = tuple(
        slice(start - grown.start, stop - grown.start)
        for start, stop, grown in zip(starts, stops, outer, strict=True)
    )
    box = tuple(slice(*ends) for ends in zip(starts, stops, strict=True))
    np.testing.assert_array_equal(part[inner], WHOLE_WEIGHTS[sigma][box])


@pytest.mark.parametrize("config", [UNBALANCED, FALK])
@given(st.integers(0, 10_000), st.integers(5, 60), st.integers(65, 120))
@settings(deadline=None, max_examples=20)
def test_the_map_does_not_depend_on_what_unknown_ground_hides(
    config, seed, first, last
):
    rng = np.random.default_rng(seed)
    region = [Region((first, 10), (last, 100))]
    visible = paint_discs((130, 120), 24, seed=seed)
    numbers = np.unique(visible)
    visible[np.isin(visible, rng.choice(numbers, len(numbers) // 2))] = 0
    outside = ~make_target(visible, regions=region).known
    hidden = visible.copy()
    for number in range(500, 530):
        y, x = rng.integers(0, 115, 2)
        box = (slice(y, y + 12), slice(x, x + 12))
        hidden[box][outside[box]] = number
    nothing_there = np.where(outside, 0, visible)
    one, other = (
        compute_weight_map(
            make_target(labels, regions=region), config, class_weights=[1, 1]
        )
        for labels in (nothing_there, hidden)
    )
    np.testing.assert_array_equal(one, other)
    # What counts, counts as if everything were known; but which of two touching objects
    # makes room is a matter of all objects of a chain.
    known, everything = make_target(nothing_there, regions=region), make_target(hidden)
    truth = compute_weight_map(everything, config, class_weights=[1, 1])
    counts = (one > 0) & (known.classes == everything.classes)
    assert counts.any()
    np.testing.assert_allclose(one[counts], truth[counts], atol=0.21)


def test_the_ridge_counts_on_objects_where_it_is_asked_for():
    """Eq. 2 as printed: from an object's pixel, d1 is 0."""
    labels = np.array([[1, 1, 1, 0, 0, 2, 2]])
    config = WeightMapConfig(
        class_balance="none", separation_border=0, ridge_on="everywhere"
    )
    weights = compute_weight_map(make_target(labels, separation_border=0), config)
    gaps = np.array([5, 4, 3, 3, 3, 3, 4])
    expected = 1 + 10 * np.exp(-(gaps**2) / 50)
    np.testing.assert_allclose(weights[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "width", "counts"),
    [("objects", 1, 9), ("objects", 0, 10), ("classes", 1, 10)],
)
def test_only_what_could_be_cut_is_left_out_beside_unknown_ground(kind, width, counts):
    """A border may run along the edge of what is known; classes have none."""
    target = make_target(
        np.ones((9, 20), int),
        kind=kind,
        regions=[Region((0, 0), (9, 10))],
        separation_border=width,
    )
    weights = compute_weight_map(target, WeightMapConfig(w0=0))
    assert (weights[4] > 0).sum() == counts


def test_far_from_unknown_ground_nothing_is_left_out():
    labels = np.zeros((90, 90), int)
    labels[40:50, 30:40], labels[40:50, 44:54] = 1, 2
    whole = compute_weight_map(make_target(labels), UNBALANCED)
    part = compute_weight_map(
        make_target(labels, regions=[Region((0, 0), (90, 80))]), UNBALANCED
    )
    np.testing.assert_array_equal(part[:, :70], whole[:, :70])
    assert (part[:, 75:] == 0).all()


def test_a_change_is_not_felt_beyond_the_reach():
    reach = reach_px(UNBALANCED)
    changed = WHOLE.copy()
    changed[70:80, 70:80] = 9999
    difference = WHOLE_WEIGHTS[5.0] != compute_weight_map(
        make_target(changed), UNBALANCED
    )
    assert difference.any()
    difference[70 - reach : 80 + reach, 70 - reach : 80 + reach] = False
    assert not difference.any()


def test_the_reach_follows_width_and_pixel_size():
    assert reach_px(WeightMapConfig()) == 30
    assert reach_px(WeightMapConfig(sigma=10)) == 58
    assert reach_px(WeightMapConfig(), (2, 0.5)) == 58


def test_inputs_are_not_modified():
    labels = WHOLE.copy()
    target = make_target(labels)
    before = target.classes.copy(), target.labels.copy(), target.known.copy()
    compute_weight_map(target)
    for array, old in zip(
        (target.classes, target.labels, target.known), before, strict=True
    ):
        np.testing.assert_array_equal(array, old)
    np.testing.assert_array_equal(labels, WHOLE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": 0}, "σ is 0"),
        ({"sigma": np.inf}, "σ is inf"),
        ({"pixel_size": (1,)}, r"pixel size is \(1,\), but the labels have 2 axes"),
        ({"pixel_size": (1, 0)}, "one positive number for each"),
    ],
)
def test_unusable_numbers_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        border_distance_term(np.eye(3, dtype=int), **arguments)
    with pytest.raises(InputError, match="convert them to integers"):
        border_distance_term(np.eye(3))
