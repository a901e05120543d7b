"""Tiles cover any image once, and tiling never changes a result."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.config import NetworkConfig
from napari_unet.core.device import Compute
from napari_unet.core.errors import InputError
from napari_unet.core.image import IntensityRange
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.predict import predict, predict_tile
from napari_unet.core.prediction.tiling import mirror_indices, plan_tiles, read_window

CPU = Compute(torch.device("cpu"))
KEPT = IntensityRange(-np.ones(1, np.float32), np.ones(1, np.float32))
lengths = st.integers(1, 700)
networks = st.builds(
    NetworkConfig,
    base_channels=st.just(2),
    levels=st.integers(1, 4),
    padding=st.sampled_from(["same", "valid", "reflect", "partial"]),
    upsampling=st.sampled_from(["transposed", "interpolated", "bilinear"]),
    norm=st.sampled_from(["batch", "none"]),
    block=st.sampled_from(["plain", "residual", "separable"]),
    skip=st.sampled_from(["concat", "add", "attention", "none"]),
    head=st.sampled_from(["softmax", "sigmoid"]),
)


@given(lengths, lengths, networks, st.none() | st.integers(300, 900))
def test_interiors_partition_the_image(height, width, config, tile):
    geometry = Geometry(config)
    geometries = Geometry.of_axes(config)
    counts = np.zeros((height, width), int)
    for each in plan_tiles((height, width), geometries, tile=tile):
        counts[each.interior] += 1
        for (start, stop), part in zip(each.window, each.interior, strict=True):
            assert geometry.output_size(stop - start) is not None
            assert start <= part.start - geometry.halo
            assert stop >= part.stop + geometry.halo
            assert part.start % geometry.step == 0
            if tile is not None:
                assert stop - start <= tile
    assert (counts == 1).all()


@given(st.integers(1, 9), st.integers(0, 40), st.integers(0, 40))
def test_mirror_is_a_repeated_reflection_without_the_edge(length, before, after):
    expected = np.pad(np.arange(length), (before, after), mode="reflect")
    np.testing.assert_array_equal(
        mirror_indices(-before, length + after, length), expected
    )


def predict_whole(network, image, tile=None, averaging="none"):
    out = np.full((network.config.classes, *image.shape[1:]), np.nan, np.float32)
    for part in predict(network, image, KEPT, CPU, tile=tile, averaging=averaging):
        out[(slice(None), *part.interior)] = part.probabilities
    return out


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), networks, st.integers(0, 99))
def test_the_tiled_result_equals_the_single_pass(height, width, config, seed):
    network = build_network(config, seed=seed).eval()
    image = np.random.default_rng(seed).normal(size=(1, height, width))
    geometry = network.geometry
    smallest = 2 * geometry.halo + geometry.step
    tiled = predict_whole(network, image, tile=smallest + 3 * geometry.step)
    np.testing.assert_allclose(tiled, predict_whole(network, image), atol=1e-5)


@pytest.mark.parametrize("averaging", ["4 flips", "4 rotations", "8"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_tiling_does_not_change_an_averaged_result(padding, averaging):
    config = NetworkConfig(base_channels=2, levels=2, padding=padding)
    network = build_network(config, seed=1).eval()
    image = np.random.default_rng(0).normal(size=(1, 130, 99))
    smallest = 2 * network.geometry.halo + network.geometry.step
    tiled = predict_whole(network, image, smallest + 8, averaging)
    whole = predict_whole(network, image, averaging=averaging)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    assert np.abs(whole - predict_whole(network, image)).max() > 1e-3


@pytest.mark.parametrize(
    ("averaging", "changes"),
    [
        ("4 flips", [np.flipud, np.fliplr]),
        ("4 rotations", [np.rot90]),
        ("8", [np.flipud, np.fliplr, np.rot90]),
    ],
)
def test_what_was_averaged_over_makes_no_difference_any_more(averaging, changes):
    network = build_network(NetworkConfig(base_channels=2, levels=2), seed=1).eval()
    plane = np.random.default_rng(0).normal(size=(64, 64))
    result = predict_whole(network, plane[None], averaging=averaging)
    for change in changes:
        turned = predict_whole(network, change(plane)[None].copy(), averaging=averaging)
        expected = np.stack([change(each) for each in result])
        np.testing.assert_allclose(turned, expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_stepping_by_another_length_would_not_be_exact(padding):
    """The reason for `Geometry.step`: max-pooling looks at fixed pairs of pixels."""
    network = build_network(
        NetworkConfig(base_channels=4, padding=padding), seed=0
    ).eval()
    halo = network.geometry.halo
    image = np.random.default_rng(0).normal(size=(1, 600, 600))
    size = network.geometry.size_at_least(2 * halo + 64)
    shrink = network.geometry.shrink
    ends = []
    for shift in (0, 16, 4):
        window = read_window(image, [(shift, shift + size)] * 2).astype(np.float32)
        with torch.inference_mode():
            out = network(torch.from_numpy(window)[None])[0].numpy()
        first = halo - shrink + 16 - shift  # the same pixels of the image each time
        ends.append(out[:, first : first + 8, first : first + 8])
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)
    assert np.abs(ends[0] - ends[2]).max() > 1e-3


@pytest.mark.parametrize(
    ("levels", "size", "step", "exact"),
    [(4, 204, 16, True), (4, 204, 20, False), (2, 64, 24, True), (3, 108, 16, True),
     (3, 108, 20, False)],
)  # fmt: skip
def test_valid_tiles_are_exact_where_pools_stay_aligned(levels, size, step, exact):
    """Stepping by a tile's whole output is exact with up to two levels only."""
    config = NetworkConfig(base_channels=4, levels=levels, padding="valid", norm="none")
    network = build_network(config, seed=0).eval().double()
    edge = network.geometry.size_at_least(size + step)
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, edge, edge)))
    with torch.inference_mode():
        whole = network(image)
        part = network(image[..., step : step + size, :size])
    out = part.shape[-1]
    difference = (part - whole[..., step : step + out, :out]).abs() / whole.std()
    if exact:
        assert difference.max() < 1e-13
    else:
        assert difference.mean() > 0.1
        assert difference.max() > 1


def test_the_paper_covers_512_px_by_one_tile_or_by_four_of_572():
    paper = Geometry(NetworkConfig(base_channels=64, padding="valid", norm="none"))
    assert paper.output_size(572) // paper.step * paper.step == 384
    (whole,) = plan_tiles((512, 512), [paper, paper])
    assert whole.window == ((-92, 608), (-92, 608))  # 700 px, of which 516 come out
    tiles = plan_tiles((512, 512), [paper, paper], tile=572)
    assert len(tiles) == 4
    assert all(stop - start <= 572 for tile in tiles for start, stop in tile.window)
    assert all(tile.window[0][0] % paper.step == -92 % paper.step for tile in tiles)
    # With the largest of them, two reach from 0 to 384 and on to 768.
    (first, _, second, _) = plan_tiles((768, 768), [paper, paper], tile=572)
    assert first.window[0] == (-92, 480)
    assert second.window[0] == (292, 864)


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (1, 17)])
def test_extreme_shapes_are_predicted(shape):
    network = build_network(NetworkConfig(base_channels=2)).eval()
    out = predict_whole(network, np.zeros((1, *shape)))
    assert out.shape == (2, *shape)
    np.testing.assert_allclose(out.sum(axis=0), 1, atol=1e-6)


def test_prediction_leaves_a_training_network_in_training_mode():
    network = build_network(NetworkConfig(base_channels=2)).train()
    for _ in predict(network, np.zeros((1, 20, 20)), KEPT, CPU):
        assert network.training
    assert torch.is_grad_enabled()


def test_a_tile_smaller_than_its_halo_is_refused():
    with pytest.raises(InputError, match=r"needs 96 px of context.*at least 208 px"):
        plan_tiles((50, 50), Geometry.of_axes(NetworkConfig()), tile=64)


def test_the_tile_follows_the_memory():
    cases = (((2000, 2000), 2, 2**30), ((60, 900, 900), 3, 2**32))
    for shape, dimensions, memory in cases:
        config = NetworkConfig(base_channels=64, dimensions=dimensions)
        geometries = Geometry.of_axes(config)
        few = plan_tiles(shape, geometries, memory=64 * 2**30)
        many = plan_tiles(shape, geometries, memory=memory)
        assert len(few) < len(many)
        for tile in many:
            pixels = np.prod([stop - start for start, stop in tile.window])
            assert geometries[0].forward_bytes(int(pixels)) <= memory


volumes = st.builds(
    NetworkConfig,
    dimensions=st.just(3),
    base_channels=st.just(2),
    levels=st.just(2),
    levels_z=st.integers(0, 2),
    architecture=st.sampled_from(["unet", "unet++"]),
    padding=st.sampled_from(["same", "reflect", "partial"]),
    upsampling=st.sampled_from(["transposed", "interpolated"]),
    block=st.sampled_from(["plain", "residual", "separable"]),
) | st.builds(
    NetworkConfig,
    dimensions=st.just(3),
    base_channels=st.just(2),
    levels=st.just(2),
    levels_z=st.integers(0, 2),
    padding=st.sampled_from(["same", "valid"]),
    upsampling=st.sampled_from(["transposed", "interpolated", "bilinear"]),
    skip=st.sampled_from(["add", "attention", "none"]),
)


@settings(max_examples=8, deadline=None)
@given(volumes, st.integers(1, 8), st.integers(1, 12))
def test_a_tiled_volume_equals_the_single_pass(config, depth, width):
    network = build_network(config, seed=1).eval()
    volume = np.random.default_rng(depth).normal(size=(1, depth, 10, width))
    single = predict_whole(network, volume)
    along_z, plane = network.geometries[0], network.geometry
    smallest = (along_z.step + 2 * along_z.halo, *(plane.step + 2 * plane.halo,) * 2)
    memory = plane.forward_bytes(int(np.prod(smallest)) + 1)
    tiles = plan_tiles(volume.shape[1:], network.geometries, memory=memory)
    assert len(tiles) > 1
    for tile in tiles:
        found = predict_tile(network, volume, KEPT, tile, CPU)
        expected = single[(slice(None), *tile.interior)]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(networks, st.integers(1, 6), st.integers(0, 3))
def test_what_is_spared_is_not_missed(config, steps, size):
    """Left out is only what the middle of the output does not depend on."""
    network = build_network(config, seed=1).eval()
    step, shrink = network.geometry.step, network.geometry.shrink
    spare = steps * step
    length = network.geometry.size_at_least(2 * (spare + shrink) + (size + 1) * step)
    image = torch.from_numpy(
        np.random.default_rng(size).normal(size=(1, 1) + (length,) * 2)
    )
    image = image.float()
    with torch.inference_mode():
        whole = network(image)
        middle = network(image, spare=spare)
    # Zeros at the edge of what is computed reach as far as the halo.
    inside = max(0, network.geometry.halo - shrink - spare)
    cut = slice(spare + inside, whole.shape[-1] - spare - inside)
    here = slice(inside, middle.shape[-1] - inside)
    assert middle.shape[-1] == whole.shape[-1] - 2 * spare
    np.testing.assert_allclose(
        middle[..., here, here], whole[..., cut, cut], atol=1e-5, rtol=1e-4
    )
