"""A person's whole path with points, in a real viewer: mark, train, detect, correct."""

import re

import numpy as np
import pytest

pytestmark = pytest.mark.gl
SHAPE = (112, 112)


def spots():
    """Return an image of round spots on a jittered grid, and where they are."""
    rng = np.random.default_rng(0)
    grid = np.mgrid[8:108:14, 8:108:14].reshape(2, -1).T
    places = grid + rng.uniform(-2, 2, grid.shape)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    grey = rng.normal(100, 10, SHAPE)
    for cy, cx in places:
        grey += 120 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 5)
    return grey.astype(np.float32), places


def let_settle(person):
    """Wait until the canvas keeps its size: the dock may have become wider."""
    canvas = person.viewer.window._qt_viewer.canvas.native
    widths = []
    while len(set(widths[-6:])) != 1 or len(widths) < 6:
        person.qtbot.wait(50)
        widths.append(canvas.width())


def test_mark_train_detect_and_correct(person):
    grey, places = spots()
    viewer = person.viewer
    viewer.add_image(grey, name="spots", scale=(0.5, 0.5), units=("um", "um"))
    person.press("Mark by points", "Annotate")
    points = person.layer("spots points")
    assert viewer.layers.selection.active is points
    # A click of the mouse on the canvas, then the others at once.
    let_settle(person)
    person.look_at(viewer.layers[0], (slice(0, 112), slice(0, 112)))
    person.drag(points, places[0], places[0])
    assert np.allclose(points.data[0], places[0], atol=0.6)
    points.add(places[1:])
    person.wait_for(f"{len(places)} points", "Annotate")

    person.make_it_quick(60)
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    assert "F1" in person.reads("Fine-tune")
    trained = re.compile(r"Trained on \d+ points")
    person.wait(lambda: bool(trained.search(person.reads("Image and model"))))

    person.press("Detect", "Segment")
    person.wait_for_the_job()
    found = person.layer("spots detections")
    nearest = np.linalg.norm(found.data[:, None] - places, axis=2).min(axis=0)
    assert (nearest < 3).mean() > 0.8
    person.wait_for(f"{len(found.data)} points", "Segment")
    assert set(found.features["class"]) == {"object"}
    assert found.features["confidence"].between(0, 1).all()

    points.data = points.data[:1]
    person.press("Take over detections", "Annotate")
    assert len(points.data) == len(found.data)
    assert not person.problems()


def test_points_do_not_go_on_from_a_model_of_painted_objects(person, tmp_path):
    grey, places = spots()
    viewer = person.viewer
    viewer.add_image(grey, name="spots")
    person.press("New", "Annotate")
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    annotation = person.layer("spots annotation")
    for number, (cy, cx) in enumerate(places, start=1):
        annotation.data[(y - cy) ** 2 + (x - cx) ** 2 < 9] = number
    annotation.refresh()
    person.make_it_quick(2)
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    viewer.layers.remove(annotation)
    person.press("Mark by points", "Annotate")
    person.layer("spots points").add(places)
    person.press("Start training", "Fine-tune")
    assert "start from scratch" in person.problems()[-1]
    person.choose("Scratch", "Start from", "Fine-tune")
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    person.wait_for("points", "Image and model")
