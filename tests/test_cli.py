"""The command line: its contract, its results, and one sentence for each bad input."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_unet.core import workflow
from napari_unet.core.card import read_manifest
from napari_unet.core.presets import PRESETS
from napari_unet.formats.images import read_image, read_labels
from napari_unet.formats.tiff import write_grey, write_labels

SMALL = ["--base-channels", "4", "--levels", "2", "--iterations", "4"]
SIZE = (0.5, 0.5)


def discs(seed, shape=(80, 96), count=9):
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint16)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for number in range(1, count + 1):
        cy, cx = rng.uniform(8, shape[0] - 8), rng.uniform(8, shape[1] - 8)
        labels[((y - cy) ** 2 + (x - cx) ** 2 < 36) & (labels == 0)] = number
    grey = (labels > 0) * 900 + 300 + rng.normal(0, 60, shape)
    return grey.astype(np.uint16), labels


@pytest.fixture
def folders(tmp_path):
    """Two pairs of images and labels with a pixel size of 0.5 µm."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for seed in (0, 1):
        grey, truth = discs(seed)
        write_labels(images / f"field{seed}.tif", grey, SIZE)
        write_labels(labels / f"field{seed}.tif", truth, SIZE)
    return images, labels


@pytest.fixture
def model(tmp_path, folders, call):
    folder = tmp_path / "model"
    code, _, err = call("train", *folders, "--model", folder, *SMALL)
    assert code == 0, err
    return folder


def last_json(out):
    return json.loads(out.strip().splitlines()[-1])


def test_the_whole_way_on_the_command_line(tmp_path, folders, call):
    images, labels = folders
    model, out = tmp_path / "model", tmp_path / "out"
    code, text, err = call("train", images, labels, "--model", model, *SMALL, "--json")
    assert code == 0, err
    trained = last_json(text)
    assert trained["iterations"] == 4
    assert trained["seconds"] > 0
    assert trained["loss"] > 0
    assert set(trained) >= {"validation", "device", "precision"}
    assert "%" in err  # the progress bar

    options = ["--probabilities", "--rois", "--csv", "--json"]
    code, text, err = call("segment", images, "--model", model, "--out", out, *options)
    assert code == 0, err
    assert last_json(text)["images"] == 2
    assert sorted(path.name for path in out.iterdir()) == [
        f"field{i}{end}"
        for i in (0, 1)
        for end in (".csv", ".tif", ".zip", "_probabilities.tif")
    ]
    assert read_labels(out / "field0.tif").shape == (80, 96)
    assert read_image(out / "field0.tif").pixel_size_um == pytest.approx(SIZE)
    assert tifffile.imread(out / "field0_probabilities.tif").dtype == np.float32

    code, text, _ = call("evaluate", out, labels, "--json")
    assert code == 0
    scores = last_json(text)
    names = {"f1", "precision", "recall", "iou", "dice", "seg", "ap"}
    assert names <= set(scores["overall"])
    assert set(scores["images"]) == {"field0", "field1"}
    code, text, _ = call("evaluate", out, labels, "--boundaries", "--json")
    assert code == 0
    assert 0 <= last_json(text)["images"]["field1"]["rand_error"] <= 1


def test_evaluating_the_truth_against_itself_is_perfect(folders, call):
    code, text, _ = call("evaluate", folders[1], folders[1])
    assert code == 0
    assert ["overall", "1.000"] in [line.split()[:2] for line in text.splitlines()]


def test_fine_tuning_starts_from_a_model_and_keeps_it(tmp_path, folders, model, call):
    tuned = tmp_path / "tuned"
    start = ["--start-from", model, "--iterations", "2"]
    code, text, _ = call("train", *folders, "--model", tuned, *start, "--json")
    assert code == 0
    assert last_json(text)["validation_before"] is not None
    assert read_manifest(tuned).card.started_from == "model"
    assert read_manifest(tuned).settings.network.base_channels == 4
    assert read_manifest(model).card.iterations == 4


def test_resuming_goes_on_where_it_stopped(folders, model, call):
    code, text, _ = call(
        "train", *folders, "--model", model, "--resume", "--iterations", "6", "--json"
    )
    assert code == 0
    assert last_json(text)["iterations"] == 6


def test_a_learning_rate_far_from_usual_is_doubted(tmp_path, folders, call):
    train = ["train", *folders, "--model", tmp_path / "m", *SMALL]
    code, _, err = call(*train, "--learning-rate", "1e-8")
    assert code == 0, err
    assert "A learning rate of 1e-08 is very small for adamw" in err
    code, _, err = call(*train)
    assert "learning rate" not in err


def test_a_validation_is_told_with_what_chooses_the_best(tmp_path, folders, call):
    code, text, err = call("train", *folders, "--model", tmp_path / "m", *SMALL)
    assert code == 0, err
    assert re.search(r"validation F1 [\d.]+, IoU [\d.]+, AP [\d.]+, kept so far", err)
    assert "validation AP: " in text


def test_another_training_does_not_replace_a_model(folders, model, call):
    before = read_manifest(model)
    code, text, _ = call("train", *folders, "--model", model, *SMALL)
    assert code == 0
    kept = model.with_name("model.1")
    assert f"is now '{kept}'" in text
    assert read_manifest(kept) == before


def test_the_same_seed_gives_the_same_model(tmp_path, folders, call):
    hashes = []
    for name in ("a", "b"):
        options = [*SMALL, "--seed", "7", "--device", "cpu"]
        assert call("train", *folders, "--model", tmp_path / name, *options)[0] == 0
        hashes.append(read_manifest(tmp_path / name).weights.sha256)
    assert hashes[0] == hashes[1]


def test_validation_images_and_regions_are_used(tmp_path, folders, call):
    from napari_unet.formats.geojson import write_regions

    images, labels = folders
    regions = tmp_path / "regions"
    regions.mkdir()
    write_regions(regions / "field0.geojson", [((0, 0), (70, 80), "training")])
    one = [images / "field0.tif", labels / "field0.tif"]
    other = ["--validation-images", images / "field1.tif",
             "--validation-labels", labels / "field1.tif"]  # fmt: skip
    code, text, err = call(
        "train", *one, *other, "--regions", regions, "--model", tmp_path / "m",
        *SMALL, "--json",
    )  # fmt: skip
    assert code == 0, err
    true = len(np.unique(read_labels(labels / "field1.tif"))) - 1
    assert last_json(text)["validation"]["objects_true"] == true


def test_the_valid_network_of_the_paper_trains(tmp_path, folders, call):
    options = ["--preset", "paper-2015", *SMALL, "--iterations", "1"]
    code, _, err = call("train", *folders, "--model", tmp_path / "m", *options)
    assert code == 0, err
    network = read_manifest(tmp_path / "m").settings.network
    assert (network.padding, network.norm) == ("valid", "none")


def test_weights_are_the_papers(tmp_path, call):
    labels = np.zeros((7, 7), np.uint8)
    labels[1:3, 1:3], labels[4:6, 4:6] = 1, 2
    write_labels(tmp_path / "two.tif", labels)
    out = tmp_path / "weights.tif"
    code, text, _ = call("weights", tmp_path / "two.tif", "--out", out, "--json")
    assert code == 0
    weights = tifffile.imread(out)
    assert weights.dtype == np.float32
    # The literal 7x7 map for w_c = 1, moved by the balance of background.
    balance = weights[0, 0] - 3.678794
    assert weights[3, 3] - balance == pytest.approx(8.521438, abs=1e-5)
    assert last_json(text)["max"] == pytest.approx(float(weights.max()))


def test_check_finds_what_is_wrong_and_passes_what_is_right(folders, call):
    images, labels = folders
    code, text, _ = call("check", images, labels, "--json")
    assert code == 0
    result = last_json(text)
    assert (result["pairs"], result["errors"], result["findings"]) == (2, 0, [])
    assert result["annotated"]["known_px"] == 2 * 80 * 96
    write_labels(labels / "field0.tif", np.zeros((80, 96), np.uint8))
    write_labels(labels / "field1.tif", np.ones((8, 9), np.uint8))
    code, text, err = call("check", images, labels)
    assert code == 2
    assert "field0.tif: No object is painted" in text
    assert "the labels of 'field1' have the shape (8, 9)" in text.lower()
    assert "2 errors" in err


def test_models_are_listed(models_folder, folders, call):
    code, text, _ = call("models")
    assert code == 0
    assert "No models in" in text
    assert call("train", *folders, "--model", models_folder / "mine", *SMALL)[0] == 0
    code, text, _ = call("models", "--json")
    [mine] = last_json(text)["models"]
    assert mine["name"] == "mine"
    assert "base channels 4 instead of 16" in mine["network_summary"]
    assert "fast, 2 changes" in call("models")[1]
    code, text, _ = call("models", "mine")
    assert code == 0
    assert text == (models_folder / "mine" / "README.md").read_text() + "\n"
    out = models_folder.parent / "out"
    assert call("segment", folders[0], "--model", "mine", "--out", out)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_exits(tmp_path, folders, number):
    model = tmp_path / "model"
    command = [sys.executable, "-c", "from napari_unet.cli import main; main()",
               "train", *map(str, folders), "--model", str(model),
               *SMALL[:4], "--seconds", "600", "--json"]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as training:
        deadline = time.monotonic() + 120
        seen = ""
        while "iteration" not in seen and time.monotonic() < deadline:
            seen += training.stderr.read(1)
        training.send_signal(number)
        out, err = training.communicate(timeout=60)
    assert training.returncode == 130
    assert "the model is saved" in err
    assert "Traceback" not in err
    assert last_json(out)["iterations"] >= 1
    assert read_manifest(model).last is not None


@pytest.mark.parametrize("is_taken", [False, True])
def test_stopped_before_the_first_step_leaves_all_as_it_was(
    tmp_path, folders, model, call, monkeypatch, is_taken
):
    judge_start = workflow.judge_start

    def judge_and_be_stopped(*judged):
        signal.raise_signal(signal.SIGINT)
        yield from judge_start(*judged)

    monkeypatch.setattr(workflow, "judge_start", judge_and_be_stopped)
    taken = tmp_path / "taken"
    shutil.copytree(model, taken)
    before = sorted(tmp_path.rglob("*"))
    new = taken if is_taken else tmp_path / "new"
    code, text, err = call("train", *folders, "--model", new, "--start-from", model)
    assert code == 130, err
    assert "Stopped before anything was learned; nothing is saved." in text
    assert ("is as it was" in text) == is_taken
    assert "model is saved" not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_bad_values_are_refused_with_their_limits(tmp_path, folders, refused):
    train = ["train", *folders, "--model", tmp_path / "m"]
    assert "--iterations" in refused(*train, "--iterations", "0")
    both = refused(*train, "--iterations", "5", "--seconds", "5")
    assert "either --iterations or --seconds" in both
    assert "--levels 9" in refused(*train, "--levels", "9")
    assert "go together" in refused(*train, "--validation-images", folders[0])
    labels = folders[1] / "field0.tif"
    out = tmp_path / "w.tif"
    assert "--sigma -1" in refused("weights", labels, "--out", out, "--sigma", "-1")
    assert not (tmp_path / "m").exists()
    assert not out.exists()


def test_an_image_in_which_nothing_is_found_is_named(tmp_path, folders, model, call):
    out = ["--out", tmp_path / "o", "--min-size", "100000", "--json"]
    code, text, err = call("segment", folders[0], "--model", model, *out)
    assert code == 0, err
    result = last_json(text)
    assert set(result["objects"].values()) == {0}
    assert set(result["doubts"]) == {"field0", "field1"}
    assert "field0.tif: " in err
    assert result["doubts"]["field0"] in err


def test_a_tile_that_cannot_be_is_refused(tmp_path, folders, model, refused):
    segment = ["segment", folders[0], "--model", model, "--out", tmp_path / "o"]
    assert "a number of pixels, or 'auto'" in refused(*segment, "--tile", "huge")
    assert "is too small" in refused(*segment, "--tile", "8")


def test_results_never_replace_the_images(folders, model, refused):
    images = folders[0]
    before = (images / "field0.tif").read_bytes()
    said = refused("segment", images, "--model", model, "--out", images)
    assert "would replace them" in said
    assert (images / "field0.tif").read_bytes() == before


def test_a_device_that_is_not_there_is_refused(tmp_path, folders, model, refused):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    said = refused("segment", folders[0], "--model", model,
                   "--out", tmp_path / "o", "--device", "cuda")  # fmt: skip
    assert "'cuda' was asked for" in said


def test_a_folder_that_is_no_model_is_refused(tmp_path, folders, refused):
    said = refused("segment", folders[0], "--model", folders[1], "--out", tmp_path)
    assert "is not a model folder" in said


def test_a_model_is_not_saved_among_other_files(folders, refused):
    said = refused("train", *folders, "--model", folders[0], *SMALL)
    assert "holds other files" in said


def test_resuming_nothing_is_refused(tmp_path, folders, refused):
    said = refused("train", *folders, "--model", tmp_path / "m", "--resume", *SMALL)
    assert "There is no folder" in said


def bad_labels(kind, truth):
    return {
        "zero": np.zeros_like(truth),
        "float": truth + np.float32(0.5),
        "negative": truth.astype(np.int16) - 1,
        "binary": (truth > 0).astype(np.uint8) * 255,
        "other shape": truth[:-3],
        "colours": np.stack([truth.astype(np.uint8)] * 3, axis=-1),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("zero", "are empty: no object is painted"),
        ("float", "field0"),
        ("negative", "field0"),
        ("binary", "--split-components"),
        ("other shape", r"field0"),
        ("colours", "field0"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(
    kind, message, tmp_path, folders, refused
):
    images, labels = folders
    for path in labels.iterdir():
        bad = bad_labels(kind, read_labels(path))
        tifffile.imwrite(path, bad, photometric="rgb" if bad.ndim == 3 else None)
    said = refused("train", images, labels, "--model", tmp_path / "m", *SMALL)
    assert message in said
    assert not (tmp_path / "m").exists()


def test_a_binary_mask_can_be_split(tmp_path, folders, call):
    images, labels = folders
    for path in labels.iterdir():
        write_labels(path, (read_labels(path) > 0).astype(np.uint8))
    options = [*SMALL, "--split-components"]
    code, _, err = call("train", images, labels, "--model", tmp_path / "m", *options)
    assert code == 0, err
    assert read_manifest(tmp_path / "m").card.objects > 4


def test_one_label_only_is_enough(tmp_path, folders, call):
    images, labels = folders
    for path in labels.iterdir():
        one = (read_labels(path) == 3).astype(np.uint8)
        write_labels(path, one)
    code, _, err = call("train", images, labels, "--model", tmp_path / "m", *SMALL)
    assert code == 0, err


def test_unpaired_files_are_named(tmp_path, folders, refused):
    (folders[1] / "field1.tif").unlink()
    said = refused("train", *folders, "--model", tmp_path / "m", *SMALL)
    assert "'field1'" in said


def test_an_empty_folder_and_one_with_other_files_are_refused(
    tmp_path, folders, refused
):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "empty" in refused("check", empty, folders[1])
    (empty / "notes.txt").write_text("no image")
    assert "empty" in refused("check", empty, folders[1])
    assert "nowhere" in refused("check", tmp_path / "nowhere", folders[1])


def test_other_files_beside_the_images_do_no_harm(folders, call):
    (folders[0] / "notes.txt").write_text("no image")
    assert call("check", *folders)[0] == 0


def test_a_truncated_tiff_is_refused(tmp_path, folders, refused):
    path = folders[0] / "field1.tif"
    path.write_bytes(path.read_bytes()[:-2000])
    said = refused("train", *folders, "--model", tmp_path / "m", *SMALL)
    assert "field1" in said


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_pixels_that_are_no_numbers_are_refused(bad, tmp_path, folders, refused):
    array = np.ones((80, 96))
    array[3, 4] = bad
    tifffile.imwrite(folders[0] / "field0.tif", array)
    said = refused("train", *folders, "--model", tmp_path / "m", *SMALL)
    assert "'field0' has 1 pixel that is not a number or infinite" in said


def test_rgb_for_a_grey_model_is_refused_and_the_other_way_round(
    tmp_path, folders, model, refused, call
):
    rgb = tmp_path / "rgb"
    rgb.mkdir()
    for path in folders[0].iterdir():
        grey = (tifffile.imread(path) // 8).astype(np.uint8)
        colours = np.stack([grey, grey[::-1], grey], axis=-1)
        Picture.fromarray(colours).save(rgb / f"{path.stem}.png")
    said = refused("segment", rgb, "--model", model, "--out", tmp_path / "o")
    assert "RGB" in said
    assert "grey" in said
    colour = tmp_path / "colour"
    assert call("train", rgb, folders[1], "--model", colour, *SMALL)[0] == 0
    said = refused("segment", folders[0], "--model", colour, "--out", tmp_path / "o")
    assert "RGB" in said


def test_grey_saved_in_colour_is_segmented_as_grey(tmp_path, folders, model, call):
    grey = (tifffile.imread(folders[0] / "field0.tif") // 8).astype(np.uint8)
    found = []
    for name, picture in (("grey", grey), ("colour", np.stack([grey] * 3, axis=-1))):
        Picture.fromarray(picture).save(tmp_path / f"{name}.png")
        given = "segment", tmp_path / f"{name}.png", "--model", model
        assert call(*given, "--out", tmp_path / "o")[0] == 0
        found.append(tifffile.imread(tmp_path / "o" / f"{name}.tif"))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("shape", [(1, 2), (3, 2000), (50, 20)])
def test_extreme_shapes_are_segmented(shape, tmp_path, model, call):
    path = tmp_path / "odd.png"
    grey = np.arange(np.prod(shape)).reshape(shape) % 200
    Picture.fromarray(grey.astype(np.uint8)).save(path)
    out = tmp_path / "o"
    code, _, err = call("segment", path, "--model", model, "--out", out)
    assert code == 0, err
    assert tifffile.imread(out / "odd.tif").shape == shape


def test_a_large_camera_offset_changes_nothing(tmp_path, folders, model, call):
    outs = []
    for name, offset in (("plain", 0), ("shifted", 32_768)):
        images = tmp_path / name
        images.mkdir()
        for path in folders[0].iterdir():
            grey = tifffile.imread(path).astype(np.uint16) + np.uint16(offset)
            write_labels(images / path.name, grey, SIZE)
        outs.append(tmp_path / f"{name}-out")
        options = ["--model", model, "--out", outs[-1]]
        assert call("segment", images, *options)[0] == 0
    for path in outs[0].iterdir():
        one, two = tifffile.imread(path), tifffile.imread(outs[1] / path.name)
        assert ((one > 0) == (two > 0)).mean() > 0.995


def test_a_time_lapse_is_segmented_frame_by_frame(tmp_path, folders, model, call):
    grey = np.stack([discs(seed)[0] for seed in range(12)])
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "TYX"})
    out = tmp_path / "o"
    code, _, err = call("segment", path, "--model", model, "--out", out)
    assert code == 0, err
    assert tifffile.imread(out / "movie.tif").shape == grey.shape


def test_a_hyperstack_of_time_and_depth_is_refused(tmp_path, model, refused):
    path = tmp_path / "4d.tif"
    stack = np.zeros((3, 4, 20, 30), np.uint16)
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TZYX"})
    said = refused("segment", path, "--model", model, "--out", tmp_path / "o")
    assert "4d" in said


def test_a_full_disk_ends_with_a_sentence(
    tmp_path, folders, model, refused, monkeypatch
):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    out = tmp_path / "o"
    said = refused("segment", folders[0], "--model", model, "--out", out)
    assert "No space left" in said or "full" in said
    assert list(out.iterdir()) == []
    said = refused("train", *folders, "--model", tmp_path / "m", *SMALL)
    assert "No space left" in said or "full" in said


def test_a_diverging_training_ends_with_a_sentence(tmp_path, folders, refused):
    said = refused(
        "train", *folders, "--model", tmp_path / "m", "--preset", "paper-2015",
        "--base-channels", "4", "--levels", "2", "--iterations", "60",
        "--learning-rate", "1000",
    )  # fmt: skip
    assert "The loss became" in said
    assert "last good weights are kept" in said
    assert read_manifest(tmp_path / "m").card.iterations >= 1


def test_help_names_every_command(call):
    code, text, _ = call("--help")
    assert code == 0
    for name in ("demo", "gui", "check", "weights", "train", "segment", "evaluate"):
        assert name in text


def test_a_refused_training_leaves_the_model_where_it_is(folders, model, refused):
    before = read_manifest(model)
    for path in folders[1].iterdir():
        write_labels(path, np.zeros((80, 96), np.uint8))
    refused("train", *folders, "--model", model, *SMALL)
    assert read_manifest(model) == before
    assert not model.with_name("model.1").exists()


def test_another_network_than_the_model_has_is_refused(
    tmp_path, folders, model, refused
):
    start = ["--start-from", model, "--base-channels", "8", "--iterations", "1"]
    said = refused("train", *folders, "--model", tmp_path / "m", *start)
    assert "--base-channels 8: the model to start from has 4" in said


def test_labels_of_another_pixel_size_are_refused(tmp_path, folders, refused):
    for path in folders[1].iterdir():
        write_labels(path, read_labels(path), (0.2, 0.2))
    said = refused("train", *folders, "--model", tmp_path / "m", *SMALL)
    assert "measure 0.5 µm, those of its labels 0.2 µm" in said


def test_objects_of_a_stack_are_measured_plane_by_plane(tmp_path, model, call):
    grey = np.stack([discs(seed)[0] for seed in range(10)])
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "TYX"})
    out = tmp_path / "o"
    options = ["--out", out, "--csv", "--min-size", "1", "--json"]
    code, text, err = call("segment", path, "--model", model, *options)
    assert code == 0, err
    labels = tifffile.imread(out / "movie.tif")
    count = sum(int(plane.max()) for plane in labels)
    assert last_json(text)["objects"]["movie"] == count
    rows = (out / "movie.csv").read_text().splitlines()
    assert len(rows) == count + 1


@pytest.mark.parametrize("shape", [(1, 1), (30, 40)])
def test_an_image_in_which_nothing_can_be_seen_is_refused(
    shape, tmp_path, model, refused
):
    path = tmp_path / "blank.png"
    Picture.fromarray(np.full(shape, 9, np.uint8)).save(path)
    said = refused("segment", path, "--model", model, "--out", tmp_path / "o")
    assert said.startswith("napari-unet: 'blank' is constant")


def test_one_bad_image_does_not_keep_the_others_from_being_segmented(
    tmp_path, folders, model, call
):
    bad = folders[0] / "field0.tif"
    bad.write_bytes(bad.read_bytes()[:-2000])
    write_grey(folders[0] / "blank.tif", np.zeros((30, 40), np.float32))
    out = tmp_path / "o"
    code, text, err = call(
        "segment", folders[0], "--model", model, "--out", out, "--json"
    )
    assert code == 2
    assert set(last_json(text)["failed"]) == {"field0.tif", "blank.tif"}
    assert [path.name for path in out.iterdir()] == ["field1.tif"]
    last = err.splitlines()[-1]
    assert last.startswith("napari-unet: 2 of 3 images gave no result")
    assert "'blank' is constant" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--iterations", "many"], "Invalid value for '--iterations'"),
        (["segment", "images"], "Missing option '--out'"),
        (["check"], "Missing argument 'images'"),
        (["paint"], "No such command 'paint'"),
        (["models", "--colour"], "No such option: --colour"),
    ],
)
def test_wrong_options_are_one_sentence(arguments, message, call):
    code, _, err = call(*arguments)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_the_presets_are_listed_with_their_settings(call):
    code, out, _ = call("presets", "--json")
    assert code == 0
    listed = last_json(out)
    assert set(listed) == set(PRESETS)
    assert listed["paper-2015"]["network"]["padding"] == "valid"
    assert "learns in a minute" in call("presets")[1]


def test_an_average_over_turned_versions_is_another_result(
    tmp_path, folders, model, call
):
    results = []
    for name in ("none", "8", "5-angles"):
        out = tmp_path / name
        code, _, err = call(
            "segment", folders[0], "--model", model, "--out", out,
            "--tta", name, "--probabilities",
        )  # fmt: skip
        assert code == 0, err
        results.append(tifffile.imread(out / "field0_probabilities.tif"))
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(results[one] - results[two]).max() > 1e-4


def test_an_average_that_there_is_not_is_refused_with_what_there_is(
    tmp_path, folders, model, refused
):
    segment = ["segment", folders[0], "--model", model, "--out", tmp_path / "o"]
    said = refused(*segment, "--tta", "7")
    assert "--tta 7: choose one of none, 4-flips, 4-rotations, 8, 7-angles" in said
    assert not (tmp_path / "o").exists()


def test_uncertainty_is_written_and_with_an_average_its_part_of_disagreement(
    tmp_path, folders, model, call
):
    out = tmp_path / "out"
    segment = ["segment", folders[0], "--model", model, "--out", out, "--uncertainty"]
    assert call(*segment)[0] == 0
    image = read_image(out / "field0_uncertainty.tif")
    assert image.array.shape == (1, 80, 96)
    assert image.pixel_size_um == pytest.approx(SIZE)
    assert 0 < image.array.max() <= 1
    assert call(*segment, "--tta", "7-angles")[0] == 0
    image = read_image(out / "field0_uncertainty.tif")
    assert image.array.shape == (2, 80, 96)
    whole, disagreement = image.array
    assert disagreement.max() > 0
    assert (disagreement <= whole + 1e-5).all()
    code, _, err = call("evaluate", out, folders[1])  # these files are no labels
    assert code == 0, err


def test_no_command_shows_what_there_is(call):
    code, out, _ = call()
    assert code == 0
    assert "segment" in out


def test_weights_never_replace_the_labels(folders, refused):
    labels = folders[1] / "field0.tif"
    before = labels.read_bytes()
    assert "would replace the labels" in refused("weights", labels, "--out", labels)
    assert labels.read_bytes() == before
    said = refused("weights", labels, "--out", labels.with_suffix(".png"))
    assert "name it .tif" in said


def test_results_replace_earlier_ones_but_no_annotation(
    tmp_path, folders, model, call, refused
):
    images, labels = folders
    before = (labels / "field1.tif").read_bytes()
    tifffile.imwrite(labels / "field0.tif", tifffile.imread(labels / "field0.tif"))
    said = refused("segment", images, "--model", model, "--out", labels)
    assert "was not written by this program" in said
    assert (labels / "field1.tif").read_bytes() == before
    segment = ["segment", images, "--model", model, "--out", tmp_path / "o"]
    assert [call(*segment)[0] for _ in range(2)] == [0, 0]


def test_a_constant_image_is_not_trained_on(tmp_path, folders, refused):
    write_grey(folders[0] / "field1.tif", np.full((80, 96), 3, np.float32))
    for path in folders[1].iterdir():  # without a pixel size, as the image
        tifffile.imwrite(path, tifffile.imread(path))
    said = refused("train", *folders, "--model", tmp_path / "m", *SMALL)
    assert "'field1' is constant" in said
    assert not (tmp_path / "m").exists()


def test_a_training_that_is_over_is_not_resumed_in_silence(folders, model, refused):
    said = refused("train", *folders, "--model", model, "--resume", "--iterations", "3")
    assert "has taken 4 iterations already, and is given 3 in all" in said


def test_a_resumed_training_keeps_its_settings_and_its_end(folders, model, call):
    resume = ["train", *folders, "--model", model, "--resume"]
    code, _, err = call(*resume)
    assert code == 2
    assert "has taken 4 iterations already, and is given 4 in all" in err
    assert "--iterations or --seconds" in err
    before = read_manifest(model).card.training
    code, _, err = call(*resume, "--iterations", "5")
    assert code == 0, err
    assert "going on after 4 iterations and" in err
    assert "to 5 iterations in all" in err
    card = read_manifest(model).card
    assert card.training == before.replaced(iterations=5)
    assert card.preset == "fast"
    code, _, err = call(*resume, "--seconds", f"{card.seconds + 0.5:.2f}")
    assert code == 0, err
    after = read_manifest(model).card.training
    assert (after.iterations, after.patch_size) == (None, before.patch_size)


def test_a_preset_does_not_change_the_network_of_a_model_in_silence(
    tmp_path, folders, model, call
):
    start = ["train", *folders, "--model", tmp_path / "tuned", "--start-from", model]
    code, _, err = call(*start, "--preset", "mini", "--iterations", "1")
    assert code == 0, err
    said = next(line for line in err.splitlines() if "--preset mini sets only" in line)
    assert "base_channels 4 instead of" in said
    assert read_manifest(tmp_path / "tuned").settings.network.base_channels == 4
    code, _, err = call(*start, "--iterations", "1")
    assert code == 0, err
    assert "sets only how to train" not in err
    code, _, err = call(*start, "--planes-as-channels", "--iterations", "1")
    assert code == 2
    assert "takes planes one by one" in err


def test_a_wrong_option_is_said_once_and_makes_no_folder(
    tmp_path, folders, model, call
):
    out = tmp_path / "o"
    code, _, err = call(
        "segment", folders[0], "--model", model, "--out", out, "--tile", "8"
    )
    assert code == 2
    assert len(err.splitlines()) == 1
    assert not out.exists()


def test_any_setting_can_be_given(tmp_path, folders, call):
    settings = [
        "block=residual", "skip=add", "loss=dice", "weight_map.form=2019",
        "weight_map.w0=50", "augmentation.flip=false", "batch_size=1",
    ]  # fmt: skip
    options = [part for text in settings for part in ("--set", text)]
    code, _, err = call("train", *folders, "--model", tmp_path / "m", *SMALL, *options)
    assert code == 0, err
    manifest = read_manifest(tmp_path / "m")
    network, training = manifest.settings.network, manifest.card.training
    assert (network.block, network.skip) == ("residual", "add")
    assert (training.loss, training.batch_size) == ("dice", 1)
    assert (training.weight_map.form, training.weight_map.w0) == ("2019", 50)
    assert training.augmentation.flip is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blocks=plain", "there is no setting 'blocks'; the closest is 'block'"),
        ("block", "write NAME=VALUE"),
        ("block=round", "block=round: it must be 'plain', 'residual' or 'separable'"),
        ("weight_map.sigma=-1", "weight_map.sigma=-1: it must be a number above 0"),
        ("sigma=3", "there is no setting 'sigma'; the closest is 'weight_map.sigma'"),
        ("levels=many", "levels=many: it must be a whole number from 0 to 6"),
        ("padding=sane", "'partial'; the closest is 'same'"),
        ("deep_supervision=true", "belongs to the architecture 'unet++'"),
    ],
)
def test_settings_that_cannot_be_are_refused(text, message, tmp_path, folders, refused):
    said = refused("train", *folders, "--model", tmp_path / "m", "--set", text)
    assert message in said


def test_another_network_than_the_models_is_not_taken_in_silence(
    tmp_path, folders, model, refused
):
    train = ["train", *folders, "--model", tmp_path / "m", "--start-from", model]
    said = refused(*train, "--set", "block=residual")
    assert "--set block residual: the model to start from has plain" in said
    assert "--levels 3: the model" in refused(*train, "--levels", "3")


def test_volumes_from_files_to_scores(tmp_path, call):
    """A volume is learned, segmented, measured and compared as a whole."""
    images, labels, out = (tmp_path / name for name in ("images", "labels", "out"))
    images.mkdir()
    labels.mkdir()
    grid = np.indices((12, 40, 40))
    truth = np.zeros((12, 40, 40), np.uint16)
    for number, centre in enumerate([(4, 10, 10), (8, 28, 12), (6, 20, 29)], start=1):
        offset = grid - np.reshape(centre, (3, 1, 1, 1))
        truth[
            (np.square(offset) / np.reshape((9, 36, 36), (3, 1, 1, 1))).sum(0) < 1
        ] = number
    noise = np.random.default_rng(0).normal(0, 5, truth.shape)
    for name, array in (("images", 40 + 100 * (truth > 0) + noise), ("labels", truth)):
        tifffile.imwrite(
            tmp_path / name / "v.tif",
            array.astype(np.uint16),
            imagej=True,
            resolution=(2, 2),
            metadata={"axes": "ZYX", "unit": "um", "spacing": 1.0},
        )
    model = tmp_path / "model"
    options = ["--preset", "fast-3d", "--iterations", "60", "--base-channels", "4"]
    code, _, err = call("train", images, labels, "--model", model, *options)
    assert code == 0, err
    assert read_manifest(model).settings.pixel_sizes_um == (1.0, 0.5, 0.5)
    code, _, err = call("segment", images, "--model", model, "--out", out, "--csv")
    assert code == 0, err
    rows = (out / "v.csv").read_text().splitlines()
    assert "volume_px" in rows[0]
    assert len(rows) == 4
    code, said, err = call("evaluate", out, labels, "--volumes", "--json")
    assert code == 0, err
    overall = json.loads(said.splitlines()[-1])["overall"]
    assert overall["objects_true"] == overall["objects_predicted"] == 3
    assert overall["f1"] > 0.6


def test_what_contradicts_itself_or_does_not_exist_is_refused(
    tmp_path, folders, refused
):
    model = tmp_path / "m"
    said = refused("train", *folders, "--model", model, "--regions", tmp_path / "no")
    assert "there is no such folder" in said
    said = refused(
        "train", *folders, "--model", model, "--resume", "--start-from", "other"
    )
    assert "Give one of them" in said
    said = refused("train", *folders, "--model", model, "--set", "classes=4")
    assert "follows from the images and labels" in said
    assert not model.exists()


def test_labels_that_look_like_classes_are_not_trained_on_as_objects(
    tmp_path, folders, refused
):
    labels = tmp_path / "kinds"
    labels.mkdir()
    for path in folders[1].iterdir():
        objects = read_labels(path)
        write_labels(labels / path.name, (objects > 0) * (1 + objects % 2))
    said = refused("train", folders[0], labels, "--model", tmp_path / "m", *SMALL)
    assert "these look like classes, not objects" in said


def test_the_package_can_be_run():
    command = [sys.executable, "-m", "napari_unet", "presets"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "paper-2015" in done.stdout
