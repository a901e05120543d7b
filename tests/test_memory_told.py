"""Whatever work memory runs out in: one sentence, and nothing is lost."""

import json

import numpy as np
import pytest
import torch
from scarce import scarce

from napari_unet.core.memory import tell_shortage
from napari_unet.formats.tiff import write_grey, write_labels

NUMPY = "Unable to allocate 7.45 GiB for an array with shape (1000000000,)"
LOST = "Nothing that was there before is lost."


def refuse(*_args, **_options):
    raise MemoryError(NUMPY)


@pytest.fixture
def folders(tmp_path):
    """Three images of nuclei, and what is true of them."""
    rng = np.random.default_rng(0)
    labels = np.zeros((96, 128), np.uint16)
    for number, (y, x) in enumerate(np.ndindex(3, 4), 1):
        labels[8 + 30 * y : 24 + 30 * y, 8 + 30 * x : 24 + 30 * x] = number
    images, true = tmp_path / "images", tmp_path / "true"
    images.mkdir()
    true.mkdir()
    for name in "abc":
        grey = 100 + 600 * (labels > 0) + rng.normal(0, 10, labels.shape)
        write_grey(images / f"{name}.tif", grey.astype(np.float32))
        write_labels(true / f"{name}.tif", labels)
    return images, true


@pytest.mark.parametrize(
    ("error", "where", "size"),
    [
        (MemoryError(), "This computer", ""),
        (MemoryError(NUMPY), "This computer", "7.45 GiB more needed"),
        (OSError(12, "Cannot allocate memory"), "This computer", ""),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            "The graphics card",
            "2.00 GiB more needed",
        ),
    ],
)
def test_the_sentence_says_where_what_for_and_what_to_do(error, where, size):
    said = str(tell_shortage(error, "'Evaluate'"))
    assert said.startswith(f"{where} has too little free memory for 'Evaluate'")
    assert size in said
    assert LOST in said
    assert "Close other programs" in said
    assert ("compute on the processor" in said) == (where == "The graphics card")


def test_another_error_is_not_called_a_lack_of_memory():
    for error in (ValueError("out of memory"), OSError(28, "No space left on device")):
        assert tell_shortage(error, "this") is error


@pytest.mark.parametrize(
    ("stage", "command"),
    [
        ("evaluation.overlap._gather", ["evaluate", "true", "true"]),
        (
            "annotation.weight_map.measure_gap",
            ["weights", "true/a.tif", "--out", "maps.tif"],
        ),
        ("training.inspection.look_at_grey_values", ["check", "images", "true"]),
    ],
)
def test_a_command_ends_with_the_sentence(
    tmp_path, folders, call, monkeypatch, stage, command
):
    monkeypatch.setattr(f"napari_unet.core.{stage}", refuse)
    paths = {"images", "true", "true/a.tif", "maps.tif"}
    code, _, err = call(*(tmp_path / a if a in paths else a for a in command))
    assert code == 2
    assert "Traceback" not in err
    assert "has too little free memory for this command (7.45 GiB" in err
    assert LOST in err


def test_an_image_too_large_for_its_objects_stops_no_other_one(
    tmp_path, folders, call, monkeypatch
):
    from napari_unet.core import workflow

    make, seen = workflow.make_labels, []

    def make_but_the_second(*args, **options):
        seen.append(args)
        return refuse() if len(seen) == 2 else make(*args, **options)

    monkeypatch.setattr(workflow, "make_labels", make_but_the_second)
    out = tmp_path / "out"
    options = ["--model", "nuclei", "--scale", "1", "--out", out, "--json"]
    code, text, err = call("segment", folders[0], *options)
    assert code == 2
    failed = json.loads(text.splitlines()[-1])["failed"]
    assert list(failed) == ["b.tif"]
    assert "too little free memory for 'b.tif'" in failed["b.tif"]
    assert "Traceback" not in err
    assert sorted(path.name for path in out.iterdir()) == ["a.tif", "c.tif"]


def test_a_look_for_the_zoom_without_memory_is_one_sentence(tmp_path, folders, call):
    options = ["--model", "nuclei", "--scale", "auto", "--out", tmp_path / "out"]
    with scarce(256, within="prediction/zoom") as device:
        code, _, err = call("segment", folders[0] / "a.tif", *options)
    assert device.refused
    assert code == 2
    assert "Traceback" not in err
    assert "too little free memory" in err
