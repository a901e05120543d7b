"""Synthetic microscopy with exact truth: nuclei in fluorescence, cells in phase.

Every picture follows from its shape and seed alone. First the objects are laid out,
and with them the truth; then a microscope looks at them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from napari_unet.samples.cells import CELLS_PIXEL_SIZE_UM, make_cells
from napari_unet.samples.layout import Labels, in_reading_order, shown
from napari_unet.samples.nuclei import NUCLEI_PIXEL_SIZE_UM, make_nuclei

Grey = NDArray[np.uint8] | NDArray[np.uint16]
LayerData = tuple[NDArray[Any], dict[str, Any], str]

# Smaller pictures would not show one whole object.
_SMALLEST_SIDE_PX = 64
# Not among the seeds of the folder `sample_data`: a field that nothing was tried on.
_VIEWER_SEED = 2015


@dataclass(frozen=True, slots=True)
class Sample:
    """A synthetic image and its truth.

    Parameters
    ----------
    image : ndarray of uint8 or uint16, shape (Y, X)
        Grey values, as a camera gives them.
    labels : ndarray of uint16, shape (Y, X)
        0 is background; every object is one 4-connected piece, numbered 1, 2, … by
        its first pixel, row by row.
    pixel_size_um : tuple of two float
        Edge lengths of a pixel along (Y, X), in µm.
    """

    image: Grey
    labels: Labels
    pixel_size_um: tuple[float, float]


def fluorescence_nuclei(
    shape: tuple[int, int] = (512, 512), *, seed: int = 0
) -> Sample:
    """Return crowded nuclei, as a widefield fluorescence microscope shows them.

    Many touch, a few divide (small and bright), a few are out of focus; faint specks
    of debris are background.

    Parameters
    ----------
    shape : tuple of two int
        Size (Y, X) of the picture in pixels; 64 or more each.
    seed : int
        Another seed is another field of view.

    Returns
    -------
    Sample
        A 16-bit image of a 12-bit camera with its offset; 0.5 µm per pixel. No object
        has less than 100 pixels in the picture.

    Raises
    ------
    ValueError
        If the picture is too small.

    Examples
    --------
    >>> sample = fluorescence_nuclei((128, 160), seed=3)
    >>> sample.image.shape, sample.image.dtype, sample.pixel_size_um
    ((128, 160), dtype('uint16'), (0.5, 0.5))
    """
    return _look(make_nuclei, shape, seed, NUCLEI_PIXEL_SIZE_UM)


def phase_contrast_cells(
    shape: tuple[int, int] = (512, 512), *, seed: int = 0
) -> Sample:
    """Return spread, touching cells, as a phase-contrast microscope shows them.

    Their borders have bright halos, their inside is little darker than the background;
    a few have rounded up to divide. Specks and rings of dust are background.

    Parameters
    ----------
    shape : tuple of two int
        Size (Y, X) of the picture in pixels; 64 or more each.
    seed : int
        Another seed is another field of view.

    Returns
    -------
    Sample
        An 8-bit image, 0.65 µm per pixel. No object has less than 150 pixels in the
        picture.

    Raises
    ------
    ValueError
        If the picture is too small.
    """
    return _look(make_cells, shape, seed, CELLS_PIXEL_SIZE_UM)


def _look(
    make: Callable[[Generator, tuple[int, int]], tuple[Grey, Labels]],
    shape: tuple[int, int],
    seed: int,
    pixel_size_um: float,
) -> Sample:
    """Return the shown part of a field of view."""
    if len(shape) != 2 or min(shape) < _SMALLEST_SIDE_PX:
        raise ValueError(
            f"`shape` must be two sides of at least {_SMALLEST_SIDE_PX} pixels, "
            f"got {shape}."
        )
    image, labels = make(np.random.default_rng(seed), shape)
    return Sample(
        shown(image).copy(),
        in_reading_order(shown(labels)),
        (pixel_size_um, pixel_size_um),
    )


def open_nuclei() -> list[LayerData]:
    """Return the nuclei as a napari image layer, for File > Open Sample."""
    return _to_layers("Nuclei", fluorescence_nuclei(seed=_VIEWER_SEED))


def open_nuclei_with_truth() -> list[LayerData]:
    """Return the nuclei and their truth as napari layers."""
    sample = fluorescence_nuclei(seed=_VIEWER_SEED)
    return _to_layers("Nuclei", sample, with_truth=True)


def open_cells() -> list[LayerData]:
    """Return the cells as a napari image layer, for File > Open Sample."""
    return _to_layers("Cells", phase_contrast_cells(seed=_VIEWER_SEED))


def open_cells_with_truth() -> list[LayerData]:
    """Return the cells and their truth as napari layers."""
    sample = phase_contrast_cells(seed=_VIEWER_SEED)
    return _to_layers("Cells", sample, with_truth=True)


def _to_layers(
    name: str, sample: Sample, *, with_truth: bool = False
) -> list[LayerData]:
    """Return napari layer data: array, keywords, type of layer."""
    size = {"scale": sample.pixel_size_um, "units": ("µm", "µm")}
    layers: list[LayerData] = [(sample.image, {"name": name, **size}, "image")]
    if with_truth:
        layers.append((sample.labels, {"name": f"{name} truth", **size}, "labels"))
    return layers
