"""Labels of other programs get the numbers this one works with; it can be undone."""

import numpy as np
import pytest

from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.annotation_layers import examples_of
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.label_values import LabelValues
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels


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
def values(section):
    return section.findChild(LabelValues)


def take(section, viewer, nuclei, dtype, *numbers):
    data = np.resize(np.array(numbers, dtype), nuclei.data.shape)
    section._take_annotation(add_labels(viewer, nuclei, "annotation", data))
    return chosen_layers(viewer).annotation


def test_the_fiji_plugins_convention(section, values, viewer, nuclei):
    layer = take(section, viewer, nuclei, np.uint16, 0, 1, 2, 7, IGNORE_LABEL)
    values._zero.click()
    expected = [IGNORE_LABEL, 0, 1, 6, IGNORE_LABEL]
    assert layer.data.ravel()[:5].tolist() == expected
    layer.undo()
    assert layer.data.ravel()[:5].tolist() == [0, 1, 2, 7, IGNORE_LABEL]


def test_any_numbers_become_classes(section, values, viewer, nuclei, session):
    layer = take(section, viewer, nuclei, np.uint8, 0, 128, 255, 0)
    values._number.click()
    assert layer.data.ravel()[:4].tolist() == [0, 1, 2, 0]
    assert session.annotation == "classes"
    assert session.class_names == ("background", "value 128", "value 255")
    [example] = examples_of(viewer)
    assert np.unique(example.annotation).tolist() == [0, 1, 2]


def test_ignored_ground_needs_room(section, values, viewer, nuclei, told):
    layer = take(section, viewer, nuclei, np.uint8, 0, 1, 2)
    values._zero.click()
    assert "holds uint8, in which ignored ground (65535) has no place" in told[0]
    assert layer.data.ravel()[:3].tolist() == [0, 1, 2]


def test_colours_become_classes(section, values, viewer, nuclei, session):
    colours = np.zeros((60, 90, 3), np.uint8)
    colours[:20], colours[20:30] = (255, 0, 0), (0, 0, 255)
    layer = viewer.add_image(colours, rgb=True, name="mask")
    values._coloured.setValue(layer)
    values._coloured.layerChanged.emit(layer)
    annotation = chosen_layers(viewer).annotation
    assert annotation.data[[0, 25, 40], 0].tolist() == [2, 1, 0]
    assert session.class_names == ("background", "#0000ff", "#ff0000")
    assert annotation.get_color(2)[:3].tolist() == [1, 0, 0]
    swatch = section._classes._table.item(1, 0).background().color()
    assert swatch.name() == "#0000ff"
    section._classes._table.item(1, 1).setText("nucleus")
    assert session.class_names == ("background", "nucleus", "#ff0000")
    assert annotation.get_color(1)[:3].tolist() == [0, 0, 1]
    assert not layer.visible
    assert values._coloured.value() is None


@pytest.fixture(params=[(3,), (2, 3)])
def stack(request, viewer, section):
    data = np.zeros((*request.param, 60, 90), np.uint8)
    layer = viewer.add_image(data, name="stack")
    choose_image(viewer, layer)
    return layer


def test_stacks_get_other_numbers_too(section, values, viewer, stack, session):
    layer = take(section, viewer, stack, np.uint16, 0, 128, 255, 0)
    old = layer.data.copy()
    values._number.click()
    assert session.class_names == ("background", "value 128", "value 255")
    np.testing.assert_array_equal(layer.data, old // 127)
    layer.undo()
    np.testing.assert_array_equal(layer.data, old)
    values._zero.click()
    assert layer.data.ravel()[:4].tolist() == [IGNORE_LABEL, 127, 254, IGNORE_LABEL]


def test_coloured_stacks_become_classes(section, values, viewer, stack, session):
    colours = np.zeros((*stack.data.shape, 3), np.uint8)
    colours[-1, ..., :20, :, 1] = 190
    layer = viewer.add_image(colours, rgb=True, name="mask")
    values._coloured.setValue(layer)
    values._coloured.layerChanged.emit(layer)
    annotation = chosen_layers(viewer).annotation
    np.testing.assert_array_equal(annotation.data, colours[..., 1] // 190)
    assert session.class_names == ("background", "#00be00")


def test_too_many_pixels_to_undo_become_a_new_annotation(
    section, values, viewer, stack, monkeypatch
):
    monkeypatch.setattr("napari_unet.widgets.label_values.MAX_UNDOABLE_PIXELS", 10)
    old = take(section, viewer, stack, np.uint8, 0, 128, 255, 0)
    values._number.click()
    new = chosen_layers(viewer).annotation
    assert new is not old
    assert not old.visible
    assert old.data.ravel()[:4].tolist() == [0, 128, 255, 0]
    assert new.data.ravel()[:4].tolist() == [0, 1, 2, 0]


def test_labels_in_colours_do_not_become_the_image(session, viewer, nuclei, qtbot):
    from napari_unet.widgets.image_model import ImageModelSection

    choose_image(viewer, nuclei)
    section = ImageModelSection(session, viewer)  # qtbot holds it only weakly
    qtbot.addWidget(section)
    viewer.add_image(np.zeros((60, 90, 3), np.uint8), rgb=True, name="mask")
    assert chosen_layers(viewer).image is nuclei
    photograph = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    photograph = viewer.add_image(photograph, rgb=True)
    assert chosen_layers(viewer).image is photograph


def test_objects_are_not_taken_for_classes(section, values, viewer, nuclei, told):
    layer = take(section, viewer, nuclei, np.uint16, *range(300))
    values._number.click()
    assert "300 different values" in told[0]
    assert layer.data.max() == 299


def test_without_an_annotation_there_is_nothing_to_change(section, values):
    assert not values._zero.isEnabled()
    assert not values._number.isEnabled()


def test_instances_from_a_mask_of_any_numbers(section, values, viewer, nuclei, session):
    take(section, viewer, nuclei, np.uint16, 0)
    layer = chosen_layers(viewer).annotation
    layer.data[2, 2] = layer.data[3, 3] = layer.data[9, 9] = 1
    layer.data[20, 20], layer.data[30, 30] = 5, IGNORE_LABEL
    session.annotation = "classes"
    assert [values._connected.itemText(i) for i in range(2)] == [
        "4 neighbours",
        "8 neighbours",
    ]
    values._pieces.click()
    assert session.annotation == "objects"
    pieces = [(2, 2), (3, 3), (9, 9), (20, 20)]
    assert [int(layer.data[at]) for at in pieces] == [1, 2, 3, 4]
    assert layer.data[30, 30] == IGNORE_LABEL
    layer.undo()
    values._connected.setCurrentIndex(1)
    values._pieces.click()
    assert [int(layer.data[at]) for at in pieces] == [1, 1, 2, 3]


def test_more_pieces_than_a_layer_has_numbers_for(
    section, values, viewer, nuclei, told
):
    layer = take(section, viewer, nuclei, np.uint8, 0)
    layer.data[::2, ::2] = 1
    before = layer.data.copy()
    values._pieces.click()
    assert "1350 pieces, more than" in told[0]
    np.testing.assert_array_equal(layer.data, before)
