"""Layers with time and depth in the dock: segmented, annotated, compared, detected."""

import numpy as np
import pytest

from napari_unet.core.prediction.detect import Detections
from napari_unet.segmented import Segmented
from napari_unet.widgets.accept import AcceptButtons
from napari_unet.widgets.accepting import accept_into
from napari_unet.widgets.annotated import summarise_layers
from napari_unet.widgets.annotation_layers import (
    add_regions,
    examples_of,
    regions_of,
)
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.errors_layer import go_to
from napari_unet.widgets.evaluate import EvaluateSection
from napari_unet.widgets.extent_combo import LAYER, SLICE, TIME, VIEW
from napari_unet.widgets.image_model import describe_image
from napari_unet.widgets.layers import (
    add_labels,
    current_plane,
    find_layer,
    image_of,
    link_layer,
    pixel_size_um,
)
from napari_unet.widgets.overlay import show_overlay
from napari_unet.widgets.point_layers import DetectionLayer, add_points, points_of
from napari_unet.widgets.segment import SegmentSection

SHAPE = (2, 3, 40, 50)


@pytest.fixture
def film(viewer):
    """Show two time points of three slices; two planes have an object."""
    data = np.zeros(SHAPE, np.uint8)
    data[0, 2, 10:30, 10:30] = data[1, 1, 5:25, 20:40] = 200
    return viewer.add_image(
        data,
        name="film",
        scale=(1, 2, 0.5, 0.5),
        units=("second", "um", "um", "um"),
    )


@pytest.fixture
def section(qtbot, viewer, session, workflow, tmp_path, film):
    session.model_folder = tmp_path
    choose_image(viewer, film)
    section = SegmentSection(session, viewer)
    qtbot.addWidget(section)
    return section


def show_plane(viewer, time, slice_):
    viewer.dims.set_point((0, 1), (time, slice_ * 2))


def segment(qtbot, section, where):
    section._where.setCurrentText(where)
    section._button.click()
    qtbot.waitUntil(lambda: not section._session.is_busy)
    layer = chosen_layers(section._viewer).prediction
    return {tuple(p) for p in np.argwhere(layer.data.any(axis=(2, 3))).tolist()}


def test_a_layer_becomes_a_stack_of_frames(viewer, film):
    image = image_of(film)
    assert (image.array.shape, image.times) == ((1, 6, 40, 50), 2)
    assert pixel_size_um(film) == image.pixel_size_um == (2, 0.5, 0.5)
    show_plane(viewer, 1, 2)
    assert current_plane(viewer, film) == 5


@pytest.mark.parametrize(
    ("where", "found"),
    [(SLICE, {(1, 1)}), (VIEW, {(1, 1)}), (TIME, {(1, 1)}), (LAYER, {(0, 2), (1, 1)})],
)
def test_a_slice_a_time_point_or_all_is_segmented(
    qtbot, viewer, section, workflow, where, found
):
    choices = [section._where.itemText(i) for i in range(section._where.count())]
    assert choices == [VIEW, SLICE, TIME, LAYER]
    show_plane(viewer, 1, 1)
    assert segment(qtbot, section, where) == found
    planes = {SLICE: (4,), VIEW: (4,), TIME: (3, 4, 5), LAYER: None}
    assert workflow.calls[0][1] == planes[where]
    section._probabilities.click()
    shown = find_layer(viewer, section._chosen.image, "probabilities").data
    assert shown.shape == SHAPE
    assert shown[1, 1, 10, 30] == 1


def test_other_times_keep_what_was_found(qtbot, viewer, section):
    assert segment(qtbot, section, LAYER) == {(0, 2), (1, 1)}
    section._chosen.image.data[1, 1] = 0
    show_plane(viewer, 1, 0)
    assert segment(qtbot, section, TIME) == {(0, 2)}


def test_annotated_planes_are_examples(viewer, film):
    annotation = add_labels(viewer, film, "annotation")
    assert annotation.data.shape == SHAPE
    annotation.data[1, 0, 5:15, 5:15] = 1
    regions = add_regions(viewer, film)
    corners = [[2, 2], [2, 22], [22, 22], [22, 2]]
    regions.add_rectangles([[0, 2, *corner] for corner in corners])
    boxes = regions_of(regions, film)
    assert list(boxes) == [2]
    [example] = examples_of(viewer)
    assert example.image.times == 2
    assert example.annotation.shape == (6, 40, 50)
    assert example.annotated_planes == [2, 3]
    assert summarise_layers(annotation.data, {}).objects == 1


def test_marked_points_are_examples_of_their_planes(viewer, film):
    points = add_points(viewer, film)
    points.add([[1, 2, 10, 12], [0, 0, 5, 6]])
    assert points_of(points, film).positions.tolist() == [[5, 10, 12], [0, 5, 6]]
    [example] = examples_of(viewer)
    assert example.annotated_planes == [0, 5]
    assert example.plane(5).points.positions.tolist() == [[10, 12]]


def test_marked_points_of_two_times_are_never_partners(qtbot, viewer, film, session):
    points = add_points(viewer, film)
    points.add([[1, 0, 10, 12], [0, 2, 5, 6], [1, 2, 20, 20]])
    found = add_points(viewer, film)
    link_layer(found, film, "detections")
    found.add([[0, 2, 10, 12], [0, 2, 5, 7], [1, 2, 20, 21], [0, 0, 1, 1]])
    choose_image(viewer, film)
    chosen_layers(viewer).points = points
    section = EvaluateSection(session, viewer)
    qtbot.addWidget(section)
    section._kind.setCurrentIndex(section._kind.findData("points"))
    section._points._predicted.setValue(found)
    section._points._true.setValue(points)
    section._button.click()
    qtbot.waitUntil(lambda: section._button.isEnabled())
    rings = find_layer(viewer, points, "errors")
    # On the plane where nothing is marked, nothing counts.
    kinds = ["false", "found", "found", "missed"]
    assert sorted(rings.features["error"]) == kinds
    assert rings.data.shape == (4, 4)


def test_detected_points_have_all_coordinates(viewer, film):
    def found(planes, *positions):
        return Segmented(
            probabilities=np.zeros((2, len(planes), 40, 50), np.float32),
            labels=np.zeros((len(planes), 40, 50), np.uint8),
            box=(slice(0, 40), slice(0, 50)),
            planes=planes,
            annotation="points",
            class_names=("background", "object"),
            points=Detections(
                np.array(positions, float).reshape(-1, 3),
                np.ones(len(positions), int),
                np.ones(len(positions)),
            ),
        )

    layer = DetectionLayer(viewer, film)
    layer.show(found(tuple(range(6)), (4, 9, 8), (2, 7, 6)))
    assert layer.layer.data.tolist() == [[1, 1, 9, 8], [0, 2, 7, 6]]
    layer.show(found((4,), (4, 3, 3)))  # of this plane only
    assert layer.layer.data.tolist() == [[0, 2, 7, 6], [1, 1, 3, 3]]


def test_predicted_objects_are_accepted_on_their_plane(qtbot, viewer, section):
    segment(qtbot, section, LAYER)
    prediction = chosen_layers(viewer).prediction
    annotation = add_labels(viewer, section._chosen.image, "annotation")
    assert accept_into(annotation, prediction, plane=4).objects == 1
    assert {tuple(p) for p in np.argwhere(annotation.data)[:, :2].tolist()} == {(1, 1)}
    annotation.undo()
    assert not annotation.data.any()
    chosen_layers(viewer).annotation = annotation
    show_plane(viewer, 0, 2)
    buttons = AcceptButtons(viewer)
    qtbot.addWidget(buttons)
    buttons._in_view.click()
    assert {tuple(p) for p in np.argwhere(annotation.data)[:, :2].tolist()} == {(0, 2)}


def test_a_map_of_one_plane_lies_on_it(viewer, film):
    layer = show_overlay(viewer, film, "weight map", np.ones((40, 50)), plane=5)
    assert layer.data.shape == (1, 1, 40, 50)
    assert layer.data_to_world((0, 0, 0, 0)) == (1, 4, 0, 0)


def test_frames_are_compared_and_errors_are_found(qtbot, viewer, film, session):
    true, predicted = (np.zeros(SHAPE, np.uint16) for _ in range(2))
    true[0, 2, 10:30, 10:30] = true[1, 1, 5:25, 20:40] = 1
    predicted[0, 2, 10:30, 10:30] = 1
    layer = add_labels(viewer, film, "annotation", true)
    add_labels(viewer, film, "prediction", predicted)
    choose_image(viewer, film)
    section = EvaluateSection(session, viewer)
    qtbot.addWidget(section)
    section._button.click()
    qtbot.waitUntil(lambda: section._button.isEnabled())
    errors = find_layer(viewer, layer, "errors")
    assert errors.data.shape == SHAPE
    assert errors.data[0, 2, 20, 20] == 1
    assert errors.data[1, 1, 10, 30] == 2
    go_to(viewer, errors, (4.0, 14.5, 29.5))
    assert viewer.dims.current_step[:2] == (1, 1)


def test_a_layer_with_time_and_depth_is_described_by_both(viewer):
    layer = viewer.add_image(np.zeros((2, 3, 40, 64), np.uint8))
    assert describe_image(layer).startswith("64 × 40 px, 3 planes, 2 time points, ")
