"""Classes in the dock: chosen, named, painted, learned, and shown with their names."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QMessageBox, QPushButton

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import save_model
from napari_unet.core.config import ModelSettings, NetworkConfig, ObjectConfig
from napari_unet.core.network.unet import build_network
from napari_unet.segmented import Segmented
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.class_colors import class_color
from napari_unet.widgets.described import describe_segmentation
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels
from napari_unet.widgets.prediction_layer import PredictionLayer


@pytest.fixture
def section(qtbot, session, viewer, nuclei):
    choose_image(viewer, nuclei)
    section = AnnotateSection(session, viewer)
    qtbot.addWidget(section)
    section.show()
    return section


def rename(section, row, name):
    section._classes._table.item(row, 1).setText(name)


def names_of(layer):
    return layer.features["class"].tolist()


def test_objects_need_no_names(section, session):
    assert session.annotation == "objects"
    assert not section._classes._table.isVisible()
    assert section._next.isVisible()


def test_classes_are_chosen_named_and_painted(section, session, viewer, nuclei):
    section._classes._kind.setCurrentText("classes")
    assert session.annotation == "classes"
    assert section._classes._table.isVisible()
    assert not section._next.isVisible()
    section._new.click()
    layer = chosen_layers(viewer).annotation
    assert (layer.mode, layer.selected_label) == ("paint", 1)
    section._classes._more.click()
    assert session.class_names == ("background", "class 1", "class 2")
    assert layer.selected_label == 2
    rename(section, 2, "nucleus")
    assert session.class_names == ("background", "class 1", "nucleus")
    assert names_of(layer) == ["background", "class 1", "nucleus", "ignored"]
    layer.data[5:9, 5:9] = 2
    assert "nucleus" in layer.get_status((3 + 3, 4 + 3), world=True)["coordinates"]
    section._classes._table.cellClicked.emit(1, 0)
    assert layer.selected_label == 1


def test_a_name_is_neither_empty_nor_there_twice(section, session):
    section._classes._kind.setCurrentText("classes")
    for name in ("", "  ", "background"):
        rename(section, 1, name)
        assert session.class_names == ("background", "class 1")
        assert section._classes._table.item(1, 1).text() == "class 1"


@pytest.fixture
def three(section, session, viewer):
    """Return an annotation of the classes background, class 1 and class 2."""
    section._classes._kind.setCurrentText("classes")
    section._new.click()
    section._classes._more.click()
    layer = chosen_layers(viewer).annotation
    layer.data[5:9, 5:9] = 1
    layer.data[9:12, 5:9] = 2
    layer.data[20, 20] = IGNORE_LABEL
    return layer


def test_a_class_with_the_name_of_another_becomes_one_with_it(
    section, session, three, monkeypatch
):
    answer = QMessageBox.StandardButton.Cancel
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answer)
    rename(section, 2, "class 1")
    assert session.class_names == ("background", "class 1", "class 2")
    section._classes._more.click()
    three.data[30, 30] = 3
    answer = QMessageBox.StandardButton.Yes
    rename(section, 2, "class 1")
    assert session.class_names == ("background", "class 1", "class 3")
    assert (three.data[5:12, 5:9] == 1).all()
    assert (three.data[30, 30], three.data[20, 20]) == (2, IGNORE_LABEL)
    three.undo()
    assert three.data[10, 6] == 2


def test_there_are_always_two_classes(section, session):
    section._classes._kind.setCurrentText("classes")
    fewer = section._classes.findChild(QPushButton, "")
    fewer = section._classes._fewer
    assert not fewer.isEnabled()
    section._classes._more.click()
    fewer.click()
    assert session.class_names == ("background", "class 1")


def test_each_class_has_a_color_and_objects_get_theirs_back(section, viewer):
    section._new.click()
    layer = chosen_layers(viewer).annotation
    before = type(layer.colormap)
    section._classes._kind.setCurrentText("classes")
    np.testing.assert_allclose(layer.get_color(1), class_color(1), atol=1e-6)
    assert layer.get_color(IGNORE_LABEL)[3] == 1
    section._classes._kind.setCurrentText("objects")
    assert type(layer.colormap) is before


def test_many_classes_have_different_colors():
    before = class_color(1)
    colors = {class_color(number) for number in range(1, 41)}
    assert class_color(1) == before
    assert len(colors) == 40
    assert all(max(color[:3]) > 0.3 and min(color[:3]) < 0.9 for color in colors)
    assert all(sum(color[:3]) > 0.6 for color in colors)  # nearly black is not seen
    assert class_color(3, "#ff8000")[:3] == pytest.approx((1, 128 / 255, 0))


def test_a_model_of_classes_brings_its_names(section, session, tmp_path):
    config = NetworkConfig(base_channels=2, levels=1, classes=3)
    settings = ModelSettings(
        network=config, annotation="classes", class_names=("a", "b", "c")
    )
    weights = build_network(config).state_dict()
    save_model(tmp_path / "m", settings, Card(), weights)
    session.model_folder = tmp_path / "m"
    assert session.annotation == "classes"
    assert session.class_names == ("a", "b", "c")
    assert section._classes._kind.currentText() == "classes"
    assert section._classes._table.rowCount() == 3


def test_a_prediction_of_classes_has_names_colours_and_shares(viewer, nuclei):
    labels = np.zeros((60, 90), np.uint8)
    labels[:15] = 1
    labels[15:30, :45] = 2
    segmented = Segmented(
        probabilities=np.zeros((3, 60, 90), np.float32),
        labels=labels,
        box=(slice(0, 60), slice(0, 90)),
        planes=None,
        annotation="classes",
        class_names=("background", "plasma", "<i>"),
        class_values=("#000000", "#ff0000", "#0000ff"),
    )
    shown = PredictionLayer(viewer, nuclei)
    shown.start(None)
    shown.show(segmented)
    assert names_of(shown.layer)[:3] == ["background", "plasma", "<i>"]
    np.testing.assert_allclose(shown.layer.get_color(1), (1, 0, 0, 1))
    text = describe_segmentation(segmented, ObjectConfig())
    assert "#ff0000" in text
    assert "plasma&nbsp;25.0%" in text
    assert "&lt;i&gt;&nbsp;12.5%" in text
    shown.show(replace(segmented, annotation="objects"))
    assert "class" not in shown.layer.features


def test_objects_stay_seen_when_numbers_become_classes_and_come_back(
    section, viewer, nuclei
):
    layer = add_labels(viewer, nuclei, "annotation")
    layer.data[5:9, 5:9], layer.data[20:30, 20:30], layer.data[40:45, 5:9] = 1, 7, 9
    chosen_layers(viewer).annotation = layer
    before = layer.get_color(7)
    section._classes._kind.setCurrentText("classes")
    assert "2 painted numbers are no class" in section._classes._strange.text()
    assert not section._classes._strange.isHidden()
    assert layer.get_color(7)[3] > 0
    section._classes._kind.setCurrentText("objects")
    assert section._classes._strange.isHidden()
    np.testing.assert_allclose(layer.get_color(7), before)


def test_counts_are_of_classes(qtbot, section, viewer, nuclei):
    section._classes._kind.setCurrentText("classes")
    layer = add_labels(viewer, nuclei, "annotation")
    layer.data[5:9, 5:9] = layer.data[20:30, 20:30] = 1
    section._layer.setValue(layer)
    section._layer.layerChanged.emit(layer)
    qtbot.waitUntil(lambda: "1 class beside background" in section._summary.text())
    assert not section._split.isVisible()


def test_a_number_put_right_is_no_longer_said(qtbot, section, viewer, nuclei):
    layer = add_labels(viewer, nuclei, "annotation")
    layer.data[5:9, 5:9] = 7
    chosen_layers(viewer).annotation = layer
    section._classes._kind.setCurrentText("classes")
    said = section._classes._strange
    assert "1 painted number is no class" in said.text()
    layer.data_setitem(np.nonzero(layer.data == 7), 1)
    layer.events.paint(value=[])
    qtbot.waitUntil(lambda: said.text() == "" and said.isHidden())
    layer.undo()
    qtbot.waitUntil(lambda: "1 painted number is no class" in said.text())


def test_many_numbers_are_not_called_classes(qtbot, section, viewer, nuclei):
    layer = add_labels(viewer, nuclei, "annotation")
    layer.data[5, 1:20] = np.arange(1, 20)
    chosen_layers(viewer).annotation = layer
    section._classes._kind.setCurrentText("classes")
    qtbot.waitUntil(lambda: "19 painted numbers for 2 cl" in section._summary.text())
