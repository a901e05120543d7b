"""Points are written as a table that this program and napari read again."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image
from napari.layers import Points as PointsLayer
from napari_builtins.io import napari_get_reader
from qtpy.QtWidgets import QMessageBox

from napari_unet.formats.points import read_points
from napari_unet.segmented import Segmented
from napari_unet.session import Session
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.export import ExportSection
from napari_unet.widgets.layers import add_labels, link_layer
from napari_unet.widgets.point_layers import CLASS, add_points

PLACES = np.array([[1.25, 2, 3], [4.1234567, 5, 6]])


@pytest.fixture
def detections(viewer):
    image = viewer.add_layer(
        Image(np.zeros((6, 20, 30)), name="cells", scale=(2, 0.5, 0.5))
    )
    layer = PointsLayer(
        PLACES,
        name="cells detections",
        features={CLASS: ["round", "long"], "confidence": [0.5, 0.75]},
        scale=(2, 0.5, 0.5),
    )
    link_layer(layer, image, "detections")
    viewer.add_layer(layer)
    choose_image(viewer, image)
    return layer


@pytest.fixture
def section(qtbot, viewer, detections, tmp_path):
    section = ExportSection(Session(), viewer)
    qtbot.addWidget(section)
    section.show()
    section._folder.setText(str(tmp_path / "out"))
    return section


def export(qtbot, section):
    section._button.click()
    qtbot.waitUntil(section._button.isEnabled)


def test_detected_points_are_proposed_written_and_read_again(qtbot, section, tmp_path):
    assert section._labels.currentText() == "cells detections"
    assert section._of_points.isVisible()
    assert not any(box.isVisible() for box in section._formats.values())
    export(qtbot, section)
    path = tmp_path / "out" / "cells detections.csv"
    assert "read back and compared: cells detections.csv" in section._result.text()
    head = path.read_text().splitlines()[0]
    assert head == "index,axis-0,axis-1,axis-2,class,confidence"
    table = read_points(path)
    np.testing.assert_allclose(table.points.positions, PLACES, atol=1e-5)
    assert table.points.names == ("round", "long")
    [(data, meta, kind)] = napari_get_reader(str(path))(str(path))
    assert kind == "points"
    np.testing.assert_allclose(data, PLACES, atol=1e-5)
    assert meta["properties"]["class"].tolist() == ["round", "long"]


def test_points_of_the_user_have_no_confidence(qtbot, viewer, section, tmp_path):
    points = add_points(viewer, viewer.layers["cells"])
    points.add(PLACES)
    section._labels.setValue(points)
    section._on_labels_chosen(points)
    export(qtbot, section)
    lines = (tmp_path / "out" / "cells points.csv").read_text().splitlines()
    assert lines[0] == "index,axis-0,axis-1,axis-2,class"
    assert lines[1] == "0,1.25,2,3,object"


def test_labels_and_points_ask_for_different_things(viewer, section, detections):
    labels = add_labels(viewer, viewer.layers["cells"], "prediction")
    section._labels.setValue(labels)
    section._on_labels_chosen(labels)
    assert not section._of_points.isVisible()
    assert all(box.isVisible() for box in section._formats.values())


def test_files_are_replaced_only_after_a_yes(qtbot, section, tmp_path, monkeypatch):
    export(qtbot, section)
    path = tmp_path / "out" / "cells detections.csv"
    path.write_text("old")
    answers = iter([QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes])
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: next(answers))
    section._button.click()
    assert path.read_text() == "old"
    export(qtbot, section)
    assert len(read_points(path).points) == 2


def test_no_points_are_not_exported(section, detections, monkeypatch):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    detections.data = np.zeros((0, 3))
    section._button.click()
    assert "holds no points" in told[0]


def test_what_was_detected_last_is_proposed_once(viewer, section, detections):
    image = viewer.layers["cells"]
    labels = add_labels(viewer, image, "prediction")
    section._chosen.prediction = labels
    assert section._labels.value() is labels
    found = Segmented(
        np.zeros((2, 1, 1), np.float32), np.zeros((1, 1)), (slice(1),) * 2, None
    )
    section._session.segmentation = replace(found, annotation="points")
    assert section._labels.value() is detections
    section._name.setText("mine")
    section._session.segmentation = replace(found, annotation="points")  # a slider
    assert section._name.text() == "mine"
