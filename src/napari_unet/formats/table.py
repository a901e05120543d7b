"""Measurements of every object, and CSV files of them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats.outlines import trace_outlines
from napari_unet.formats.whole_file import require_same, write_whole

Columns = dict[str, NDArray[Any]]
# Pixels count as square if their sides differ by less.
_SQUARE = 0.01


def measure_objects(
    labels: NDArray[np.integer],
    image: Image | None = None,
    pixel_size_um: Sequence[float] | None = None,
) -> Columns:
    """Measure every object of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        0 is background, every other value is one object.
    image : Image, optional
        Of the same shape: its grey values are measured, channel by channel.
    pixel_size_um : sequence of float, one per axis of `labels`, optional
        Edge lengths of a pixel; by default those of `image`.

    Returns
    -------
    dict of str to ndarray
        Columns with one value per object, in the order of the labels; the unit ends
        the name. In 2D: label, area, centroid, equivalent diameter, perimeter,
        eccentricity and solidity (area over that of the convex hull); in 3D: label,
        volume, centroid and equivalent diameter. Then mean and highest grey value of
        each channel. Columns in µm are there if the pixel size is known. The centre of
        the first pixel is 0, as in
        napari. A perimeter in µm needs square pixels.

    Raises
    ------
    InputError
        If the image has another shape than the labels.

    Examples
    --------
    >>> columns = measure_objects(np.array([[0, 5, 5]]), pixel_size_um=(2, 3))
    >>> columns["label"].item(), columns["area_um2"].item()
    (5, 12.0)
    """
    if image is not None and image.shape != labels.shape:
        raise InputError(
            f"The labels have the shape {labels.shape}, the image '{image.name}' "
            f"{image.shape}; choose the image that the labels were made from."
        )
    if pixel_size_um is None and image is not None:
        pixel_size_um = image.pixel_size_um
    columns = _measure_shapes(labels)
    if pixel_size_um is not None:
        columns = _add_um(columns, [float(size) for size in pixel_size_um])
    if image is not None:
        columns |= _measure_intensities(labels, image, columns["label"])
    return columns


def write_table(
    path: Path | str, columns: Mapping[str, Sequence[Any]] | Columns
) -> None:
    """Write columns as CSV: a line of names, then one line per object.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced in one step. UTF-8, commas, points.
    columns : mapping of str to sequence
        Equally long columns of numbers or text; fractions are written with 8 digits.

    Raises
    ------
    InputError
        If the file cannot be written or reads back differently.
    """
    values = [np.asarray(column).tolist() for column in columns.values()]
    lines = [list(columns)]
    lines += [[_format(value) for value in row] for row in zip(*values, strict=True)]
    with write_whole(path) as unfinished:
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
        with unfinished.open(newline="", encoding="utf-8") as file:
            require_same(list(csv.reader(file)) == lines, path)


def _measure_shapes(labels: NDArray[np.integer]) -> Columns:
    from skimage.measure import regionprops_table

    wanted = ["label", "area", "centroid", "equivalent_diameter_area"]
    if labels.ndim == 2:
        wanted += ["perimeter", "eccentricity"]
    found = regionprops_table(labels, properties=wanted)  # type: ignore[no-untyped-call]
    columns: Columns = {"label": found["label"]}
    columns["area_px" if labels.ndim == 2 else "volume_px"] = found["area"].astype(int)
    for axis, letter in enumerate("zyx"[-labels.ndim :]):
        columns[f"centroid_{letter}_px"] = found[f"centroid-{axis}"]
    columns["equivalent_diameter_px"] = found["equivalent_diameter_area"]
    if labels.ndim == 2:
        columns["perimeter_px"] = found["perimeter"]
        columns["eccentricity"] = found["eccentricity"]
        columns["solidity"] = columns["area_px"] / _measure_hulls(labels)
    return columns


def _measure_hulls(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the area of each object's convex hull in pixels, as ImageJ measures it.

    The hull is that of the pixels' corners; filling it with pixels would take as long
    as all the rest.
    """
    import shapely

    corners = [
        np.concatenate([part[0] for part in outline.parts])
        for outline in trace_outlines(labels)
    ]
    owner = np.repeat(np.arange(len(corners)), [len(points) for points in corners])
    if not corners:
        return np.zeros(0)
    points = shapely.multipoints(shapely.points(np.concatenate(corners)), indices=owner)
    areas: NDArray[np.float64] = shapely.area(shapely.convex_hull(points))
    return areas


def _add_um(columns: Columns, size: Sequence[float]) -> Columns:
    """Put each length, area and volume in µm behind that in pixels."""
    factors = {
        f"centroid_{letter}": edge
        for letter, edge in zip("zyx"[-len(size) :], size, strict=True)
    }
    element = float(np.prod(size))
    factors |= {"area": element, "volume": element}
    # The diameter of the circle or sphere of the same area or volume in µm.
    factors["equivalent_diameter"] = element ** (1 / len(size))
    if max(size) <= min(size) * (1 + _SQUARE):
        factors["perimeter"] = size[-1]
    powers = {"area": "2", "volume": "3"}
    converted: Columns = {}
    for name, values in columns.items():
        converted[name] = values
        quantity = name.removesuffix("_px")
        if quantity in factors:
            unit = f"_um{powers.get(quantity, '')}"
            converted[quantity + unit] = values * factors[quantity]
    return converted


def _measure_intensities(
    labels: NDArray[np.integer], image: Image, found: NDArray[np.integer]
) -> Columns:
    from scipy import ndimage

    columns: Columns = {}
    for number, channel in enumerate(image.array, start=1):
        suffix = "" if image.channels == 1 else f"_channel_{number}"
        grey = channel.astype(float)
        mean = ndimage.mean(grey, labels, found)
        highest = ndimage.maximum(grey, labels, found)
        columns[f"mean_intensity{suffix}"] = np.asarray(mean)
        columns[f"max_intensity{suffix}"] = np.asarray(highest)
    return columns


def _format(value: Any) -> str:
    return f"{value:.8g}" if isinstance(value, float) else str(value)
