"""What a U-Net is made of: convolutions with their padding, blocks, ways up, gates."""

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.functional import conv2d, conv3d, pad

from napari_unet.core.config import NetworkConfig

# Of the Freiburg plugin (Falk et al., 2019).
_LEAK = 0.1


class _PartialPadding:
    """A convolution that makes up for the pixels missing beyond the edge.

    Zeros stand beyond the edge, and the sum is scaled by how much of the kernel lies
    inside: 9/6 along an edge, 9/4 in a corner (Liu et al. 2018, arXiv:1811.11718).
    """

    def forward(self: Any, input: Tensor) -> Tensor:
        """Return (N, O, [Z,] Y, X) for an input (N, I, [Z,] Y, X)."""
        convolution: Callable[..., Tensor] = conv3d if input.ndim == 5 else conv2d
        ones = input.new_ones(1, 1, *input.shape[2:])
        kernel = input.new_ones(1, 1, *self.kernel_size)
        inside = convolution(ones, kernel, padding=self.padding)
        share: Tensor = inside / math.prod(self.kernel_size)
        sums = convolution(
            input,
            self.weight,
            None,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )
        out = sums / share.to(sums.dtype)
        if self.bias is None:
            return out
        bias: Tensor = self.bias.to(out.dtype)
        return out + bias.reshape(-1, *(1,) * (input.ndim - 2))


class PartialConv2d(_PartialPadding, nn.Conv2d):
    """A partial convolution of planes."""


class PartialConv3d(_PartialPadding, nn.Conv3d):
    """A partial convolution of volumes."""


def convolve(
    inputs: int, outputs: int, config: NetworkConfig, level: int, *, groups: int = 1
) -> nn.Module:
    """Return a 3x3 convolution with the padding of the network.

    In 3D its kernel is as long along Z, but 1 on levels that this axis lacks.
    """
    kernel = (3, 3) if config.dimensions == 2 else (_along_z(config, level, 3), 3, 3)
    padding = tuple(0 if config.padding == "valid" else n // 2 for n in kernel)
    kind: Any = nn.Conv2d if config.dimensions == 2 else nn.Conv3d
    mode = "zeros"
    if config.padding == "partial":
        kind = PartialConv2d if config.dimensions == 2 else PartialConv3d
    elif config.padding == "reflect":
        mode = "reflect"
    convolution: nn.Module = kind(
        inputs,
        outputs,
        kernel,
        padding=padding,
        padding_mode=mode,
        groups=groups,
        bias=has_bias(config),
    )
    return convolution


def mix_channels(
    inputs: int, outputs: int, config: NetworkConfig, *, bias: bool
) -> nn.Module:
    """Return a convolution of single pixels, 1x1."""
    kind = nn.Conv2d if config.dimensions == 2 else nn.Conv3d
    return kind(inputs, outputs, 1, bias=bias)


def pool(config: NetworkConfig, level: int) -> nn.Module:
    """Return the maximum of 2x2 pixels, on the way from a level to the one below."""
    if config.dimensions == 2:
        return nn.MaxPool2d(2)
    return nn.MaxPool3d((_along_z(config, level, 2), 2, 2))


def _along_z(config: NetworkConfig, level: int, length: int) -> int:
    """Return the length along Z of a kernel or pool: 1 on levels that Z lacks."""
    return length if level >= config.levels - config.levels_z else 1


def has_bias(config: NetworkConfig) -> bool:
    """Tell whether convolutions have a bias: a normalisation would take it away."""
    return config.norm == "none" or config.norm_place == "contracting"


def normalise(channels: int, config: NetworkConfig) -> list[nn.Module]:
    """Return the normalisation after a convolution, if there is one."""
    flat = config.dimensions == 2
    if config.norm == "batch":
        return [(nn.BatchNorm2d if flat else nn.BatchNorm3d)(channels)]
    if config.norm == "instance":
        kind = nn.InstanceNorm2d if flat else nn.InstanceNorm3d
        return [kind(channels, affine=True)]
    return []


def activate(config: NetworkConfig) -> nn.Module:
    """Return the activation."""
    if config.activation == "leaky":
        return nn.LeakyReLU(_LEAK, inplace=True)
    return nn.ReLU(inplace=True)


def drop(config: NetworkConfig) -> nn.Module:
    """Return the dropout: of single values, or of whole feature maps [1]_.

    References
    ----------
    .. [1] Tompson et al. (2015). Efficient Object Localization Using Convolutional
           Networks. CVPR. arXiv:1411.4280
    """
    if config.dropout_kind == "values":
        return nn.Dropout(config.dropout)
    kind = nn.Dropout2d if config.dimensions == 2 else nn.Dropout3d
    return kind(config.dropout)


def plain_block(
    inputs: int, middle: int, outputs: int, config: NetworkConfig, level: int
) -> nn.Sequential:
    """Two 3x3 convolutions, each with its normalisation and activation."""
    layers: list[nn.Module] = []
    for source, target in ((inputs, middle), (middle, outputs)):
        if layers and config.dropout > 0 and config.dropout_place == "blocks":
            layers.append(drop(config))
        layers += [
            convolve(source, target, config, level),
            *normalise(target, config),
            activate(config),
        ]
    return nn.Sequential(*layers)


def separable_block(
    inputs: int, outputs: int, config: NetworkConfig, level: int
) -> nn.Sequential:
    """Two depth-wise 3x3 and point-wise 1x1 convolutions, as in MobileNet [1]_.

    References
    ----------
    .. [1] Howard et al. (2017). MobileNets. arXiv:1704.04861
    """
    layers: list[nn.Module] = []
    for source in (inputs, outputs):
        layers += [
            convolve(source, source, config, level, groups=source),
            *normalise(source, config),
            activate(config),
            mix_channels(source, outputs, config, bias=has_bias(config)),
            *normalise(outputs, config),
            activate(config),
        ]
    return nn.Sequential(*layers)


class ResidualBlock(nn.Module):
    """A plain block whose input is added before the last activation [1]_.

    References
    ----------
    .. [1] He, Zhang, Ren & Sun (2016). Deep Residual Learning. CVPR.
    """

    def __init__(
        self, inputs: int, middle: int, outputs: int, config: NetworkConfig, level: int
    ) -> None:
        super().__init__()
        self.path = plain_block(inputs, middle, outputs, config, level)[:-1]
        self.shortcut = nn.Sequential(
            mix_channels(inputs, outputs, config, bias=has_bias(config)),
            *normalise(outputs, config),
        )
        self.activation = activate(config)

    def forward(self, image: Tensor) -> Tensor:
        """Return (N, O, y, x); smaller than the input where there is no padding."""
        path = self.path(image)
        shortcut = crop(self.shortcut(image), path)
        return cast("Tensor", self.activation(path + shortcut))


class AttentionGate(nn.Module):
    """Weigh each pixel of a skip connection by what comes up from below [1]_.

    References
    ----------
    .. [1] Oktay et al. (2018). Attention U-Net. arXiv:1804.03999
    """

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        bias = has_bias(config)
        self.of_skip = nn.Sequential(
            mix_channels(channels, inner, config, bias=bias),
            *normalise(inner, config),
        )
        self.of_below = nn.Sequential(
            mix_channels(channels, inner, config, bias=bias),
            *normalise(inner, config),
        )
        self.weigh = nn.Sequential(
            nn.ReLU(inplace=True),
            mix_channels(inner, 1, config, bias=True),
            nn.Sigmoid(),
        )

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        """Return the weighted skip connection (N, C, Y, X)."""
        weights = self.weigh(self.of_skip(skip) + self.of_below(below))
        return cast("Tensor", skip * weights)


def go_up(deep: int, shallow: int, config: NetworkConfig, level: int) -> nn.Sequential:
    """Double the size, up to `level`; all but ``bilinear`` halve the channels.

    An activation follows. The text of the paper names none; the authors' release has
    it.
    """
    flat = config.dimensions == 2
    factor = (2, 2) if flat else (_along_z(config, level, 2), 2, 2)
    if config.upsampling == "bilinear":
        mode = "bilinear" if flat else "trilinear"
        return nn.Sequential(nn.Upsample(scale_factor=factor, mode=mode))
    kind: Any
    if config.upsampling == "transposed":
        kind = nn.ConvTranspose2d if flat else nn.ConvTranspose3d
        return nn.Sequential(
            kind(deep, shallow, factor, stride=factor), activate(config)
        )
    kind = nn.Conv2d if flat else nn.Conv3d
    return nn.Sequential(
        nn.Upsample(scale_factor=factor, mode="nearest"),
        # A kernel of length 2 has no centre.
        _PadAfter([length - 1 for length in factor]),
        kind(deep, shallow, factor),
        activate(config),
    )


class _PadAfter(nn.Module):
    """Add zeros after the end of each spatial axis."""

    def __init__(self, lengths: Sequence[int]) -> None:
        super().__init__()
        self._lengths = [n for length in reversed(lengths) for n in (0, length)]

    def forward(self, image: Tensor) -> Tensor:
        """Return the larger image."""
        return pad(image, self._lengths)


def crop(image: Tensor, like: Tensor) -> Tensor:
    """Cut the middle out of an image; crop offsets 4, 16, 40, 88 at 572²."""
    if image.shape[2:] == like.shape[2:]:
        return image
    inside = tuple(
        slice((n - m) // 2, (n - m) // 2 + m)
        for n, m in zip(image.shape[2:], like.shape[2:], strict=True)
    )
    # torch takes a tuple with an ellipsis; its type hints do not.
    return image[(..., *inside)]  # type: ignore[index]


def trim(image: Tensor, edge: int) -> Tensor:
    """Take so many pixels off each side of the plane (..., Y, X)."""
    if edge == 0:
        return image
    return image[..., edge:-edge, edge:-edge]
