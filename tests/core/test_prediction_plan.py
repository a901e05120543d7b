"""What a prediction will take is told beforehand, and is what it then takes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.glimpse import Glimpse
from napari_unet.core.prediction.plan import plan_prediction
from napari_unet.core.prediction.zoom import Zoom
from napari_unet.core.workflow import segment

SMALL = ModelSettings(network=NetworkConfig(base_channels=2, levels=2))
VOLUME = ModelSettings(
    network=NetworkConfig(base_channels=2, levels=2, levels_z=1, dimensions=3)
)
GLIMPSE = Glimpse(None, (slice(0, 9), slice(0, 9)), np.zeros((9, 9), np.float32))
EXACT = {"device": "cpu", "precision": "float32"}


def image_of(*shape, size=None):
    """An image that takes no memory: one number, seen as so many."""
    return Image(np.broadcast_to(np.uint8(0), (1, *shape)), size, "cells")


def noise(*shape, size=None):
    rng = np.random.default_rng(1)
    return Image(rng.integers(0, 255, (1, *shape), np.uint8), size, "cells")


def model_of(settings):
    return Model(build_network(settings.network, seed=0), settings)


def tiles_taken(image, settings, **options):
    return list(segment(image, model_of(settings), **options, **EXACT))[-1].total


@pytest.mark.parametrize(
    ("settings", "shape", "options"),
    [
        (SMALL, (70, 90), {"tile": 60}),
        (SMALL, (70, 90), {"tile": 60, "scale": 0.5}),
        (SMALL, (70, 90), {"tile": 60, "box": (slice(3, 40), slice(50, 90))}),
        (SMALL, (3, 40, 50), {"tile": 60, "planes": (0, 2)}),
        (SMALL, (40, 50), {"averaging": "4 flips"}),
        (VOLUME, (6, 40, 50), {"tile": 60}),
        (VOLUME, (6, 40, 50), {"tile": 60, "planes": (1, 3)}),
    ],
)
def test_the_steps_announced_are_the_steps_taken(settings, shape, options):
    image = noise(*shape)
    plan = plan_prediction(image, settings, **options)
    assert plan.steps == tiles_taken(image, settings, **options)


@pytest.mark.parametrize("scale", [0.5, Zoom(0.5, 0.5, glimpse=GLIMPSE)])
def test_the_plan_comes_with_the_first_that_is_shown(scale):
    image = noise(70, 90)
    planned = plan_prediction(image, SMALL, scale=0.5, tile=60).describe()
    steps = segment(image, model_of(SMALL), scale=scale, tile=60, **EXACT)
    assert next(steps).plan == planned


def test_it_is_said_with_x_first():
    plan = plan_prediction(image_of(3000, 2000), SMALL, tile=1024)
    assert plan.grid == (4, 3)
    assert plan.describe() == "tile 716 × 800 px, 3 × 4 tiles, about 32 MB"
    both = plan_prediction(
        image_of(5, 60, 80, size=(1, 0.5, 0.5)),
        SMALL.replaced(pixel_size_um=0.25),
        averaging="8",
    )
    assert both.shape == (120, 160)
    assert both.describe() == (
        "rescaled to 160 × 120 px (zoom 2); tile 208 × 168 px, 1 tile in each of 5 "
        "planes, 8 versions of each, about 2.0 MB"
    )


def test_less_memory_means_smaller_tiles():
    image = image_of(5000, 5000)
    large = plan_prediction(image, SMALL, memory=10**12)
    small = plan_prediction(image, SMALL, memory=large.memory // 4)
    assert small.memory <= large.memory / 4
    assert small.steps > large.steps


@given(st.floats(0.2, 7), st.integers(1, 300), st.integers(1, 300))
def test_a_zoom_stands_for_the_pixel_sizes(scale, height, width):
    settings = SMALL.replaced(pixel_size_um=0.5)
    plan = plan_prediction(image_of(height, width, size=(3, 3)), settings, scale=scale)
    assert plan.shape == (max(1, round(height * scale)), max(1, round(width * scale)))


def test_a_zoom_of_one_takes_the_image_as_it_is():
    settings = SMALL.replaced(pixel_size_um=0.5)
    image = noise(60, 80, size=(0.25, 0.25))
    plan = plan_prediction(image, settings, scale=1)
    assert not plan.is_rescaled
    _, maps = _run(segment(image, model_of(settings), scale=1, **EXACT))
    _, plain = _run(
        segment(replace(image, pixel_size_um=None), model_of(SMALL), **EXACT)
    )
    np.testing.assert_array_equal(maps.probabilities, plain.probabilities)


def test_a_zoom_does_what_pixel_sizes_do():
    image = noise(60, 80, size=(0.25, 0.25))
    settings = SMALL.replaced(pixel_size_um=0.5)
    _, by_size = _run(segment(image, model_of(settings), **EXACT))
    _, by_zoom = _run(segment(image, model_of(SMALL), scale=0.5, **EXACT))
    np.testing.assert_array_equal(by_size.probabilities, by_zoom.probabilities)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_zoom_that_is_no_factor_is_refused(scale):
    with pytest.raises(InputError, match="give a number above 0"):
        plan_prediction(image_of(10, 10), SMALL, scale=scale)


def test_a_zoom_out_of_proportion_is_refused():
    with pytest.raises(InputError, match="400 pixels of each of 'cells'"):
        plan_prediction(image_of(10, 10), SMALL, scale=20)
    settings = SMALL.replaced(pixel_size_um=0.01)
    with pytest.raises(InputError, match="Correct the pixel size"):
        plan_prediction(image_of(10, 10, size=(1, 1)), settings)


def test_a_single_plane_is_no_volume():
    with pytest.raises(InputError, match="single plane"):
        plan_prediction(image_of(10, 10), VOLUME)


def _run(steps):
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value
