"""Points in the viewer: marked by the user, learned from, detected, and corrected."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_unet.core.config import ModelSettings, NetworkConfig, ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.prediction.detect import Detections
from napari_unet.core.training.examples import fit_dimensions
from napari_unet.formats.points import read_points
from napari_unet.segmented import Segmented
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.annotation_layers import add_regions, examples_of
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.examples_table import ExamplesTable
from napari_unet.widgets.extent_combo import LAYER
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, find_layer
from napari_unet.widgets.point_layers import (
    DetectionLayer,
    add_points,
    adopt_points,
    classes_of,
    points_of,
    set_class,
    take_over,
)
from napari_unet.widgets.segment import SegmentSection


@pytest.fixture
def section(qtbot, viewer, session, nuclei):
    choose_image(viewer, nuclei)
    section = AnnotateSection(session, viewer)
    qtbot.addWidget(section)
    return section


@pytest.fixture
def points(viewer, nuclei):
    return add_points(viewer, nuclei)


def detected(places, classes, names=("background", "round", "long"), **options):
    places = np.array(places, float).reshape(-1, options.pop("axes", 2))
    found = Detections(places, np.array(classes, int), np.full(len(places), 0.75))
    box = options.pop("box", (slice(0, 60), slice(0, 90)))
    shape = tuple(part.stop - part.start for part in box)
    return Segmented(
        np.zeros((3, *shape), np.float32),
        np.zeros(shape, np.uint8),
        box,
        options.pop("planes", None),
        annotation="points",
        class_names=names,
        points=found,
    )


def test_marking_makes_a_layer_on_the_image_that_is_ready(section, viewer, nuclei):
    section._points._mark.click()
    layer = chosen_layers(viewer).points
    assert viewer.layers.selection.active is layer
    assert layer.mode == "add"
    assert (layer.scale == nuclei.scale).all()
    assert (layer.translate == nuclei.translate).all()
    section._points._mark.click()
    assert chosen_layers(viewer).points is layer


def test_a_points_layer_of_the_users_is_taken_if_it_is_selected(
    section, viewer, nuclei
):
    own = viewer.add_points(np.array([[5.0, 6], [7, 8]]), name="from a file")
    section._points._mark.click()
    assert chosen_layers(viewer).points is own
    assert (own.scale == nuclei.scale).all()
    assert classes_of(own) == ["object", "object"]
    [example] = examples_of(viewer)
    assert example.points.positions.tolist() == [[5, 6], [7, 8]]
    section._points._on_class_given("long")
    own.add([9, 9])
    assert classes_of(own)[-1] == "long"


def test_points_of_other_axes_are_not_taken(section, viewer, nuclei):
    other = viewer.add_points(np.zeros((1, 3)), name="in a stack")
    with pytest.raises(InputError, match="have 3 coordinates"):
        adopt_points(other, nuclei)
    section._points._mark.click()
    assert chosen_layers(viewer).points is None


def test_napari_saves_points_with_their_classes(points, viewer, tmp_path):
    from napari.plugins import _initialize_plugins

    _initialize_plugins()
    points.add([1.5, 2])
    set_class(points, "long")
    points.add([3, 4])
    path = tmp_path / "points.csv"
    points.save(str(path))
    table = read_points(path)
    assert table.points.positions.tolist() == [[1.5, 2], [3, 4]]
    assert table.points.names == ("object", "long")


def test_points_get_the_class_that_is_chosen(section, viewer):
    controls = section._points
    assert controls._class.isHidden()
    controls._mark.click()
    layer = chosen_layers(viewer).points
    layer.add([5, 5])
    controls._on_class_given("long")
    layer.add([7, 7])
    assert classes_of(layer) == ["object", "long"]
    assert (layer.face_color[0] != layer.face_color[1]).any()
    assert "2 points" in controls._summary.text()
    assert "1 long" in controls._summary.text()
    offered = [controls._class.itemText(i) for i in range(controls._class.count())]
    assert offered == ["long", "object"]


def test_points_picked_with_the_arrow_change_their_class(points):
    for place in ([1, 1], [2, 2], [3, 3]):
        points.add(place)
    points.mode = "select"
    points.selected_data = {0, 2}
    set_class(points, "long")
    assert classes_of(points) == ["long", "object", "long"]


def test_points_are_read_in_pixels_of_the_image(points, nuclei, viewer):
    points.add([5, 6.5])
    read = points_of(points, nuclei)
    assert read.positions.tolist() == [[5, 6.5]]
    points.translate = np.add(points.translate, (1, 0))  # two pixels of 0.5 µm
    read = points_of(points, nuclei)
    assert read.positions.tolist() == [[7, 6.5]]


def test_an_image_with_points_is_an_example_of_points(points, viewer, nuclei):
    points.add([20, 20])
    points.add([45, 70])
    [example] = examples_of(viewer)
    assert example.points.positions.tolist() == [[20, 20], [45, 70]]
    assert not example.annotation.any()
    ground = add_labels(viewer, nuclei, "annotation")
    ground.data[:5] = IGNORE_LABEL
    [example] = examples_of(viewer)
    assert example.ignore_label == IGNORE_LABEL
    assert (example.annotation[:5] == IGNORE_LABEL).all()
    ground.data[10:20, 10:20] = 1
    with pytest.raises(InputError, match="painted objects and points"):
        examples_of(viewer)


def test_an_empty_points_layer_does_not_hide_what_is_painted(points, viewer, nuclei):
    add_labels(viewer, nuclei, "annotation").data[10:20, 10:20] = 1
    [example] = examples_of(viewer)
    assert example.points is None


def test_a_region_without_points_says_that_there_is_nothing(points, viewer, nuclei):
    regions = add_regions(viewer, nuclei)
    regions.add_rectangles(np.array([[[0, 0], [0, 20], [20, 20], [20, 0]]]))
    [example] = examples_of(viewer)
    assert len(example.points) == 0
    assert example.regions


def test_each_marked_plane_of_a_stack_is_an_example(viewer, stack):
    points = add_points(viewer, stack)
    points.add([1, 5, 6])
    points.add([2, 7, 8])
    examples = fit_dimensions(examples_of(viewer), 2)
    assert [example.image.name for example in examples] == ["stack [1]", "stack [2]"]
    assert examples[1].points.positions.tolist() == [[7, 8]]


def test_the_table_counts_points(qtbot, session, viewer, nuclei):
    table = ExamplesTable(session, viewer)
    qtbot.addWidget(table)
    choose_image(viewer, nuclei)
    layer = chosen_layers(viewer).points = add_points(viewer, nuclei)
    layer.add([20, 20])
    layer.add([30, 30])
    qtbot.waitUntil(lambda: table.item(0, 1) and table.item(0, 1).text() == "2")


def test_detections_are_points_with_class_and_confidence(viewer, nuclei):
    shown = DetectionLayer(viewer, nuclei)
    viewer.layers.selection.active = nuclei
    shown.show(detected([(20, 20), (45, 70)], [1, 2]))
    layer = find_layer(viewer, nuclei, "detections")
    assert classes_of(layer) == ["round", "long"]
    assert layer.features["confidence"].tolist() == [0.75, 0.75]
    assert (layer.face_color[0] != layer.face_color[1]).any()
    assert (layer.scale == nuclei.scale).all()
    assert viewer.layers.selection.active is nuclei
    shown.show(detected([(1, 1)], [2]))
    assert find_layer(viewer, nuclei, "detections") is layer
    assert classes_of(layer) == ["long"]
    shown.show(detected([], []))
    assert len(layer.data) == 0
    shown.show(detected([(1, 1)], [2]))
    assert classes_of(layer) == ["long"]


def test_classes_have_the_colours_of_the_users_points(points, viewer, nuclei):
    points.add([1, 1])
    for name in ("long", "round"):
        set_class(points, name)
        points.add([5, 5])
    shown = DetectionLayer(viewer, nuclei)
    names = ("background", "round", "long", "new")
    for _ in range(2):  # a new layer, and one that is there
        shown.show(detected([(20, 20), (45, 70), (7, 7)], [1, 2, 3], names))
        layer = find_layer(viewer, nuclei, "detections")
        assert np.allclose(layer.face_color[:2], points.face_color[[2, 1]])
        assert not np.isclose(points.face_color, layer.face_color[2]).all(axis=1).any()


def test_detections_elsewhere_stay_when_a_part_is_looked_at_again(viewer, nuclei):
    shown = DetectionLayer(viewer, nuclei)
    shown.show(detected([(20, 20), (45, 70)], [1, 2]))
    shown.show(detected([(22, 22)], [2], box=(slice(0, 30), slice(0, 90))))
    layer = find_layer(viewer, nuclei, "detections")
    assert layer.data.tolist() == [[45, 70], [22, 22]]
    assert classes_of(layer) == ["long", "long"]


def test_detections_that_the_user_has_edited_are_kept(viewer, nuclei):
    shown = DetectionLayer(viewer, nuclei)
    shown.show(detected([(20, 20)], [1]))
    first = find_layer(viewer, nuclei, "detections")
    first.add([3, 3])
    shown.show(detected([(45, 70)], [1]))
    second = find_layer(viewer, nuclei, "detections")
    assert second is not first
    assert len(first.data) == 2
    assert second.data.tolist() == [[45, 70]]


def test_detections_are_taken_over_once(section, viewer, nuclei):
    controls = section._points
    assert controls._take.isHidden()
    DetectionLayer(viewer, nuclei).show(detected([(20, 20), (45, 70)], [1, 2]))
    assert not controls._take.isHidden()
    controls._mark.click()
    points = chosen_layers(viewer).points
    points.add([21, 21])
    controls._take.click()
    assert points.data.tolist() == [[21, 21], [45, 70]]
    assert classes_of(points) == ["object", "long"]
    assert take_over(find_layer(viewer, nuclei, "detections"), points) == 0
    points.add([1, 1])
    assert classes_of(points)[-1] == "object"


@pytest.fixture
def detects(qtbot, viewer, session, workflow, tmp_path, nuclei, monkeypatch):
    """Return the section with a model of points in use."""
    settings = ModelSettings(
        annotation="points",
        network=NetworkConfig(classes=2),
        class_names=("background", "nucleus"),
        objects=ObjectConfig(min_size=1),
    )
    manifest = SimpleNamespace(settings=settings)
    workflow.load_model = lambda folder: manifest
    monkeypatch.setattr(session, "read_model", lambda folder=None: manifest)
    session.model_folder = tmp_path
    choose_image(viewer, nuclei)
    section = SegmentSection(session, viewer)
    qtbot.addWidget(section)
    section._where.setCurrentText(LAYER)
    return section


def test_a_model_of_points_detects_and_counts(qtbot, detects, viewer, nuclei):
    assert detects._button.text() == "Detect"
    assert detects._form.control("split").isHidden()
    assert not detects._form.control("threshold").isHidden()
    detects._button.click()
    qtbot.waitUntil(lambda: not detects._session.is_busy)
    layer = find_layer(viewer, nuclei, "detections")
    assert layer.data.tolist() == [[19.5, 19.5], [44.5, 69.5]]
    assert classes_of(layer) == ["nucleus", "nucleus"]
    assert detects._report.line.text() == "2 points"
    assert find_layer(viewer, nuclei, "prediction") is None


def test_the_sliders_find_the_points_again(qtbot, detects, viewer, nuclei):
    detects._button.click()
    qtbot.waitUntil(lambda: not detects._session.is_busy)
    detects._form.control("min_size").setValue(1000)
    qtbot.waitUntil(lambda: detects._report.line.text() == "0 points")
    assert len(find_layer(viewer, nuclei, "detections").data) == 0


def test_without_such_a_model_whole_objects_are_segmented(qtbot, session, viewer):
    section = SegmentSection(session, viewer)
    qtbot.addWidget(section)
    assert section._button.text() == "Segment"
    assert not section._form.control("split").isHidden()


def test_mistakes_in_points_are_said_where_they_are_set(qtbot, viewer, nuclei, section):
    section._points._mark.click()
    layer = chosen_layers(viewer).points
    layer.add([[10, 10], [30, 30]])
    said = section._points._findings
    qtbot.waitUntil(lambda: not section._points._checker.is_busy)
    assert said.isHidden()
    layer.add([30, 32])
    qtbot.waitUntil(lambda: "(y, x) = (30, 30) and (y, x) = (30, 32)" in said.text())
    assert not said.isHidden()
    config = section._session.train_config
    section._session.train_config = config.replaced(point_radius=0.5)
    qtbot.waitUntil(said.isHidden)
    layer.add([30, 500])
    qtbot.waitUntil(lambda: "1 point lies outside the image" in said.text())
    layer.data = np.zeros((0, 2))
    qtbot.waitUntil(said.isHidden)


def test_what_counts_as_marked_depends_on_the_network(qtbot, viewer, stack, session):
    choose_image(viewer, stack)
    section = AnnotateSection(session, viewer)
    qtbot.addWidget(section)
    section._points._mark.click()
    said = section._points._summary
    assert "planes with points count as marked" in said.text()
    session.choose_preset("fast-3d")
    assert "the whole image counts as marked" in said.text()
