"""What keeps a graphics card busy leaves the order of the tiles as it is."""

import pytest

from napari_unet.core.config import NetworkConfig
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.prediction.tiling import largest_interior, plan_tiles
from napari_unet.core.prediction.transfers import one_ahead


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_steps_come_in_their_order(count):
    assert list(one_ahead(iter(range(count)))) == list(range(count))


def test_a_step_comes_once_the_next_has_begun():
    begun = []

    def steps():
        for number in range(3):
            begun.append(number)
            yield number

    seen = [(step, list(begun)) for step in one_ahead(steps())]
    assert seen == [(0, [0, 1]), (1, [0, 1, 2]), (2, [0, 1, 2])]


def test_a_graphics_card_gets_larger_tiles_as_far_as_its_memory_goes():
    geometries = Geometry.of_axes(NetworkConfig())
    largest = largest_interior("cuda")
    assert largest > largest_interior("cpu") == largest_interior("mps")
    assert len(plan_tiles((4096, 4096), geometries, largest=largest)) == 1
    assert len(plan_tiles((4096, 4096), geometries)) == 16
    few = plan_tiles((4096, 4096), geometries, largest=largest, memory=4 * 10**9)
    assert 1 < len(few) < 16
