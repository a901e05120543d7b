"""TIFF in and out: LZW and its kin, ImageJ, OME, tiled, planar, big-endian.

Labels and maps are written as ImageJ hyperstacks: of the formats that QuPath and other
programs on Bio-Formats read with their pixel size, it is the one that Fiji's own reader
knows too, and scikit-image and napari get plain pages. ImageJ has no 32-bit integers
and no file above 4 GB: those are written as OME-TIFF, with the pixel size in the plain
tags as well.
"""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.formats.pixel_size import (
    read_imagej_sizes,
    read_ome_sizes,
    read_tag_sizes,
)
from napari_unet.formats.stored import Stored, describe, refuse_damaged
from napari_unet.formats.whole_file import require_same, write_whole

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

# tifffile reads what is left of a file that is cut short, fills the rest with zeros
# and only logs it: these complaints mean that pixels are missing or axes unknown.
_GRAVE = re.compile(r"missing|failed to re(ad|shape)|could not read all|expected \d+")
# Private tags of some vendors are malformed in good files; those of ImageJ are not.
_PRIVATE_TAG = re.compile(r"tag #?(?!5083[89])(3[3-9]|[4-9]\d)\d{3}\b", re.IGNORECASE)
_SOFTWARE = "napari-unet"
_IMAGEJ_LIMIT = 2**32 - 2**25
_RGB = 2  # the tag PhotometricInterpretation


def was_written_here(path: Path) -> bool:
    """Tell whether a TIFF was written by this program, and by none since."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            software = file.pages.first.tags.get("Software")
    except (OSError, tifffile.TiffFileError):
        return False
    return software is not None and str(software.value).startswith(_SOFTWARE)


def read_tiff(path: Path) -> Stored:
    """Read the image of a TIFF file.

    Parameters
    ----------
    path : Path
        Compressions other than none, deflate and PackBits need `imagecodecs`.

    Returns
    -------
    Stored
        The largest image of the file (others are thumbnails and overviews). Values are
        as stored: palettes are not looked up, as ImageJ keeps grey values in them.

    Raises
    ------
    InputError
        If it cannot be read completely, or holds several images of one size.
    """
    import tifffile

    with (
        refuse_damaged(path),
        _hear_complaints() as complaints,
        tifffile.TiffFile(path) as file,
    ):
        series = _choose(file, path)
        array = series.asarray()
        if complaints:
            raise tifffile.TiffFileError(describe(complaints[0]))
        page = series.keyframe
        array = _drop_alpha(array, series.axes, page)
        return Stored(path, array, series.axes, _read_sizes(file, page))


def write_labels(
    path: Path | str,
    labels: NDArray[np.integer],
    pixel_size_um: Sequence[float] | None = None,
) -> None:
    """Write labels or classes as a compressed TIFF that other programs read.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced in one step.
    labels : ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        uint8 and bool are written as uint8, other numbers as uint16, and as uint32
        where there are numbers above 65535.
    pixel_size_um : sequence of float, one per axis in space, optional
        Edge lengths of a pixel in µm.

    Raises
    ------
    InputError
        If the file cannot be written or reads back differently, or the numbers are
        negative or too large.
    """
    name = Path(path).name
    if labels.dtype.kind not in "biu" or labels.ndim not in (2, 3, 4):
        raise InputError(
            f"'{name}' cannot be saved: labels are whole numbers (Y, X), (Z, Y, X) or "
            f"(T, Z, Y, X), not {labels.dtype} {labels.shape}."
        )
    if labels.size and (labels.min() < 0 or labels.max() >= 2**32):
        raise InputError(
            f"'{name}' cannot be saved: its labels lie between {labels.min()} and "
            f"{labels.max()}, but a file holds 0 to 4294967295. Renumber them."
        )
    if labels.dtype.kind == "b" or labels.dtype == np.uint8:
        stored: NDArray[np.integer] = labels.astype(np.uint8)
    else:
        highest = int(labels.max(initial=0))
        dtype = np.uint16 if highest <= 65535 else np.uint32
        stored = labels.astype(dtype, copy=False)
    axes = "TZYX"[-labels.ndim :]
    _write(path, stored, axes, pixel_size_um, compression="zlib")


def write_grey(
    path: Path | str,
    array: NDArray[np.floating],
    pixel_size_um: Sequence[float] | None = None,
    *,
    axes: str | None = None,
) -> None:
    """Write probabilities or a weight map as a float32 TIFF.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced in one step.
    array : ndarray of float
        Real numbers; stored as float32.
    pixel_size_um : sequence of float, one per spatial axis, optional
        Edge lengths of a pixel in µm.
    axes : str, optional
        A letter per axis: ``YX``, ``ZYX``, ``TZYX``, or one of them with a C in front.
        By default ``YX``, ``CYX``, ``CZYX`` or ``CTZYX``, by the number of axes;
        ``ZYX`` if there are as many pixel sizes.

    Raises
    ------
    InputError
        If the file cannot be written or reads back differently.
    """
    if axes is None and pixel_size_um and len(pixel_size_um) == array.ndim == 3:
        axes = "ZYX"
    axes = axes or {2: "YX", 3: "CYX", 4: "CZYX", 5: "CTZYX"}.get(array.ndim, "")
    if len(axes) != array.ndim or axes.removeprefix("C") not in ("YX", "ZYX", "TZYX"):
        raise InputError(
            f"'{Path(path).name}' cannot be saved: {array.ndim} axes {array.shape} do "
            f"not fit the names '{axes}'."
        )
    stored = array.astype(np.float32, copy=False)
    if axes.startswith("C") and len(axes) > 3:  # the order of ImageJ's hyperstacks
        order = [*range(1, array.ndim - 2), 0, array.ndim - 2, array.ndim - 1]
        stored = np.ascontiguousarray(stored.transpose(order))
        axes = "".join(axes[axis] for axis in order)
    _write(path, stored, axes, pixel_size_um, compression=None)


def _write(
    path: Path | str,
    array: NDArray[np.generic],
    axes: str,
    pixel_size_um: Sequence[float] | None,
    *,
    compression: str | None,
) -> None:
    import tifffile

    spatial = [letter for letter in axes if letter not in "CT"]
    if pixel_size_um and len(pixel_size_um) != len(spatial):
        raise InputError(
            f"'{Path(path).name}' cannot be saved: the pixel size {pixel_size_um} does "
            f"not fit the axes {''.join(spatial)}; give one number for each."
        )
    sizes = dict(zip(spatial, pixel_size_um or (), strict=bool(pixel_size_um)))
    # tifffile takes a stack one pixel wide for a single plane in ImageJ's format.
    imagej = (
        array.dtype != np.uint32
        and array.nbytes < _IMAGEJ_LIMIT
        and (array.ndim == 2 or array.shape[-1] > 1)
    )
    options = _describe_imagej if imagej else _describe_ome
    with write_whole(path) as unfinished:
        tifffile.imwrite(
            unfinished,
            array,
            # Without it three rows or columns would be taken for colours.
            photometric="minisblack",
            compression=compression,
            software=_SOFTWARE,
            **options(array, axes, sizes),
        )
        back = read_tiff(unfinished)
        # Plane by plane or row by row: all at once takes as much memory again.
        pairs = zip(back.array.reshape(array.shape), array, strict=True)
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
        same &= all(
            abs(back.sizes_um.get(letter, 0) / size - 1) < 1e-3
            for letter, size in sizes.items()
        )
        require_same(same, path)


def _describe_imagej(
    array: NDArray[np.generic], axes: str, sizes: dict[str, float]
) -> dict[str, Any]:
    # With its range Fiji shows the objects instead of a black image.
    highest = float(array.max(initial=0))
    metadata = {"axes": axes, "min": 0.0, "max": highest or 1.0}
    options = {"imagej": True, "metadata": metadata}
    if "C" in axes:
        metadata["mode"] = "grayscale"
    if sizes:
        metadata["unit"] = "um"
        options["resolution"] = (1 / sizes["X"], 1 / sizes["Y"])
    if "Z" in sizes:
        metadata["spacing"] = sizes["Z"]
    return options


def _describe_ome(
    _array: NDArray[np.generic], axes: str, sizes: dict[str, float]
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": axes}
    options: dict[str, Any] = {"ome": True, "metadata": metadata}
    for letter, size in sizes.items():
        metadata[f"PhysicalSize{letter}"] = size
        metadata[f"PhysicalSize{letter}Unit"] = "µm"
    if sizes:
        options["resolution"] = (1e4 / sizes["X"], 1e4 / sizes["Y"])
        options["resolutionunit"] = "CENTIMETER"
    return options


def _choose(file: "TiffFile", path: Path) -> "TiffPageSeries":
    largest = max(file.series, key=lambda series: int(series.size))
    alike = sum(series.shape == largest.shape for series in file.series)
    if alike > 1:
        raise InputError(
            f"'{path.name}' holds {alike} images of shape {largest.shape}, such as the "
            "positions of a stage; save each as a file of its own."
        )
    return largest


def _drop_alpha(
    array: NDArray[np.generic], axes: str, page: "TiffPage"
) -> NDArray[np.generic]:
    """Keep the colours: drop transparency, and the fourth sample of RGB."""
    if "S" not in axes:
        return array
    axis = axes.index("S")
    alpha = sum(int(kind) in (1, 2) for kind in page.extrasamples)
    kept = array.shape[axis] - alpha
    if int(page.photometric) == _RGB and kept == 4:
        kept = 3
    return array.take(range(kept), axis)


def _read_sizes(file: "TiffFile", page: "TiffPage") -> dict[str, float]:
    resolution = page.resolution
    if file.is_ome and file.ome_metadata:
        sizes = read_ome_sizes(file.ome_metadata)
        if sizes:
            return sizes
    if file.is_imagej:
        return read_imagej_sizes(file.imagej_metadata or {}, resolution)
    return read_tag_sizes(resolution, int(page.resolutionunit))


@contextmanager
def _hear_complaints() -> Iterator[list[str]]:
    """Collect the grave messages that tifffile logs on this thread, and hush it."""
    import tifffile

    grave: list[str] = []
    thread = threading.get_ident()

    def hear(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        message = record.getMessage()
        serious = record.levelno >= logging.ERROR or _GRAVE.search(message)
        if serious and not _PRIVATE_TAG.search(message):
            grave.append(message)
        return False

    logger = tifffile.logger()
    logger.addFilter(hear)
    try:
        yield grave
    finally:
        logger.removeFilter(hear)
