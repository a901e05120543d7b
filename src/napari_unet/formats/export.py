"""The labels of one image into every chosen format, next to each other."""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats.geojson import write_geojson
from napari_unet.formats.imagej_rois import write_rois
from napari_unet.formats.table import measure_objects, write_table
from napari_unet.formats.tiff import write_labels

ExportFormat = Literal["tiff", "rois", "geojson", "csv"]
SUFFIXES: dict[ExportFormat, str] = {
    "tiff": ".tif",
    "rois": ".zip",
    "geojson": ".geojson",
    "csv": ".csv",
}


@dataclass(frozen=True, slots=True, eq=False)
class LabelsExport:
    """What to write where.

    Parameters
    ----------
    labels : ndarray of unsigned int, shape (Y, X) or (Z, Y, X)
        Objects.
    folder : Path
        Made if it does not exist.
    stem : str
        Name of the files without their endings.
    formats : sequence of str
        Of ``tiff``, ``rois``, ``geojson`` and ``csv``.
    image : Image, optional
        Where the CSV measures the intensities of the objects.
    pixel_size_um : tuple of float, one per axis of `labels`, optional
        Edge lengths of a pixel.
    by_plane : bool
        Whether the objects of a stack are numbered for each plane by itself; the table
        then has one row for an object on its plane.

    Raises
    ------
    InputError
        If there is nothing to write, or the image is not that of the labels.
    """

    labels: NDArray[Any]
    folder: Path
    stem: str
    formats: Sequence[ExportFormat]
    image: Image | None = None
    pixel_size_um: tuple[float, ...] | None = None
    by_plane: bool = False

    def __post_init__(self) -> None:
        """Check once, at the door."""
        if not self.formats:
            raise InputError("No file format is chosen: tick at least one.")
        if not self.labels.any():
            raise InputError(
                f"'{self.stem}' holds no objects, all labels are 0: nothing to export."
            )
        if self.image is not None and self.image.shape != self.labels.shape:
            raise InputError(
                f"The labels '{self.stem}' have the shape {self.labels.shape}, the "
                f"image '{self.image.name}' {self.image.shape}; choose the image that "
                "the labels were made from."
            )

    @property
    def paths(self) -> dict[ExportFormat, Path]:
        """The file of each chosen format, in a fixed order."""
        return {
            name: self.folder / f"{self.stem}{suffix}"
            for name, suffix in SUFFIXES.items()
            if name in self.formats
        }


def file_stem(name: str) -> str:
    """Return a layer's name as every file system takes it.

    Examples
    --------
    >>> file_stem("well A1/nuclei: labels [2]")
    'well A1_nuclei_ labels [2]'
    """
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")
    return stem or "labels"


def export_labels(
    export: LabelsExport,
) -> Generator[Path, None, tuple[Path, ...]]:
    """Write the files of an export; one `next` is one file.

    Existing files are replaced, each as a whole and only when the new one is
    complete.

    Yields
    ------
    Path
        Each file, once it is written, read back and found equal to the labels.

    Returns
    -------
    tuple of Path
        All of them.

    Raises
    ------
    InputError
        If the folder cannot be made or written to.
    """
    make_folder(export.folder)
    for name, path in export.paths.items():
        _write(name, path, export)
        yield path
    return tuple(export.paths.values())


def make_folder(folder: Path) -> None:
    """Make a folder for the files.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder '{folder}' cannot be made ({error.strerror}); choose another "
            "one."
        ) from error


def _write(name: ExportFormat, path: Path, export: LabelsExport) -> None:
    if name == "tiff":
        write_labels(path, export.labels, pixel_size_um=export.pixel_size_um)
    elif name == "rois":
        write_rois(path, export.labels)
    elif name == "geojson":
        write_geojson(path, export.labels)
    else:
        write_table(path, measure(export))


def measure(export: LabelsExport) -> dict[str, NDArray[Any]]:
    """Return the columns of the table: one row per object, or per object and plane."""
    labels, image, size = export.labels, export.image, export.pixel_size_um
    if labels.ndim == 2 or not export.by_plane:
        return measure_objects(labels, image, size)
    tables = []
    for z in np.flatnonzero(labels.any(axis=(1, 2))).tolist():
        columns = measure_objects(
            labels[z],
            None if image is None else image.plane(z),
            None if size is None else size[1:],
        )
        plane = np.full(len(columns["label"]), z)
        tables.append({"plane": plane, **columns})
    return {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
