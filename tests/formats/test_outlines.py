"""Outlines along pixel edges give back the very pixels they were made from."""

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.formats.outlines import fill_rings, trace_outlines

label_images = npst.arrays(
    np.int32,
    npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.integers(0, 3),
)


def fill_outlines(outlines, shape):
    labels = np.zeros(shape, np.int32)
    for outline in outlines:
        for part in outline.parts:
            box, mask = fill_rings(part, shape)
            labels[box][mask] = outline.label
    return labels


@given(label_images)
def test_filling_the_outlines_gives_the_labels_back(labels):
    outlines = trace_outlines(labels)
    np.testing.assert_array_equal(fill_outlines(outlines, labels.shape), labels)


@given(label_images)
def test_every_part_is_a_valid_polygon_with_the_area_of_its_pixels(labels):
    for outline in trace_outlines(labels):
        polygons = [shapely.Polygon(part[0], part[1:]) for part in outline.parts]
        assert all(polygon.is_valid for polygon in polygons)
        whole = shapely.MultiPolygon(polygons)
        assert whole.is_valid
        assert whole.area == (labels == outline.label).sum()


@given(label_images)
def test_outlines_come_in_the_order_of_the_labels_and_none_is_lost(labels):
    found = [outline.label for outline in trace_outlines(labels)]
    assert found == np.unique(labels[labels > 0]).tolist()


def test_corners_lie_between_pixels_without_superfluous_ones():
    (outline,) = trace_outlines(np.array([[0, 0, 0], [0, 5, 5], [0, 5, 0]]))
    corners = [[1, 1], [3, 1], [3, 2], [2, 2], [2, 3], [1, 3]]
    assert [ring.tolist() for part in outline.parts for ring in part] == [corners]


def test_a_ring_has_a_hole_and_diagonal_pixels_are_two_parts():
    ring, pair = trace_outlines(
        np.array([[1, 1, 1, 0, 0], [1, 0, 1, 2, 0], [1, 1, 1, 0, 2]])
    )
    assert [len(part) for part in ring.parts] == [2]
    assert sorted(ring.parts[0][1].tolist()) == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert [len(part) for part in pair.parts] == [1, 1]


def test_an_image_without_objects_has_no_outlines():
    assert trace_outlines(np.zeros((4, 5), np.uint16)) == []


def test_the_largest_labels_survive():
    labels = np.array([[2**32 - 1, 0, 1]], np.uint32)
    assert [outline.label for outline in trace_outlines(labels)] == [1, 2**32 - 1]


@given(
    st.lists(
        st.tuples(st.floats(-3, 12), st.floats(-3, 12)), min_size=3, max_size=8
    ).map(np.array)
)
def test_any_polygon_takes_the_pixels_whose_centres_it_encloses(ring):
    """Compared with counting the crossings for every pixel on its own."""
    shape = (9, 8)
    expected = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        for row in range(shape[0]):
            if (y0 <= row + 0.5) != (y1 <= row + 0.5):
                x = x0 + (row + 0.5 - y0) / (y1 - y0) * (x1 - x0)
                expected[row] ^= np.arange(shape[1]) + 0.5 >= x
    filled = np.zeros(shape, bool)
    box, mask = fill_rings([ring], shape)
    filled[box] = mask
    # A centre within rounding of the outline may fall on either side.
    assert (filled != expected).sum() <= 1


@pytest.mark.parametrize(
    "ring", [[[20, 20], [30, 20], [30, 30]], [[0, 0.2], [5, 0.3], [3, 0.4]]]
)
def test_a_polygon_outside_or_between_centres_takes_no_pixel(ring):
    _, mask = fill_rings([np.array(ring)], (9, 8))
    assert not mask.any()
