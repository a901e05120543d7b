"""Tensors as the bytes of a safetensors file, piece by piece.

The library's own writer makes one piece of all, and ends the program where there is no
memory for that. This takes hardly any. The format:
https://huggingface.co/docs/safetensors
"""

import json
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

# Names in the file, in its order: large numbers first, so that all are aligned.
_TYPES = {
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_ALIGNED = 8
# Numbers of a tensor that are copied at a time.
_AT_ONCE = 1 << 16


def file_pieces(tensors: Mapping[str, Tensor]) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a file that holds these tensors.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        On any device, in any layout; the file holds them in that of C.

    Yields
    ------
    bytes
        What says where each is, then one tensor after the other.
    """
    order = list(_TYPES)
    names = sorted(tensors, key=lambda name: (order.index(tensors[name].dtype), name))
    header, start = {}, 0
    for name in names:
        tensor = tensors[name]
        end = start + tensor.nbytes
        header[name] = {
            "dtype": _TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        start = end
    said = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    said += b" " * (-len(said) % _ALIGNED)
    yield len(said).to_bytes(8, "little") + said
    for name in names:
        yield from _pieces_of(tensors[name].detach())


def _pieces_of(tensor: Tensor) -> Iterator[memoryview]:
    """Yield the bytes of one tensor, some rows at a time."""
    if tensor.numel() == 0:
        return
    rows = tensor.reshape(1) if tensor.ndim == 0 else tensor
    for part in rows.split(max(1, _AT_ONCE // rows[0].numel())):
        plain = part.cpu().contiguous().reshape(-1)
        yield plain.view(torch.uint8).numpy().data
