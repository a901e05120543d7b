"""Warping error: the toys worked out by hand, and cells that fall apart."""

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.evaluation.boundary_scores import score_boundaries
from napari_unet.core.evaluation.warping import find_articulation_points, warp


def two_cells(border=6):
    """Two cells of 7 rows in 9×13 pixels, with a border of one pixel between them."""
    cells = np.zeros((9, 13), bool)
    cells[1:8, 1:12] = True
    cells[1:8, border] = False
    return cells


def bridged():
    cells = two_cells()
    cells[4, 6] = True
    return cells


def cut(box):
    cells = two_cells()
    cells[box] = False
    return cells


BORDER_MISSING = two_cells() | two_cells(1)
TOYS = {
    "identical": (two_cells(), 0, 0, 0),
    "border shifted by a pixel": (two_cells(7), 14, 0, 0),
    "bridge of a pixel": (bridged(), 1, 0, 1),
    "border of 7 px missing": (BORDER_MISSING, 7, 0, 7),
    "membrane down a cell": (cut(np.s_[1:8, 3]), 7, 1, 0),
    "membrane across a cell": (cut(np.s_[4, 1:6]), 5, 1, 0),
    # The rest costs nothing: no cell is parted or joined.
    "cell missing": (cut(np.s_[1:8, 1:6]), 35, 0, 0),
    "hole in a cell": (cut(np.s_[3:6, 3]), 3, 0, 0),
}


@pytest.mark.parametrize("name", TOYS)
def test_toys(name):
    predicted, differ, splits, mergers = TOYS[name]
    true = two_cells()
    assert (predicted != true).sum() == differ
    left = warp(true, predicted, np.ones(true.shape))
    assert (left.splits.sum(), left.mergers.sum()) == (splits, mergers)
    error = score_boundaries(predicted.astype(float), true).warping_error
    assert error == pytest.approx((splits + mergers) / 117, abs=1e-12)


def test_the_numbers_of_the_toys():
    values = [
        score_boundaries(TOYS[name][0].astype(float), two_cells()).warping_error
        for name in ("bridge of a pixel", "border of 7 px missing")
    ]
    assert values == pytest.approx([0.00854701, 0.05982906], abs=1e-8)


def test_a_ring_that_opens_is_no_split():
    """One cut leaves the ring in one piece, two part it."""
    ring = np.zeros((7, 7), bool)
    ring[1:6, 1:6] = True
    ring[2:5, 2:5] = False
    cut_once, cut_twice = ring.copy(), ring.copy()
    cut_once[1, 3] = cut_twice[1, 3] = cut_twice[5, 3] = False
    assert not warp(ring, cut_once, np.ones(ring.shape)).splits.any()
    # Either one alone would open the ring only: both stay, and neither counts.
    assert not warp(ring, cut_twice, np.ones(ring.shape)).splits.any()


@given(npst.arrays(bool, npst.array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_splits_are_the_pixels_without_which_a_cell_falls_apart(cells):
    """Against removing each pixel; in single cells, so that no other is beside."""
    labels, count = ndimage.label(cells)
    for number in range(1, count + 1):
        cell = labels == number
        nothing = np.zeros(cells.shape, bool)
        left = warp(cell, nothing, np.ones(cells.shape))
        for y, x in np.argwhere(left.warped):
            without = left.warped.copy()
            without[y, x] = False
            assert left.splits[y, x] == (ndimage.label(without)[1] > 1)


def brute_articulation(neighbours):
    def parts(nodes):
        seen, count = set(), 0
        for start in nodes:
            if start in seen:
                continue
            count += 1
            queue = [start]
            while queue:
                node = queue.pop()
                if node not in seen:
                    seen.add(node)
                    queue += neighbours[node] & nodes
        return count

    every = {*neighbours}
    lonely = {node for node in every if not neighbours[node]}
    return {node for node in every - lonely if parts(every - {node}) > parts(every)}


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14))
def test_articulation_points_against_removing_each_node(edges):
    neighbours = {}
    for a, b in edges:
        if a != b:
            neighbours.setdefault(a, set()).add(b)
            neighbours.setdefault(b, set()).add(a)
    assert find_articulation_points(neighbours) == brute_articulation(neighbours)
