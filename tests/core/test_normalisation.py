"""How grey values are brought to a common range."""

from typing import get_args

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.config import ModelSettings, NetworkConfig, Normalisation
from napari_unet.core.image import Image, measure_intensity

IMAGE = Image(np.array([[[0.0, 3, 6, 1]], [[4.0, 4, 8, 0]]]))  # 2 channels, 1 × 4 px


def normalised(name, image=IMAGE):
    return measure_intensity(image, name).apply(image.array)


def test_min_and_max_of_each_channel_or_of_all_jointly():
    np.testing.assert_allclose(normalised("min-max")[0, 0], [-1, 0, 1, -2 / 3])
    np.testing.assert_allclose(normalised("min-max")[1, 0], [0, 0, 1, -1])
    joint = normalised("min-max-joint")
    np.testing.assert_allclose(joint, IMAGE.array / 8 * 2 - 1)


def test_the_longest_vector_of_channels_is_one():
    # 3, 4 is 5 long; 6, 8 is 10.
    np.testing.assert_allclose(normalised("vector-norm"), IMAGE.array / 10 * 2 - 1)
    grey = Image(np.array([[[2, 5, 10]]], np.uint16))
    np.testing.assert_allclose(normalised("vector-norm", grey)[0, 0], [-0.6, 0, 1])


def test_mean_and_standard_deviation_and_none():
    values = normalised("mean-std")
    np.testing.assert_allclose(values.mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=(1, 2)), 1, atol=1e-6)
    np.testing.assert_array_equal(normalised("none"), IMAGE.array)


images = npst.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(2, 5)),
    elements=st.floats(0, 1000, width=32).map(lambda v: round(v, 2)),
)


@given(images, st.floats(0.1, 50))
def test_an_image_twice_as_bright_looks_the_same(array, factor):
    for name in set(get_args(Normalisation)) - {"none"}:
        before = normalised(name, Image(array))
        after = normalised(name, Image(array * factor))
        np.testing.assert_allclose(before, after, atol=1e-3, rtol=1e-3)


@given(images)
def test_a_vector_keeps_its_direction_and_none_is_longer_than_one(array):
    scaled = (normalised("vector-norm", Image(array)) + 1) / 2
    lengths = np.linalg.norm(scaled, axis=0)
    if array.any():
        np.testing.assert_allclose(lengths.max(), 1, rtol=1e-5)
        longest = np.linalg.norm(array, axis=0).max()
        np.testing.assert_allclose(scaled * longest, array, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", get_args(Normalisation))
def test_a_model_keeps_its_normalisation(name):
    settings = ModelSettings(network=NetworkConfig(), normalisation=name)
    again = ModelSettings.model_validate_json(settings.model_dump_json())
    assert again.normalisation == name
