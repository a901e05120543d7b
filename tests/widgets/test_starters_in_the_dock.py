"""Starter models in the dock: offered apart, picked where nobody chose another."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel

from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import ModelSettings, ObjectConfig
from napari_unet.core.notes import HeldOutScores, ModelNotes
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.extent_combo import LAYER
from napari_unet.widgets.fine_tune import FineTuneSection
from napari_unet.widgets.go_on import GoOnButton
from napari_unet.widgets.history import RunHistory
from napari_unet.widgets.image_model import AUTOMATIC, ImageModelSection
from napari_unet.widgets.layers import add_labels
from napari_unet.widgets.segment import SegmentSection
from napari_unet.widgets.train_form import TrainForm

NOTES = ModelNotes(
    purpose="Nuclei in fluorescence",
    made_for="Nuclei 10 to 20 px across.",
    data=("Discs of our own",),
    licence="CC0",
    held_out=(HeldOutScores(name="A", images=2, objects=30, scores={"f1": 0.9}),),
    known_failures=("Rings are filled.",),
)


def write(folder, threshold=0.5, **card):
    folder.mkdir(parents=True)
    manifest = Manifest(
        settings=ModelSettings(objects=ObjectConfig(threshold=threshold)),
        card=Card(name=folder.name, **card),
        weights=StoredFile(name="w", bytes=1, sha256=""),
    )
    (folder / "settings.json").write_text(manifest.model_dump_json())
    return folder


@pytest.fixture
def starters(starters_folder):
    """Two starter models without weights, with thresholds of their own."""
    return [
        write(starters_folder / name, threshold, notes=NOTES)
        for name, threshold in (("nuclei", 0.3), ("cells-phase", 0.7))
    ]


@pytest.fixture
def mine(models_folder):
    return write(models_folder / "mine")


@pytest.fixture
def picked(starters, workflow, monkeypatch):
    """Let the first starter suit every image, in place of the real comparison."""
    suits = SimpleNamespace(folder=starters[0], may_answer=threading.Event())
    suits.may_answer.set()

    def choose_starter(image, device, scale="auto"):
        assert suits.may_answer.wait(20)
        settings = ModelSettings(
            objects=ObjectConfig(threshold=0.3 if suits.folder is starters[0] else 0.7)
        )
        model = SimpleNamespace(settings=settings, folder=suits.folder)
        zoom = SimpleNamespace(scale=None, factor=1.0, said="")
        return SimpleNamespace(model=model, why="it finds <more>", zoom=zoom)

    workflow.choose_starter = choose_starter
    return suits


@pytest.fixture
def section(qtbot, viewer, session, picked, nuclei):
    choose_image(viewer, nuclei)
    section = SegmentSection(session, viewer)
    qtbot.addWidget(section)
    section._where.setCurrentText(LAYER)
    return section


def press_segment(qtbot, section):
    section._button.click()
    qtbot.waitUntil(
        lambda: not section._session.is_busy and not section._finder.is_busy
    )


def test_what_the_first_segmentation_takes_is_said_as_soon_as_the_model_is_picked(
    qtbot, section, workflow
):
    workflow.plan, said = "tile 64 × 64 px, 1 tile", []
    section._how.told.connect(lambda _plan: said.append(section._report.line.text()))
    section.show()
    press_segment(qtbot, section)
    assert said[0] == section._how._plan.text() == "Tile 64 × 64 px, 1 tile"


def shown(widget):
    return "\n".join(label.text() for label in widget.findChildren(QLabel))


def offers(qtbot, session, viewer):
    section = ImageModelSection(session, viewer)
    qtbot.addWidget(section)
    return section, section._model


def test_starters_stand_apart_from_the_users_models(
    qtbot, session, viewer, starters, mine
):
    section, combo = offers(qtbot, session, viewer)
    texts = [combo.itemText(i) for i in range(combo.count())]
    headings = ["Starter models", "Your models"]
    assert [text for text in texts if text in headings] == headings
    assert combo.titles() == [AUTOMATIC, "nuclei", "cells-phase", "mine"]
    assert combo.folders() == [None, *starters, mine]
    assert combo.currentText() == AUTOMATIC
    assert "Segment picks the starter model" in shown(section)


def test_a_starter_says_what_it_is_for(qtbot, session, viewer, starters):
    section, combo = offers(qtbot, session, viewer)
    combo.setCurrentIndex(combo.findText("nuclei"))
    combo.activated.emit(combo.currentIndex())
    assert session.model_folder == starters[0]
    assert "Nuclei in fluorescence (starter model nuclei); F1 0.90" in shown(section)
    tooltip = section._model_line.toolTip()
    for said in ("10 to 20 px", "Rings are filled.", "CC0", "F1 0.90"):
        assert said in tooltip


def test_a_click_segments_with_the_starter_that_suits(
    qtbot, section, session, starters, viewer
):
    assert section._hint.text() == ""
    press_segment(qtbot, section)
    assert np.unique(viewer.layers["nuclei prediction"].data).tolist() == [0, 1, 2]
    said = section._report.line.text()
    assert "2 objects" in said
    assert "starter model <b>nuclei</b>: it finds &lt;more&gt;." in said
    assert session.suited == starters[0]
    assert session.model_folder is None  # it is picked anew next time
    assert section._probabilities.isEnabled()
    models, _ = offers(qtbot, session, viewer)
    assert "last time nuclei" in shown(models)


def test_objects_are_made_as_the_picked_starter_does_until_the_user_moves_a_slider(
    qtbot, section, session, picked, starters
):
    press_segment(qtbot, section)
    assert session.objects.threshold == 0.3
    assert session.segmentation.found_with == session.objects
    session.objects = session.objects.replaced(threshold=0.4)
    press_segment(qtbot, section)
    assert session.objects.threshold == 0.4
    assert session.segmentation.found_with.threshold == 0.4
    picked.folder = starters[1]
    press_segment(qtbot, section)
    assert session.objects.threshold == 0.7
    assert session.segmentation.found_with.threshold == 0.7


def test_the_sliders_show_how_the_picked_starter_makes_objects_while_it_runs(
    qtbot, section, session, workflow
):
    workflow.seconds_per_tile = 0.2
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    assert session.is_busy
    assert section._form.value().threshold == 0.3
    qtbot.waitUntil(lambda: not session.is_busy)


def test_what_was_set_before_the_first_click_stays(qtbot, section, session, starters):
    session.objects = session.objects.replaced(min_size=7)
    press_segment(qtbot, section)
    assert (session.objects.min_size, session.objects.threshold) == (7, 0.3)
    assert session.segmentation.found_with == session.objects
    assert session.suited == starters[0]


def test_the_users_own_choice_wins(qtbot, section, session, mine):
    session.model_folder = mine
    press_segment(qtbot, section)
    assert "starter" not in section._report.line.text()
    assert session.suited is None
    assert session.model_in_use == mine


def test_a_training_starts_from_the_starter_in_use(qtbot, session, starters, mine):
    form = TrainForm(session)
    qtbot.addWidget(form)
    assert form.start_from() is None
    assert form._start.titles() == ["Scratch", "nuclei", "cells-phase"]
    session.suited = starters[0]
    assert form.start_from() == session.start_from == starters[0]
    session.model_folder = starters[1]
    assert form.start_from() == starters[1]
    session.model_folder = mine
    assert form.start_from() == mine
    assert form._start.titles()[:2] == ["Scratch", "The model in use"]
    session.annotation = "values"
    assert form._start.folders() == [None]


def test_what_the_user_starts_from_stays(qtbot, session, starters, mine):
    form = TrainForm(session)
    qtbot.addWidget(form)
    session.model_folder = mine
    form._start.setCurrentText("cells-phase")
    session.model_folder = starters[0]
    assert form.start_from() == starters[1]
    form._start.setCurrentText("Scratch")
    session.model_folder = mine
    assert form.start_from() is None


@pytest.fixture
def fine_tune(qtbot, viewer, session, picked, workflow, nuclei):
    """The section, shown, with a painted image; and what its trainings start from."""
    started = []

    def train(_examples, folder, *, start_from, **_settings):
        started.append(None if start_from is None else start_from.folder)
        return folder
        yield

    workflow.fine_tune = train
    workflow.load_model = lambda folder: SimpleNamespace(
        settings=ModelSettings(), folder=folder
    )
    choose_image(viewer, nuclei)
    add_labels(viewer, nuclei, "annotation").data[10:30, 10:30] = 1
    section = FineTuneSection(session, viewer)
    qtbot.addWidget(section)
    section.started = started
    return section


def test_a_training_starts_from_the_starter_that_suits_what_is_painted(
    qtbot, fine_tune, session, starters, picked
):
    picked.folder = starters[1]
    assert session.suited_start is None  # nobody looks yet
    fine_tune.show()
    start = fine_tune._form._start
    qtbot.waitUntil(lambda: start.currentText() == "cells-phase")
    said = "Chosen for &#x27;nuclei&#x27;: it finds &lt;more&gt;."
    assert said in start.line.text()
    assert not start.line.isHidden()
    fine_tune._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert fine_tune.started == [starters[1]]
    start.setCurrentText("Scratch")
    assert start.line.isHidden()
    fine_tune._button.click()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert fine_tune.started[1:] == [None]


def test_a_training_waits_for_the_starter_that_suits(
    qtbot, fine_tune, session, starters, picked
):
    picked.may_answer.clear()
    fine_tune.show()
    fine_tune._button.click()
    assert not session.is_busy
    assert fine_tune._progress.isVisible()
    assert fine_tune._progress.text() == "Choosing what to start from …"
    assert not fine_tune._button.isEnabled()
    picked.may_answer.set()
    qtbot.waitUntil(lambda: fine_tune.started == [starters[0]])
    qtbot.waitUntil(lambda: not session.is_busy)
    assert fine_tune._progress.isHidden()
    assert fine_tune._button.isEnabled()


def test_what_the_user_starts_from_is_not_asked_for(qtbot, fine_tune, session):
    fine_tune._form._start.setCurrentText("cells-phase")
    fine_tune._form._start.setCurrentText("Scratch")
    fine_tune.show()
    fine_tune._button.click()
    qtbot.waitUntil(lambda: fine_tune.started == [None])
    assert session.suited_start is None


def test_who_changes_the_network_trains_it_from_scratch(
    qtbot, fine_tune, session, starters
):
    fine_tune.show()
    start = fine_tune._form._start
    qtbot.waitUntil(lambda: start.currentText() == "nuclei")
    session.network = session.network.replaced(base_channels=8)
    assert start.currentText() == "Scratch"
    assert start.line.isHidden()
    session.choose_preset("fast")
    assert start.currentText() == "nuclei"


def test_starters_are_neither_gone_on_with_nor_deleted(qtbot, session, starters, mine):
    button = GoOnButton(session)
    qtbot.addWidget(button)
    button.setFolder(starters[0])
    assert not button.isEnabled()
    button.setFolder(mine)
    assert button.isEnabled()
    session.model_folder = starters[0]
    history = RunHistory(session)
    qtbot.addWidget(history)
    assert history._table.rowCount() == 1
    assert not history._delete.isEnabled()


def test_without_starters_the_dock_offers_models_as_ever(
    qtbot, session, viewer, starters_folder, mine
):
    _, combo = offers(qtbot, session, viewer)
    assert combo.titles() == ["None", "mine"]
    assert combo.count() == 2


def test_a_grey_image_in_colour_fits_a_starter(qtbot, session, viewer, starters):
    section, _ = offers(qtbot, session, viewer)
    session.model_folder = starters[0]
    grey = np.random.default_rng(0).integers(0, 99, (64, 64), np.uint8)
    viewer.add_image(np.stack([grey] * 3, axis=-1), rgb=True)
    assert "Needs 1 channel" not in shown(section)
    viewer.add_image(np.stack([grey, grey.T, grey], axis=-1), rgb=True)
    assert "Needs 1 channel; this image has 3" in shown(section)
