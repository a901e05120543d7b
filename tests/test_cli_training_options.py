"""Options of `train` for experts: patches as files, sets of changes, threads."""

import json

import numpy as np
import pytest
import tifffile

from napari_unet.core.card import read_manifest
from napari_unet.core.config import AUGMENTATIONS, THREADS_VARIABLE
from napari_unet.formats.tiff import write_labels

SMALL = ["--base-channels", "4", "--levels", "2", "--iterations", "2"]
VALID = ["--padding", "valid", "--set", "patch_size=61", "--set", "batch_size=1"]


@pytest.fixture
def pair(tmp_path):
    labels = np.zeros((64, 80), np.uint16)
    for number in range(12):
        y, x = divmod(number, 4)
        labels[4 + 20 * y : 14 + 20 * y, 4 + 20 * x : 14 + 20 * x] = number + 1
    noise = np.random.default_rng(0).normal(0, 40, labels.shape)
    image = ((labels > 0) * 800 + 300 + noise).astype(np.uint16)
    paths = tmp_path / "image.tif", tmp_path / "labels.tif"
    for path, array in zip(paths, (image, labels), strict=True):
        write_labels(path, array)
    return paths


def test_patches_are_written_and_nothing_is_trained(tmp_path, pair, call):
    out = tmp_path / "patches"
    options = ["--export-patches", out, "--patches", "3", *SMALL, *VALID, "--json"]
    code, text, err = call("train", *pair, *options)
    assert code == 0, err
    assert json.loads(text.splitlines()[-1])["patches"] == 3
    assert sorted(path.name for path in out.iterdir()) == [
        f"patch00{number}_{name}.tif"
        for number in (1, 2, 3)
        for name in ("image", "target", "weights")
    ]
    image, target, weights = (
        tifffile.imread(out / f"patch001_{name}.tif")
        for name in ("image", "target", "weights")
    )
    assert image.shape == (64, 64)
    assert target.shape == weights.shape == (24, 24)
    assert set(np.unique(target)) == {0, 1}
    assert weights.max() > 0


def test_patches_follow_the_options_of_the_training(tmp_path, pair, call):
    for name in ("none", "strong"):
        options = ["--export-patches", tmp_path / name, "--augmentation", name]
        assert call("train", *pair, *options, *SMALL)[0] == 0
    none, strong = (
        tifffile.imread(tmp_path / name / "patch001_image.tif")
        for name in ("none", "strong")
    )
    assert np.ptp(none) < 2.5
    assert not np.array_equal(none, strong)


def test_a_training_needs_its_folder_and_no_patches_to_go_on(pair, call, tmp_path):
    code, _, err = call("train", *pair, *SMALL)
    assert (code, "--model" in err) == (2, True)
    code, _, err = call("train", *pair, "--export-patches", tmp_path, "--resume")
    assert (code, "--resume does not go with" in err) == (2, True)


def test_a_set_of_changes_is_taken_and_single_ones_win(tmp_path, pair, call):
    model = tmp_path / "m"
    more = ["--augmentation", "light", "--set", "augmentation.noise=5", *VALID]
    more += ["--set", "held_back=0.4", "--set", "dropout_kind=maps"]
    code, _, err = call("train", *pair, "--model", model, *SMALL, *more)
    assert code == 0, err
    assert "patches of 64 × 64 → 24 × 24 px, 1 patch at a time, about " in err
    manifest = read_manifest(model)
    assert manifest.card.training.augmentation == AUGMENTATIONS["light"].replaced(
        noise=5
    )
    assert manifest.card.training.held_back == 0.4
    assert manifest.settings.network.dropout_kind == "maps"
    assert (model / "training.csv").read_text().startswith("iteration,seconds,loss")


def test_threads_are_a_matter_of_the_machine(pair, call, tmp_path, monkeypatch):
    import torch

    before = torch.get_num_threads()
    monkeypatch.setenv(THREADS_VARIABLE, str(before))  # put back in the end
    model = tmp_path / "m"
    try:
        options = ["--model", model, "--device", "cpu", *SMALL]
        assert call("--threads", "3", "train", *pair, *options)[0] == 0
    finally:
        torch.set_num_threads(before)
    assert "3 threads" in read_manifest(model).card.device
    code, _, err = call("--threads", "0", "train", *pair, *options)
    assert (code, "threads" in err) == (2, True)
