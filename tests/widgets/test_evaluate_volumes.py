"""Comparing the objects of stacks: as bodies, or plane by plane."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Image

from napari_unet.core.annotation.target import Region
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.error_map import ErrorKind
from napari_unet.core.workflow import evaluate
from napari_unet.evaluated import (
    evaluate_planes,
    evaluate_volume,
    reach_through_planes,
)
from napari_unet.segmented import Segmented
from napari_unet.session import Session
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.evaluate import EvaluateSection
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels


def bodies():
    """One found, one cut in three along Z, one missed; and a false one: (6, 20, 30)."""
    true, predicted = np.zeros((2, 6, 20, 30), np.uint16)
    true[:, 2:8, 2:8] = 1  # found
    predicted[:, 2:8, 2:7] = 7
    true[:, 2:8, 12:18] = 2  # split
    predicted[:2, 2:8, 12:18] = 3
    predicted[2:4, 2:8, 12:18] = 4
    predicted[4:, 2:8, 12:18] = 6
    true[1:5, 12:18, 2:8] = 3  # missed
    predicted[2:4, 12:18, 20:26] = 5  # false
    return true, predicted


def by_plane(labels):
    """Number the objects of each plane anew, in another order on every other one."""
    out = np.zeros_like(labels)
    for z, plane in enumerate(labels):
        ids = np.unique(plane[plane > 0])[:: 1 if z % 2 else -1]
        for number, old in enumerate(ids, start=1):
            out[z][plane == old] = number
    return out


def test_bodies_are_compared_as_on_the_command_line():
    true, predicted = bodies()
    scores, errors = evaluate_volume(predicted, true, {})
    assert scores == evaluate(predicted, true, volume=True)
    assert (scores.objects_true, scores.objects_predicted) == (3, 5)
    assert scores.true_positives == 1
    assert errors.counts == {
        ErrorKind.FOUND: 1,
        ErrorKind.SPLIT: 1,
        ErrorKind.MISSED: 1,
        ErrorKind.FALSE: 1,
        ErrorKind.MERGED: 0,
    }
    centres = {v.kind: v.centre for v in errors.verdicts}
    assert centres[ErrorKind.FALSE] == (2.5, 14.5, 22.5)
    assert centres[ErrorKind.SPLIT] == (2.5, 4.5, 14.5)
    assert errors.kinds.shape == true.shape
    assert (errors.kinds[:, 4, 4] == ErrorKind.FOUND).all()
    # Plane by plane, nothing is split.
    planes, _ = evaluate_planes(predicted, true, {})
    assert planes.true_positives == 12


def test_only_the_regions_of_the_planes_and_known_ground_count():
    true, predicted = bodies()
    left = {z: [Region((0, 0), (20, 10))] for z in range(6)}
    scores, _ = evaluate_volume(predicted, true, left)
    assert (scores.objects_true, scores.objects_predicted, scores.true_positives) == (
        2,
        1,
        1,
    )
    true[:, 10:] = IGNORE_LABEL
    scores, errors = evaluate_volume(predicted, true, {}, IGNORE_LABEL)
    assert scores == evaluate(predicted, true, IGNORE_LABEL, volume=True)
    assert not errors.kinds[:, 10:].any()
    scores, _ = evaluate_volume(predicted, true, left, IGNORE_LABEL)
    assert (scores.objects_true, scores.true_positives, scores.f1) == (1, 1, 1)


def test_bad_input_is_refused():
    true, predicted = bodies()
    with pytest.raises(InputError, match="have the shape"):
        evaluate_volume(predicted[1:], true, {})
    with pytest.raises(InputError, match="empty"):
        evaluate_volume(predicted, true * 0, {})


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 99))
def test_numbers_tell_whether_objects_reach_through_planes(planes, columns, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(columns) + 1
    row = np.kron(numbers, [1, 1, 0])
    labels = np.tile(row, (planes, 4, 1)).astype(np.int32)
    labels[:, :, 0] = 0
    assert reach_through_planes(labels) == (planes > 1)
    turned = labels.copy()
    turned[1::2] = np.where(labels[1::2] > 0, labels[1::2] % columns + 1, 0)
    assert not reach_through_planes(turned)


@pytest.fixture
def section(qtbot, viewer):
    section = EvaluateSection(Session(), viewer)
    qtbot.addWidget(section)
    section.show()
    return section


def show(viewer, true, predicted, units=None):
    image = viewer.add_layer(
        Image(np.zeros(true.shape), name="cells", scale=(2.0, 0.5, 0.5), units=units)
    )
    annotation = add_labels(viewer, image, "annotation", true)
    prediction = add_labels(viewer, image, "prediction", predicted)
    choose_image(viewer, image)
    return image, annotation, prediction


def compare(qtbot, section):
    section._button.click()
    qtbot.waitUntil(lambda: section._button.text() == "Compare")


def score(section, title):
    rows = section._scores.as_text(range(section._scores.rowCount())).split("\n")
    return dict(row.split("\t")[:2] for row in rows)[title]


def test_bodies_are_proposed_to_be_compared_as_such(qtbot, viewer, section):
    show(viewer, *bodies())
    assert section._volumes.isVisible()
    assert section._volumes.isChecked()
    compare(qtbot, section)
    assert score(section, "True objects") == "3"
    assert "split&nbsp;<b>1</b>" in section._counts.text()
    layer = viewer.layers["cells annotation errors"]
    assert layer.data.shape == (6, 20, 30)
    assert (layer.data[:, 4, 14] == ErrorKind.SPLIT).all()
    np.testing.assert_array_equal(layer.scale, (2, 0.5, 0.5))
    # The way to an error leads to the middle of the body.
    names = [section._table.item(r, 0).text() for r in range(3)]
    section._table.setCurrentCell(names.index("missed"), 0)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (14.5 / 2, 4.5 / 2))
    assert viewer.dims.point[0] == 5

    section._volumes.click()
    compare(qtbot, section)
    assert not section._volumes.isChecked()
    assert score(section, "True objects") == "16"
    assert "split&nbsp;<b>0</b>" in section._counts.text()


@pytest.mark.parametrize("which", ["true", "predicted", "both"])
def test_objects_numbered_by_plane_are_compared_by_plane(viewer, section, which):
    true, predicted = bodies()
    true[:, 12:18, 20:26] = 9
    if which != "predicted":
        true = by_plane(true)
    if which != "true":
        predicted = by_plane(predicted)
    show(viewer, true, predicted)
    assert section._volumes.isVisible()
    assert not section._volumes.isChecked()


def test_what_the_user_decides_holds_until_other_layers_are_chosen(
    qtbot, viewer, section
):
    true, predicted = bodies()
    image, _, prediction = show(viewer, true, predicted)
    section._volumes.click()
    section._session.segmentation = None
    compare(qtbot, section)
    assert not section._volumes.isChecked()
    later = add_labels(viewer, image, "prediction", predicted)
    section._predicted.setCurrentText(later.name)
    assert section._volumes.isChecked()
    section._predicted.setCurrentText(prediction.name)
    assert section._volumes.isChecked()


def test_a_prediction_that_came_later_is_looked_at_again(qtbot, viewer, section):
    true, predicted = bodies()
    _, _, layer = show(viewer, true, np.zeros_like(predicted))
    assert not section._volumes.isChecked()
    layer.data[...] = predicted
    section._session.segmentation = Segmented(
        np.zeros((2, *true.shape), np.float32),
        predicted,
        (slice(0, 20), slice(0, 30)),
        tuple(range(6)),
        volume=True,
    )
    assert section._volumes.isChecked()


def test_there_is_no_question_where_it_makes_no_difference(viewer, section):
    true, predicted = bodies()
    show(viewer, true, predicted)
    section._kind.setCurrentIndex(section._kind.findData("classes"))
    assert not section._volumes.isVisible()
    section._kind.setCurrentIndex(section._kind.findData("objects"))
    assert section._volumes.isVisible()
    plane = viewer.add_layer(Image(np.zeros((20, 30)), name="plane"))
    for role, labels in (("annotation", true), ("prediction", predicted)):
        add_labels(viewer, plane, role, labels[2])
    choose_image(viewer, plane)
    assert section._true.currentText() == "plane annotation"
    assert not section._volumes.isVisible()


def test_what_lasts_through_time_is_no_body(viewer, section):
    show(viewer, *bodies(), units=("s", "um", "um"))
    assert section._volumes.isVisible()
    assert not section._volumes.isChecked()
