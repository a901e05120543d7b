"""What a U-Net is made of: convolutions with their padding, blocks, ways up, gates."""

import math
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import conv2d

from napari_unet.core.config import NetworkConfig

# Of the Freiburg plugin (Falk et al., 2019).
_LEAK = 0.1


class PartialConv2d(nn.Conv2d):
    """A convolution that makes up for the pixels missing beyond the edge.

    Zeros stand beyond the edge, and the sum is scaled by how much of the kernel lies
    inside: 9/6 along an edge, 9/4 in a corner (Liu et al. 2018, arXiv:1811.11718).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, O, Y, X) for an input (N, I, Y, X)."""
        ones = input.new_ones(1, 1, *input.shape[2:])
        kernel = input.new_ones(1, 1, *self.kernel_size)
        inside = conv2d(ones, kernel, padding=cast("tuple[int, int]", self.padding))
        total = math.prod(self.kernel_size)
        out = conv2d(
            input,
            self.weight,
            None,
            self.stride,
            cast("tuple[int, int]", self.padding),
            self.dilation,
            self.groups,
        )
        out = out * (total / inside).to(out.dtype)
        if self.bias is None:
            return out
        return out + self.bias.to(out.dtype)[:, None, None]


def convolve(
    inputs: int, outputs: int, config: NetworkConfig, *, groups: int = 1
) -> nn.Conv2d:
    """Return a 3x3 convolution with the padding of the network."""
    bias = has_bias(config)
    padding = 0 if config.padding == "valid" else 1
    if config.padding == "partial":
        return PartialConv2d(inputs, outputs, 3, padding=1, groups=groups, bias=bias)
    return nn.Conv2d(
        inputs,
        outputs,
        3,
        padding=padding,
        padding_mode="reflect" if config.padding == "reflect" else "zeros",
        groups=groups,
        bias=bias,
    )


def has_bias(config: NetworkConfig) -> bool:
    """Tell whether convolutions have a bias: a normalisation would take it away."""
    return config.norm == "none" or config.norm_place == "contracting"


def normalise(channels: int, config: NetworkConfig) -> list[nn.Module]:
    """Return the normalisation after a convolution, if there is one."""
    if config.norm == "batch":
        return [nn.BatchNorm2d(channels)]
    if config.norm == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    return []


def activate(config: NetworkConfig) -> nn.Module:
    """Return the activation."""
    if config.activation == "leaky":
        return nn.LeakyReLU(_LEAK, inplace=True)
    return nn.ReLU(inplace=True)


def plain_block(
    inputs: int, middle: int, outputs: int, config: NetworkConfig
) -> nn.Sequential:
    """Two 3x3 convolutions, each with its normalisation and activation."""
    layers: list[nn.Module] = []
    for source, target in ((inputs, middle), (middle, outputs)):
        if layers and config.dropout > 0 and config.dropout_place == "blocks":
            layers.append(nn.Dropout(config.dropout))
        layers += [
            convolve(source, target, config),
            *normalise(target, config),
            activate(config),
        ]
    return nn.Sequential(*layers)


def separable_block(inputs: int, outputs: int, config: NetworkConfig) -> nn.Sequential:
    """Two depth-wise 3x3 and point-wise 1x1 convolutions, as in MobileNet [1]_.

    References
    ----------
    .. [1] Howard et al. (2017). MobileNets. arXiv:1704.04861
    """
    layers: list[nn.Module] = []
    for source in (inputs, outputs):
        layers += [
            convolve(source, source, config, groups=source),
            *normalise(source, config),
            activate(config),
            nn.Conv2d(source, outputs, 1, bias=has_bias(config)),
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
        self, inputs: int, middle: int, outputs: int, config: NetworkConfig
    ) -> None:
        super().__init__()
        self.path = plain_block(inputs, middle, outputs, config)[:-1]
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, bias=has_bias(config)),
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
            nn.Conv2d(channels, inner, 1, bias=bias), *normalise(inner, config)
        )
        self.of_below = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=bias), *normalise(inner, config)
        )
        self.weigh = nn.Sequential(
            nn.ReLU(inplace=True), nn.Conv2d(inner, 1, 1), nn.Sigmoid()
        )

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        """Return the weighted skip connection (N, C, Y, X)."""
        weights = self.weigh(self.of_skip(skip) + self.of_below(below))
        return cast("Tensor", skip * weights)


def go_up(deep: int, shallow: int, config: NetworkConfig) -> nn.Sequential:
    """Double the size; all but ``bilinear`` halve the channels, with an activation.

    The text of the paper names none; the authors' release has it.
    """
    if config.upsampling == "transposed":
        return nn.Sequential(
            nn.ConvTranspose2d(deep, shallow, 2, stride=2), activate(config)
        )
    if config.upsampling == "bilinear":
        return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"))
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.ZeroPad2d((0, 1, 0, 1)),  # a 2x2 kernel has no centre
        nn.Conv2d(deep, shallow, 2),
        activate(config),
    )


def crop(image: Tensor, like: Tensor) -> Tensor:
    """Cut the middle out of an image; crop offsets 4, 16, 40, 88 at 572²."""
    rows, columns = (
        (n - m) // 2 for n, m in zip(image.shape[2:], like.shape[2:], strict=True)
    )
    if rows == columns == 0:
        return image
    return image[..., rows : rows + like.shape[2], columns : columns + like.shape[3]]
