"""Points as CSV: napari's own layout in and out, and tables with columns x and y in."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.points import DEFAULT_CLASS, Points
from napari_unet.core.errors import InputError
from napari_unet.formats.images import (
    DRAWN_SUFFIXES,
    SUFFIXES,
    TABLE_SUFFIX,
    find_images,
    pair_by_stem,
)
from napari_unet.formats.table import write_table

# Beside the points of each image, `detect` writes how many there are.
COUNTS_FILE = "counts.csv"
# The same for each plane of stacks.
PLANE_COUNTS_FILE = "counts_of_planes.csv"
_CLASS = "class"
_LAYOUTS = (
    ("axis-0", "axis-1", "axis-2", "axis-3"),
    ("axis-0", "axis-1", "axis-2"),
    ("axis-0", "axis-1"),
    ("t", "z", "y", "x"),
    ("z", "y", "x"),
)
_PLAIN = ("y", "x")
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class PointTable:
    """What a table of points says.

    Parameters
    ----------
    points : Points
        (Y, X), (Z, Y, X) or (T, Z, Y, X) in pixels; without a column of classes, all of
        one.
    has_classes : bool
        Whether there was such a column.
    """

    points: Points
    has_classes: bool


def read_points(path: Path | str) -> PointTable:
    """Read a table of points.

    Parameters
    ----------
    path : Path or str
        CSV (commas, semicolons or tabs) with a line of names: ``axis-0, axis-1`` as
        napari saves a Points layer (in a stack ``axis-0`` to ``axis-2``, with time to
        ``axis-3``), or ``x, y`` (``z, y, x``; ``t, z, y, x``), in pixels, the
        centre of the first pixel being 0. A column ``class`` names the class of each
        point. Other columns are not read.

    Raises
    ------
    InputError
        If there is no such file, or a line of it is no point.
    """
    path = Path(path)
    names, rows = _read_rows(path)
    layout = next((each for each in (*_LAYOUTS, _PLAIN) if {*each} <= {*names}), None)
    if layout is None:
        raise InputError(
            f"'{path.name}' has the columns {', '.join(names)}; a table of points "
            "needs 'axis-0' and 'axis-1', as napari saves them, or 'x' and 'y'."
        )
    columns = [names.index(name) for name in layout]
    positions = [
        [_read_number(path, number, row, column, names) for column in columns]
        for number, row in rows
    ]
    classes = [DEFAULT_CLASS] * len(rows)
    if _CLASS in names:
        index = names.index(_CLASS)
        classes = [_read_class(path, number, row, index) for number, row in rows]
    array = np.array(positions, float).reshape(-1, len(columns))
    return PointTable(Points(array, tuple(classes)), _CLASS in names)


def write_points(
    path: Path | str,
    positions: NDArray[np.floating],
    classes: Sequence[str],
    confidence: NDArray[np.floating] | None = None,
) -> None:
    """Write points as napari saves a Points layer: it opens them as one.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced in one step.
    positions : ndarray of float, shape (N, 2), (N, 3) or (N, 4)
        (Y, X), (Z, Y, X) or (T, Z, Y, X) in pixels.
    classes : sequence of str
        Of each point.
    confidence : ndarray of float, shape (N,), optional
        Of each point, where a model has detected them.
    """
    columns: dict[str, NDArray[np.generic]] = {"index": np.arange(len(positions))}
    for axis in range(positions.shape[1]):
        columns[f"axis-{axis}"] = positions[:, axis]
    columns[_CLASS] = np.array(classes, object)
    if confidence is not None:
        columns["confidence"] = confidence
    write_table(path, columns)


def was_written_here(path: Path) -> bool:
    """Tell whether a file is a table that `write_points` or `detect` wrote."""
    try:
        with path.open(encoding="utf-8") as file:
            head = file.readline().strip().split(",")
    except (OSError, UnicodeDecodeError):
        return False
    return head[-2:] == ["class", "confidence"] or head[:2] == ["image", "points"]


def holds_points(path: Path) -> bool:
    """Tell whether a path names a table, or a folder of tables without labels."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    endings = {file.suffix.lower() for file in files}
    # GeoJSON may be the regions of points.
    others = {*SUFFIXES, *DRAWN_SUFFIXES} - {".geojson"}
    return TABLE_SUFFIX in endings and not endings & others


def find_tables(path: Path | str) -> list[Path]:
    """Return the CSV file named, or those in the folder named, sorted.

    Raises
    ------
    InputError
        If there are none.
    """
    path = Path(path)
    if path.is_file() and path.suffix.lower() != TABLE_SUFFIX:
        raise InputError(f"'{path.name}' is not a CSV file; save the points as CSV.")
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"'{path}' does not exist; check the path.")
    tables = [
        file
        for file in sorted(path.iterdir())
        if file.suffix.lower() == TABLE_SUFFIX
        and not file.name.startswith(".")
        and file.name not in (COUNTS_FILE, PLANE_COUNTS_FILE)
    ]
    if not tables:
        raise InputError(
            f"There is no CSV file in '{path}'. Name the folder that the points lie in."
        )
    return tables


def pair_with_points(images: Path | str, points: Path | str) -> list[tuple[Path, Path]]:
    """Return each image with the table of equal stem; see `images.pair_files`."""
    return pair_by_stem(
        (Path(images), find_images(images)),
        (Path(points), find_tables(points)),
        nouns=("image", "points"),
    )


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the lines that hold something, numbered."""
    if not path.is_file():
        raise InputError(f"'{path}' does not exist; check the path.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"'{path.name}' is not text in UTF-8; save the points as CSV (UTF-8)."
        ) from error
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    lines = list(csv.reader(text.splitlines(), delimiter=delimiter))
    if not lines or not any(lines[0]):
        raise InputError(
            f"'{path.name}' is empty; a table of points begins with a line of names, "
            "such as 'x,y,class'."
        )
    names = [name.strip().lower() for name in lines[0]]
    rows = [(i, row) for i, row in enumerate(lines[1:], start=2) if any(row)]
    for number, row in rows:
        if len(row) != len(names):
            raise InputError(
                f"Line {number} of '{path.name}' has {len(row)} values, the line of "
                f"names {len(names)}; complete it or delete it."
            )
    return names, rows


def _read_number(
    path: Path, number: int, row: Sequence[str], column: int, names: Sequence[str]
) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(
            f"Line {number} of '{path.name}' has '{row[column]}' as {names[column]}; "
            "it must be a number, with a point before its fraction."
        )
    return value


def _read_class(path: Path, number: int, row: Sequence[str], column: int) -> str:
    name = row[column].strip()
    if not name:
        raise InputError(
            f"Line {number} of '{path.name}' names no class; write one, or remove the "
            "column."
        )
    # A class that is a number may have been saved with a fraction.
    whole = name.removesuffix(".0")
    return whole if whole.isdecimal() else name
