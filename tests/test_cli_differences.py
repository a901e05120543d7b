"""Where prediction and truth differ, as files; the users' values; merged classes."""

import json

import numpy as np
import pytest
import tifffile

from napari_unet.core.card import read_manifest
from napari_unet.formats.images import read_image, read_labels
from napari_unet.formats.tiff import write_grey, write_labels


@pytest.fixture
def pair(tmp_path):
    """One object found, one missed, one invented, in pixels of half a µm."""
    true, predicted = np.zeros((2, 20, 30), np.uint16)
    true[2:8, 2:8] = 1
    predicted[2:8, 2:7] = 5
    true[2:8, 20:26] = 2
    predicted[12:18, 2:8] = 6
    for name, labels in (("found", predicted), ("truth", true)):
        (tmp_path / name).mkdir()
        write_labels(tmp_path / name / "a.tif", labels, (0.5, 0.5))
    return tmp_path / "found", tmp_path / "truth"


def test_differences_of_objects_are_written(tmp_path, pair, call):
    out = tmp_path / "where"
    for _ in range(2):  # its own files are replaced
        code, text, err = call("evaluate", *pair, "--differences", out)
        assert code == 0, err
    assert "3 invented" in text
    objects, pixels = (read_labels(out / f"a_{n}.tif") for n in ("objects", "pixels"))
    assert (objects[3, 3], objects[3, 22], objects[14, 4]) == (1, 2, 3)
    assert objects[3, 7] == 1  # objects are painted whole
    assert (pixels[3, 3], pixels[3, 7], pixels[14, 4], pixels[0, 0]) == (1, 3, 2, 0)
    assert read_image(out / "a_objects.tif").pixel_size_um == (0.5, 0.5)
    code, _, err = call(
        "evaluate", *pair, "--differences", out, "--ignore-label", "2", "--json"
    )
    assert code == 0, err
    assert read_labels(out / "a_objects.tif")[3, 22] == 0


def test_differences_of_classes_and_of_volumes_are_written(tmp_path, pair, call):
    out = tmp_path / "where"
    code, text, err = call("evaluate", *pair, "--classes", "--differences", out)
    assert code == 0, err
    assert "4 another class" in text
    assert read_labels(out / "a_pixels.tif")[3, 3] == 4
    assert not (out / "a_objects.tif").exists()
    stacks = [np.stack([read_labels(p / "a.tif")] * 2) for p in pair]
    stacks[0][1] = 0
    for folder, stack in zip(pair, stacks, strict=True):
        write_labels(folder / "a.tif", stack)
    for options, second in (((), 2), (("--volumes",), 2)):
        code, _, err = call("evaluate", *pair, *options, "--differences", out)
        assert code == 0, err
        assert read_labels(out / "a_objects.tif")[1, 3, 3] == second
        assert read_labels(out / "a_pixels.tif")[1, 3, 3] == 3


def test_what_is_not_ours_is_kept(tmp_path, pair, call):
    out = tmp_path / "where"
    out.mkdir()
    tifffile.imwrite(out / "a_pixels.tif", np.zeros((3, 3), np.uint8))
    code, _, err = call("evaluate", *pair, "--differences", out)
    assert code == 2
    assert "another folder for --differences" in err
    code, _, err = call("evaluate", *pair, "--boundaries", "--differences", out)
    assert code == 2
    assert "--boundaries" in err


def test_probabilities_have_a_soft_dice(tmp_path, call):
    true = np.zeros((20, 20), np.uint8)
    true[5:15, 5:15] = 1
    probability = np.where(true, 0.75, 0.25).astype(np.float32)
    write_labels(tmp_path / "t.tif", true)
    write_grey(tmp_path / "p.tif", probability)
    command = "evaluate", tmp_path / "p.tif", tmp_path / "t.tif", "--boundaries"
    code, text, err = call(*command)
    assert code == 0, err
    assert "SOFT DICE" in text
    scores = json.loads(call(*command, "--json")[1])
    expected = (2 * 75 + 1e-4) / (75 + 75 + 100 + 1e-4)
    for part in (scores["overall"], scores["images"]["t"]):
        assert part["soft_dice"] == pytest.approx(expected)
        assert part["hard_dice"] == 1


def blocks(seed):
    """Return three classes in blocks of 8 x 8, and an image that shows them."""
    rng = np.random.default_rng(seed)
    classes = np.kron(rng.integers(0, 3, (8, 9)), np.ones((8, 8), int))
    grey = classes * 90 + rng.normal(20, 3, classes.shape)
    return classes, np.clip(grey, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("merged", [False, True])
def test_the_users_values_come_back_and_may_be_merged(tmp_path, call, merged):
    images, labels, model, out = (tmp_path / n for n in ("i", "l", "model", "out"))
    values = np.array([0, 128, 255], np.uint8)
    for folder in (images, labels):
        folder.mkdir()
    for seed in (0, 1):
        classes, grey = blocks(seed)
        tifffile.imwrite(images / f"f{seed}.tif", grey)
        tifffile.imwrite(labels / f"f{seed}.tif", values[classes])
    names = "ground,cell,cell" if merged else "ground,cell,nucleus"
    code, text, err = call(
        *("train", images, labels, "--model", model, "--annotation", "classes"),
        *("--classes", names, "--base-channels", "8", "--levels", "2"),
        *("--iterations", "60", "--device", "cpu", "--json"),
        *("--set", "patch_size=48", "--set", "batch_size=4"),
    )
    assert code == 0, err
    settings = read_manifest(model).settings
    stored = (0, "128+255") if merged else (0, 128, 255)
    assert settings.class_values == stored
    assert f'--classes "{names}"' in (model / "README.md").read_text()
    for _ in range(2):
        code, _, err = call("segment", images, "--model", model, "--out", out)
        assert code == 0, err
    found = read_labels(out / "f0.tif")
    assert set(np.unique(found).tolist()) == ({0, 128} if merged else {0, 128, 255})
    compare = ["evaluate", out, labels, "--classes", "--json"]
    scores = json.loads(call(*compare, "--model", model)[1])["overall"]
    assert scores["mean_iou"] > 0.8
    assert len(scores["iou"]) == len(stored)
    alone = json.loads(call(*compare)[1])["overall"]
    if merged:  # without the model nobody knows that both values are one class
        assert alone["mean_iou"] < scores["mean_iou"]
    else:
        assert alone["mean_iou"] == pytest.approx(scores["mean_iou"])
        code, text, _ = call("evaluate", out, labels, "--classes")
        listed = text.split("class (overall)")[1].splitlines()[1:]
        assert [line.split()[0] for line in listed if line.strip("- ")] == [
            "0",
            "128",
            "255",
        ]
