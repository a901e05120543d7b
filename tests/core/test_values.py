"""Learning another image: loss, patches, scores, tiles, and a whole small training."""

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.annotation.value_findings import (
    find_target_faults,
    look_like_labels,
)
from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model, load_model
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.value_scores import (
    ValueScores,
    compare_images,
    score_values,
)
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network, parameter_count
from napari_unet.core.prediction.values import restore_values
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.class_change import change_classes
from napari_unet.core.training.held_back import split_validation
from napari_unet.core.training.loss import compute_loss
from napari_unet.core.training.patches import Batch
from napari_unet.core.training.preparation import make_sampler
from napari_unet.core.training.values import complete_values
from napari_unet.core.workflow import fine_tune, make_labels, pair_images, segment

EXACT = {"device": "cpu", "precision": "float32"}
REGRESSION = NetworkConfig(head="regression", base_channels=4, levels=2)
SETTINGS = ModelSettings(network=REGRESSION, annotation="values")
QUICK = PRESETS["denoise"].training.replaced(
    seconds=None, iterations=4, patch_size=32, validations=2
)


def blobs(seed=0, shape=(72, 90), noise=0.0, high=1000.0):
    """A smooth image in the grey values of a camera."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = np.sin(y / 7 + seed) * np.cos(x / 9)
    grey = high * (1.5 + waves) + rng.normal(0, noise, shape)
    return Image(grey[None].astype(np.float32), None, f"blobs{seed}")


def drive(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_the_papers_network_with_a_regression_head_has_one_output_less():
    paper = PRESETS["paper-2015"].network
    regression = paper.replaced(head="regression")
    two, one = (parameter_count(build_network(c)) for c in (paper, regression))
    assert two == 31_030_658
    assert one == two - 65  # 64 weights and a bias
    three = parameter_count(build_network(regression.replaced(target_channels=3)))
    assert three == two + 65


def test_without_skip_connections_it_is_an_auto_encoder():
    """All that comes out has come through the deepest level."""
    network = build_network(REGRESSION.replaced(skip="none"), seed=0).eval()
    image = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        bottleneck = network.contracting[2]
        network.contracting[2] = _Zero(16)
        silent = network(image), network(image + 1)
        network.contracting[2] = bottleneck
        assert not torch.equal(network(image), network(image + 1))
    assert torch.equal(*silent)


class _Zero(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        return x.new_zeros(len(x), self.channels, *x.shape[2:])


@pytest.mark.parametrize(("loss", "expected"), [("mse", 2.0), ("l1", 4 / 3)])
def test_the_error_of_values_by_hand(loss, expected):
    predicted = torch.tensor([[[[1.0, 5.0, 100.0, 2.0]]]])
    batch = Batch(
        image=torch.zeros(1, 1, 1, 4),
        classes=torch.zeros(1, 1, 4, dtype=torch.long),
        weights=torch.tensor([[[1.0, 1.0, 0.0, 1.0]]]),
        values=torch.tensor([[[[3.0, 4.0, 0.0, 1.0]]]]),
    )
    network = build_network(REGRESSION)
    config = TrainConfig(loss=loss)
    value = compute_loss(network, predicted, batch, config)
    assert value.item() == pytest.approx(expected)


def test_psnr_by_hand_and_summed_over_images():
    true = np.array([[[0.0, 10.0]], [[20.0, 100.0]]])
    scores = score_values(true + 5, true)
    assert (scores.mse, scores.mae) == (25, 5)
    assert scores.psnr == pytest.approx(10 * np.log10(100**2 / 25))
    more = scores + score_values(true, true, np.array([[True, False]]))
    assert more.mse == pytest.approx(100 / 6)
    assert score_values(true, true).psnr == 120
    assert ValueScores().psnr == 0


def test_ssim_against_brute_force():
    """The formula of Wang et al. 2004, window by window."""
    rng = np.random.default_rng(0)
    true = rng.uniform(0, 50, (1, 14, 13))
    predicted = true + rng.normal(0, 9, true.shape)
    y, x = np.mgrid[-5:6, -5:6]
    window = np.exp(-(y**2 + x**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * np.ptp(true)) ** 2, (0.03 * np.ptp(true)) ** 2
    each = []
    for top, left in np.ndindex(4, 3):
        a, b = (
            image[0, top : top + 11, left : left + 11] for image in (true, predicted)
        )
        (ma, mb) = (window * a).sum(), (window * b).sum()
        va, vb = (window * a**2).sum() - ma**2, (window * b**2).sum() - mb**2
        cov = (window * a * b).sum() - ma * mb
        luminance = (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)
        each.append(luminance * (2 * cov + c2) / (va + vb + c2))
    scores = compare_images(predicted, true)
    assert scores.windows == 12
    assert scores.ssim == pytest.approx(np.mean(each), rel=1e-6)
    assert compare_images(true, true).ssim == pytest.approx(1)
    # Windows of all images count alike; an image without any does not count.
    two = scores + compare_images(true, true) + compare_images(true, true)
    assert two.ssim == pytest.approx((np.mean(each) + 2) / 3)
    small = compare_images(true[:, :10], true[:, :10])
    assert small.ssim is None
    assert "ssim" not in small.as_dict()
    assert (scores + small).ssim == scores.ssim


def test_the_measures_by_hand():
    true = np.zeros((1, 2, 2))
    true[0, 0] = 10
    scores = compare_images(true + np.array([[3, 0], [0, -4]]), true)
    assert scores.as_dict() == pytest.approx(
        {
            "mse": 6.25,
            "rmse": 2.5,
            "mae": 1.75,
            "psnr": 10 * np.log10(100 / 6.25),
        }
    )


def test_images_that_cannot_be_compared_are_refused():
    true = np.arange(24.0).reshape(1, 4, 6)
    with pytest.raises(InputError, match="3 channels of 6 × 4 px, the true one 1 ch"):
        compare_images(np.zeros((3, 4, 6)), true)
    with pytest.raises(InputError, match="predicted image holds values that are not"):
        compare_images(np.full_like(true, np.nan), true)
    with pytest.raises(InputError, match="is constant"):
        compare_images(true, np.ones_like(true))


def test_labels_are_told_from_grey_values():
    y, x = np.mgrid[:40, :40]
    discs = ((y % 20 - 10) ** 2 + (x % 20 - 10) ** 2 < 64) * (1 + y // 20 + x // 20 * 2)
    grey = blobs().array.astype(np.uint16)
    assert look_like_labels(discs[None])
    assert look_like_labels((discs > 0)[None])
    assert not look_like_labels(grey)
    assert not look_like_labels(np.where(grey > 1500, grey, 0))  # dark background
    assert not look_like_labels(discs[None].astype(np.float32))
    assert not look_like_labels(np.stack([discs, discs]))


def test_faults_of_pairs_are_found():
    flat = Image(np.ones((1, 72, 90)), None, "flat")
    labels = Image(np.tril(np.ones((1, 72, 90), int)), None, "labels")
    assert find_target_faults(blobs(), blobs(1)) == []
    [error] = find_target_faults(blobs(), flat)
    assert (error.level, "'flat' is constant" in error.message) == ("error", True)
    [warning] = find_target_faults(blobs(), labels)
    assert warning.level == "warning"
    assert "'labels' looks like labels" in warning.message


def test_image_and_target_are_deformed_alike():
    image = blobs()
    example = pair_images(image, image)
    settings = complete_values(SETTINGS, [example])
    still = QUICK.augmentation.replaced(scale=0.3)
    sampler, _ = make_sampler(
        [example],
        QUICK.replaced(augmentation=still.model_dump(), batch_size=4),
        settings,
        build_network(settings.network).geometries,
        torch.device("cpu"),
    )
    batch = sampler.draw(0)
    assert batch.values.shape == batch.image.shape
    torch.testing.assert_close(batch.values, batch.image, atol=1e-4, rtol=0)


def test_only_regions_are_learned_and_a_part_is_held_back():
    image = blobs()
    example = pair_images(image, image, regions=(Region((0, 0), (40, 90)),))
    training, held = split_validation([example])
    assert len(training) == len(held) == 1
    assert training[0].regions[0].stop[1] + held[0].regions[0].stop[1] > 90
    settings = complete_values(SETTINGS, [example])
    sampler, _ = make_sampler(
        [example],
        QUICK,
        settings,
        build_network(settings.network).geometries,
        torch.device("cpu"),
    )
    assert (sampler.draw(0).weights == 0).any()


@pytest.mark.parametrize("padding", ["same", "valid", "reflect", "partial"])
def test_tiles_equal_the_single_pass(padding):
    network = build_network(REGRESSION.replaced(padding=padding), seed=1).eval()
    settings = SETTINGS.replaced(
        network=network.config.model_dump(), value_range=((100.0, 900.0),)
    )
    model = Model(network, settings, Card())
    image = blobs(shape=(150, 170))
    whole = drive(segment(image, model, tile=300, **EXACT))
    tiles = drive(segment(image, model, tile=60, **EXACT))
    np.testing.assert_allclose(
        tiles.probabilities, whole.probabilities, atol=2e-5, rtol=0
    )
    part = drive(segment(image, model, box=(slice(20, 60), slice(33, 90)), **EXACT))
    np.testing.assert_allclose(
        part.probabilities, whole.probabilities[:, 20:60, 33:90], atol=2e-5, rtol=0
    )


def test_values_are_averaged_but_not_doubted():
    network = build_network(REGRESSION, seed=1).eval()
    settings = SETTINGS.replaced(value_range=((100.0, 900.0),))
    model, image = Model(network, settings, Card()), blobs(shape=(64, 80))
    flips = drive(segment(image, model, averaging="4 flips", **EXACT))
    mirrored = Image(image.array[:, ::-1, ::-1].copy(), None, "mirrored")
    other = drive(segment(mirrored, model, averaging="4 flips", **EXACT))
    assert flips.disagreement is None
    assert flips.probabilities.shape == (1, *image.shape)
    np.testing.assert_allclose(
        flips.probabilities, other.probabilities[:, ::-1, ::-1], atol=1e-5
    )


def test_values_come_back_in_the_grey_values_of_the_target():
    settings = SETTINGS.replaced(
        network=REGRESSION.replaced(target_channels=2).model_dump(),
        value_range=((100.0, 900.0), (-1.0, 3.0)),
    )
    restored = restore_values(np.array([[[-1.0, 0, 1]], [[-1, 0, 1]]]), settings)
    np.testing.assert_allclose(restored, [[[100, 500, 900]], [[-1, 1, 3]]])
    with pytest.raises(InputError, match="predicts objects, not grey values"):
        restore_values(restored, ModelSettings())


def test_a_denoiser_learns_to_denoise(tmp_path):
    pairs = [
        pair_images(blobs(seed, noise=300), blobs(seed, high=100.0))
        for seed in range(3)
    ]
    config = QUICK.replaced(iterations=150, batch_size=4, validations=4)
    wider = REGRESSION.replaced(base_channels=8).model_dump()
    steps = fine_tune(
        pairs,
        tmp_path / "m",
        config=config,
        settings=SETTINGS.replaced(network=wider),
        preset="denoise",
        **EXACT,
    )
    result = drive(steps)
    assert result.after.psnr > 20
    model = load_model(tmp_path / "m")
    assert model.settings == result.model.settings
    assert "PSNR" in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    noisy, clean = blobs(7, noise=300), blobs(7, high=100.0)
    found = drive(segment(noisy, model, **EXACT))
    values = restore_values(found.probabilities, model.settings)
    before = score_values(noisy.array / 10, clean.array)
    assert score_values(values, clean.array).mse < before.mse / 4
    with pytest.raises(InputError, match="grey values, not objects"):
        make_labels(found, model.settings)


def test_fine_tuning_keeps_the_range_of_the_targets(tmp_path):
    one, other = (pair_images(blobs(s), blobs(s, high=h)) for s, h in ((0, 50), (1, 9)))
    first = drive(
        fine_tune([one], tmp_path / "a", config=QUICK, settings=SETTINGS, **EXACT)
    )
    second = drive(
        fine_tune(
            [other], tmp_path / "b", config=QUICK, start_from=first.model, **EXACT
        )
    )
    assert second.before is not None
    assert second.model.settings.value_range == first.model.settings.value_range


def test_what_does_not_go_together_is_refused(tmp_path):
    image = blobs()
    pair = pair_images(image, image)
    painted = Example(image, np.eye(72, 90, dtype=int))

    def train(example, settings, config):
        drive(fine_tune([example], tmp_path / "m", config=config, settings=settings))

    with pytest.raises(InputError, match="has no image to predict"):
        train(painted, SETTINGS, QUICK)
    with pytest.raises(InputError, match="Choose the preset 'denoise'"):
        train(pair, ModelSettings(), TrainConfig())
    with pytest.raises(InputError, match="'cross-entropy' does not go with a network"):
        train(pair, SETTINGS, TrainConfig())
    with pytest.raises(InputError, match="The loss 'mse' does not go with"):
        train(painted, ModelSettings(), QUICK)
    flat = pair_images(image, Image(np.ones((1, 72, 90)), None, "flat"))
    with pytest.raises(InputError, match="are constant"):
        train(flat, SETTINGS, QUICK)
    with pytest.raises(InputError, match="both must be the same"):
        pair_images(image, blobs(shape=(72, 91)))
    denoiser = Model(build_network(REGRESSION), SETTINGS, Card(name="denoiser"))
    with pytest.raises(InputError, match="'denoiser', predicts grey values, not obje"):
        change_classes(denoiser, ("background", "object"), annotation="objects")
    assert change_classes(denoiser, SETTINGS.class_names, annotation="values")
    with pytest.raises(ValueError, match="learns values, and no other"):
        ModelSettings(network=REGRESSION)
    assert not (tmp_path / "m" / "settings.json").exists()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_stack_is_learned_plane_by_plane_or_as_a_volume(dimensions, tmp_path):
    planes = [blobs(seed, shape=(40, 44)).array for seed in range(6)]
    stack = Image(np.stack(planes, axis=1), None, "stack")
    network = REGRESSION.replaced(dimensions=dimensions, levels_z=1)
    settings = SETTINGS.replaced(network=network.model_dump())
    config = QUICK.replaced(iterations=2, patch_depth=4)
    pair = pair_images(stack, Image(stack.array[:, :, ::-1] * 2, None, "target"))
    result = drive(
        fine_tune([pair], tmp_path / "m", config=config, settings=settings, **EXACT)
    )
    found = drive(segment(stack, result.model, **EXACT))
    values = restore_values(found.probabilities, result.model.settings)
    assert values.shape == stack.array.shape
    assert result.after is not None
