"""Classes and channels through the command line, on files as they come."""

import json

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image as Picture

from napari_unet.core.card import read_manifest
from napari_unet.core.checkpoint import load_model, save_model
from napari_unet.formats.images import read_class_labels, read_labels

QUICK = [
    *("--base-channels", "8", "--levels", "2", "--iterations", "60"),
    *("--set", "patch_size=48", "--set", "batch_size=4", "--set", "validations=2"),
    *("--device", "cpu"),
]
COLOURS = np.array([[0, 0, 0], [220, 40, 40], [40, 40, 230]], np.uint8)


def blocks(seed, count=3):
    """Return classes of 8 x 8 blocks, and an image in which they can be seen."""
    rng = np.random.default_rng(seed)
    classes = np.kron(rng.integers(0, count, (8, 9)), np.ones((8, 8), int))
    grey = classes * 90 + rng.normal(20, 3, classes.shape)
    return classes.astype(np.uint8), np.clip(grey, 0, 255).astype(np.uint8)


def write_pairs(folder, paint, picture=None):
    """Write two pairs; `paint` makes a label file's array of the classes."""
    images, labels = folder / "images", folder / "labels"
    images.mkdir(parents=True)
    labels.mkdir()
    for seed in (0, 1):
        classes, grey = blocks(seed)
        shown = grey if picture is None else picture(classes, grey)
        tifffile.imwrite(images / f"f{seed}.tif", shown, photometric="minisblack")
        Picture.fromarray(paint(classes)).save(labels / f"f{seed}.png")
    return images, labels


def trained(call, *arguments):
    code, out, err = call("train", *arguments, "--json")
    assert code == 0, err
    return json.loads(out.splitlines()[-1]), err


def test_coloured_labels_are_recognised_shown_learned_and_predicted(tmp_path, call):
    images, labels = write_pairs(tmp_path, lambda classes: COLOURS[classes])
    model, out = tmp_path / "model", tmp_path / "out"
    names = ["--classes", "ground,plasma,nucleus"]
    result, err = trained(
        call,
        images,
        labels,
        "--model",
        model,
        "--annotation",
        "classes",
        *names,
        *QUICK,
    )
    # Red has the larger number; the mapping goes by colour, not by what was painted.
    assert [(c["value"], c["name"]) for c in result["classes"]] == [
        ("#000000", "ground"),
        ("#2828e6", "plasma"),
        ("#dc2828", "nucleus"),
    ]
    assert "#dc2828" in err
    assert sum(c["pixels"] for c in result["classes"]) == 2 * 64 * 72
    assert result["validation"]["iou"] > 0.8
    settings = read_manifest(model).settings
    assert settings.class_values == ("#000000", "#2828e6", "#dc2828")

    code, said, err = call("segment", images, "--model", model, "--out", out)
    assert code == 0, err
    predicted = read_labels(out / "f0.tif")
    truth = np.array([0, 2, 1])[blocks(0)[0]]
    assert (predicted == truth).mean() > 0.9
    assert "f0: ground" in said
    compared = ["evaluate", out, labels, "--classes", "--model", model]
    code, text, err = call(*compared, "--json")
    assert code == 0, err
    measured = json.loads(text.splitlines()[-1])["overall"]
    assert measured["mean_iou"] > 0.8
    assert "1 plasma" in call(*compared)[1]
    card = (model / "README.md").read_text()
    assert "#000000 = ground, #2828e6 = plasma, #dc2828 = nucleus" in card


def test_values_of_a_mask_become_classes_and_their_names_are_kept(tmp_path, call):
    images, labels = write_pairs(tmp_path, lambda c: np.array([0, 128, 255], "u1")[c])
    model = tmp_path / "model"
    classes = ["--annotation", "classes", "--classes", "a,b,c"]
    trained(call, images, labels, "--model", model, *classes, *QUICK)
    assert read_manifest(model).settings.class_values == (0, 128, 255)

    # One image more, with a value that the model does not know yet.
    extra = np.array([0, 128, 64], np.uint8)[blocks(0)[0]]
    Picture.fromarray(extra).save(labels / "f0.png")
    tuned = tmp_path / "tuned"
    quick = ["--iterations", "3", "--set", "validations=1"]
    result, _ = trained(
        call, images, labels, "--model", tuned, "--start-from", model, *quick
    )
    assert [c["name"] for c in result["classes"]] == ["a", "b", "c", "value 64"]
    assert result["validation_before"] is not None

    renamed = ["--classes", "a,new,b,c"]
    result, _ = trained(
        call, images, labels, "--model", tmp_path / "other", "--start-from", model,
        *renamed, *quick,
    )  # fmt: skip
    assert [c["value"] for c in result["classes"]] == ["0", "64", "128", "255"]

    code, _, err = call(
        "train", images, labels, "--model", model, "--resume", "--iterations", "70"
    )
    assert code == 2
    assert "the training to go on with a, b, c. Start a new training" in err


def test_two_classes_are_not_taken_for_a_binary_mask(tmp_path, call):
    images, labels = write_pairs(tmp_path, lambda c: (c > 0).astype(np.uint8) * 255)
    quick = [*QUICK, "--iterations", "2"]
    model = tmp_path / "model"
    result, _ = trained(
        call, images, labels, "--model", model, "--annotation", "classes", *quick
    )
    assert [c["value"] for c in result["classes"]] == ["0", "255"]
    assert result["validation"] is not None
    code, _, err = call("train", images, labels, "--model", model, *quick)
    assert code == 2
    assert "binary mask" in err


def test_the_fiji_plugins_zero_is_ignored_ground(tmp_path, call):
    def paint(classes):
        painted = classes + 1
        painted[:16] = 0
        return painted

    images, labels = write_pairs(tmp_path, paint)
    given = ["--annotation", "classes", "--zero", "ignore", *QUICK, "--iterations", "2"]
    result, _ = trained(call, images, labels, "--model", tmp_path / "m", *given)
    assert [(c["value"], c["name"]) for c in result["classes"]] == [
        ("1", "background"),
        ("2", "class 2"),
        ("3", "class 3"),
    ]
    assert sum(c["pixels"] for c in result["classes"]) == 2 * 48 * 72
    manifest = read_manifest(tmp_path / "m")
    assert manifest.settings.class_values == (1, 2, 3)
    assert "--zero ignore" in manifest.card.command
    assert "--ignore-label" not in manifest.card.command
    tuned = ["--start-from", tmp_path / "m", "--zero", "ignore", "--iterations", "2"]
    result, _ = trained(call, images, labels, "--model", tmp_path / "n", *tuned)
    assert [c["value"] for c in result["classes"]] == ["1", "2", "3"]

    out = tmp_path / "out"
    call("segment", images, "--model", tmp_path / "m", "--out", out)
    compared = ["evaluate", out, labels, "--classes", "--model", tmp_path / "m"]
    code, text, err = call(*compared, "--ignore-label", "0", "--json")
    assert code == 0, err
    overall = json.loads(text.splitlines()[-1])["overall"]
    assert 0 < overall["accuracy"] < 1


def test_channels_are_picked_for_training_and_again_for_prediction(tmp_path, call):
    def picture(classes, grey):
        noise = np.random.default_rng(5).integers(0, 255, grey.shape, np.uint8)
        return np.stack([noise, grey, noise.T.reshape(grey.shape), 255 - grey])

    images, labels = write_pairs(tmp_path, lambda classes: classes, picture)
    model, out = tmp_path / "model", tmp_path / "out"
    given = ["--annotation", "classes", "--channels", "3,1", *QUICK]
    result, _ = trained(call, images, labels, "--model", model, *given)
    settings = read_manifest(model).settings
    assert settings.channels == (3, 1)
    assert settings.network.in_channels == 2
    assert result["validation"]["iou"] > 0.7
    code, _, err = call("segment", images, "--model", model, "--out", out)
    assert code == 0, err
    assert (read_labels(out / "f0.tif") == blocks(0)[0]).mean() > 0.85

    two = picture(*blocks(0))[:2]
    tifffile.imwrite(tmp_path / "two.tif", two, photometric="minisblack")
    code, _, err = call("segment", tmp_path / "two.tif", "--model", model, "--out", out)
    assert code == 2
    assert "'two' has 2 channels, but the model reads the channels 3, 1" in err
    code, _, err = call(
        "train", images, labels, "--model", tmp_path / "n", "--start-from", model,
        "--channels", "0",
    )  # fmt: skip
    assert code == 2
    assert "--channels 0: the model to start from reads 3, 1" in err


def test_planes_of_a_stack_are_channels_if_one_says_so(tmp_path, call):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for seed in (0, 1):
        classes, grey = blocks(seed)
        planes = np.stack([grey, 255 - grey, grey // 2])
        tifffile.imwrite(
            images / f"f{seed}.tif", planes, imagej=True, metadata={"axes": "ZYX"}
        )
        tifffile.imwrite(labels / f"f{seed}.tif", classes)
    model, out = tmp_path / "model", tmp_path / "out"
    given = ["--annotation", "classes", *QUICK, "--iterations", "2"]
    code, _, err = call("train", images, labels, "--model", model, *given)
    assert code == 2
    assert "--planes-as-channels" in err
    trained(call, images, labels, "--model", model, "--planes-as-channels", *given)
    settings = read_manifest(model).settings
    assert settings.planes_as_channels
    assert settings.network.in_channels == 3
    code, _, err = call("segment", images, "--model", model, "--out", out)
    assert code == 0, err
    assert read_labels(out / "f0.tif").shape == (64, 72)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--classes", "a"], "at least two names"),
        (["--classes", "a,b,c"], "Say --annotation classes"),
        (["--channels", "red"], "--channels red: give positions"),
        (["--annotation", "classes", "--classes", "a,b"], "2 classes are named"),
        (
            ["--annotation", "classes", "--split-components"],
            "Leave out either it or --annotation classes",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(tmp_path, call, options, said):
    images, labels = write_pairs(tmp_path, lambda classes: classes)
    code, _, err = call("train", images, labels, "--model", tmp_path / "m", *options)
    assert code == 2
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err


def test_grey_that_was_saved_as_colour_is_read_as_numbers(tmp_path):
    classes, _ = blocks(0)
    Picture.fromarray(np.stack([classes] * 3, axis=-1)).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_class_labels(tmp_path / "grey.png"), classes)


def test_check_counts_the_classes_of_coloured_labels(tmp_path, call):
    images, labels = write_pairs(tmp_path, lambda classes: COLOURS[classes])
    code, out, err = call("check", images, labels)
    assert code == 2
    assert "Where each colour is a class, say that the" in out
    code, out, err = call("check", images, labels, "--annotation", "classes")
    assert code == 0, err
    assert "#dc2828" in out
    code, out, _ = call("check", images, labels, "--annotation", "classes", "--json")
    classes = json.loads(out.splitlines()[-1])["classes"]
    assert [c["value"] for c in classes] == ["#000000", "#2828e6", "#dc2828"]
    assert sum(c["pixels"] for c in classes) == 2 * 64 * 72
    assert sum(c["share"] for c in classes) == pytest.approx(1, abs=1e-5)


def test_check_reads_zero_as_ignored_ground_if_told(tmp_path, call):
    def paint(classes):
        painted = classes + 1
        painted[:16] = 0
        return painted

    images, labels = write_pairs(tmp_path, paint)
    given = ["--annotation", "classes", "--zero", "ignore", "--json"]
    code, out, err = call("check", images, labels, *given)
    assert code == 0, err
    classes = json.loads(out.splitlines()[-1])["classes"]
    assert sum(c["pixels"] for c in classes) == 2 * 48 * 72


def test_one_class_everywhere_is_worth_a_warning(tmp_path, call):
    images, labels = write_pairs(tmp_path, lambda c: (c > 0).astype(np.uint8) + 7)
    model, out = tmp_path / "model", tmp_path / "out"
    given = ["--annotation", "classes", *QUICK, "--iterations", "1"]
    given += ["--learning-rate", "1e-9"]
    trained(call, images, labels, "--model", model, *given)
    folder, settings = model, json.loads((model / "settings.json").read_text())
    assert settings["settings"]["class_values"] == [7, 8]
    loaded = load_model(folder)
    state = loaded.network.state_dict()
    state["head.weight"].zero_()
    state["head.bias"].copy_(torch.tensor([9.0, 0.0]))
    save_model(folder, loaded.settings, loaded.card, state)
    code, text, err = call("segment", images, "--model", folder, "--out", out, "--json")
    assert code == 0, err
    assert "f0.tif: all of it is predicted as 'background'" in err
    result = json.loads(text.splitlines()[-1])
    assert result["classes"]["f0"] == {"background": 1.0}
    assert "objects" not in result
