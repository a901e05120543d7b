"""`check` says of ground left unpainted what a training would say."""

import numpy as np
import pytest
import tifffile

from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.workflow import Example, fine_tune, run
from napari_unet.formats.tiff import write_labels

QUICK = TrainConfig(
    seconds=None, iterations=60, patch_size=48, batch_size=4, learning_rate=5e-3
)


def discs(rows, columns, seed):
    """Bright discs, apart from each other, and their labels."""
    rng = np.random.default_rng(seed)
    shape = 24 * rows, 28 * columns
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for number, (row, column) in enumerate(np.ndindex(rows, columns), start=1):
        cy, cx = np.array([12 + 24 * row, 14 + 28 * column]) + rng.uniform(-3, 3, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 49] = number
    grey = 900 * (labels > 0) + 300 + rng.normal(0, 60, shape)
    return grey.astype(np.uint16), labels


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """The folder of a model that knows bright discs."""
    folder = tmp_path_factory.mktemp("models") / "discs"
    grey, labels = discs(4, 4, 3)
    run(
        fine_tune(
            [Example(Image(grey[None], None, "discs"), labels)],
            folder,
            config=QUICK,
            settings=ModelSettings(network=NetworkConfig(base_channels=4, levels=2)),
            device="cpu",
            precision="float32",
        )
    )
    return folder


@pytest.fixture
def few(tmp_path):
    """Folders of an image of which few objects are painted, and of the labels."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    grey, painted = discs(8, 8, 1)
    painted[~np.isin(painted, [20, 21, 28, 45])] = 0
    tifffile.imwrite(images / "a.tif", grey)
    write_labels(labels / "a.tif", painted.astype(np.uint16))
    return images, labels


@pytest.mark.parametrize("unpainted", ["auto", "unknown"])
def test_check_says_of_unpainted_ground_what_train_says(
    few, start, tmp_path, call, done, unpainted
):
    options = ["--start-from", start, "--unpainted", unpainted]
    checked = done("check", *few, *options)
    (finding,) = checked["findings"]
    assert "4 objects are painted, and 'discs' finds 60 more" in finding["message"]
    assert checked["annotated"]["known_px"] < 0.2 * 192 * 224
    code, _, said = call(
        "train", *few, "--model", tmp_path / "new", "--iterations", 1, *options
    )
    assert code == 0
    assert finding["message"] in said


def test_without_a_model_to_start_from_check_knows_of_none(few, starters_folder, done):
    starters_folder.mkdir()
    checked = done("check", *few)
    assert not checked["findings"]
    assert checked["annotated"]["known_px"] == 192 * 224


def test_check_refuses_what_the_model_to_start_from_cannot_read(
    few, start, tmp_path, call
):
    images, labels = few
    grey = tifffile.imread(images / "a.tif")
    tifffile.imwrite(
        images / "a.tif", np.stack([grey, grey // 2]), photometric="minisblack"
    )
    code, text, _ = call("check", images, labels, "--start-from", start)
    trained, _, said = call(
        "train", images, labels, "--model", tmp_path / "m", "--start-from", start
    )
    assert (code, trained) == (2, 2)
    assert "is a 2-channel image" in text
    assert "is a 2-channel image" in said
