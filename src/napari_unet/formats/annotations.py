"""Annotations that were made in other programs: any file, as labels or points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.points import Points
from napari_unet.core.errors import InputError
from napari_unet.formats.cellpose import read_seg
from napari_unet.formats.drawings import (
    Drawing,
    paint_classes,
    paint_objects,
    place_marks,
    say_left_out,
    say_unplaced,
)
from napari_unet.formats.features import read_geojson
from napari_unet.formats.imagej_rois import read_rois
from napari_unet.formats.images import (
    SUFFIXES,
    TABLE_SUFFIX,
    read_class_labels,
    read_labels,
)
from napari_unet.formats.points import read_points
from napari_unet.formats.stored import refuse_damaged

Kind = Literal["objects", "classes"]
_ROI, _ZIP, _NPY = b"Iout", b"PK", b"\x93NUMPY"
_DRAWINGS: dict[str, Callable[[Path], Drawing]] = {
    ".zip": read_rois,
    ".roi": read_rois,
    ".geojson": read_geojson,
    ".json": read_geojson,
}


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """What a file holds.

    Parameters
    ----------
    labels : ndarray of int, shape ([T,] [Z,] Y, X), optional
        Objects or classes; None where the file holds nothing but points.
    points : Points, optional
        None where the file holds none.
    names : tuple of str
        Of the classes, background first, where the file names any and classes were
        asked for.
    found : str
        What came, in words, such as '12 objects'.
    lost : tuple of str
        Sentences on what did not come, or not as it was.
    """

    labels: NDArray[np.integer] | None
    points: Points | None
    names: tuple[str, ...]
    found: str
    lost: tuple[str, ...]

    @property
    def said(self) -> str:
        """All of it in one text."""
        return " ".join([f"{self.found}.", *self.lost])


def read_annotation(
    path: Path | str,
    shape: tuple[int, ...] | None = None,
    *,
    kind: Kind = "objects",
    names: Sequence[str] = (),
) -> Imported:
    """Read an annotation, whatever program made it.

    Parameters
    ----------
    path : Path or str
        ROIs of ImageJ (``.zip``, ``.roi``), GeoJSON of QuPath, ``_seg.npy`` of
        Cellpose, labels or a mask as TIFF or PNG, points as CSV.
    shape : tuple of int, optional
        Shape (Y, X), (Z|T, Y, X) or (T, Z, Y, X) of the image it belongs to. Without
        it, outlines lie in the smallest image that holds them.
    kind : str
        ``objects``: each outline is one, and each piece of a mask. ``classes``: the
        numbers are classes, and outlines have the number of theirs.
    names : sequence of str
        Of the classes, background first, where outlines name theirs: the place of a
        name is its number. By default all that the file names, sorted.

    Returns
    -------
    Imported
        Labels of a file with pixels of its own have their own shape.

    Raises
    ------
    InputError
        If the file is missing, damaged, or none of these; or names no class where
        classes are asked for.
    """
    path = Path(path)
    suffix = _kind_of(path)
    if suffix in _DRAWINGS:
        return _place(path, _DRAWINGS[suffix](path), shape, kind, names)
    if suffix == TABLE_SUFFIX:
        points = read_points(path).points
        return Imported(None, points, (), _counted(len(points), "point"), ())
    if suffix == ".npy":
        labels, by_hand = read_seg(path)
        lost = () if not by_hand else (f"{by_hand} of them were drawn by hand.",)
        return Imported(labels, None, (), _count_objects(labels), lost)
    if kind == "classes":
        classes = read_class_labels(path)
        found = _counted(len(np.unique(classes)), "value", "values")
        return Imported(classes, None, (), found, ())
    return _split_mask(read_labels(path))


def find_class_names(path: Path) -> tuple[str, ...]:
    """Return the classes that the outlines in a file name, sorted; of others none."""
    suffix = _kind_of(path)
    return _DRAWINGS[suffix](path).classes if suffix in _DRAWINGS else ()


def _kind_of(path: Path) -> str:
    """Return what a file is by its first bytes, or else by its suffix.

    Raises
    ------
    InputError
        If it is nothing that can be read.
    """
    with refuse_damaged(path), path.open("rb") as file:
        start = file.read(8)
    for begin, suffix in ((_ROI, ".roi"), (_ZIP, ".zip"), (_NPY, ".npy")):
        if start.startswith(begin):
            return suffix
    suffix = path.suffix.lower()
    if suffix not in (*_DRAWINGS, *SUFFIXES, ".npy", TABLE_SUFFIX):
        raise InputError(
            f"'{path.name}' is none of the annotations that can be read: ROIs of "
            "ImageJ (.zip, .roi), GeoJSON of QuPath, _seg.npy of Cellpose, TIFF, PNG, "
            "points as CSV. Save it as one of them."
        )
    return suffix


def _place(
    path: Path,
    found: Drawing,
    shape: tuple[int, ...] | None,
    kind: Kind,
    names: Sequence[str],
) -> Imported:
    """Paint what was drawn."""
    if found.left_out and not found.areas and not found.marks:
        raise InputError(
            f"'{path.name}' holds no area and no point. "
            f"{' '.join(say_left_out(found.left_out))}"
        )
    if shape is None:
        shape = found.fit() if found.areas or found.marks else (1, 1)
    labels, points, lost = None, None, say_left_out(found.left_out)
    lost += say_unplaced(found, shape)
    what = []
    if found.areas or not found.marks:
        if kind == "classes":
            names = tuple(names) or ("background", *found.classes)
            try:
                labels, said = paint_classes(found, shape, names)
            except InputError as error:
                raise InputError(f"'{path.name}': {error}") from None
        else:
            labels, said = paint_objects(found, shape)
        lost += said
        what.append(
            _count_objects(labels) if kind == "objects" else _count_areas(found)
        )
    if found.marks:
        points, said = place_marks(found.marks, shape)
        lost += said
        what.append(_counted(len(points), "point"))
    classes = tuple(names) if labels is not None and kind == "classes" else ()
    return Imported(labels, points, classes, " and ".join(what), tuple(lost))


def _split_mask(labels: NDArray[np.integer]) -> Imported:
    """Make objects of the pieces of a mask, plane by plane; labels stay as they are."""
    from napari_unet.core.annotation.object_findings import looks_binary
    from napari_unet.core.annotation.target import split_components

    if not looks_binary(labels):
        return Imported(labels, None, (), _count_objects(labels), ())
    value = int(labels.max())
    out = np.zeros(labels.shape, np.int32)
    for place in np.ndindex(labels.shape[:-2]):
        pieces = split_components(labels[place])
        out[place] = np.where(pieces, pieces + out.max(), 0)
    said = (
        f"All of them had the number {value}: it is a mask, and each piece that is "
        "connected by edges became an object, plane by plane."
    )
    return Imported(out, None, (), _count_objects(out), (said,))


def _count_objects(labels: NDArray[np.integer]) -> str:
    numbers = np.unique(labels)
    return _counted(int(np.count_nonzero(numbers)), "object")


def _count_areas(found: Drawing) -> str:
    per_class = ", ".join(
        f"{sum(area.of_class == name for area in found.areas)} × '{name}'"
        for name in found.classes
    )
    return f"areas of classes: {per_class}"


def _counted(number: int, noun: str, several: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {several or noun + 's'}"
