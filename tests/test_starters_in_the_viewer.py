"""Out of the box: open an image, press Segment, see objects; then go on from there.

In a real viewer; the starter models were trained here, for a few seconds.
"""

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox

import napari_unet as nu
from napari_unet.core.card import Card, read_manifest
from napari_unet.core.checkpoint import copy_weights, publish_model, save_model
from napari_unet.core.network.unet import build_network
from napari_unet.core.notes import ModelNotes
from napari_unet.samples import fluorescence_nuclei

PLUGIN = "napari-unet-live"
NOTES = ModelNotes(
    purpose="Synthetic nuclei",
    made_for="Nuclei 20 to 30 px across.",
    data=("Samples of this program",),
    licence="CC0",
)
pytestmark = pytest.mark.gl


@pytest.fixture
def starters(tmp_path, starters_folder):
    """One starter model that knows nuclei, and one that knows nothing."""
    sample = fluorescence_nuclei((256, 256), seed=7)
    grey = sample.image[None].astype(np.float32)
    image = nu.Image(grey, sample.pixel_size_um, "nuclei 7")
    network = nu.NetworkConfig(base_channels=8, levels=3)
    steps = nu.fine_tune(
        [nu.Example(image, sample.labels)],
        tmp_path / "trained",
        config=nu.TrainConfig(
            iterations=40, seconds=None, patch_size=96, batch_size=4, validations=2
        ),
        settings=nu.ModelSettings(network=network),
    )
    settings = nu.run(steps).model.settings
    publish_model(tmp_path / "trained", starters_folder / "nuclei", NOTES)
    weights = copy_weights(build_network(network, seed=1))
    save_model(starters_folder / "cells-phase", settings, Card(notes=NOTES), weights)
    return starters_folder


def test_one_click_finds_objects_and_the_next_training_goes_on_from_there(
    starters, person
):
    person.viewer.open_sample(PLUGIN, "nuclei")
    assert person.find(QComboBox, "Model", "Image and model").currentIndex() == 0
    person.press("Segment", "Segment")
    person.wait_for("By the starter model <b>nuclei</b>", "Segment")
    person.wait_for_the_job()
    prediction = person.layer("Nuclei prediction")
    assert len(np.unique(prediction.data)) > 60
    assert person.problems() == []

    person.press("New", "Annotate")
    person.press("Accept all in view", "Annotate")
    start = person.find(QComboBox, "Start from", "Fine-tune")
    assert start.currentText() == "nuclei"
    person.choose("iterations", "Unit of the training's length", "Fine-tune")
    person.enter(3, "Train for", "Fine-tune")
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    mine = person.session.model_folder
    assert mine.parent == person.session.models_folder
    assert read_manifest(mine).card.started_from == "nuclei"
    assert start.currentText() == "The model in use"

    person.choose("cells-phase", "Model", "Image and model")
    person.press("Segment", "Segment")
    person.wait_for_the_job()
    assert "starter model" not in person.reads("Segment")
    assert start.currentText() == "cells-phase"
    assert person.problems() == []
