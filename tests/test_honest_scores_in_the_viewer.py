"""Someone lets each image be left out, then trains a model until it is worse."""

import numpy as np
import pytest
from qtpy.QtWidgets import QCheckBox, QLabel, QProgressBar

from napari_unet.core.card import read_manifest
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.layers import add_labels

pytestmark = pytest.mark.gl


def annotate_squares(person, name, seed):
    """Open an image of twelve squares, with all of them annotated."""
    labels = np.zeros((96, 128), np.uint16)
    for number in range(12):
        y, x = divmod(number, 4)
        labels[8 + 30 * y : 26 + 30 * y, 8 + 30 * x : 26 + 30 * x] = number + 1
    noise = np.random.default_rng(seed).normal(0, 20, labels.shape)
    image = person.viewer.add_image(100 + 300 * (labels > 0) + noise, name=name)
    add_labels(person.viewer, image, "annotation", labels)
    choose_image(person.viewer, image)


def test_a_single_image_cannot_be_left_out_and_that_is_said_before_the_start(person):
    annotate_squares(person, "a", 0)
    person.find(QCheckBox, "Leave each image or region out once", "Fine-tune").click()
    too_few = "there must be two images or regions at least"
    person.wait_for(too_few, "Fine-tune")
    annotate_squares(person, "b", 1)
    choose_image(person.viewer, person.viewer.layers["a"])
    person.wait(lambda: too_few not in person.reads("Fine-tune"))


def test_scores_are_honest_and_a_worse_model_is_not_taken_in_silence(person):
    for seed, name in enumerate("abc"):
        annotate_squares(person, name, seed)
    person.make_it_quick(20)
    title = "Leave each image or region out once"
    person.find(QCheckBox, title, "Fine-tune").click()
    person.press("Start training", "Fine-tune")
    bar = person.find(QProgressBar, "Training progress", "Fine-tune")
    person.wait(lambda: "leaving out 2 of 3" in bar.format())
    assert "left" in bar.format()
    person.wait_for_the_job()
    person.wait_for("of 36 objects", "Fine-tune")
    assert "3 trainings" in person.reads("Fine-tune")
    assert "95 %" in person.reads("Fine-tune")
    good = person.session.model_folder
    assert read_manifest(good).card.scores["f1"] > 0.5

    person.find(QCheckBox, title, "Fine-tune").click()
    person.session.train_config = person.session.train_config.replaced(
        learning_rate=1.0, schedule="constant", iterations=8
    )
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    person.wait_for(f"'{good.name}' stays the model in use", "Fine-tune")
    verdicts = "worse than the model it started", "There is no clear difference"
    assert any(verdict in person.reads("Fine-tune") for verdict in verdicts)
    assert person.session.model_folder == good
    kept = read_manifest(good).settings.objects
    trained = person.session.trained
    assert person.session.objects == read_manifest(trained).settings.objects
    assert person.session.objects.threshold == kept.threshold

    person.press("Use it anyway", "Fine-tune")
    person.wait_for_the_job()
    assert person.session.model_folder == trained
    assert read_manifest(trained).card.learned is None
    assert not [
        label
        for label in person.dock.findChildren(QLabel)
        if "stays the model in use" in label.text() and label.isVisible()
    ]
    assert any(verdict in person.reads("Fine-tune") for verdict in verdicts)

    person.press(f"Back to '{good.name}'", "Fine-tune")
    assert person.session.model_folder == good
    assert f"'{good.name}' is again the model in use" in person.reads("Fine-tune")
    person.press("Use it anyway", "Fine-tune")
    assert person.session.model_folder == trained
    assert person.problems() == []
