"""Tiles that do not fit: cut smaller where they were, with the same result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scarce import scarce

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.errors import MemoryShortageError
from napari_unet.core.image import Image, resample
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.labels import make_labels
from napari_unet.core.prediction.rescaled import Rescaled
from napari_unet.core.prediction.segment import segment
from napari_unet.core.prediction.tiling import halve_tile, plan_tiles

EXACT = {"device": "cpu", "precision": "float32"}
PLANE = NetworkConfig(base_channels=2, levels=2)
VOLUME = NetworkConfig(base_channels=2, levels=1, levels_z=1, dimensions=3)


def model_of(network):
    return Model(build_network(network, seed=0).eval(), ModelSettings(network=network))


def noise(*shape):
    grey = np.random.default_rng(0).normal(100, 20, (1, *shape))
    return Image(grey.astype(np.float32))


def finish(steps):
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def shares(tiles):
    """Return how often each pixel is an interior's."""
    counts = np.zeros([max(t.interior[a].stop for t in tiles) for a in (0, 1)], int)
    for tile in tiles:
        counts[tile.interior] += 1
    return counts


@pytest.mark.parametrize(
    ("padding", "averaging"),
    [("same", "none"), ("valid", "none"), ("same", "4 flips"), ("same", "3 angles")],
)
def test_a_tile_that_does_not_fit_comes_in_smaller_ones(padding, averaging):
    model, image = model_of(PLANE.replaced(padding=padding)), noise(100, 131)
    options = EXACT | {"tile": 128, "averaging": averaging}
    plain, whole = finish(segment(image, model, **options))
    with scarce(2 * 75 * 75) as device:
        seen, result = finish(segment(image, model, **options))
    assert device.refused
    np.testing.assert_allclose(result.probabilities, whole.probabilities, atol=1e-5)
    assert len(seen) > len(plain)
    assert seen[-1].done == seen[-1].total
    said = next(progress.news for progress in seen if progress.news)
    assert said.startswith("This computer has too little free memory for tiles of ")
    assert "went on with tiles of " in said


def test_tiles_written_before_memory_ran_out_stay():
    model, image = model_of(PLANE), noise(96, 200)
    steps = segment(image, model, tile=112, **EXACT)
    first = next(steps)
    with scarce(2 * 75 * 75):
        rest, result = finish(steps)
    assert rest[0].done == first.done + 1
    covered = np.zeros(image.shape, int)
    for progress in (first, *rest):
        covered[progress.box] += 1
    assert (covered == 1).all()
    _, whole = finish(segment(image, model, **EXACT))
    np.testing.assert_allclose(result.probabilities, whole.probabilities, atol=1e-5)


def test_what_one_plane_has_taught_holds_for_the_next():
    model, image = model_of(PLANE), noise(3, 120, 120)
    with scarce(2 * 75 * 75) as device:
        seen, _ = finish(segment(image, model, **EXACT))
    assert device.refused
    assert not any(progress.news for progress in seen if progress.plane)


def test_volumes_are_cut_smaller_too():
    model, image = model_of(VOLUME), noise(20, 40, 50)
    _, whole = finish(segment(image, model, **EXACT))
    with scarce(2 * 40 * 50 * 34) as device:
        _, result = finish(segment(image, model, **EXACT))
    assert device.refused
    np.testing.assert_allclose(result.probabilities, whole.probabilities, atol=1e-5)


def test_where_not_even_the_smallest_tile_fits_it_is_said():
    model = model_of(NetworkConfig(base_channels=8, levels=2))
    with scarce(0), pytest.raises(MemoryShortageError) as told:
        finish(segment(noise(200, 200), model, **EXACT))
    assert "even the smallest tiles" in str(told.value)


def test_other_errors_of_a_tile_are_not_memory():
    model = model_of(PLANE)
    model.network.head.register_forward_hook(_break)
    with pytest.raises(RuntimeError, match="a bug"):
        finish(segment(noise(100, 100), model, **EXACT))


def _break(*_args):
    raise RuntimeError("a bug")


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from(["same", "valid"]),
    st.integers(0, 40),
)
def test_halves_share_out_a_tile(height, width, padding, start):
    geometries = Geometry.of_axes(PLANE.replaced(padding=padding))
    box = slice(start, start + height), slice(0, width)
    for tile in plan_tiles((400, 400), geometries, box=box):
        halves = halve_tile(tile, geometries)
        counts = shares(halves)
        assert (counts[tile.interior] == 1).all()
        assert counts.sum() == counts[tile.interior].size
        if len(halves) > 1:
            assert max(half.pixels for half in halves) < tile.pixels


def test_background_alone_is_enough_for_objects():
    model, image = model_of(PLANE), noise(60, 70)
    _, both = finish(segment(image, model, **EXACT))
    _, one = finish(segment(image, model, background_only=True, **EXACT))
    np.testing.assert_array_equal(one.probabilities, both.probabilities[:1])
    np.testing.assert_array_equal(
        make_labels(one, model.settings), make_labels(both, model.settings)
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_part_of_a_rescaled_image_is_that_of_all_of_it(data):
    lengths = st.integers(1, 40)
    old = data.draw(st.tuples(lengths, lengths))
    new = data.draw(st.tuples(lengths, lengths))
    array = np.random.default_rng(0).integers(0, 60_000, (2, *old)).astype(np.uint16)
    box = []
    for length in new:
        first = data.draw(st.integers(0, length - 1))
        box.append(slice(first, data.draw(st.integers(first + 1, length))))
    whole = resample(array, new)[(slice(None), *box)]
    np.testing.assert_allclose(Rescaled(array, new).part(box), whole, rtol=1e-5)


def test_an_image_that_shrinks_much_is_a_mean_of_all_its_pixels():
    array = np.random.default_rng(0).integers(0, 60_000, (1, 2000, 2200))
    array = array.astype(np.uint16)
    box = (slice(0, 100), slice(0, 110))
    part = Rescaled(array, (100, 110)).part(box)
    np.testing.assert_allclose(part, resample(array, (100, 110)), rtol=1e-5)
    assert part.std() < array.std() / 10
