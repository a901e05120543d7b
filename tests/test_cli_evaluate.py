"""`evaluate` on classes and on borders: files in, the right numbers out."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from small_labels import TRUE, cells

from napari_unet.core.evaluation.boundary_scores import score_boundaries
from napari_unet.formats.probabilities import read_cell_probability
from napari_unet.formats.tiff import write_grey, write_labels

WIDE = cells((0, 2), (6, 8))
INSIDE = np.where(WIDE > 0, 0.875, 0).astype(np.float32)
# Class 0 is outside; the others share what is inside.
THREE_CLASSES = np.stack([1 - INSIDE, 0.75 * INSIDE, 0.25 * INSIDE])


def assert_scores(result, expected):
    """Compare what was printed with scores computed here."""
    values = expected.as_dict()
    assert set(result) - {"soft_dice", "hard_dice"} == set(values)
    for name, value in values.pop("by_threshold").items():
        assert result["by_threshold"][name] == pytest.approx(value), name
    for name, value in values.items():
        assert result[name] == pytest.approx(value), name


@pytest.fixture
def evaluate(call):
    """Return the JSON of a comparison that must succeed."""

    def run(*arguments):
        code, out, err = call("evaluate", *arguments, "--json")
        assert code == 0, err
        return json.loads(out.splitlines()[-1])

    return run


@pytest.fixture
def refused(call):
    def run(*arguments):
        code, _, err = call("evaluate", *arguments)
        assert code == 2
        return err

    return run


@pytest.fixture
def results(tmp_path):
    """Return the folders of a segmentation with probabilities, and of the truth."""
    out, true = tmp_path / "out", tmp_path / "true"
    out.mkdir()
    true.mkdir()
    for name in "ab":
        write_labels(out / f"{name}.tif", TRUE)
        write_grey(out / f"{name}_probabilities.tif", THREE_CLASSES)
        write_labels(true / f"{name}.tif", TRUE)
    return out, true


# classes


def test_class_maps_give_the_table_of_classes(tmp_path, call, evaluate):
    for folder, planes in (
        ("predicted", ([0, 1, 1, 0], [2, 2, 0, 0])),
        ("true", ([0, 1, 0, 0], [2, 1, 0, 9])),
    ):
        (tmp_path / folder).mkdir()
        for name, plane in zip("ab", planes, strict=True):
            write_labels(tmp_path / folder / f"{name}.tif", np.array([plane], np.uint8))
    both = (tmp_path / "predicted", tmp_path / "true", "--classes")
    result = evaluate(*both, "--ignore-label", 9)
    assert result["images"]["a"]["iou"] == [2 / 3, 1 / 2, 1]
    assert result["images"]["b"]["iou"] == [1, 0, 1 / 2]
    overall = result["overall"]
    assert overall["iou"] == [3 / 4, 1 / 3, 1 / 2]
    assert overall["dice"] == [6 / 7, 1 / 2, 2 / 3]
    assert overall["mean_iou"] == pytest.approx((3 / 4 + 1 / 3 + 1 / 2) / 3)
    assert overall["weighted_iou"] == pytest.approx((4 * 3 / 4 + 2 / 3 + 1 / 2) / 7)
    code, text, _ = call("evaluate", *both, "--ignore-label", 9)
    assert code == 0
    assert "WEIGHTED IOU" in text
    assert text.splitlines()[-1].split() == ["2", "0.500", "0.667", "1", "2"]


def test_objects_are_no_classes(tmp_path, refused):
    path = tmp_path / "many.tif"
    write_labels(path, np.arange(400, dtype=np.uint16).reshape(20, 20))
    assert "these are rather labels of objects" in refused(path, path, "--classes")


def test_each_value_of_a_mask_is_a_class(tmp_path, call, evaluate):
    truth = np.array([[0, 128, 128, 255]], np.uint8)
    paths = tmp_path / "predicted.png", tmp_path / "true.png"
    for path, array in zip(paths, (truth[:, ::-1], truth), strict=True):
        Picture.fromarray(array.copy()).save(path)
    result = evaluate(*paths, "--classes")
    assert result["classes"] == ["0", "128", "255"]
    assert result["overall"]["iou"] == [0, 1, 0]
    _, text, err = call("evaluate", *paths, "--classes")
    listed = text[text.index("class (overall)") :].splitlines()[2:]
    assert [line.split()[0] for line in listed] == ["0", "128", "255"]
    assert "--model" not in err

    # Class numbers against the values of a mask: three and two classes, hardly meant.
    Picture.fromarray(np.array([[0, 1, 1, 2]], np.uint8)).save(paths[0])
    _, _, err = call("evaluate", *paths, "--classes")
    assert "The predictions hold 1, 2, which the true labels never do" in err


def test_coloured_masks_are_compared_by_colour(tmp_path, evaluate):
    colours = np.zeros((4, 5, 3), np.uint8)
    colours[1:, :, 0] = 220
    Picture.fromarray(colours).save(tmp_path / "true.png")
    result = evaluate(tmp_path / "true.png", tmp_path / "true.png", "--classes")
    assert result["classes"] == ["#000000", "#dc0000"]
    assert result["overall"]["mean_iou"] == 1


def test_ignored_pixels_are_no_objects(tmp_path, evaluate):
    predicted, true = TRUE.copy(), TRUE.copy()
    true[:, 5:] = 255
    predicted[:, 5:] = 0
    for name, labels in (("p.tif", predicted), ("t.tif", true)):
        write_labels(tmp_path / name, labels)
    files = tmp_path / "p.tif", tmp_path / "t.tif"
    assert evaluate(*files)["overall"]["objects_true"] == 2
    result = evaluate(*files, "--ignore-label", 255)["overall"]
    assert (result["objects_true"], result["f1"]) == (1, 1)


# borders


def test_probabilities_of_classes_give_the_isbi_errors(results, evaluate, call):
    """Beside the labels, with several channels: 1 - the first is inside a cell."""
    result = evaluate(*results, "--boundaries")
    expected = score_boundaries(INSIDE, TRUE > 0)
    assert set(result["images"]) == {"a", "b"}
    assert_scores(result["images"]["a"], expected)
    assert result["overall"]["rand_error"] == pytest.approx(0.2673267, abs=1e-7)
    assert result["overall"]["pixel_error"] == pytest.approx(0.1428571, abs=1e-7)
    assert result["overall"]["v_rand"] == 1
    assert len(result["overall"]["by_threshold"]["warping_error"]) == 10
    code, text, err = call("evaluate", *results, "--boundaries")
    assert code == 0
    assert text.splitlines()[-1].split()[:3] == ["overall", "0.142857", "0.267327"]
    assert "20/20" in err or "10/10" in err


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_map_of_membranes_is_inverted(tmp_path, evaluate, dtype):
    """As the challenge asks for them: white membranes in one channel."""
    highest = 1 if dtype == np.float32 else np.iinfo(dtype).max
    membranes = ((1 - INSIDE) * highest).astype(dtype)
    tifffile.imwrite(tmp_path / "map.tif", membranes)
    labels = np.where(TRUE > 0, 0, 255).astype(np.uint8)
    labels[0, 0] = 7  # nobody knows
    Picture.fromarray(labels).save(tmp_path / "membranes.png")
    result = evaluate(
        tmp_path / "map.tif", tmp_path / "membranes.png", "--boundaries",
        "--invert-predicted", "--invert-true", "--ignore-label", 7,
    )["overall"]  # fmt: skip
    known = np.ones(TRUE.shape, bool)
    known[0, 0] = False
    assert_scores(result, score_boundaries(INSIDE, TRUE > 0, known=known))


def test_planes_of_a_stack_add_up(tmp_path, evaluate):
    stack = np.stack([THREE_CLASSES, THREE_CLASSES[:, :, ::-1]], axis=1)
    write_grey(tmp_path / "s_probabilities.tif", stack)
    write_labels(tmp_path / "s.tif", np.stack([TRUE, np.zeros_like(TRUE)]))
    files = tmp_path / "s_probabilities.tif", tmp_path / "s.tif"
    result = evaluate(*files, "--boundaries")["overall"]
    expected = score_boundaries(INSIDE, TRUE > 0) + score_boundaries(
        INSIDE[:, ::-1], np.zeros(TRUE.shape, bool)
    )
    assert_scores(result, expected)


def test_touching_cells_are_kept_apart_by_their_numbers(tmp_path, evaluate):
    """Labels of objects need no border: the line that training cuts is one."""
    touching = cells((0, 4), (5, 8))
    write_labels(tmp_path / "t.tif", touching)
    border = np.ones(TRUE.shape, np.float32)
    border[:, 5] = 0
    write_grey(tmp_path / "p.tif", border)
    result = evaluate(tmp_path / "p.tif", tmp_path / "t.tif", "--boundaries")
    assert result["overall"]["rand_error"] == 0
    assert result["overall"]["pixel_error"] == 0


def test_one_file_finds_its_partner_in_a_folder(results, evaluate):
    out, true = results
    (out / "c_probabilities").mkdir()  # something else
    for files in (
        (out, true / "a.tif"),
        (out / "a_probabilities.tif", true),
        (out / "a_probabilities.tif", true / "a.tif"),
    ):
        assert set(evaluate(*files, "--boundaries")["images"]) == {"a"}


def test_bad_input_is_refused_with_a_sentence(results, tmp_path, refused):
    out, true = results
    assert "either --classes or" in refused(out, true, "--classes", "--boundaries")
    assert "need --boundaries" in refused(out, true, "--invert-true")
    (out / "b_probabilities.tif").unlink()
    said = refused(out, true, "--boundaries")
    assert "for 'b'" in said
    write_grey(out / "b_probabilities.tif", 20 * THREE_CLASSES)
    said = refused(out, true, "--boundaries")
    assert "b_probabilities.tif and b.tif: The probabilities go from" in said
    write_grey(out / "b_probabilities.tif", THREE_CLASSES[:, :3])
    assert "shape (3, 9), the true labels (4, 9)" in refused(out, true, "--boundaries")
    colours = tmp_path / "colours.png"
    Picture.fromarray(np.zeros((4, 9, 3), np.uint8)).save(colours)
    said = refused(colours, true / "a.tif", "--boundaries")
    assert "'colours' holds 3 channels of whole numbers" in said


def test_what_segment_writes_is_read_back(tmp_path):
    for classes in (2, 5):
        path = tmp_path / f"{classes}.tif"
        maps = np.random.default_rng(0).dirichlet(np.ones(classes), (40, 50))
        maps = np.moveaxis(maps, -1, 0).astype(np.float32)
        write_grey(path, maps)
        np.testing.assert_array_equal(read_cell_probability(path), 1 - maps[0])


def test_truth_by_the_convention_of_the_fiji_plugin(done, tmp_path):
    """0 is left out and 1 is background: as if it had been converted by hand."""
    truth = np.zeros((20, 30), np.uint16)
    truth[:, :20] = 1
    truth[3:9, 3:9], truth[12:18, 8:15] = 2, 3
    found = np.zeros_like(truth)
    found[3:9, 3:10], found[5:9, 24:28] = 1, 2  # the second on ground left out
    found[12:18, 8:15] = 3
    by_hand = np.where(truth == 0, 9, truth - 1).astype(np.uint16)
    for name, labels in (("found", found), ("fiji", truth), ("hand", by_hand)):
        write_labels(tmp_path / f"{name}.tif", labels, (0.5, 0.5))
    found, fiji, hand = (tmp_path / f"{n}.tif" for n in ("found", "fiji", "hand"))
    expected = done("evaluate", found, hand, "--ignore-label", 9)["overall"]
    assert expected["objects_true"] == 2
    assert done("evaluate", found, fiji, "--zero", "ignore")["overall"] == expected


def test_classes_without_anything_in_common_are_refused(call, tmp_path):
    for name, value in (("found", 1), ("true", 200)):
        labels = np.full((9, 9), value, np.uint8)
        write_labels(tmp_path / f"{name}.tif", labels, (0.5, 0.5))
    code, _, err = call(
        "evaluate", tmp_path / "found.tif", tmp_path / "true.tif", "--classes"
    )
    assert code == 2
    assert "nothing in common" in err
    assert "--model" in err
