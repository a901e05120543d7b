"""The box keeps its layer, whatever happens to the list."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_unet.widgets.layer_box import LayerBox


@pytest.fixture
def viewer():
    return ViewerModel()


def add_labels(viewer, name):
    return viewer.add_layer(Labels(np.zeros((4, 4), np.uint8), name=name))


def offered(box):
    return [box.itemText(i) for i in range(box.count())]


@pytest.fixture
def box(qtbot, viewer):
    box = LayerBox(viewer, Labels)
    qtbot.addWidget(box)
    return box


def test_only_layers_of_its_kind_are_offered(viewer, box):
    assert box.value() is None
    add_labels(viewer, "a")
    viewer.add_layer(Image(np.zeros((4, 4)), name="image"))
    add_labels(viewer, "b")
    assert offered(box) == ["b", "a"]


def test_the_choice_survives_renaming_moving_and_other_layers(viewer, box):
    first, second = add_labels(viewer, "a"), add_labels(viewer, "b")
    box.setValue(first)

    first.name = "renamed"
    viewer.layers.move(0, 1)
    viewer.layers.remove(second)
    add_labels(viewer, "c")

    assert box.value() is first
    assert box.currentText() == "renamed"


def test_removing_the_chosen_layer_says_what_is_chosen_now(viewer, box):
    first, second = add_labels(viewer, "a"), add_labels(viewer, "b")
    box.setValue(first)
    told = []
    box.valueChanged.connect(told.append)

    viewer.layers.remove(first)
    viewer.layers.remove(second)

    assert told == [second, None]


def test_no_layer_can_be_a_choice(qtbot, viewer):
    add_labels(viewer, "a")
    box = LayerBox(viewer, Labels, nothing="none")
    qtbot.addWidget(box)
    assert offered(box) == ["none", "a"]
    assert box.value() is None
