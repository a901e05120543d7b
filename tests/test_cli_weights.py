"""`weights` and `tools` on files; `train` with another form, and from a config file."""

import json
import shlex

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_unet.core.card import read_manifest
from napari_unet.formats.images import read_image, read_labels
from napari_unet.formats.tiff import write_labels

SIZE = (0.5, 0.5)


@pytest.fixture
def two_cells(tmp_path):
    """Two cells that touch, and one pixel of another beyond a corner."""
    labels = np.zeros((20, 24), np.uint16)
    labels[4:12, 4:10], labels[4:12, 10:16], labels[12, 16] = 1, 2, 3
    path = tmp_path / "cells.tif"
    write_labels(path, labels, SIZE)
    return path


def test_weights_of_both_forms_have_the_published_ridge(tmp_path, two_cells, done):
    out = tmp_path / "w.tif"
    labels = ["weights", two_cells, "--out", out]
    done(*labels, "--class-balance", "none")
    assert tifffile.imread(out)[6, 10] == pytest.approx(1 + 9.801987, abs=1e-4)
    done(*labels, "--form", "2019")
    assert tifffile.imread(out)[6, 10] == pytest.approx(1 + 49.310356, abs=1e-4)
    assert tifffile.imread(out)[6, 6] == 1
    done(*labels, "--form", "2019", "--w0", "7")
    assert tifffile.imread(out)[6, 10] == pytest.approx(1 + 7 * 0.98620712, abs=1e-4)


def test_weights_of_classes_given_one_by_one(tmp_path, two_cells, done):
    out = tmp_path / "w.tif"
    done(
        "weights", two_cells, "--out", out, "--w0", "0", "--annotation", "classes",
        "--class-weights", "0.5,2,3", "--ignore-label", "3",
    )  # fmt: skip
    weights = tifffile.imread(out)
    assert (weights[0, 0], weights[6, 6], weights[6, 12]) == (0.5, 2, 3)
    assert weights[12, 16] == 0


def test_weights_and_tools_read_coloured_classes(tmp_path, done):
    colours = np.array([[0, 0, 0], [220, 40, 40], [40, 40, 230]], np.uint8)
    classes = np.repeat([[0, 1, 1, 2, 2]], 3, axis=0)
    labels = tmp_path / "coloured.png"
    Picture.fromarray(colours[classes]).save(labels)
    out = tmp_path / "w.tif"
    read = [labels, "--annotation", "classes"]
    weigh = ["weights", *read, "--out", out, "--w0", "0"]
    # Blue comes before red: classes are in ascending order of the colours.
    result = done(*weigh, "--class-weights", "0.5,2,3")
    assert result["taken_for"] == "3 classes (#000000, #2828e6, #dc2828)"
    assert tifffile.imread(out)[0].tolist() == [0.5, 3, 3, 2, 2]
    done(*weigh, "--class-weights", "2,3", "--zero", "ignore")
    # Beside ignored ground an object might have to make room for a border.
    assert tifffile.imread(out)[0, [0, 2, 3, 4]].tolist() == [0, 3, 2, 2]
    counts = done("tools", "counts", *read)["overall"]
    assert counts["#2828e6"] == {"pixels": 6, "objects": 1}
    done("tools", "density", *read, "--out", out, "--v-bal", "0.25")
    assert tifffile.imread(out)[0].tolist() == [0.25, 1, 1, 1, 1]


def test_counts_keep_the_values_of_a_mask(tmp_path, done):
    mask = tmp_path / "mask.tif"
    write_labels(mask, np.array([[0, 128, 255, 255]], np.uint8), SIZE)
    counts = done("tools", "counts", mask, "--annotation", "classes")["overall"]
    assert {value: each["pixels"] for value, each in counts.items()} == {
        "0": 1,
        "128": 1,
        "255": 2,
    }


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_alone_can_be_counted_and_weighed(tmp_path, done, value):
    mask, out = tmp_path / "mask.tif", tmp_path / "w.tif"
    write_labels(mask, np.full((4, 5), value, np.uint8), SIZE)
    counts = done("tools", "counts", mask, "--annotation", "classes")["overall"]
    assert counts[str(value)]["pixels"] == 20
    done("weights", mask, "--out", out, "--annotation", "classes")
    assert tifffile.imread(out).max() > 0


def test_weights_read_zero_as_ignored_ground(tmp_path, two_cells, done):
    fiji = tmp_path / "fiji.tif"
    painted = read_labels(two_cells) + 1
    painted[15:] = 0
    write_labels(fiji, painted, SIZE)
    out = tmp_path / "w.tif"
    done("weights", fiji, "--out", out, "--zero", "ignore", "--class-balance", "none")
    assert tifffile.imread(out)[6, 10] == pytest.approx(1 + 9.801987, abs=1e-4)
    assert (tifffile.imread(out)[15:] == 0).all()


def test_weights_say_what_they_took_labels_for(tmp_path, two_cells, call, done):
    out = tmp_path / "w.tif"
    assert done("weights", two_cells, "--out", out)["taken_for"] == "3 objects"
    mask = tmp_path / "mask.tif"
    for painted, said in (
        (np.zeros((9, 9), np.uint8), "all of it is taken for background"),
        (np.eye(9, dtype=np.uint8), "all 9 pieces have the number 1"),
        (np.eye(9, dtype=np.uint8) * 255, "all 9 pieces have the number 255"),
    ):
        write_labels(mask, painted, SIZE)
        code, text, err = call("weights", mask, "--out", out)
        assert code == 0, err
        assert said in err
        assert "for 0 objects" in text or "for 1 object" in text
    assert "--split-components" in err
    code, text, err = call("weights", mask, "--out", out, "--split-components")
    assert (code, err) == (0, "")
    assert "for 9 objects" in text


def test_instances_of_a_mask(tmp_path, done):
    mask = tmp_path / "mask.tif"
    write_labels(mask, np.eye(4, dtype=np.uint8) * 255, SIZE)
    out = tmp_path / "instances.tif"
    done("tools", "instances", mask, "--out", out)
    assert read_labels(out).max() == 4
    assert read_image(out).pixel_size_um == pytest.approx(SIZE)
    done("tools", "instances", mask, "--out", out, "--corners")
    assert read_labels(out).max() == 1


def test_borders_distances_and_densities(tmp_path, two_cells, done):
    out = tmp_path / "made.tif"
    done("tools", "borders", two_cells, "--out", out, "--width", "2")
    cut = read_labels(out)
    assert (cut[6, 8:12] == [1, 0, 0, 2]).all()
    done("tools", "distance", two_cells, "--out", out)
    assert tifffile.imread(out)[6, 2:7] == pytest.approx([2, 1, -1, -2, -3])
    done("tools", "density", two_cells, "--out", out, "--v-bal", "0.2")
    np.testing.assert_allclose(np.unique(tifffile.imread(out)), [0.2, 1], rtol=1e-6)


def test_a_folder_of_labels_becomes_a_folder(tmp_path, two_cells, done):
    folder = tmp_path / "labels"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.tif").write_bytes(two_cells.read_bytes())
    done("tools", "borders", folder, "--out", tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.tif", "b.tif"]
    counts = done("tools", "counts", folder)
    assert counts["images"]["a"]["1"] == {"pixels": 97, "objects": 3}
    assert counts["overall"]["1"] == {"pixels": 194, "objects": 6}


def test_tools_say_what_is_missing(tmp_path, two_cells, refused):
    assert "--out" in refused("tools", "distance", two_cells)
    said = refused("tools", "borders", two_cells, "--out", two_cells)
    assert "would replace the labels" in said
    said = refused(
        "tools", "borders", two_cells, "--out", tmp_path / "o.tif", "--width", "5"
    )
    assert "--width 5: it must be a whole number from 0 to 2" in said
    said = refused(
        "tools", "density", two_cells, "--out", tmp_path / "o.tif", "--v-bal", "5"
    )
    assert "--v-bal 5.0: it must be a number above 0 and up to 1" in said
    said = refused(
        "weights", two_cells, "--out", tmp_path / "o.tif", "--class-weights", "-1"
    )
    assert "none below 0" in said


# ------------------------------------------------------------- train, and train again


@pytest.fixture
def discs(tmp_path):
    """An image with bright discs, and their labels, as folders."""
    rng = np.random.default_rng(0)
    labels = np.zeros((80, 96), np.uint16)
    y, x = np.mgrid[:80, :96]
    for number in range(1, 10):
        cy, cx = rng.uniform(8, 72), rng.uniform(8, 88)
        labels[((y - cy) ** 2 + (x - cx) ** 2 < 36) & (labels == 0)] = number
    grey = (labels > 0) * 900 + 300 + rng.normal(0, 60, labels.shape)
    for name, array in (("images", grey.astype(np.uint16)), ("labels", labels)):
        (tmp_path / name).mkdir()
        write_labels(tmp_path / name / "discs.tif", array, SIZE)
    return tmp_path / "images", tmp_path / "labels"


SMALL = {
    "network": {"base_channels": 4, "levels": 2},
    "training": {"iterations": 2, "patch_size": 48, "weight_map": {"w0": 3}},
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL), encoding="utf-8")
    return path


def test_a_config_file_comes_between_preset_and_options(tmp_path, discs, config, done):
    model = tmp_path / "m"
    done(
        "train", *discs, "--model", model, "--config", config, "--preset", "mini",
        "--base-channels", "2", "--set", "weight_map.sigma=4",
    )  # fmt: skip
    manifest = read_manifest(model)
    network, training = manifest.settings.network, manifest.card.training
    assert network.dropout == 0.2  # the preset's
    assert (network.levels, training.iterations, training.seconds) == (2, 2, None)
    assert network.base_channels == 2  # the option's, not the file's 4
    assert (training.weight_map.w0, training.weight_map.sigma) == (3, 4)
    assert manifest.card.preset == "mini"


def test_the_form_of_2019_is_an_option(tmp_path, discs, config, done):
    train = ["train", *discs, "--config", config, "--weights-form", "2019"]
    done(*train, "--model", tmp_path / "a")
    weight_map = read_manifest(tmp_path / "a").card.training.weight_map
    assert (weight_map.form, weight_map.w0, weight_map.sigma) == ("2019", 50, 6)
    done(*train, "--model", tmp_path / "b", "--set", "weight_map.w0=20")
    assert read_manifest(tmp_path / "b").card.training.weight_map.w0 == 20


def test_the_command_in_a_model_folder_repeats_its_training(
    tmp_path, discs, config, done
):
    first, again = tmp_path / "first", tmp_path / "again"
    done("train", *discs, "--model", first, "--config", config, "--seed", "7")
    said = (first / "README.md").read_text(encoding="utf-8")
    [command] = [x for x in said.splitlines() if x.startswith("    napari-unet")]
    assert "--seed 7" in command
    words = shlex.split(command)[1:]
    filled = {"IMAGES": discs[0], "LABELS": discs[1], "NEW_MODEL": again}
    done(*(filled.get(word, word) for word in words), "--device", "cpu")
    one, two = read_manifest(first), read_manifest(again)
    assert one.weights.sha256 == two.weights.sha256
    assert one.settings == two.settings
    assert one.card.training == two.card.training


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "holds a JSON list, not an object"),
        ('{"preset": "huge"}', "names the preset 'huge'; there are fast,"),
        ('{"network": {"levels": 99}}', "network.levels 99: it must be a whole number"),
        (
            '{"network": {"layers": 9}}',
            "network.layers 9: there is no such setting; the closest is 'levels'",
        ),
        ('{"training": 3}', "training 3: it must be several settings"),
        (
            '{"training": {"seconds": 3, "iterations": 3}}',
            "give either `iterations` or `seconds`",
        ),
    ],
)
def test_a_wrong_config_file_is_refused(content, message, tmp_path, discs, refused):
    path = tmp_path / "wrong.json"
    path.write_text(content, encoding="utf-8")
    said = refused("train", *discs, "--model", tmp_path / "m", "--config", path)
    assert message in said
    assert not (tmp_path / "m").exists()


def test_a_config_file_that_contradicts_the_model_is_refused(
    tmp_path, discs, config, done, refused
):
    model, other = tmp_path / "m", tmp_path / "other.json"
    done("train", *discs, "--model", model, "--config", config)
    other.write_text('{"network": {"levels": 3}}', encoding="utf-8")
    train = ["train", *discs, "--model", tmp_path / "n", "--start-from", model]
    said = refused(*train, "--config", other)
    assert "levels in --config 3: the model to start from has 2" in said
    done(*train, "--config", config)
    assert f'--start-from "{model}"' in read_manifest(tmp_path / "n").card.command


def test_planes_are_as_far_apart_as_the_file_says(call, tmp_path):
    """Two objects above each other, one empty plane between them."""
    labels = np.zeros((5, 20, 20), np.uint16)
    labels[1, 5:15, 5:15], labels[3, 5:15, 5:15] = 1, 2
    weights, distances = {}, {}
    for name, depth in (("near", 0.5), ("far", 2.0)):
        path, out = tmp_path / f"{name}.tif", tmp_path / f"{name}_out.tif"
        write_labels(path, labels, (depth, 0.5, 0.5))
        call("weights", path, "--out", out, "--class-balance", "none")
        weights[name] = read_image(out).array[0, 2, 10, 10]
        call("tools", "distance", path, "--out", out)
        distances[name] = read_image(out).array[0, 2, 10, 10]
    assert weights["near"] == pytest.approx(1 + 10 * np.exp(-(2**2) / 50), abs=1e-4)
    assert weights["far"] == pytest.approx(1 + 10 * np.exp(-(8**2) / 50), abs=1e-4)
    assert distances == {"near": 1, "far": 4}
