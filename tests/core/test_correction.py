"""Corrected objects: what is asked for changes, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from napari_unet.core.annotation.clicked import add_object, threshold_at
from napari_unet.core.annotation.correction import (
    delete_objects,
    merge_objects,
    separate_objects,
    split_objects,
)
from napari_unet.core.annotation.edited import find_box, unused_numbers
from napari_unet.core.annotation.outline import (
    fill_object,
    grow_object,
    shrink_object,
    smooth_object,
)
from napari_unet.core.errors import InputError
from napari_unet.core.prediction.confidence import object_confidences

IGNORED = 65535
NUMBERS = st.sampled_from([0, 0, 0, 1, 1, 2, 5, IGNORED])
PLANES = arrays.arrays(
    np.uint16, st.tuples(st.integers(1, 12), st.integers(1, 14)), elements=NUMBERS
)
VOLUMES = arrays.arrays(
    np.uint16, st.tuples(*[st.integers(1, 6)] * 3), elements=NUMBERS
)
LABELS = st.one_of(PLANES, VOLUMES)


def after(labels, edit):
    """Return what an edit makes of labels, and see that it says only what changes."""
    new = labels.copy()
    new[edit.where] = edit.values
    assert edit.values.dtype == labels.dtype
    assert np.count_nonzero(new != labels) == len(edit.values)
    return new


def parse(text):
    """Read labels from rows of digits; a point is background, # ignored ground."""
    rows = [list(row) for row in text.split()]
    values = {".": 0, "#": IGNORED}
    return np.array(
        [[values.get(c) if c in values else int(c) for c in row] for row in rows],
        np.uint16,
    )


@given(LABELS)
def test_deleted_objects_are_background_and_others_untouched(labels):
    new = after(labels, delete_objects(labels, [1, 5]))
    np.testing.assert_array_equal(new, np.where(np.isin(labels, [1, 5]), 0, labels))


@given(LABELS, st.permutations([1, 2, 5]))
def test_merged_objects_are_one_and_take_background_only(labels, numbers):
    there = [n for n in numbers if (labels == n).any()]
    edit = merge_objects(labels, there)
    new = after(labels, edit)
    if len(there) < 2:
        assert edit.is_empty
        return
    assert set(np.unique(new)) <= {0, there[0], IGNORED}
    np.testing.assert_array_equal(new == IGNORED, labels == IGNORED)
    gained = (new == there[0]) & (labels == 0)
    near = sum(
        ndimage.distance_transform_cdt(labels != n, "chessboard") <= 2 for n in there
    )
    assert (near[gained] > 1).all()


def test_a_gap_between_merged_objects_closes():
    new = after(gap := parse("11..22 11..22 11...2"), merge_objects(gap, [1, 2]))
    np.testing.assert_array_equal(new, parse("111111 111111 11...1"))
    new = after(beside := parse("12.. 12.."), merge_objects(beside, [1, 2]))
    np.testing.assert_array_equal(new, parse("11.. 11.."))
    new = after(wide := parse("11...22"), merge_objects(wide, [2, 1]))
    np.testing.assert_array_equal(new, parse("22...22"))


def test_a_line_cuts_what_it_crosses_and_nothing_is_lost():
    labels = parse("11111111 11111111 11111111 ........ 2222.... #####...")
    new = after(labels, split_objects(labels, np.array([[-5, 3], [3, 3]]), IGNORED))
    assert set(np.unique(new[:3])) == {1, 3}
    np.testing.assert_array_equal(new[3:], labels[3:])
    assert (new[:3, 4:] == 1).all()  # the larger piece
    assert (new[:3, :3] == 3).all()


def test_a_line_that_ends_inside_cuts_nothing():
    labels = np.ones((9, 9), np.uint8)
    assert split_objects(labels, np.array([[0, 4], [6, 4]])).is_empty
    grazed = split_objects(labels, np.array([[0, 1], [1, 0]]))
    assert grazed.is_empty  # a corner of one pixel is no object
    assert split_objects(labels, np.array([[4, 4]])).is_empty


def test_a_line_cuts_several_objects_and_each_piece_has_its_own_number():
    labels = np.zeros((20, 30), np.uint16)
    labels[2:18, 2:12], labels[2:18, 15:28] = 4, 7
    edit = split_objects(labels, np.array([[9, 0], [9, 29]]))
    new = after(labels, edit)
    assert edit.objects == 2
    assert set(np.unique(new)) == {0, 1, 2, 4, 7}
    for number in (1, 2, 4, 7):
        assert ndimage.label(new == number)[1] == 1
    np.testing.assert_array_equal(new > 0, labels > 0)


def test_a_line_cuts_a_volume_through_all_its_planes():
    labels = np.zeros((4, 10, 10), np.uint16)
    labels[1:, 2:8, 2:8] = 3
    new = after(labels, split_objects(labels, np.array([[5, 0], [5, 9]])))
    assert (new[1:, 2:5, 2:8] != new[1:, 6:8, 2:8].max()).all()
    np.testing.assert_array_equal(new > 0, labels > 0)
    assert len(np.unique(new)) == 3


@given(
    LABELS,
    st.lists(
        st.tuples(st.integers(-3, 15), st.integers(-3, 15)), min_size=1, max_size=4
    ),
)
def test_splitting_loses_no_pixel_and_mixes_no_objects(labels, path):
    edit = split_objects(labels, np.array(path), IGNORED)
    new = after(labels, edit)
    for value in (0, IGNORED):
        np.testing.assert_array_equal(new == value, labels == value)
    for number in np.unique(new[new > 0]):
        assert len(np.unique(labels[new == number])) == 1
    for number in np.unique(labels[labels > 0]):
        assert (new[labels == number] == number).any()
    # A piece that was cut off hangs together.
    for number in np.setdiff1d(new, labels):
        assert ndimage.label(new == number)[1] == 1


@given(LABELS)
def test_separate_pieces_get_numbers_of_their_own(labels):
    new = after(labels, separate_objects(labels, 1, IGNORED))
    np.testing.assert_array_equal(new[labels != 1], labels[labels != 1])
    pieces, count = ndimage.label(labels == 1)
    names = [np.unique(new[pieces == n]) for n in range(1, count + 1)]
    assert all(len(name) == 1 for name in names)
    assert len(np.unique(names)) == count
    if count:
        sizes = np.bincount(pieces.ravel())[1:]
        assert np.count_nonzero(new == 1) == sizes.max()


def test_numbers_are_new_in_all_of_a_stack():
    stack = np.zeros((2, 3, 5), np.uint16)
    stack[0, 1, [0, 4]] = 1
    stack[1] = 2
    new = after(stack[0], separate_objects(stack[0], 1, IGNORED, stack))
    assert sorted(np.unique(new)) == [0, 1, 3]


def test_without_numbers_left_it_says_so():
    full = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(InputError, match="no numbers left"):
        unused_numbers(full, 1)
    assert unused_numbers(np.array([[1, 2, 70_000_000]]), 2).tolist() == [3, 4]
    assert unused_numbers(np.array([[-1, 2]]), 2, ignore_label=1).tolist() == [3, 4]


@given(LABELS, st.sets(NUMBERS, min_size=1), st.integers(0, 2))
def test_the_box_of_objects(labels, numbers, margin):
    where = np.argwhere(np.isin(labels, list(numbers)))
    box = find_box(labels, numbers, margin)
    if not len(where):
        assert box is None
        return
    starts = np.maximum(where.min(axis=0) - margin, 0)
    stops = np.minimum(where.max(axis=0) + 1 + margin, labels.shape)
    assert [(s.start, s.stop) for s in box] == list(zip(starts, stops, strict=True))


@given(
    LABELS, st.sampled_from([fill_object, smooth_object, grow_object, shrink_object])
)
def test_a_new_outline_never_enters_other_objects_or_ignored_ground(labels, tool):
    new = after(labels, tool(labels, 1))
    others = ~np.isin(labels, [0, 1])
    np.testing.assert_array_equal(new[others], labels[others])
    assert (new == 1).any() == (labels == 1).any()
    if tool in (grow_object, fill_object):
        assert (new[labels == 1] == 1).all()
    if tool is shrink_object:
        assert (labels[new == 1] == 1).all()


@given(LABELS, st.sampled_from([1, 2, 2.5]))
def test_growing_takes_background_within_the_distance(labels, pixels):
    if not (labels == 1).any():
        return
    new = after(labels, grow_object(labels, 1, pixels))
    distance = ndimage.distance_transform_edt(labels != 1)
    expected = np.where((labels == 0) & (distance <= pixels), 1, labels)
    np.testing.assert_array_equal(new, expected)


def test_shrinking_spares_the_edge_of_the_image_and_the_last_pixel():
    labels = parse("111.. 111.. .....")
    np.testing.assert_array_equal(
        after(labels, shrink_object(labels, 1)), parse("11... ..... .....")
    )
    thin = parse("..... .111. .....")
    assert shrink_object(thin, 1).objects == 0


def test_holes_are_filled_around_what_lies_in_them():
    labels = parse("11111. 1..#1. 1.2.1. 11111. ......")
    expected = parse("11111. 111#1. 11211. 11111. ......")
    np.testing.assert_array_equal(after(labels, fill_object(labels, 1)), expected)


def test_smoothing_takes_spikes_and_notches_and_keeps_what_is_smooth():
    labels = np.zeros((40, 40), np.uint16)
    rows, columns = np.indices(labels.shape)
    disc = (rows - 20) ** 2 + (columns - 20) ** 2 <= 12**2
    labels[disc] = 1
    rough = labels.copy()
    rough[20, 33:38] = 1
    rough[20:22, 8:12] = 0
    new = after(rough, smooth_object(rough, 1))
    assert not new[20, 34:].any()
    assert (new[20:22, 10:12] == 1).all()
    assert np.count_nonzero(new != labels) <= 0.05 * disc.sum()
    touching = np.where(columns < 20, 1, 2).astype(np.uint16)
    assert smooth_object(touching, 1).is_empty


def test_what_the_model_sees_at_a_place_is_added():
    foreground = np.zeros((300, 400))
    foreground[100:250, 50:350] = 0.9  # larger than what is looked at first
    foreground[150:160, 100:110] = 0.1  # a hole
    foreground[20, 20] = 0.9
    labels = np.zeros((300, 400), np.uint16)
    labels[100:250, 200:205] = 4  # cuts it in two
    edit = add_object(labels, 1 - foreground, (120, 60), 7, 0.5)
    new = after(labels, edit)
    np.testing.assert_array_equal(np.argwhere(new == 7).max(axis=0), [249, 199])
    assert np.count_nonzero(new == 7) == 150 * 150
    assert (new[labels == 4] == 4).all()
    assert add_object(labels, 1 - foreground, (5, 5), 7, 0.5).is_empty
    assert add_object(labels, 1 - foreground, (120, 202), 7, 0.5).is_empty


def test_what_has_no_end_is_not_added():
    ground = np.full((10, 2400), 0.8)
    labels = np.zeros(ground.shape, np.uint16)
    assert add_object(labels, ground, (5, 1200), 1, 0.1).objects == 0
    assert add_object(labels, ground, (5, 1200), 1, 0.5).is_empty
    assert (
        len(add_object(labels[:, :900], ground[:, :900], (5, 9), 1, 0.1).values) == 9000
    )


def test_a_further_click_takes_less_probable_pixels():
    foreground = np.array([[0.1, 0.35, 0.6, 0.35, 0.1]])
    labels = np.zeros((1, 5), np.uint16)
    for repeats, expected in enumerate(([2], [1, 2, 3])):
        threshold = threshold_at(0.6, 0.5, repeats)
        labels = after(labels, add_object(labels, 1 - foreground, (0, 2), 1, threshold))
        assert np.flatnonzero(labels).tolist() == expected
    assert threshold_at(0.2, 0.5) == pytest.approx(0.1)


@given(LABELS)
def test_confidence_is_the_mean_probability(labels):
    foreground = np.random.default_rng(0).random(labels.shape).astype(np.float32)
    found = object_confidences(labels, foreground)
    expected = {
        int(n): foreground[labels == n].mean() for n in np.unique(labels[labels > 0])
    }
    assert found == pytest.approx(expected, abs=1e-6)
