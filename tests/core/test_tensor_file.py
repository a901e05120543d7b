"""Tensors written piece by piece are the file that the library writes."""

import pytest
import safetensors.torch
import torch
from scarce import scarce

from napari_unet.core.config import NetworkConfig
from napari_unet.core.network.unet import build_network
from napari_unet.core.tensor_file import file_pieces

TENSORS = {
    "z.bias": torch.arange(5.0),
    "weights": torch.randn(4, 3, 3, 3).contiguous(memory_format=torch.channels_last),
    "µ 'quoted' \"name\"": torch.tensor(1.5, dtype=torch.float64),
    "steps": torch.tensor(7),
    "short": torch.randn(3).bfloat16(),
    "half": torch.randn(3).half(),
    "bytes": torch.arange(3, dtype=torch.uint8),
    "flag": torch.tensor([True, False]),
    "nothing": torch.zeros(0, 4),
    "large": torch.randn(300, 500).T,
    "count": torch.tensor([1, 2], dtype=torch.int32),
}


@pytest.mark.parametrize("names", [list(TENSORS), ["steps"], []])
def test_the_bytes_are_those_of_the_library(names):
    tensors = {name: TENSORS[name] for name in names}
    plain = {name: tensor.contiguous() for name, tensor in tensors.items()}
    assert b"".join(file_pieces(tensors)) == safetensors.torch.save(plain)


def test_hardly_any_memory_is_taken():
    network = build_network(NetworkConfig(base_channels=32, levels=3), seed=0)
    state = network.to(memory_format=torch.channels_last).state_dict()
    largest = max(tensor.numel() for tensor in state.values())
    with scarce(largest // 4, within="tensor_file.py"):
        assert sum(len(piece) for piece in file_pieces(state)) > 4 * largest
