"""Error maps: every object gets the verdict that the definitions give it."""

import numpy as np
import pytest
from hypothesis import given
from small_labels import TRUE, cells, label_pairs

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.error_map import ErrorKind, map_errors
from napari_unet.core.evaluation.scores import score_labels

FOUND, MISSED, FALSE, SPLIT, MERGED = ErrorKind


def test_each_kind_of_error_is_told_and_painted():
    true = np.array([[1, 1, 1, 1, 0, 2, 2, 3, 3, 3, 3, 0, 0, 4, 4, 4, 4, 0]])
    seen = np.array([[1, 1, 1, 0, 0, 6, 6, 6, 6, 6, 6, 0, 8, 0, 9, 0, 0, 0]])
    errors = map_errors(seen, true)
    np.testing.assert_array_equal(
        errors.kinds[0],
        [1, 1, 1, 1, 0, 5, 5, 1, 1, 1, 1, 0, 3, 2, 2, 2, 2, 0],
    )
    rows = [(v.kind, v.true_label, v.predicted_label) for v in errors.verdicts]
    assert rows == [
        (FOUND, 1, 1),
        (MERGED, 2, 6),
        (FOUND, 3, 6),
        (MISSED, 4, 9),
        (FALSE, None, 8),
        (FALSE, 4, 9),
    ]
    assert errors.verdicts[0].centre == (0, 1.5)
    assert errors.verdicts[4].centre == (0, 12)
    assert errors.counts == {FOUND: 2, MISSED: 1, FALSE: 2, SPLIT: 0, MERGED: 1}


def test_a_missing_border_merges_both_cells():
    errors = map_errors(cells((0, 8)), TRUE)
    assert [v.kind for v in errors.verdicts] == [MERGED, MERGED]
    np.testing.assert_array_equal(errors.kinds, np.where(TRUE > 0, MERGED, 0))


def test_a_cell_in_two_pieces_is_split():
    errors = map_errors(cells((0, 3), (5, 6), (8, 8)), TRUE)
    assert [v.kind for v in errors.verdicts] == [FOUND, SPLIT]
    assert errors.verdicts[1].predicted_label == 2  # the larger piece
    np.testing.assert_array_equal(errors.kinds, np.array([0, FOUND, SPLIT])[TRUE])


def test_a_false_piece_shows_on_the_object_that_was_found():
    true, seen = cells((0, 8)), cells((0, 6), (7, 7))
    kinds = map_errors(seen, true).kinds[0]
    np.testing.assert_array_equal(kinds, [1, 1, 1, 1, 1, 1, 1, 3, 1])


def test_a_missed_object_shows_under_a_false_one():
    true, seen = cells((3, 4)), cells((0, 8))
    errors = map_errors(seen, true)
    np.testing.assert_array_equal(errors.kinds[0], [3, 3, 3, 2, 2, 3, 3, 3, 3])
    assert errors.counts[MISSED] == errors.counts[FALSE] == 1


def test_what_is_told_is_what_counts():
    """One object in the region and two mostly outside, all predicted as one."""
    true, known = np.zeros((8, 40), int), np.zeros((8, 40), bool)
    true[2:6, 2:8], true[2:6, 9:20], true[2:6, 21:38] = 1, 2, 3
    known[:, :12] = True
    for predicted in (np.ones_like(true), np.zeros_like(true), true):
        told = [v for v in map_errors(predicted, true, known=known).verdicts
                if v.kind != ErrorKind.FALSE]  # fmt: skip
        scores = score_labels(predicted, true, known=known)
        assert len(told) == scores.objects_true == 1


def test_errors_outside_the_known_are_not_told():
    known = np.zeros((4, 9), bool)
    known[:, 4:] = True
    errors = map_errors(cells((5, 8)), TRUE, known=known)
    assert [(v.kind, v.true_label) for v in errors.verdicts] == [(FOUND, 2)]
    np.testing.assert_array_equal(errors.kinds, np.where(TRUE == 2, FOUND, 0))


@given(label_pairs())
def test_every_true_object_gets_one_verdict(pair):
    predicted, true = pair
    errors = map_errors(predicted, true)
    judged = [v.true_label for v in errors.verdicts if v.kind != FALSE]
    assert judged == [i for i in np.unique(true) if i]
    false = {v.predicted_label for v in errors.verdicts if v.kind == FALSE}
    assert false <= set(np.unique(predicted)) - {0}
    assert errors.counts[FOUND] <= score_labels(predicted, true).true_positives
    assert len(errors.verdicts) == sum(errors.counts.values())


@given(label_pairs())
def test_verdicts_equal_their_definitions(pair):
    predicted, true = pair
    predicted_ids = [i for i in np.unique(predicted) if i]

    def shared(i, j):
        return np.sum((true == i) & (predicted == j))

    def covers(j, i):  # the prediction covers over half of the true object
        return 2 * shared(i, j) > np.sum(true == i)

    def inside(j, i):
        return 2 * shared(i, j) > np.sum(predicted == j)

    merging = {
        j for j in predicted_ids if sum(covers(j, i) for i in np.unique(true) if i) >= 2
    }
    for verdict in map_errors(predicted, true).verdicts:
        if verdict.kind == FALSE:
            continue
        i = verdict.true_label
        pieces = [j for j in predicted_ids if inside(j, i)]
        half = [j for j in predicted_ids if covers(j, i)]
        union = [np.sum((true == i) | (predicted == j)) for j in half]
        if half and half[0] in pieces and 2 * shared(i, half[0]) >= union[0]:
            expected = FOUND
        elif half and half[0] in merging:
            expected = MERGED
        elif len(pieces) > 1 and 2 * sum(shared(i, j) for j in pieces) > np.sum(
            true == i
        ):
            expected = SPLIT
        else:
            expected = MISSED
        assert verdict.kind == expected
        np.testing.assert_allclose(
            verdict.centre, np.argwhere(true == i).mean(axis=0), atol=1e-9
        )


@given(label_pairs())
def test_the_map_shows_what_is_said(pair):
    predicted, true = pair
    errors = map_errors(predicted, true)
    assert errors.kinds.dtype == np.uint8
    assert errors.kinds.shape == true.shape
    expected = np.zeros(true.shape, int)
    for verdict in errors.verdicts:
        if verdict.kind != FALSE:
            expected[true == verdict.true_label] = verdict.kind
    for verdict in errors.verdicts:
        if verdict.kind == FALSE:
            free = (expected == 0) | (expected == FOUND)
            expected[(predicted == verdict.predicted_label) & free] = FALSE
    np.testing.assert_array_equal(errors.kinds, expected)


def test_images_of_different_shape_are_refused():
    with pytest.raises(InputError, match=r"\(4, 9\).*\(9, 4\).*same ground"):
        map_errors(TRUE, TRUE.T)
