"""One deformation for image, target and weights; nothing unknown is drawn."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.annotation.target import Region, make_target
from napari_unet.core.annotation.weight_map import compute_weight_map
from napari_unet.core.config import AugmentationConfig
from napari_unet.core.errors import InputError
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.augmentation import (
    Deformation,
    b_spline_basis,
    blur,
    change_gamma,
    change_grey_values,
    count_nodes,
    draw_deformation,
    measure_grey_values,
    no_deformation,
    read_patch,
    spline_basis,
)
from napari_unet.core.training.patches import PatchSampler, prepare_image

CPU = torch.device("cpu")
STILL = AugmentationConfig(
    flip=False, rotation=0, scale=0, elastic_px=0, contrast=0, brightness=0, noise=0
)


def deformed(nodes, shape=(21, 31)):
    return Deformation(np.eye(2), nodes).source(shape, CPU).numpy()


def test_no_deformation_reads_the_pixels_themselves():
    image = torch.randn(2, 21, 31)
    offsets = no_deformation().source((21, 31), CPU)
    torch.testing.assert_close(read_patch(image, (10, 15), offsets), image)


def test_the_displacement_at_a_node_is_the_drawn_one():
    nodes = np.random.default_rng(0).normal(size=(2, 3, 3)) * 10
    moved = deformed(nodes) - deformed(np.zeros((2, 3, 3)))
    np.testing.assert_allclose(moved[:, ::10, ::15], nodes, atol=1e-4)


def test_the_displacement_is_as_strong_as_in_the_paper():
    """N(0, 10 px) nodes, interpolating cubic: 10 at nodes, 7.7 over the tile (RMS)."""
    config = AugmentationConfig()
    rng = np.random.default_rng(1)
    still = deformed(np.zeros((2, 3, 3)), (65, 65))
    drawn = (draw_deformation(config, rng, (65, 65)).nodes for _ in range(900))
    # The others are only mirrored and turned, so as to stay sharp.
    elastic = [nodes for nodes in drawn if nodes.any()]
    assert 400 < len(elastic) < 500
    moved = np.stack([deformed(nodes, (65, 65)) - still for nodes in elastic])
    rms = np.sqrt((moved**2).mean(axis=(0, 1)))
    assert rms[::32, ::32].mean() == pytest.approx(10, rel=0.03)
    assert rms[16::32, 16::32].mean() == pytest.approx(6.04, rel=0.05)
    assert rms.mean() == pytest.approx(7.7, rel=0.03)


@pytest.mark.parametrize("length", [1, 50, 301])
def test_spline_weights_add_up_to_one(length):
    np.testing.assert_allclose(spline_basis(length, 3).sum(axis=1), 1, atol=1e-6)
    for spacing in (8, 33.3, 150):
        basis = b_spline_basis(length, count_nodes(length, spacing), spacing)
        np.testing.assert_allclose(basis.sum(axis=1), 1, atol=1e-6)


def test_nodes_at_a_distance_are_a_uniform_cubic_b_spline():
    """Of 10 px are left 5.0 at the nodes, 4.6 between them, 4.8 in all (RMS)."""
    config = AugmentationConfig(elastic_spacing=150, sharp=0)
    rng = np.random.default_rng(0)
    size = 601  # nodes at 0, 150, 300, 450 and 600
    deformation = draw_deformation(config, rng, (size, 301))
    assert deformation.nodes.shape == (2, 7, 5)
    basis = b_spline_basis(size, 7, 150)
    np.testing.assert_allclose(basis[300], [0, 0, 1 / 6, 4 / 6, 1 / 6, 0, 0], atol=1e-6)
    power = np.square(basis).sum(axis=1)
    left = np.sqrt(np.outer(power, power))
    assert left[150, 300] == pytest.approx(0.5, abs=1e-4)
    assert left[75, 225] == pytest.approx(0.4601, abs=1e-4)
    assert np.sqrt(np.square(left).mean()) == pytest.approx(0.479, abs=1e-3)
    shape = (121, 121)
    still = Deformation(np.eye(2), np.zeros((2, 7, 7))).source(shape, CPU)
    drawn = rng.normal(0, 10, (300, 2, 7, 7))
    moved = [
        Deformation(np.eye(2), nodes, 30).source(shape, CPU) - still for nodes in drawn
    ]
    seen = torch.stack(moved).square().mean(dim=(0, 1)).sqrt().numpy()
    assert seen[::30, ::30].mean() == pytest.approx(5.0, rel=0.05)
    assert seen[15::30, 15::30].mean() == pytest.approx(4.6, rel=0.05)
    assert seen.mean() == pytest.approx(4.8, rel=0.05)


def test_nodes_too_close_to_count_are_refused():
    with pytest.raises(ValueError, match="0 or at least 8 px"):
        AugmentationConfig(elastic_spacing=2)


@given(st.integers(0, 1000))
def test_the_same_seed_gives_the_same_deformation(seed):
    config = AugmentationConfig()
    one, two = (
        draw_deformation(config, np.random.default_rng(seed), (64, 64))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.matrix, two.matrix)
    np.testing.assert_array_equal(one.nodes, two.nodes)


def test_rotation_and_scale_stay_in_their_range():
    config = AugmentationConfig(rotation=30, scale=0.2, flip=False)
    rng = np.random.default_rng(0)
    for _ in range(100):
        matrix = draw_deformation(config, rng, (64, 64)).matrix
        size = np.sqrt(np.linalg.det(matrix))
        assert 1 / 1.2 - 1e-9 <= size <= 1.2 + 1e-9
        angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        assert abs(angle) <= 30 + 1e-9


def test_labels_stay_labels_and_constants_stay_constant():
    rng = np.random.default_rng(0)
    truth = torch.from_numpy(rng.choice([0.0, 3.0, 7.0], (1, 40, 40))).float()
    flat = torch.full((1, 40, 40), 5.0)
    for _ in range(5):
        deformation = draw_deformation(AugmentationConfig(), rng, (48, 48))
        offsets = deformation.source((48, 48), CPU)
        drawn = read_patch(truth, (20, 20), offsets, nearest=True)
        assert set(drawn.unique().tolist()) <= {0.0, 3.0, 7.0}
        torch.testing.assert_close(
            read_patch(flat, (3, 39), offsets), torch.full((1, 48, 48), 5.0)
        )


def test_image_and_target_are_deformed_alike():
    """An image that is its own target still is after deformation."""
    y, x = np.mgrid[:96, :96]
    blob = ((y - 50) ** 2 + (x - 40) ** 2 < 400).astype(int)
    target = make_target(blob)
    image = prepare_image(
        blob[None].astype(np.float32), target, np.ones((96, 96), np.float32), CPU
    )
    quiet = AugmentationConfig(contrast=0, brightness=0, noise=0)
    sampler = PatchSampler(
        [image],
        size=(64, 64),
        output_size=(40, 40),
        batch_size=4,
        augmentation=quiet,
    )
    batch = sampler.draw(0)
    inner = batch.image[:, 0, 12:-12, 12:-12]
    sure = (inner < 0.01) | (inner > 0.99)
    assert sure.float().mean() > 0.8
    np.testing.assert_array_equal((inner > 0.5)[sure], batch.classes[sure] == 1)


def test_beyond_the_edge_the_image_is_mirrored():
    image = torch.arange(5.0)[None, None, :].expand(1, 3, 5).contiguous()
    offsets = no_deformation().source((3, 13), CPU)
    row = read_patch(image, (1, 2), offsets)[0, 0]
    expected = np.pad(np.arange(5.0), 4, mode="reflect")
    np.testing.assert_allclose(row, expected, atol=1e-5)


def test_grey_values_change_but_not_their_shape():
    patch = torch.randn(3, 16, 16)
    statistics = measure_grey_values(patch.numpy(), CPU)

    def change(config):
        return change_grey_values(patch, statistics, config, np.random.default_rng(0))

    changed = change(AugmentationConfig())
    assert changed.shape == patch.shape
    assert not torch.equal(changed, patch)
    torch.testing.assert_close(change(STILL), patch)


def test_noise_and_brightness_follow_the_image_they_are_for():
    noisy = np.random.default_rng(0).normal(0, 0.2, (1, 64, 64)).astype(np.float32)
    faint = noisy / 10
    config = STILL.replaced(noise=2, brightness=1)
    changes = [
        change_grey_values(
            torch.from_numpy(grey),
            measure_grey_values(grey, CPU),
            config,
            np.random.default_rng(3),
        )
        - torch.from_numpy(grey)
        for grey in (noisy, faint)
    ]
    torch.testing.assert_close(changes[0], changes[1] * 10)


def test_shear_keeps_areas():
    config = STILL.replaced(shear=30)
    rng = np.random.default_rng(0)
    matrices = [draw_deformation(config, rng, (64, 64)).matrix for _ in range(40)]
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    shears = np.degrees(np.arctan([matrix[0, 1] for matrix in matrices]))
    assert 15 < np.abs(shears).max() <= 30


def test_gamma_keeps_black_and_white():
    patch = torch.linspace(-1, 1, 9)[None, None]
    changed = change_gamma(patch, 0.5)
    torch.testing.assert_close(changed[..., [0, -1]], patch[..., [0, -1]])
    assert (changed[..., 1:-1] < patch[..., 1:-1]).all()
    torch.testing.assert_close(change_gamma(changed, -0.5), patch)


@pytest.mark.parametrize("sigma", [0.8, 2.5, 50])
def test_blur_is_a_gaussian_with_mirrored_edges(sigma):
    patch = torch.randn(2, 24, 31)
    blurred = blur(patch, sigma)
    assert blurred.shape == patch.shape
    if sigma < 5:
        radius = int(np.ceil(3 * sigma))
        expected = ndimage.gaussian_filter(
            patch.numpy(), (0, sigma, sigma), mode="mirror", radius=(0, radius, radius)
        )
        np.testing.assert_allclose(blurred, expected, atol=1e-5)
    flat = torch.full((1, 8, 9), 3.0)
    torch.testing.assert_close(blur(flat, sigma), flat)


@pytest.mark.parametrize("level", [0.05, 0.3])
def test_noise_is_measured_beside_smooth_objects_and_edges(level):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:200, :200]
    grey = np.sin(y / 20) + (x > 90)
    noisy = (grey + rng.normal(0, level, grey.shape))[None].astype(np.float32)
    noise = measure_grey_values(noisy, CPU).noise
    assert noise.shape == (1, 1, 1)
    assert float(noise) == pytest.approx(level, rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 2, 30), (1, 20, 20)])
def test_an_image_without_noise_gets_a_little(shape):
    statistics = measure_grey_values(np.zeros(shape, np.float32), CPU)
    np.testing.assert_allclose(statistics.noise, 0.01)
    np.testing.assert_allclose(statistics.spread, 0)


def test_noise_never_drowns_what_there_is_to_see():
    """Texture is measured as noise; added noise stays below the contrast."""
    texture = np.random.default_rng(0).normal(0, 0.3, (1, 200, 200)).astype(np.float32)
    statistics = measure_grey_values(texture, CPU)
    config = STILL.replaced(noise=8)
    added = [
        change_grey_values(
            torch.zeros(1, 64, 64), statistics, config, np.random.default_rng(seed)
        ).std()
        for seed in range(30)
    ]
    assert 0.2 < max(added) < 1.05 * float(statistics.spread)


def sampler_of(labels, regions=(), augmentation=None, **options):
    target = make_target(labels, regions=regions)
    weights = compute_weight_map(target)
    grey = np.zeros((1, *labels.shape), np.float32)
    image = prepare_image(grey, target, weights, CPU)
    settings = {"size": (32, 32), "output_size": (32, 32), "batch_size": 4} | options
    return PatchSampler(
        [image], augmentation=augmentation or AugmentationConfig(), **settings
    )


def test_a_patch_with_nothing_known_is_never_drawn():
    labels = np.zeros((300, 300), int)
    labels[5:9, 290:295] = 1
    sampler = sampler_of(labels, regions=[Region((2, 286), (12, 298))])
    for i in range(40):
        known = (sampler.draw(i).weights > 0).flatten(1)
        assert known.any(dim=1).all()


def test_rare_objects_are_drawn_often():
    labels = np.zeros((400, 400), int)
    labels[200:206, 100:106] = 1
    sampler = sampler_of(labels)
    seen = [(sampler.draw(i).classes > 0).flatten(1).any(dim=1) for i in range(20)]
    assert torch.cat(seen).float().mean() > 0.3


def test_batch_number_i_is_always_the_same():
    labels = np.zeros((60, 60), int)
    labels[20:40, 20:40] = 1
    one, two = sampler_of(labels, seed=4), sampler_of(labels, seed=4)
    one.draw(0)
    torch.testing.assert_close(one.draw(7).image, two.draw(7).image, rtol=0, atol=0)
    assert not torch.equal(one.draw(8).image, one.draw(7).image)


def test_the_target_is_the_middle_of_the_patch_where_the_network_shrinks():
    labels = np.arange(100 * 100).reshape(100, 100) % 2
    batch = sampler_of(
        labels, size=(52, 52), output_size=(20, 20), augmentation=STILL
    ).draw(0)
    assert batch.image.shape[2:] == (52, 52)
    assert batch.classes.shape[1:] == batch.weights.shape[1:] == (20, 20)


def test_a_shift_moves_patches_by_whole_pixels_within_its_limit():
    """Of an image whose grey values say where they are."""
    y, x = np.mgrid[:300, :300]
    labels = np.zeros((300, 300), int)
    labels[150, 150] = 1
    target = make_target(labels, regions=[Region((150, 150), (151, 151))])
    weights = target.known.astype(np.float32)
    image = prepare_image(np.stack([y, x]).astype(np.float32), target, weights, CPU)
    config = STILL.replaced(shift=6, sharp=1)
    sampler = PatchSampler(
        [image],
        size=(33, 33),
        output_size=(33, 33),
        batch_size=200,
        augmentation=config,
    )
    middles = sampler.draw(0).image[:, :, 16, 16].numpy() - 150
    assert np.unique(np.round(middles, 3)).tolist() == list(range(-6, 7))
    assert np.abs(np.corrcoef(middles.T)[0, 1]) < 0.3


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_draws_patches_of_its_own(name):
    labels = np.zeros((90, 110), int)
    labels[20:40, 20:40] = 1
    augmentation = PRESETS[name].training.augmentation
    sampler = sampler_of(
        labels, augmentation=augmentation, size=(188, 188), output_size=(4, 4)
    )
    one, two = sampler.draw(0), sampler.draw(1)
    assert torch.isfinite(one.image).all()
    assert one.image.shape == (4, 1, 188, 188)
    assert set(one.classes.unique().tolist()) <= {0, 1}
    same_truth = torch.equal(one.classes, two.classes)
    assert not (same_truth and torch.equal(one.image, two.image))


def test_the_default_patches_stay_the_same():
    """A training is to be repeated by later versions of the program."""
    y, x = np.mgrid[:200, :220]
    cells = (y // 20 + x // 20) % 3 == 0
    target = make_target(np.where(cells, 1 + y // 20 * 20 + x // 20, 0))
    grey = (np.sin(y / 9) * np.cos(x / 7))[None].astype(np.float32)
    image = prepare_image(grey, target, compute_weight_map(target), CPU)
    augmentation = PRESETS["fast"].training.augmentation
    sampler = PatchSampler(
        [image],
        size=(64, 64),
        output_size=(64, 64),
        batch_size=4,
        augmentation=augmentation,
        seed=3,
    )
    for number, expected in enumerate(
        [(776.277, 0.1525, 5080), (332.897, 1.0128, 5564), (318.455, 0.1837, 5534)]
    ):
        batch = sampler.draw(number)
        assert float(batch.image.sum()) == pytest.approx(expected[0], abs=0.1)
        assert float(batch.image[1, 0, 20, 30]) == pytest.approx(expected[1], abs=1e-3)
        assert int(batch.classes.sum()) == pytest.approx(expected[2], abs=3)


@pytest.mark.parametrize("edge", [32, 33])
def test_patches_that_are_only_turned_keep_every_pixel(edge):
    """Nothing is interpolated: all grey values of a patch are those of the image."""
    rng = np.random.default_rng(0)
    grey = rng.permutation(120 * 100).reshape(1, 120, 100).astype(np.float32)
    target = make_target(np.ones((120, 100), int))
    image = prepare_image(grey, target, np.ones((120, 100), np.float32), CPU)
    still = STILL.replaced(flip=True, rotation=180, sharp=1)
    batch = PatchSampler(
        [image],
        size=(edge, edge),
        output_size=(edge, edge),
        batch_size=20,
        augmentation=still,
    ).draw(0)
    values = batch.image.numpy()
    np.testing.assert_allclose(values, values.round(), atol=0.2)


def test_an_image_smaller_than_the_patch_is_mirrored():
    labels = np.zeros((7, 9), int)
    labels[2:5, 2:5] = 1
    batch = sampler_of(labels).draw(0)
    assert batch.classes.shape == (4, 32, 32)


def test_nothing_known_at_all_is_refused():
    with pytest.raises(InputError, match="Nothing is annotated"):
        sampler_of(np.zeros((30, 30), int), regions=[Region((40, 40), (50, 50))])
