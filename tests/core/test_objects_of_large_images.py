"""Large planes are worked on band by band: the labels are those of one piece."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.config import ObjectConfig
from napari_unet.core.prediction import bands, objects
from napari_unet.core.prediction.objects import find_objects


def probabilities(seed, shape=(157, 90), smooth=3.0):
    """Return blobs that touch, with holes and specks, from 0 to 1."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), smooth)
    field += 0.3 * ndimage.gaussian_filter(rng.normal(size=shape), 1)
    return (1 / (1 + np.exp(-6 * field / field.std()))).astype(np.float32)


@pytest.fixture
def in_bands(monkeypatch):
    """Return what finds objects in bands of a few rows."""

    def find(foreground, config, pixels=1000, halo=2, **options):
        with monkeypatch.context() as patch:
            patch.setattr(bands, "BAND_PIXELS", pixels)
            patch.setattr(objects, "BAND_PIXELS", pixels)
            patch.setattr(bands, "_HALO", halo)
            return find_objects(foreground, config, **options)

    return find


@pytest.mark.parametrize("split", [0.0, 0.25, 0.75, 1.0])
@pytest.mark.parametrize("smooth", [1.5, 3.0, 8.0])
def test_bands_find_what_one_piece_finds(in_bands, split, smooth):
    for seed in range(6):
        config = ObjectConfig(split=split, min_size=9)
        foreground = probabilities(seed, smooth=smooth)
        expected = find_objects(foreground, config)
        for pixels in (300, 2500):
            found = in_bands(foreground, config, pixels)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_nothing_and_everything_are_found_in_bands(in_bands):
    for value in (0, 1):
        foreground = np.full((90, 40), value, np.float32)
        expected = find_objects(foreground)
        np.testing.assert_array_equal(in_bands(foreground, ObjectConfig()), expected)


def test_holes_and_rings_through_many_bands(in_bands):
    y, x = np.mgrid[:200, :200]
    radius = np.hypot(y - 100, x - 100)
    rings = ((radius < 90) & (radius > 80)) | ((radius < 60) & (radius > 30))
    for foreground in (rings * 1.0, (rings | (radius < 10)) * 1.0):
        for holes in (True, False):
            config = ObjectConfig(fill_holes=holes, split=0.5)
            expected = find_objects(foreground, config)
            found = in_bands(foreground, config, 1500)
            np.testing.assert_array_equal(found, expected)


def test_background_gives_the_objects_of_its_complement(in_bands):
    foreground = probabilities(1)
    background = 1 - foreground
    expected = find_objects(1 - background)
    found = find_objects(background, is_background=True)
    np.testing.assert_array_equal(found, expected)
    found = in_bands(background, ObjectConfig(), is_background=True)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 8))
def test_strips_share_out_an_array(seed, length, halo):
    array = np.random.default_rng(seed).random((length, 7))
    parts = list(bands.strips(array, halo))
    assert np.concatenate([array[part] for part, _ in parts]).shape == array.shape
    for part, wider in parts:
        assert wider.start == max(0, part.start - halo)
        assert wider.stop == min(length, part.stop + halo)
