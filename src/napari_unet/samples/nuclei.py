"""Crowded nuclei, as a widefield fluorescence microscope shows them."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.samples.layout import (
    Floats,
    Labels,
    ellipse,
    lay_out,
    measure_depth,
    scatter,
    single_pieces,
    smooth_noise,
    wobble,
)

NUCLEI_PIXEL_SIZE_UM = 0.5
_PLATE_RADIUS_PX = 9.0  # mean radius below which the chromosomes are condensed


def make_nuclei(
    rng: Generator, shape: tuple[int, int]
) -> tuple[NDArray[np.uint16], Labels]:
    """Return the image and the labels of a field of nuclei, margin included."""
    layout = lay_out(
        rng,
        shape,
        _draw_nucleus,
        coverage=0.4,
        sociable=0.8,
        closeness=(0.92, 1.02),
        overlap=0.08,
    )
    labels = single_pieces(layout.owner, smallest=100)
    return _expose(rng, _stain(rng, labels, layout.mean_radii)), labels


def _draw_nucleus(rng: Generator) -> Floats:
    """Return the radii of a nucleus, mostly 10 to 18 µm long."""
    if rng.random() < 0.04:  # chromosomes of a dividing cell, gathered in a plate
        radii = ellipse(rng, rng.uniform(7, 8.5), rng.uniform(1.3, 2.2))
        return radii * wobble(rng, 0.16, 8)
    radius = 13 * np.exp(0.12 * rng.standard_normal())
    radii = ellipse(rng, radius, rng.uniform(1.05, 1.75))
    lobes = 0.12 if rng.random() < 0.15 else 0.05
    return radii * wobble(rng, lobes, 6)


def _stain(rng: Generator, labels: Labels, mean_radii: Floats) -> Floats:
    """Return the fluorescence of the nuclei after the lens; a usual nucleus has 1."""
    whole, depth = labels.shape, measure_depth(labels)
    number = mean_radii.size
    condensed = mean_radii < _PLATE_RADIUS_PX
    # The same DNA in a smaller nucleus is brighter; staining and cell cycle add to it.
    brightness = np.exp(0.22 * rng.standard_normal(number))
    brightness *= 13 / np.maximum(mean_radii, 6)
    soft = (rng.random(number) < 0.07) & ~condensed  # lies out of focus
    brightness[soft] *= 0.8

    plate = 1.2 + 0.15 * smooth_noise(rng, whole, 1.2)
    inside = int((depth > 0).sum())
    chromatin = 1 + 0.11 * smooth_noise(rng, whole, 1.2)
    chromatin += 0.07 * smooth_noise(rng, whole, 3.5)
    chromatin += 0.5 * scatter(rng, depth > 3, inside // 80, 1.0)
    nucleoli = scatter(rng, depth > 5, inside // 350, 2.2)
    chromatin -= 0.45 * np.minimum(nucleoli, 1.2)
    texture = np.maximum(np.where(condensed[labels], plate, chromatin), 0.3)
    # A nucleus is round in z: thinner towards its rim, also where it meets another.
    thickness = 0.3 + 0.7 * np.sqrt(1 - (1 - np.minimum(depth / 7, 1)) ** 2)
    light = np.where(labels > 0, brightness[labels] * thickness * texture, 0)

    outside = depth == 0
    debris = scatter(rng, outside, 8, 1.2) + scatter(rng, outside, 5, 1.8)
    sharp = np.where(soft[labels], 0, light) + 0.4 * debris
    blurred = np.where(soft[labels], light, 0)
    seen: Floats = ndimage.gaussian_filter(sharp, 1.1)
    return np.asarray(seen + ndimage.gaussian_filter(blurred, 2.6))


def _expose(rng: Generator, light: Floats) -> NDArray[np.uint16]:
    """Return what a 12-bit camera counts: haze, uneven lamp, noise and offset."""
    shape = light.shape
    haze = 0.10 * ndimage.gaussian_filter(light, 6)
    haze += 0.16 * ndimage.gaussian_filter(light, 30)
    background = np.maximum(0.05 + 0.012 * smooth_noise(rng, shape, 60), 0.02)
    y, x = np.ogrid[: shape[0], : shape[1]]
    centre = rng.uniform(0.3, 0.7, 2) * shape
    distance = np.hypot(y - centre[0], x - centre[1]) / max(shape)
    lamp = 1 - 0.45 * distance**2
    photons = rng.poisson(260 * lamp * (light + haze + background))
    counts = 120 + 2.1 * photons + 4 * rng.standard_normal(shape)
    return np.asarray(np.clip(np.rint(counts), 0, 4095), np.uint16)
