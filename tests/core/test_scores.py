"""Scores: numbers worked out by hand, brute force, and what must always hold."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from small_labels import TRUE, cells, label_pairs

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.class_scores import score_classes
from napari_unet.core.evaluation.scores import THRESHOLDS, Scores, score_labels

IDENTICAL = TRUE
BORDER_MISSING = cells((0, 8))
SPLIT_CELL = cells((0, 3), (5, 6), (8, 8))
WIDE_BORDER = cells((0, 2), (6, 8))


def brute_force(predicted, true):
    """F1, AP, SEG, IoU and Dice straight from their definitions."""
    true_ids = [i for i in np.unique(true) if i]
    predicted_ids = [i for i in np.unique(predicted) if i]
    iou = np.zeros((len(true_ids), len(predicted_ids)))
    seg = []
    for row, i in enumerate(true_ids):
        seg.append(0.0)
        for column, j in enumerate(predicted_ids):
            shared = np.sum((true == i) & (predicted == j))
            iou[row, column] = shared / np.sum((true == i) | (predicted == j))
            if shared > 0.5 * np.sum(true == i):
                seg[-1] = iou[row, column]
    objects = len(true_ids) + len(predicted_ids)
    matches = []
    for threshold in THRESHOLDS:
        rows, columns = linear_sum_assignment(iou >= threshold, maximize=True)
        matches.append(np.sum(iou[rows, columns] >= threshold))
    if not objects:
        return matches, 1.0, 1.0, 1.0
    f1 = 2 * matches[0] / objects
    ap = np.mean([n / (objects - n) for n in matches])
    return matches, f1, ap, np.mean(seg) if seg else 0.0


# scores of objects


@pytest.mark.parametrize(
    ("predicted", "seg", "f1", "ap"),
    [
        (IDENTICAL, 1, 1, 1),
        (BORDER_MISSING, 4 / 9, 0, 0),
        # half of a cell: not over half of it (SEG), but an IoU of 0.5 (a match)
        (SPLIT_CELL, 0.5, 0.8, (2 / 3 + 9 * 1 / 4) / 10),
        (WIDE_BORDER, 0.75, 1, 0.6),
    ],
)
def test_the_toy_images_have_the_scores_worked_out_by_hand(predicted, seg, f1, ap):
    scores = score_labels(predicted, TRUE)
    assert scores.seg == pytest.approx(seg, abs=1e-12)
    assert scores.f1 == pytest.approx(f1, abs=1e-12)
    assert scores.ap == pytest.approx(ap, abs=1e-12)


@given(label_pairs())
def test_scores_equal_their_definitions(pair):
    predicted, true = pair
    matches, f1, ap, seg = brute_force(predicted, true)
    scores = score_labels(predicted, true)
    assert scores.matches == tuple(matches)
    assert scores.f1 == pytest.approx(f1)
    assert scores.ap == pytest.approx(ap)
    assert scores.seg == pytest.approx(seg)
    a, b = predicted > 0, true > 0
    if a.any() or b.any():
        assert scores.iou == pytest.approx((a & b).sum() / (a | b).sum())
        assert scores.dice == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))


@given(label_pairs())
def test_precision_and_recall_swap_with_the_images(pair):
    one, other = (score_labels(*images) for images in (pair, pair[::-1]))
    assert one.precision == other.recall
    assert (one.f1, one.ap, one.iou) == (other.f1, other.ap, other.iou)


@given(label_pairs(), st.permutations([3, 4, 60_000, 2**31 - 1]))
def test_label_numbers_carry_no_meaning(pair, numbers):
    predicted, true = pair
    renumbered = np.zeros_like(true)
    for old, new in zip([1, 2, 5, 70_000], numbers, strict=True):
        renumbered[true == old] = new
    scores, again = score_labels(predicted, true), score_labels(predicted, renumbered)
    assert again.as_dict() == pytest.approx(scores.as_dict())


@given(label_pairs())
def test_what_is_identical_scores_one(pair):
    scores = score_labels(pair[0], pair[0])
    for name in ("f1", "precision", "recall", "iou", "dice", "seg", "ap"):
        assert scores.as_dict()[name] == 1


def test_an_iou_on_the_threshold_is_a_match():
    """11 of 20 pixels: 0.55 exactly, although not as a binary fraction."""
    true = np.ones((1, 20), int)
    predicted = np.pad(np.ones((1, 11), int), ((0, 0), (0, 9)))
    assert score_labels(predicted, true).matches == (1, 1, *[0] * 8)


def test_two_halves_of_an_object_are_one_match():
    whole, halves = cells((0, 3)), cells((0, 1), (2, 3))
    scores = score_labels(halves, whole)
    assert (scores.true_positives, scores.precision, scores.recall) == (1, 0.5, 1)
    scores = score_labels(whole, halves)
    assert (scores.true_positives, scores.precision, scores.recall) == (1, 1, 0.5)


RATIOS = ("f1", "precision", "recall", "iou", "dice", "seg", "ap")


@pytest.mark.parametrize("shape", [(4, 5), (0, 3), (1, 1), (2, 3, 4)])
def test_nothing_found_where_nothing_is_scores_one(shape):
    empty = np.zeros(shape, np.uint8)
    values = score_labels(empty, empty).as_dict()
    assert {values[name] for name in RATIOS} == {1.0}
    assert {value for name, value in values.items() if name not in RATIOS} == {0}
    assert set(Scores().as_dict().values()) == {0, 1.0}


def test_something_against_nothing_scores_zero():
    empty = np.zeros_like(TRUE)
    for pair in ((TRUE, empty), (empty, TRUE)):
        values = score_labels(*pair).as_dict()
        assert values["objects_true"] + values["objects_predicted"] == 2
        assert {values[name] for name in RATIOS} == {0}
        assert values["missed"] + values["invented"] == 2


def test_binary_masks_are_one_object():
    scores = score_labels(BORDER_MISSING > 0, BORDER_MISSING > 0)
    assert scores.objects_true == scores.objects_predicted == scores.f1 == 1


# several images


def test_images_together_are_scored_by_the_sums_of_their_counts():
    one = score_labels(SPLIT_CELL, TRUE)
    other = score_labels(BORDER_MISSING, TRUE)
    overall = sum([one, other], Scores())
    assert (overall.objects_true, overall.objects_predicted) == (4, 4)
    assert overall.f1 == pytest.approx(2 * 2 / 8)
    assert overall.seg == pytest.approx((1 + 0 + 4 / 9 + 4 / 9) / 4)
    assert overall.iou == pytest.approx((28 + 32) / (32 + 36))
    assert overall.dice == pytest.approx(2 * (28 + 32) / (28 + 32 + 36 + 32))


def test_an_empty_image_changes_nothing():
    scores = score_labels(SPLIT_CELL, TRUE)
    empty = score_labels(np.zeros((3, 3), int), np.zeros((3, 3), int))
    assert scores + empty == scores


def test_scores_can_be_written_as_json():
    values = score_labels(SPLIT_CELL, TRUE).as_dict()
    assert json.loads(json.dumps(values)) == values
    assert list(values)[:7] == ["f1", "precision", "recall", "iou", "dice", "seg", "ap"]
    assert values["objects_true"] == 2
    assert values["objects_predicted"] == 3
    assert values["true_positives"] == 2


# unknown pixels


def test_unknown_pixels_do_not_count():
    known = np.ones(TRUE.shape, bool)
    known[:, 4] = False
    scores = score_labels(BORDER_MISSING, TRUE, known=known)
    assert scores.iou == 1  # the missing border is not known
    assert scores.seg == 0.5
    assert (scores.f1, scores.matches[0]) == (2 / 3, 1)  # 16 of 32 pixels: a tie


def test_objects_mostly_outside_are_neither_missed_nor_false():
    known = np.zeros((4, 9), bool)
    known[:, :5] = True
    nothing = cells()
    mostly_in, mostly_out = cells((2, 6)), cells((3, 7))
    assert score_labels(mostly_in, nothing, known=known).objects_predicted == 1
    assert score_labels(mostly_out, nothing, known=known).objects_predicted == 0
    assert score_labels(nothing, mostly_in, known=known).objects_true == 1
    assert score_labels(nothing, mostly_out, known=known).objects_true == 0


def test_a_match_across_the_edge_of_the_known_counts_for_both():
    known = np.zeros((4, 9), bool)
    known[:, :5] = True
    # 3 of 5 columns known, 3 of 7 known: the same where it is known
    for predicted, true in ((1, 0), (0, 1)):
        pair = [cells((2, 6)), cells((2, 8))]
        scores = score_labels(pair[predicted], pair[true], known=known)
        assert (scores.objects_true, scores.objects_predicted, scores.f1) == (1, 1, 1)
        assert scores.seg == 1


@given(label_pairs())
def test_knowing_everything_is_the_default_and_nothing_leaves_nothing(pair):
    shape = pair[0].shape
    assert score_labels(*pair, known=np.ones(shape, bool)) == score_labels(*pair)
    assert score_labels(*pair, known=np.zeros(shape, bool)) == Scores()


@given(label_pairs())
def test_the_frame_of_the_unknown_can_be_cut_away(pair):
    """Objects wholly outside do not count at all."""
    padded = [np.pad(labels, 2, constant_values=9) for labels in pair]
    known = np.pad(np.ones(pair[0].shape, bool), 2)
    assert score_labels(*padded, known=known) == score_labels(*pair)


# refused


def test_images_of_different_shape_are_refused():
    with pytest.raises(InputError, match=r"\(4, 9\).*\(9, 4\).*same ground"):
        score_labels(TRUE, TRUE.T)
    with pytest.raises(InputError, match=r"known pixels.*\(9, 4\).*\(4, 9\)"):
        score_labels(TRUE, TRUE, known=np.ones((9, 4), bool))
    with pytest.raises(InputError, match=r"shape \(9,\)"):
        score_labels(TRUE[0], TRUE[0])


def test_what_is_no_label_image_is_refused():
    with pytest.raises(InputError, match="predicted labels hold float64"):
        score_labels(TRUE.astype(float), TRUE)
    with pytest.raises(InputError, match="true labels hold -1"):
        score_labels(TRUE, TRUE.astype(int) - 1)


# classes


def test_scores_of_classes_are_those_of_their_pixels():
    true = np.array([[0, 0, 0, 1, 1, 2]])
    predicted = np.array([[0, 0, 1, 1, 1, 0]])
    scores = score_classes(predicted, true, 4)
    assert scores.iou == (2 / 4, 2 / 3, 0, 1)
    assert scores.dice == (4 / 6, 4 / 5, 0, 1)
    assert scores.mean_iou == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)  # 3 never occurs
    assert scores.mean_dice == pytest.approx((4 / 6 + 4 / 5 + 0) / 3)
    assert scores.weighted_iou == pytest.approx((3 * 2 / 4 + 2 * 2 / 3) / 6)
    assert scores.accuracy == pytest.approx(4 / 6)
    assert json.loads(json.dumps(scores.as_dict()))["iou"] == list(scores.iou)


def test_unknown_pixels_have_no_class():
    true = np.array([[0, 1, 1, 200]])
    predicted = np.array([[0, 1, 0, 7]])
    known = np.array([[True, True, False, False]])
    assert score_classes(predicted, true, 2, known=known).accuracy == 1
    with pytest.raises(InputError, match=r"true classes go up to 200.*0 to 1"):
        score_classes(predicted, true, 2)


def test_classes_of_several_images_add_up():
    one = score_classes(np.array([[0, 1]]), np.array([[0, 0]]), 2)
    other = score_classes(np.array([[1, 1]]), np.array([[1, 1]]), 2)
    assert (one + other).iou == (1 / 2, 2 / 3)
    nothing = np.zeros((0, 4), int)
    assert score_classes(nothing, nothing, 2).as_dict() == {
        **dict.fromkeys(["mean_iou", "mean_dice", "weighted_iou", "accuracy"], 1),
        "iou": [1, 1],
        "dice": [1, 1],
    }


@given(label_pairs())
def test_two_classes_agree_with_the_foreground(pair):
    predicted, true = (labels > 0 for labels in pair)
    objects, classes = score_labels(predicted, true), score_classes(predicted, true, 2)
    assert classes.iou[1] == objects.iou
    assert classes.dice[1] == objects.dice
