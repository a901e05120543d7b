"""Scores, painted errors and the way to each of them."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication

from napari_unet.session import Session
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.errors_layer import KINDS
from napari_unet.widgets.evaluate import EvaluateSection
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


def true_and_predicted():
    """One found, one missed, one false, one split and three merged objects."""
    true, predicted = np.zeros((2, 60, 60), np.uint16)
    true[2:10, 2:10] = 1  # found
    predicted[2:10, 2:9] = 1
    true[2:10, 20:28] = 2  # missed
    predicted[20:28, 2:10] = 3  # false
    true[20:28, 20:32] = 4  # split
    predicted[20:28, 20:24] = 4
    predicted[20:28, 24:28] = 5
    predicted[20:28, 28:32] = 7
    true[40:48, 2:10] = 5  # merged
    true[40:48, 10:18] = 6
    true[40:48, 18:26] = 7
    predicted[40:48, 2:26] = 6
    return true, predicted


@pytest.fixture
def section(qtbot, viewer):
    section = EvaluateSection(Session(), viewer)
    qtbot.addWidget(section)
    return section


def show(viewer, true, predicted):
    image = viewer.add_layer(
        Image(np.zeros(true.shape), name="cells", scale=(0.5,) * true.ndim)
    )
    layers = add_labels(viewer, image, "annotation", true)
    add_labels(viewer, image, "prediction", predicted)
    choose_image(viewer, image)
    return image, layers


def compare(qtbot, section):
    section._button.click()
    assert not section._button.isEnabled()
    qtbot.waitUntil(section._button.isEnabled)


def score(section, title):
    rows = section._scores.as_text(range(section._scores.rowCount())).split("\n")
    return dict(row.split("\t")[:2] for row in rows)[title]


def errors_layer(viewer):
    return next((x for x in viewer.layers if x.name.endswith("errors")), None)


def test_scores_and_errors_are_shown(qtbot, viewer, section):
    show(viewer, *true_and_predicted())
    assert section._predicted.currentText() == "cells prediction"
    assert section._true.currentText() == "cells annotation"

    compare(qtbot, section)

    assert score(section, "True objects") == "6"
    assert score(section, "Predicted objects") == "6"
    assert score(section, "Matched") == "1"
    layer = errors_layer(viewer)
    kinds = {y_x: KINDS[layer.data[y_x]][0] for y_x in [(5, 5), (5, 22), (22, 5)]}
    assert list(kinds.values()) == ["found", "missed", "false"]
    assert KINDS[layer.data[22, 22]][0] == "split"
    assert KINDS[layer.data[44, 5]][0] == "merged"
    assert tuple(layer.scale) == (0.5, 0.5)
    assert list(layer.features["error"])[1:] == [name for name, _, _ in KINDS.values()]
    assert "missed&nbsp;<b>1</b>" in section._counts.text()
    assert not layer.editable


def test_choosing_an_error_centres_the_viewer_on_it(qtbot, viewer, section):
    show(viewer, *true_and_predicted())
    compare(qtbot, section)
    table = section._table
    names = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert names == ["missed", "split", *3 * ["merged"], "false"]

    table.setCurrentCell(0, 0)

    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (5.5 / 2, 23.5 / 2))
    assert viewer.scene.camera.zoom >= 4


def test_in_a_stack_the_viewer_goes_to_the_slice(qtbot, viewer, section):
    true, predicted = true_and_predicted()
    empty = np.zeros_like(true)
    show(viewer, np.stack([empty, true]), np.stack([predicted, predicted]))
    compare(qtbot, section)
    # The first slice has nothing true: it does not count.
    assert score(section, "Predicted objects") == "6"

    section._table.setCurrentCell(0, 0)

    assert viewer.dims.point[0] == 0.5
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (5.5 / 2, 23.5 / 2))


def test_only_the_regions_of_the_annotation_count(qtbot, viewer, section):
    image, _ = show(viewer, *true_and_predicted())
    regions = add_regions(viewer, image)
    regions.add_rectangles(np.array([[0, 0], [0, 14], [14, 14], [14, 0]]))
    choose_image(viewer, None)
    choose_image(viewer, image)
    compare(qtbot, section)
    assert score(section, "True objects") == "1"
    assert score(section, "F1") == "1.000"


def test_ignored_ground_does_not_count(qtbot, viewer, section):
    true, predicted = true_and_predicted()
    true[20:28, 2:10] = IGNORE_LABEL
    show(viewer, true, predicted)
    compare(qtbot, section)
    assert "false&nbsp;<b>0</b>" in section._counts.text()


def test_a_second_comparison_replaces_the_first(qtbot, viewer, section):
    _, annotation = show(viewer, *true_and_predicted())
    compare(qtbot, section)
    annotation.data[2:10, 20:28] = 0
    compare(qtbot, section)
    assert score(section, "True objects") == "5"
    assert errors_layer(viewer).data[5, 22] == 0
    assert len([x for x in viewer.layers if x.name.endswith("errors")]) == 1


def test_layers_of_different_shape_are_refused(qtbot, viewer, section, monkeypatch):
    told = []
    monkeypatch.setattr(
        "napari_unet.widgets.background.show_warning", told.append, raising=True
    )
    true, predicted = true_and_predicted()
    show(viewer, true, predicted[:50])
    compare(qtbot, section)
    assert "shape (50, 60), the true ones (60, 60)" in told[0]
    assert errors_layer(viewer) is None


def test_one_layer_cannot_be_compared_with_itself(viewer, section):
    assert not section._button.isEnabled()
    show(viewer, *true_and_predicted())
    assert section._button.isEnabled()
    section._predicted.setCurrentText("cells annotation")
    assert not section._button.isEnabled()


def test_the_true_layer_may_vanish_meanwhile(qtbot, viewer, section):
    _, annotation = show(viewer, *true_and_predicted())
    section._button.click()
    viewer.layers.remove(annotation)
    qtbot.waitUntil(lambda: section._button.text() == "Compare")
    assert section._scores.isHidden()
    assert errors_layer(viewer) is None


def test_results_go_when_something_else_is_chosen(qtbot, viewer, section):
    show(viewer, *true_and_predicted())
    compare(qtbot, section)
    assert not section._scores.isHidden()
    section._kind.setCurrentIndex(section._kind.findData("classes"))
    assert section._scores.isHidden()
    assert section._table.isHidden()
    section._kind.setCurrentIndex(section._kind.findData("objects"))
    compare(qtbot, section)
    viewer.layers.remove(viewer.layers["cells prediction"])
    assert section._scores.isHidden()
    assert "same layer" in section._button.toolTip()


def test_results_of_what_was_painted_since_are_called_old(qtbot, viewer, section):
    _, annotation = show(viewer, *true_and_predicted())
    compare(qtbot, section)
    assert section._note.isHidden()
    annotation.data_setitem((np.array([0]), np.array([0])), 9)
    assert not section._note.isHidden()
    assert not section._scores.isHidden()  # one may be mending error after error
    compare(qtbot, section)
    assert section._note.isHidden()


def test_tables_are_copied_for_spreadsheets(qtbot, viewer, section):
    show(viewer, *true_and_predicted())
    compare(qtbot, section)
    section._scores.selectRow(0)
    qtbot.keyClick(section._scores, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("F1\t0.")


@pytest.mark.parametrize(
    "stage",
    ["core.evaluation.overlap._gather", "widgets.copies.np.array"],
)
def test_without_memory_it_says_so_and_can_be_tried_again(
    qtbot, viewer, section, monkeypatch, stage
):
    show(viewer, *true_and_predicted())
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    with monkeypatch.context() as scarce:
        scarce.setattr(f"napari_unet.{stage}", lambda *_: np.empty(1 << 60, np.uint8))
        section._button.click()
        qtbot.waitUntil(lambda: bool(told))
    qtbot.waitUntil(section._button.isEnabled)
    assert "too little free memory for" in told[0]
    assert "Nothing that was there before is lost" in told[0]
    assert not section._scores.isVisibleTo(section)

    compare(qtbot, section)

    assert score(section, "Matched") == "1"
