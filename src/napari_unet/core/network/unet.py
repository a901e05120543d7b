"""The U-Net of Ronneberger, Fischer & Brox (2015) and its same-size form."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from napari_unet.core.config import NetworkConfig
from napari_unet.core.network.geometry import Geometry


class UNet(nn.Module):
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
    .. [2] He, Zhang, Ren & Sun (2015). Delving Deep into Rectifiers. ICCV.
    """

    def __init__(self, config: NetworkConfig, seed: int | None = None) -> None:
        super().__init__()
        self.config = config
        self.geometry = Geometry(config)
        widths = [config.base_channels * 2**level for level in range(config.levels + 1)]
        inputs = [config.in_channels, *widths[:-1]]
        self.contracting = nn.ModuleList(
            # Dropout "at the end of the contracting path": the last two blocks.
            _block(i, o, config, dropout=level >= config.levels - 1)
            for level, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        self.pool = nn.MaxPool2d(2)
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]  # deep to shallow
        self.up = nn.ModuleList(_up(deep, shallow, config) for deep, shallow in pairs)
        self.expanding = nn.ModuleList(
            _block(2 * shallow, shallow, config) for _, shallow in pairs
        )
        self.head = nn.Conv2d(widths[0], config.classes, 1)
        self._initialise(seed)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits of a batch of images.

        Parameters
        ----------
        image : Tensor, shape (N, C, Y, X)
            Normalised grey values; sizes must fit (`Geometry.check_size`).

        Returns
        -------
        Tensor, shape (N, K, Y, X)
            Logits; smaller than the input by `Geometry.shrink` on each side.
        """
        self.geometry.check_size(tuple(image.shape[2:]))
        skips = []
        x = image
        for block in self.contracting[:-1]:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.contracting[-1](x)
        for up, block, skip in zip(self.up, self.expanding, skips[::-1], strict=True):
            x = up(x)
            x = block(torch.cat([_crop(skip, x), x], dim=1))
        return cast("Tensor", self.head(x))

    def _initialise(self, seed: int | None) -> None:
        """Draw Gaussian weights of standard deviation sqrt(2 / N), zero biases [2]_.

        N is how many numbers one output sums over. For a transposed 2x2 convolution
        of stride 2 that is its input channels; PyTorch's ``kaiming_normal_`` takes
        four times its *output* channels.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):
                fan_in = module.in_channels
            elif isinstance(module, nn.Conv2d):
                fan_in = module.in_channels * math.prod(module.kernel_size)
            else:
                continue
            nn.init.normal_(
                module.weight, std=math.sqrt(2 / fan_in), generator=generator
            )
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _block(
    inputs: int, outputs: int, config: NetworkConfig, *, dropout: bool = False
) -> nn.Sequential:
    """Two 3x3 convolutions, each with its normalisation and ReLU."""
    padding = 1 if config.padding == "same" else 0
    normalised = config.norm == "batch"
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(
            nn.Conv2d(channels, outputs, 3, padding=padding, bias=not normalised)
        )
        if normalised:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU(inplace=True))
    if dropout and config.dropout > 0:
        layers.append(nn.Dropout(config.dropout))
    return nn.Sequential(*layers)


def _up(deep: int, shallow: int, config: NetworkConfig) -> nn.Sequential:
    """Double the size and halve the channels; then ReLU, as in the authors' release."""
    if config.upsampling == "transposed":
        return nn.Sequential(
            nn.ConvTranspose2d(deep, shallow, 2, stride=2), nn.ReLU(inplace=True)
        )
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.ZeroPad2d((0, 1, 0, 1)),  # a 2x2 kernel has no centre
        nn.Conv2d(deep, shallow, 2),
        nn.ReLU(inplace=True),
    )


def _crop(skip: Tensor, like: Tensor) -> Tensor:
    """Cut the middle out of a skip connection; crop offsets 4, 16, 40, 88 at 572²."""
    margin = (like.shape[-1] - skip.shape[-1]) // 2
    rows = (like.shape[-2] - skip.shape[-2]) // 2
    return pad(skip, (margin, margin, rows, rows)) if margin or rows else skip


def parameter_count(network: nn.Module) -> int:
    """Return how many numbers training may change."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
