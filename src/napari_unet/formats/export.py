"""The labels of one image into every chosen format, next to each other."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
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
    labels : ndarray of unsigned int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        Objects.
    folder : Path
        Made if it does not exist.
    stem : str
        Name of the files without their endings.
    formats : sequence of str
        Of ``tiff``, ``rois``, ``geojson`` and ``csv``.
    image : Image, optional
        Where the CSV measures the intensities of the objects.
    pixel_size_um : tuple of float, one per axis of `labels` in space, optional
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
        if self.image is not None and self.image.full_shape != self.labels.shape:
            raise InputError(
                f"The labels '{self.stem}' have the shape {self.labels.shape}, the "
                f"image '{self.image.name}' {self.image.full_shape}; choose the image "
                "that the labels were made from."
            )

    @property
    def paths(self) -> dict[ExportFormat, Path]:
        """The file of each chosen format, in a fixed order."""
        return {
            name: self.folder / f"{self.stem}{suffix}"
            for name, suffix in SUFFIXES.items()
            if name in self.formats
        }


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
    """Return the columns of the table: one row per object, or per object and plane.

    The first columns say where: ``time`` where the labels have depth and time, and
    ``plane``.
    """
    labels, image, size = export.labels, export.image, export.pixel_size_um
    if labels.ndim == 4:
        times = np.flatnonzero(labels.any(axis=(1, 2, 3))).tolist()
        volumes = (None if image is None else image.time_point(t) for t in times)
        return _join(
            "time",
            {
                time: measure(replace(export, labels=labels[time], image=volume))
                for time, volume in zip(times, volumes, strict=True)
            },
        )
    if labels.ndim == 2 or not export.by_plane:
        return measure_objects(labels, image, size)
    planes = np.flatnonzero(labels.any(axis=(1, 2))).tolist()
    return _join(
        "plane",
        {
            z: measure_objects(
                labels[z],
                None if image is None else image.plane(z),
                None if size is None else size[1:],
            )
            for z in planes
        },
    )


def _join(
    name: str, tables: dict[int, dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Return tables below each other; a column of this name says which was which."""
    lengths = [len(columns["label"]) for columns in tables.values()]
    whole = {name: np.repeat(list(tables), lengths)}
    for column in next(iter(tables.values())):
        whole[column] = np.concatenate([each[column] for each in tables.values()])
    return whole
