"""The section writes what is chosen, asks before it replaces, and says how it went."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QMessageBox

from napari_unet.core.card import file_stem
from napari_unet.formats.images import match_by_stem, read_labels
from napari_unet.session import Session
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.class_colors import in_own_values, show_classes, show_objects
from napari_unet.widgets.export import ExportSection
from napari_unet.widgets.layers import add_labels


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


@pytest.fixture
def prediction(viewer):
    image = viewer.add_layer(
        Image(np.ones((20, 30)), name="a/b", scale=(0.5, 0.5), units=("um", "um"))
    )
    layer = add_labels(viewer, image, "prediction")
    layer.data[2:8, 2:8] = 1
    choose_image(viewer, image)
    return layer


@pytest.fixture
def section(qtbot, viewer, prediction, tmp_path):
    section = ExportSection(Session(), viewer)
    qtbot.addWidget(section)
    section._folder.setText(str(tmp_path / "out"))
    return section


@pytest.fixture
def warnings_told(monkeypatch):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    return told


def export(qtbot, section):
    section._button.click()
    qtbot.waitUntil(section._button.isEnabled)


def test_chosen_formats_are_written_and_said(qtbot, section, prediction, tmp_path):
    for box in section._formats.values():
        box.setChecked(True)
    assert section._image.currentText() == "a/b"

    export(qtbot, section)

    names = {path.name for path in (tmp_path / "out").iterdir()}
    stem = "a_b prediction"
    assert names == {f"{stem}{end}" for end in (".tif", ".zip", ".geojson", ".csv")}
    assert "read back and compared" in section._result.text()
    np.testing.assert_array_equal(
        read_labels(tmp_path / "out" / f"{stem}.tif"), prediction.data
    )
    header, row = (tmp_path / "out" / f"{stem}.csv").read_text().splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["area_um2"] == "9"


def test_an_annotation_is_proposed_a_name_that_pairs_with_its_image(
    section, viewer, prediction, tmp_path
):
    image = viewer.layers["a/b"]
    painted = add_labels(viewer, image, "annotation")
    section._labels.setCurrentText(painted.name)
    labels = tmp_path / f"{section._name.text()}.tif"
    pictures = tmp_path / f"{file_stem(image.name)}.tif"
    matched = match_by_stem((tmp_path, [pictures]), (tmp_path, [labels]))
    assert matched.pairs == [(pictures, labels)]


def test_files_are_replaced_only_after_a_yes(qtbot, section, tmp_path, monkeypatch):
    export(qtbot, section)
    (path,) = (tmp_path / "out").iterdir()
    path.write_bytes(b"old")
    asked = []

    def answer(button):
        def question(parent, title, text, *buttons):
            asked.append(text)
            return button

        monkeypatch.setattr(QMessageBox, "question", question)

    answer(QMessageBox.StandardButton.Cancel)
    section._button.click()
    assert path.read_bytes() == b"old"
    answer(QMessageBox.StandardButton.Yes)
    export(qtbot, section)
    assert path.read_bytes() != b"old"
    assert all(path.name in text for text in asked)


def test_no_format_is_a_warning(section, warnings_told):
    section._formats["tiff"].setChecked(False)
    section._button.click()
    assert "No file format is chosen" in warnings_told[0]


def test_empty_labels_are_a_warning(section, prediction, warnings_told):
    prediction.data[:] = 0
    section._button.click()
    assert "holds no objects" in warnings_told[0]


def test_a_folder_that_cannot_be_written_is_said(
    qtbot, section, tmp_path, warnings_told
):
    (tmp_path / "out").write_text("a file in the way")
    export(qtbot, section)
    assert "cannot be made" in warnings_told[0]
    assert section._result.text() == "Not all files were written."


def test_edits_during_the_export_do_not_reach_the_file(
    qtbot, section, prediction, tmp_path
):
    section._button.click()
    prediction.data[:] = 0
    qtbot.waitUntil(section._button.isEnabled)
    assert read_labels(tmp_path / "out" / "a_b prediction.tif").any()


def test_the_folder_is_remembered(qtbot, section, viewer, tmp_path):
    export(qtbot, section)
    another = ExportSection(Session(), viewer)
    qtbot.addWidget(another)
    assert another._folder.text() == str(tmp_path / "out")


def test_without_labels_there_is_nothing_to_press(qtbot):
    section = ExportSection(Session(), ViewerModel())
    qtbot.addWidget(section)
    assert not section._button.isEnabled()


def test_classes_are_written_in_the_values_they_were_learned_from(
    qtbot, section, prediction, tmp_path
):
    prediction.data[10:12, 2:8] = 2
    show_classes(prediction, ("ground", "cell", "nucleus"), (0, "128+129", 255))
    export(qtbot, section)
    found = read_labels(tmp_path / "out" / "a_b prediction.tif")
    assert np.unique(found).tolist() == [0, 128, 255]
    assert (found == 128).sum() == 36
    prediction.data[0, 0] = 7  # painted by somebody: no class
    assert in_own_values(prediction, prediction.data) is prediction.data
    show_objects(prediction)
    prediction.data[0, 0] = 0
    assert in_own_values(prediction, prediction.data) is prediction.data


def test_what_belongs_to_another_image_is_not_offered(viewer, section, prediction):
    other = viewer.add_layer(Image(np.ones((20, 30)), name="other"))
    choose_image(viewer, other)
    assert section._labels.value() is None
    assert not section._button.isEnabled()
    annotation = add_labels(viewer, other, "annotation")
    assert section._labels.value() is annotation
    choose_image(viewer, viewer.layers["a/b"])
    assert section._labels.value() is prediction


def test_what_was_said_of_one_export_is_not_said_of_the_next(
    qtbot, section, warnings_told, tmp_path
):
    (tmp_path / "file").write_text("")
    section._folder.setText(str(tmp_path / "file" / "below"))
    export(qtbot, section)
    assert section._result.text() == "Not all files were written."
    section._folder.setText(str(tmp_path / "out"))
    assert section._result.isHidden()
