"""Distances against every pair of pixels, and counts; borders and instances."""

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.annotation.derived import ClassCount, count_labels, distance_map
from napari_unet.core.annotation.target import split_components
from napari_unet.core.errors import InputError

label_images = npst.arrays(
    np.int32,
    npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6),
    elements=st.sampled_from([0, 0, 0, 3, 7, 70_000]),
)


def plain_distances(labels, pixel_size):
    """Return the shortest of the distances to all pixels that count."""
    places = np.argwhere(np.ones(labels.shape, bool))
    numbers = labels.ravel()
    steps = (places[:, None] - places[None]) * np.asarray(pixel_size)
    far = np.sqrt((steps**2).sum(axis=-1))
    reached = np.where(
        numbers[:, None] == 0, numbers[None] > 0, numbers[:, None] != numbers[None]
    )
    nearest = np.where(reached, far, np.inf).min(axis=1)
    return np.where(numbers == 0, nearest, -nearest).reshape(labels.shape)


@given(label_images, st.sampled_from([(1, 1, 1), (2, 0.5, 1.3)]))
def test_distances_are_the_shortest_ones(labels, sizes):
    sizes = sizes[: labels.ndim]
    found = distance_map(labels, sizes)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain_distances(labels, sizes), rtol=1e-5)


def test_touching_objects_stay_apart_in_the_distance_map():
    labels = np.array([[1, 1, 2, 2, 0, 0]])
    assert distance_map(labels).tolist() == [[-2, -1, -1, -1, 1, 2]]
    with pytest.raises(InputError, match="whole numbers stored"):
        distance_map(np.ones((2, 2)))


def test_pieces_may_be_connected_by_corners():
    mask = np.eye(3, dtype=bool)
    assert split_components(mask).max() == 3
    assert split_components(mask, corners=True).max() == 1


def test_counts_of_objects_and_of_classes():
    painted = np.array([[1, 1, 0, 2], [0, 0, 0, 2], [2, 9, 9, 9]])
    assert count_labels(painted, ignore_label=9) == {
        0: ClassCount(4, 0),
        1: ClassCount(5, 2),
    }
    assert count_labels(painted, kind="classes", ignore_label=9) == {
        0: ClassCount(4, 0),
        1: ClassCount(2, 1),
        2: ClassCount(3, 2),
    }
