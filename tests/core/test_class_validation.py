"""Models of classes are held back for, scored and ranked as classes."""

import numpy as np
import pytest

from napari_unet.core.annotation.target import Example, Region, make_target
from napari_unet.core.evaluation.detection import rank
from napari_unet.core.evaluation.scores import Scores
from napari_unet.core.image import Image
from napari_unet.core.training.examples import check_examples
from napari_unet.core.training.held_back import split_validation
from napari_unet.core.training.validation import compare_classes

TRUE = np.zeros((8, 20), int)
TRUE[1:5, 1:5], TRUE[1:5, 8:12] = 1, 2


def compare(predicted, **options):
    target = make_target(TRUE, kind="classes", classes=3, **options)
    return compare_classes(np.asarray(predicted, np.uint8), target, 3)


def test_the_truth_itself_is_perfect():
    scores = compare(TRUE)
    assert scores.f1 == scores.iou == scores.dice == rank(scores) == 1
    assert scores.objects_true == 2


def test_right_shapes_of_wrong_classes_are_not_found():
    swapped = np.array([0, 2, 1])[TRUE]
    scores = compare(swapped)
    assert scores.f1 == 0
    assert scores.classes.iou == (1, 0, 0)
    assert scores.iou == rank(scores) == pytest.approx(1 / 3)


def test_a_rare_class_counts_as_much_as_a_common_one():
    without = np.where(TRUE == 2, 0, TRUE)
    scores = compare(without)
    assert scores.classes.iou == pytest.approx((128 / 144, 1, 0))
    assert scores.iou == pytest.approx((128 / 144 + 1) / 3)
    assert scores.as_dict()["iou_2"] == 0


def test_unknown_ground_does_not_count():
    wrong = TRUE.copy()
    wrong[6:] = 2
    assert compare(wrong, regions=[Region((0, 0), (6, 20))]).iou == 1


def test_scores_of_several_images_are_of_all_their_pixels():
    both = compare(TRUE) + compare(np.where(TRUE == 2, 0, TRUE))
    assert both.classes.iou == pytest.approx((256 / 272, 1, 0.5))
    assert (Scores() + both).iou == both.iou


def example(classes):
    grey = np.arange(classes.size).reshape(1, *classes.shape) % 251
    return Example(Image(grey, name="a"), classes)


def test_what_is_held_back_has_classes_and_leaves_all_to_train_on():
    classes = np.zeros((40, 60), int)
    classes[2:38, 2:20] = 1
    classes[10:30, 2:40] = 2
    [rest], [held] = split_validation([example(classes)], "classes")
    [kept], [cut] = rest.regions, held.regions
    assert np.unique(classes[kept.box]).tolist() == [0, 1, 2]
    assert np.unique(classes[cut.box]).tolist() == [0, 1, 2]
    assert cut.role == "validation"
    covered = np.zeros(classes.shape, int)
    for region in (kept, cut):
        covered[region.box] += 1
    assert (covered == 1).all()


def test_nothing_is_held_back_where_a_class_would_be_lost():
    classes = np.zeros((40, 60), int)
    classes[:8, :12], classes[-8:, -12:] = 1, 2
    classes[:8, -12:], classes[-8:, :12] = 3, 4
    training, validation = split_validation([example(classes)], "classes")
    assert len(training) == 1
    assert validation == []


def test_a_map_of_two_classes_is_no_binary_mask():
    check_examples([example((TRUE > 0).astype(int))], "classes")
