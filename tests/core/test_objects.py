"""From probabilities to objects: what is one object, and what is not."""

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import expand_labels

from napari_unet.core.annotation.target import cut_separation_border
from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.prediction.objects import class_map, find_objects, label_dtype

PLAIN = ObjectConfig(min_size=0, fill_holes=False, recover_border=False, split=0)
HOLES = PLAIN.replaced(fill_holes=True)
LINES = PLAIN.replaced(recover_border=True)
SPLIT = PLAIN.replaced(split=0.75)

masks = npst.arrays(
    np.bool_, npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14)
)


def drawing(text):
    """Return a foreground of 1 where the drawing has an ``x``."""
    rows = text.split()
    return np.array([[letter == "x" for letter in row] for row in rows], np.float32)


def discs(shape, *circles):
    """Return the union of circles (row, column, radius)."""
    y, x = np.indices(shape)
    inside = [(y - cy) ** 2 + (x - cx) ** 2 <= r**2 for cy, cx, r in circles]
    return np.any(inside, axis=0).astype(np.float32)


def tissue(seed, rows=8, spacing=36):
    """Return cells that fill the ground, numbered by row, background in between."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.mgrid[:rows, :rows], axis=-1).reshape(-1, 2) + 0.5
    middles = (grid + rng.uniform(-0.25, 0.25, grid.shape)) * spacing
    seeds = np.zeros((rows * spacing,) * 2, np.int32)
    seeds[tuple(middles.astype(int).T)] = np.arange(1, len(grid) + 1)
    return partition(expand_labels(seeds, 0.6 * spacing)).astype(np.int32)


def partition(labels):
    """Renumber 1, 2, … by first pixel, so that equal partitions are equal arrays."""
    ids, first = np.unique(labels[labels > 0], return_index=True)
    number = dict(zip(ids[np.argsort(first)].tolist(), range(1, 10_000), strict=False))
    return np.vectorize(lambda label: number.get(label, 0))(labels)


# threshold, components, numbers


def test_the_threshold_itself_is_foreground():
    foreground = np.array([[0.49, 0.5, 0.0, 0.51]], np.float32)
    np.testing.assert_array_equal(find_objects(foreground, PLAIN), [[0, 1, 0, 2]])


def test_pixels_that_touch_at_a_corner_are_two_objects():
    np.testing.assert_array_equal(find_objects(np.eye(3), PLAIN), np.diag([1, 2, 3]))


@given(masks)
def test_objects_are_numbered_by_row_and_cover_the_mask(mask):
    labels = find_objects(mask.astype(np.float32), PLAIN)
    np.testing.assert_array_equal(labels > 0, mask)
    np.testing.assert_array_equal(labels, partition(labels))
    assert labels.max() == ndimage.label(mask)[1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (3, 2000), (2000, 1)])
@pytest.mark.parametrize("value", [0.0, 0.7, 1.0])
def test_a_constant_image_of_any_shape_is_one_object_or_none(shape, value):
    foreground = np.full(shape, value, np.float32)
    config = ObjectConfig(min_size=1, split=0.75)
    labels = find_objects(foreground, config)
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, np.full(shape, value > 0.5))


def test_the_input_is_not_modified():
    foreground = discs((40, 40), (20, 12, 8), (20, 27, 8))
    before = foreground.copy()
    find_objects(foreground, ObjectConfig(split=0.75))
    np.testing.assert_array_equal(foreground, before)


def test_more_objects_than_sixteen_bits_hold_get_thirty_two():
    foreground = np.zeros((520, 520), np.float32)
    foreground[::2, ::2] = 1
    labels = find_objects(foreground, PLAIN)
    assert labels.dtype == np.uint32
    assert labels.max() == 260**2
    assert label_dtype(65_535) == np.uint16
    assert label_dtype(65_536) == np.uint32


def test_what_is_neither_plane_nor_volume_is_refused():
    with pytest.raises(InputError, match=r"\(\[Z,\] Y, X\).*\(2, 2, 4, 4\)"):
        find_objects(np.zeros((2, 2, 4, 4)))


def test_objects_of_a_volume_reach_through_planes():
    truth = np.zeros((9, 20, 30), int)
    truth[2:7, 3:17, 3:15] = 1
    truth[2:7, 3:17, 15:27] = 2
    truth[4, 9, 9] = 0  # a hole within
    foreground = (truth > 0).astype(float)
    foreground[:, :, 15] = 0  # the separation line is given back
    foreground[8, 0, :3] = 1  # a speck
    found = find_objects(foreground, ObjectConfig(min_size=20))
    truth[4, 9, 9] = 1
    np.testing.assert_array_equal(found, truth)


def test_planes_that_touch_at_edges_only_are_different_objects():
    foreground = np.zeros((2, 2, 2))
    foreground[0, 0, 0] = foreground[1, 1, 0] = 1
    config = ObjectConfig(min_size=0, recover_border=False)
    assert find_objects(foreground, config).max() == 2


# holes and sizes


@given(masks)
def test_holes_are_what_one_object_alone_encloses(mask):
    """Against filling each object by itself, one full image after another."""
    labels, count = ndimage.label(mask)
    expected = labels.copy()
    for number in range(1, count + 1):
        shape = labels == number
        within = ndimage.binary_fill_holes(shape, np.ones((3, 3))) & ~shape
        regions, regions_count = ndimage.label(within, np.ones((3, 3)))
        for region in range(1, regions_count + 1):
            if not labels[regions == region].any():
                expected[regions == region] = number
    found = find_objects(mask.astype(np.float32), HOLES)
    np.testing.assert_array_equal(found, partition(expected))


def test_a_hole_that_holds_an_object_stays():
    foreground = drawing("""
        xxxxxxx
        x.....x
        x.xxx.x
        x.x.x.x
        x.xxx.x
        x.....x
        xxxxxxx""")
    labels = find_objects(foreground, HOLES)
    assert labels.max() == 2
    assert labels[3, 3] == 2  # the inner object's own hole is filled
    assert labels[1, 1] == 0


def test_a_hole_that_holds_only_a_speck_is_filled():
    foreground = drawing("xxxxx x...x x.x.x x...x xxxxx")
    labels = find_objects(foreground, HOLES.replaced(min_size=2))
    np.testing.assert_array_equal(labels, np.ones((5, 5)))


def test_background_enclosed_by_two_objects_is_no_hole():
    foreground = drawing("""
        .xxxx.
        x....x
        x....x
        xxxxxx""")
    labels = find_objects(foreground, HOLES)
    assert labels.max() == 2
    assert not labels[1:3, 1:5].any()


def test_background_at_the_edge_of_the_image_is_no_hole():
    foreground = drawing("x..x x..x xxxx")
    np.testing.assert_array_equal(find_objects(foreground, HOLES), foreground)


def test_size_counts_the_filled_object():
    ring = np.pad(drawing("xxxxx x...x x...x x...x xxxxx"), 2)
    assert find_objects(ring, HOLES.replaced(min_size=25)).max() == 1
    assert find_objects(ring, HOLES.replaced(min_size=26)).max() == 0
    assert find_objects(ring, PLAIN.replaced(min_size=17)).max() == 0


@given(masks, st.integers(0, 12))
def test_no_object_is_smaller_than_the_minimum(mask, min_size):
    sizes = np.bincount(ndimage.label(mask)[0].ravel())[1:]
    labels = find_objects(mask.astype(np.float32), PLAIN.replaced(min_size=min_size))
    np.testing.assert_array_equal(
        np.bincount(labels.ravel())[1:], sizes[sizes >= min_size]
    )


# the separation line


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_a_line_of_up_to_three_pixels_goes_to_both_sides(width, turned):
    foreground = np.ones((20, 21), np.float32)
    foreground[:, 9 : 9 + width] = 0
    expected = np.ones(foreground.shape, int)
    expected[:, 9 + width // 2 :] = 2  # the middle of the line: to the later object
    if turned:
        foreground, expected = foreground.T, expected.T
    np.testing.assert_array_equal(find_objects(foreground, LINES), expected)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_diagonal_line_is_given_back(width):
    y, x = np.indices((30, 30))
    foreground = ((y - x < 0) | (y - x >= width)).astype(np.float32)
    labels = find_objects(foreground, LINES)
    assert labels.max() == 2
    assert (labels[2:-2, 2:-2] > 0).all()


def test_a_wider_gap_remains():
    foreground = np.ones((20, 21), np.float32)
    foreground[:, 9:13] = 0
    labels = find_objects(foreground, LINES)
    np.testing.assert_array_equal(labels > 0, foreground)


def test_a_notch_in_one_object_remains():
    foreground = np.ones((20, 21), np.float32)
    foreground[5:, 9:11] = 0
    np.testing.assert_array_equal(find_objects(foreground, LINES), foreground)


def test_free_outlines_do_not_grow():
    foreground = np.zeros((30, 41), np.float32)
    foreground[5:25, 5:20] = foreground[5:25, 21:36] = 1
    labels = find_objects(foreground, LINES)
    expected = np.zeros(foreground.shape, int)
    expected[5:25, 5:20], expected[5:25, 20:36] = 1, 2
    np.testing.assert_array_equal(labels, expected)


@given(masks)
def test_lines_go_to_the_nearest_object(mask):
    """Against the definition, pixel by pixel."""
    labels, count = ndimage.label(mask)
    octagon = np.ones((4, 4), bool)
    octagon[[0, 0, 3, 3], [0, 3, 0, 3]] = False
    outside = np.pad(~mask, 4, mode="edge")
    wide = ndimage.binary_opening(np.pad(outside, 4, mode="edge"), octagon)
    narrow = ~mask & ~wide[8:-8, 8:-8]
    distances = [
        ndimage.distance_transform_cdt(labels != i + 1, "chessboard")
        for i in range(count)
    ]
    expected = labels.copy()
    for y, x in np.argwhere(narrow):
        near = [(d[y, x], -i) for i, d in enumerate(distances, 1) if d[y, x] < 3]
        expected[y, x] = -min(near)[1] if near else 0
    owners = expected.copy()
    y, x = np.indices(mask.shape)
    for row, column in np.argwhere(narrow):
        close = np.maximum(abs(y - row), abs(x - column)) <= 2
        others = set(owners[close]) - {0, owners[row, column]}
        if not others:
            expected[row, column] = 0
    found = find_objects(mask.astype(np.float32), LINES)
    np.testing.assert_array_equal(found, partition(expected))


@given(masks)
def test_giving_lines_back_keeps_objects_apart_and_whole(mask):
    foreground = mask.astype(np.float32)
    before, after = find_objects(foreground, PLAIN), find_objects(foreground, LINES)
    assert before.max() == after.max()
    pairs = np.unique(np.stack([before[mask], after[mask]]), axis=1)
    assert pairs.shape[1] == before.max()


def ious(found, labels):
    """Return the IoU of each object with what was found in most of its pixels."""
    values = []
    for number in range(1, labels.max() + 1):
        true = labels == number
        mine = found == np.bincount(found[true]).argmax()
        values.append((true & mine).sum() / (true | mine).sum())
    return np.array(values)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 12, endpoint=False))
def test_the_target_of_touching_objects_gives_them_back(angle):
    y, x = np.indices((60, 60))
    dy, dx = 10.3 * np.sin(angle), 10.3 * np.cos(angle)
    first = (y - 30 + dy) ** 2 + (x - 30 + dx) ** 2
    second = (y - 30 - dy) ** 2 + (x - 30 - dx) ** 2
    labels = partition(
        np.where(first <= second, 1, 2) * (np.minimum(first, second) < 150)
    )
    target = cut_separation_border(labels) > 0
    found = find_objects(target.astype(np.float32))
    assert found.max() == 2
    assert ious(found, labels).min() > 0.97


@pytest.mark.parametrize("seed", range(3))
def test_the_target_of_a_whole_tissue_gives_its_cells_back(seed):
    labels = tissue(seed)
    target = cut_separation_border(labels) > 0
    found = find_objects(target.astype(np.float32), ObjectConfig(split=0))
    assert found.max() == labels.max()
    # A line says nothing about which side it was cut from; a few go to the other one.
    assert ious(found, labels).min() > 0.94
    assert ious(found, labels).mean() > 0.98


def test_a_smooth_prediction_of_the_target_gives_the_painted_objects_back():
    labels = tissue(3)
    target = cut_separation_border(labels) > 0
    foreground = ndimage.gaussian_filter(target.astype(np.float32), 0.6)
    found = find_objects(foreground, ObjectConfig(threshold=0.75))
    assert found.max() == labels.max()


# waists


def test_two_overlapping_discs_are_cut_at_the_waist():
    foreground = discs((40, 60), (20, 20, 11), (20, 38, 11))
    assert find_objects(foreground, PLAIN).max() == 1
    labels = find_objects(foreground, SPLIT)
    assert labels.max() == 2
    np.testing.assert_array_equal(labels > 0, foreground)
    assert set(labels[:, :28].ravel()) == {0, 1}
    assert set(labels[:, 31:].ravel()) == {0, 2}


@pytest.mark.parametrize("angle", [0, 0.4, np.pi / 4, 1.2])
@pytest.mark.parametrize("axes", [(12, 12), (8, 24), (4, 30), (2, 20)])
def test_an_ellipse_stays_whole(angle, axes):
    y, x = np.indices((80, 80)) - 40
    u, v = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    foreground = ((u / axes[0]) ** 2 + (v / axes[1]) ** 2 <= 1).astype(np.float32)
    whole = find_objects(foreground, PLAIN)
    np.testing.assert_array_equal(find_objects(foreground, SPLIT), whole)


def test_a_rough_outline_is_not_cut():
    rng = np.random.default_rng(0)
    foreground = discs((60, 60), (30, 30, 20))
    edge = ndimage.binary_dilation(foreground) & (
        ndimage.binary_erosion(foreground) == 0
    )
    foreground[edge] = rng.random(edge.sum()) < 0.5
    config = SPLIT.replaced(min_size=30, fill_holes=True)
    assert find_objects(foreground, config).max() == 1


def test_nothing_smaller_than_the_minimum_is_cut_off():
    foreground = discs((40, 60), (20, 20, 12), (20, 37, 5))
    small = int((find_objects(foreground, SPLIT) == 2).sum())
    assert small == 80
    for min_size, objects in ((small, 2), (small + 1, 1)):
        config = SPLIT.replaced(min_size=min_size)
        assert find_objects(foreground, config).max() == objects


@given(masks)
def test_parts_are_connected_and_belong_to_one_object(mask):
    foreground = np.kron(mask, np.ones((3, 3))).astype(np.float32)
    whole, parts = find_objects(foreground, PLAIN), find_objects(foreground, SPLIT)
    np.testing.assert_array_equal(parts > 0, whole > 0)
    for number in range(1, parts.max() + 1):
        part = parts == number
        assert len(np.unique(whole[part])) == 1
        assert ndimage.label(part)[1] == 1


# classes


@given(
    npst.arrays(
        np.float32,
        npst.array_shapes(min_dims=3, max_dims=4, max_side=5),
        elements=st.sampled_from([0, 0.25, 0.5, 1]),
    )
)
def test_the_class_map_is_the_first_largest_probability(probabilities):
    before = probabilities.copy()
    classes = class_map(probabilities)
    assert classes.dtype == np.uint8
    np.testing.assert_array_equal(classes, probabilities.argmax(axis=0))
    np.testing.assert_array_equal(probabilities, before)
