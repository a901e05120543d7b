"""Stacks with depth and time, with and without channels, through the command line."""

import csv
import json

import numpy as np
import pytest
import tifffile

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import save_model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.network.unet import build_network
from napari_unet.formats.images import read_image, read_labels
from napari_unet.formats.points import read_points
from napari_unet.formats.tiff import write_labels

TIMES, DEPTH, EDGE = 2, 3, 48
SIZE = (2.0, 0.5, 0.5)


def frames(seed=0, times=TIMES, depth=DEPTH):
    """Return bright squares that move through time and depth, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((times, depth, EDGE, EDGE), np.uint16)
    for t, z in np.ndindex(times, depth):
        labels[t, z, 6 + 4 * t : 18 + 4 * t, 6 + 3 * z : 18 + 3 * z] = 1
        labels[t, z, 30:42, 26:38] = 2
    grey = (labels > 0) * 800 + rng.normal(300, 15, labels.shape)
    return grey.astype(np.uint16), labels


def write_stack(path, array, axes):
    tifffile.imwrite(
        path,
        array,
        imagej=True,
        resolution=(1 / SIZE[2], 1 / SIZE[1]),
        metadata={"axes": axes, "unit": "um", "spacing": SIZE[0]},
    )


def random_model(folder, **changes):
    """Save a network that has learned nothing, but predicts something everywhere."""
    network = NetworkConfig(base_channels=4, levels=2, **changes.pop("network", {}))
    settings = ModelSettings(network=network, **changes)
    weights = build_network(network, seed=7).state_dict()
    save_model(folder, settings=settings, card=Card(), weights=weights)
    return folder


def axes_of(path):
    with tifffile.TiffFile(path) as file:
        return file.series[0].axes, file.series[0].shape


@pytest.fixture
def segmented(tmp_path, call):
    """Segment a stack as a file; return the folder of the results."""

    def run(model, array, axes, *options):
        path = tmp_path / f"{axes.lower()}_in" / "s.tif"
        path.parent.mkdir(exist_ok=True)
        write_stack(path, array, axes)
        out = tmp_path / f"{axes.lower()}_out"
        code, _, err = call(
            *("segment", path, "--model", model, "--out", out, "--threshold", "0.5"),
            *("--min-size", "1", "--tile", "auto", "--device", "cpu", *options),
        )
        assert code == 0, err
        return out

    return run


def test_a_model_of_planes_segments_every_plane_of_every_time(tmp_path, segmented):
    grey, _ = frames()
    model = random_model(tmp_path / "model")
    options = "--probabilities", "--uncertainty", "--rois", "--csv"
    out = segmented(model, grey, "TZYX", *options)
    flat = segmented(model, grey.reshape(-1, EDGE, EDGE), "ZYX", "--probabilities")

    labels = read_labels(out / "s.tif")
    assert axes_of(out / "s.tif") == ("TZYX", grey.shape)
    np.testing.assert_array_equal(
        labels.reshape(-1, EDGE, EDGE), read_labels(flat / "s.tif")
    )
    assert len(np.unique(labels)) > 2
    image = read_image(out / "s.tif")
    assert image.pixel_size_um == pytest.approx(SIZE)
    assert (image.times, image.full_shape) == (TIMES, grey.shape)
    assert axes_of(out / "s_probabilities.tif") == ("TZCYX", (2, 3, 2, EDGE, EDGE))
    np.testing.assert_array_equal(
        read_image(out / "s_probabilities.tif").array,
        read_image(flat / "s_probabilities.tif").array,
    )
    assert axes_of(out / "s_uncertainty.tif") == ("TZYX", grey.shape)
    with (out / "s.csv").open() as file:
        rows = list(csv.DictReader(file))
    per_plane = {(t, z): len(np.unique(labels[t, z])) - 1 for t, z in np.ndindex(2, 3)}
    for place, count in per_plane.items():
        mine = [r for r in rows if (int(r["time"]), int(r["plane"])) == place]
        assert len(mine) == count
    assert "area_um2" in rows[0]


def test_channels_of_frames_are_read_whatever_their_order(tmp_path, segmented):
    grey, _ = frames()
    both = np.stack([grey, 1100 - grey], axis=2)
    model = random_model(tmp_path / "model", network={"in_channels": 2})
    out = segmented(model, both, "TZCYX")
    flat = segmented(model, both.reshape(-1, 2, EDGE, EDGE), "ZCYX")
    found = read_labels(out / "s.tif")
    assert found.shape == grey.shape
    np.testing.assert_array_equal(
        found.reshape(-1, EDGE, EDGE), read_labels(flat / "s.tif")
    )


def test_a_model_of_volumes_sees_each_time_point_by_itself(tmp_path, segmented):
    grey, _ = frames(depth=8)
    grey[1] = grey[1] // 2  # every time point has grey values of its own
    model = random_model(tmp_path / "model", network={"dimensions": 3, "levels_z": 1})
    out = segmented(model, grey, "TZYX", "--csv", "--probabilities")
    labels = read_labels(out / "s.tif")
    assert labels.shape == grey.shape
    alone = segmented(model, grey[1], "ZYX", "--probabilities")
    np.testing.assert_array_equal(labels[1], read_labels(alone / "s.tif"))
    np.testing.assert_array_equal(
        read_image(out / "s_probabilities.tif").time_point(1).array,
        read_image(alone / "s_probabilities.tif").array,
    )
    with (out / "s.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert "plane" not in rows[0]
    counts = [len(np.unique(volume)) - 1 for volume in labels]
    assert [sum(r["time"] == str(t) for r in rows) for t in (0, 1)] == counts


def test_planes_that_are_channels_leave_one_plane_per_time(tmp_path, segmented):
    grey, _ = frames()
    model = random_model(
        tmp_path / "model", network={"in_channels": 3}, planes_as_channels=True
    )
    out = segmented(model, grey, "TZYX")
    assert read_labels(out / "s.tif").shape == (TIMES, EDGE, EDGE)


def test_points_of_frames_have_all_coordinates_and_are_counted(tmp_path, call):
    grey, _ = frames()
    write_stack(tmp_path / "s.tif", grey, "TZYX")
    model = random_model(tmp_path / "model", annotation="points")
    out = tmp_path / "out"
    command = "detect", tmp_path / "s.tif", "--model", model, "--out", out, "--json"
    for _ in range(2):  # results of its own are replaced
        code, text, err = call(*command, "--threshold", "0.5")
        assert code == 0, err
    places = read_points(out / "s.csv").points.positions
    assert places.shape == (json.loads(text)["points"]["s"], 4)
    assert len(places) > 3
    assert (places[:, 0] < TIMES).all()
    assert (places[:, 1] < DEPTH).all()
    with (out / "counts_of_planes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["time"], r["plane"]) for r in rows] == [
        (str(t), str(z)) for t, z in np.ndindex(TIMES, DEPTH)
    ]
    for row in rows:
        here = (places[:, :2] == (int(row["time"]), int(row["plane"]))).all(axis=1)
        assert int(row["points"]) == here.sum()
    code, text, err = call("evaluate", out, out, "--json")
    assert code == 0, err
    assert json.loads(text)["overall"]["f1"] == 1


@pytest.mark.parametrize("dimensions", ["2", "3"])
def test_annotated_planes_or_times_of_frames_are_learned_from(
    tmp_path, call, dimensions
):
    grey, labels = frames(times=3, depth=8)
    labels[1] = 0  # a time point nobody has looked at
    if dimensions == "2":
        labels[0, 1:] = 0
    write_stack(tmp_path / "s.tif", grey, "TZYX")
    write_labels(tmp_path / "truth.tif", labels, SIZE)
    preset = "fast" if dimensions == "2" else "fast-3d"
    options = ["--preset", preset, "--base-channels", "4", "--levels", "2"]
    if dimensions == "3":
        options += ["--set", "patch_depth=8"]
    code, _, err = call(
        *("train", tmp_path / "s.tif", tmp_path / "truth.tif", *options),
        *("--model", tmp_path / "model", "--iterations", "2", "--device", "cpu"),
        *("--set", "patch_size=32", "--set", "batch_size=1"),
    )
    assert code == 0, err
    card = json.loads((tmp_path / "model" / "settings.json").read_text())["card"]
    assert card["objects"] == (16 if dimensions == "2" else 4)


def test_frames_are_compared_plane_by_plane_or_time_by_time(tmp_path, call):
    _, labels = frames()
    write_labels(tmp_path / "a.tif", labels)
    swapped = np.where(labels > 0, 3 - labels.astype(int), 0).astype(np.uint16)
    shifted = labels.copy()
    shifted[1] = swapped[1]  # other numbers at the second time: other objects
    write_labels(tmp_path / "b.tif", shifted)
    pair = tmp_path / "a.tif", tmp_path / "b.tif"
    for options, expected in ((), 12), (("--volumes",), 4):
        code, text, err = call("evaluate", *pair, *options, "--json")
        assert code == 0, err
        scores = json.loads(text)["overall"]
        assert scores["f1"] == 1
        assert scores["true_positives"] == expected
    code, text, err = call("evaluate", *pair, "--classes", "--json")
    assert code == 0, err
    assert json.loads(text)["overall"]["accuracy"] < 1
    code, text, err = call("check", tmp_path / "b.tif", tmp_path / "a.tif", "--json")
    assert code == 0, err


def test_points_of_volumes_are_found_in_each_time_point(tmp_path, call):
    grey, _ = frames(depth=8)
    grey[1] = grey[0]  # the same twice: the same points twice
    write_stack(tmp_path / "s.tif", grey, "TZYX")
    network = {"dimensions": 3, "levels_z": 1}
    model = random_model(tmp_path / "model", annotation="points", network=network)
    out = tmp_path / "out"
    code, _, err = call(
        "detect", tmp_path / "s.tif", "--model", model, "--out", out, "--json"
    )
    assert code == 0, err
    places = read_points(out / "s.csv").points.positions
    times = [places[places[:, 0] == t][:, 1:] for t in (0, 1)]
    assert len(times[0]) > 3
    np.testing.assert_allclose(times[0], times[1])
    for options in ((), ("--volumes",)):
        code, text, err = call("evaluate", out, out, *options, "--json")
        assert json.loads(text)["overall"]["f1"] == 1
    code, _, err = call("check", tmp_path / "s.tif", out / "s.csv")
    assert "coordinates" not in err
    code, _, err = call("tools", "distance", out.parent / "s.tif", "--out", "x.tif")
    assert code == 2
    assert "depth and time" in err
