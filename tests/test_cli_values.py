"""Images to images on the command line: train, segment, and what is refused."""

import json
import shlex

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


def test_what_does_not_go_together_is_said(tmp_path, folders, model, call, refused):
    train = ["train", *folders, "--model", tmp_path / "m"]
    said = refused(*train, "--annotation", "values", "--preset", "fast")
    assert "the head 'softmax' does not learn values" in said
    assert "does not learn objects" in refused(*train, "--preset", "denoise")
    said = refused(
        *train, "--annotation", "values", "--set", "loss=cross-entropy", *SMALL
    )
    assert "'cross-entropy' does not go with" in said
    goes_on = [*train, "--start-from", model]
    said = refused(*goes_on, "--annotation", "objects")
    assert "'model', predicts grey values, not objects or classes" in said
    segment = ["segment", folders[0], "--model", model, "--out", tmp_path / "o"]
    assert "predicts grey values: there are no" in refused(*segment, "--rois")
    assert not (tmp_path / "m").exists()


def test_a_denoiser_does_not_go_on_with_labels_nor_objects_with_values(
    tmp_path, folders, model, call
):
    labels = tmp_path / "labels"
    labels.mkdir()
    squares = np.zeros((80, 96), np.uint16)
    for number, (y, x) in enumerate(np.mgrid[4:76:18, 4:92:18].reshape(2, -1).T, 1):
        squares[y : y + 10, x : x + 10] = number
    for name in ("field0", "field1"):
        write_labels(labels / f"{name}.tif", squares, SIZE)

    train = ["train", folders[0], labels, "--model", tmp_path / "m"]
    code, _, err = call(*train, "--start-from", model)
    assert code == 2
    assert "'field0' looks like labels" in err or "'field0.tif' looks like" in err
    assert not (tmp_path / "m").exists()

    objects = tmp_path / "objects"
    train = ["train", folders[0], labels, "--model", objects, *SMALL[:4]]
    assert call(*train, "--iterations", "2", "--set", "patch_size=32")[0] == 0
    code, _, err = call(
        "train", *folders, "--model", tmp_path / "m", "--start-from", objects,
        "--annotation", "values",
    )  # fmt: skip
    assert code == 2
    assert "predicts objects or classes, not grey values" in err
    assert not (tmp_path / "m").exists()


def test_the_command_of_a_model_folder_repeats_the_training(
    tmp_path, folders, model, call
):
    """Word for word but for the places of files, with the same result."""
    places = {"IMAGES": folders[0], "TARGETS": folders[1], "NEW_MODEL": tmp_path / "2"}
    words = shlex.split(read_manifest(model).card.command)[1:]
    code, _, err = call(*(places.get(word, word) for word in words))
    assert code == 0, err
    first, second = read_manifest(model), read_manifest(tmp_path / "2")
    assert second.settings == first.settings
    assert second.card.training == first.card.training
    assert second.card.scores == first.card.scores


def test_predicted_images_are_compared_with_true_ones(tmp_path, folders, call):
    """The table and the JSON hold what the formulas give, by image and over all."""
    from skimage.metrics import structural_similarity

    arguments = ["evaluate", *folders, "--values"]
    code, out, err = call(*arguments, "--json")
    assert code == 0, err
    result = json.loads(out)
    pairs = [
        [tifffile.imread(folder / f"field{n}.tif").astype(float) for folder in folders]
        for n in (0, 1)
    ]
    for number, (noisy, clean) in enumerate(pairs):
        mse = np.square(noisy - clean).mean()
        scores = result["images"][f"field{number}"]
        assert scores["mse"] == pytest.approx(mse)
        assert scores["rmse"] == pytest.approx(np.sqrt(mse))
        assert scores["mae"] == pytest.approx(np.abs(noisy - clean).mean())
        span = np.ptp(clean)
        assert scores["psnr"] == pytest.approx(10 * np.log10(span**2 / mse))
        expected = structural_similarity(
            clean, noisy, data_range=span, gaussian_weights=True,
            use_sample_covariance=False,
        )  # fmt: skip
        assert scores["ssim"] == pytest.approx(expected)
    both = result["images"].values()
    assert result["overall"]["mse"] == pytest.approx(np.mean([b["mse"] for b in both]))
    assert result["overall"]["ssim"] == pytest.approx(
        np.mean([b["ssim"] for b in both])
    )
    code, out, _ = call(*arguments)
    head, _, first, *_ = out.splitlines()
    assert head.split() == ["image", "PSNR", "(dB)", "RMSE", "MSE", "MAE", "SSIM"]
    assert first.split()[1] == f"{result['images']['field0']['psnr']:.2f}"
    assert out.splitlines()[-1].startswith("overall")


def test_images_that_cannot_be_compared_are_named(tmp_path, folders, call):
    def refused(*arguments):
        code, _, err = call("evaluate", *arguments)
        assert code == 2
        return err.splitlines()[-1]

    assert "Give either" in refused(*folders, "--values", "--classes")
    assert "about labels" in refused(*folders, "--values", "--ignore-label", "3")
    other = tmp_path / "field0.tif"
    write_labels(other, np.ones((80, 95), np.uint16), SIZE)
    said = refused(other, folders[1] / "field0.tif", "--values")
    assert "field0.tif and field0.tif" in said
    assert "1 channel of 95 × 80 px" in said
    write_labels(other, np.ones((80, 96), np.uint16), SIZE)
    said = refused(folders[0] / "field0.tif", other, "--values")
    assert "The true image is constant" in said


def test_pairs_of_images_are_checked_before_training(tmp_path, folders, call):
    check = ["check", *folders, "--annotation", "values"]
    noise = np.random.default_rng(0).random((80, 96), np.float32)
    tifffile.imwrite(folders[1] / "field0.tif", noise)
    assert call(*check)[0] == 0  # real numbers are grey values, and no bad labels
    tifffile.imwrite(folders[1] / "field0.tif", np.ones((80, 95), np.float32))
    tifffile.imwrite(folders[1] / "field1.tif", np.ones((80, 96), np.float32))
    code, out, _ = call(*check, "--json")
    assert code == 2
    messages = [f["message"] for f in json.loads(out)["findings"]]
    assert "The target of 'field0' has the shape (80, 95)" in messages[0]
    assert "'field1 target' is constant" in messages[1]
