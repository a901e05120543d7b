"""The dock: one session per viewer, every section usable, nothing left behind."""

from pathlib import Path

import numpy as np
import pytest
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from qtpy.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox

from napari_unet.core.card import Card
from napari_unet.core.config import NetworkConfig, TrainConfig
from napari_unet.jobs import Outcome, Status
from napari_unet.session import Session
from napari_unet.widgets.annotation_layers import examples_of
from napari_unet.widgets.background import run_in_background
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.dock import (
    SECTIONS,
    WIDTH,
    SegmentDock,
    UNetDock,
    session_of,
)

PLUGIN = "napari-unet-live"
pytestmark = pytest.mark.gl


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def described(monkeypatch):
    monkeypatch.setattr(
        Session, "describe_device", lambda self: f"device {self.device}"
    )


@pytest.fixture
def dock(viewer, described):
    dock = UNetDock(viewer)
    viewer.window.add_dock_widget(dock, name="U-Net")
    return dock


def test_napari_opens_it_and_every_section(make_napari_viewer, described):
    viewer = make_napari_viewer()
    for name in ("U-Net", *SECTIONS):
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        assert widget.session is session_of(viewer)


def test_each_viewer_has_a_session_of_its_own(make_napari_viewer, described):
    one, other = make_napari_viewer(), make_napari_viewer()
    assert session_of(one) is session_of(one)
    assert session_of(one) is not session_of(other)


def test_a_new_session_takes_the_preferred_device(viewer, plugin_settings, npe2pm):
    npe2pm.register(PluginManifest.from_distribution(PLUGIN))
    get_plugin_settings(PLUGIN).compute.device = "cpu"
    assert session_of(viewer).device == "cpu"


def test_no_unfolded_section_is_wider_than_the_widest_folded_one(dock):
    sections = [dock.section(title) for title in SECTIONS]
    widest = max(section.minimumSizeHint().width() for section in sections)
    for section in sections:
        for box in section.findChildren(Collapsible):
            box.setOpen(True)
        assert section.minimumSizeHint().width() <= widest


def test_the_dock_stays_as_wide_as_it_is_whatever_is_unfolded(qtbot, dock):
    content, widths = dock._scroll.widget(), set()
    for title in SECTIONS:
        dock.open_section(title)
        for box in dock.section(title).findChildren(Collapsible):
            box.setOpen(True)
        content.layout().activate()
        widths.add(dock._scroll.minimumSizeHint().width())
    dock.section("Fine-tune")._button.setText("Stop and keep the best")
    widths.add(dock._scroll.minimumSizeHint().width())
    assert widths == {WIDTH}


@pytest.mark.parametrize("has_model", [False, True])
def test_a_beginner_annotates_and_who_has_a_model_segments(
    viewer, described, monkeypatch, qtbot, starters_folder, has_model
):
    models = [(Path("model"), Card())] if has_model else []
    monkeypatch.setattr(Session, "list_models", lambda _: models)
    dock = UNetDock(viewer)
    qtbot.addWidget(dock)
    opened = [title for title, box in dock._boxes.items() if box.isOpen()]
    first = "Segment" if has_model else "Annotate"
    assert opened == ["Image and model", first]


def test_the_sections_follow_the_order_of_the_work(dock):
    rows = dock._scroll.widget().layout()
    boxes = [rows.itemAt(row).widget() for row in range(len(SECTIONS))]
    assert [box.accessibleName() for box in boxes] == list(SECTIONS)


def test_every_control_says_what_it_does(dock):
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)
    for title in ("Image and model", "Segment", "Annotate"):
        for kind in kinds:
            for control in dock.section(title).findChildren(kind):
                if control.objectName().startswith("qt_"):
                    continue  # a part of another control
                named = control
                while named is not dock and not named.toolTip():
                    named = named.parentWidget()
                assert named is not dock, f"{title}: {control} has no tooltip"


def test_nothing_is_cut_off_at_the_side(qtbot, dock):
    for title in SECTIONS:
        dock.open_section(title)
    content, scroll = dock._scroll.widget(), dock._scroll
    qtbot.waitUntil(
        lambda: (
            scroll.minimumSizeHint().width()
            >= content.minimumSizeHint().width() + scroll.verticalScrollBar().width()
        )
    )


def test_what_is_open_at_the_start_fits_a_small_screen(dock, qtbot):
    content = dock._scroll.widget()
    assert content.sizeHint().height() < 700


@pytest.mark.parametrize("title", SECTIONS)
def test_each_section_fits_a_window_900_px_high(dock, title):
    """Before experts unfold anything in it."""
    section = dock.section(title)
    assert 50 < section.sizeHint().height() <= 900


def test_normalisation_that_shows_tiles_is_warned_of(dock):
    session = dock.session
    note = dock.section("Fine-tune")._form._note
    assert note.isHidden()
    session.network = session.network.replaced(norm="instance")
    assert not note.isHidden()
    assert "tile" in note.text()


def test_a_closed_section_is_hidden(viewer, dock):
    box = dock._boxes["Annotate"]
    dock.open_section("Annotate")
    assert not dock.section("Annotate").isHidden()
    box._button.click()
    assert dock.section("Annotate").isHidden()
    assert not box.isOpen()


def test_opening_a_sample_chooses_it(viewer, dock):
    viewer.open_sample(PLUGIN, "nuclei")
    section = dock.section("Image and model")
    assert section._chosen.image is viewer.layers[0]
    assert "µm per pixel" in section._image_line.text()


def test_a_newly_opened_image_is_worked_on_unless_a_job_runs(viewer, dock):
    first = viewer.add_image(np.ones((20, 20)), name="first")
    second = viewer.add_image(np.ones((20, 20)), name="second")
    assert chosen_layers(viewer).image is second
    job = dock.session.begin("Segment", lambda: iter(()))
    viewer.add_image(np.ones((20, 20)), name="third")
    assert chosen_layers(viewer).image is second
    dock.session.finish(job, Outcome(Status.DONE))
    viewer.add_labels(np.ones((20, 20), int), name="labels")
    assert chosen_layers(viewer).image is second
    viewer.layers.remove(second)
    assert chosen_layers(viewer).image is not None
    assert first in viewer.layers


def test_the_device_line_follows_the_choice(qtbot, viewer, dock):
    section = dock.section("Image and model")
    section.show()
    section._device.setCurrentText("cpu")
    assert dock.session.device == "cpu"
    qtbot.waitUntil(lambda: section._device_line.text() == "device cpu")


def test_a_foreign_model_folder_is_refused_with_a_sentence(dock, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", said.append)
    dock.section("Image and model").open_model(tmp_path)
    assert len(said) == 1
    assert "is not a model folder" in said[0]
    assert dock.session.model_folder is None


def test_a_dock_taken_away_during_the_work_harms_nothing(
    qtbot, viewer, session, workflow, tmp_path, described
):
    viewer.add_image(np.ones((40, 40)))
    dock = SegmentDock(viewer)
    viewer.window.add_dock_widget(dock, name="Segment")
    workflow.seconds_per_tile = 0.05
    dock.session.model_folder = tmp_path
    dock_session = dock.session
    choose_image(viewer, viewer.layers[0])
    dock.section._button.click()
    assert dock_session.is_busy
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    del dock
    qtbot.waitUntil(lambda: not dock_session.is_busy)
    dock_session.objects = dock_session.objects.replaced(min_size=0)


def test_the_loop_with_the_real_network(qtbot, viewer, dock):
    data = np.zeros((48, 48), np.uint8)
    data[8:24, 8:24] = data[28:44, 26:42] = 200
    viewer.add_image(data, name="squares")
    session = dock.session
    session.device = "cpu"
    session.network = NetworkConfig(base_channels=2, levels=1)
    session.train_config = TrainConfig(
        iterations=2, seconds=None, patch_size=32, batch_size=1, validations=1
    )
    dock.section("Annotate")._new.click()
    chosen = chosen_layers(viewer)
    chosen.annotation.data_setitem(np.nonzero(data), 1)
    split = dock.section("Annotate")._split
    qtbot.waitUntil(lambda: not split.isHidden())
    split.click()
    run_in_background(session.fine_tune(examples_of(viewer)), dock, session=session)
    qtbot.waitUntil(lambda: not session.is_busy)
    assert session.model_folder is not None
    assert dock.section("Image and model")._model.currentData() == session.model_folder
    dock.section("Segment")._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert session.segmentation.probabilities.shape == (2, 48, 48)
    np.testing.assert_array_equal(chosen.prediction.data, session.segmentation.labels)


def test_the_device_is_looked_for_once_there_is_an_image(
    qtbot, make_napari_viewer, described
):
    """The answer loads torch, which an empty viewer does not need."""
    viewer = make_napari_viewer(show=True)
    dock = UNetDock(viewer)
    viewer.window.add_dock_widget(dock)
    section = dock.section("Image and model")
    qtbot.wait(700)
    assert "once an image is open" in section._device_line.text()
    viewer.add_image(np.zeros((8, 8)))
    qtbot.waitUntil(lambda: section._device_line.text() == "device auto")
