"""Training from the dock: start, watch, stop, fail, and what is left afterwards."""

import itertools
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QScrollArea

import napari_unet.core
from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import ModelSettings, ObjectConfig
from napari_unet.core.errors import InputError, TrainingDivergedError
from napari_unet.core.training.clock import TrainProgress
from napari_unet.jobs import Status
from napari_unet.session import Session
from napari_unet.widgets.background import run_in_background
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.fine_tune import FineTuneSection
from napari_unet.widgets.layers import add_labels, find_layer


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


@pytest.fixture
def session(starters_folder):
    return Session()


def save_model(folder, **card):
    """Write what a model folder says about itself; nobody loads the weights here."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        settings=ModelSettings(),
        card=Card(name=folder.name, **card),
        weights=StoredFile(name="weights.safetensors", bytes=1, sha256=""),
    )
    (folder / "settings.json").write_text(manifest.model_dump_json())


class FakeTraining:
    """Stands in for the network: an endless training that one can steer."""

    def __init__(self):
        self.calls, self.ended = [], 0
        self.steps: int | None = None
        self.error: Exception | None = None
        self.own_objects: ObjectConfig | None = None

    def Preview(self, image, intensity):
        return SimpleNamespace(image=image, intensity=intensity)

    def load_model(self, folder):
        return SimpleNamespace(settings=ModelSettings(), folder=folder)

    def fine_tune(self, examples, folder, *, preview, **settings):
        self.calls.append(SimpleNamespace(examples=examples, folder=folder, **settings))
        scores, i = {"f1": 0.9, "iou": 0.8}, 0
        try:
            for phase in ("preparing", "validating"):
                yield TrainProgress(phase, 0, 100, 0.0, None)
            for i in itertools.count(1):
                if i == self.steps:
                    break
                time.sleep(0.002)
                view = preview()
                yield TrainProgress(
                    phase="training",
                    iteration=i,
                    iterations=100,
                    seconds=i * 0.6,
                    seconds_total=None,
                    loss=1 / i,
                    validation=None
                    if i % 5
                    else SimpleNamespace(as_dict=lambda: {"f1": 0.5, "iou": 0.4}),
                    validation_loss=float("nan") if i % 5 else 1.5,
                    preview=None
                    if view is None
                    else view.intensity.apply(view.image.array)[0],
                )
                if self.error:
                    raise self.error
        finally:
            self.ended += 1
            save_model(
                folder,
                created=f"2026-11-20T12:00:{len(self.calls):02d}+00:00",
                iterations=i,
                seconds=42,
                scores=scores,
                scores_before={"f1": 0.25, "iou": 0.5},
                own_objects=self.own_objects,
            )


@pytest.fixture
def training(monkeypatch):
    fake = FakeTraining()
    monkeypatch.setitem(sys.modules, "napari_unet.core.workflow", fake)
    monkeypatch.setattr(napari_unet.core, "workflow", fake, raising=False)
    return fake


@pytest.fixture
def told(monkeypatch):
    messages = []
    for name in ("show_warning", "show_error"):
        monkeypatch.setattr(f"napari_unet.widgets.background.{name}", messages.append)
    return messages


@pytest.fixture
def section(qtbot, viewer, session, training):
    section = FineTuneSection(session, viewer)
    qtbot.addWidget(section)
    section.show()
    yield section
    # By now pytest-qt has deleted the section.
    if session.job is not None:
        session.job.cancel()
        qtbot.waitUntil(lambda: not session.is_busy)


def annotate(viewer, name="cells", shape=(40, 50)):
    image = viewer.add_layer(
        Image(np.arange(np.prod(shape)).reshape(shape) % 7, name=name)
    )
    annotation = add_labels(viewer, image, "annotation")
    annotation.data[..., 5:15, 5:15] = 1
    annotation.data[..., 5:15, 19:30] = 2
    choose_image(viewer, image)
    return image


def start(qtbot, section):
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() > 20)


def stop(qtbot, section):
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)


def test_stop_ends_the_training_and_keeps_the_best(
    qtbot, viewer, section, session, training
):
    annotate(viewer)
    start(qtbot, section)
    assert section._button.text() == "Stop and keep the best"
    assert "left" in section._progress.format()

    stop(qtbot, section)

    assert training.ended == 1
    assert session.model_folder == training.calls[0].folder
    assert section._button.text() == "Start training"
    assert section._button.isEnabled()
    assert "F1 0.250 → 0.900, IoU 0.500 → 0.800" in section._result.text()
    assert section._result.text().startswith("Stopped after 42 s")


def test_a_training_that_ends_says_what_it_brought(qtbot, viewer, section, training):
    annotate(viewer)
    training.steps = 12
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    assert section._result.text().startswith("Trained for 42 s (12 iterations)")
    assert section._curves._losses[0] == list(range(1, 12))
    assert section._curves._scores["F1"] == ([5, 10], [0.5, 0.5])
    assert section._curves._held == ([5, 10], [1.5, 1.5])


def test_a_training_says_how_it_makes_objects_now(qtbot, viewer, section, training):
    annotate(viewer)
    training.own_objects = ObjectConfig(threshold=0.3)
    training.steps = 3
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    assert "under Segment: threshold 0.5." in section._result.text()


def test_the_next_training_starts_from_the_model_in_use(
    qtbot, viewer, section, training
):
    annotate(viewer)
    training.steps = 3
    for _ in range(2):
        section._button.click()
        qtbot.waitUntil(lambda: section._job is None)
    first, second = training.calls
    assert first.start_from is None
    assert second.start_from.folder == first.folder
    assert second.folder != first.folder


def test_the_view_is_predicted_while_it_learns(qtbot, viewer, section):
    image = annotate(viewer)
    start(qtbot, section)
    qtbot.waitUntil(lambda: find_layer(viewer, image, "preview") is not None)
    layer = find_layer(viewer, image, "preview")
    assert layer is viewer.layers[-1]  # a wholly painted image would hide it
    assert layer.data.shape == image.data.shape
    # Normalised by the statistics of the whole image.
    np.testing.assert_allclose(layer.data, image.data / 3 - 1, atol=1e-6)
    assert layer.visible
    stop(qtbot, section)
    assert not layer.visible  # the view of a while ago is no result


def test_a_new_training_shows_the_preview_again(qtbot, viewer, section):
    image = annotate(viewer)
    start(qtbot, section)
    qtbot.waitUntil(lambda: find_layer(viewer, image, "preview") is not None)
    stop(qtbot, section)
    find_layer(viewer, image, "preview").visible = False
    start(qtbot, section)
    assert find_layer(viewer, image, "preview").visible


def test_deleting_the_image_during_a_training_harms_nothing(
    qtbot, viewer, section, told
):
    image = annotate(viewer)
    start(qtbot, section)
    viewer.layers.remove(image)
    viewer.layers.clear()
    qtbot.wait(100)
    stop(qtbot, section)
    assert told == []
    assert "0.90" in section._result.text()


def test_painting_during_a_training_does_not_reach_it(qtbot, viewer, section, training):
    image = annotate(viewer)
    start(qtbot, section)
    find_layer(viewer, image, "annotation").data[:] = 0
    assert training.calls[0].examples[0].annotation.max() == 2


def test_only_ticked_images_are_learned_with_their_roles(
    qtbot, viewer, section, training
):
    annotate(viewer, "first")
    annotate(viewer, "second")
    annotate(viewer, "third")
    table = section._examples
    rows = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert rows == ["first", "second", "third"]
    qtbot.waitUntil(lambda: table.item(2, 1).text() == "2")
    table.item(0, 0).setCheckState(table.item(0, 0).checkState().Unchecked)
    table.cellWidget(2, 2).setCurrentText("validation")

    start(qtbot, section)

    examples = training.calls[0].examples
    assert [(e.image.name, e.role) for e in examples] == [
        ("second", "training"),
        ("third", "validation"),
    ]


def test_a_dock_opened_again_keeps_ticks_and_roles(
    qtbot, viewer, section, session, training
):
    for name in ("first", "second", "third"):
        annotate(viewer, name)
    table = section._examples
    table.item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    table.cellWidget(2, 2).setCurrentText("validation")
    kept = {viewer.layers["second"]: "training", viewer.layers["third"]: "validation"}
    start(qtbot, section)
    second = FineTuneSection(session, viewer)  # while it runs
    qtbot.addWidget(second)
    assert second._examples.value() == kept
    assert second._examples.item(0, 0).checkState() == Qt.CheckState.Unchecked
    assert second._examples.cellWidget(2, 2).currentText() == "validation"
    stop(qtbot, section)
    third = FineTuneSection(session, viewer)
    qtbot.addWidget(third)
    assert third._examples.value() == kept
    second._examples.item(0, 0).setCheckState(Qt.CheckState.Checked)
    assert third._examples.item(0, 0).checkState() == Qt.CheckState.Checked
    start(qtbot, third)
    assert [e.role for e in training.calls[1].examples] == [
        "training",
        "training",
        "validation",
    ]


def test_the_table_counts_what_the_brush_paints(qtbot, viewer, section):
    image = annotate(viewer)
    counted = section._examples.item(0, 1)
    qtbot.waitUntil(lambda: counted.text() == "2")
    annotation = find_layer(viewer, image, "annotation")
    annotation.data_setitem((np.array([30]), np.array([30])), 3)
    qtbot.waitUntil(lambda: counted.text() == "3")
    annotation.undo()
    qtbot.waitUntil(lambda: counted.text() == "2")


def test_nothing_annotated_is_a_warning(viewer, section, session, told):
    section._button.click()
    assert "Nothing is annotated" in told[0]
    assert section._button.isEnabled()
    assert not session.is_busy


def test_a_failed_training_is_said_and_the_last_good_weights_kept(
    qtbot, viewer, section, session, training, told
):
    annotate(viewer)
    training.error = TrainingDivergedError("The loss became nan at iteration 1.")
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    assert "The loss became nan" in told[0]
    assert "the model that was best so far is saved" in section._result.text()
    assert session.model_folder == training.calls[0].folder
    assert section._button.isEnabled()


def test_out_of_memory_frees_the_button(qtbot, viewer, section, training, told):
    annotate(viewer)
    training.error = RuntimeError("CUDA out of memory")
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    sentence = "The graphics card has too little free memory for 'Fine-tune'."
    assert told[0].startswith(sentence)
    assert section._button.text() == "Start training"


def test_another_job_blocks_the_start(qtbot, viewer, section, session):
    annotate(viewer)
    job = session.begin("Segment", lambda: iter(()))
    assert not section._button.isEnabled()
    assert "'Segment' is running" in section._button.toolTip()
    job.cancel()
    run_in_background(job, section, session=session)
    qtbot.waitUntil(section._button.isEnabled)
    assert job.outcome.status is not None


def test_settings_of_the_form_reach_the_training(qtbot, viewer, section, training):
    annotate(viewer)
    form = section._form
    form._preset.setCurrentIndex(form._preset.findData("paper-2015"))
    form._unit.setCurrentText("iterations")
    form._amount.setValue(7)
    form._network.control("base_channels").setValue(8)
    form._augmentation.control("flip").setChecked(False)
    start(qtbot, section)
    call = training.calls[0]
    assert call.preset == "paper-2015"
    assert (call.config.iterations, call.config.seconds) == (7, None)
    assert call.config.optimizer == "sgd"
    assert not call.config.augmentation.flip
    assert call.settings.network.base_channels == 8
    assert call.settings.network.padding == "valid"


def test_a_learning_rate_far_from_usual_is_doubted_beside_it(section, session):
    assert section._form._rate_note.isHidden()
    session.train_config = session.train_config.replaced(learning_rate=1e-9)
    assert "very small for adamw" in section._form._rate_note.text()
    assert not section._form._rate_note.isHidden()
    session.train_config = session.train_config.replaced(learning_rate=1e-3)
    assert section._form._rate_note.isHidden()


def test_minutes_are_seconds_of_the_settings(section, session):
    section._form._amount.setValue(2.5)
    assert session.train_config.seconds == 150
    session.train_config = session.train_config.replaced(seconds=30)
    assert section._form._amount.value() == 0.5


def test_the_network_is_that_of_the_model_to_start_from(section, session, tmp_path):
    assert section._form._network.isEnabled()
    save_model(tmp_path / "old")
    session.model_folder = tmp_path / "old"
    assert section._form.start_from() == tmp_path / "old"
    assert not section._form._network.isEnabled()
    assert session.learning_network == ModelSettings().network
    assert section._form._start_note.isHidden()
    session.choose_preset("fast-3d")
    assert not section._form._start_note.isHidden()
    assert session.learning_network.dimensions == 2
    section._form._start.setCurrentIndex(0)
    assert session.learning_network.dimensions == 3
    assert section._form._start_note.isHidden()
    assert section._form.start_from() is None
    assert section._form._network.isEnabled()


def test_a_damaged_model_to_start_from_is_a_warning(
    qtbot, viewer, section, session, told, tmp_path
):
    annotate(viewer)
    session.model_folder = tmp_path / "gone"
    section._button.click()
    assert "not a model folder" in told[0]
    assert not session.is_busy


def test_closing_the_dock_ends_cleanly(qtbot, viewer, session, training):
    annotate(viewer)
    section = FineTuneSection(session, viewer)
    section._button.click()
    job = session.job
    qtbot.waitUntil(lambda: training.calls != [])
    section.deleteLater()
    qtbot.wait(50)
    job.cancel()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert job.outcome.status is Status.CANCELLED
    assert session.model_folder == training.calls[0].folder


def test_a_training_can_be_stopped_in_another_dock(
    qtbot, viewer, section, session, training
):
    annotate(viewer)
    start(qtbot, section)
    another = FineTuneSection(session, viewer)
    qtbot.addWidget(another)
    assert another._button.text() == "Stop and keep the best"
    another._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    assert another._button.text() == "Start training"


def test_errors_of_the_input_are_warnings(qtbot, viewer, section, training, told):
    annotate(viewer)
    training.error = InputError("Too little is annotated.")
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    assert told == ["Too little is annotated."]


def test_a_dock_opened_again_shows_the_training_that_runs_and_its_end(
    qtbot, viewer, session, training
):
    annotate(viewer)
    first = FineTuneSection(session, viewer)
    first._form._start.setCurrentIndex(first._form._start.findText("Scratch"))
    first._button.click()
    qtbot.waitUntil(lambda: len(session.course.points) > 6)
    first.deleteLater()
    qtbot.wait(20)

    second = FineTuneSection(session, viewer)
    qtbot.addWidget(second)
    assert second._form.start_from() is None
    assert not second._progress.isHidden()
    assert not second._curves.isHidden()
    assert second._button.text() == "Stop and keep the best"
    shown = len(second._curves._losses[0])
    assert shown > 6
    qtbot.waitUntil(lambda: len(second._curves._losses[0]) > shown)
    second._button.click()
    qtbot.waitUntil(lambda: second._job is None)
    assert second._progress.isHidden()
    assert "is now the model in use" in second._result.text()

    third = FineTuneSection(session, viewer)
    qtbot.addWidget(third)
    assert "is now the model in use" in third._result.text()
    assert third._progress.isHidden()


def test_a_refusal_is_readable_and_shows_no_empty_curves(
    qtbot, viewer, section, training, told
):
    annotate(viewer)

    def refuse(*_args, **_options):
        raise InputError("'he' has <3> channels.")
        yield

    training.fine_tune = refuse
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    assert section._result.text() == "&#x27;he&#x27; has &lt;3&gt; channels."
    assert section._result._line.textFormat() == Qt.TextFormat.RichText
    assert section._curves.isHidden()


def test_the_result_is_seen_when_it_comes(qtbot, viewer, section, training):
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(section)
    area.resize(360, 260)
    area.show()
    annotate(viewer)
    training.steps = 12
    bar = area.verticalScrollBar()
    # Not before the section and its table have found their heights.
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    area.ensureWidgetVisible(section._button, 0, 0)
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    line = section._result._line
    qtbot.waitUntil(
        lambda: line.visibleRegion().boundingRect().height() == line.height(),
        timeout=2000,
    )
    # Nobody is taken away from another place.
    bar.setValue(0)
    area.resize(360, 120)
    qtbot.waitUntil(lambda: section._button.visibleRegion().isEmpty())
    training.steps = 6
    section._button.click()
    qtbot.waitUntil(lambda: section._job is None)
    qtbot.wait(50)
    assert bar.value() == 0
    area.takeWidget()


def test_what_a_step_takes_is_said_before_the_first_one(section):
    memory = "2 patches at a time, about 171 MB"
    begun = TrainProgress(
        "preparing", 0, 100, 0.0, None, patch="64 × 64 px", memory=memory, note="A <b"
    )
    section._on_progressed(begun)
    said = section._result.text()
    assert f"Patches of 64 × 64 px, {memory} for a step." in said
    assert said.endswith("A &lt;b")
