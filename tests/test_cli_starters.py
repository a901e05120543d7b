"""Starter models on the command line: named like a folder, or not at all."""

import json

import numpy as np
import pytest
import tifffile

from napari_unet.core.card import Card, read_manifest
from napari_unet.core.checkpoint import copy_weights, publish_model, save_model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.image import resample
from napari_unet.core.network.unet import build_network
from napari_unet.core.notes import HeldOutScores, ModelNotes
from napari_unet.formats.images import read_image, read_labels
from napari_unet.formats.tiff import write_labels
from napari_unet.samples import fluorescence_nuclei

SETTINGS = ModelSettings(network=NetworkConfig(base_channels=2, levels=2))
NOTES = ModelNotes(
    purpose="Bright discs",
    made_for="Discs 10 to 20 px across.",
    data=("Discs of our own",),
    licence="CC0",
    held_out=(HeldOutScores(name="A", images=2, objects=30, scores={"f1": 0.9}),),
)


def save(folder):
    weights = copy_weights(build_network(SETTINGS.network, seed=1))
    save_model(folder, SETTINGS, Card(name=folder.name), weights)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, starters_folder):
    """A working directory with an image and its labels; one starter model."""
    publish_model(save(tmp_path / "made"), starters_folder / "nuclei", NOTES)
    labels = np.zeros((64, 64), np.uint16)
    labels[8:24, 8:24], labels[36:52, 30:46] = 1, 2
    for name, array in (("images", 900 * labels + 100), ("labels", labels)):
        (tmp_path / name).mkdir()
        write_labels(tmp_path / name / "a.tif", array, (0.5, 0.5))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_starters_are_listed_first_each_with_its_purpose(here, models_folder, call):
    save(models_folder / "mine")
    code, text, _ = call("models")
    assert code == 0
    head, _, starter, *_ = lines = text.splitlines()
    assert head.split() == ["starter", "model", "F1", "for"]
    assert starter.split(maxsplit=2) == ["nuclei", "0.90", "Bright discs"]
    assert any(line.startswith("mine") for line in lines[3:])


def test_the_card_of_a_starter_is_shown(here, call, done, starters_folder):
    code, text, _ = call("models", "nuclei")
    assert code == 0
    assert text == (starters_folder / "nuclei" / "README.md").read_text() + "\n"
    shown = done("models", "nuclei")
    assert shown["notes"]["licence"] == "CC0"
    [listed] = done("models")["starters"]
    assert listed["folder"] == str(starters_folder / "nuclei")


def test_without_a_model_a_starter_segments_and_says_so(here, call, done):
    code, _, err = call("segment", "images", "--out", "out")
    assert code == 0
    assert "No --model is given; the starter model 'nuclei' is used: it" in err
    assert (here / "out" / "a.tif").exists()
    result = done("segment", "images", "--out", "out")
    assert result["model"].endswith("nuclei")


def test_the_model_is_picked_for_the_first_image_that_can_be_read(here, call):
    (here / "images" / "0.tif").write_bytes(b"no TIFF")
    code, _, err = call("segment", "images", "--out", "out")
    assert code == 2
    assert "'nuclei' is used for all images" in err
    assert "1 of 2 images gave no result: '0.tif'" in err
    assert (here / "out" / "a.tif").exists()


def test_a_starter_is_named_like_a_folder(here, call, starters_folder):
    assert call("segment", "images", "--model", "nuclei", "--out", "out")[0] == 0
    trained = "train", "images", "labels", "--start-from", "nuclei", "--model", "mine"
    code, _, err = call(*trained, "--iterations", "1", "--set", "patch_size=32")
    assert code == 0, err
    assert read_manifest(here / "mine").card.started_from == "nuclei"
    code, _, err = call("export-model", "nuclei", "--out", "nuclei.pt2")
    assert code == 0, err


def test_a_new_model_is_not_called_like_a_starter(here, refused, starters_folder):
    trained = "train", "images", "labels", "--model"
    assert "another name, for example my-nuclei" in refused(*trained, "nuclei")
    assert "never changed" in refused(*trained, starters_folder / "nuclei")
    said = refused(*trained, starters_folder / "nuclei", "--resume")
    assert "is a starter model" in said
    assert not (here / "nuclei").exists()
    assert not (starters_folder / "nuclei.1").exists()


def test_a_folder_that_hides_a_starter_is_named(here, call):
    save(here / "nuclei")
    code, _, err = call("segment", "images", "--model", "nuclei", "--out", "out")
    assert code == 0
    assert f"'{here / 'nuclei'}', which comes before the starter model" in err


def test_points_need_a_model_that_knows_them(here, refused):
    said = refused("detect", "images", "--model", "nuclei", "--out", "out")
    assert "use 'napari-unet segment' with it" in said


def test_a_given_zoom_needs_no_look_whatever_the_pixel_size(here, call):
    labels = np.zeros((64, 64), np.uint16)
    labels[8:24, 8:24] = 900
    write_labels(here / "images" / "a.tif", labels, (1000.0, 1000.0))
    given = "segment", "images", "--out", "out", "--scale", "1"
    code, _, err = call(*given)
    assert code == 0, err
    assert "'nuclei' is used" in err


def test_all_images_of_a_folder_get_one_zoom(tmp_path, nuclei_folder, call):
    (tmp_path / "images").mkdir()
    factors = (1, 2, 2, 1.9)
    for number, factor in enumerate(factors):
        grey = np.asarray(fluorescence_nuclei((160, 160), seed=5 + number).image)
        shape = [round(length * factor) for length in grey.shape]
        larger = resample(grey[None], shape)[0].astype(np.uint16)
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", larger)
    given = "segment", tmp_path / "images", "--model", nuclei_folder, "--json"
    code, out, err = call(*given, "--out", tmp_path / "out")
    assert code == 0, err
    zooms = json.loads(out)["zoom"]
    assert len({each["factor"] for each in zooms.values()}) == 1
    assert zooms["0"]["factor"] == pytest.approx(0.5, rel=0.2)
    assert err.count("by a look at 4 of them") == 1
    assert "by a look at 4 of them" in zooms["3"]["because"]


def test_a_channel_is_chosen_where_images_have_more(here, call, done, refused):
    grey = read_image(here / "images" / "a.tif").array[0]
    other = np.zeros_like(grey)
    other[40:, :20] = 700
    (here / "two").mkdir()
    tifffile.imwrite(
        here / "two" / "b.tif",
        np.stack([other, grey]).astype(np.uint16),
        imagej=True,
        metadata={"axes": "CYX"},
    )
    said = refused("segment", "two", "--model", "nuclei", "--out", "no")
    assert "2-channel image" in said
    assert "--channels 0" in said
    options = ("--scale", "1")
    for model in ((), ("--model", "nuclei")):
        done("segment", "two", "--channels", "1", "--out", "out", *model, *options)
        done("segment", "images", "--out", "alone", *model, *options)
        np.testing.assert_array_equal(
            read_labels(here / "out" / "b.tif"), read_labels(here / "alone" / "a.tif")
        )
    said = refused("segment", "two", "--channels", "0,1", "--out", "no")
    assert "the model reads 1 channel" in said
