"""Points in volumes on the command line: train on stacks, detect, compare."""

import itertools
import json

import numpy as np
import pytest

from napari_unet.core.card import read_manifest
from napari_unet.formats.images import read_image
from napari_unet.formats.points import read_points, write_points
from napari_unet.formats.tiff import write_grey

SMALL = ["--base-channels", "4", "--levels", "2"]
QUICK = [
    f"--set={name}={value}"
    for name, value in {
        "patch_size": 32,
        "patch_depth": 16,
        "validations": 3,
        "learning_rate": 0.01,
        "batch_size": 4,
    }.items()
]


def blobs(seed, shape=(18, 48, 48)):
    """Return a stack of blobs in planes twice as far apart as pixels, and places."""
    rng = np.random.default_rng(seed)
    centres = np.array(list(itertools.product((4, 13), (8, 24, 40), (8, 24, 40))))
    places = centres + rng.uniform(-1.5, 1.5, centres.shape)
    grid = np.indices(shape)
    grey = rng.normal(50, 8, shape)
    for place in places:
        apart = grid - place[:, None, None, None]
        apart[0] *= 2
        grey += 100 * np.exp(-(apart**2).sum(axis=0) / 14)
    return grey.astype(np.float32), places


@pytest.fixture
def folders(tmp_path):
    for seed, (images, points) in enumerate([("images", "points"), ("new", "truth")]):
        grey, places = blobs(seed)
        for folder in (images, points):
            (tmp_path / folder).mkdir()
        write_grey(tmp_path / images / "stack.tif", grey, (1, 0.5, 0.5), axes="ZYX")
        write_points(tmp_path / points / "stack.csv", places, ["cell"] * len(places))
    return tmp_path


def test_train_detect_and_evaluate_in_a_volume(folders, call):
    model, found = folders / "model", folders / "found"
    options = [*SMALL, *QUICK, "--preset", "fast-3d", "--iterations", 70]
    # That these are points is seen from the files.
    inputs = [folders / "images", folders / "points"]
    code, text, err = call(
        "train", *inputs, "--model", model, *options, "--device", "cpu", "--json"
    )
    assert code == 0, err
    assert json.loads(text)["validation"]["f1"] > 0.5
    settings = read_manifest(model).settings
    assert settings.annotation == "points"
    assert settings.pixel_sizes_um == (1, 0.5, 0.5)
    assert settings.class_names == ("background", "cell")

    new = folders / "new"
    code, text, err = call("detect", new, "--model", model, "--out", found, "--json")
    assert code == 0, err
    points = read_points(found / "stack.csv").points
    assert len(points) == json.loads(text)["points"]["stack"]
    head = (found / "stack.csv").read_text().splitlines()[0]
    assert head == "index,axis-0,axis-1,axis-2,class,confidence"
    assert (points.positions[:, 0] % 1 != 0).any()

    compared = ["--volumes", "--z-step", 2, "--json"]
    code, text, err = call("evaluate", found, folders / "truth", *compared)
    assert code == 0, err
    scores = json.loads(text)
    assert scores["overall"]["f1"] > 0.85
    assert scores["overall"]["objects_true"] == 18
    assert list(scores["classes"]) == ["cell"]


def test_tables_of_points_are_not_taken_for_labels(folders, call):
    inputs = [folders / "images", folders / "points"]
    for command in ("train", "check"):
        options = ["--model", folders / "model"] if command == "train" else []
        code, _, err = call(command, *inputs, *options, "--annotation", "objects")
        assert code == 2
        assert "holds tables of points" in err
    flat = folders / "flat.csv"
    flat.write_text("x,y\n1,1\n")
    image = folders / "images" / "stack.tif"
    code, _, err = call("train", image, flat, "--model", folders / "model")
    assert code == 2
    assert "have 2 coordinates each, the image has 3 axes" in err


def test_weights_of_a_stack_are_of_balls_or_of_planes(folders, call):
    table, image = folders / "points" / "stack.csv", folders / "images" / "stack.tif"
    out = folders / "weights.tif"
    command = ["weights", table, "--image", image, "--out", out]
    assert call(*command)[0] == 0
    by_plane = read_image(out).array[0]
    _, places = blobs(0)
    marked = set(np.round(places[:, 0]).astype(int).tolist())
    assert {z for z in range(18) if by_plane[z].any()} == marked
    assert call(*command, "--volumes")[0] == 0
    written = read_image(out)
    assert written.pixel_size_um == (1, 0.5, 0.5)
    assert written.array[0].any(axis=(1, 2)).all()
    assert call("check", image, table, "--volumes")[0] == 0
