"""Pixel, Rand and warping error, V_Rand and V_Info: toys, brute force, and bounds."""

import json

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import adapted_rand_error
from small_labels import TRUE, cells

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.boundary_scores import (
    THRESHOLDS,
    BoundaryScores,
    score_boundaries,
    sweep_thresholds,
)
from napari_unet.core.evaluation.partition import FScore, tabulate
from napari_unet.core.evaluation.scores import score_labels

BORDER_MISSING = cells((0, 8))
SPLIT_CELL = cells((0, 3), (5, 6), (8, 8))
WIDE_BORDER = cells((0, 2), (6, 8))

# Rand error, precision and recall, pixel error, plain pixel error, SEG, and the adapted
# Rand error of scikit-image, which takes predicted background for one cell.
TOYS = [
    (TRUE, 0, 1, 1, 0, 0, 1, 0),
    (BORDER_MISSING, 1 / 3, 0.5, 1, 0.0588235, 1 / 9, 0.4444444, 0.3478261),
    (SPLIT_CELL, 0.2018779, 1, 0.6640625, 0.0666667, 1 / 9, 0.5, 0.2),
    (WIDE_BORDER, 0.2673267, 1, 0.578125, 0.1428571, 2 / 9, 0.75, 0.28),
]


def score(labels, true=TRUE):
    return score_boundaries((labels > 0).astype(float), true > 0)


@pytest.mark.parametrize(
    ("predicted", "rand", "precision", "recall", "pixel", "plain", "seg", "adapted"),
    TOYS,
)
def test_toys(predicted, rand, precision, recall, pixel, plain, seg, adapted):
    scores = score(predicted)
    assert scores.rand_error == pytest.approx(rand, abs=1e-7)
    assert scores.sweep[5].rand.precision == pytest.approx(precision)
    assert scores.sweep[5].rand.recall == pytest.approx(recall)
    assert scores.pixel_error == pytest.approx(pixel, abs=1e-7)
    assert scores.plain_pixel_error == pytest.approx(plain)
    assert score_labels(predicted, TRUE).seg == pytest.approx(seg, abs=1e-7)
    other, _, _ = adapted_rand_error(TRUE, predicted)
    assert other == pytest.approx(adapted, abs=1e-7)


def test_thinned_borders_do_not_matter_but_their_topology_does():
    assert score(WIDE_BORDER).v_rand.value == 1
    assert score(WIDE_BORDER).v_info.value == 1
    merged = score(BORDER_MISSING)
    assert (merged.v_rand.recall, merged.v_rand.precision) == (1, 0.5)
    assert merged.v_rand.value == pytest.approx(2 / 3)
    assert merged.v_info.value == 0  # one cell everywhere tells nothing


def test_thinning_follows_the_probability():
    """The second cell is parted in columns 6 and 7; the deepest line is column 7."""
    probability = (cells((0, 3), (5, 5), (8, 8)) > 0) * 0.9
    probability[:, 6], probability[:, 7] = 0.08, 0.04
    split = score_boundaries(probability, TRUE > 0).sweep[5]
    part = np.array([16, 8, 8]) / 32
    assert split.v_rand == FScore((part**2).sum(), 0.5, (part**2).sum())
    assert split.v_info == FScore(1, 1, -(part * np.log2(part)).sum())


def test_the_best_threshold_counts_for_each_score_by_itself():
    """Cells at 0.85, the border at 0.65: only from 0.7 on are there two cells."""
    probability = np.where(TRUE > 0, 0.85, 0.65)
    scores = score_boundaries(probability, TRUE > 0)
    expected = [1 / 3] * 7 + [0] * 2
    assert [each.rand_error for each in scores.sweep[:9]] == pytest.approx(expected)
    alone = 32 / 32**2  # nothing is predicted: each pixel is by itself
    assert scores.sweep[9].rand_error == pytest.approx(1 - 2 * alone / (0.5 + alone))
    assert scores.rand_error == scores.pixel_error == scores.warping_error == 0
    assert THRESHOLDS == (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    result = json.loads(json.dumps(scores.as_dict()))
    assert result["by_threshold"]["rand_error"][7] == 0
    assert set(result["best_thresholds"].values()) == {0.7}
    assert result["v_rand_split"] == result["v_rand_merge"] == 1


def test_above_the_threshold_is_inside():
    """As in the challenge: a probability of 0 is never a cell, one of 0.1 is at 0.0."""
    scores = score_boundaries(np.where(TRUE > 0, 0.1, 0.0), TRUE > 0)
    assert scores.sweep[0].pixel_error == 0
    assert scores.sweep[1].pixel_error == 1


@st.composite
def planes(draw):
    """A probability map, true cells, and what is known, of one small plane."""
    shape = draw(npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6))
    values = st.sampled_from([0.0, 0.05, 0.45, 0.55, 0.95, 1.0])
    return (
        draw(npst.arrays(float, shape, elements=values)),
        draw(npst.arrays(bool, shape)),
    )


def brute_rand(predicted, true):
    """F over ordered pairs of true pixels, a pixel paired with itself included."""
    labels, truth = ndimage.label(predicted)[0][true], ndimage.label(true)[0][true]
    same = labels[:, None] == labels
    same &= labels[:, None] > 0
    same |= np.eye(len(labels), dtype=bool)
    cell = truth[:, None] == truth
    both = same.sum() + cell.sum()
    return 2 * (same & cell).sum() / both if both else 1.0


@given(planes())
def test_errors_against_brute_force(plane):
    probability, true = plane
    for threshold, found in zip(
        THRESHOLDS, score_boundaries(probability, true).sweep, strict=True
    ):
        predicted = probability > threshold
        assert found.plain_pixel_error == pytest.approx((predicted != true).mean())
        inside = predicted.sum() + true.sum()
        pixel = 1 - 2 * (predicted & true).sum() / inside if inside else 0
        assert found.pixel_error == pytest.approx(pixel)
        assert found.rand_error == pytest.approx(1 - brute_rand(predicted, true))
        assert 0 <= found.warping_error <= found.plain_pixel_error
        assert 0 <= found.v_rand.value <= 1 + 1e-12
        assert 0 <= found.v_info.value <= 1 + 1e-12


@given(planes())
def test_the_truth_against_itself_is_perfect(plane):
    _, true = plane
    scores = score_boundaries(true.astype(float), true)
    assert scores.pixel_error == scores.plain_pixel_error == scores.warping_error == 0
    assert scores.rand_error == pytest.approx(0)
    assert scores.v_rand.value == scores.v_info.value == pytest.approx(1)


@given(planes())
def test_knowing_everything_is_the_default_and_nothing_leaves_nothing(plane):
    known = np.ones(plane[1].shape, bool)
    assert score_boundaries(*plane, known=known) == score_boundaries(*plane)
    assert score_boundaries(*plane, known=~known) == BoundaryScores()


def test_errors_on_unknown_ground_do_not_count():
    known = np.ones(TRUE.shape, bool)
    known[:, 4:] = False
    scores = score_boundaries((BORDER_MISSING > 0).astype(float), TRUE > 0, known=known)
    assert scores.rand_error == scores.pixel_error == scores.warping_error == 0
    assert scores.sweep[5].pixels == 16


def test_planes_add_up_and_share_a_threshold():
    """One plane is right at 0.3 alone, the other at 0.7 alone."""
    low = np.where(TRUE > 0, 0.35, 0.25)
    low, high = score_boundaries(low, TRUE > 0), score_boundaries(low + 0.4, TRUE > 0)
    assert low.pixel_error == high.pixel_error == 0
    both = sum([low, high], BoundaryScores())
    assert both.sweep[3].pixel == FScore(64, 64, 68)
    assert both.pixel_error == pytest.approx(1 - 128 / 132)


def test_one_step_is_one_threshold():
    assert tuple(sweep_thresholds(TRUE / 2, TRUE > 0)) == THRESHOLDS


def test_a_table_of_segments_counts_pairs_and_bits():
    table = tabulate(np.array([0, 0, 1, 1]), np.array([3, 4, 5, 5]))
    assert table.rand() == FScore(0.375, 0.5, 0.375)
    assert table.information() == FScore(1, 1, 1.5)
    nothing = np.zeros(0, int)
    assert tabulate(nothing, nothing).rand() == FScore()


def test_bad_input_is_refused():
    with pytest.raises(InputError, match=r"shape \(9, 4\), the true cells \(4, 9\)"):
        score(TRUE.T)
    with pytest.raises(InputError, match="from 0 to 255; they must lie between 0 and"):
        score_boundaries(255.0 * (TRUE > 0), TRUE > 0)
    with pytest.raises(InputError, match="nan"):
        score_boundaries(np.full(TRUE.shape, np.nan), TRUE > 0)
