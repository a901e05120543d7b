"""The weight map of points follows what the user marks."""

import numpy as np
import pytest
from napari.layers import Image

from napari_unet.core.presets import PRESETS
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels
from napari_unet.widgets.point_layers import add_points
from napari_unet.widgets.weight_map import WeightMapSection


@pytest.fixture
def section(qtbot, viewer, session):
    section = WeightMapSection(session, viewer)
    qtbot.addWidget(section)
    yield section
    qtbot.waitUntil(lambda: not section._answers.is_busy)


def mark(viewer, places, shape=(40, 50), **geometry):
    image = viewer.add_layer(Image(np.zeros(shape), name="cells", **geometry))
    choose_image(viewer, image)
    points = chosen_layers(viewer).points = add_points(viewer, image)
    points.add(np.array(places, float))
    return image, points


def shown(viewer, name="weight map"):
    return next((x for x in viewer.layers if x.name.endswith(name)), None)


def test_disks_and_rings_are_shown_and_follow_the_points(qtbot, viewer, section):
    _, points = mark(viewer, [(10, 10), (10, 15)], scale=(0.5, 0.5), units=("um", "um"))
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    layer = shown(viewer)
    assert layer.data[10, 10] > layer.data[30, 30] > 0
    assert layer.data[10, 7] == 0  # in the ring: unknown
    assert layer.data[10, 12:14].max() > 5  # between the two
    assert tuple(layer.scale) == (0.5, 0.5)
    assert "2 points" in section._status.text()

    points.add([30, 30])
    qtbot.waitUntil(lambda: "3 points" in section._status.text())
    assert layer.data[30, 30] == pytest.approx(layer.data[10, 10])
    points.data = points.data[:2]
    qtbot.waitUntil(lambda: "2 points" in section._status.text())


def test_the_density_and_the_radius(qtbot, viewer, session, section):
    mark(viewer, [(10, 10), (30, 30)])
    section._name.setCurrentText("patch density")
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer, "patch density") is not None)
    layer = shown(viewer, "patch density")
    assert layer.data[10, 10] == 1
    assert layer.data[10, 13] == 0
    assert 0 < layer.data[10, 20] < 1
    assert "of the patches are centred on an object" in section._status.text()
    session.train_config = session.train_config.replaced(point_radius=4)
    qtbot.waitUntil(lambda: layer.data[10, 13] == 1)


def test_ignored_ground_beside_points_counts_nothing(qtbot, viewer, section):
    image, _ = mark(viewer, [(10, 10), (30, 30)])
    annotation = add_labels(viewer, image, "annotation")
    annotation.data[:, 40:] = IGNORE_LABEL
    chosen_layers(viewer).annotation = annotation
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    assert not shown(viewer).data[:, 40:].any()
    assert shown(viewer).data[20, 20] > 0


def test_each_plane_shows_its_own_points_or_a_cut_through_balls(
    qtbot, viewer, session, section
):
    mark(
        viewer,
        [(3, 10, 10), (3, 30, 30), (6, 20, 20)],
        shape=(9, 40, 50),
        scale=(1.0, 0.5, 0.5),
        units=("um",) * 3,
    )
    section._live.setChecked(True)
    viewer.dims.set_point(0, 3)
    qtbot.waitUntil(lambda: "2 points" in section._status.text())
    section._live.setChecked(False)
    session.network = PRESETS["fast-3d"].network
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: "3 points" in section._status.text())
    qtbot.waitUntil(lambda: not section._answers.is_busy)
    on_plane = shown(viewer).data[0].copy()
    assert on_plane[10, 10] > on_plane[5, 40] > 0
    viewer.dims.set_point(0, 4)  # a plane of 1 µm is two pixels of 0.5 µm away
    qtbot.waitUntil(lambda: shown(viewer).data[0, 10, 12] == 0)
    qtbot.waitUntil(lambda: shown(viewer).data[0, 10, 10] > 0)
    viewer.dims.set_point(0, 5)
    qtbot.waitUntil(lambda: shown(viewer).data[0, 10, 10] == 0)


def test_points_outside_are_said(qtbot, viewer, section):
    mark(viewer, [(10, 10), (30, 300)])
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: "point 2 is at (30, 300)" in section._status.text())
