"""`check` and `--regions` on the command line: all is looked at and has its place."""

import json
import shlex

import numpy as np
import pytest
import tifffile

from napari_unet.core.card import read_manifest
from napari_unet.formats.geojson import read_regions, write_regions
from napari_unet.formats.images import read_labels
from napari_unet.formats.tiff import write_labels

SMALL = ["--base-channels", "4", "--levels", "2", "--iterations", "2"]


@pytest.fixture
def pair(tmp_path):
    """Write one image with its labels, more with each call; return both folders."""
    images, labels = tmp_path / "images", tmp_path / "labels"

    def write(painted, name="a", channels=1):
        painted = np.asarray(painted)
        images.mkdir(exist_ok=True)
        labels.mkdir(exist_ok=True)
        rng = np.random.default_rng(0)
        shape = (channels, *painted.shape) if channels > 1 else painted.shape
        grey = rng.integers(1, 200, shape).astype(np.uint8)
        axes = {2: "YX", 3: "CYX" if channels > 1 else "ZYX"}[grey.ndim]
        tifffile.imwrite(
            images / f"{name}.tif", grey, imagej=True, metadata={"axes": axes}
        )
        write_labels(labels / f"{name}.tif", painted.astype(np.uint16))
        return images, labels

    return write


def blobs(shape=(80, 96), size=12, step=24):
    labels, number = np.zeros(shape, np.uint16), 0
    for y in range(4, shape[-2] - size, step):
        for x in range(4, shape[-1] - size, step):
            number += 1
            labels[..., y : y + size, x : x + size] = number
    return labels


def last_json(text):
    return json.loads(text.splitlines()[-1])


def test_one_file_without_partner_does_not_hide_what_else_is_wrong(pair, call):
    images, labels = pair(blobs())
    pair((blobs() > 0) * 255, "mask")
    (labels / "a.tif").rename(labels / "b.tif")
    code, text, _ = call("check", images, labels)
    assert code == 2
    assert "error: a.tif: There are no labels for it" in text
    assert "error: b.tif: There are no images for it" in text
    assert "error: mask.tif, row 4, column 4: All labels are 255" in text


def test_a_legitimate_mask_passes_where_it_is_split(pair, call):
    images, labels = pair((blobs() > 0) * 255)
    assert call("check", images, labels)[0] == 2
    code, text, _ = call("check", images, labels, "--split-components", "--json")
    assert code == 0
    result = last_json(text)
    assert result["findings"] == []
    assert result["annotated"]["objects"] == 12
    assert result["annotated"]["known_px"] == 80 * 96


def test_a_stack_with_a_stray_class_has_a_table_and_a_finding(pair, call):
    stack = np.zeros((3, 40, 50), int)
    stack[:, :10], stack[:, 30:], stack[1, 20, 21] = 1, 2, 77
    images, labels = pair(stack)
    given = ["check", images, labels, "--annotation", "classes", "--json"]
    code, text, _ = call(*given)
    assert code == 0
    [finding] = last_json(text)["findings"]
    assert finding["image"] == "a.tif"
    assert finding["place"] == [1, 20, 21]
    assert len(last_json(text)["classes"]) == 4
    code, text, _ = call(*given, "--zero", "ignore")
    assert [c["value"] for c in last_json(text)["classes"]] == ["1", "2", "77"]
    code, text, _ = call(*given, "--classes", "background,cell,nucleus")
    assert code == 2
    assert "3 classes are named" in last_json(text)["findings"][0]["message"]


def test_findings_of_images_and_of_the_set_name_the_same_file(pair, call):
    pair(blobs())
    images, labels = pair(np.where(blobs() > 1, 0, blobs()), "b", channels=2)
    code, text, _ = call("check", images, labels, "--json")
    assert {f["image"] for f in last_json(text)["findings"]} == {"b.tif"}
    code, text, _ = call("check", images / "b.tif", labels / "b.tif", "--channels", "1")
    assert code == 0
    code, text, _ = call("check", images / "b.tif", labels / "b.tif", "--channels", "4")
    assert code == 2
    assert "'b' has 2 channels" in text


def test_check_counts_only_what_lies_in_regions(tmp_path, pair, call):
    images, labels = pair(np.stack([blobs()] * 2))
    regions = tmp_path / "regions"
    regions.mkdir()
    write_regions(regions / "a.geojson", [((1, 0, 0), (2, 40, 96), "training")])
    given = ["check", images, labels, "--regions", regions, "--json"]
    code, text, err = call(*given)
    assert code == 0, err
    counted = last_json(text)["annotated"]
    # A painted plane without a region of its own counts as a whole.
    assert (counted["known_px"], counted["regions"]) == ((80 + 40) * 96, 1)


def test_regions_of_stacks_come_back_plane_by_plane(tmp_path):
    path = tmp_path / "a.geojson"
    boxes = [((0, 1, 2), (2, 5, 6), "training"), ((4, 0, 0), (5, 9, 9), "validation")]
    write_regions(path, boxes)
    assert read_regions(path, 3) == [
        ((0, 1, 2), (1, 5, 6), "training"),
        ((1, 1, 2), (2, 5, 6), "training"),
        ((4, 0, 0), (5, 9, 9), "validation"),
    ]
    with pytest.raises(ValueError, match="holds a region of plane 1"):
        read_regions(path)


@pytest.mark.parametrize("options", [[], ["--classes"]])
def test_only_what_lies_in_regions_is_compared(tmp_path, pair, call, options):
    labels = blobs()
    _, true = pair(labels)
    predicted, regions = tmp_path / "predicted", tmp_path / "regions"
    predicted.mkdir()
    regions.mkdir()
    wrong = np.where(np.arange(96) < 48, labels, 0)
    if options:
        labels = (labels > 0).astype(np.uint16)
        wrong = np.where(np.arange(96) < 48, labels, 0)
        write_labels(true / "a.tif", labels)
    write_labels(predicted / "a.tif", wrong.astype(np.uint16))
    score = "mean_iou" if options else "f1"
    given = ["evaluate", predicted, true, *options, "--json"]
    code, text, err = call(*given)
    assert code == 0, err
    assert last_json(text)["overall"][score] < 1
    write_regions(regions / "a.geojson", [((0, 0), (80, 48), "validation")])
    code, text, err = call(*given, "--regions", regions)
    assert code == 0, err
    assert last_json(text)["overall"][score] == 1
    (regions / "a.geojson").unlink()
    code, text, err = call(*given, "--regions", regions)
    assert last_json(text)["overall"][score] < 1


def test_points_and_borders_are_compared_in_regions_only(tmp_path, call):
    folders = [tmp_path / name for name in ("predicted", "true", "regions")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "a.csv").write_text("y,x\n5,5\n50,50\n")
    (folders[1] / "a.csv").write_text("y,x\n5,5\n")
    write_regions(folders[2] / "a.geojson", [((0, 0), (20, 20), "training")])
    given = ["evaluate", folders[0] / "a.csv", folders[1] / "a.csv", "--json"]
    _, text, _ = call(*given)
    assert last_json(text)["overall"]["precision"] == 0.5
    _, text, _ = call(*given, "--regions", folders[2])
    assert last_json(text)["overall"]["precision"] == 1
    labels = (blobs((40, 48)) > 0).astype(np.float32)
    right = np.zeros((40, 48), np.uint16)
    right[:, :24] = labels[:, :24]
    maps, true = tmp_path / "a_map.tif", tmp_path / "a.tif"
    tifffile.imwrite(maps, labels)
    write_labels(true, right)
    write_regions(folders[2] / "a.geojson", [((0, 0), (40, 24), "training")])
    given = ["evaluate", maps, true, "--boundaries", "--json"]
    _, text, err = call(*given)
    assert last_json(text)["overall"]["pixel_error"] > 0, err
    _, text, err = call(*given, "--regions", folders[2])
    assert last_json(text)["overall"]["pixel_error"] == 0, err


def test_the_command_in_the_card_works_as_written(tmp_path, pair, call):
    images, labels = pair(blobs((128, 128)))
    regions, model = tmp_path / "drawn", tmp_path / "my model"
    regions.mkdir()
    drawn = [((0, 0), (128, 80), "training"), ((0, 80), (128, 128), "validation")]
    write_regions(regions / "a.geojson", drawn)
    given = ["--regions", regions, "--model", model, *SMALL]
    code, _, err = call("train", images, labels, *given)
    assert code == 0, err
    assert read_regions(model / "regions" / "a.geojson") == drawn
    (regions / "a.geojson").unlink()
    command = shlex.split(read_manifest(model).card.command)
    saved = {"IMAGES": images, "LABELS": labels, "NEW_MODEL": tmp_path / "again"}
    code, _, err = call(*(saved.get(word, word) for word in command[1:]))
    assert code == 0, err
    again = read_manifest(tmp_path / "again")
    assert again.weights.sha256 == read_manifest(model).weights.sha256


def test_objects_that_the_border_eats_are_named(tmp_path, pair, call):
    painted = np.zeros((60, 70), np.uint16)
    painted[10:40, 10:40], painted[50:58, 50:58] = 1, 3
    painted[20:22, 20:23] = 2
    images, labels = pair(painted)
    out = tmp_path / "out.tif"
    code, _, err = call(
        "tools", "borders", labels / "a.tif", "--out", out, "--width", 2
    )
    assert code == 0
    assert "a.tif, row 20, column 21: Object 2 touches others" in err
    assert (read_labels(out) == 2).sum() == 1
    code, _, err = call(
        "train", images, labels, "--model", tmp_path / "m", *SMALL, "--iterations", "1"
    )
    assert code == 0, err
    assert "a, row 20, column 21: Object 2 touches others" in err


def test_tables_of_points_are_checked_and_counted(tmp_path, pair, call):
    images, tables = pair(blobs())[0], tmp_path / "points"
    tables.mkdir()
    (tables / "a.csv").write_text("y,x\n10,10\n40,40\n70,70\n")
    given = ["check", images, tables, "--annotation", "points", "--json"]
    code, text, err = call(*given)
    assert code == 0, err
    assert last_json(text)["annotated"]["objects"] == 3
    (tables / "a.csv").write_text("y,x\n10,10\n400,40\n")
    (tables / "b.csv").write_text("y,x\n1,1\n")
    code, text, _ = call(*given)
    assert code == 2
    found = {f["image"]: f["message"] for f in last_json(text)["findings"]}
    assert "There are no images for it" in found["b.csv"]
    assert found["a.tif"].startswith("a.csv: ")
