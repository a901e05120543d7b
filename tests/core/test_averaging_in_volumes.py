"""Averages over versions of a volume: mirrored and turned in the plane, about Z."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.device import Compute
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, IntensityRange
from napari_unet.core.network.unet import Network, build_network
from napari_unet.core.prediction.averaging import Rotation
from napari_unet.core.prediction.predict import predict
from napari_unet.core.prediction.segment import segment
from napari_unet.core.workflow import run

CPU = Compute(torch.device("cpu"))
KEPT = IntensityRange(-np.ones(1, np.float32), np.ones(1, np.float32))
SMALL = NetworkConfig(base_channels=2, levels=2, levels_z=1, dimensions=3)
SHAPE = (7, 48, 36)


class Pointwise(Network):
    """Class 1 has the grey value's sigmoid: turned with the image, nothing changes."""

    def _build(self, config):
        self.head = torch.nn.Identity()

    def forward(self, image, spare=0):
        self.check_size(image.shape[2:])
        return torch.cat([torch.zeros_like(image), image], dim=1)


def predict_whole(network, array, averaging, *, tile=None, box=None):
    """Return both classes' probabilities and the disagreement, (3, Z, Y, X)."""
    steps = predict(network, array, KEPT, CPU, tile=tile, box=box, averaging=averaging)
    out = np.full((3, *array.shape[1:]), np.nan, np.float32)
    for part in steps:
        out[(slice(2), *part.interior)] = part.probabilities
        if part.disagreement is not None:
            out[(2, *part.interior)] = part.disagreement
    return out


def noise(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(size=(1, *shape)).astype(np.float32)


IN_PLANE = {
    "4 flips": [(turns, flipped) for turns in (0, 2) for flipped in (False, True)],
    "4 rotations": [(turns, False) for turns in range(4)],
    "8": [(turns, flipped) for turns in range(4) for flipped in (False, True)],
}


@pytest.mark.parametrize("averaging", IN_PLANE)
def test_the_average_is_the_mean_of_volumes_mirrored_and_turned_by_hand(averaging):
    network = build_network(SMALL, seed=1).eval()
    # Of whole pooling pairs, so that each version pools the same pixels.
    image = noise((8, 32, 32))
    single = []
    for turns, flipped in IN_PLANE[averaging]:
        seen = np.rot90(image[..., ::-1] if flipped else image, turns, (-2, -1))
        found = predict_whole(network, np.ascontiguousarray(seen), "none")[:2]
        back = np.rot90(found, -turns, (-2, -1))
        single.append(back[..., ::-1] if flipped else back)
    result = predict_whole(network, image, averaging)
    np.testing.assert_allclose(result[:2], np.mean(single, axis=0), atol=1e-5)
    assert np.abs(np.mean(single, axis=0) - single[0]).max() > 1e-3


@pytest.mark.parametrize("averaging", [*IN_PLANE, "4 angles"])
def test_of_a_network_that_turns_with_the_volume_nothing_changes(averaging):
    network = Pointwise(SMALL).eval()
    result = predict_whole(network, noise(), averaging)
    single = predict_whole(network, noise(), "none")
    np.testing.assert_allclose(result[:2], single[:2], atol=1e-6)
    np.testing.assert_allclose(result[2], 0, atol=1e-6)


def test_between_right_angles_only_interpolation_changes_something():
    network = Pointwise(SMALL).eval()
    smooth = ndimage.gaussian_filter(noise((5, 61, 80)), (0, 0, 4, 4), mode="mirror")
    smooth /= smooth.std()
    result = predict_whole(network, smooth, "7 angles")
    single = predict_whole(network, smooth, "none")
    assert np.abs(result - single)[:2].max() < 0.02
    # Planes stay apart: they are turned, not mixed.
    alone = noise((5, 40, 40)) * 0
    alone[:, 2] = 1
    planes = predict_whole(network, alone, "7 angles")[1].mean(axis=(1, 2))
    np.testing.assert_allclose(planes, [0.5, 0.5, 1 / (1 + np.exp(-1)), 0.5, 0.5])


@given(
    st.floats(0, 360), st.integers(-9, 9), st.integers(-60, 60), st.integers(-60, 60)
)
def test_a_window_of_a_volume_is_that_of_each_of_its_planes(angle, first, top, left):
    volume = noise((4, 13, 17))
    window = ((first, first + 3), (top, top + 5), (left, left + 4))
    read = Rotation(angle, volume.shape[1:]).read(volume, window, KEPT)
    assert read.shape == (1, 3, 5, 4)
    mirrored = np.pad(volume[0], ((24, 24), (0, 0), (0, 0)), mode="reflect")
    for place, plane in enumerate(read[0]):
        alone = mirrored[24 + first + place][None]
        expected = Rotation(angle, (13, 17)).read(alone, window[1:], KEPT)
        np.testing.assert_allclose(plane, expected[0], atol=1e-6)


@settings(max_examples=3, deadline=None)
@given(
    st.integers(0, 4),
    st.integers(0, 20),
    st.integers(0, 15),
    st.sampled_from(["same", "valid"]),
)
def test_neither_tiling_nor_parts_show(first, top, left, padding):
    network = build_network(SMALL.replaced(padding=padding), seed=1).eval()
    whole = predict_whole(network, noise(), "3 angles")
    smallest = 2 * network.geometry.halo + network.geometry.step
    tiled = predict_whole(network, noise(), "3 angles", tile=smallest + 24)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    box = (slice(first, first + 3), slice(top, top + 19), slice(left, left + 9))
    part = predict_whole(network, noise(), "3 angles", box=box)
    inside = (slice(None), *box)
    np.testing.assert_allclose(part[inside], whole[inside], atol=1e-5)
    single = predict_whole(network, noise(), "none")
    assert np.abs(whole - single)[:2].max() > 1e-3


@pytest.mark.parametrize("shape", [SHAPE, (48, 36)])
def test_pixels_that_are_no_squares_are_not_turned_by_angles(shape):
    config = SMALL if len(shape) == 3 else SMALL.replaced(dimensions=2, levels_z=0)
    model = Model(build_network(config, seed=1), ModelSettings(network=config))
    oblong = Image(noise(shape), (1.0, 0.5, 0.25)[-len(shape) :], "scan")
    with pytest.raises(InputError, match=r"'scan' has pixels of 0.5 × 0.25 µm"):
        run(segment(oblong, model, averaging="7 angles"))
    run(segment(oblong, model, averaging="4 flips"))
    # The distance of planes does not matter, nor does an unknown size.
    for size in ((2.0, 0.25, 0.25), None):
        image = Image(noise(shape), size and size[-len(shape) :])
        run(segment(image, model, averaging="3 angles"))
    # A model that knows its pixel size makes squares of them.
    known = ModelSettings(network=config, pixel_size_um=0.5, pixel_size_z_um=1.0)
    result = run(segment(oblong, Model(model.network, known), averaging="3 angles"))
    assert result.probabilities.shape == (2, *shape)
