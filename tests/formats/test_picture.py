"""Pictures show what they are given, whatever its size and kind."""

import numpy as np
import pytest
from PIL import Image as Picture

from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats import panels
from napari_unet.formats.picture import write_picture

rng = np.random.default_rng(0)


def read(path):
    with Picture.open(path) as picture:
        return np.asarray(picture)


def two_objects(shape):
    labels = np.zeros(shape, np.uint16)
    labels[10:40, 10:40], labels[60:90, 50:90] = 1, 2
    return labels


def count(picture, colour):
    return int((np.abs(picture.astype(int) - colour).max(axis=-1) < 12).sum())


def test_a_picture_has_three_panels_outlines_and_a_scale_bar(tmp_path):
    path = tmp_path / "cells.png"
    labels = two_objects((100, 120))
    image = rng.integers(100, 4000, labels.shape).astype(np.uint16)
    weights = np.where(labels > 0, 1, 11).astype(np.float32)
    write_picture(path, image, labels, weights, title="cells")
    picture = read(path)
    assert picture.shape[1] > 3 * 720
    for label in (1, 2):
        assert count(picture, panels.OBJECT_COLOURS[label]) > 300
    brightest = panels.map_colours(np.array(1.0))
    assert count(picture, brightest) >= (weights == 11).sum() * 36

    write_picture(path, image, labels, weights, title="cells", pixel_size_um=(1, 1))
    barred = read(path)
    assert count(barred[-60:], (255, 255, 255)) > count(picture[-60:], (255, 255, 255))


def test_true_outlines_are_drawn_in_white(tmp_path):
    labels = two_objects((100, 120))
    dark = np.full(labels.shape, 100, np.uint8)
    write_picture(tmp_path / "a.png", dark, labels * 0)
    write_picture(tmp_path / "b.png", dark, labels * 0, truth=labels)
    without, with_truth = read(tmp_path / "a.png")[80:], read(tmp_path / "b.png")[80:]
    assert (with_truth.max(axis=-1) > 150).sum() > (without.max(axis=-1) > 150).sum()


@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 2000), (869, 51), (100, 120, 2), (100, 120, 5), (800, 900, 3)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_any_size_and_number_of_channels_are_drawn(tmp_path, shape, dtype):
    image = (rng.random(shape) * 200).astype(dtype)
    labels = np.ones(shape[:2], np.uint16)
    weights = rng.random(shape[:2]).astype(np.float32)
    write_picture(tmp_path / "a.png", image, labels, weights, labels, title="a")
    assert max(read(tmp_path / "a.png").shape) < 2600


def test_constant_images_and_empty_maps_are_drawn(tmp_path):
    nothing = np.zeros((50, 60), np.uint16)
    write_picture(tmp_path / "a.png", nothing, nothing, nothing.astype(float))


def test_an_image_brings_its_own_pixel_size(tmp_path):
    labels = two_objects((100, 120))
    array = rng.integers(0, 255, (1, *labels.shape)).astype(np.uint8)
    write_picture(tmp_path / "a.png", Image(array, (0.5, 0.5)), labels)
    write_picture(tmp_path / "b.png", array[0], labels, pixel_size_um=(0.5, 0.5))
    np.testing.assert_array_equal(read(tmp_path / "a.png"), read(tmp_path / "b.png"))


@pytest.mark.parametrize("name", ["labels", "weights", "truth"])
def test_what_does_not_belong_to_the_image_is_refused(tmp_path, name):
    image = np.zeros((50, 60))
    given = {"labels": np.zeros((50, 60), int), name: np.zeros((3, 50, 60), int)}
    with pytest.raises(InputError, match=rf"the {name} have the shape \(3, 50, 60\)"):
        write_picture(tmp_path / "a.png", image, **given)
    assert list(tmp_path.iterdir()) == []


def test_eight_bit_colours_are_kept_and_grey_is_stretched():
    colours = rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)
    np.testing.assert_array_equal(panels.stretch_contrast(colours), colours)
    grey = np.linspace(30_000, 31_000, 600).reshape(20, 30)
    stretched = panels.stretch_contrast(grey)
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert (stretched == stretched[..., :1]).all()


def test_the_map_grows_lighter_evenly():
    """The order of values must be visible without colours."""
    lightness = panels.map_colours(np.linspace(0, 1, 50)) @ (0.2126, 0.7152, 0.0722)
    steps = np.diff(lightness)
    assert (steps > 0).all()
    assert steps.max() < 5 * steps.mean()


@pytest.mark.parametrize(
    ("number", "expected"), [(0.3, 0.2), (1, 1), (9.99, 5), (50, 50), (0.0007, 0.0005)]
)
def test_scale_bars_have_round_lengths(number, expected):
    assert panels._round_down(number) == pytest.approx(expected)


def test_without_a_font_of_the_system_text_is_spelled_plainly(monkeypatch):
    monkeypatch.setattr(panels, "_find_system_font", lambda _size: None)
    assert panels.find_font("50 µm, Zürich", 17)[0] == "50 um, Zurich"
