"""The paper's network to the number, and the geometry of the whole family."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_unet.core.config import NetworkConfig
from napari_unet.core.errors import InputError
from napari_unet.core.network.blocks import PartialConv2d
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.unet import UNet, build_network, parameter_count
from napari_unet.core.presets import PRESETS

PAPER = NetworkConfig(base_channels=64, padding="valid", norm="none")


@pytest.fixture(scope="module")
def paper_network():
    return UNet(PAPER).eval()


def count(**changes):
    with torch.device("meta"):
        return parameter_count(build_network(PAPER.replaced(**changes)))


SAME = {"padding": "same"}
KERAS = SAME | {
    "upsampling": "interpolated", "head": "sigmoid", "head_channels": 2
}  # fmt: skip
MILESIAL = SAME | {"norm": "batch", "in_channels": 3}
FAMILY = SAME | {"norm": "batch", "norm_place": "contracting"}
NESTED = FAMILY | {"architecture": "unet++", "deep_supervision": True}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 31_030_658),
        ({"upsampling": "interpolated"}, 31_030_658),
        ({"padding": "same"}, 31_030_658),
        ({"classes": 3}, 31_030_723),
        ({"classes": 2, "in_channels": 3}, 31_031_810),
        ({"base_channels": 32}, 7_759_554),
        ({"base_channels": 16}, 1_940_834),
        ({"base_channels": 8}, 485_682),
        ({"base_channels": 4}, 121_658),
        ({"head": "regression"}, 31_030_593),  # one output, as for one class
        ({"levels": 1}, 402_690),
        ({"levels": 2}, 1_861_762),
        ({"levels": 3}, 7_696_258),
        ({"levels": 5}, 124_361_090),
        # Ports and descendants, as their authors' code counts them.
        (KERAS, 31_031_685),
        (MILESIAL, 31_037_698),
        (MILESIAL | {"upsampling": "bilinear"}, 17_263_042),
        (FAMILY, 31_038_594),
        (FAMILY | {"base_channels": 32}, 7_763_522),
        (FAMILY | {"base_channels": 16}, 1_942_818),
        (NESTED, 36_165_192),
        (NESTED | {"base_channels": 32}, 9_045_800),
        (NESTED | {"base_channels": 16}, 2_263_704),
    ],
)
def test_parameter_counts(changes, expected):
    assert count(**changes) == expected


MEMBERS = [
    {"block": "residual"},
    {"block": "separable"},
    {"skip": "add"},
    {"skip": "attention"},
    {"skip": "none"},
    {"padding": "reflect"},
    {"padding": "partial"},
    {"upsampling": "interpolated"},
    {"upsampling": "bilinear"},
    {"activation": "leaky", "norm": "none"},
    {"norm_place": "contracting"},
    {"head": "sigmoid", "head_channels": 2},
    {"architecture": "unet++"},
    {"architecture": "unet++", "deep_supervision": True, "block": "residual"},
    {"padding": "valid", "block": "residual", "skip": "attention"},
    {"padding": "valid", "block": "separable", "upsampling": "bilinear"},
]


@pytest.mark.parametrize("changes", MEMBERS)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_no_member_of_the_family_feels_a_pixel_beyond_the_halo(changes, levels):
    config = NetworkConfig(base_channels=2, levels=levels, **changes)
    check_halo(build_network(config, seed=levels).eval())


@pytest.mark.parametrize("changes", MEMBERS)
def test_every_member_of_the_family_learns(changes):
    network = build_network(NetworkConfig(base_channels=4, levels=2, **changes), seed=0)
    size = network.geometry.size_at_least(60)
    image = torch.rand(2, 1, size, size)
    network(image).square().mean().backward()
    idle = [n for n, p in network.named_parameters() if not p.grad.any()]
    assert idle == []


def test_the_seed_determines_the_weights():
    one, two, other = (
        build_network(NetworkConfig(base_channels=2, architecture="unet++"), seed=seed)
        for seed in (3, 3, 4)
    )
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name])
    assert not torch.equal(one.heads[0].weight, other.heads[0].weight)


def test_a_partial_mean_of_a_constant_is_constant():
    layer = PartialConv2d(1, 1, 3, padding=1, bias=True)
    torch.nn.init.constant_(layer.weight, 1 / 9)
    out = layer(torch.full((1, 1, 5, 6), 2.0)).detach()
    torch.testing.assert_close(out, torch.full_like(out, float(out[0, 0, 2, 2])))


@pytest.mark.parametrize(
    "changes",
    [
        {"padding": "valid", "head_channels": 2},
        {"architecture": "unet++", "skip": "add"},
        {"architecture": "unet++", "padding": "valid"},
        {"architecture": "unet++", "levels": 0},
        {"deep_supervision": True},
    ],
)
def test_what_does_not_go_together_is_refused(changes):
    said = r"needs a padding|concatenates|at least one level|belongs to"
    with pytest.raises(ValueError, match=said):
        NetworkConfig(**changes)


def test_the_biases_that_batch_normalisation_makes_useless_are_left_out():
    """With them (Rwzzz/Unet): 31,042,369 parameters."""
    with torch.device("meta"):
        network = build_network(
            PAPER.replaced(padding="same", norm="batch", head="regression")
        )
    left_out = [
        m.num_features for m in network.modules() if "BatchNorm" in str(type(m))
    ]
    assert parameter_count(network) + sum(left_out) == 31_042_369


PRESET_COUNTS = {
    "paper-2015": 31_030_658,
    "freiburg-2019": 31_030_658,
    "keras-2016": 31_031_685,
}


@pytest.mark.parametrize(("name", "expected"), PRESET_COUNTS.items())
def test_presets_have_the_networks_they_are_named_after(name, expected):
    with torch.device("meta"):
        assert parameter_count(build_network(PRESETS[name].network)) == expected


def test_milesial_counts_are_those_of_its_preset():
    colour = PRESETS["milesial"].network.replaced(in_channels=3)
    with torch.device("meta"):
        assert parameter_count(build_network(colour)) == 31_037_698


def test_presets_train_as_what_they_are_named_after():
    paper, fiji = PRESETS["paper-2015"], PRESETS["freiburg-2019"]
    solver = paper.training
    assert (solver.optimizer, solver.momentum, solver.batch_size) == ("sgd", 0.99, 1)
    assert (solver.patch_size, solver.loss) == (572, "cross-entropy")
    assert (solver.weight_map.w0, solver.weight_map.sigma) == (10, 5)
    assert (solver.augmentation.elastic_nodes, solver.augmentation.elastic_px) == (
        3,
        10,
    )
    assert (paper.network.dropout, paper.network.norm) == (0.5, "none")

    weights = fiji.training.weight_map
    assert (weights.form, weights.w0, weights.sigma) == ("2019", 50, 6)
    assert (weights.background, weights.background_sigma) == (0.1, 10)
    assert fiji.training.optimizer == "adamw"
    assert fiji.training.weight_decay == 0
    assert fiji.training.learning_rate == PRESETS["keras-2016"].training.learning_rate
    assert fiji.training.learning_rate == 1e-4
    assert fiji.training.augmentation.elastic_spacing == 150
    assert fiji.network.activation == "leaky"


def test_the_paper_network_has_23_convolutions(paper_network):
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    convolutions = [m for m in paper_network.modules() if isinstance(m, kinds)]
    assert len(convolutions) == 23


def test_stage_sizes_of_the_paper(paper_network):
    """Figure 1: 568, 280, 136, 64, 28 down, then 52, 100, 196, 388 up."""
    sizes, crops, inner = [], [], []
    blocks = [*paper_network.contracting, *paper_network.expanding]
    hooks = [
        block.register_forward_hook(lambda m, i, o: sizes.append(o.shape[-1]))
        for block in blocks
    ]
    first = [
        block[0].register_forward_hook(lambda m, i, o: inner.append(o.shape[-1]))
        for block in blocks
    ]
    contracted = [568, 280, 136, 64]
    ups = [
        up.register_forward_hook(
            lambda m, i, o: crops.append((contracted.pop() - o.shape[-1]) // 2)
        )
        for up in paper_network.up
    ]
    with torch.device("meta"):
        network = paper_network.to("meta")
        out = network(torch.zeros(1, 1, 572, 572))
    for hook in hooks + first + ups:
        hook.remove()
    assert out.shape == (1, 2, 388, 388)
    assert sizes == [568, 280, 136, 64, 28, 52, 100, 196, 388]
    assert inner == [570, 282, 138, 66, 30, 54, 102, 198, 390]
    assert crops == [4, 16, 40, 88]


def test_initial_weights_have_the_true_fan_in():
    network = UNet(PAPER, seed=0)
    stds = {
        network.contracting[0][0]: 0.4714045,
        network.contracting[0][2]: 0.0589256,
        network.contracting[4][2]: 0.0147314,
        network.up[0][0]: 0.0441942,
        network.head: 0.1767767,
    }
    for layer, expected in stds.items():
        tolerance = 4 / math.sqrt(2 * layer.weight.numel())
        assert layer.weight.std().item() == pytest.approx(expected, rel=tolerance)
        assert not layer.bias.any()
    interpolated = UNet(PAPER.replaced(upsampling="interpolated"), seed=0)
    assert interpolated.up[0][2].weight.std().item() == pytest.approx(
        0.0220971, rel=1e-2
    )


def test_dropout_stands_at_the_end_of_the_contracting_path():
    network = UNet(PAPER.replaced(base_channels=1, dropout=0.5))
    places = [
        level
        for level, block in enumerate(network.contracting)
        if any(isinstance(layer, nn.Dropout) for layer in block)
    ]
    assert places == [3, 4]
    assert not any(isinstance(m, nn.Dropout) for m in network.expanding.modules())


@pytest.mark.parametrize("upsampling", ["transposed", "interpolated"])
def test_the_same_size_form_keeps_the_size(upsampling):
    config = NetworkConfig(base_channels=2, upsampling=upsampling, in_channels=3)
    assert UNet(config)(torch.zeros(2, 3, 32, 48)).shape == (2, 2, 32, 48)


@pytest.mark.parametrize("size", [512, 570, 571, 573, 576])
def test_sizes_that_do_not_fit_are_refused_with_the_nearest_that_do(
    size, paper_network
):
    below = (size - 12) // 16 * 16 + 12
    with pytest.raises(
        InputError, match=f"{size} px does not fit.*{below} and {below + 16}"
    ):
        paper_network.to("meta")(torch.zeros(1, 1, size, 572, device="meta"))


@pytest.mark.parametrize(
    ("levels", "smallest", "out", "loss"),
    [
        (0, 5, 1, 4),
        (1, 18, 2, 16),
        (2, 44, 4, 40),
        (3, 92, 4, 88),
        (4, 188, 4, 184),
        (5, 380, 4, 376),
    ],
)
def test_smallest_valid_sizes(levels, smallest, out, loss):
    geometry = Geometry(PAPER.replaced(levels=levels))
    assert geometry.size_at_least(1) == smallest
    assert geometry.output_size(smallest) == out
    assert 2 * geometry.shrink == loss


VALID_SIZES = {
    0: {64: 60},
    1: {64: 48},
    2: {64: 24, 544: 504},
    3: {100: 12, 108: 20, 132: 44, 572: 484},
    4: {204: 20, 220: 36, 252: 68, 316: 132, 380: 196, 444: 260, 508: 324, 572: 388,
        588: 404, 700: 516},
    5: {412: 36, 572: 196},
}  # fmt: skip


@pytest.mark.parametrize("levels", VALID_SIZES)
def test_valid_sizes(levels):
    geometry = Geometry(PAPER.replaced(levels=levels))
    for size, out in VALID_SIZES[levels].items():
        assert geometry.output_size(size) == out


def test_valid_sizes_in_the_closed_form_of_the_fiji_plugin():
    """Inputs are 2^L b + p, outputs 2^L b + q, with p = 2 p' + 4 and q = 2 q' - 4."""
    before, after = 0, -4
    for levels in range(1, 6):
        before, after = 2 * before + 4, 2 * after - 4
        geometry = Geometry(PAPER.replaced(levels=levels))
        pairs = {2**levels * b + before: 2**levels * b + after for b in range(1, 99)}
        for size in range(1, max(pairs)):
            out = pairs.get(size, 0)
            assert geometry.output_size(size) == (out if out > 0 else None)
    assert (before, after) == (124, -252)


@pytest.mark.parametrize(
    ("levels", "fields"), [(0, {5}), (1, {18}), (2, {44}), (3, {92, 100})]
)
def test_receptive_fields(levels, fields):
    """One output pixel's gradient, over all its phases; pooling hides some of it."""
    network = UNet(PAPER.replaced(levels=levels, base_channels=2), seed=0)
    with torch.no_grad():  # positive weights: no ReLU shuts, nothing cancels
        for weight in network.parameters():
            weight.abs_()
    size = network.geometry.size_at_least(2 * max(fields) + 30)
    seen, generator = set(), torch.Generator().manual_seed(0)
    for phase in range(2**levels):
        touched = torch.zeros(size, dtype=torch.bool)
        for _ in range(12):
            image = torch.rand(1, 1, size, size, generator=generator)
            image.requires_grad_()
            middle = network.geometry.output_size(size) // 2 + phase
            network(image)[0, 1, middle, middle].backward()
            touched |= (image.grad[0, 0] != 0).any(dim=0)
        places = touched.nonzero()
        seen.add(int(places.max() - places.min()) + 1)
    assert seen == fields


@given(st.integers(1, 1500), st.integers(0, 5), st.sampled_from(["same", "valid"]))
def test_size_at_least_is_the_smallest_that_fits(size, levels, padding):
    geometry = Geometry(PAPER.replaced(levels=levels, padding=padding))
    fitting = geometry.size_at_least(size)
    assert fitting >= size
    assert geometry.output_size(fitting) == fitting - 2 * geometry.shrink
    assert all(geometry.output_size(n) is None for n in range(size, fitting))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 3),
    st.sampled_from(["same", "valid"]),
    st.sampled_from(["transposed", "interpolated"]),
)
def test_no_pixel_beyond_the_halo_is_felt(levels, padding, upsampling):
    """Change everything beyond the halo: the interior must not change."""
    config = NetworkConfig(
        base_channels=2, levels=levels, padding=padding, upsampling=upsampling
    )
    check_halo(UNet(config, seed=levels).eval())


def check_halo(network):
    geometry = network.geometry
    halo, shrink = geometry.halo, geometry.shrink
    size = geometry.size_at_least(2 * halo + geometry.step)
    inner = size - 2 * halo
    image = torch.randn(1, 1, size, size)
    far = geometry.step * 3
    outside = torch.randn(1, 1, size + 2 * far, size + 2 * far)
    outside[..., far:-far, far:-far] = image
    near_cut = slice(halo - shrink, halo - shrink + inner)
    wide_cut = slice(near_cut.start + far, near_cut.stop + far)
    with torch.inference_mode():
        narrow = network(image)[..., near_cut, near_cut]
        wide = network(outside)[..., wide_cut, wide_cut]
    torch.testing.assert_close(narrow, wide, atol=1e-5, rtol=1e-5)
