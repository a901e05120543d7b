"""Annotations from files of other programs, in the dock and dropped onto napari."""

import json

import numpy as np
import pytest
from napari.layers import Labels, Points
from qtpy.QtWidgets import QFileDialog

from napari_unet.formats.geojson import write_geojson
from napari_unet.formats.imagej_rois import write_rois
from napari_unet.formats.points import write_points
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.annotation_layers import examples_of
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.import_file import ImportFile
from napari_unet.widgets.layers import add_labels


@pytest.fixture
def told(monkeypatch):
    messages = []
    for name in ("show_warning", "show_error"):
        monkeypatch.setattr(f"napari_unet.widgets.background.{name}", messages.append)
    return messages


@pytest.fixture
def section(qtbot, session, viewer, nuclei):
    choose_image(viewer, nuclei)
    section = AnnotateSection(session, viewer)
    qtbot.addWidget(section)
    section.show()
    return section


@pytest.fixture
def load(section, qtbot, monkeypatch):
    """Click the button and choose a file; return what is said once it is read."""
    files = section.findChild(ImportFile)

    def click(path):
        chosen = (str(path), "")
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: chosen)
        files._button.click()
        assert not files._button.isEnabled()
        qtbot.waitUntil(files._button.isEnabled)
        return files._said.text()

    return click


@pytest.fixture
def squares(nuclei):
    labels = np.zeros(nuclei.data.shape, np.uint16)
    labels[10:30, 10:30], labels[35:55, 60:80] = 1, 2
    return labels


def write_classes(path, *named):
    features = []
    for index, name in enumerate(named):
        x = 20 * index
        ring = [[x, 0], [x + 10, 0], [x + 10, 10], [x, 10], [x, 0]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        properties = {"classification": {"name": name}}
        features.append(
            {"type": "Feature", "geometry": geometry, "properties": properties}
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_rois_become_the_annotation(load, viewer, nuclei, squares, tmp_path):
    write_rois(tmp_path / "cells.zip", squares)
    old = add_labels(viewer, nuclei, "annotation", squares * 0 + 3)
    chosen_layers(viewer).annotation = old
    assert load(tmp_path / "cells.zip") == "cells.zip: 2 objects."
    layer = chosen_layers(viewer).annotation
    np.testing.assert_array_equal(layer.data, squares)
    np.testing.assert_array_equal(layer.scale, nuclei.scale)
    assert layer.data.dtype == np.uint16
    assert old in viewer.layers  # nothing is lost
    assert (old.data == 3).all()
    [example] = examples_of(viewer)
    np.testing.assert_array_equal(example.annotation, squares)


def test_points_become_the_points_of_the_image(load, viewer, nuclei, tmp_path):
    positions = np.array([[10.5, 20], [30, 40]])
    write_points(tmp_path / "p.csv", positions, ["cell", "debris"])
    assert load(tmp_path / "p.csv") == "p.csv: 2 points."
    [example] = examples_of(viewer)
    np.testing.assert_array_equal(example.points.positions, positions)
    assert example.points.names == ("cell", "debris")


def test_classes_of_qupath_get_their_names(load, session, viewer, tmp_path):
    session.annotation = "classes"
    said = load(write_classes(tmp_path / "a.geojson", "Tumor", "Stroma"))
    assert said == "a.geojson: areas of classes: 1 × 'Stroma', 1 × 'Tumor'."
    assert session.class_names == ("background", "Stroma", "Tumor")
    assert chosen_layers(viewer).annotation.data[5, [5, 25]].tolist() == [2, 1]
    load(write_classes(tmp_path / "b.geojson", "Tumor"))  # keeps its number
    assert session.class_names == ("background", "Stroma", "Tumor")
    assert chosen_layers(viewer).annotation.data[5, 5] == 2


def test_what_does_not_fit_is_refused_and_changes_nothing(
    load, viewer, nuclei, squares, tmp_path, told
):
    old = add_labels(viewer, nuclei, "annotation", squares)
    chosen_layers(viewer).annotation = old
    np.save(tmp_path / "a_seg.npy", {"masks": squares[:20]})
    assert load(tmp_path / "a_seg.npy") == ""
    assert (
        "'a_seg.npy' holds labels of (20, 90), the image 'nuclei' is (60, 90)"
        in (told[0])
    )
    (tmp_path / "b.zip").write_bytes(b"PK\3\4 and no more")
    load(tmp_path / "b.zip")
    assert "'b.zip' cannot be read" in told[1]
    assert chosen_layers(viewer).annotation is old
    assert old.visible
    assert len(viewer.layers) == 2


@pytest.fixture
def desktop(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((60, 90), np.uint8), name="cells", scale=(0.5, 0.5))
    return viewer


def test_files_dropped_onto_napari_lie_on_the_image(desktop, squares, tmp_path):
    write_rois(tmp_path / "a.zip", squares)
    write_geojson(tmp_path / "b.geojson", squares)
    np.save(tmp_path / "c_seg.npy", {"masks": squares})
    for name in ("a.zip", "b.geojson", "c_seg.npy"):
        [layer] = desktop.open(tmp_path / name, plugin="napari-unet-live")
        assert isinstance(layer, Labels)
        np.testing.assert_array_equal(layer.data, squares)
        assert layer.scale.tolist() == [0.5, 0.5]
    point = {"type": "Point", "coordinates": [5.5, 8.5]}
    feature = {"type": "Feature", "geometry": point, "properties": {}}
    (tmp_path / "d.geojson").write_text(json.dumps([feature]))
    [layer] = desktop.open(tmp_path / "d.geojson", plugin=None)
    assert isinstance(layer, Points)
    assert layer.data.tolist() == [[8, 5]]


def test_only_what_can_be_read_is_claimed(tmp_path):
    import zipfile

    from napari_unet.widgets.dropped_file import get_reader

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("image.tif", b"II")
    (tmp_path / "b.geojson").write_text('{"type": "Topology"}')
    (tmp_path / "c.roi").write_bytes(b"REGION")
    names = ("a.zip", "b.geojson", "c.roi", "missing.zip")
    assert [get_reader(str(tmp_path / name)) for name in names] == [None] * 4
    write_rois(tmp_path / "d.zip", np.ones((3, 3), np.uint8))
    assert get_reader([str(tmp_path / "d.zip")]) is not None
