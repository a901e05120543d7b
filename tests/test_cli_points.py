"""Points on the command line: train, detect, evaluate, and be refused clearly."""

import json

import numpy as np
import pytest

from napari_unet.core.card import read_manifest
from napari_unet.core.evaluation.detection import score_points
from napari_unet.formats.images import read_image
from napari_unet.formats.points import read_points, write_points
from napari_unet.formats.tiff import write_grey, write_labels

SMALL = ["--base-channels", "8", "--levels", "2"]
QUICK = ["--set", "patch_size=64", "--set", "batch_size=4", "--set", "validations=3"]
CLASSES = ("round", "long")


def spots(seed, count=30, shape=(112, 128)):
    """Return an image of bright spots, some of them long, their places and classes."""
    rng = np.random.default_rng(seed)
    places: list = []
    while len(places) < count:
        place = rng.uniform(5, np.array(shape) - 6)
        if all(np.hypot(*(place - other)) > 9 for other in places):
            places.append(place)
    names = [CLASSES[i % 2] for i in range(count)]
    y, x = np.mgrid[: shape[0], : shape[1]]
    grey = rng.normal(300, 15, shape)
    for (cy, cx), name in zip(places, names, strict=True):
        width = 1.5 if name == "round" else 3
        grey += 200 * np.exp(-((y - cy) ** 2 / 4.5 + (x - cx) ** 2 / (2 * width**2)))
    return grey.astype(np.uint16), np.array(places), names


@pytest.fixture
def folders(tmp_path):
    """Return two training images with points, and one to look at with its own."""
    paths = [tmp_path / name for name in ("images", "points", "unseen", "truth")]
    for path in paths:
        path.mkdir()
    for seed in range(3):
        grey, places, _ = spots(seed)
        images, points = paths[:2] if seed < 2 else paths[2:]
        write_labels(images / f"field{seed}.tif", grey, (0.5, 0.5))
        lines = [f"{x},{y}" for y, x in places]
        (points / f"field{seed}.csv").write_text("\n".join(["x,y", *lines]))
    return paths


@pytest.fixture
def train(tmp_path, folders, call):
    def run(*options, iterations=1):
        model = tmp_path / "model"
        code, out, err = call(
            *("train", *folders[:2], "--points", "--model", model, *SMALL, *QUICK),
            *("--iterations", iterations, "--device", "cpu", "--json", *options),
        )
        assert code == 0, err
        return model, json.loads(out.splitlines()[-1]), err

    return run


def test_a_small_network_learns_to_find_spots(tmp_path, folders, train, call):
    model, result, err = train(iterations=60)
    assert "validation F1" in err
    assert result["validation"]["f1"] > 0.8
    settings = read_manifest(model).settings
    assert settings.annotation == "points"
    assert settings.class_names == ("background", "object")

    out = tmp_path / "found"
    code, text, err = call(
        "detect", folders[2], "--model", model, "--out", out, "--json"
    )
    assert code == 0, err
    counted = json.loads(text)["points"]["field2"]
    found = read_points(out / "field2.csv")
    assert len(found.points) == counted
    assert found.points.names == ("object",) * counted
    assert (out / "counts.csv").read_text().split() == [
        "image,points",
        f"field2,{counted}",
    ]

    code, text, _ = call("evaluate", out, folders[3], "--json")
    assert code == 0
    scores = json.loads(text)
    assert scores["distance"] == 3
    assert scores["overall"]["f1"] > 0.85
    assert scores["overall"]["objects_true"] == 30
    check_other_grids(tmp_path, folders, model, call)
    # Chance, for comparison: as many points anywhere.
    rng = np.random.default_rng(0)
    anywhere = rng.uniform(0, (111, 127), (counted, 2))
    write_points(out / "field2.csv", anywhere, ["object"] * counted, np.ones(counted))
    _, text, _ = call("evaluate", out, folders[3], "--json")
    assert json.loads(text)["overall"]["f1"] < 0.35


def check_other_grids(tmp_path, folders, model, call):
    """Points lie on the image's own pixels, also smaller ones, and on its planes."""
    grey = read_image(folders[2] / "field2.tif").array[0]
    _, places, _ = spots(2)
    others = tmp_path / "others"
    finer = grey.repeat(2, axis=0).repeat(2, axis=1)
    write_labels(others / "fine.tif", finer, (0.25, 0.25))
    write_labels(others / "stack.tif", np.stack([grey, grey[::-1]]), (1, 0.5, 0.5))
    out = tmp_path / "on other grids"
    code, _, err = call("detect", others, "--model", model, "--out", out)
    assert code == 0, err
    fine = read_points(out / "fine.csv").points.positions
    assert score_points(fine, 2 * places + 0.5, distance=4).f1 > 0.85
    stack = read_points(out / "stack.csv").points
    assert set(stack.positions[:, 0]) == {0, 1}
    flipped = places * [-1, 1] + [len(grey) - 1, 0]
    for z, true in enumerate((places, flipped)):
        assert score_points(stack.plane(z).positions, true).f1 > 0.85


def test_a_model_of_points_is_tuned_and_resumed(tmp_path, folders, train, call):
    model, _, _ = train()
    tuned = tmp_path / "tuned"
    command = ["train", *folders[:2], "--points", "--device", "cpu", "--json"]
    start = ["--model", tuned, "--start-from", model, "--iterations", "1"]
    code, text, err = call(*command, *start, *QUICK)
    assert code == 0, err
    assert json.loads(text)["validation_before"] is not None
    assert read_manifest(tuned).settings.annotation == "points"
    more = ["--model", tuned, "--resume", "--iterations", "2", *QUICK]
    code, text, err = call(*command, *more)
    assert code == 0, err
    assert json.loads(text)["iterations"] == 2
    table = folders[1] / "field0.csv"
    write_points(table, np.array([[9.0, 9]]), ["debris"], np.ones(1))
    code, _, err = call(*command, *start, *QUICK)
    assert code == 2
    assert "'debris', but the model knows only 'object'" in err


def test_classes_are_learned_by_their_names(tmp_path, folders, train, call):
    for seed in range(2):
        _, places, names = spots(seed)
        path = folders[1] / f"field{seed}.csv"
        write_points(path, places, names, np.ones(len(places)))
    model, _, _ = train("--point-radius", "3")
    manifest = read_manifest(model)
    assert manifest.settings.class_names == ("background", "long", "round")
    assert manifest.settings.network.classes == 3
    assert manifest.card.training.point_radius == 3
    assert 30 < manifest.card.objects < 60  # the others are held back
    out = tmp_path / "found"
    assert call("detect", folders[2], "--model", model, "--out", out)[0] == 0
    head = (out / "counts.csv").read_text().splitlines()[0]
    assert head == "image,points,long,round"


def test_segment_and_detect_name_each_other(tmp_path, folders, train, refused, call):
    model, _, _ = train()
    out = tmp_path / "out"
    sentence = refused("segment", folders[2], "--model", model, "--out", out)
    assert "napari-unet detect" in sentence
    labels = tmp_path / "labels"
    for seed in range(2):
        grey, _, _ = spots(seed)
        write_labels(labels / f"field{seed}.tif", _numbered(grey), (0.5, 0.5))
    other = tmp_path / "other"
    options = [*SMALL, "--iterations", 1, "--device", "cpu"]
    assert call("train", folders[0], labels, "--model", other, *options)[0] == 0
    sentence = refused("detect", folders[2], "--model", other, "--out", out)
    assert "napari-unet segment" in sentence
    again = ["--model", tmp_path / "again", "--start-from", other, *options[-4:]]
    assert "from scratch" in refused("train", *folders[:2], "--points", *again)


def _numbered(grey):
    from skimage.measure import label

    return label(grey > 400).astype(np.uint16)


def test_results_replace_nothing_that_was_not_written_here(
    tmp_path, folders, train, refused, call
):
    model, _, _ = train()
    truth = folders[3]
    sentence = refused("detect", folders[2], "--model", model, "--out", truth)
    assert "was not written by this program" in sentence
    assert "lie in" in refused(
        "detect", folders[2], "--model", model, "--out", folders[2]
    )
    out = tmp_path / "found"
    for _ in range(2):
        assert call("detect", folders[2], "--model", model, "--out", out)[0] == 0


def test_an_image_that_cannot_be_used_does_not_stop_the_others(
    tmp_path, folders, train, call
):
    model, _, _ = train()
    write_grey(folders[2] / "black.tif", np.zeros((64, 64), np.float32))
    out = tmp_path / "found"
    code, text, err = call(
        "detect", folders[2], "--model", model, "--out", out, "--json"
    )
    assert code == 2
    assert set(json.loads(text)["failed"]) == {"black.tif"}
    assert "'black.tif'" in err.splitlines()[-1]
    assert (out / "field2.csv").exists()


def test_bad_points_are_refused_before_anything_is_written(tmp_path, folders, refused):
    command = ["train", *folders[:2], "--points", "--model", tmp_path / "model", *SMALL]
    assert "--ignore-label is about label images" in refused(
        *command, "--ignore-label", "9"
    )
    assert "--point-radius 0" in refused(*command, "--point-radius", "0")
    table = folders[1] / "field0.csv"
    table.write_text("x,y\n500,3\n")
    assert "field0.csv: The points of 'field0' do not fit" in refused(*command)
    table.write_text("a,b\n1,2\n")
    assert "needs 'axis-0'" in refused(*command)
    for path in folders[1].iterdir():
        path.write_text("x,y\n")
    assert "Set a point on each object" in refused(*command)
    table.unlink()
    assert "no points in" in refused(*command)
    assert not (tmp_path / "model").exists()


def test_points_are_compared_by_class_where_both_sides_name_it(tmp_path, call):
    predicted, true = tmp_path / "a.csv", tmp_path / "b.csv"
    write_points(predicted, np.array([[1.0, 1], [9, 9]]), ["x", "y"], np.ones(2))
    true.write_text("x,y,class\n1,1,x\n9,9,x\n")
    _, text, _ = call("evaluate", predicted, true, "--json")
    scores = json.loads(text)
    assert scores["overall"]["true_positives"] == 1
    assert set(scores["classes"]) == {"x", "y"}
    true.write_text("x,y\n1,1\n9,13\n")
    _, text, _ = call("evaluate", predicted, true, "--json")
    assert json.loads(text)["overall"]["true_positives"] == 1
    _, text, _ = call("evaluate", predicted, true, "--distance", "4")
    assert ["overall", "1.000"] in [line.split()[:2] for line in text.splitlines()]


def test_an_empty_table_finds_nothing(tmp_path, call):
    predicted, true = tmp_path / "a.csv", tmp_path / "b.csv"
    predicted.write_text("x,y\n")
    true.write_text("x,y\n1,1\n")
    _, text, _ = call("evaluate", predicted, true, "--json")
    assert json.loads(text)["overall"]["recall"] == 0
    _, text, _ = call("evaluate", predicted, predicted, "--json")
    assert json.loads(text)["overall"]["f1"] == 1


def test_points_of_different_planes_are_not_the_same(tmp_path, call, refused):
    predicted, true = tmp_path / "a.csv", tmp_path / "b.csv"
    write_points(predicted, np.array([[0.0, 5, 5], [1, 5, 5]]), ["x"] * 2, np.ones(2))
    true.write_text("z,y,x\n0,5,5\n2,5,5\n")
    _, text, _ = call("evaluate", predicted, true, "--json")
    assert json.loads(text)["overall"]["true_positives"] == 1
    true.write_text("y,x\n5,5\n")
    assert "of a stack" in refused("evaluate", predicted, true)


def test_points_of_volumes_may_pair_across_planes(tmp_path, call, refused):
    predicted, true = tmp_path / "a.csv", tmp_path / "b.csv"
    write_points(predicted, np.array([[0.4, 5, 5], [3, 5, 5]]), ["x"] * 2, np.ones(2))
    true.write_text("z,y,x\n1,5,5\n5,5,5\n")
    _, text, err = call("evaluate", predicted, true, "--json")
    assert json.loads(text)["overall"]["true_positives"] == 0
    assert "between planes" in err
    assert "--volumes" in err
    _, text, err = call("evaluate", predicted, true, "--volumes", "--json")
    assert json.loads(text)["overall"]["true_positives"] == 2
    assert not err
    steps = ["--volumes", "--z-step", "2"]
    _, text, _ = call("evaluate", predicted, true, *steps, "--json")
    assert json.loads(text)["overall"]["true_positives"] == 1
    assert "needs --volumes" in refused("evaluate", predicted, true, "--z-step", "2")
    predicted.write_text("x,y\n")
    _, text, _ = call("evaluate", predicted, true, *steps, "--json")
    assert json.loads(text)["overall"]["recall"] == 0


def test_check_finds_mistakes_in_points(tmp_path, folders, call, refused):
    code, text, err = call("check", *folders[:2], "--json")  # seen from the files
    assert code == 0, err
    result = json.loads(text)
    assert (result["pairs"], result["errors"], result["findings"]) == (2, 0, [])
    assert result["annotated"]["objects"] == 60
    (folders[1] / "field0.csv").write_text("x,y,class\n5,5,a\n500,30,a\n")
    (folders[1] / "field1.csv").write_text(
        "x,y,class\n5,5,a\n7,5,b\n40,9,a\n60,9,a\n9,30,a\n"
    )
    command = ["check", *folders[:2], "--annotation", "points"]
    code, text, _ = call(*command, "--json")
    assert code == 2
    [outside, close, rare] = json.loads(text)["findings"]
    assert (outside["image"], outside["level"]) == ("field0.tif", "error")
    assert "field0.csv: 1 point lies outside" in outside["message"]
    assert "(y, x) = (30, 500)" in outside["message"]
    assert (close["image"], close["level"]) == ("field1.tif", "warning")
    assert "(y, x) = (5, 5) and (y, x) = (5, 7)" in close["message"]
    assert "'b' has 1 point only" in rare["message"]
    _, text, _ = call(*command, "--point-radius", "0.9", "--json")
    assert len(json.loads(text)["findings"]) == 2
    assert "is about label images" in refused(*command, "--zero", "ignore")
    (folders[1] / "field0.csv").write_text("x,y\n1,two\n")
    _, text, _ = call(*command, "--json")
    assert "Line 2 of 'field0.csv'" in json.loads(text)["findings"][0]["message"]


def test_the_weights_and_the_density_of_points(tmp_path, folders, call, refused):
    image, table = folders[0] / "field0.tif", folders[1] / "field0.csv"
    out = tmp_path / "weights.tif"
    command = ["weights", table, "--image", image, "--out", out]
    code, _, err = call(*command, "--point-radius", "3")
    assert code == 0, err
    written = read_image(out)
    assert written.pixel_size_um == (0.5, 0.5)
    weights = written.array[0]
    _, places, _ = spots(0)
    grid = np.indices(weights.shape)
    apart = np.min([np.hypot(*(grid - p[:, None, None])) for p in places], axis=0)
    assert (weights[apart <= 2] > 0).mean() > 0.95  # but for the line between disks
    assert (weights[apart <= 2] > 5 * np.median(weights[apart > 6])).mean() > 0.95
    assert (weights[(apart > 3) & (apart <= 6)] == 0).mean() > 0.8

    out = tmp_path / "density.tif"
    code, _, err = call("tools", "density", table, "--image", image, "--out", out)
    assert code == 0, err
    density = read_image(out).array[0]
    assert set(density.round(3).ravel()) == {0, np.float32(0.1), 1}
    assert "name it with --image" in refused("weights", table, "--out", out)
    sentence = refused(*command, "--class-balance", "none")
    assert "always balanced by inverse frequency" in sentence
    assert "single plane" in refused(*command, "--volumes")
    assert "holds points" in refused("tools", "borders", table, "--out", out)
    table.write_text("x,y\n500,3\n")
    assert "point 1 is at (3, 500)" in refused(*command)
