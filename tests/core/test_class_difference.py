"""Where classes differ, and how many there are."""

import numpy as np
import pytest
from hypothesis import given
from small_labels import label_pairs

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.class_difference import Difference, map_difference
from napari_unet.core.evaluation.class_scores import count_classes, score_classes


def test_each_pixel_agrees_is_false_missed_or_confused():
    true = np.array([[0, 1, 0, 2, 1]])
    predicted = np.array([[0, 1, 3, 0, 2]])
    found = map_difference(predicted, true)
    names = [Difference(value).name if value else "" for value in found[0]]
    assert names == ["", "AGREE", "FALSE", "MISSED", "CONFUSED"]
    known = np.array([[True, True, False, True, False]])
    assert map_difference(predicted, true, known=known).tolist() == [[0, 1, 0, 3, 0]]


@given(label_pairs())
def test_the_map_counts_what_the_scores_count(pair):
    predicted, true = (np.where(labels > 5, 3, labels) for labels in pair)
    found = map_difference(predicted, true)
    scores = score_classes(predicted, true, count_classes(predicted, true))
    counts = np.bincount(found.ravel(), minlength=5)
    assert counts[Difference.AGREE] == sum(scores.shared[1:])
    assert counts[Difference.FALSE] + counts[0] == np.count_nonzero(true == 0)
    assert counts[Difference.MISSED] + counts[0] == np.count_nonzero(predicted == 0)
    wrong = counts[2:].sum() / true.size
    assert scores.accuracy == pytest.approx(1 - wrong)


def test_labels_of_objects_are_no_classes():
    with pytest.raises(InputError, match="go up to 300; these are rather labels of"):
        count_classes(np.array([[300]]), np.array([[0]]))
    known = np.array([[False]])
    assert count_classes(np.array([[300]]), np.array([[0]]), known) == 1
