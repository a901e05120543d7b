"""Which channels of an image a model reads, and what it says if they are not there."""

import numpy as np
import pytest

from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, measure_intensity
from napari_unet.core.prediction.channels import pick_channels, pick_intensity


def settings(*channels, inputs=None, **fields):
    network = NetworkConfig(in_channels=inputs or len(channels))
    return ModelSettings(network=network, channels=channels, **fields)


def image(channels, names=(), planes=None):
    shape = (channels, 4, 5) if planes is None else (channels, planes, 4, 5)
    ramp = np.arange(channels).reshape(-1, *(1,) * (len(shape) - 1))
    noise = np.random.default_rng(0).random(shape)
    return Image(ramp + noise, (1.0,) * (len(shape) - 1), "a", names)


def channels_of(picked):
    return picked.array.reshape(picked.channels, -1).min(axis=1).astype(int).tolist()


def test_channels_are_picked_by_position_in_the_models_order():
    picked = pick_channels(image(4), settings(2, 0))
    assert channels_of(picked) == [2, 0]
    assert picked.name == "a"


def test_without_a_choice_all_channels_are_read():
    whole = image(3)
    assert pick_channels(whole, settings(inputs=3)).array is whole.array


@pytest.mark.parametrize("place", [0, 2])
def test_grey_that_was_saved_in_colour_is_read_by_a_model_of_grey(place):
    grey = image(1).array[0]
    channels = (
        np.stack([grey] * 3) if place == 0 else np.stack([0 * grey, grey * 0 + 7, grey])
    )
    picked = pick_channels(Image(channels, None, "a"), settings(inputs=1))
    np.testing.assert_array_equal(picked.array, grey[np.newaxis])
    whole = Image(channels, None, "a")
    ranges = measure_intensity(whole, "min-max")
    low = pick_intensity(ranges, whole, settings(inputs=1)).low
    assert low == ranges.low[[place]]
    with pytest.raises(InputError, match="3-channel"):  # none of these tells more
        pick_channels(image(3), settings(inputs=1))


def test_channels_are_found_by_name_whatever_their_order():
    picked = pick_channels(image(3, ("x", "dapi", "gfp")), settings("gfp", "dapi"))
    assert channels_of(picked) == [2, 1]
    assert picked.channel_names == ("gfp", "dapi")


def test_as_many_channels_of_other_names_are_taken_in_their_order():
    assert channels_of(pick_channels(image(2, ("a", "b")), settings("x", "y"))) == [
        0,
        1,
    ]
    assert channels_of(pick_channels(image(2), settings("x", "y"))) == [0, 1]


def test_what_lacks_is_named():
    with pytest.raises(InputError, match=r"has 2 channels, .* reads the channels 0, 2"):
        pick_channels(image(2), settings(0, 2))
    with pytest.raises(InputError, match=r"grey image, .* for 2-channel \(dapi, gfp\)"):
        pick_channels(image(1), settings("dapi", "gfp"))


def test_planes_become_channels_where_the_model_was_trained_so():
    stack = image(1, planes=5)
    picked = pick_channels(stack, settings(inputs=5, planes_as_channels=True))
    np.testing.assert_array_equal(picked.array, stack.array[0])
    assert picked.pixel_size_um == (1.0, 1.0)
    one = pick_channels(stack, settings(3, planes_as_channels=True))
    np.testing.assert_array_equal(one.array[0], stack.array[0, 3])


def test_the_intensity_of_the_picked_channels_is_theirs():
    whole, model = image(3), settings(2, 1)
    picked = pick_intensity(measure_intensity(whole), whole, model)
    theirs = measure_intensity(pick_channels(whole, model))
    np.testing.assert_array_equal(picked.low, theirs.low)
    np.testing.assert_array_equal(picked.high, theirs.high)


def test_names_are_as_many_as_channels():
    with pytest.raises(InputError, match="2 channels, but 1 names"):
        image(2, ("dapi",))
