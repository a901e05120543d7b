"""A person's way with points in a volume, in a real viewer: mark to export."""

import itertools
import re

import numpy as np
import pytest
from qtpy.QtWidgets import QLineEdit

from napari_unet.formats.points import read_points

pytestmark = pytest.mark.gl
SHAPE = (18, 48, 48)


def blobs():
    """Return a stack of blobs in planes twice as far apart as pixels, and places."""
    rng = np.random.default_rng(0)
    centres = np.array(list(itertools.product((4, 13), (8, 24, 40), (8, 24, 40))))
    places = centres + rng.uniform(-1.5, 1.5, centres.shape)
    grid = np.indices(SHAPE)
    grey = rng.normal(50, 8, SHAPE)
    for place in places:
        apart = grid - place[:, None, None, None]
        apart[0] *= 2
        grey += 100 * np.exp(-(apart**2).sum(axis=0) / 14)
    return grey.astype(np.float32), places


def make_it_small(session):
    """Take the settings for volumes, and a network of seconds."""
    session.choose_preset("fast-3d")
    session.network = session.network.replaced(base_channels=4, levels_z=1)
    session.train_config = session.train_config.replaced(
        seconds=None,
        iterations=70,
        patch_size=32,
        patch_depth=16,
        batch_size=4,
        validations=2,
        learning_rate=0.01,
    )


def test_mark_train_detect_compare_and_export(person, tmp_path):
    grey, places = blobs()
    viewer = person.viewer
    viewer.add_image(grey, name="stack", scale=(1, 0.5, 0.5), units=("um",) * 3)
    make_it_small(person.session)
    person.press("Mark by points", "Annotate")
    points = person.layer("stack points")
    points.add(places)
    person.wait_for("18 points", "Annotate")
    points.add(places[0] + (0.5, 1, 0))
    person.wait_for("1 pair of points is closer than the 4 px", "Annotate")
    points.data = points.data[:18]

    person.choose("weight map", "Map to show", "Weight map")
    section = person.dock.section("Weight map")
    section._live.setChecked(True)
    person.wait_for("18 points; the brightest pixels", "Weight map")
    section._live.setChecked(False)

    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    trained = re.compile(r"Trained on \d+ points")
    person.wait(lambda: bool(trained.search(person.reads("Image and model"))))
    assert "F1" in person.reads("Fine-tune")

    person.choose("Whole layer", "What to segment", "Segment")
    person.press("Detect", "Segment")
    person.wait_for_the_job()
    found = person.layer("stack detections")
    person.wait_for(f"{len(found.data)} points", "Segment")
    assert "slices" not in person.reads("Segment")
    assert (found.data[:, 0] % 1 != 0).any()

    person.choose("Points", "What is compared", "Evaluate")
    person.press("Compare", "Evaluate")
    person.wait(lambda: "stack points errors" in viewer.layers)
    person.wait_for("missed&nbsp;<b>", "Evaluate")
    table = person.dock.section("Evaluate")._of_points
    assert float(table.item(0, 1).text()) > 0.8

    person.choose("stack detections", "Layer", "Export")
    person.find(QLineEdit, "Folder", "Export").setText(str(tmp_path / "out"))
    person.press("Export", "Export")
    person.wait_for("read back and compared: stack detections.csv", "Export")
    table = read_points(tmp_path / "out" / "stack detections.csv")
    assert len(table.points) == len(found.data)
    assert not person.problems()
