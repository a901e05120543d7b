"""A model of grey values fills an image layer over the image it predicts from."""

import numpy as np
import pytest

from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.presets import PRESETS
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.extent_combo import LAYER
from napari_unet.widgets.layers import find_layer
from napari_unet.widgets.segment import SegmentSection


@pytest.fixture
def model(tmp_path):
    """A model folder of an untrained network that predicts values from 100 to 300."""
    from napari_unet.core.card import Card
    from napari_unet.core.checkpoint import save_model
    from napari_unet.core.network.unet import build_network

    config = NetworkConfig(base_channels=2, levels=1, head="regression")
    network = build_network(config, seed=0)
    settings = ModelSettings(
        network=config, annotation="values", value_range=((100.0, 300.0),)
    )
    save_model(tmp_path / "model", settings, Card(), network.state_dict())
    return tmp_path / "model"


@pytest.mark.parametrize("shape", [(40, 50), (3, 40, 50)])
def test_segmenting_puts_the_predicted_image_over_the_image(
    qtbot, viewer, session, model, shape
):
    from napari_unet.core import workflow
    from napari_unet.core.image import Image

    grey = np.random.default_rng(0).normal(500, 90, shape).astype(np.float32)
    layer = viewer.add_image(grey, name="noisy", scale=(0.5,) * len(shape))
    session.model_folder = model
    choose_image(viewer, layer)
    section = SegmentSection(session, viewer)
    qtbot.addWidget(section)
    section._where.setCurrentText(LAYER)
    assert section._form.isHidden()  # there are no objects to make

    section._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)

    predicted = find_layer(viewer, layer, "predicted image")
    loaded = workflow.load_model(model)
    expected = workflow.run(workflow.segment(Image(grey[None], None, "x"), loaded))
    values = workflow.restore_values(expected.probabilities, loaded.settings)
    np.testing.assert_allclose(predicted.data, values[0], atol=1)  # bfloat16 or not
    np.testing.assert_array_equal(predicted.scale, layer.scale)
    assert find_layer(viewer, layer, "prediction") is None
    assert "predicted image" in section._report.line.text()
    assert not section._probabilities.isEnabled()
    # Moving a slider finds no objects in it.
    section._form.control("threshold").setValue(0.7)
    qtbot.waitUntil(lambda: not section._finder.is_busy)
    np.testing.assert_allclose(predicted.data, values[0], atol=1)


def test_every_preset_is_offered(qtbot, session):
    from napari_unet.widgets.train_form import TrainForm

    form = TrainForm(session)
    qtbot.addWidget(form)
    offered = [form._preset.itemData(i) for i in range(form._preset.count())]
    assert offered == list(PRESETS)


def test_a_model_of_values_brings_what_is_learned_and_starts_only_that(
    qtbot, session, model
):
    from napari_unet.widgets.train_form import TrainForm

    form = TrainForm(session)
    qtbot.addWidget(form)
    session.model_folder = model
    assert (session.annotation, session.preset) == ("values", "denoise")
    assert form.start_from() == model
    session.annotation = "objects"
    assert (session.network.head, session.preset) == ("softmax", "fast")
    assert form.start_from() is None
    assert model not in form._start.folders()  # it is not even offered
    session.annotation = "values"
    assert form._start.folders().index(model) == 1


def test_the_head_chosen_by_hand_brings_a_loss_for_it(session):
    session.network = session.network.replaced(head="regression")
    assert (session.annotation, session.train_config.loss) == ("values", "mse")
    session.network = session.network.replaced(head="sigmoid")
    assert session.annotation == "objects"
    assert session.train_config.loss == "cross-entropy"
