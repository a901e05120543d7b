"""A network without its normalisations computes the same."""

import numpy as np
import pytest
import torch

from napari_unet.core.config import NetworkConfig
from napari_unet.core.network.folding import fold_normalisation
from napari_unet.core.network.unet import build_network


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"block": "residual", "skip": "attention", "dropout": 0.5},
        {"block": "separable", "padding": "partial", "upsampling": "bilinear"},
        {"architecture": "unet++", "norm_place": "contracting"},
        {"dimensions": 3, "dropout": 0.3, "dropout_place": "blocks"},
        {"norm": "instance"},
        {"norm": "none", "padding": "valid"},
    ],
)
def test_a_folded_network_predicts_the_same(changes):
    config = NetworkConfig(base_channels=4, levels=2, **changes)
    network = build_network(config, seed=0)
    generator = torch.Generator().manual_seed(1)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2, generator=generator)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.1, generator=generator)
    size = network.geometry.size_at_least(60)
    depth = (network.geometries[0].size_at_least(8),) if config.dimensions == 3 else ()
    image = torch.randn(1, 1, *depth, size, size, generator=generator)
    network.eval()
    with torch.inference_mode():
        expected = network(image)
        folded = fold_normalisation(network)
        found = folded(image)
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-4)
    kinds = {type(module) for module in folded.modules()}
    left = kinds & {torch.nn.BatchNorm2d, torch.nn.BatchNorm3d}
    assert not left


def test_folding_leaves_the_network_as_it_was():
    network = build_network(NetworkConfig(base_channels=2, levels=1), seed=0).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fold_normalisation(network)
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
