"""Probabilities become points, and points are matched with the true ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.detection import (
    DetectionScores,
    match_points,
    quality,
    score_points,
)
from napari_unet.core.evaluation.scores import Scores
from napari_unet.core.prediction.detect import detect_points, make_points
from napari_unet.core.prediction.segment import Segmentation


def two_classes(foreground):
    foreground = np.asarray(foreground, float)
    return np.stack([1 - foreground, foreground])


places = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda p: (p[0], p[1] / 2)),
    max_size=5,
)


def best_matching(predicted, true, distance):
    """Return the largest number of pairs and their least sum, trying all."""
    best = (0, 0.0)
    few, many = (predicted, true) if len(predicted) <= len(true) else (true, predicted)
    for chosen in itertools.permutations(range(len(many)), len(few)):
        apart = [np.hypot(*(few[i] - many[j])) for i, j in enumerate(chosen)]
        near = [d for d in apart if d <= distance]
        best = min(best, (-len(near), sum(near)))
    return -best[0], best[1]


@given(places, places)
def test_matching_is_the_best_there_is(predicted, true):
    predicted, true = np.array(predicted).reshape(-1, 2), np.array(true).reshape(-1, 2)
    pairs = match_points(predicted, true, 3)
    apart = np.hypot(*(predicted[pairs[:, 0]] - true[pairs[:, 1]]).T)
    assert (apart <= 3).all()
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    count, total = best_matching(predicted, true, 3)
    assert len(pairs) == count
    assert apart.sum() == pytest.approx(total)


def test_distances_are_looked_at_again_after_the_assignment():
    """A Hungarian assignment alone would pair all four."""
    predicted, true = np.array([[0, 0], [0, 50]]), np.array([[0, 3], [0, 90]])
    assert match_points(predicted, true).tolist() == [[0, 0]]
    assert len(match_points(predicted, true + np.array([0, 0.01]))) == 0


def test_scores_count_over_images():
    one = score_points(np.array([[0, 0], [9, 9]]), np.array([[0, 2]]))
    two = score_points(np.zeros((0, 2)), np.array([[5, 5], [7, 7], [1, 1]]))
    assert (one.precision, one.recall, one.f1) == (0.5, 1, 2 / 3)
    total = one + two
    assert (total.precision, total.recall) == (0.5, 0.25)
    assert total.f1 == pytest.approx(2 * 0.5 * 0.25 / 0.75)
    assert sum([one, two], DetectionScores()) == total


def test_nothing_to_find_and_nothing_found_is_perfect():
    nothing = np.zeros((0, 2))
    assert score_points(nothing, nothing).f1 == 1
    assert score_points(np.ones((1, 2)), nothing).f1 == 0
    assert score_points(nothing, np.ones((1, 2))).recall == 0


def test_points_on_unknown_ground_are_neither_missed_nor_false():
    known = np.zeros((10, 10), bool)
    known[:, :5] = True
    predicted = np.array([[2, 2], [2, 8], [7, 4]])
    true = np.array([[2, 2], [5, 9], [7, 6]])
    scores = score_points(predicted, true, known=known)
    # The last pair lies across the edge of what is known, and counts.
    assert (scores.objects_true, scores.objects_predicted) == (2, 2)
    assert scores.true_positives == 2
    outside = score_points(np.array([[-9.0, 2.0]]), np.zeros((0, 2)), known=known)
    assert outside.objects_predicted == 0


def test_checkpoints_are_chosen_by_f1_of_points():
    assert quality(DetectionScores(4, 4, 3)) == 0.75
    assert quality(Scores()) == 1


def test_a_point_is_the_weighted_centre_of_its_piece():
    foreground = np.zeros((9, 12))
    foreground[2:5, 3:5] = [[0.6, 0.9], [0.7, 1.0], [0.5, 0.8]]
    foreground[7, 10] = 0.75
    found = detect_points(two_classes(foreground))
    centre = ndimage.center_of_mass(np.where(foreground == 0.75, 0, foreground))
    assert np.allclose(found.positions, [centre, (7, 10)])
    assert np.allclose(found.confidence, [0.75, 0.75])
    assert found.classes.tolist() == [1, 1]


def test_pieces_that_touch_at_a_corner_are_two_points():
    assert len(detect_points(two_classes(np.eye(2)))) == 2
    assert len(detect_points(two_classes(np.ones((2, 2))))) == 1


def test_a_piece_is_one_point_of_its_most_probable_class():
    probabilities = np.array(
        [[[0.1, 0.1, 0.0, 0.9]], [[0.8, 0.2, 0.3, 0.1]], [[0.1, 0.7, 0.7, 0]]]
    )
    found = detect_points(probabilities)
    centre = (0.1 * 0 + 0.7 * 1 + 0.7 * 2) / 1.5
    assert np.allclose(found.positions, [[0, centre]])
    assert found.classes.tolist() == [2]
    assert found.confidence.tolist() == pytest.approx([0.5])


def test_threshold_and_smallest_piece_decide():
    foreground = np.array([[0.4, 0.4, 0.0, 0.9]])
    found = detect_points(
        two_classes(foreground), ObjectConfig(threshold=0.3, min_size=2)
    )
    assert found.positions.tolist() == [[0, 0.5]]
    assert len(detect_points(two_classes(foreground))) == 1


def test_nothing_found_has_the_right_shapes():
    found = detect_points(two_classes(np.zeros((4, 4))))
    assert found.positions.shape == (0, 2)
    assert len(found) == len(found.confidence) == 0


@given(st.integers(0, 2**31), st.integers(2, 4))
def test_detection_agrees_with_a_slow_one(seed, classes):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), (7, 8)).transpose(2, 0, 1)
    found = detect_points(probabilities)
    expected = []
    labels, count = ndimage.label(1 - probabilities[0] >= 0.5)
    for piece in range(1, count + 1):
        mask = labels == piece
        number = 1 + int(np.argmax([p[mask].sum() for p in probabilities[1:]]))
        weights = probabilities[number]
        centre = ndimage.center_of_mass(weights * mask)
        expected.append((*centre, number, weights[mask].mean()))
    rows = np.column_stack([found.positions, found.classes, found.confidence])
    assert np.allclose(rows, np.array(expected).reshape(-1, 4))


def test_points_of_a_part_of_a_stack_are_those_of_the_whole():
    foreground = np.zeros((2, 5, 6))
    foreground[0, 1, 2] = foreground[1, 3, 4] = 0.9
    part = (slice(10, 15), slice(20, 26))
    stack = Segmentation(two_classes(foreground), part, (3, 7))
    found = make_points(stack)
    assert found.positions.tolist() == [[3, 11, 22], [7, 13, 24]]
    flat = Segmentation(two_classes(foreground[0]), part, None)
    assert make_points(flat).positions.tolist() == [[11, 22]]


def test_wrong_arrays_are_refused():
    with pytest.raises(InputError, match=r"\(K, Y, X\)"):
        detect_points(np.zeros((2, 3, 4, 5, 6)))
    with pytest.raises(InputError, match="two or more"):
        detect_points(np.zeros((1, 4, 5)))
    with pytest.raises(InputError, match="0 or more"):
        match_points(np.zeros((1, 2)), np.zeros((1, 2)), -1)
