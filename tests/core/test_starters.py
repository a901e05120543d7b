"""Starter models: found by name, listed, used like any model, and never changed."""

import json

import numpy as np
import pytest
import torch

import napari_unet as nu
from napari_unet.core.card import Card, describe, read_manifest
from napari_unet.core.checkpoint import (
    check_writable,
    copy_weights,
    load_model,
    publish_model,
    save_model,
)
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError, ModelFolderError
from napari_unet.core.model_folders import (
    STARTERS,
    find_model,
    is_starter,
    list_models,
    list_starters,
)
from napari_unet.core.network.unet import build_network
from napari_unet.core.notes import HeldOutScores, ModelNotes
from napari_unet.core.workflow import fine_tune

SETTINGS = ModelSettings(network=NetworkConfig(base_channels=2, levels=2))
NOTES = ModelNotes(
    purpose="Bright discs",
    made_for="Discs 10 to 20 px across.",
    data=("Discs of our own, 3 images",),
    licence="CC0",
    held_out=(
        HeldOutScores(
            name="Other discs", images=2, objects=30, scores={"f1": 0.9, "iou": 0.8}
        ),
        HeldOutScores(
            name="Squares",
            images=1,
            objects=9,
            scores={"f1": 0.5},
            remark="nothing like them was learned",
        ),
    ),
    known_failures=("Rings are filled.",),
    recipe="python train_discs.py",
)


def save(folder, seed=0, settings=SETTINGS, **card):
    weights = copy_weights(build_network(settings.network, seed=seed))
    last = {"iteration": torch.tensor(1)}
    save_model(folder, settings, Card(name=folder.name, **card), weights, last)
    return folder


@pytest.fixture
def trained(tmp_path):
    return save(tmp_path / "trained", command="napari-unet train /home/me/images")


@pytest.fixture
def starters(starters_folder, trained):
    for name in STARTERS:
        publish_model(trained, starters_folder / name, NOTES)
    return starters_folder


def test_a_published_model_predicts_the_same_and_holds_nothing_of_its_maker(
    trained, starters
):
    model, origin = load_model(starters / "nuclei"), load_model(trained)
    for name, weight in origin.network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], weight)
    assert not list((starters / "nuclei").glob("last-*"))
    manifest = read_manifest(starters / "nuclei")
    assert manifest.last is None
    assert manifest.card.name == "nuclei"
    assert "/home/me" not in (starters / "nuclei" / "settings.json").read_text()
    publish_model(trained, starters / "nuclei", NOTES.replaced(licence="MIT"))
    assert len(list((starters / "nuclei").glob("weights-*"))) == 1


def test_the_card_of_a_starter_tells_what_others_must_know(starters):
    text = (starters / "nuclei" / "README.md").read_text(encoding="utf-8")
    assert text == describe(read_manifest(starters / "nuclei"))
    for said in (
        "# nuclei\n\nBright discs.",
        "Discs 10 to 20 px across.",
        "- Rings are filled.",
        "- Discs of our own, 3 images\n- Licence: CC0",
        "| Other discs |      2 |      30 | 0.900 | 0.800 |",
        "| Squares     |      1 |       9 | 0.500 |     – |",
        "- Squares: nothing like them was learned",
        "    python train_discs.py",
    ):
        assert said in text


def test_a_model_too_large_to_come_with_the_program_is_refused(tmp_path):
    settings = ModelSettings(network=NetworkConfig(base_channels=64, levels=3))
    large = save(tmp_path / "large", settings=settings)
    with pytest.raises(InputError, match=r"MB, and a model to be given .* 8 MB"):
        publish_model(large, tmp_path / "small", NOTES)
    assert not (tmp_path / "small").exists()


def test_of_many_images_a_card_names_the_first_ones(tmp_path):
    folder = save(tmp_path / "m", trained_on=tuple(f"i{n}" for n in range(60)))
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "60 images: i0, i1" in text
    assert "i59" not in text


def test_starters_are_listed_apart_from_the_users_models(models_folder, starters):
    assert [path.name for path, _ in list_starters()] == list(STARTERS)
    save(models_folder / "mine")
    assert [path.name for path, _ in list_models(models_folder)] == ["mine"]


def test_a_name_means_the_users_model_before_the_starter(
    tmp_path, monkeypatch, models_folder, starters
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nuclei").mkdir()  # images, perhaps
    assert find_model("nuclei") == starters / "nuclei"
    assert nu.load_model("nuclei").card.notes == NOTES
    save(models_folder / "nuclei")
    assert find_model("nuclei") == models_folder / "nuclei"
    save(tmp_path / "nuclei")
    assert find_model("nuclei").resolve() == tmp_path / "nuclei"
    assert find_model(starters / "nuclei") == starters / "nuclei"


def test_a_name_that_nothing_has_is_answered_with_those_that_there_are(starters):
    with pytest.raises(ModelFolderError, match=r"no model 'nucli'.*nuclei, cells-ph"):
        nu.load_model("nucli")


def test_nothing_is_ever_written_into_a_starter(starters, tmp_path):
    before = {path: path.read_bytes() for path in starters.rglob("*.*")}
    labels = np.kron([[1, 0], [0, 2]], np.ones((16, 16), np.uint8))
    example = nu.Example(nu.Image(labels[None].astype(np.float32)), labels)
    for resume in (False, True):
        steps = fine_tune(
            [example],
            starters / "nuclei",
            config=TrainConfig(iterations=1, seconds=None),
            settings=SETTINGS,
            resume=resume,
        )
        with pytest.raises(InputError, match="'nuclei' is a starter model"):
            next(steps)
    with pytest.raises(InputError, match="never changed"):
        check_writable(starters / ".." / "starters" / "cells-phase")
    assert {path: path.read_bytes() for path in starters.rglob("*.*")} == before
    assert is_starter(starters / "nuclei")
    assert not is_starter(tmp_path / "nuclei")


def test_a_model_says_by_name_which_starter_it_comes_from(starters, tmp_path):
    labels = np.zeros((64, 64), np.uint8)
    labels[8:24, 8:24] = 1
    image = nu.Image((labels[None] * 200.0).astype(np.float32), name="a")
    result = nu.run(
        fine_tune(
            [nu.Example(image, labels)],
            tmp_path / "mine",
            config=TrainConfig(iterations=1, seconds=None, patch_size=32),
            start_from=nu.load_model("nuclei"),
        )
    )
    card = result.model.card
    assert card.started_from == "nuclei"
    assert '--start-from "nuclei"' in card.command
    assert card.notes is None
    assert json.loads((tmp_path / "mine" / "settings.json").read_text())["last"]
