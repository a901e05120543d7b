"""Settings saved in the dock come back as they were; `train --config` reads them."""

import json

import pytest

from napari_unet.formats.training_settings import read_training_settings
from napari_unet.widgets.settings_file import SettingsFile
from napari_unet.widgets.train_form import TrainForm


@pytest.fixture
def buttons(qtbot, session):
    buttons = SettingsFile(session)
    qtbot.addWidget(buttons)
    return buttons


def test_saved_settings_come_back_as_they_were(qtbot, tmp_path, session, buttons):
    form = TrainForm(session)
    qtbot.addWidget(form)
    session.choose_preset("freiburg-2019")
    session.train_config = session.train_config.replaced(
        seconds=None, iterations=77, patience=4
    )
    form._grey_values.control("normalisation").setCurrentText("mean-std")
    saved = session.network, session.train_config, session.normalisation
    path = tmp_path / "mine.json"
    buttons.save(path)
    session.choose_preset("fast")
    assert session.normalisation == "percentile"

    buttons.load(path)

    assert (session.network, session.train_config, session.normalisation) == saved
    assert session.preset == "freiburg-2019"
    assert form._grey_values.control("normalisation").currentText() == "mean-std"
    settings = read_training_settings(path)
    assert (settings.network, settings.training) == saved[:2]
    assert session.settings_for([_example()]).normalisation == "mean-std"


def _example():
    import numpy as np

    from napari_unet.core.annotation.target import Example
    from napari_unet.core.image import Image

    labels = np.zeros((8, 8), np.uint8)
    return Example(Image(labels[None], None, "small"), labels)


def test_a_file_that_cannot_be_used_changes_nothing(
    tmp_path, session, buttons, monkeypatch
):
    told = []
    monkeypatch.setattr(
        "napari_unet.widgets.settings_file.show_problem", lambda e: told.append(str(e))
    )
    before = session.train_config
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"training": {"batch_size": 0}}), encoding="utf-8")
    buttons.load(path)
    assert session.train_config == before
    assert "training.batch_size" in told[0]
    buttons.save(tmp_path / "wrong.json" / "below.json")
    assert len(told) == 2


def test_settings_for_another_image_bring_what_is_learned(tmp_path, session, buttons):
    path = tmp_path / "denoise.json"
    path.write_text(json.dumps({"preset": "denoise"}), encoding="utf-8")
    buttons.load(path)
    assert (session.preset, session.annotation) == ("denoise", "values")
    assert session.train_config.loss == "mse"


def test_the_dialogs_name_the_file(tmp_path, session, buttons, monkeypatch):
    dialog = "napari_unet.widgets.settings_file.QFileDialog"
    chosen = tmp_path / "chosen"
    monkeypatch.setattr(f"{dialog}.getSaveFileName", lambda *_: (str(chosen), ""))
    buttons._save.click()
    assert chosen.with_suffix(".json").exists()
    session.train_config = session.train_config.replaced(seed=5)
    monkeypatch.setattr(
        f"{dialog}.getOpenFileName", lambda *_: (str(chosen.with_suffix(".json")), "")
    )
    buttons._load.click()
    assert session.train_config.seed == 0
