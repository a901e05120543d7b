"""A model folder is saved whole or not at all, and loaded with suspicion."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest
import torch

from napari_unet.core.card import Card, read_manifest
from napari_unet.core.checkpoint import (
    check_writable,
    copy_weights,
    load_last,
    load_model,
    save_model,
)
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.errors import InputError, ModelFolderError
from napari_unet.core.model_folders import list_models
from napari_unet.core.network.unet import build_network

SETTINGS = ModelSettings(
    network=NetworkConfig(base_channels=2, levels=2), pixel_size_um=0.25
)


@pytest.fixture
def network():
    return build_network(SETTINGS.network, seed=3).eval()


@pytest.fixture
def folder(tmp_path, network):
    path = tmp_path / "model"
    last = {"iteration": torch.tensor(7)}
    save_model(path, SETTINGS, Card(name="cells"), copy_weights(network), last)
    return path


def weights_file(folder):
    return folder / read_manifest(folder).weights.name


def test_a_saved_model_predicts_bit_for_bit_the_same(folder, network):
    model = load_model(folder)
    image = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        assert torch.equal(model.network(image), network(image))
    assert model.settings == SETTINGS
    assert model.card.name == "cells"
    assert int(load_last(folder)["iteration"]) == 7


def test_the_folder_explains_itself(folder):
    text = (folder / "README.md").read_text()
    assert "# cells" in text
    assert "0.25 µm" in text


def test_saving_again_leaves_no_old_weights(folder):
    other = build_network(SETTINGS.network, seed=9)
    save_model(folder, SETTINGS, Card(name="better"), copy_weights(other))
    assert load_model(folder).card.name == "better"
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == ["README.md", "settings.json", weights_file(folder).name]
    with pytest.raises(ModelFolderError, match="no state to resume from"):
        load_last(folder)


def test_a_failed_save_keeps_the_old_model(folder, network, monkeypatch):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(
            folder,
            SETTINGS,
            Card(),
            copy_weights(build_network(SETTINGS.network, seed=1)),
        )
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


SAVE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from napari_unet.core.card import Card
from napari_unet.core.checkpoint import copy_weights, save_model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.network.unet import build_network
settings = ModelSettings(network=NetworkConfig(base_channels=2, levels=2))
networks = [copy_weights(build_network(settings.network, seed=i)) for i in range(5)]
for i in itertools.count():
    save_model(Path(sys.argv[1]), settings, Card(iterations=i), networks[i % 5])
    print(i, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_model(tmp_path):
    for delay in (0.0, 0.003, 0.011):
        folder = tmp_path / f"model{delay}"
        command = [sys.executable, "-c", SAVE_FOR_EVER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as saver:
            first = saver.stdout.readline()
            time.sleep(delay)
            saver.send_signal(signal.SIGKILL)
            later = saver.stdout.read().split()
        done = int(later[-1]) if later else int(first)
        assert load_model(folder).card.iterations in (done, done + 1)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ModelFolderError, match=r"There is no folder"):
        load_model(tmp_path / "nothing")


def test_a_missing_part_is_refused(folder):
    name = weights_file(folder).name
    weights_file(folder).unlink()
    with pytest.raises(ModelFolderError, match=f"lacks its file {name}"):
        load_model(folder)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_truncated_part_is_refused(folder, keep):
    path = weights_file(folder)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelFolderError, match="is damaged"):
        load_model(folder)


class Bomb:
    def __reduce__(self):
        return (os.abort, ())


def test_a_pickle_named_safetensors_is_refused_and_not_run(folder):
    """Even where the checksum was made to fit."""
    import hashlib

    path = weights_file(folder)
    content = pickle.dumps(Bomb())
    path.write_bytes(content)
    with pytest.raises(ModelFolderError, match="is damaged"):
        load_model(folder)
    settings = json.loads((folder / "settings.json").read_text())
    settings["weights"]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ModelFolderError, match="not a safetensors file"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "cellpose"}, "was not saved by this program"),
        ({"version": 2}, "saved by a newer version"),
        ({"settings": {"network": {"levels": -1}}}, "is damaged: settings.network"),
        ({"surprise": 1}, "is damaged: surprise"),
    ],
)
def test_foreign_new_and_damaged_settings_are_refused(folder, change, message):
    path = folder / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelFolderError, match=message):
        load_model(folder)


def test_settings_that_are_no_json_are_refused(folder):
    (folder / "settings.json").write_text("{")
    with pytest.raises(ModelFolderError, match="cannot be read"):
        load_model(folder)


def test_weights_of_another_network_are_refused(folder):
    path = folder / "settings.json"
    settings = json.loads(path.read_text())
    settings["settings"]["network"]["base_channels"] = 4
    path.write_text(json.dumps(settings))
    with pytest.raises(ModelFolderError, match="do not belong to the network"):
        load_model(folder)


def test_a_file_name_cannot_lead_out_of_the_folder(folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"x")
    path = folder / "settings.json"
    settings = json.loads(path.read_text())
    settings["weights"]["name"] = "../secret"
    path.write_text(json.dumps(settings))
    with pytest.raises(ModelFolderError, match="lacks its file secret"):
        load_model(folder)


def test_a_folder_with_other_files_is_refused_before_training(tmp_path):
    (tmp_path / "thesis.docx").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds other files \(thesis.docx"):
        check_writable(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="is a file"):
        check_writable(path)
    with pytest.raises(InputError, match="cannot be saved in"):
        check_writable(path / "inside")


def test_looking_whether_a_folder_is_writable_leaves_none(tmp_path):
    check_writable(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    check_writable(tmp_path / "old")
    assert (tmp_path / "old").exists()


def test_models_are_listed_newest_first_and_others_left_out(tmp_path, network):
    for name, created in (("old", "2026-01-01T00:00:00"), ("new", "2026-02-01")):
        card = Card(name=name, created=created)
        save_model(tmp_path / name, SETTINGS, card, copy_weights(network))
    (tmp_path / "notes").mkdir()
    assert [path.name for path, _ in list_models(tmp_path)] == ["new", "old"]
    assert list_models(tmp_path / "nowhere") == []
