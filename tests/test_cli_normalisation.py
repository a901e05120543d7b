"""`train --set normalisation=…`: stored in the model, and its own from then on."""

import numpy as np
import pytest

from napari_unet.core.card import read_manifest
from napari_unet.formats.tiff import write_grey, write_labels

ONCE = ["--iterations", "1", "--base-channels", "2", "--levels", "1", "--device", "cpu"]


@pytest.fixture
def train(tmp_path, call):
    """Train for one step on two-channel images, with these options."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    truth = np.zeros((48, 48), np.uint16)
    truth[5:20, 5:20], truth[25:45, 25:45] = 1, 2
    grey = np.random.default_rng(0).normal(50, 5, (2, 48, 48)) + 60 * (truth > 0)
    write_grey(images / "a.tif", grey.astype(np.float32), None, axes="CYX")
    write_labels(labels / "a.tif", truth, None)

    def train(name, *options, shape=ONCE):
        code, _, said = call(
            "train", images, labels, "--model", tmp_path / name, *shape, *options
        )
        return code, said

    return train


def test_it_is_stored_in_the_model_and_in_the_settings_that_repeat_it(tmp_path, train):
    for name, value in (("a", "vector-norm"), ("b", "min-max-joint")):
        code, said = train(name, "--set", f"normalisation={value}", "--set", "skip=add")
        assert code == 0, said
        settings = read_manifest(tmp_path / name).settings
        assert settings.normalisation == value
        assert settings.network.skip == "add"
    code, said = train("c", "--config", tmp_path / "a" / "training.json", shape=[])
    assert code == 0, said
    assert read_manifest(tmp_path / "c").settings.normalisation == "vector-norm"


def test_what_cannot_be_is_refused(tmp_path, train):
    code, said = train("m", "--set", "normalisation=loud")
    assert code == 2
    assert "--set normalisation=loud: it must be one of 'percentile', 'min-max'" in said
    assert not (tmp_path / "m").exists()


def test_a_model_to_go_on_with_keeps_its_own(tmp_path, train):
    assert train("old", "--set", "normalisation=mean-std")[0] == 0
    again = ("--start-from", tmp_path / "old", "--set")
    assert train("same", *again, "normalisation=mean-std")[0] == 0
    code, said = train("other", *again, "normalisation=none")
    assert code == 2
    assert "--set normalisation=none: the model to start from has mean-std" in said
