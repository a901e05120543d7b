"""Someone paints classes on two layers at once, trains, and finds them by name."""

import numpy as np
import pytest

from napari_unet.core.card import read_manifest
from napari_unet.widgets.chosen import chosen_layers

pytestmark = pytest.mark.gl


def scene():
    """Return classes of 16 px blocks; which one can only be told by both images."""
    rng = np.random.default_rng(0)
    classes = np.kron(rng.integers(0, 3, (6, 8)), np.ones((16, 16), int))
    noise = rng.normal(0, 4, (2, *classes.shape))
    first, second = np.array([[40, 160, 160], [50, 50, 170]])[:, classes] + noise
    return classes, first.astype(np.float32), second.astype(np.float32)


def tick(person, name):
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QListWidget

    person.open("Channels and pixel size", inside=person.open("Image and model"))
    layers = person.find(QListWidget, "Channels", "Image and model")
    [item] = layers.findItems(name, Qt.MatchFlag.MatchExactly)
    item.setCheckState(Qt.CheckState.Checked)


def test_classes_of_two_layers_are_learned_and_named(person):
    from qtpy.QtWidgets import QTableWidget

    classes, first, second = scene()
    person.viewer.add_image(second, name="gfp")
    person.viewer.add_image(first, name="dapi")
    tick(person, "gfp")
    assert "channels: dapi, gfp" in person.reads("Image and model")

    person.choose("classes", "Learn", "Annotate")
    person.press("New", "Annotate")
    person.press("Add class", "Annotate")
    table = person.find(QTableWidget, "Classes", "Annotate")
    for row, name in enumerate(("ground", "plasma", "nucleus")):
        table.item(row, 1).setText(name)
    annotation = chosen_layers(person.viewer).annotation
    for number in (1, 2):
        table.cellClicked.emit(number, 1)
        assert annotation.selected_label == number
        annotation.data_setitem(np.nonzero(classes == number), number)
    person.wait_for("2 classes beside background", "Annotate")

    person.make_it_quick(120)
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    settings = read_manifest(person.session.model_folder).settings
    assert settings.class_names == ("ground", "plasma", "nucleus")
    assert settings.channels == ("dapi", "gfp")

    person.press("Segment", "Segment")
    person.wait_for_the_job()
    person.wait_for("nucleus", "Segment")
    prediction = person.layer("dapi prediction")
    assert (prediction.data == classes).mean() > 0.9
    assert prediction.features["class"].tolist()[:3] == ["ground", "plasma", "nucleus"]

    # One class more: the model goes on with the others as they are.
    person.press("Add class", "Annotate")
    annotation.data_setitem(np.nonzero(classes[:32] == 1), 3)
    person.enter(4, "Train for", "Fine-tune")
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    # After so few steps it may be worse, so that the model it began with stays in use.
    names = read_manifest(person.session.trained).settings.class_names
    assert names == ("ground", "plasma", "nucleus", "class 3")
    assert not person.problems()
