"""A model for other programs: one file that PyTorch runs without this package.

`torch.export` writes it (`torch.jit` is deprecated). Beside it goes a description, for
a network is of no use to whoever does not know its normalisation and its classes.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from napari_unet.core.card import now
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, Normalisation
from napari_unet.core.errors import InputError
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.unet import Network

FORMAT = "napari-unet exported model"
# The exported network and ours may differ by so much: fused operations round otherwise.
_TOLERANCE = 1e-5
_NORMALISED: dict[Normalisation, str] = {
    "percentile": "the 1 % and the 99.8 % percentile of each channel",
    "min-max": "the smallest and the largest value of each channel",
    "min-max-joint": "the smallest and the largest value of all channels",
    "mean-std": "mean minus and mean plus one standard deviation of each channel",
    "vector-norm": "0 and the greatest Euclidean norm of a pixel's channels",
    "none": "-1 and 1, so the values are kept",
}


class _Probabilities(nn.Module):
    """A network up to what `Network.probabilities` makes of its logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, [Z,] Y, X) to probabilities (N, K, [Z,] Y, X)."""
        return self.network.probabilities(self.network(image), dim=1)


def export_network(model: Model, path: Path) -> None:
    """Write the network of a model as a program of `torch.export`, and try it.

    Parameters
    ----------
    model : Model
        On the CPU.
    path : Path
        The file, ``.pt2``. ``torch.export.load(path).module()`` maps normalised images
        (N, C, [Z,] Y, X) of any size that fits to probabilities (N, K, [Z,] Y, X).

    Raises
    ------
    RuntimeError
        If the file, read again, does not give what the model gives.
    """
    whole = _Probabilities(model.network).eval()
    config = model.settings.network
    sizes = dict.fromkeys((0, *range(2, 2 + config.dimensions)), Dim.AUTO)
    # Of different lengths, so that none is taken to be the same as another.
    example = _noise(model.network, images=2, steps=(1, 2, 3))
    program = torch.export.export(whole, (example,), dynamic_shapes=(sizes,))
    for node in program.graph.nodes:
        # Where each operation comes from; torch cannot read it back where the name of
        # a module has a comma, as those of U-Net++ have.
        node.meta.pop("nn_module_stack", None)
    torch.export.save(program, path)
    _check(path, whole, model.network)


def _check(path: Path, whole: nn.Module, network: Network) -> None:
    """Refuse a file that does not give what the model gives, for other sizes."""
    read = torch.export.load(path).module()
    for images, steps in ((1, (0, 0, 0)), (3, (2, 4, 1))):
        image = _noise(network, images=images, steps=steps)
        with torch.inference_mode():
            difference = (read(image) - whole(image)).abs().max().item()
        if not difference <= _TOLERANCE:
            raise RuntimeError(
                f"The exported network differs from the model by {difference:.3g} for "
                f"images of {tuple(image.shape)}."
            )


def _noise(network: Network, *, images: int, steps: tuple[int, ...]) -> Tensor:
    """Return random images, so many steps longer than the smallest that fit."""
    lengths = (
        _smallest(each) + count * each.step
        for each, count in zip(network.geometries, steps, strict=False)
    )
    channels = network.config.in_channels
    generator = torch.Generator().manual_seed(0)
    return torch.randn(images, channels, *lengths, generator=generator)


def _smallest(geometry: Geometry) -> int:
    """Return the shortest length that the exported network takes.

    Where the deepest map would have a single pixel, torch writes a program for that
    size alone.
    """
    return geometry.size_at_least(2 * geometry.step)


def describe_export(model: Model) -> dict[str, Any]:
    """Return what a program must know that runs the exported network, as JSON.

    Returns
    -------
    dict
        Axes, normalisation, pixel size, sizes that fit, classes, and, for whoever
        wants all of it, the settings and the card of the model.
    """
    settings = model.settings
    network = settings.network
    axes = "ZYX" if network.dimensions == 3 else "YX"
    geometries = dict(zip(axes, Geometry.of_axes(network), strict=True))
    pixel_sizes = settings.pixel_sizes_um
    return {
        "format": FORMAT,
        "version": 1,
        "created": now(),
        "load": "torch.export.load(FILE).module()",
        "torch": torch.__version__,
        "input": {
            "axes": f"NC{axes}",
            "dtype": "float32",
            "channels": list(settings.channels) or network.in_channels,
            "planes_as_channels": settings.planes_as_channels,
            "pixel_size_um": (
                None
                if pixel_sizes is None
                else dict(zip(axes, pixel_sizes, strict=True))
            ),
            "normalisation": settings.normalisation,
            "normalise": (
                f"measured on the whole image, {_NORMALISED[settings.normalisation]} "
                "become -1 and 1, linearly; a constant channel becomes 0"
            ),
            # Lengths that fit: `smallest`, and any number of steps more.
            "lengths": {
                axis: {"smallest": _smallest(each), "step": each.step}
                for axis, each in geometries.items()
            },
        },
        "output": {
            "axes": f"NK{axes}",
            **_describe_output(settings),
            # Pixels that the output is shorter on each side.
            "cut_off": {axis: each.shrink for axis, each in geometries.items()},
            # Pixels of context that make a tile's result exact.
            "context": {axis: each.halo for axis, each in geometries.items()},
            "beyond_the_edge": (
                "`segment` mirrors the image about its edge pixels, which are not "
                "repeated, by `context` pixels on each side, and cuts them off again"
            ),
        },
        "settings": settings.model_dump(mode="json"),
        "card": model.card.model_dump(mode="json"),
    }


def _describe_output(settings: ModelSettings) -> dict[str, Any]:
    """Say what each channel of the output means."""
    if settings.annotation == "values":
        return {
            "meaning": "normalised grey values: -1 and 1 stand for `value_range`",
            "value_range": [list(pair) for pair in settings.value_range],
        }
    meaning = "probability of each class"
    if settings.network.head == "softmax":
        meaning += "; they sum to 1"
    return {"meaning": meaning, "classes": list(settings.class_names)}


def check_target(path: Path) -> None:
    """Refuse a file that cannot be the exported model's, with the reason.

    Raises
    ------
    InputError
        If its ending stands for another format.
    """
    if path.suffix.lower() == ".onnx":
        raise InputError(
            f"'{path.name}': ONNX needs packages that this program does not bring. "
            "Write a .pt2, which PyTorch reads, and convert that where 'onnx' and "
            "'onnxscript' are installed."
        )
    if path.suffix.lower() != ".pt2":
        raise InputError(
            f"'{path.name}': an exported model is a .pt2 file, for example "
            f"{path.stem or 'model'}.pt2."
        )
