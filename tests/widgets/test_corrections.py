"""The tools of correction: by button and by key, on slices and volumes, undone."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.segmented import Segmented
from napari_unet.widgets import edits
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.correction_tools import NO_OBJECTS, TOOLS, correction_tools
from napari_unet.widgets.desks import desks_of
from napari_unet.widgets.drawn_line import DrawnLine
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, is_on_screen
from napari_unet.widgets.prediction_layer import PredictionLayer


@pytest.fixture
def section(qtbot, viewer, session, nuclei):
    choose_image(viewer, nuclei)
    section = AnnotateSection(session, viewer)
    qtbot.addWidget(section)
    desks = desks_of(viewer)
    qtbot.waitUntil(lambda: desks._current is not None)
    yield section
    desks.close()


@pytest.fixture
def annotation(viewer, nuclei, section):
    layer = add_labels(viewer, nuclei, "annotation")
    layer.data[10:30, 10:30], layer.data[10:30, 31:50] = 3, 4
    layer.data[15:17, 15:17] = 0  # a hole
    chosen_layers(viewer).annotation = layer
    return layer


@pytest.fixture
def segmented(viewer, nuclei, section):
    """Show a prediction of two squares, the second of them not sure."""
    foreground = np.full((60, 90), 0.01, np.float32)
    foreground[10:30, 10:30], foreground[35:55, 60:80] = 0.95, 0.7
    foreground[2:6, 70:80] = 0.3  # seen, but below the threshold
    labels = np.zeros((60, 90), np.uint16)
    labels[10:30, 10:30], labels[35:55, 60:80] = 1, 2
    segmented = Segmented(
        probabilities=np.stack([1 - foreground, foreground]),
        labels=labels,
        box=(slice(0, 60), slice(0, 90)),
        planes=None,
        found_with=ObjectConfig(),
    )
    shown = PredictionLayer(viewer, nuclei)
    shown.start(None)
    shown.show(segmented)
    return segmented


@pytest.fixture
def said(monkeypatch):
    said = []
    for module in ("correction_tools", "accepting"):
        monkeypatch.setattr(f"napari_unet.widgets.{module}.show_info", said.append)
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", said.append)
    return said


def at(layer, *pixel):
    return tuple(layer.data_to_world(pixel))


def press(viewer, key, layer, *pixel):
    """Press a key with the cursor on a pixel."""
    viewer.cursor.position = at(layer, *pixel)
    viewer.keymap[coerce_keybinding(key)](viewer)


def drag(viewer, layer, *pixels, moved=True):
    """Press the mouse button on the first pixel and release it on the last."""
    event = SimpleNamespace(
        type="mouse_press",
        button=1,
        is_dragging=False,
        position=at(layer, *pixels[0]),
        view_direction=None,
    )
    for callback in viewer.mouse_drag_callbacks[-1:]:
        steps = callback(viewer, event)
        next(steps, None)
        for pixel in pixels[1:]:
            event.type, event.is_dragging = "mouse_move", moved
            event.position = at(layer, *pixel)
            next(steps, None)
        event.type = "mouse_release"
        next(steps, None)


def test_the_keys_are_free_in_napari():
    from napari.settings import get_settings

    taken = {
        str(key) for keys in get_settings().shortcuts.shortcuts.values() for key in keys
    }
    keys = [tool.key for tool in TOOLS.values()]
    assert len(set(keys)) == len(keys)
    assert not taken & {*keys, "Shift+K", "Shift+Q"}


def test_keys_act_while_the_tools_are_shown(section, session, viewer):
    assert coerce_keybinding("Shift-D") in viewer.keymap
    session.annotation = "classes"
    assert coerce_keybinding("K") not in viewer.keymap
    session.annotation = "objects"
    assert coerce_keybinding("K") in viewer.keymap
    section._correct.setVisible(False)
    assert coerce_keybinding("K") not in viewer.keymap


def test_each_button_names_its_key(section):
    for name, button in section._correct._buttons.items():
        assert button.toolTip().endswith(TOOLS[name].key)


@pytest.mark.parametrize("by_key", [True, False])
@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("delete", -(20 * 20 - 4)),
        ("fill", 4),
        ("grow", 4 + 20 * 4),
        ("shrink", -(4 * 19) - 8),
    ],
)
def test_a_tool_changes_the_object_under_the_cursor(
    section, viewer, annotation, name, pixels, by_key
):
    before = annotation.data.copy()
    if by_key:
        press(viewer, TOOLS[name].key.replace("+", "-"), annotation, 20, 20)
    else:
        section._correct._buttons[name].click()
        drag(viewer, annotation, (20, 20))
    assert np.count_nonzero(annotation.data == 3) == (before == 3).sum() + pixels
    assert (annotation.data[before == 4] == 4).all()
    section._kept._undo.click()
    np.testing.assert_array_equal(annotation.data, before)


def test_nothing_under_the_cursor_is_said(section, viewer, annotation, said):
    press(viewer, "Shift-D", annotation, 50, 5)
    press(viewer, "J", annotation, 20, 20)
    press(viewer, "Shift-S", annotation, 500, 5)
    assert said == [
        "There is no annotated object under the cursor.",
        "There is no predicted object under the cursor.",
        "There is no object under the cursor.",
    ]
    annotation.data[:] = IGNORE_LABEL
    press(viewer, "Shift-D", annotation, 20, 20)
    assert len(said) == 4


def test_without_objects_it_says_what_to_do(section, viewer, nuclei, said):
    press(viewer, "Shift-D", nuclei, 20, 20)
    press(viewer, "G", nuclei, 20, 20)
    assert said == [NO_OBJECTS] * 2
    assert not correction_tools(viewer).pressed


def test_objects_are_merged_by_dragging_across_them(section, viewer, annotation, said):
    section._correct._buttons["merge"].click()
    assert not annotation.mouse_pan
    drag(viewer, annotation, (20, 12), (20, 20))
    assert said == ["Nothing is merged: drag from one object across others."]
    drag(viewer, annotation, (20, 40), (20, 12))
    assert set(np.unique(annotation.data)) == {0, 4}
    assert (annotation.data[10:30, 30] == 4).all()  # the gap of one pixel
    annotation.undo()
    assert set(np.unique(annotation.data)) == {0, 3, 4}


def test_an_object_is_split_by_a_line(section, viewer, annotation):
    press(viewer, "H", annotation, 0, 0)
    drag(viewer, annotation, (20, 5), (20, 55))
    assert set(np.unique(annotation.data)) == {0, 1, 2, 3, 4}
    assert len(np.unique(annotation.data[18, 10:50])) == 3
    press(viewer, "H", annotation, 0, 0)
    assert not section._correct._buttons["split"].isChecked()
    assert annotation.mouse_pan


def test_a_pressed_tool_is_let_go(section, viewer, annotation, nuclei):
    button, others = (
        section._correct._buttons["split"],
        len(viewer.mouse_drag_callbacks),
    )
    for leave in (
        lambda: annotation.keymap[coerce_keybinding("Escape")](annotation),
        lambda: setattr(annotation, "mode", "paint"),
        lambda: setattr(viewer.layers.selection, "active", nuclei),
        button.click,
    ):
        button.click()
        assert button.isChecked()
        assert len(viewer.mouse_drag_callbacks) == others + 1
        leave()
        assert not button.isChecked()
        assert len(viewer.mouse_drag_callbacks) == others
        assert coerce_keybinding("Escape") not in annotation.keymap
    section._correct._buttons["merge"].click()
    section._correct._buttons["delete"].click()
    assert not section._correct._buttons["merge"].isChecked()
    assert annotation.mouse_pan


def test_separate_pieces_of_one_number(section, viewer, annotation, said):
    annotation.data[50:55, 5:8] = 3
    press(viewer, "Shift-C", annotation, 52, 6)
    assert annotation.data[52, 6] == 1
    assert annotation.data[20, 20] == 3
    press(viewer, "Shift-C", annotation, 52, 6)
    assert said == ["This object is in one piece."]


def test_predicted_objects_are_accepted_and_rejected(
    section, viewer, nuclei, segmented, said
):
    prediction = chosen_layers(viewer).prediction
    press(viewer, "J", nuclei, 20, 20)
    assert set(np.unique(prediction.data)) == {0, 2}
    press(viewer, "K", nuclei, 40, 70)
    annotation = chosen_layers(viewer).annotation
    assert (annotation.data[35:55, 60:80] == 1).all()
    press(viewer, "J", nuclei, 40, 70)
    press(viewer, "Shift-D", nuclei, 40, 70)
    section._kept._undo.click()  # the annotation's own
    assert (annotation.data[35:55, 60:80] == 1).all()


def test_what_was_rejected_last_comes_back(
    section, viewer, nuclei, annotation, segmented
):
    prediction = chosen_layers(viewer).prediction
    before = annotation.data.copy()
    press(viewer, "Shift-D", nuclei, 20, 20)
    press(viewer, "J", nuclei, 20, 20)
    press(viewer, "J", nuclei, 40, 70)
    viewer.keymap[coerce_keybinding("Control-Z")](viewer)
    assert set(np.unique(prediction.data)) == {0, 2}
    section._kept._redo.click()
    assert not prediction.data.any()
    viewer.layers.selection.active = annotation
    for _ in range(2):
        annotation.keymap[coerce_keybinding("Control-Z")](annotation)
    assert set(np.unique(prediction.data)) == {0, 1, 2}
    assert not np.array_equal(annotation.data, before)
    section._kept._undo.click()
    np.testing.assert_array_equal(annotation.data, before)


def test_a_pressed_tool_takes_clicks_and_leaves_drags_to_the_view(
    section, viewer, nuclei, segmented
):
    section._correct._buttons["accept"].click()
    prediction = chosen_layers(viewer).prediction
    assert viewer.layers.selection.active is prediction
    assert prediction.mouse_pan
    drag(viewer, nuclei, (20, 20), (25, 25))
    assert chosen_layers(viewer).annotation is None
    drag(viewer, nuclei, (20, 20))
    assert chosen_layers(viewer).annotation.data[20, 20] == 1


def test_a_predicted_object_is_corrected_where_nothing_is_annotated(
    section, viewer, annotation, segmented
):
    press(viewer, "Shift-D", annotation, 40, 70)
    prediction = chosen_layers(viewer).prediction
    assert prediction.data[40, 70] == 2
    press(viewer, "Shift-H", annotation, 40, 70)
    assert prediction.data[35, 70] == 0
    press(viewer, "Shift-H", annotation, 20, 20)
    assert prediction.data[10, 20] == 1
    assert annotation.data[10, 20] == 0


def test_objects_above_a_confidence_are_accepted(section, viewer, segmented, said):
    many = section._correct._many
    many._sure.click()
    annotation = chosen_layers(viewer).annotation
    assert annotation.data[20, 20]
    assert not annotation.data[40, 70]
    many._least.setValue(0.99)
    many._sure.click()
    assert "None of 2 predicted objects has a confidence of 0.99" in said[-1]
    many._least.setValue(0.5)
    viewer.keymap[coerce_keybinding("Shift-Q")](viewer)
    assert annotation.data[40, 70]


def test_objects_in_the_regions_are_accepted(section, viewer, nuclei, segmented, said):
    many = section._correct._many
    many._in_regions.click()
    assert said == ["There is no region on this slice; draw one first."]
    regions = chosen_layers(viewer).regions = add_regions(viewer, nuclei)
    regions.add_rectangles(np.array([[40, 65], [40, 89], [58, 89], [58, 65]]))
    many._in_regions.click()
    annotation = chosen_layers(viewer).annotation
    assert (annotation.data[35:55, 60:80] > 0).all()  # comes in whole
    assert not annotation.data[20, 20]


def test_what_the_model_sees_is_added_by_a_click(
    qtbot, section, viewer, nuclei, segmented, said
):
    press(viewer, "W", nuclei, 4, 75)
    annotation = chosen_layers(viewer).annotation
    assert np.count_nonzero(annotation.data) == 4 * 10
    qtbot.waitUntil(section._kept._undo.isEnabled)
    section._kept._undo.click()
    assert not annotation.data.any()
    press(viewer, "W", nuclei, 58, 5)
    assert said == ["The model sees nothing here: paint it by hand."]
    annotation.data[40, 70] = 9
    press(viewer, "W", nuclei, 40, 70)
    assert "Here is an object already" in said[-1]


def test_without_probabilities_it_says_to_segment(
    section, viewer, nuclei, annotation, said
):
    press(viewer, "W", nuclei, 40, 70)
    assert "press Segment first" in said[0]
    assert not annotation.data[40, 70]


@pytest.fixture
def volume(qtbot, viewer, section):
    image = viewer.add_image(np.zeros((4, 30, 40), np.uint8), name="volume")
    choose_image(viewer, image)
    qtbot.waitUntil(lambda: desks_of(viewer)._current is not None)
    layer = add_labels(viewer, image, "annotation")
    layer.data[:, 5:20, 5:20] = 2
    layer.data[:, 5:20, 22:35] = 5
    layer.data[1:3, 10:12, 10:12] = 0
    chosen_layers(viewer).annotation = layer
    viewer.dims.set_point(0, 1)
    return layer


@pytest.mark.parametrize("axes", [2, 3])
def test_tools_work_on_the_slice_or_on_the_volume(section, viewer, volume, axes):
    volume.n_edit_dimensions = axes
    before = volume.data.copy()
    planes = [1] if axes == 2 else [0, 1, 2, 3]
    press(viewer, "Shift-F", volume, 1, 8, 8)
    filled = (volume.data[:, 10:12, 10:12] == 2).all(axis=(1, 2))
    assert filled.tolist() == [True, True, axes == 3, True]
    press(viewer, "H", volume, 1, 0, 0)
    drag(viewer, volume, (1, 12, 2), (1, 12, 21))
    cut = [z for z in range(4) if len(np.unique(volume.data[z, 5:20, 5])) > 1]
    assert cut == planes
    press(viewer, "G", volume, 1, 0, 0)
    drag(viewer, volume, (1, 8, 8), (1, 18, 8), (1, 18, 30))
    merged = [z for z in range(4) if (volume.data[z, 5:20, 22:35] != 5).all()]
    assert merged == planes
    for _ in range(3):
        section._kept._undo.click()
    np.testing.assert_array_equal(volume.data, before)


def test_tools_work_along_another_axis(section, viewer, volume):
    viewer.dims.order = (1, 0, 2)  # slices along Y
    viewer.dims.set_point(1, 11)
    press(viewer, "Shift-D", volume, 2, 11, 30)
    assert not volume.data[:, 11, 22:35].any()
    assert (volume.data[:, 12, 22:35] == 5).all()
    press(viewer, "H", volume, 0, 0, 0)
    drag(viewer, volume, (0, 11, 7), (3, 11, 7))
    assert len(np.unique(volume.data[:, 11, 5:10])) == 2
    assert (volume.data[:, 12, 5:20] != 5).all()


def test_an_edit_says_what_it_is_and_refuses_too_much(monkeypatch):
    layer = Labels(np.zeros((8, 8), np.uint16))
    heard = []
    layer.events.paint.connect(lambda event: heard.append(edits.what_is_done(layer)))
    edits.edit(layer, np.nonzero(layer.data == 0), np.full(64, 3), "merge")
    layer.mode = "paint"
    layer.data_setitem((np.array([0]), np.array([0])), 1)
    edits.edit(layer, (np.array([], int),) * 2, np.array([], int), "nothing")
    assert heard == ["merge", "paint"]
    monkeypatch.setattr(edits, "MAX_UNDOABLE_PIXELS", 10)
    with pytest.raises(InputError, match=r"too many for one step.*\(grow\)"):
        edits.edit(layer, np.nonzero(layer.data == 3), np.zeros(63), "grow")
    assert (layer.data == 3).sum() == 63


@pytest.mark.gl
def test_tools_in_the_real_viewer(qtbot, session, make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    image = viewer.add_image(np.zeros((60, 90)), name="image")
    choose_image(viewer, image)
    section = AnnotateSection(session, viewer)
    dock = viewer.window.add_dock_widget(section)
    layer = add_labels(viewer, image, "annotation")
    layer.data[10:50, 10:80] = 3
    chosen_layers(viewer).annotation = layer
    viewer.layers.selection.active = layer
    qtbot.waitUntil(section._correct.isVisible)
    qtbot.waitUntil(lambda: desks_of(viewer).keeper is not None)
    canvas = viewer.window._qt_viewer.canvas.native
    viewer.cursor.position = (20, 20)
    QTest.keyClick(canvas, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert not layer.data.any()
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert layer.data.any()

    viewer.reset_view()
    qtbot.waitUntil(lambda: is_on_screen(image))
    qtbot.wait(200)  # until the canvas knows it, too
    QTest.keyClick(canvas, Qt.Key.Key_H)
    middle = canvas.height() // 2
    start, end = QPoint(5, middle), QPoint(canvas.width() - 5, middle)
    centre = viewer.scene.camera.center
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    moved = QMouseEvent(
        QMouseEvent.Type.MouseMove,
        end.toPointF(),
        canvas.mapToGlobal(end).toPointF(),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(canvas, moved)
    [line] = canvas.findChildren(DrawnLine)
    assert line.isVisible()
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=end)
    assert line.isHidden()
    assert set(np.unique(layer.data)) == {0, 1, 3}
    assert viewer.scene.camera.center == centre
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not correction_tools(viewer).pressed

    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: not correction_tools(viewer)._users)
    QTest.keyClick(canvas, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert layer.data[20, 20]
    section.close()
