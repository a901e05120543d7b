"""What the form of a training says, and the sets of random changes it offers."""

import pytest

from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import AUGMENTATIONS, ModelSettings
from napari_unet.core.presets import PRESETS
from napari_unet.widgets.augmentation_form import AugmentationForm
from napari_unet.widgets.train_form import TrainForm


@pytest.fixture
def form(qtbot, session):
    form = TrainForm(session)
    qtbot.addWidget(form)
    return form


@pytest.fixture
def changes(qtbot):
    changes = AugmentationForm(AUGMENTATIONS["standard"])
    qtbot.addWidget(changes)
    return changes


def test_the_size_that_is_used_is_said_for_the_one_asked_for(form, session):
    assert "256 × 256 px" in form._patch_note.text()
    session.choose_preset("paper-2015")
    assert "572 × 572 → 388 × 388 px" in form._patch_note.text()
    form._training.control("patch_size").setValue(560)
    assert session.train_config.patch_size == 560
    assert "572 × 572 → 388 × 388 px" in form._patch_note.text()
    form._network.control("levels").setValue(3)
    assert "564 × 564 → 476 × 476 px" in form._patch_note.text()


def test_the_size_is_that_of_the_network_to_start_from(form, session, tmp_path):
    folder = tmp_path / "paper"
    folder.mkdir()
    network = PRESETS["paper-2015"].network
    manifest = Manifest(
        settings=ModelSettings(network=network),
        card=Card(name="paper"),
        weights=StoredFile(name="w", bytes=1, sha256=""),
    )
    (folder / "settings.json").write_text(manifest.model_dump_json())
    session.model_folder = folder
    assert "→" in form._patch_note.text()
    form._start.setCurrentIndex(0)  # from scratch
    assert "→" not in form._patch_note.text()


def test_a_set_of_changes_sets_all_fields(qtbot, changes):
    with qtbot.waitSignal(changes.valueChanged) as told:
        changes._sets.setCurrentText("strong")
    assert told.args == [AUGMENTATIONS["strong"]]
    assert changes.control("gamma").value() == AUGMENTATIONS["strong"].gamma
    assert changes.value() == AUGMENTATIONS["strong"]


def test_a_changed_field_is_a_set_of_ones_own(qtbot, changes):
    with qtbot.waitSignal(changes.valueChanged):
        changes.control("noise").setValue(3)
    assert changes._sets.currentText() == "as set below"
    changes.control("noise").setValue(AUGMENTATIONS["standard"].noise)
    assert changes._sets.currentText() == "standard"


def test_the_depth_of_patches_is_asked_for_in_volumes_only(form, session):
    assert form._training.control("patch_depth").isHidden()
    session.choose_preset("fast-3d")
    assert not form._training.control("patch_depth").isHidden()


def test_the_length_comes_back_with_its_unit(form, session):
    form._amount.setValue(5)
    form._unit.setCurrentText("iterations")
    form._amount.setValue(70)
    form._unit.setCurrentText("minutes")
    assert (form._amount.value(), session.train_config.seconds) == (5, 300)
    form._unit.setCurrentText("iterations")
    assert (form._amount.value(), session.train_config.iterations) == (70, 70)


def test_the_preset_says_where_it_comes_from(form, session):
    session.choose_preset("keras-2016")
    assert "The Keras port that many learned from" in form._preset_line.text()
    assert all(len(preset.origin) < 60 for preset in PRESETS.values())


def test_the_preset_says_which_set_it_has(form, session):
    session.choose_preset("paper-2015")
    assert form._augmentation._sets.currentText() == "paper"
    session.choose_preset("freiburg-2019")  # on another grid
    assert form._augmentation._sets.currentText() == "as set below"
    form._augmentation._sets.setCurrentText("none")
    assert session.train_config.augmentation == AUGMENTATIONS["none"]
