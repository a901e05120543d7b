"""Tile and zoom in the dock, and what they come to, before and while it runs."""

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import copy_weights, load_model, save_model
from napari_unet.core.config import ModelSettings, NetworkConfig, PredictionConfig
from napari_unet.core.errors import MemoryShortageError
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.zoom import Zoom
from napari_unet.samples import fluorescence_nuclei
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.extent_combo import LAYER
from napari_unet.widgets.segment import SegmentSection


@pytest.fixture
def model(tmp_path):
    """An untrained model for pixels of 1 µm."""
    network = NetworkConfig(base_channels=2, levels=1)
    settings = ModelSettings(network=network, pixel_size_um=1.0)
    weights = copy_weights(build_network(network, seed=0))
    save_model(tmp_path / "model", settings, Card(name="model"), weights)
    return tmp_path / "model"


@pytest.fixture
def section(qtbot, viewer, session, nuclei, model):
    session.model_folder, session.device = model, "cpu"
    choose_image(viewer, nuclei)  # 60 × 90 px of 0.5 µm
    section = SegmentSection(session, viewer)
    qtbot.addWidget(section)
    section._where.setCurrentText(LAYER)
    section.show()
    return section


def unfold(section):
    (fold,) = section.findChildren(Collapsible)
    fold.setOpen(True)


def plan(section):
    return section._how._plan.text()


def test_what_it_takes_is_told_once_somebody_looks(qtbot, section):
    assert plan(section) == ""
    unfold(section)
    qtbot.waitUntil(lambda: plan(section) != "")
    assert plan(section).startswith("Rescaled to 45 × 30 px (zoom 0.5); tile ")
    assert "1 tile, about 1 MB" in plan(section)


def test_tile_and_zoom_are_taken_over_and_planned_anew(qtbot, section):
    unfold(section)
    form = section._how._form
    assert form.control("tile").text() == "automatic"
    assert form.control("scale").text() == "automatic"
    form.control("scale").stepUp()
    assert section._session.prediction.scale == 1.25
    form.control("tile").setValue(40)
    form.control("scale").setValue(1)
    assert section._session.prediction == PredictionConfig(tile=40, scale=1)
    qtbot.waitUntil(lambda: "4 × 3 tiles" in plan(section))
    assert "Rescaled" not in plan(section)
    form.control("tile").setValue(3)
    qtbot.waitUntil(lambda: "too small" in plan(section))


def test_the_session_is_shown(section):
    section._session.prediction = PredictionConfig(tile=512, scale=2)
    assert section._how._form.control("tile").value() == 512
    assert section._how._form.control("scale").value() == 2


def test_it_is_told_when_a_segmentation_starts(qtbot, section):
    said = []
    section._how.told.connect(lambda _text: said.append(section._report.line.text()))
    section._session.prediction = PredictionConfig(tile=24)
    section._button.click()
    qtbot.waitUntil(lambda: not section._session.is_busy)
    qtbot.waitUntil(lambda: said != [])
    assert "object" in section._report.line.text()
    assert section._session.segmentation.labels.shape == (60, 90)


def test_too_little_memory_is_one_sentence(qtbot, section, monkeypatch):
    import torch

    from napari_unet.core.network.unet import UNet

    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)

    def forward(self, image, spare=0):  # a real allocation fails, of another size
        return torch.empty(2**60, dtype=torch.uint8)

    monkeypatch.setattr(UNet, "forward", forward)
    section._button.click()
    qtbot.waitUntil(lambda: not section._session.is_busy)
    (sentence,) = told
    assert "too little free memory for even the smallest tiles" in sentence
    assert "Image and model" in sentence
    assert section._button.isEnabled()
    assert section._button.text() == "Segment"
    assert issubclass(MemoryShortageError, ValueError)


def test_without_an_image_there_is_no_plan(qtbot, viewer, section):
    unfold(section)
    qtbot.waitUntil(lambda: plan(section) != "")
    choose_image(viewer, None)
    assert plan(section) == ""


def test_of_a_stack_each_plane_counts(qtbot, viewer, section):
    stack = viewer.add_image(np.zeros((4, 60, 90), np.uint8), name="stack")
    choose_image(viewer, stack)
    section._where.setCurrentText(LAYER)
    unfold(section)
    wanted = "1 tile in each of 4 planes"
    qtbot.waitUntil(lambda: wanted in plan(section))


def test_the_zoom_that_was_looked_for_is_shown_and_can_be_changed(
    qtbot, section, viewer, nuclei_folder
):
    sample = fluorescence_nuclei((160, 160), seed=5)
    large = np.kron(np.asarray(sample.image), np.ones((3, 3))).astype(np.uint16)
    choose_image(viewer, viewer.add_image(large, name="large"))
    session, zoom = section._session, section._how._form.control("scale")
    session.model_folder = nuclei_folder
    unfold(section)
    section._where.setCurrentText(LAYER)
    section._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert zoom.text().startswith("automatic: 0.3")
    assert "Zoom 0.3" in section._report.line.text()
    assert "the model was made for" in section._report.line.text()
    # What is smallest is nine times as large here as at the model's own zoom.
    objects = session.objects
    sizes = np.bincount(session.segmentation.labels.ravel())[1:]
    assert sizes.min() >= 7 * objects.min_size
    zoom.setValue(1)
    section._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert session.segmentation.zoom is None
    assert "Zoom 1, as you chose." in section._report.line.text()
    assert zoom.text() == "1.000"
    # One click takes it back.
    assert section._report.offer.isVisible()
    assert section._report.offer.text() == "Use the automatic zoom"
    section._report.offer.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert session.prediction.scale == 0
    assert zoom.text().startswith("automatic: 0.3")
    assert not section._report.offer.isVisible()
    # Steps start at what was found; of another image nothing is known.
    zoom.stepUp()
    assert session.prediction.scale == pytest.approx(1.25 / 3, rel=0.2)
    zoom.setValue(0)
    choose_image(viewer, viewer.add_image(large.T, name="other"))
    assert zoom.text() == "automatic"


def test_a_zoom_that_objects_ask_for_is_one_click_away(
    qtbot, section, viewer, nuclei_folder, tmp_path
):
    sized = load_model(nuclei_folder)
    settings = sized.settings.replaced(pixel_size_um=1.0)
    save_model(tmp_path / "sized", settings, Card(), copy_weights(sized.network))
    sample = fluorescence_nuclei((160, 160), seed=5)
    large = np.kron(np.asarray(sample.image), np.ones((3, 3))).astype(np.uint16)
    layer = viewer.add_image(large, name="large", scale=(1, 1), units=("um", "um"))
    choose_image(viewer, layer)
    session = section._session
    session.model_folder = tmp_path / "sized"
    section._where.setCurrentText(LAYER)
    section._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert "Check the pixel size" in section._report.line.text()
    assert "--scale" not in section._report.line.text()
    assert section._report.offer.text().startswith("Use zoom 0.3")
    section._report.offer.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert session.segmentation.chosen_scale == pytest.approx(1 / 3, rel=0.2)


def test_an_image_unlike_all_that_was_seen_is_warned_of_in_the_dock(
    qtbot, section, viewer, nuclei_folder
):
    sample = fluorescence_nuclei((160, 160), seed=5)
    dark = (40_000 - np.asarray(sample.image).astype(np.int32)).astype(np.uint16)
    choose_image(viewer, viewer.add_image(dark, name="dark"))
    section._session.model_folder = nuclei_folder
    section._where.setCurrentText(LAYER)
    section._button.click()
    qtbot.waitUntil(lambda: not section._session.is_busy)
    assert (
        "It is unlike the images that the model has seen" in section._report.line.text()
    )


def test_the_plan_is_that_of_the_zoom_that_was_found(qtbot, section, session):
    section._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    unfold(section)
    qtbot.waitUntil(lambda: "zoom 0.5" in plan(section))
    found = Zoom(scale=0.25, factor=0.25)
    session.segmentation = replace(session.segmentation, zoom=found)
    section._how.refresh()
    qtbot.waitUntil(lambda: "zoom 0.25" in plan(section))
    session.prediction = session.prediction.replaced(scale=2)  # the user's own
    qtbot.waitUntil(lambda: "zoom 2" in plan(section))
