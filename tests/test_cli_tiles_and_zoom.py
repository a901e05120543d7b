"""`segment` and `detect`: what a tile takes is said, and the zoom can be chosen."""

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.core.card import Card, read_manifest
from napari_unet.core.checkpoint import copy_weights, save_model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.network.unet import UNet, build_network
from napari_unet.formats.images import read_labels
from napari_unet.formats.tiff import write_labels
from napari_unet.samples import fluorescence_nuclei


@pytest.fixture
def image(tmp_path):
    """An image of 0.25 µm per pixel."""
    grey = np.random.default_rng(0).integers(0, 200, (60, 80), np.uint8)
    write_labels(tmp_path / "field.tif", grey, (0.25, 0.25))
    return tmp_path / "field.tif"


@pytest.fixture
def save(tmp_path):
    """Save an untrained model for pixels of 0.5 µm."""

    def save(**settings):
        network = NetworkConfig(base_channels=2, levels=2)
        made = ModelSettings(network=network, pixel_size_um=0.5, **settings)
        weights = copy_weights(build_network(network, seed=0))
        save_model(tmp_path / "model", made, Card(name="model"), weights)
        return tmp_path / "model"

    return save


def test_the_rescaled_shape_and_the_tiles_are_said_before_the_start(
    image, save, tmp_path, call
):
    code, _, err = call("segment", image, "--model", save(), "--out", tmp_path / "o")
    assert code == 0, err
    assert err.startswith(
        "field: rescaled to 40 × 30 px (zoom 0.5); tile 88 × 80 px, 1 tile, about 1 MB"
    )
    assert read_labels(tmp_path / "o" / "field.tif").shape == (60, 80)


def test_a_zoom_of_one_takes_the_image_as_it_is(image, save, tmp_path, call):
    given = ["segment", image, "--model", save(), "--out", tmp_path / "o"]
    code, _, err = call(*given, "--scale", "1", "--tile", "60")
    assert code == 0, err
    assert "rescaled" not in err
    assert "field: tile 60 × 60 px, 7 × 5 tiles" in err


def test_detect_can_be_zoomed_too(image, save, tmp_path, call):
    model = save(annotation="points")
    given = ["detect", image, "--model", model, "--out", tmp_path / "o"]
    code, _, err = call(*given, "--scale", "2")
    assert code == 0, err
    assert "field: rescaled to 160 × 120 px (zoom 2); " in err


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("0", "give a factor above 0, 'auto' to look at"),
        ("-2", "give a factor above 0"),
        ("nan", "give a factor above 0"),
        ("much", "--scale much: give a factor"),
        ("100", "would make 10,000 pixels of each of 'field'"),
    ],
)
def test_a_zoom_that_cannot_be_is_refused(image, save, tmp_path, call, scale, said):
    given = ["segment", image, "--model", save(), "--out", tmp_path / "o"]
    code, _, err = call(*given, "--scale", scale)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_too_little_memory_ends_with_a_sentence(
    image, save, tmp_path, call, monkeypatch
):
    def forward(self, image, spare=0):  # a real allocation fails, of another size
        return torch.empty(2**60, dtype=torch.uint8)

    monkeypatch.setattr(UNet, "forward", forward)
    given = ["segment", image, "--model", save(), "--out", tmp_path / "o"]
    code, _, err = call(*given, "--device", "cpu")
    assert code == 2
    said = err.splitlines()[-1]
    assert "too little free memory for even the smallest tiles" in said
    assert "--device" in said
    assert "Traceback" not in err


@pytest.fixture
def pair(tmp_path):
    """An image of 0.25 µm per pixel and its labels."""
    labels = np.zeros((60, 80), np.uint16)
    labels[10:30, 10:30] = 1
    labels[35:55, 50:70] = 2
    for name, array in {"images": labels * 100, "labels": labels}.items():
        (tmp_path / name).mkdir()
        write_labels(tmp_path / name / "field.tif", array, (0.25, 0.25))
    return tmp_path / "images", tmp_path / "labels"


QUICK = ["--iterations", "1", "--base-channels", "2", "--levels", "1"]


def test_the_pixel_size_of_a_new_model_can_be_chosen(pair, tmp_path, call):
    given = ["train", *pair, "--model", tmp_path / "model", *QUICK]
    code, _, err = call(*given, "--pixel-size", "0.5")
    assert code == 0, err
    assert read_manifest(tmp_path / "model").settings.pixel_size_um == 0.5
    config = tmp_path / "settings.json"
    config.write_text('{"pixel_size_um": 0.4}')
    given = ["train", *pair, "--model", tmp_path / "other", *QUICK]
    code, _, err = call(*given, "--config", config)
    assert code == 0, err
    assert read_manifest(tmp_path / "other").settings.pixel_size_um == 0.4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pixel-size", "0"], "--pixel-size 0: give a length in µm, above 0"),
        (["--pixel-size", "nan"], "give a length in µm"),
        (["--pixel-size", "0.001"], "rescaling would make "),
        (["--pixel-size-z", "2"], "for networks of volumes"),
    ],
)
def test_a_pixel_size_that_cannot_be_is_refused(pair, tmp_path, call, options, said):
    code, _, err = call("train", *pair, "--model", tmp_path / "m", *QUICK, *options)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "m" / "settings.json").exists()


def test_a_model_to_go_on_with_keeps_its_pixel_size(pair, save, tmp_path, call):
    given = ["train", *pair, "--model", tmp_path / "m", "--start-from", save()]
    code, _, err = call(*given, "--iterations", "1", "--pixel-size", "0.3")
    assert code == 2
    assert "has a pixel size of its own" in err


def test_the_zoom_that_was_looked_for_is_said(nuclei_folder, tmp_path, call, done):
    sample = fluorescence_nuclei((160, 160), seed=5)
    large = np.kron(np.asarray(sample.image), np.ones((3, 3)))
    tifffile.imwrite(tmp_path / "large.tif", large.astype(np.uint16))
    given = ["segment", tmp_path / "large.tif", "--model", nuclei_folder]
    code, _, err = call(*given, "--out", tmp_path / "o")
    assert code == 0, err
    said, plan = err.splitlines()[:2]
    assert said.startswith("large: zoom 0.3")
    assert "because its objects are about" in said
    assert f"({said[7:].split(',')[0]})" in plan  # (zoom 0.34)
    result = done(*given, "--out", tmp_path / "p")
    zoom = result["zoom"]["large"]
    assert zoom["factor"] == pytest.approx(1 / 3, rel=0.2)
    assert said == f"large: {zoom['because']}"
    assert zoom["unlike"] == ""
    fixed = done(*given, "--out", tmp_path / "q", "--scale", "pixel-size")
    assert fixed["zoom"]["large"] == {"factor": 1.0, "because": "", "unlike": ""}


def test_the_smallest_object_that_was_asked_for_is_one_of_the_image(
    nuclei_folder, tmp_path, done
):
    sample = fluorescence_nuclei((160, 160), seed=5)
    tifffile.imwrite(tmp_path / "field.tif", np.asarray(sample.image))
    given = ["segment", tmp_path / "field.tif", "--model", nuclei_folder]
    own = done(*given, "--out", tmp_path / "o", "--scale", "2")["objects"]["field"]
    none = done(*given, "--out", tmp_path / "p", "--scale", "2", "--min-size", "100000")
    assert own > 3
    assert none["objects"]["field"] == 0


def test_an_image_unlike_all_that_was_seen_is_warned_of(nuclei_folder, tmp_path, call):
    sample = fluorescence_nuclei((160, 160), seed=5)
    dark = 40_000 - np.asarray(sample.image).astype(np.int32)
    tifffile.imwrite(tmp_path / "dark.tif", dark.astype(np.uint16))
    code, _, err = call(
        *("segment", tmp_path / "dark.tif", "--model", nuclei_folder),
        *("--out", tmp_path / "o"),
    )
    assert code == 0, err
    assert "dark: it is unlike the images that the model has seen" in err
