"""The U-Net of Ronneberger, Fischer & Brox (2015) and the family it founded."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from napari_unet.core.config import NetworkConfig
from napari_unet.core.network.blocks import (
    AttentionGate,
    ResidualBlock,
    activate,
    convolve,
    crop,
    drop,
    go_up,
    mix_channels,
    plain_block,
    pool,
    separable_block,
    trim,
)
from napari_unet.core.network.geometry import Geometry


class Network(nn.Module, ABC):
    """What all members of the family share.

    Parameters
    ----------
    config : NetworkConfig
        Which member.
    seed : int, optional
        Seed of the initial weights; by default torch's global generator.

    References
    ----------
    .. [1] He, Zhang, Ren & Sun (2015). Delving Deep into Rectifiers. ICCV.
    """

    def __init__(self, config: NetworkConfig, seed: int | None = None) -> None:
        super().__init__()
        self.config = config
        self.geometries = Geometry.of_axes(config)
        self.geometry = self.geometries[-1]  # in the plane
        self.pools = nn.ModuleList(
            pool(config, level) for level in range(config.levels)
        )
        self._build(config)
        self._initialise(seed)

    def check_size(self, shape: Sequence[int]) -> None:
        """Refuse an input shape ([Z,] Y, X) that does not fit.

        Raises
        ------
        InputError
            Naming the nearest lengths that do.
        """
        for geometry, size in zip(self.geometries, shape, strict=True):
            geometry.check_size(size)

    @abstractmethod
    def _build(self, config: NetworkConfig) -> None:
        """Make the layers."""

    def probabilities(self, logits: Tensor, dim: int = 0) -> Tensor:
        """Return the probability of each class, background first; or the grey values.

        Parameters
        ----------
        logits : Tensor, shape (O, [Z,] Y, X)
            Of one image, in float32.
        dim : int
            The axis O: 1 for a batch of images.

        Returns
        -------
        Tensor, shape (K, [Z,] Y, X)
            Sums to 1 with a softmax head. With a sigmoid head each class has a
            probability of its own, and background what the likeliest leaves. A
            regression head gives T normalised grey values, (T, Y, X).
        """
        if self.config.head == "regression":
            return logits
        if self.config.head == "softmax":
            return logits.softmax(dim=dim)
        each = logits.sigmoid()
        return torch.cat([1 - each.amax(dim=dim, keepdim=True), each], dim=dim)

    def _initialise(self, seed: int | None) -> None:
        """Draw Gaussian weights of standard deviation sqrt(2 / N), zero biases [1]_.

        N is how many numbers one output sums over. For a transposed 2x2 convolution
        of stride 2 that is its input channels; PyTorch's ``kaiming_normal_`` takes
        four times its *output* channels.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, (nn.ConvTranspose2d, nn.ConvTranspose3d)):
                fan_in = module.in_channels
            elif isinstance(module, (nn.Conv2d, nn.Conv3d)):
                fan_in = module.in_channels // module.groups
                fan_in *= math.prod(module.kernel_size)
            else:
                continue
            nn.init.normal_(
                module.weight, std=math.sqrt(2 / fan_in), generator=generator
            )
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class UNet(Network):
    """A contracting path, an expanding path, and skip connections between them.

    Parameters
    ----------
    config : NetworkConfig
        With ``padding="valid"``, ``norm="none"`` and 64 base channels this is the
        paper's network: 23 convolutions, 31,030,658 parameters for 1 channel and 2
        classes, a 572² tile in and 388² out.
    seed : int, optional
        Seed of the initial weights; by default torch's global generator.

    References
    ----------
    .. [1] Ronneberger, Fischer & Brox (2015). U-Net: Convolutional Networks for
           Biomedical Image Segmentation. MICCAI. :doi:`10.1007/978-3-319-24574-4_28`
    """

    def _build(self, config: NetworkConfig) -> None:
        widths = [config.base_channels * 2**level for level in range(config.levels + 1)]
        # Bilinear up-sampling does not halve the channels on its way up.
        halved = config.upsampling == "bilinear" and config.levels > 0
        if halved:
            widths[-1] //= 2
        inputs = [config.in_channels, *widths[:-1]]
        self.contracting = nn.ModuleList(
            _contract(i, o, config, level)
            for level, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        # From deep to shallow: what comes from below, and what leaves the block.
        shallow = widths[:-1][::-1]
        upwards = range(config.levels)[::-1]
        leaving = [*shallow[1:], shallow[-1]] if halved else shallow
        below = [widths[-1], *leaving][: config.levels]
        self.up = nn.ModuleList(
            go_up(b, s, config, level)
            for level, b, s in zip(upwards, below, shallow, strict=True)
        )
        if config.skip == "attention":
            self.gates = nn.ModuleList(AttentionGate(s, config) for s in shallow)
        joined = 2 if config.skip in ("concat", "attention") else 1
        self.expanding = nn.ModuleList(
            _expand(joined * s, s, o, config, level)
            for level, s, o in zip(upwards, shallow, leaving, strict=True)
        )
        self.head = _head([widths[-1], *leaving][-1], config)

    def forward(self, image: Tensor, spare: int = 0) -> Tensor:
        """Return the logits of a batch of images.

        Parameters
        ----------
        image : Tensor, shape (N, C, [Z,] Y, X)
            Normalised grey values; sizes must fit (`check_size`).
        spare : int
            So many pixels of the output, on each side of the plane, nobody needs: a
            multiple of `Geometry.step`. What would only be computed for them is left
            out; it makes up a third of the work where tiles are small.

        Returns
        -------
        Tensor, shape (N, K, [Z,] Y, X)
            Logits; smaller than the input by `Geometry.shrink` and `spare` on each
            side. With a sigmoid head only those of the K - 1 classes that are not
            background.
        """
        self.check_size(image.shape[2:])
        skips = []
        x = image
        for block, shrink in zip(self.contracting[:-1], self.pools, strict=True):
            x = block(x)
            skips.append(x)
            x = shrink(x)
        x = self.contracting[-1](x)
        edge = spare >> self.config.levels  # of `x`, at its level, what is not needed
        for step, skip in enumerate(reversed(skips)):
            level = self.config.levels - 1 - step
            least = self._least_edge(level, 2 * edge)
            x = trim(self.up[step](x), 2 * edge - least)
            skip, edge = trim(skip, (spare >> level) - least), least
            x = self.expanding[step](self._join(step, skip, x))
        return trim(cast("Tensor", self.head(x)), edge)

    def _least_edge(self, level: int, edge: int) -> int:
        """Return how much of an edge that nobody needs a level has to see all the same.

        All of it where the padding, or a mean over the map, reaches through the edge.
        """
        if self.config.padding == "valid" or self.config.norm == "instance":
            return edge
        return min(edge, self.geometry.context(level))

    def _join(self, step: int, skip: Tensor, below: Tensor) -> Tensor:
        """Bring a skip connection and what comes from below together."""
        if self.config.skip == "none":
            return below
        skip = crop(skip, below)
        if self.config.skip == "add":
            return skip + below
        if self.config.skip == "attention":
            skip = self.gates[step](skip, below)
        return torch.cat([skip, below], dim=1)


def _contract(
    inputs: int, outputs: int, config: NetworkConfig, level: int
) -> nn.Module:
    """Return a block of the contracting path."""
    if config.block == "residual":
        block: nn.Module = ResidualBlock(inputs, outputs, outputs, config, level)
    elif config.block == "separable" and level > 0:  # the image has too few channels
        block = separable_block(inputs, outputs, config, level)
    else:
        block = plain_block(inputs, outputs, outputs, config, level)
    # Dropout "at the end of the contracting path": the last two blocks.
    at_end = config.dropout_place == "contracting-end" and level >= config.levels - 1
    if config.dropout > 0 and at_end:
        return nn.Sequential(block, drop(config))
    return block


def _plain(config: NetworkConfig) -> NetworkConfig:
    """Return the settings without normalisation."""
    return config.replaced(norm="none")


def _expand(
    inputs: int, middle: int, outputs: int, config: NetworkConfig, level: int
) -> nn.Module:
    """Return a block of the expanding path."""
    if config.norm_place == "contracting":
        config = _plain(config)
    if config.block == "residual":
        return ResidualBlock(inputs, middle, outputs, config, level)
    return plain_block(inputs, middle, outputs, config, level)


def _head(inputs: int, config: NetworkConfig) -> nn.Module:
    """Return the 1x1 convolution to the logits, and what comes before it."""
    outputs = config.outputs
    if config.head_channels == 0:
        return mix_channels(inputs, outputs, config, bias=True)
    return nn.Sequential(
        convolve(inputs, config.head_channels, _plain(config), level=0),
        activate(config),
        mix_channels(config.head_channels, outputs, config, bias=True),
    )


class NestedUNet(Network):
    """U-Net++: a block at every crossing of levels and steps [1]_.

    Parameters
    ----------
    config : NetworkConfig
        With ``norm="batch"`` in the contracting path only, 64 base channels and deep
        supervision it has 36,165,192 parameters for 1 channel and 2 classes.
    seed : int, optional
        Seed of the initial weights; by default torch's global generator.

    References
    ----------
    .. [1] Zhou, Siddiquee, Tajbakhsh & Liang (2018). UNet++: A Nested U-Net
           Architecture for Medical Image Segmentation. arXiv:1807.10165
    """

    def _build(self, config: NetworkConfig) -> None:
        widths = [config.base_channels * 2**level for level in range(config.levels + 1)]
        inputs = [config.in_channels, *widths[:-1]]
        self.contracting = nn.ModuleList(
            _contract(i, o, config, level)
            for level, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        # By name: "level,step", where step 0 is the contracting path.
        self.up, self.expanding = nn.ModuleDict(), nn.ModuleDict()
        for step in range(1, config.levels + 1):
            for level in range(config.levels - step + 1):
                width, node = widths[level], f"{level},{step}"
                self.up[node] = go_up(widths[level + 1], width, config, level)
                self.expanding[node] = _expand(
                    (step + 1) * width, width, width, config, level
                )
        heads = config.levels if config.deep_supervision else 1
        self.heads = nn.ModuleList(_head(widths[0], config) for _ in range(heads))

    def forward(self, image: Tensor, spare: int = 0) -> Tensor:
        """Return the logits of a batch of images, as `UNet.forward` does."""
        self.check_size(image.shape[2:])
        levels = self.config.levels
        rows: list[list[Tensor]] = []  # of each level, its nodes so far
        x = image
        for level, block in enumerate(self.contracting):
            x = block(x if level == 0 else self.pools[level - 1](x))
            rows.append([x])
        for step in range(1, levels + 1):
            for level in range(levels - step + 1):
                node = f"{level},{step}"
                below = self.up[node](rows[level + 1][step - 1])
                joined = torch.cat([*rows[level], below], dim=1)
                rows[level].append(self.expanding[node](joined))
        outputs = rows[0][1:] if self.config.deep_supervision else rows[0][-1:]
        logits = [head(x) for head, x in zip(self.heads, outputs, strict=True)]
        return trim(torch.stack(logits).mean(dim=0), spare)


def build_network(config: NetworkConfig, seed: int | None = None) -> Network:
    """Return the member of the family that the settings describe."""
    kind = NestedUNet if config.architecture == "unet++" else UNet
    return kind(config, seed)


def parameter_count(network: nn.Module) -> int:
    """Return how many numbers training may change."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
