"""Images to images on the command line: train, segment, and what is refused."""

import json

import numpy as np
import pytest
import tifffile

from napari_unet.core.card import read_manifest
from napari_unet.formats.images import read_image
from napari_unet.formats.tiff import write_labels

SMALL = [
    "--base-channels", "8", "--levels", "2", "--iterations", "40",
    "--set", "patch_size=32", "--learning-rate", "0.01",
]  # fmt: skip
SIZE = (0.5, 0.5)


@pytest.fixture
def folders(tmp_path):
    """Two noisy images and the same without noise, ten times brighter."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:80, :96]
    for number in (0, 1):
        clean = 200 + 100 * np.sin(y / 6 + number) * np.cos(x / 8)
        noisy = clean + rng.normal(0, 30, clean.shape)
        for name, array in (("noisy", noisy), ("clean", 10 * clean)):
            (tmp_path / name).mkdir(exist_ok=True)
            path = tmp_path / name / f"field{number}.tif"
            write_labels(path, array.clip(0).astype(np.uint16), SIZE)
    return tmp_path / "noisy", tmp_path / "clean"


@pytest.fixture
def model(tmp_path, folders, call):
    folder = tmp_path / "model"
    values = ["--annotation", "values"]
    code, out, err = call("train", *folders, "--model", folder, *values, *SMALL)
    assert code == 0, err
    assert "validation PSNR:" in out
    return folder


def test_a_denoiser_writes_the_predicted_image(tmp_path, folders, model, call):
    settings = read_manifest(model).settings
    assert settings.annotation == "values"
    assert "train IMAGES TARGETS" in read_manifest(model).card.command
    assert "--annotation values" in read_manifest(model).card.command
    readme = (model / "README.md").read_text(encoding="utf-8")
    assert "predicts an image of 1 channel(s)" in readme
    assert "IMAGES and TARGETS are folders" in readme
    out = tmp_path / "out"
    code, text, err = call(
        "segment", folders[0], "--model", model, "--out", out, "--json"
    )
    assert code == 0, err
    assert json.loads(text)["images"] == 2
    predicted = tifffile.imread(out / "field0.tif")
    clean = tifffile.imread(folders[1] / "field0.tif")
    assert predicted.dtype == np.float32
    assert predicted.shape == clean.shape
    assert read_image(out / "field0.tif").pixel_size_um == pytest.approx(SIZE)
    # In the grey values of the targets, and closer to them than the noisy image is.
    noisy = 10 * tifffile.imread(folders[0] / "field0.tif").astype(float)
    error, before = (np.square(a - clean).mean() for a in (predicted, noisy))
    assert error < before / 2
    code, _, _ = call("segment", folders[0], "--model", model, "--out", out)
    assert code == 0  # our own results are replaced


def test_going_on_from_a_denoiser_needs_no_more_options(tmp_path, folders, model, call):
    code, out, err = call(
        "train", *folders, "--model", tmp_path / "more", "--start-from", model,
        "--iterations", "2", "--set", "patch_size=32",
    )  # fmt: skip
    assert code == 0, err
    assert "→" in out  # PSNR before and after
    assert read_manifest(tmp_path / "more").settings.annotation == "values"


def test_an_image_may_be_its_own_target(tmp_path, folders, call):
    code, _, err = call(
        "train", folders[0], folders[0], "--model", tmp_path / "auto", *SMALL[:-2],
        "--annotation", "values", "--set", "skip=none", "--set", "iterations=3",
        "--set", "augmentation.noise=2",
    )  # fmt: skip
    assert code == 0, err
    assert read_manifest(tmp_path / "auto").settings.network.skip == "none"


def test_what_does_not_go_together_is_said(tmp_path, folders, model, call):
    def refused(*arguments):
        code, _, err = call(*arguments)
        assert code == 2
        assert "Traceback" not in err
        return err.splitlines()[-1]

    train = ["train", *folders, "--model", tmp_path / "m"]
    said = refused(*train, "--annotation", "values", "--preset", "fast")
    assert "the head 'softmax' does not learn values" in said
    assert "does not learn objects" in refused(*train, "--preset", "denoise")
    said = refused(
        *train, "--annotation", "values", "--set", "loss=cross-entropy", *SMALL
    )
    assert "'cross-entropy' does not go with" in said
    segment = ["segment", folders[0], "--model", model, "--out", tmp_path / "o"]
    assert "predicts grey values: there are no" in refused(*segment, "--rois")
    assert not (tmp_path / "m").exists()
