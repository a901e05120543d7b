"""Averages over turned versions: no seams, exact where turning is, and how sure."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.stats import entropy as scipy_entropy

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import AVERAGES, ModelSettings, NetworkConfig
from napari_unet.core.device import Compute
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, IntensityRange
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.unet import Network, build_network
from napari_unet.core.prediction.averaging import Rotation, Version, list_versions
from napari_unet.core.prediction.predict import predict
from napari_unet.core.prediction.segment import segment
from napari_unet.core.prediction.uncertainty import Average, entropy
from napari_unet.core.workflow import run

CPU = Compute(torch.device("cpu"))
KEPT = IntensityRange(-np.ones(1, np.float32), np.ones(1, np.float32))
SMALL = NetworkConfig(base_channels=2, levels=2)


class Pointwise(Network):
    """Class 1 has the grey value's sigmoid: turned with the image, nothing changes."""

    def _build(self, config):
        self.head = torch.nn.Identity()

    def forward(self, image, spare=0):
        self.check_size(image.shape[2:])
        return torch.cat([torch.zeros_like(image), image], dim=1)


def predict_whole(network, array, averaging, *, tile=None, box=None):
    steps = predict(network, array, KEPT, CPU, tile=tile, box=box, averaging=averaging)
    out = np.full((3, *array.shape[1:]), np.nan, np.float32)
    for part in steps:
        out[(slice(2), *part.interior)] = part.probabilities
        if part.disagreement is not None:
            out[(2, *part.interior)] = part.disagreement
    return out


def blobs(shape, seed=0):
    """Return noise so smooth that interpolation does it no harm, (1, Y, X)."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 4, mode="mirror")
    return (smooth / smooth.std())[None]


def test_names_stand_for_versions():
    assert [len(list_versions(name)) for name in AVERAGES] == [1, 4, 4, 8, 7]
    seventh = [version.angle for version in list_versions("7 angles")]
    np.testing.assert_allclose(seventh, np.arange(7) * 360 / 7)
    # Right angles need no interpolation.
    assert list_versions("4 angles") == list_versions("4 rotations")
    assert list_versions("8 angles")[1::2] == [
        Version(angle=angle) for angle in (45, 135, 225, 315)
    ]


@pytest.mark.parametrize("name", ["7", "seven", "1 angles", "400 angles", "", "7.5"])
def test_another_name_is_refused_with_what_there_is(name):
    with pytest.raises(InputError, match="'7 angles', or any other number of angles"):
        list_versions(name)


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(0, 360),
    st.integers(-200, 200),
    st.integers(-200, 200),
)
def test_a_window_is_what_turning_the_mirrored_plane_by_hand_gives(
    height, width, angle, top, left
):
    """Against the formula, pixel by pixel: middle + R q, mirrored, linear."""
    plane = np.random.default_rng(0).normal(size=(1, height, width))
    rotation = Rotation(angle, (height, width))
    window = ((top, top + 5), (left, left + 4))
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    q_y, q_x = np.mgrid[top : top + 5, left : left + 4]
    expected = ndimage.map_coordinates(
        plane[0],
        [cos * q_y - sin * q_x + height // 2, sin * q_y + cos * q_x + width // 2],
        order=1,
        mode="mirror",
    )
    read = rotation.read(plane, window, KEPT)
    np.testing.assert_allclose(read[0], expected, atol=1e-5)


@given(st.floats(0, 360), st.integers(1, 200), st.integers(1, 200))
def test_all_that_is_turned_back_was_predicted(angle, height, width):
    """A box of ones gives ones: nothing is read beyond it."""
    shape = (300, 400)
    rotation = Rotation(angle, shape)
    part = (slice(40, 40 + height), slice(100, 100 + width))
    box = rotation.cover(part, 16)
    assert all(each.start % 16 == 0 for each in box)
    sizes = [each.stop - each.start for each in box]
    around = np.pad(np.ones(sizes, np.float32), 9)
    wider = tuple(slice(each.start - 9, each.stop + 9) for each in box)
    back = rotation.turn_back(around[None], wider, part)
    assert back.shape == (1, height, width)
    np.testing.assert_allclose(back, 1, atol=1e-6)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("averaging", ["3 angles", "7 angles"])
def test_tiling_does_not_show_where_angles_are_averaged(padding, averaging):
    network = build_network(SMALL.replaced(padding=padding), seed=1).eval()
    image = np.random.default_rng(0).normal(size=(1, 130, 99))
    smallest = 2 * network.geometry.halo + network.geometry.step
    whole = predict_whole(network, image, averaging)
    for tile in (smallest + 8, smallest + 40):
        tiled = predict_whole(network, image, averaging, tile=tile)
        np.testing.assert_allclose(tiled, whole, atol=1e-5)
    assert np.abs(whole - predict_whole(network, image, "none"))[:2].max() > 1e-3


@settings(max_examples=10)
@given(st.integers(0, 100), st.integers(0, 70), st.integers(1, 30), st.integers(1, 29))
def test_a_part_comes_out_as_in_the_whole(top, left, height, width):
    network = build_network(SMALL, seed=1).eval()
    image = np.random.default_rng(0).normal(size=(1, 130, 99))
    box = (slice(top, top + height), slice(left, left + width))
    part = predict_whole(network, image, "3 angles", box=box)
    whole = predict_whole(network, image, "3 angles")
    inside = (slice(None), *box)
    np.testing.assert_allclose(part[inside], whole[inside], atol=1e-5)


def test_of_a_network_that_turns_with_the_image_the_average_is_the_single_prediction():
    network = Pointwise(SMALL).eval()
    rough = np.random.default_rng(0).normal(size=(1, 61, 80))
    for averaging in ("4 flips", "4 rotations", "8", "4 angles"):
        result = predict_whole(network, rough, averaging)
        single = predict_whole(network, rough, "none")
        np.testing.assert_allclose(result[:2], single[:2], atol=1e-6)
        np.testing.assert_allclose(result[2], 0, atol=1e-6)
    # Between right angles it is exact but for the interpolation, there and back.
    flat = np.full((1, 61, 80), 0.7)
    np.testing.assert_allclose(
        predict_whole(network, flat, "7 angles")[1], 1 / (1 + np.exp(-0.7)), atol=1e-6
    )
    smooth = blobs((61, 80))
    result = predict_whole(network, smooth, "7 angles")
    single = predict_whole(network, smooth, "none")
    assert np.abs(result - single)[:2].max() < 0.02
    assert result[2].max() < 1e-3


def test_angles_make_a_network_less_dependent_on_orientation():
    network = build_network(SMALL.replaced(base_channels=4), seed=1).eval()
    plane = blobs((96, 96))

    def dependence(averaging):
        """By how much the middle changes when the image is turned by 30°."""
        turned = ndimage.rotate(plane, 30, (1, 2), reshape=False, mode="mirror")
        ahead = predict_whole(network, plane, averaging)[1]
        back = predict_whole(network, turned, averaging)[1]
        back = ndimage.rotate(back, -30, reshape=False, mode="mirror", order=1)
        return np.abs(ahead - back)[24:72, 24:72].mean()

    assert dependence("12 angles") < 0.5 * dependence("none")


def test_every_version_of_every_tile_counts_as_a_step():
    network = build_network(SMALL, seed=1).eval()
    tile = 2 * network.geometry.halo + 64
    steps = list(
        predict(network, blobs((128, 64)), KEPT, CPU, tile=tile, averaging="7 angles")
    )
    assert [step.done for step in steps] == list(range(1, 15))
    assert {step.total for step in steps} == {14}
    np.testing.assert_allclose(steps[3].probabilities.sum(axis=0), 1, atol=1e-5)
    assert steps[0].disagreement.max() == pytest.approx(0, abs=1e-6)
    assert steps[6].disagreement.max() > 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (1, 17)])
def test_extreme_shapes_are_turned(shape):
    network = build_network(SMALL).eval()
    out = predict_whole(network, np.zeros((1, *shape)), "7 angles")
    np.testing.assert_allclose(out[:2].sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float16, np.uint64])
def test_grey_values_of_any_type_are_turned(dtype):
    plane = np.eye(20, dtype=dtype)[None]
    read = Rotation(30, (20, 20)).read(plane, ((-3, 3), (-3, 3)), KEPT)
    assert read.dtype == np.float32
    assert read.max() > 0.9


def test_the_entropy_is_that_of_scipy_over_that_of_a_uniform_distribution():
    rng = np.random.default_rng(0)
    for classes in (2, 3, 9):
        drawn = rng.dirichlet(np.ones(classes), (4, 5)).transpose(2, 0, 1)
        expected = scipy_entropy(drawn) / np.log(classes)
        np.testing.assert_allclose(entropy(drawn), expected, rtol=1e-5)
    # A sigmoid head's probabilities need not add up to 1.
    expected = scipy_entropy([1, 9, 9]) / np.log(3)
    assert entropy(np.array([0.1, 0.9, 0.9])) == pytest.approx(expected, abs=1e-6)
    assert entropy(np.array([1.0, 0.0])) == 0


def test_versions_disagree_where_they_are_certain_of_different_classes():
    certain, doubtful = Average(2), Average(2)
    for one in (0.0, 1.0):
        certain.add(np.array([1 - one, one], np.float32))
        doubtful.add(np.array([0.5, 0.5], np.float32))
    for average in (certain, doubtful):
        assert entropy(average.probabilities) == 1
    assert certain.disagreement == pytest.approx(1)
    assert doubtful.disagreement == pytest.approx(0, abs=1e-6)
    single = Average(1)
    single.add(np.array([0.5, 0.5]))
    assert single.disagreement is None


@given(st.integers(0, 1000), st.integers(2, 5), st.integers(2, 8))
def test_disagreement_is_the_mean_divergence_from_the_average(seed, classes, versions):
    """Mutual information, the other way round: mean Kullback-Leibler divergence."""
    drawn = np.random.default_rng(seed).dirichlet(np.ones(classes), (versions, 6))
    average = Average(versions)
    for each in drawn.transpose(0, 2, 1):
        average.add(each)
    mean = drawn.mean(axis=0)
    divergence = scipy_entropy(drawn, mean[None], axis=2).mean(axis=0) / np.log(classes)
    np.testing.assert_allclose(average.disagreement, divergence, atol=1e-5)
    assert (average.disagreement <= entropy(average.probabilities) + 1e-6).all()


def test_a_segmentation_of_another_pixel_size_or_a_stack_says_where_versions_disagree():
    settings = ModelSettings(network=SMALL, pixel_size_um=0.5)
    model = Model(build_network(SMALL, seed=1), settings)
    plane = Image(blobs((40, 50)), (0.4, 0.4))
    result = run(segment(plane, model, averaging="3 angles", precision="float32"))
    assert result.probabilities.shape == (2, 40, 50)
    assert result.disagreement.shape == (40, 50)
    assert 1e-4 < result.disagreement.max() <= 1
    whole = entropy(result.probabilities)
    assert (result.disagreement <= whole + 1e-5).all()
    assert run(segment(plane, model)).disagreement is None
    stack = Image(np.stack([plane.array[0], -plane.array[0]])[None], (1, 0.4, 0.4))
    result = run(segment(stack, model, averaging="3 angles", precision="float32"))
    assert result.disagreement.shape == (2, 40, 50)


def test_a_tile_too_small_is_refused_for_angles_too():
    network = build_network(SMALL)
    smallest = 2 * Geometry(SMALL).halo + Geometry(SMALL).step
    with pytest.raises(InputError, match="too small"):
        predict_whole(network, blobs((30, 30)), "7 angles", tile=smallest - 1)
