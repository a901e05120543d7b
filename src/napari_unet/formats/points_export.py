"""Points of one image into a table, read back and compared."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.points import Points
from napari_unet.core.errors import InputError
from napari_unet.formats.export import make_folder
from napari_unet.formats.points import read_points, write_points
from napari_unet.formats.whole_file import require_same


@dataclass(frozen=True, slots=True, eq=False)
class PointsExport:
    """What to write where.

    Parameters
    ----------
    points : Points
        (Y, X) or (Z, Y, X), in pixels.
    folder : Path
        Made if it does not exist.
    stem : str
        Name of the file without its ending.
    confidence : ndarray of float, shape (N,), optional
        Of each point, where a model has detected them.

    Raises
    ------
    InputError
        If there is nothing to write.
    """

    points: Points
    folder: Path
    stem: str
    confidence: NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        """Check once, at the door."""
        if not len(self.points):
            raise InputError(f"'{self.stem}' holds no points: nothing to export.")

    @property
    def paths(self) -> dict[str, Path]:
        """The file to write."""
        return {"csv": self.folder / f"{self.stem}.csv"}


def export_points(export: PointsExport) -> Generator[Path, None, tuple[Path, ...]]:
    """Write the table as napari saves a Points layer; see `formats.points`.

    Yields
    ------
    Path
        The file, once it is written, read back and found equal to the points.

    Returns
    -------
    tuple of Path
        The same.

    Raises
    ------
    InputError
        If the folder cannot be made or written to.
    """
    make_folder(export.folder)
    path, points = export.paths["csv"], export.points
    write_points(path, points.positions, points.names, export.confidence)
    written = read_points(path).points
    # Tables have eight digits.
    same = np.allclose(written.positions, points.positions, rtol=1e-5, atol=1e-5)
    require_same(same and written.names == points.names, path)
    yield path
    return (path,)
