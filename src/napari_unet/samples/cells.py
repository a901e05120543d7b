"""Spread, touching cells, as a phase-contrast microscope shows them."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_unet.samples.layout import (
    Floats,
    Labels,
    ellipse,
    lay_out,
    lobe,
    measure_depth,
    scatter,
    single_pieces,
    smooth_noise,
    wobble,
)

CELLS_PIXEL_SIZE_UM = 0.65
_ROUND_RADIUS_PX = 14.0  # mean radius below which a cell has rounded up
# Amplitude of the light that passes the phase plate, and the distance in the picture
# over which its ring cannot tell scattered light from direct light.
_PLATE_AMPLITUDE = 0.5
_HALO_PX = 12.0


def make_cells(
    rng: Generator, shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], Labels]:
    """Return the image and the labels of a field of cells, margin included."""
    layout = lay_out(
        rng,
        shape,
        _draw_cell,
        coverage=0.5,
        sociable=0.85,
        closeness=(0.7, 0.95),
        overlap=0.3,
    )
    labels = single_pieces(layout.owner, smallest=150)
    # Rounded cells have pulled free of the others; those that others flatten go.
    rounded = layout.mean_radii < _ROUND_RADIUS_PX
    area = np.bincount(labels.ravel(), minlength=rounded.size)
    squeezed = rounded & (area < 0.96 * np.pi * layout.mean_radii**2)
    labels[squeezed[labels]] = 0
    phase = _delay(rng, labels, rounded)
    light = _pass_phase_plate(np.exp(1j * phase) * _dust(rng, labels.shape))
    return _expose(rng, light), labels


def _draw_cell(rng: Generator) -> Floats:
    """Return the radii of a cell, mostly 25 to 50 µm long, with pointed lamellae."""
    if rng.random() < 0.09:  # rounded up to divide
        return ellipse(rng, rng.uniform(9.5, 12), rng.uniform(1, 1.15))
    radius = 20 * np.exp(0.15 * rng.standard_normal())
    radii = ellipse(rng, radius, rng.uniform(1.1, 1.8)) * wobble(rng, 0.1, 7)
    for direction in rng.uniform(0, 2 * np.pi, rng.integers(2, 6)):
        radii *= 1 + rng.uniform(0.2, 0.8) * lobe(direction, rng.uniform(0.2, 0.5))
    return radii


def _delay(rng: Generator, labels: Labels, rounded: NDArray[np.bool_]) -> Floats:
    """Return by how many radians the cells delay the light."""
    whole, depth, inside = labels.shape, measure_depth(labels), labels > 0
    deepest = np.asarray(ndimage.maximum(depth, labels, np.arange(rounded.size)))
    deepest = np.maximum(deepest, 1)
    inner = depth / deepest[labels]  # 0 at the edge, 1 where the cell is widest
    nuclear = _place_nuclei(rng, labels, depth, deepest)
    nucleus = inside & (nuclear < 0)

    # A thin lamella, a thicker body, and ruffles: parts of a free edge folded up.
    height = 0.17 * np.exp(0.15 * rng.standard_normal(rounded.size))
    phase = height[labels] * ((1 - np.exp((0.5 - depth) / 2)) + 1.2 * inner**2)
    free = ndimage.gaussian_filter(1.0 * ~inside, 4) * np.exp(-((depth / 2.5) ** 2))
    phase += 0.8 * np.maximum(smooth_noise(rng, whole, 6) - 0.8, 0) * free
    grain = 0.025 * smooth_noise(rng, whole, 1.0) + 0.015 * smooth_noise(rng, whole, 4)
    phase += np.where(nucleus, 0.3, 1) * grain
    # The nucleus has a rim and dark nucleoli; granules lie around it.
    phase += 0.10 * np.exp(-((nuclear / 1.1) ** 2)) - 0.04 * nucleus
    area = int(inside.sum())
    phase += 0.40 * scatter(rng, nucleus & (nuclear < -3), area // 500, 1.5)
    near = inside & (nuclear > 1) & (rng.random(whole) < np.exp(-nuclear / 8))
    near &= depth > 2
    phase += 0.25 * scatter(rng, near, area // 130, 0.9)
    phase += 0.40 * scatter(rng, near, area // 1200, 1.3)

    ball = np.sqrt(1 - (1 - inner) ** 2) * (2.15 + 0.2 * smooth_noise(rng, whole, 1.5))
    phase = np.where(inside, np.where(rounded[labels], ball, phase), 0)
    phase += 0.3 * scatter(rng, ~inside, 12, 1.0)  # debris
    return np.asarray(ndimage.gaussian_filter(phase, 0.6))


def _place_nuclei(
    rng: Generator, labels: Labels, depth: Floats, deepest: Floats
) -> Floats:
    """Return how many pixels outside its cell's nucleus each pixel lies (< 0: inside).

    The nucleus is an ellipse where the cell is widest.
    """
    numbers = np.arange(deepest.size)
    centre = np.array(ndimage.maximum_position(depth, labels, numbers), float)
    turn = rng.uniform(0, np.pi, deepest.size)[labels]
    y, x = np.indices(labels.shape)
    y, x = y - centre[labels, 0], x - centre[labels, 1]
    along = (np.cos(turn) * x + np.sin(turn) * y) / 1.15
    across = (np.cos(turn) * y - np.sin(turn) * x) * 1.15
    radius = np.minimum(10, 0.75 * deepest) * rng.uniform(0.85, 1, deepest.size)
    return np.asarray(np.hypot(along, across) - radius[labels])


def _dust(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Return the light wave behind a few specks of dust far out of focus."""
    specks = 0.5 * scatter(rng, np.ones(shape, bool), 4, 1.5)
    u, v = (fft.fftfreq(n) for n in shape)
    defocus = np.exp(-1j * 220 * (u[:, None] ** 2 + v**2))
    return np.asarray(fft.ifft2(fft.fft2(np.exp(1j * specks)) * defocus))


def _pass_phase_plate(wave: NDArray[np.complex128]) -> Floats:
    """Return the intensity behind a positive phase plate; an empty field has 1.

    The plate delays and dims the light that the specimen did not scatter (Zernike,
    1942). Light scattered by less than the width of the plate's ring passes through
    the ring too; that is where halo and shade-off come from.
    """
    direct = fft.ifft2(ndimage.fourier_gaussian(fft.fft2(wave), _HALO_PX))
    seen = (wave - direct) - 1j * _PLATE_AMPLITUDE * direct
    return np.asarray(np.abs(seen) ** 2 / _PLATE_AMPLITUDE**2)


def _expose(rng: Generator, light: Floats) -> NDArray[np.uint8]:
    """Return what an 8-bit camera shows: uneven lamp, grain and noise."""
    shape = light.shape
    light = ndimage.gaussian_filter(light, 0.7)
    y, x = (np.linspace(-0.5, 0.5, n) for n in shape)
    tilt = rng.uniform(-0.2, 0.2, 2)
    lamp = 1 + tilt[0] * y[:, None] + tilt[1] * x + 0.03 * smooth_noise(rng, shape, 50)
    grain = 0.015 * smooth_noise(rng, shape, 1.5)
    grey = 88 * lamp * (light + grain) + 2 * rng.standard_normal(shape)
    return np.asarray(np.clip(np.rint(grey), 0, 255), np.uint8)
