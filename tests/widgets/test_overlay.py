"""Values lie on the pixels they belong to, whatever the image's geometry."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_unet.widgets.layers import find_layer
from napari_unet.widgets.overlay import show_overlay

GEOMETRY = {
    "scale": (2, 0.5, 0.5),
    "translate": (1, 2, 3),
    "rotate": 30,
    "affine": np.diag([1, 2, 3, 1.0]),
    "units": ("um", "um", "um"),
}


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def stack(viewer):
    return viewer.add_layer(Image(np.zeros((5, 20, 30)), name="stack", **GEOMETRY))


BOX = (slice(6, 10), slice(7, 12))


def test_every_value_lies_on_its_pixel(viewer, stack):
    layer = show_overlay(viewer, stack, "preview", np.ones((4, 5)), plane=3, box=BOX)
    for y, x in [(0, 0), (3, 4)]:
        np.testing.assert_allclose(
            layer.data_to_world((0, y, x)), stack.data_to_world((3, 6 + y, 7 + x))
        )
    assert layer.units == stack.units


def test_the_same_layer_moves_on(viewer, stack):
    first = show_overlay(viewer, stack, "preview", np.ones((4, 5)), plane=3, box=BOX)
    second = show_overlay(viewer, stack, "preview", np.ones((20, 30)), plane=0)
    assert second is first
    assert second.data.shape == (1, 20, 30)
    np.testing.assert_allclose(
        second.data_to_world((0, 0, 0)), stack.data_to_world((0, 0, 0))
    )


def test_a_new_layer_lies_below_the_paint_and_leaves_it_active(viewer):
    image = viewer.add_layer(Image(np.zeros((8, 8)), name="cells"))
    paint = viewer.add_layer(Labels(np.zeros((8, 8), np.uint8)))
    viewer.layers.selection.active = paint

    layer = show_overlay(viewer, image, "weight map", np.zeros((8, 8)))

    assert list(viewer.layers) == [image, layer, paint]
    assert viewer.layers.selection.active is paint
    assert find_layer(viewer, image, "weight map") is layer
    assert layer.name == "cells weight map"
