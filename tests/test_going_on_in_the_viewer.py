"""Someone stops a training in the dock, thinks again, and goes on with it."""

import numpy as np
import pytest
from qtpy.QtWidgets import QProgressBar, QPushButton

from napari_unet.core.card import read_manifest
from napari_unet.widgets.chosen import chosen_layers

pytestmark = pytest.mark.gl


def annotate_squares(person):
    labels = np.zeros((96, 128), int)
    for number in range(12):
        y, x = divmod(number, 4)
        labels[8 + 30 * y : 26 + 30 * y, 8 + 30 * x : 26 + 30 * x] = number + 1
    noise = np.random.default_rng(0).normal(0, 20, labels.shape)
    person.viewer.add_image(100 + 300 * (labels > 0) + noise, name="squares")
    person.press("New", "Annotate")
    annotation = chosen_layers(person.viewer).annotation
    annotation.data_setitem(np.nonzero(labels), labels[labels > 0])


def stop_early(person):
    person.make_it_quick(120)
    person.press("Start training", "Fine-tune")
    bar = person.find(QProgressBar, "Training progress", "Fine-tune")
    person.wait(lambda: bar.value() > 100)
    person.press("Stop and keep the best", "Fine-tune")
    person.wait_for_the_job()
    person.wait_for("Go on", "Fine-tune")
    return person.session.model_folder


def offers(person):
    """Open the menu and return what it offers: its actions by their text."""
    person.open("All trainings", inside=person.open("Fine-tune"))
    button = person.find(QPushButton, "Go on", "Fine-tune")
    assert button.isEnabled()
    button.menu().aboutToShow.emit()
    return {action.text(): action for action in button.menu().actions()}


def test_a_stopped_training_goes_on_to_its_end_and_further(person):
    annotate_squares(person)
    folder = stop_early(person)
    taken = read_manifest(folder).card.iterations
    assert 0 < taken < 120

    # What the form says now is of another training.
    person.session.train_config = person.session.train_config.replaced(
        seed=7, iterations=30
    )
    there = offers(person)
    assert list(there) == [
        f"To its end: {120 - taken} iterations left",
        "For another 30 iterations",
    ]
    there[f"To its end: {120 - taken} iterations left"].trigger()
    assert person.session.is_busy
    person.wait_for_the_job()
    person.wait_for("(120 iterations)", "Fine-tune")
    card = read_manifest(folder).card
    assert person.session.model_folder == folder
    assert (card.iterations, card.training.seed) == (120, 0)
    assert card.scores["f1"] > 0.8
    steps = [entry.iteration for entry in card.history]
    assert steps == sorted(steps)
    assert steps[0] < taken < steps[-1]
    curves = person.dock.section("Fine-tune")._curves
    assert curves._losses[0][0] == steps[0]  # its past is shown, too

    there = offers(person)
    assert not there["It has reached its end"].isEnabled()
    there["For another 30 iterations"].trigger()
    person.wait_for_the_job()
    person.wait_for("(150 iterations)", "Fine-tune")
    assert person.problems() == []


def test_a_training_of_objects_does_not_go_on_with_classes(person):
    annotate_squares(person)
    folder = stop_early(person)
    person.choose("classes", "Learn", "Annotate")
    offers(person)["For another 120 iterations"].trigger()
    person.wait(lambda: bool(person.problems()))
    [said] = person.problems()
    assert "was learning objects, and classes are annotated now" in said
    assert not person.session.is_busy
    assert person.session.model_folder == folder
