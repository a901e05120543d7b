"""Random deformations and grey values: one for image, target and weights together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.interpolate import BSpline, CubicSpline
from torch import Tensor
from torch.nn.functional import conv2d, grid_sample, pad

from napari_unet.core.config import AugmentationConfig
from napari_unet.core.prediction.tiling import mirror_indices
from napari_unet.core.training.intensity_curve import bend, draw_curves

# Half of a normal distribution lies within this part of its standard deviation.
_MEDIAN_OF_NORMAL = 0.6745
# In the range of normalised grey values, -1 to 1.
_LEAST_NOISE = 0.01
# Illumination changes across a patch as slowly as a spline through 3x3 values.
_SHADING_NODES = 3


@dataclass(frozen=True, slots=True)
class GreyStatistics:
    """Of the normalised grey values of an image.

    Parameters
    ----------
    spread : Tensor, shape (C, [1,] 1, 1)
        Standard deviation.
    noise : Tensor, shape (C, [1,] 1, 1)
        Standard deviation of what differs from one pixel to the next, at least 0.01.
    """

    spread: Tensor
    noise: Tensor


def measure_grey_values(grey: np.ndarray, device: torch.device) -> GreyStatistics:
    """Measure an image (C, [Z,] Y, X).

    Second differences along both axes leave noise and remove what is smooth
    (Immerkær 1996, :doi:`10.1006/cviu.1996.0060`); the median ignores edges.
    """
    differences = np.abs(np.diff(np.diff(grey, 2, axis=-1), 2, axis=-2))
    middle = np.array([np.median(d) if d.size else 0.0 for d in differences])
    # The mask 1 -2 1 in both directions multiplies noise by 6.
    noise = np.maximum(middle / (6 * _MEDIAN_OF_NORMAL), _LEAST_NOISE)

    def column(values: np.ndarray) -> Tensor:
        column = values.astype(np.float32).reshape(-1, *(1,) * (grey.ndim - 1))
        return torch.from_numpy(column).to(device)

    spread = grey.reshape(len(grey), -1).std(axis=1)
    return GreyStatistics(column(spread), column(noise))


@dataclass(frozen=True, slots=True)
class Deformation:
    """Where each pixel of a patch comes from, relative to the patch's centre.

    Parameters
    ----------
    matrix : ndarray, shape (2, 2)
        Mirroring, rotation, scale and shear of the offset (y, x) from the centre.
    nodes : ndarray, shape (2, n, m)
        Displacement (y, x) in pixels at a grid of nodes.
    spacing : float
        Distance of the nodes in pixels, one of them in the patch's centre: weights of a
        cubic B-spline, which passes near its nodes. 0 where the nodes span the patch:
        a cubic spline then passes through them.
    upside_down : bool
        Whether the planes of a volume are in reverse order. Volumes are deformed alike
        in all planes: along Z, pixels are often much longer.
    """

    matrix: np.ndarray
    nodes: np.ndarray
    spacing: float = 0.0
    upside_down: bool = False

    def source(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """Return the offsets (2, Y, X) from the centre at which to read, in pixels."""
        rows, columns = (
            torch.arange(n, device=device, dtype=torch.float32) - (n - 1) / 2
            for n in shape
        )
        (a, b), (c, d) = self.matrix.tolist()
        y, x = rows[:, None], columns[None, :]
        offsets = torch.stack([a * y + b * x, c * y + d * x])
        if not self.nodes.any():
            return offsets
        bases = [
            torch.from_numpy(_basis(length, nodes, self.spacing)).to(device)
            for length, nodes in zip(shape, self.nodes.shape[1:], strict=True)
        ]
        nodes = torch.from_numpy(self.nodes.astype(np.float32)).to(device)
        return offsets + bases[0] @ nodes @ bases[1].T

    def planes(self, centre: float, depth: int, length: int) -> np.ndarray:
        """Return which planes of a volume, of `length` in all, the patch reads.

        Beyond the first and the last plane it is mirrored, as in prediction.
        """
        first = math.ceil(centre - depth / 2)
        planes = mirror_indices(first, first + depth, length)
        return planes[::-1].copy() if self.upside_down else planes


@lru_cache(maxsize=16)
def spline_basis(length: int, nodes: int) -> np.ndarray:
    """Return the weights of `nodes` values at `length` places, (length, nodes) float32.

    The interpolating cubic spline with zero slope at both ends: at the nodes it has
    exactly their values.
    """
    places = np.linspace(0, nodes - 1, length) if length > 1 else np.array([0.0])
    spline = CubicSpline(np.arange(nodes), np.eye(nodes), bc_type="clamped")
    return np.asarray(spline(places), np.float32)


def count_nodes(length: int, spacing: float) -> int:
    """Return how many nodes at this distance reach beyond both ends of a patch."""
    return 2 * math.ceil((length - 1) / 2 / spacing + 1) + 1


@lru_cache(maxsize=16)
def b_spline_basis(length: int, nodes: int, spacing: float) -> np.ndarray:
    """Return the weights of `nodes` values at `length` places, (length, nodes) float32.

    The uniform cubic B-spline, the middle node in the middle: 1/6, 4/6 and 1/6 of three
    neighbours at a node. It smooths: of the standard deviation of independent values
    in two dimensions 0.5 is left at the nodes, 0.46 between them, 0.479 in all.
    """
    places = (np.arange(length) - (length - 1) / 2) / spacing
    spline = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
    away = places[:, None] - (np.arange(nodes) - (nodes - 1) / 2)
    return np.asarray(np.nan_to_num(spline(away)), np.float32)


def _basis(length: int, nodes: int, spacing: float) -> np.ndarray:
    if spacing > 0:
        return b_spline_basis(length, nodes, spacing)
    return spline_basis(length, nodes)


def draw_deformation(
    config: AugmentationConfig, rng: np.random.Generator, shape: Sequence[int]
) -> Deformation:
    """Draw a random mirroring, rotation, scale, shear and elastic deformation.

    The elastic part is the paper's: Gaussian displacements of 10 px standard deviation
    on a 3x3 grid, interpolated by cubics; or that of Falk et al. (2019,
    :doi:`10.1038/s41592-018-0261-2`), where the nodes have a distance. By default half
    of the patches are only mirrored and turned by right angles: interpolation blurs,
    and the network must also see pixels as sharp as those it will predict.

    Parameters
    ----------
    config : AugmentationConfig
        How strong.
    rng : Generator
        Where the random numbers come from.
    shape : sequence of int
        ([Z,] Y, X) of the patch.
    """
    spacing = config.elastic_spacing
    counts = [
        count_nodes(length, spacing) if spacing > 0 else config.elastic_nodes
        for length in shape[-2:]
    ]
    nodes = rng.normal(0, 1, (len(counts), *counts)) * config.elastic_px
    angle = np.deg2rad(rng.uniform(-1, 1) * config.rotation)
    shear = np.deg2rad(rng.uniform(-1, 1) * config.shear)
    # Shrinking and growing by the same ratio are equally likely.
    scale = np.exp(rng.uniform(-1, 1) * np.log1p(config.scale))
    if rng.random() < config.sharp:
        quarters = int(config.rotation // 90)
        angle, scale = np.pi / 2 * rng.integers(-quarters, quarters + 1), 1.0
        nodes = np.zeros_like(nodes)
        shear = 0.0
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cos, -sin], [sin, cos]]) @ [[1, np.tan(shear)], [0, 1]]
    if config.flip and rng.random() < 0.5:
        matrix[:, 1] *= -1
    upside_down = len(shape) == 3 and config.flip and bool(rng.random() < 0.5)
    return Deformation(matrix, nodes, spacing, upside_down)


def no_deformation() -> Deformation:
    """Return the deformation that changes nothing."""
    return Deformation(np.eye(2), np.zeros((2, 3, 3)))


def read_patch(
    planes: Tensor,
    centre: Sequence[float],
    offsets: Tensor,
    *,
    nearest: bool = False,
) -> Tensor:
    """Read a deformed patch out of an image.

    Parameters
    ----------
    planes : Tensor, shape (C, [Z,] Y, X)
        Grey values, or classes and weights; the planes of a volume are deformed alike.
    centre : tuple of float
        The pixel (y, x) in the middle of the patch.
    offsets : Tensor, shape (2, y, x)
        See `Deformation.source`.
    nearest : bool
        Take the nearest pixel, so that classes stay classes; else linear.

    Returns
    -------
    Tensor, shape (C, [Z,] y, x)
        Beyond the edge the image is mirrored, as in prediction.
    """
    height, width = planes.shape[-2:]
    # grid_sample counts from -1 (first pixel's centre) to 1 (last pixel's centre).
    y = (offsets[0] + centre[0]) * (2 / max(height - 1, 1)) - 1
    x = (offsets[1] + centre[1]) * (2 / max(width - 1, 1)) - 1
    patch = grid_sample(
        planes.reshape(1, -1, height, width),
        torch.stack([x, y], dim=-1)[None],
        mode="nearest" if nearest else "bilinear",
        padding_mode="reflection",
        align_corners=True,
    )
    return patch.reshape(*planes.shape[:-2], *offsets.shape[1:])


def change_grey_values(
    patch: Tensor,
    statistics: GreyStatistics,
    config: AugmentationConfig,
    rng: np.random.Generator,
) -> Tensor:
    """Return a patch (C, [Z,] Y, X) with random changes of its grey values.

    Shifts and noise follow the image that the patch is from: what is little for an
    image of strong contrast would drown the cells of a faint one.
    """
    if config.curve:
        patch = bend(patch, draw_curves(len(patch), rng))
    contrast = 1 + rng.uniform(-1, 1) * config.contrast
    brightness = rng.uniform(-1, 1) * config.brightness * statistics.spread
    patch = change_gamma(patch, math.log1p(config.gamma) * rng.uniform(-1, 1))
    patch = patch * contrast + brightness
    if config.shading > 0:
        patch = shade(patch, config.shading * statistics.spread, config.shading, rng)
    patch = blur(patch, rng.uniform(0, 1) * config.blur_px)
    noise = rng.uniform(0, 1) * config.noise
    if noise > 0:
        generator = torch.Generator(patch.device).manual_seed(int(rng.integers(2**31)))
        grain = torch.randn(patch.shape, generator=generator, device=patch.device)
        patch += _noise_level(noise, statistics, config) * grain
    return patch


def _noise_level(
    noise: float, statistics: GreyStatistics, config: AugmentationConfig
) -> Tensor:
    """Return the standard deviation of the noise to add, (C, [1,] 1, 1).

    What is measured as noise may be texture: at most as much noise as there is contrast
    is added, or nothing would be left to see.
    """
    contrast = torch.maximum(statistics.spread, statistics.noise)
    strongest = torch.minimum(config.noise * statistics.noise, contrast)
    return noise / config.noise * strongest


def shade(
    patch: Tensor, haze: Tensor, vignetting: float, rng: np.random.Generator
) -> Tensor:
    """Return a patch (C, [Z,] Y, X) under uneven light, with a smooth background.

    Parameters
    ----------
    patch : Tensor, shape (C, [Z,] Y, X)
        Grey values, of which -1 is dark.
    haze : Tensor, shape (C, [1,] 1, 1)
        Largest grey value that is added anywhere.
    vignetting : float
        Largest relative change of the light anywhere.
    rng : Generator
        Where the random numbers come from.
    """
    rows, columns = (
        torch.from_numpy(spline_basis(length, _SHADING_NODES)).to(patch.device)
        for length in patch.shape[-2:]
    )
    nodes = rng.uniform(-1, 1, (2, _SHADING_NODES, _SHADING_NODES)).astype(np.float32)
    light, glow = rows @ torch.from_numpy(nodes).to(patch.device) @ columns.T
    shaded: Tensor = (patch + 1) * (1 + vignetting * light) - 1 + haze * glow
    return shaded


def change_gamma(patch: Tensor, log_exponent: float) -> Tensor:
    """Raise grey values, of which -1 and 1 stay, to a power."""
    if log_exponent == 0:
        return patch
    unit = (patch + 1) / 2
    return 2 * unit.sign() * unit.abs() ** math.exp(log_exponent) - 1


def blur(patch: Tensor, sigma: float) -> Tensor:
    """Return a patch (C, [Z,] Y, X), each plane blurred by a Gaussian.

    Beyond its edges it is mirrored.
    """
    radius = min(math.ceil(3 * sigma), min(patch.shape[-2:]) - 1)
    if radius < 1:
        return patch
    steps = torch.arange(-radius, radius + 1, device=patch.device, dtype=patch.dtype)
    kernel = torch.exp(-steps.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum())[None, None, :, None]
    planes = patch.reshape(-1, 1, *patch.shape[-2:])
    rows = pad(planes, (0, 0, radius, radius), mode="reflect")
    rows = conv2d(rows, kernel)
    columns = pad(rows, (radius, radius, 0, 0), mode="reflect")
    return conv2d(columns, kernel.mT).reshape(patch.shape)
