"""Sizes of patches, sets of random changes, spatial dropout, threads, own functions."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet.core.annotation.target import Example
from napari_unet.core.config import (
    AUGMENTATIONS,
    THREADS_VARIABLE,
    AugmentationConfig,
    ModelSettings,
    NetworkConfig,
    TrainConfig,
)
from napari_unet.core.device import choose_compute
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, measure_intensity
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.unet import build_network
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.patch_shape import (
    describe_patch,
    fit_patch,
    output_shape,
)
from napari_unet.core.workflow import draw_patches, fine_tune, run

SMALL = ModelSettings(network=NetworkConfig(base_channels=4, levels=2))
QUICK = TrainConfig(seconds=None, iterations=3, patch_size=32, batch_size=2)


def squares():
    labels = np.zeros((64, 80), np.int32)
    for number in range(12):
        y, x = divmod(number, 4)
        labels[4 + 20 * y : 14 + 20 * y, 4 + 20 * x : 14 + 20 * x] = number + 1
    noise = np.random.default_rng(0).normal(0, 40, labels.shape)
    grey = (labels > 0) * 800 + 300 + noise
    return Example(Image(grey[None].astype(np.uint16), name="squares"), labels)


@pytest.mark.parametrize(
    ("asked", "shapes", "said"),
    [
        (571, [], "572 × 572 → 388 × 388 px"),  # the paper's
        (572, [(2000, 100)], "572 × 572 → 388 × 388 px"),
        (573, [], "588 × 588 → 404 × 404 px"),
        (572, [(100, 96), (60, 60)], "284 × 284 → 100 × 100 px"),
    ],
)
def test_patches_are_the_next_larger_that_fit(asked, shapes, said):
    geometries = Geometry.of_axes(PRESETS["paper-2015"].network)
    size = fit_patch(QUICK.replaced(patch_size=asked), geometries, shapes)
    assert describe_patch(size, output_shape(size, geometries)) == said


def test_the_sizes_of_a_volume_are_named_along_each_axis():
    geometries = Geometry.of_axes(PRESETS["fast-3d"].network)
    config = QUICK.replaced(patch_size=62, patch_depth=9)
    size = fit_patch(config, geometries)
    assert describe_patch(size, size) == "12 × 64 × 64 px"


def test_what_is_said_is_what_is_drawn(tmp_path):
    network = NetworkConfig(base_channels=2, levels=2, padding="valid")
    settings = ModelSettings(network=network)
    options = {"config": QUICK.replaced(patch_size=61), "settings": settings}
    batch = draw_patches([squares()], **options)
    steps = fine_tune([squares()], tmp_path / "m", device="cpu", **options)
    [said] = [progress.patch for progress in steps if progress.patch]
    shapes = [tuple(t.shape[-2:]) for t in (batch.image, batch.weights)]
    assert said == describe_patch(*shapes)


def test_none_changes_nothing_but_the_place():
    config = QUICK.replaced(augmentation=AUGMENTATIONS["none"].model_dump())
    example = squares()
    image = draw_patches([example], config=config, settings=SMALL, count=4).image
    grey = example.image.array
    known = np.unique(measure_intensity(example.image, "percentile").apply(grey))
    drawn = image.numpy().ravel()
    nearest = np.abs(known - drawn[:, None]).min(axis=1)
    assert nearest.max() < 1e-4  # one grey value is 20 times as much


def test_sets_grow_from_none_to_strong_and_the_standard_is_the_default():
    assert AUGMENTATIONS["standard"] == AugmentationConfig()
    assert PRESETS["paper-2015"].training.augmentation == AUGMENTATIONS["paper"]
    names = ("none", "light", "standard", "strong")
    for field in ("scale", "elastic_px", "contrast", "brightness", "noise"):
        strength = [getattr(AUGMENTATIONS[name], field) for name in names]
        assert strength == sorted(strength), field


@pytest.mark.parametrize("dimensions", [2, 3])
def test_spatial_dropout_drops_whole_maps(dimensions):
    config = NetworkConfig(
        base_channels=4, levels=1, levels_z=1, dimensions=dimensions, dropout=0.5,
        dropout_kind="maps",
    )  # fmt: skip
    kinds = (nn.Dropout, nn.Dropout2d, nn.Dropout3d)
    layers = [m for m in build_network(config).modules() if isinstance(m, kinds)]
    assert len(layers) == 2
    shape = (8, 8, 8)[:dimensions]
    dropped = layers[0].train()(torch.ones(1, 64, *shape)).flatten(2)
    assert set(dropped.unique().tolist()) == {0, 2}
    assert (dropped == dropped[..., :1]).all()
    plain = build_network(config.replaced(dropout_kind="values"))
    [first, _] = [m for m in plain.modules() if isinstance(m, kinds)]
    dropped = first.train()(torch.ones(1, 64, *shape)).flatten(2)
    assert not (dropped == dropped[..., :1]).all()


def test_threads_are_those_of_the_environment(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv(THREADS_VARIABLE, "3")
        assert "3 threads" in choose_compute("cpu", "float32").describe()
        monkeypatch.setenv(THREADS_VARIABLE, "none")
        with pytest.raises(InputError, match="NAPARI_UNET_THREADS is 'none'"):
            choose_compute("cpu", "float32")
    finally:
        torch.set_num_threads(before)


def test_a_function_of_ones_own_changes_the_patches_repeatably(tmp_path):
    seen = []

    def stripe(patch, rng):
        seen.append(patch.copy())
        patch[:, :, rng.integers(patch.shape[2])] = 7
        return patch

    options = {"config": QUICK, "settings": SMALL}
    one = draw_patches([squares()], change_patch=stripe, **options)
    two = draw_patches([squares()], change_patch=stripe, **options)
    plain = draw_patches([squares()], **options)
    assert torch.equal(one.image, two.image)
    assert torch.equal(one.weights[0], plain.weights[0])
    changed = one.image[0] != plain.image[0]
    assert changed.any(dim=(0, 1)).sum() == 1  # one column
    assert (one.image[0][changed] == 7).all()
    assert seen[0].shape == (1, 32, 32)

    count = len(seen)
    run(fine_tune([squares()], tmp_path / "m", change_patch=stripe, device="cpu",
                  **options))  # fmt: skip
    assert len(seen) == count + QUICK.iterations * QUICK.batch_size


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda patch, rng: patch[..., 1:], "shape (1, 32, 31) for a patch of the"),
        (lambda patch, rng: patch * np.nan, "not finite"),
        (lambda patch, rng: None, "object numbers"),
    ],
)
def test_what_a_function_of_ones_own_returns_is_checked(change, said):
    with pytest.raises(InputError) as error:
        draw_patches([squares()], config=QUICK, settings=SMALL, change_patch=change)
    assert said in str(error.value)
