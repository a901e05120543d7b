"""Simple points and relaxation: brute force over all patches, and topology kept."""

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.evaluation.simple_points import NEIGHBOURS, SIMPLE, relax

EIGHT = np.ones((3, 3))


def pieces(shape):
    """Count objects (by edges) and background (also by corners), frame included."""
    framed = np.pad(shape, 1)
    return ndimage.label(framed)[1], ndimage.label(~framed, EIGHT)[1]


def images(side=6):
    shape = npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=side)
    return shape.flatmap(
        lambda s: st.tuples(npst.arrays(bool, s), npst.arrays(bool, s))
    )


@pytest.mark.parametrize("centre", [False, True])
def test_simple_is_what_the_textbook_calls_simple_on_all_512_patches(centre):
    """One piece of either kind touches the pixel within its neighbourhood."""
    for pattern in range(256):
        patch = np.zeros((3, 3), bool)
        patch[1, 1] = centre
        for k, (dy, dx) in enumerate(NEIGHBOURS):
            patch[1 + dy, 1 + dx] = pattern >> k & 1
        around = patch.copy()
        around[1, 1] = False
        objects = ndimage.label(around)[0]
        touching = {objects[0, 1], objects[1, 0], objects[1, 2], objects[2, 1]} - {0}
        ground = ~patch
        ground[1, 1] = False
        simple = len(touching) == 1 and ndimage.label(ground, EIGHT)[1] == 1
        assert SIMPLE[pattern] == simple, patch


def test_flipping_a_simple_pixel_keeps_the_number_of_pieces():
    """In every patch, whatever lies around it is background."""
    for pattern in range(256):
        patch = np.zeros((3, 3), bool)
        for k, (dy, dx) in enumerate(NEIGHBOURS):
            patch[1 + dy, 1 + dx] = pattern >> k & 1
        flipped = patch.copy()
        flipped[1, 1] = True
        if SIMPLE[pattern]:
            assert pieces(patch) == pieces(flipped)


@given(images())
def test_relaxing_keeps_the_topology_and_only_changes_what_differs(pair):
    shape, target = pair
    warped = relax(shape, target, np.ones(shape.shape))
    assert pieces(warped) == pieces(shape)
    assert ((warped == shape) | (warped == target)).all()


@given(images(), st.integers(0, 9))
def test_relaxing_is_what_passes_over_all_pixels_do(pair, seed):
    shape, target = pair
    urgency = np.random.default_rng(seed).integers(0, 4, shape.shape) / 4
    expected = np.pad(shape, 1)
    goal = np.pad(target, 1)
    order = np.argsort(-urgency.ravel(), kind="stable")
    changed = True
    while changed:
        changed = False
        for y, x in np.transpose(np.unravel_index(order, shape.shape)) + 1:
            bits = (expected[y + dy, x + dx] for dy, dx in NEIGHBOURS)
            pattern = sum(int(bit) << k for k, bit in enumerate(bits))
            if expected[y, x] != goal[y, x] and SIMPLE[pattern]:
                expected[y, x] = goal[y, x]
                changed = True
    np.testing.assert_array_equal(relax(shape, target, urgency), expected[1:-1, 1:-1])


def test_the_most_urgent_pixel_goes_first():
    """A ring closes from both ends; the last gap stays where it is least urgent."""
    shape = np.ones((1, 5), bool)
    shape[0, 1:4] = False
    urgency = np.array([[0.0, 0.9, 0.1, 0.5, 0.0]])
    warped = relax(shape, np.ones((1, 5), bool), urgency)
    assert warped.tolist() == [[True, True, False, True, True]]
