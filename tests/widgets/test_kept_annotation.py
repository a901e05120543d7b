"""What is painted is kept on disk, can be undone without end, and is offered again."""

import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

from napari_unet.core.user_folders import data_folder
from napari_unet.desk import Desk
from napari_unet.desk_folders import KeptDesk, KeptImage, hash_pixels, list_left_open
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.annotation_layers import add_regions, regions_of, set_role
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.desks import desks_of
from napari_unet.widgets.kept_row import LeftOpen
from napari_unet.widgets.layers import add_labels
from napari_unet.widgets.point_layers import add_points


@pytest.fixture
def open_dock(qtbot):
    """Open an image in a viewer of its own, with the section, as after a new start."""
    opened = []

    def open_image(data, **options):
        viewer = ViewerModel()
        image = viewer.add_image(data, name="cells", **options)
        section = AnnotateSection(_session(), viewer)
        qtbot.addWidget(section)
        choose_image(viewer, image)
        desks = desks_of(viewer)
        opened.append(desks)
        qtbot.waitUntil(lambda: desks._current is not None, timeout=10_000)
        return viewer, image, section

    yield open_image
    for desks in opened:
        desks.close()


def _session():
    from napari_unet.session import Session

    return Session()


def paint(layer, place, number):
    layer.mode = "paint"
    layer.brush_size = 6
    layer.paint(place, number)


def field(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (60, 90), np.uint8)


def annotate(viewer, image):
    layer = add_labels(viewer, image, "annotation")
    chosen_layers(viewer).annotation = layer
    return layer


def test_undo_goes_on_without_end_and_over_a_restart(open_dock):
    viewer, image, section = open_dock(field())
    layer = annotate(viewer, image)
    states = [layer.data.copy()]
    rng = np.random.default_rng(1)
    for number in range(1, 151):  # napari itself keeps a hundred
        paint(layer, rng.integers(0, 60, 2), number)
        states.append(layer.data.copy())
    for _ in range(20):
        section._kept._undo.click()
    assert np.array_equal(layer.data, states[130])
    desks_of(viewer).close()

    viewer, image, section = open_dock(field())
    assert "Annotated before" in section._earlier._said.text()
    assert section._earlier._bring_back.isVisibleTo(section)
    section._earlier._bring_back.click()
    layer = chosen_layers(viewer).annotation
    assert np.array_equal(layer.data, states[130])
    for _ in range(5):
        section._kept._redo.click()
    assert np.array_equal(layer.data, states[135])
    for wanted in reversed(states[:135]):
        section._kept._undo.click()
        assert np.array_equal(layer.data, wanted)
    assert not section._kept._undo.isEnabled()


def test_what_a_script_changes_is_noted_within_a_second(open_dock, qtbot):
    viewer, image, section = open_dock(field())
    layer = annotate(viewer, image)
    layer.data[5:9, 5:9] = 3
    begin = time.monotonic()
    layer.refresh()
    desk = desks_of(viewer).keeper.kept.desk
    qtbot.waitUntil(lambda: desk.can_undo, timeout=5000)
    assert time.monotonic() - begin < 1
    section._kept._undo.click()
    assert not layer.data.any()


def test_steps_go_back_across_layers_in_the_order_they_were_made(open_dock, qtbot):
    viewer, image, section = open_dock(field())
    labels = annotate(viewer, image)
    paint(labels, (20, 20), 1)
    regions = add_regions(viewer, image)
    chosen_layers(viewer).regions = regions
    regions.add_rectangles([[5, 5], [5, 40], [40, 40], [40, 5]])
    desks_of(viewer).keeper.note_all()
    set_role(regions, "validation")
    regions.selected_data = {0}
    set_role(regions, "validation")
    desks_of(viewer).keeper.note_all()
    points = add_points(viewer, image)
    chosen_layers(viewer).points = points
    points.add([[10, 12]])
    desks_of(viewer).keeper.note_all()
    paint(labels, (30, 30), 2)

    undo = section._kept._undo.click
    undo()
    assert labels.data[30, 30] == 0
    assert len(points.data) == 1
    undo()
    assert len(points.data) == 0
    assert regions_of(regions, image)[None][0].role == "validation"
    undo()
    assert regions_of(regions, image)[None][0].role == "training"
    undo()
    assert regions.nshapes == 0
    assert labels.data[20, 20] == 1
    undo()
    assert not labels.data.any()
    for _ in range(5):
        section._kept._redo.click()
    assert labels.data[30, 30] == 2
    assert len(points.data) == 1
    region = regions_of(regions, image)[None][0]
    assert (region.role, region.start) == ("validation", (5, 5))
    desks_of(viewer).close()

    viewer, image, section = open_dock(field())
    assert "2 labels, 1 region, 1 point" in section._earlier._said.text()
    section._earlier._bring_back.click()
    chosen = chosen_layers(viewer)
    assert regions_of(chosen.regions, image)[None][0] == region
    assert chosen.points.data.tolist() == [[10, 12]]


def test_undo_shows_the_plane_it_changes(open_dock, qtbot):
    viewer, image, section = open_dock(np.stack([field(n) for n in range(4)]))
    layer = annotate(viewer, image)
    viewer.dims.set_point(0, 2)
    paint(layer, (2, 20, 20), 1)
    assert layer.data[2].any()
    qtbot.waitUntil(section._kept._undo.isEnabled)
    viewer.dims.set_point(0, 0)
    section._kept._undo.click()
    assert viewer.dims.point[0] == 2
    assert not layer.data.any()


def test_begun_anew_the_earlier_annotation_stays_on_the_disk(open_dock):
    viewer, image, _ = open_dock(field())
    paint(annotate(viewer, image), (20, 20), 1)
    folder = desks_of(viewer).keeper.kept.folder
    desks_of(viewer).close()

    viewer, image, section = open_dock(field())
    layer = annotate(viewer, image)  # without an answer to the offer
    assert not layer.data.any()
    assert not section._earlier._bring_back.isVisibleTo(section)
    assert not section._kept._undo.isEnabled()
    assert len(list(folder.glob("journal of *"))) == 1


def test_two_windows_do_not_write_into_one_journal(open_dock):
    key = hash_pixels(field())
    other = KeptDesk(key, KeptImage("cells", "", (60, 90)))
    try:
        viewer, image, section = open_dock(field())
        assert "another window" in section._earlier._said.text()
        layer = annotate(viewer, image)
        paint(layer, (20, 20), 1)
        assert desks_of(viewer).keeper is None
        layer.undo()  # napari's own goes on
        assert not layer.data.any()
    finally:
        other.close()


def test_an_image_that_was_removed_can_be_opened_again(open_dock, qtbot):
    viewer, image, _ = open_dock(field())
    paint(annotate(viewer, image), (20, 20), 1)
    desks_of(viewer).close()

    viewer, image, section = open_dock(field())
    section._earlier._bring_back.click()
    viewer.layers.clear()
    again = viewer.add_image(field(), name="cells")
    choose_image(viewer, again)
    qtbot.waitUntil(lambda: "1 label" in section._earlier._said.text())


def test_features_that_are_no_numbers_do_not_stand_in_the_way_of_undo(open_dock):
    viewer, image, section = open_dock(field())
    points = add_points(viewer, image)
    chosen_layers(viewer).points = points
    keeper = desks_of(viewer).keeper
    points.add([[10, 12]])
    points.features = {"class": ["cell"], "confidence": [np.nan]}
    keeper.note_all()
    steps = keeper.kept.desk.steps
    keeper.note_all()
    assert keeper.kept.desk.steps == steps
    section._kept._undo.click()
    assert keeper.kept.desk.steps == steps - 1


def test_other_pixels_are_another_image(open_dock):
    viewer, image, _ = open_dock(field())
    paint(annotate(viewer, image), (20, 20), 1)
    desks_of(viewer).close()
    _, _, section = open_dock(field(1))
    assert section._earlier._said.text() == ""


def test_a_full_disk_is_said_once_and_nothing_is_lost(open_dock, monkeypatch, qtbot):
    viewer, image, _ = open_dock(field())
    layer = annotate(viewer, image)
    paint(layer, (20, 20), 1)
    keeper = desks_of(viewer).keeper
    said = []
    monkeypatch.setattr(
        "napari_unet.widgets.desk_keeper.show_problem", lambda e: said.append(str(e))
    )
    journal = keeper.kept.desk._journal

    def no_space(block):
        journal._file.write(block[:7])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(journal, "_write", no_space)
        paint(layer, (30, 30), 2)
        paint(layer, (40, 40), 3)
        assert len(said) == 1
        assert "No space left" in said[0]
    qtbot.waitUntil(lambda: keeper.kept.desk.arrays["annotation"].max() == 3)
    painted = layer.data.copy()
    desks_of(viewer).close()
    viewer, image, section = open_dock(field())
    section._earlier._bring_back.click()
    assert np.array_equal(chosen_layers(viewer).annotation.data, painted)


def test_after_a_crash_the_images_are_offered_with_what_was_painted(
    make_napari_viewer, qtbot, tmp_path
):
    file = tmp_path / "cells.tif"
    tifffile.imwrite(file, field())
    painter = """
import sys, time, tifffile
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from napari_unet.core.user_folders import data_folder
from napari_unet.desk_folders import KeptDesk, KeptImage, hash_pixels, list_left_open
from napari_unet.widgets.desk_keeper import DeskKeeper
from napari_unet.widgets.layers import add_labels
application, viewer = QApplication([]), ViewerModel()
image = viewer.add_image(tifffile.imread(sys.argv[1]), name="cells")
about = KeptImage(image.name, sys.argv[1], image.data.shape)
keeper = DeskKeeper(viewer, image, KeptDesk(hash_pixels(image.data), about))
layer = add_labels(viewer, image, "annotation")
keeper.watch()
layer.mode = "paint"
layer.paint((20, 20), 7)
application.processEvents()
print("painted", flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", painter, str(file)], stdout=subprocess.PIPE
    ) as crashed:
        assert crashed.stdout.readline() == b"painted\n"
        crashed.kill()
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-unet-live", "U-Net")
    [offer] = dock.findChildren(LeftOpen)
    assert "unexpectedly while you annotated 'cells'" in offer._said.text()
    offer._open.click()
    qtbot.waitUntil(lambda: chosen_layers(viewer).annotation is not None)
    assert chosen_layers(viewer).annotation.data[20, 20] == 7
    assert not offer.isVisible()
    desks_of(viewer).close()
    assert list_left_open() == []


def test_the_keys_of_napari_step_through_the_journal(make_napari_viewer, qtbot):
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    viewer = make_napari_viewer()
    image = viewer.add_image(field(), name="cells")
    dock, _ = viewer.window.add_plugin_dock_widget("napari-unet-live", "Annotate")
    choose_image(viewer, image)
    desks = desks_of(viewer)
    qtbot.waitUntil(lambda: desks._current is not None, timeout=10_000)
    layer = annotate(viewer, image)
    paint(layer, (20, 20), 1)
    paint(layer, (30, 30), 2)
    assert len(list_marks()) == 1
    canvas = viewer.window._qt_viewer
    control = Qt.KeyboardModifier.ControlModifier
    shift = Qt.KeyboardModifier.ShiftModifier
    for active in (layer, image):
        viewer.layers.selection.active = active
        QTest.keyClick(canvas, Qt.Key.Key_Z, control)
        assert layer.data.max() == 1
        QTest.keyClick(canvas, Qt.Key.Key_Z, control | shift)
        assert layer.data.max() == 2
    viewer.window.remove_dock_widget(dock)  # what is painted is noted all the same
    paint(layer, (40, 40), 3)
    qtbot.waitUntil(lambda: desks.keeper.kept.desk.steps == 3)
    viewer.close()
    qtbot.waitUntil(lambda: not list_marks())


def list_marks():
    return list((data_folder() / "annotations").glob("*/open"))


SCRIPT = """
import sys, time
import napari, numpy as np
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.desks import desks_of
from napari_unet.widgets.layers import add_labels
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer(show=True)
image = viewer.add_image(np.arange(3600).reshape(60, 60), name="cells")
viewer.window.add_plugin_dock_widget("napari-unet-live", "Annotate")
choose_image(viewer, image)
layer = add_labels(viewer, image, "annotation")
chosen_layers(viewer).annotation = layer
while desks_of(viewer).keeper is None:
    QApplication.processEvents()
    time.sleep(0.01)
layer.paint((20, 20), 3)
"""


@pytest.mark.gl
def test_a_script_that_ends_without_closing_the_viewer_loses_nothing():
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert not list_marks()
    [folder] = (data_folder() / "annotations").iterdir()
    with Desk(folder / "journal") as desk:
        assert desk.arrays["annotation"][20, 20] == 3
