"""Comparing points in the dock: scores of each class, rings, and the way to errors."""

import numpy as np
import pytest
from napari.layers import Image
from napari.layers import Points as PointsLayer

from napari_unet.session import Session
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.evaluate import EvaluateSection
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, link_layer
from napari_unet.widgets.point_layers import CLASS, add_points

TRUE = np.array([[5.0, 5], [5, 20], [30, 30], [30, 50]])
FOUND = np.array([[6.0, 6], [5, 24], [30, 30], [50, 50], [30, 52]])


@pytest.fixture
def section(qtbot, viewer):
    section = EvaluateSection(Session(), viewer)
    qtbot.addWidget(section)
    section.show()
    return section


def show(viewer, true, found, classes=None, shape=(60, 60), scale=0.5):
    image = viewer.add_layer(
        Image(
            np.zeros(shape),
            name="cells",
            scale=(1.0, scale, scale)[-len(shape) :],
            units=("um",) * len(shape),
        )
    )
    choose_image(viewer, image)
    points = chosen_layers(viewer).points = add_points(viewer, image)
    points.data = np.array(true, float)
    names = classes or (["object"] * len(true), ["object"] * len(found))
    points.features = {CLASS: np.array(names[0], object)}
    detections = PointsLayer(
        np.array(found, float),
        name="cells detections",
        scale=image.scale,
        units=image.units,
        features={CLASS: np.array(names[1], object)},
    )
    link_layer(detections, image, "detections")
    viewer.add_layer(detections)
    return image, points


def compare(qtbot, section):
    section._kind.setCurrentIndex(section._kind.findData("points"))
    section._button.click()
    qtbot.waitUntil(lambda: section._button.text() == "Compare")


def rows(section):
    table = section._of_points
    lines = table.as_text(range(table.rowCount())).split("\n")
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def kinds(viewer):
    layer = viewer.layers["cells points errors"]
    return dict(zip(map(tuple, layer.data), layer.features["error"], strict=True))


def test_found_missed_and_false_points_have_rings(qtbot, viewer, section):
    image, _ = show(viewer, TRUE, FOUND)
    compare(qtbot, section)
    assert section._points._predicted.currentText() == "cells detections"
    assert section._points._true.currentText() == "cells points"
    assert rows(section) == {"All": ["0.667", "0.600", "0.750", "4", "5", "3"]}
    assert kinds(viewer) == {
        (5, 5): "found",
        (5, 20): "missed",
        (30, 30): "found",
        (30, 50): "found",
        (5, 24): "false",
        (50, 50): "false",
    }
    assert "missed&nbsp;<b>1</b>" in section._counts.text()
    layer = viewer.layers["cells points errors"]
    assert tuple(layer.scale) == tuple(image.scale)
    assert not layer.editable
    assert len({tuple(colour) for colour in layer.border_color}) == 3

    section._table.setCurrentCell(0, 0)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (2.5, 10))

    section._points._distance.setValue(4)
    compare(qtbot, section)
    assert rows(section)["All"][-1] == "4"
    assert kinds(viewer)[5, 20] == "found"
    assert "cells points errors" not in [
        section._points._true.itemText(i) for i in range(section._points._true.count())
    ]


def test_each_class_has_a_row(qtbot, viewer, section):
    classes = (["a", "a", "b", "b"], ["a", "a", "a", "b", "b"])
    show(viewer, TRUE, FOUND, classes)
    compare(qtbot, section)
    assert rows(section) == {
        "a": ["0.400", "0.333", "0.500", "2", "3", "1"],
        "b": ["0.500", "0.500", "0.500", "2", "2", "1"],
        "All": ["0.444", "0.400", "0.500", "4", "5", "2"],
    }


def test_regions_and_ignored_ground_decide_what_counts(qtbot, viewer, section):
    image, _ = show(viewer, TRUE, FOUND)
    regions = chosen_layers(viewer).regions = add_regions(viewer, image)
    regions.add_rectangles(np.array([[0, 0], [0, 59], [40, 59], [40, 0]]))
    annotation = add_labels(viewer, image, "annotation")
    annotation.data[:10, 15:] = IGNORE_LABEL
    chosen_layers(viewer).annotation = annotation
    compare(qtbot, section)
    assert rows(section) == {"All": ["1.000", "1.000", "1.000", "3", "3", "3"]}


def test_in_a_stack_planes_are_apart_unless_points_lie_between_them(
    qtbot, viewer, section
):
    true = [[2, 5, 5], [6, 20, 20]]
    show(viewer, true, [[2, 5, 6], [7, 20, 20], [8, 9, 9]], shape=(9, 40, 40))
    compare(qtbot, section)
    assert not section._points._across.isChecked()
    # Planes without true points do not count.
    assert rows(section)["All"] == ["0.667", "1.000", "0.500", "2", "1", "1"]
    section._points._across.setChecked(True)
    compare(qtbot, section)  # a plane of 1 µm is two pixels of 0.5 µm away
    assert rows(section)["All"][3:] == ["2", "3", "2"]
    section._points._distance.setValue(1.5)
    compare(qtbot, section)
    assert rows(section)["All"][3:] == ["2", "3", "1"]


def test_points_between_planes_pair_across_them(viewer, section):
    show(viewer, [[2, 5, 5]], [[2.4, 5, 6]], shape=(9, 40, 40))
    section._kind.setCurrentIndex(section._kind.findData("points"))
    assert section._points._across.isChecked()
    assert section._points._across.isVisible()


def test_points_from_a_file_without_a_scale_are_in_pixels(qtbot, viewer, section):
    _, points = show(viewer, TRUE, FOUND)
    viewer.layers.remove("cells detections")
    opened = viewer.add_layer(PointsLayer(TRUE + 1, name="opened"))
    section._points._predicted.setValue(opened)
    compare(qtbot, section)
    assert rows(section)["All"][0] == "1.000"
    assert section._points._true.value() is points


def test_no_points_at_all_are_shown_without_fuss(qtbot, viewer, section):
    show(viewer, TRUE, np.zeros((0, 2)))
    compare(qtbot, section)
    assert rows(section)["All"][:3] == ["0.000", "0.000", "0.000"]
    viewer.layers["cells points"].data = np.zeros((0, 2))
    compare(qtbot, section)
    assert rows(section)["All"][:3] == ["1.000", "1.000", "1.000"]
    assert len(viewer.layers["cells points errors"].data) == 0
