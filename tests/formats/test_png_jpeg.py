"""PNG and JPEG of every kind are read, damaged ones refused."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Picture

from napari_unet.core.errors import InputError
from napari_unet.formats.images import read_image, read_labels

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (20, 30)).astype(np.uint8)
COLOUR = rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.png"


def test_grey_is_one_channel_and_colours_are_three(path):
    Picture.fromarray(GREY).save(path)
    np.testing.assert_array_equal(read_image(path).array, GREY[None])
    Picture.fromarray(COLOUR).save(path)
    np.testing.assert_array_equal(read_image(path).array, np.moveaxis(COLOUR, -1, 0))


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("LA", 1)])
def test_transparency_is_dropped(path, mode, channels):
    picture = Picture.fromarray(COLOUR).convert(mode)
    picture.putalpha(100)
    picture.save(path)
    image = read_image(path)
    assert image.channels == channels
    np.testing.assert_array_equal(image.array[0], np.asarray(picture)[..., 0])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_stay_sixteen(path, channels):
    deep = rng.integers(0, 65_536, (20, 30, channels)).astype(np.uint16)
    path.write_bytes(imagecodecs.png_encode(deep.squeeze()))
    array = read_image(path).array
    assert array.dtype == np.uint16
    colours = {1: 1, 2: 1, 3: 3, 4: 3}[channels]
    np.testing.assert_array_equal(array, np.moveaxis(deep, -1, 0)[:colours])


def test_one_bit_is_a_mask(path):
    Picture.fromarray(GREY > 100).save(path)
    np.testing.assert_array_equal(read_labels(path), GREY > 100)
    np.testing.assert_array_equal(read_image(path).array[0], GREY > 100)


def test_a_palette_is_colours_to_an_image_and_numbers_to_labels(path):
    numbers = (GREY % 5).astype(np.uint8)
    palette = rng.integers(0, 256, (5, 3)).astype(np.uint8)
    picture = Picture.fromarray(numbers)
    picture.putpalette(palette.tobytes())
    picture.save(path)
    np.testing.assert_array_equal(read_labels(path), numbers)
    np.testing.assert_array_equal(
        read_image(path).array, np.moveaxis(palette[numbers], -1, 0)
    )


def test_a_palette_of_greys_is_one_channel(path):
    picture = Picture.fromarray((GREY % 5).astype(np.uint8))
    picture.putpalette(bytes(np.repeat([0, 10, 20, 30, 40], 3).astype(np.uint8)))
    picture.save(path)
    np.testing.assert_array_equal(read_image(path).array, GREY[None] % 5 * 10)


def test_a_photograph_is_read(tmp_path):
    path = tmp_path / "stain.JPG"
    Picture.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(path)
    image = read_image(path)
    assert image.array.shape == (3, 20, 30)
    assert image.name == "stain"
    assert abs(int(image.array[0, 10, 10]) - 90) < 3


def test_a_printers_resolution_is_no_pixel_size(path):
    Picture.fromarray(GREY).save(path, dpi=(72, 72))
    assert read_image(path).pixel_size_um is None


def test_cmyk_becomes_rgb(tmp_path):
    path = tmp_path / "print.jpg"
    Picture.fromarray(COLOUR).convert("CMYK").save(path)
    assert read_image(path).channels == 3


def test_colours_as_labels_are_refused(path):
    Picture.fromarray(COLOUR).save(path)
    with pytest.raises(InputError, match=r"'cells.png' holds colours or channels"):
        read_labels(path)


def test_jpeg_labels_are_refused_once_their_numbers_have_changed(tmp_path):
    path = tmp_path / "mask.jpg"
    mask = np.zeros((64, 64), np.uint8)
    mask[16:32, 16:32] = 255  # fits JPEG's blocks, so it survives
    Picture.fromarray(mask).save(path, quality=100)
    np.testing.assert_array_equal(read_labels(path), mask)
    Picture.fromarray(GREY).save(path)
    with pytest.raises(InputError, match="is a JPEG, which changes the numbers"):
        read_labels(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_file_cut_short_is_refused(tmp_path, suffix):
    path = tmp_path / f"cells{suffix}"
    Picture.fromarray(COLOUR).save(path)
    data = path.read_bytes()
    for cut in range(0, len(data) - 30, 61):
        path.write_bytes(data[:cut])
        with pytest.raises(
            InputError, match=r"'cells.*' cannot be read: it is damaged"
        ):
            read_image(path)


def test_a_cut_deep_png_is_refused(path):
    deep = rng.integers(0, 65_536, (20, 30, 3)).astype(np.uint16)
    path.write_bytes(imagecodecs.png_encode(deep)[:900])
    with pytest.raises(InputError, match=r"'cells.png' cannot be read: it is damaged"):
        read_image(path)


def test_a_tiff_named_png_is_told_apart(path):
    path.write_bytes(b"II*\0 and so on")
    with pytest.raises(InputError, match="not what its name says"):
        read_image(path)


def test_a_picture_too_large_for_pillow_is_refused(path, monkeypatch):
    Picture.fromarray(GREY).save(path)
    monkeypatch.setattr(Picture, "MAX_IMAGE_PIXELS", 200)
    with pytest.raises(InputError, match="too many pixels for a PNG or JPEG"):
        read_image(path)
    monkeypatch.setattr(Picture, "MAX_IMAGE_PIXELS", 400)  # only a warning there
    assert read_image(path).array.shape == (1, 20, 30)
