"""Annotations of ImageJ, QuPath and Cellpose where the command line takes labels."""

import json

import numpy as np
import pytest
import tifffile

from napari_unet.core.card import read_manifest
from napari_unet.formats.geojson import write_geojson
from napari_unet.formats.imagej_rois import write_rois
from napari_unet.formats.images import read_image, read_labels
from napari_unet.formats.points import read_points
from napari_unet.formats.tiff import write_labels

SMALL = ["--base-channels", "4", "--levels", "2", "--iterations", "2"]


def blobs(shape=(80, 96), size=12, step=24):
    labels, number = np.zeros(shape, np.uint16), 0
    for y in range(4, shape[0] - size, step):
        for x in range(4, shape[1] - size, step):
            number += 1
            labels[y : y + size, x : x + size] = number
    return labels


@pytest.fixture
def images(tmp_path):
    """Write two images in a folder of their own."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        grey = (60 * (blobs() > 0) + rng.integers(1, 60, (80, 96))).astype(np.uint8)
        resolution = {"resolution": (2, 2), "metadata": {"unit": "um", "axes": "YX"}}
        tifffile.imwrite(folder / f"{name}.tif", grey, imagej=True, **resolution)
    return folder


def save_seg(path):
    np.save(path, {"masks": blobs(), "ismanual": np.zeros(12, bool)})


@pytest.fixture
def drawn(tmp_path):
    """Write the annotation of one image as ROIs, of the other as masks of Cellpose."""
    folder = tmp_path / "drawn"
    write_rois(folder / "a.zip", blobs())
    save_seg(folder / "b_seg.npy")
    return folder


def square(x, of_class):
    ring = [[x, 4], [x + 12, 4], [x + 12, 30], [x, 30], [x, 4]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"classification": {"name": of_class}},
    }


def write_classes(path, *named):
    path.parent.mkdir(exist_ok=True)
    features = [square(24 * i + 4, name) for i, name in enumerate(named)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def last_json(text):
    return json.loads(text.splitlines()[-1])


def test_check_counts_what_was_drawn_elsewhere(images, drawn, call):
    code, text, _ = call("check", images, drawn, "--json")
    result = last_json(text)
    assert (code, result["pairs"], result["findings"]) == (0, 2, [])
    assert result["annotated"]["objects"] == 24


def test_train_learns_from_what_was_drawn_elsewhere(images, drawn, call, tmp_path):
    model = tmp_path / "model"
    code, _, said = call("train", images, drawn, "--model", model, *SMALL)
    assert code == 0, said
    assert read_manifest(model).settings.annotation == "objects"


def test_masks_that_cellpose_put_beside_the_images_are_labels(images, call, tmp_path):
    save_seg(images / "a_seg.npy")
    tifffile.imwrite(images / "a_cp_masks.tif", np.zeros((80, 96), np.uint16))
    tifffile.imwrite(images / "b_cp_masks.tif", blobs())
    code, text, _ = call("check", images, images, "--json")
    result = last_json(text)
    assert (code, result["pairs"]) == (0, 2)
    assert result["annotated"]["objects"] == 24  # the empty masks are older: not read


def test_label_images_count_before_their_own_exports(images, call, tmp_path):
    labels = tmp_path / "labels"
    for name in ("a", "b"):
        write_labels(labels / f"{name}.tif", blobs())
        write_rois(labels / f"{name}.zip", np.zeros((80, 96), np.uint8))
        write_geojson(labels / f"{name}.geojson", np.zeros((80, 96), np.uint8))
    code, text, _ = call("check", images, labels, "--json")
    assert (code, last_json(text)["annotated"]["objects"]) == (0, 24)


def test_what_is_lost_is_said_and_a_bad_file_is_a_finding(images, drawn, call):
    wide = np.zeros((80, 120), np.uint16)
    wide[:, :96], wide[50:60, 90:110], wide[70:75, 110:] = blobs(), 30, 31
    write_rois(drawn / "a.zip", wide)
    (drawn / "b_seg.npy").write_bytes(b"\x93NUMPY and no more")
    code, text, said = call("check", images, drawn)
    assert code == 2
    assert "a.zip: 1 area outside the image was left out." in said
    assert said.count("1 area was cut at the edge of the image.") == 1
    assert "error: b.tif: 'b_seg.npy' cannot be read" in text


def test_classes_of_outlines_have_one_number_in_all_images(images, call, tmp_path):
    labels, model = tmp_path / "labels", tmp_path / "model"
    write_classes(labels / "a.geojson", "Tumor", "Stroma")
    write_classes(labels / "b.geojson", "Tumor")
    options = ["--annotation", "classes"]
    code, _, said = call("train", images, labels, "--model", model, *options, *SMALL)
    assert code == 0, said
    names = read_manifest(model).settings.class_names
    assert names == ("background", "Stroma", "Tumor")
    code, text, _ = call("check", images, labels, *options, "--json")
    pixels = {row["name"]: row["pixels"] for row in last_json(text)["classes"]}
    assert (code, pixels["Tumor"], pixels["Stroma"]) == (0, 2 * 12 * 26, 12 * 26)


def test_evaluate_compares_outlines_with_labels(drawn, call, tmp_path):
    predicted = tmp_path / "predicted"
    for name in ("a", "b"):
        write_labels(predicted / f"{name}.tif", blobs())
    for pair in ((predicted, drawn), (drawn, predicted)):
        code, text, said = call("evaluate", *pair, "--json")
        assert code == 0, said
        assert last_json(text)["overall"]["f1"] == 1
    code, _, said = call("evaluate", drawn / "a.zip", drawn / "a.zip")
    assert code == 2
    assert "say nothing about the size of their image" in said


def test_weights_and_tools_take_outlines_with_their_image(
    images, drawn, call, tmp_path
):
    write_labels(tmp_path / "same.tif", blobs())
    image = ["--image", images / "a.tif"]
    assert call("weights", tmp_path / "same.tif", "--out", tmp_path / "w.tif")[0] == 0
    code, text, said = call(
        "weights", drawn / "a.zip", "--out", tmp_path / "d.tif", *image
    )
    assert code == 0, said
    assert "for 12 objects" in text
    wanted, found = (read_image(tmp_path / name).array for name in ("w.tif", "d.tif"))
    np.testing.assert_array_equal(found, wanted)
    code, _, said = call("weights", drawn / "a.zip", "--out", tmp_path / "e.tif")
    assert code == 2
    assert "name it with --image" in said
    code, text, _ = call("tools", "counts", drawn / "b_seg.npy", "--json")
    assert (code, last_json(text)["images"]["b"]["1"]["objects"]) == (0, 12)


def test_import_makes_label_images_with_the_pixel_size(images, drawn, call, tmp_path):
    out = tmp_path / "labels"
    code, text, said = call("import", drawn, "--images", images, "--out", out)
    assert code == 0, said
    assert text.splitlines()[0] == "a.zip: 12 objects."
    for name in ("a", "b"):
        np.testing.assert_array_equal(read_labels(out / f"{name}.tif"), blobs())
        assert read_image(out / f"{name}.tif").pixel_size_um == (0.5, 0.5)
    code, _, said = call("import", drawn, "--images", images, "--out", out)
    assert code == 2
    assert "exists already and is not replaced" in said


def test_import_splits_masks_writes_points_and_names_classes(images, call, tmp_path):
    (tmp_path / "m").mkdir()
    tifffile.imwrite(tmp_path / "m" / "a.tif", (blobs() > 0).astype(np.uint8) * 255)
    code, text, _ = call("import", tmp_path / "m", "--out", tmp_path / "out")
    assert (code, "12 objects. All of them had the number 255" in text) == (0, True)
    assert read_labels(tmp_path / "out" / "a.tif").max() == 12
    points = tmp_path / "p.geojson"
    point = {"type": "MultiPoint", "coordinates": [[5.5, 8.5], [1000, 3]]}
    feature = {"type": "Feature", "geometry": point, "properties": {}}
    points.write_text(json.dumps([feature]))
    code, text, _ = call(
        "import", points, "--images", images / "a.tif", "--out", tmp_path / "q"
    )
    assert (code, "1 point. 1 of 2 points outside the image" in text) == (0, True)
    table = read_points(tmp_path / "q" / "a.csv").points
    assert table.positions.tolist() == [[8, 5]]
    write_classes(tmp_path / "c" / "a.geojson", "Tumor", "Stroma")
    code, text, _ = call(
        *("import", tmp_path / "c", "--images", images / "a.tif"),
        *("--out", tmp_path / "r", "--annotation", "classes", "--json"),
    )
    assert last_json(text)["files"][0]["classes"] == ["background", "Stroma", "Tumor"]
    assert read_labels(tmp_path / "r" / "a.tif")[10, [5, 30]].tolist() == [2, 1]


def test_the_convention_of_the_fiji_plugin_is_not_for_outlines(images, drawn, call):
    code, text, _ = call("check", images, drawn, "--zero", "ignore")
    assert (code, text.count("its first object would become background")) == (2, 2)
    code, _, said = call("evaluate", drawn, drawn, "--classes")
    assert (code, "class maps are compared as images" in said) == (2, True)


def test_points_in_a_roi_set_are_no_labels(images, call, tmp_path):
    point = {"type": "Point", "coordinates": [5, 8]}
    feature = {"type": "Feature", "geometry": point, "properties": {}}
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.geojson").write_text(json.dumps([feature]))
    code, text, _ = call("check", images / "a.tif", tmp_path / "labels")
    assert code == 2
    assert "holds 1 point, but no areas; 'napari-unet import'" in text


def test_labels_of_another_size_are_refused_with_both_sizes(images, call, tmp_path):
    np.save(tmp_path / "a_seg.npy", {"masks": blobs()[:40]})
    seg = tmp_path / "a_seg.npy"
    code, _, said = call(
        "import", seg, "--images", images / "a.tif", "--out", tmp_path / "out"
    )
    assert (code, "a_seg.npy" in said) == (2, True)
    assert "(40, 96)" in said
    assert not (tmp_path / "out").exists()
