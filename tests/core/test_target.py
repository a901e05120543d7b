"""From what was painted to what the loss sees."""

from itertools import product

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.annotation.object_findings import looks_binary
from napari_unet.core.annotation.target import (
    Example,
    Region,
    check_labels,
    cut_separation_border,
    make_target,
    split_components,
)
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image

label_images = npst.arrays(
    np.int32,
    npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9),
    elements=st.sampled_from([0, 0, 1, 2, 3, 50]),
)


@st.composite
def painted_boxes(draw):
    """Boxes of 3 pixels and more, the later painted over the earlier ones."""
    labels = np.zeros((24, 24), np.int32)
    for number in draw(st.permutations(range(1, 8))):
        y, x = draw(st.tuples(st.integers(0, 20), st.integers(0, 20)))
        height, width = draw(st.tuples(st.integers(3, 12), st.integers(3, 12)))
        labels[y : y + height, x : x + width] = number
    return labels


def touching_pairs(labels):
    """Return the pairs of numbers that are neighbours by an edge or a corner."""
    pairs = set()
    for shift in product((-1, 0, 1), repeat=labels.ndim):
        here = tuple(
            slice(max(0, s), n + min(0, s))
            for s, n in zip(shift, labels.shape, strict=True)
        )
        there = tuple(
            slice(max(0, -s), n + min(0, -s))
            for s, n in zip(shift, labels.shape, strict=True)
        )
        a, b = labels[here], labels[there]
        different = (a != b) & (a > 0) & (b > 0)
        pairs |= set(zip(a[different].tolist(), b[different].tolist(), strict=True))
    return pairs


def cut_one_by_one(labels):
    """The rule, written out: draw each object outside the dilation of those drawn."""
    drawn = np.zeros_like(labels)
    for number in np.unique(labels[labels > 0]):
        near = ndimage.binary_dilation(drawn > 0, np.ones((3,) * labels.ndim))
        drawn[(labels == number) & ~near] = number
    return drawn


@settings(deadline=None, max_examples=250)
@given(st.one_of(label_images, painted_boxes()))
def test_the_border_keeps_objects_apart_and_loses_none(labels):
    cut = cut_separation_border(labels)
    assert ((cut == labels) | (cut == 0)).all()
    assert set(np.unique(cut)) - {0} == set(np.unique(labels)) - {0}
    for pair in touching_pairs(cut):
        assert min(np.count_nonzero(cut == number) for number in pair) < 3**cut.ndim


@settings(deadline=None, max_examples=250)
@given(st.one_of(label_images, painted_boxes()))
def test_later_objects_make_room_for_what_is_left_of_earlier_ones(labels):
    expected, cut = cut_one_by_one(labels), cut_separation_border(labels)
    rescued = np.setdiff1d(labels, expected)
    near = ndimage.binary_dilation(np.isin(cut, rescued), np.ones((3,) * labels.ndim))
    np.testing.assert_array_equal(cut[~near], expected[~near])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_border_of_a_straight_edge_is_one_pixel(transposed, swapped):
    labels = np.zeros((6, 10), int)
    labels[:, :5], labels[:, 5:] = (2, 1) if swapped else (1, 2)
    labels = labels.T if transposed else labels
    cut = cut_separation_border(labels)
    gaps = (cut == 0).sum(axis=0 if transposed else 1)
    assert (gaps == 1).all()
    assert (cut != labels)[labels == 2].any()
    assert (cut == labels)[labels == 1].all()


def test_the_border_of_a_diagonal_edge_is_one_step_of_the_stairs():
    rows, columns = np.indices((9, 9))
    cut = cut_separation_border(np.where(rows + columns < 8, 1, 2))
    inside = cut[1:-1, 1:-1] == 0
    sums = (rows + columns)[1:-1, 1:-1]
    # Two diagonals: with one of them, the corners of the objects would still touch.
    assert set(sums[inside]) == {8, 9}
    assert not touching_pairs(cut)


def test_the_border_is_cut_in_three_dimensions():
    labels = np.ones((4, 5, 5), int)
    labels[2:] = 2
    cut = cut_separation_border(labels)
    assert (cut[2] == 0).all()
    assert (cut[[0, 1, 3]] > 0).all()


def test_an_object_that_would_vanish_keeps_its_middle_and_gets_room():
    labels = np.ones((7, 9), int)
    labels[3, 2:7] = 2  # one pixel wide: all of it touches object 1
    cut = cut_separation_border(labels)
    assert np.argwhere(cut == 2).tolist() == [[3, 4]]
    assert not touching_pairs(cut)
    assert (cut == 1).sum() == 7 * 9 - 5 - 6


def test_labels_that_do_not_touch_are_copied():
    labels = np.array([[1, 0, 2]])
    cut = cut_separation_border(labels)
    np.testing.assert_array_equal(cut, labels)
    assert cut is not labels


def test_a_target_of_objects():
    annotation = np.array([[5, 5, 5, 9, 9, 9, 0, 0]], np.uint16)
    target = make_target(annotation)
    assert target.classes.tolist() == [[1, 1, 1, 0, 1, 1, 0, 0]]
    assert target.labels.tolist() == annotation.tolist()
    assert target.known.all()
    assert (target.classes.dtype, target.labels.dtype) == (np.int64, np.int32)
    whole = make_target(annotation, separation_border=0)
    assert whole.classes.tolist() == [[1, 1, 1, 1, 1, 1, 0, 0]]


def test_a_target_of_classes():
    annotation = np.array([[1, 1, 2, 0, 2], [0, 0, 0, 0, 2]])
    target = make_target(annotation, kind="classes", classes=3)
    assert target.classes.tolist() == annotation.tolist()
    assert target.labels.tolist() == [[1, 1, 2, 0, 3], [0, 0, 0, 0, 3]]
    with pytest.raises(InputError, match="hold class 2, but the model knows only"):
        make_target(annotation, kind="classes")


def test_ignored_ground_is_unknown_and_no_object():
    annotation = np.array([[1, 7, 7, 2, 0]])
    for kind in ("objects", "classes"):
        target = make_target(annotation, kind=kind, ignore_label=7, classes=3)
        assert target.known.tolist() == [[True, False, False, True, True]]
        assert target.labels[0, 1:3].tolist() == [0, 0]
        assert target.classes[0, 1:3].tolist() == [0, 0]


def test_only_regions_are_known():
    annotation = np.arange(20).reshape(4, 5)
    regions = [Region((-3, -3), (2, 2)), Region((2, 3), (9, 9)), Region((8, 0), (9, 1))]
    known = make_target(annotation, regions=regions, ignore_label=0).known
    assert known.astype(int).tolist() == [
        [0, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1],
        [0, 0, 0, 1, 1],
    ]


def test_a_region_wholly_before_the_image_holds_nothing():
    regions = [Region((-9, -9), (-2, -2))]
    assert not make_target(np.ones((9, 9), int), regions=regions).known.any()


def test_regions_of_other_axes_or_without_pixels_are_refused():
    with pytest.raises(InputError, match="A region has 3 axes, the labels have 2"):
        make_target(np.ones((4, 4), int), regions=[Region((0, 0, 0), (1, 1, 1))])
    with pytest.raises(InputError, match="holds no pixel; draw it larger"):
        Region((0, 4), (3, 4))
    with pytest.raises(InputError, match="holds no pixel; draw it larger"):
        Region((0, 4), (3,))


def test_huge_numbers_become_small_ones():
    target = make_target(np.array([[2**40, 0, 2**41, 2**40]]))
    assert target.labels.tolist() == [[1, 0, 2, 1]]
    assert make_target(np.array([[2**40, 2**41]])).labels.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (bool, np.int32),
        (np.uint8, np.int32),
        (np.uint16, np.int32),
        (np.int32, np.int32),
        (np.uint32, np.int64),
        (np.int64, np.int64),
        (">i4", np.int32),
    ],
)
def test_labels_of_any_integer_type(dtype, expected):
    labels = check_labels(np.array([[0, 1]], dtype))
    assert labels.dtype == expected
    assert labels.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2)), "whole numbers stored as float64; convert them to integers"),
        (np.full((2, 2), 0.5), "float64 values; labels need one integer per object"),
        (np.full((2, 2), np.nan), "float64 values"),
        (np.full((2, 2), 1j), "complex128 values"),
        (np.array([[3, -1]]), r"negative numbers \(lowest: -1\)"),
        (np.array([[2**63]], np.uint64), "go up to 9223372036854775808; renumber"),
        (np.zeros((0, 4), int), r"are empty: their shape is \(0, 4\)"),
    ],
)
def test_what_is_not_labels_is_refused(labels, message):
    with pytest.raises(InputError, match=f"^Nuclei .*{message}"):
        check_labels(labels, "Nuclei")


def test_an_example_holds_an_image_and_its_labels():
    image = Image(np.zeros((1, 4, 5)), name="dish 1")
    annotation = np.ones((4, 5), np.uint8)
    assert Example(image, annotation).annotation.shape == (4, 5)
    with pytest.raises(InputError, match=r"'dish 1' have the shape \(5, 4\), the"):
        Example(image, annotation.T)
    with pytest.raises(InputError, match="labels of 'dish 1' are whole numbers"):
        Example(image, annotation.astype(float))
    with pytest.raises(InputError, match="labels of 'dish 1' hold negative"):
        Example(image, -annotation.astype(int))
    stack = Image(np.zeros((1, 3, 4, 5)))
    assert Example(stack, np.ones((3, 4, 5), int)).annotated_planes == [0, 1, 2]
    with pytest.raises(InputError, match="--planes-as-channels"):
        Example(stack, annotation)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[255, 0, 255]], True),
        ([[1, 0, 0, 1]], True),
        ([[1, 1, 0, 0]], False),
        ([[1, 0, 2, 1]], False),
        ([[0, 0]], False),
    ],
)
def test_a_mask_is_told_from_labels(labels, expected):
    assert looks_binary(np.array(labels)) is expected


def test_a_mask_is_split_into_pieces():
    mask = np.array([[255, 0, 255], [0, 255, 0]], np.uint8)
    assert split_components(mask).tolist() == [[1, 0, 2], [0, 3, 0]]
    assert split_components(mask > 0).tolist() == [[1, 0, 2], [0, 3, 0]]
    assert not split_components(np.zeros((3, 3), int)).any()


def test_a_border_two_pixels_wide_is_taken_from_both_sides():
    labels = np.array([[1, 1, 1, 2, 2, 2, 0, 3]])
    assert cut_separation_border(labels, 2).tolist() == [[1, 1, 0, 0, 2, 2, 0, 3]]
    assert cut_separation_border(labels, 0).tolist() == labels.tolist()
    thin = np.array([[1, 2, 2, 2]])
    assert set(np.unique(cut_separation_border(thin, 2))) == {0, 1, 2}
