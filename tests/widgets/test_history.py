"""Every training stays; one can go back to any of them, or throw it away."""

import pytest
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QMessageBox

from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import ModelSettings
from napari_unet.session import Session
from napari_unet.widgets import history as history_module
from napari_unet.widgets.history import RunHistory


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def models(session):
    """Save two trainings; the second started from the first."""
    folders = []
    for number, started_from in ((1, None), (2, "run 1")):
        folder = session.models_folder / f"run {number}"
        folder.mkdir(parents=True)
        card = Card(
            name=folder.name,
            created=f"2026-11-2{number}T09:00:00+00:00",
            started_from=started_from,
            seconds=61.0,
            scores={"f1": 0.8 + number / 100, "iou": 0.7},
        )
        stored = StoredFile(name="weights.safetensors", bytes=1, sha256="")
        manifest = Manifest(settings=ModelSettings(), card=card, weights=stored)
        (folder / "settings.json").write_text(manifest.model_dump_json())
        folders.append(folder)
    return folders


@pytest.fixture
def history(qtbot, session, models):
    history = RunHistory(session)
    qtbot.addWidget(history)
    return history


@pytest.fixture
def say_yes(monkeypatch):
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_: yes)


def rows(history):
    table = history._table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_all_columns_are_seen_and_the_table_is_as_high_as_its_rows(history):
    table = history._table
    assert table.horizontalScrollBar().maximum() == 0
    assert table.height() < 100
    assert history.minimumSizeHint().width() < 250


def test_the_newest_training_comes_first_with_its_scores(history):
    newest, oldest = rows(history)
    assert newest[1:] == ["0.82", "0.70", "run 1", "run 2"]
    assert oldest[1:] == ["0.81", "0.70", "scratch", "run 1"]
    assert "trained for 1:01 min" in history._table.item(0, 0).toolTip()


def test_one_can_go_back_to_an_old_model(history, session, models):
    session.model_folder = models[1]
    assert history._table.item(0, 0).font().bold()

    history._table.selectRow(1)
    history._use.click()

    assert session.model_folder == models[0]
    assert history._table.item(1, 0).font().bold()
    assert not history._table.item(0, 0).font().bold()
    assert history.selected() == models[0]
    assert not history._use.isEnabled()  # it is in use already


def test_nothing_selected_nothing_to_press(history):
    buttons = (history._use, history._open, history._delete)
    assert not any(button.isEnabled() for button in buttons)


def test_a_deleted_model_goes_to_the_trash_after_a_yes(
    history, session, models, say_yes, monkeypatch
):
    trash = []
    monkeypatch.setattr(
        history_module, "move_to_trash", lambda f: trash.append(f) or _remove(f)
    )
    session.model_folder = models[1]
    history._table.selectRow(0)
    history._delete.click()
    assert trash == [models[1]]
    assert session.model_folder is None
    assert [row[-1] for row in rows(history)] == ["run 1"]


def _remove(folder):
    (folder / "settings.json").unlink()
    return True


def test_without_a_yes_nothing_is_deleted(history, models, monkeypatch):
    no = QMessageBox.StandardButton.Cancel
    monkeypatch.setattr(QMessageBox, "question", lambda *_: no)
    history._table.selectRow(0)
    history._delete.click()
    assert models[1].exists()


def test_where_there_is_no_trash_nothing_is_deleted(
    history, session, models, say_yes, monkeypatch
):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    monkeypatch.setattr(history_module, "move_to_trash", lambda folder: False)
    session.model_folder = models[1]
    history._table.selectRow(0)
    history._delete.click()
    assert "could not be moved to the trash; nothing was deleted" in told[0]
    assert session.model_folder == models[1]
    assert models[1].exists()


def test_models_are_left_alone_while_a_job_runs(history, session, models):
    history._table.selectRow(0)
    session.begin("Fine-tune", lambda: iter(()))
    assert not history._delete.isEnabled()
    assert not history._use.isEnabled()
    assert history._open.isEnabled()


def test_the_folder_is_shown_in_the_file_browser(history, models, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    history._table.selectRow(0)
    history._open.click()
    assert opened == [QUrl.fromLocalFile(str(models[1]))]


def test_a_model_that_vanished_is_a_warning(history, session, models, monkeypatch):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    history._table.selectRow(0)
    _remove(models[1])
    history._use.click()
    assert "not a model folder" in told[0]
    assert session.model_folder is None
