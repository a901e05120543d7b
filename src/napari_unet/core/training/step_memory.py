"""How much memory a training step will take, before it is taken."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from napari_unet.core.config import NetworkConfig, TrainConfig
from napari_unet.core.device import Precision
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.recomputation import blocks_of
from napari_unet.core.network.unet import Network, build_network, parameter_count
from napari_unet.core.prediction.plan import say_bytes
from napari_unet.core.training.patch_shape import output_shape

# The share of the free memory that a step may be estimated to take.
STEP_SHARE = 0.8
# Numbers that an optimizer keeps for each weight; with momentum one more for some.
_KEPT = {"adamw": 2, "adagrad": 1, "rmsprop": 1, "sgd": 0}
# Maps of the first level that come and go on top of those that are kept: gradients of
# the last block, and work space of the convolutions.
_WORKING_MAPS = 3
# Arrays of the logits' shape in float32: logits, their logarithms, and gradients.
_LOSS_MAPS = 4


@dataclass(frozen=True, slots=True)
class StepMemory:
    """The memory of a training step, estimated, in bytes.

    Parameters
    ----------
    weights : int
        Parameters, their gradients, what the optimizer keeps for each, and copies of
        both, see `Undo`.
    maps : int
        Feature maps that the gradient needs, and what comes and goes with them.
    batch : int
        Patches with their targets.

    Notes
    -----
    Measured on a processor as growth of the resident memory at the first large step
    (`benchmarks/memory.py`), two patches each: base 16 at 256² and 512², 32 at 256²,
    and in 3D 16 and 32 at 32 × 64 × 64. In 2D the estimate is 3 to 6 % above what was
    measured, in float32 and bfloat16; in 3D 15 and 28 % above in float32 and 5 % below
    in bfloat16.
    Not in it: libraries, images, and copies of the best weights.
    """

    weights: int
    maps: int
    batch: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.maps + self.batch

    def describe(self) -> str:
        """Say it for a person: 'about 210 MB'."""
        return f"about {say_bytes(self.total)}"


def estimate_step(
    network: NetworkConfig,
    config: TrainConfig,
    size: Sequence[int],
    patches: int,
    *,
    precision: Precision = "float32",
    recompute: bool = False,
) -> StepMemory:
    """Estimate what a step takes, from the shapes of all tensors that it keeps.

    The network runs once on the device ``meta``, where tensors have shapes but no
    numbers; that takes a tenth of a second, and is remembered.

    Parameters
    ----------
    network : NetworkConfig
        Which network.
    config : TrainConfig
        Which optimizer.
    size : sequence of int
        ([Z,] Y, X) of a patch; it must fit the network.
    patches : int
        How many are computed at a time.
    precision : str
        Of the convolutions.
    recompute : bool
        Whether blocks keep their input only, see `recompute_blocks`.
    """
    kept = _measure(network, tuple(size))
    width = 4 if precision == "float32" else 2
    pixels = math.prod(size)
    shown = math.prod(output_shape(size, Geometry.of_axes(network)))
    numbers = kept.recomputed if recompute else kept.numbers
    maps = width * (numbers + _WORKING_MAPS * network.base_channels * pixels)
    maps += kept.others + 4 * _LOSS_MAPS * network.outputs * shown
    slots = _KEPT[config.optimizer]
    slots += config.optimizer in ("sgd", "rmsprop") and config.momentum > 0
    return StepMemory(
        weights=4 * kept.weights * (1 + 2 * (1 + slots)),
        maps=patches * maps,
        batch=patches * 4 * (network.in_channels * pixels + 4 * shown),
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a network keeps of one patch: how many numbers, and bytes of the others.

    And how many numbers if its blocks keep their input only.
    """

    numbers: int
    recomputed: int
    others: int
    weights: int


@lru_cache(maxsize=64)
def _measure(config: NetworkConfig, size: tuple[int, ...]) -> _Kept:
    """Count the tensors that the gradient needs."""
    with torch.device("meta"):
        network = build_network(config)
        # Two: batch normalisation needs more than one number of each channel.
        image = torch.empty((2, config.in_channels, *size))
    own = {_place(t) for t in (*network.parameters(), *network.buffers())}
    seen: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if _place(tensor) not in own:
            seen.setdefault(_place(tensor), tensor)
        return tensor

    def numbers() -> int:
        return sum(_bytes(t) for t in seen.values() if t.is_floating_point()) // 4

    inside = _watch_blocks(network, numbers)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(image)
    others = sum(_bytes(t) for t in seen.values() if not t.is_floating_point())
    recomputed = numbers() - sum(own for own, _ in inside) + sum(n for _, n in inside)
    recomputed += max(own for own, _ in inside)
    return _Kept(numbers() // 2, recomputed // 2, others // 2, parameter_count(network))


def _watch_blocks(
    network: Network, numbers: Callable[[], int]
) -> list[tuple[int, int]]:
    """Note how much each block keeps when it runs, and how large its input is."""
    noted: list[tuple[int, int]] = []
    before: list[int] = []
    for block in blocks_of(network):
        block.register_forward_pre_hook(lambda _b, _i: before.append(numbers()))
        block.register_forward_hook(
            lambda _b, images, _o: noted.append(
                (numbers() - before.pop(), images[0].numel())
            )
        )
    return noted


def _place(tensor: Tensor) -> int:
    """Return what tells the memory of a tensor from that of others."""
    place: int = tensor.untyped_storage()._cdata
    return place


def _bytes(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes()
