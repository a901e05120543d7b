"""Find, pair and read images and labels."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats.axes import make_class_labels, make_image, make_labels
from napari_unet.formats.png_jpeg import read_png_or_jpeg
from napari_unet.formats.stored import Stored
from napari_unet.formats.tiff import read_tiff

TIFF_SUFFIXES = (".tif", ".tiff")
SUFFIXES = (*TIFF_SUFFIXES, ".png", ".jpg", ".jpeg")
TABLE_SUFFIX = ".csv"
# Annotations of other programs: ROIs of ImageJ, GeoJSON of QuPath, masks of Cellpose.
DRAWN_SUFFIXES = (".zip", ".roi", ".geojson", ".npy")
# What `segment` writes next to the labels on request, e.g. <stem>_probabilities.tif.
# And what Cellpose does.
COMPANIONS = ("_probabilities", "_uncertainty", "_cp_masks")
# How the layers that are learned from end, and so the files they are exported to; and
# the masks of Cellpose.
ANNOTATION_ENDS = (" annotation", " points", "_cp_masks")
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Matched:
    """Files of two folders that belong together by their names.

    Parameters
    ----------
    pairs : list of tuple of Path
        (image, partner).
    lonely, orphaned : list of Path
        Images without a partner, and partners without an image.
    """

    pairs: list[tuple[Path, Path]]
    lonely: list[Path]
    orphaned: list[Path]


def stem_of(path: Path) -> str:
    """Return a file's name without its ending, ``a`` of ``a.ome.tif`` or ``a_seg.npy``.

    Examples
    --------
    >>> stem_of(Path("plate1/well A.ome.tif"))
    'well A'
    """
    stem = path.name
    if path.suffix.lower() in (*SUFFIXES, *DRAWN_SUFFIXES, TABLE_SUFFIX):
        stem = path.stem
    if path.suffix.lower() == ".npy":  # Cellpose's own
        stem = stem.removesuffix("_seg")
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def find_images(path: Path | str) -> list[Path]:
    """Return the images that a path stands for.

    Parameters
    ----------
    path : Path or str
        A file, or a folder. Of a folder the TIFF, PNG and JPEG files in it count;
        other files, hidden ones and folders in it do not, nor do probabilities and
        uncertainties that lie next to the labels they belong to.

    Returns
    -------
    list of Path
        At least one, in the order in which people count: ``t2`` before ``t10``.

    Raises
    ------
    InputError
        If there is no such file or folder, or no image in it.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(
                f"'{path.name}' is not a TIFF, PNG or JPEG file; save it as TIFF."
            )
        return [path]
    if not path.is_dir():
        raise InputError(f"'{path}' does not exist; check the path.")
    try:
        files = [file for file in path.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise InputError(
            f"The folder '{path}' cannot be opened ({error.strerror}); check its "
            "permissions."
        ) from error
    images = [f for f in files if f.suffix.lower() in SUFFIXES and f.is_file()]
    if not images:
        found = "holds only other files or folders" if files else "is empty"
        raise InputError(
            f"There is no TIFF, PNG or JPEG image in '{path}': it {found}. Name the "
            "folder that the images lie in."
        )
    stems = {stem_of(file) for file in images}
    companions = {stem + end for stem in stems for end in COMPANIONS}
    kept = [file for file in images if stem_of(file) not in companions]
    return sorted(kept, key=_as_people_count)


def pair_files(images: Path | str, labels: Path | str) -> list[tuple[Path, Path]]:
    """Return each image with the labels of equal stem.

    Parameters
    ----------
    images, labels : Path or str
        Two folders, or two files (then their names do not matter), or one of each:
        then the file's partner in the folder.

    Returns
    -------
    list of tuple of Path
        (image, labels), in the order of the images.

    Raises
    ------
    InputError
        If anything is left without a partner, or two files have the same stem.
    """
    return pair_by_stem(
        (Path(images), find_images(images)), (Path(labels), find_images(labels))
    )


def pair_by_stem(
    images: tuple[Path, Sequence[Path]],
    partners: tuple[Path, Sequence[Path]],
    *,
    nouns: tuple[str, str] = ("image", "labels"),
) -> list[tuple[Path, Path]]:
    """Return each file with that of equal stem; see `pair_files`.

    Parameters
    ----------
    images, partners : tuple
        What the user named, a folder or a file, and the files in it.
    nouns : tuple of str
        What the files are, for the messages.
    """
    matched = match_by_stem(images, partners)
    if matched.lonely or matched.orphaned:
        (place, _), (other, _) = images, partners
        lonely, orphaned = map(_stems, (matched.lonely, matched.orphaned))
        raise InputError(_say_unpaired(lonely, place, orphaned, other, nouns))
    return matched.pairs


def match_by_stem(
    images: tuple[Path, Sequence[Path]], partners: tuple[Path, Sequence[Path]]
) -> Matched:
    """Return the pairs of files of equal stem, and what is left over.

    A partner may be called ``<stem> annotation`` or ``<stem> points``, as layers are,
    or ``<stem>_cp_masks``, as Cellpose does.

    Parameters
    ----------
    images, partners : tuple
        As for `pair_by_stem`.

    Raises
    ------
    InputError
        If two files of one side have the same stem.
    """
    (place, pictures), (other, annotations) = images, partners
    if place.is_file() and other.is_file():
        return Matched([(place, other)], [], [])
    by_stem = _index(pictures, place), _index(annotations, other)
    by_stem = by_stem[0], _rename(by_stem[1], by_stem[0])
    if place.is_file():
        by_stem = by_stem[0], _take(by_stem[1], by_stem[0])
    elif other.is_file():
        by_stem = _take(by_stem[0], by_stem[1]), by_stem[1]
    both = by_stem[0].keys() & by_stem[1].keys()
    return Matched(
        [(f, by_stem[1][stem]) for stem, f in by_stem[0].items() if stem in both],
        [file for stem, file in by_stem[0].items() if stem not in both],
        [file for stem, file in by_stem[1].items() if stem not in both],
    )


def _stems(files: Sequence[Path]) -> list[str]:
    return [stem_of(file) for file in files]


def read_image(path: Path | str) -> Image:
    """Read an image.

    Parameters
    ----------
    path : Path or str
        TIFF, PNG or JPEG: grey, RGB, channels first or last, a stack in depth or time.
        `napari_unet.formats.axes` says how axes are recognised.

    Returns
    -------
    Image
        (C, Y, X) or (C, Z, Y, X), named by the file's stem, with the pixel size in µm
        if the file gives one. Depth and time both are one stack, see `Image.times`.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged, or not an image of this kind.
    """
    stored = _read(path)
    return make_image(stored, stem_of(stored.path))


def read_labels(path: Path | str) -> NDArray[np.integer]:
    """Read labels or classes.

    Parameters
    ----------
    path : Path or str
        TIFF or PNG, also with a palette. JPEG only for a mask of 0 and 255 that it
        left intact: JPEG changes numbers.

    Returns
    -------
    ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        The numbers as they are stored.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged, or its values are colours,
        fractions or negative.
    """
    return _read_labels(path, make_labels)


def read_class_labels(path: Path | str) -> NDArray[np.integer]:
    """Read labels of classes, which may be colours.

    Parameters
    ----------
    path : Path or str
        As for `read_labels`; also with three channels of 8 bits.

    Returns
    -------
    ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        The numbers as they are stored; colours as `core.annotation.class_values` holds
        them.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged, or holds fractions or negative
        numbers.
    """
    return _read_labels(path, make_class_labels)


def _read_labels(
    path: Path | str, make: Callable[[Stored], NDArray[np.integer]]
) -> NDArray[np.integer]:
    stored = _read(path)
    labels = make(stored)
    lossy = stored.path.suffix.lower() in (".jpg", ".jpeg")
    if lossy and not np.isin(labels, (0, 255)).all():
        raise InputError(
            f"'{stored.path.name}' is a JPEG, which changes the numbers of the "
            "labels; save them as TIFF or PNG from the program that made them."
        )
    return labels


def _read(path: Path | str) -> Stored:
    (file,) = [Path(path)] if Path(path).is_dir() else find_images(path)
    if file.is_dir():
        raise InputError(f"'{file}' is a folder; name one image in it.")
    if file.suffix.lower() in TIFF_SUFFIXES:
        return read_tiff(file)
    return read_png_or_jpeg(file)


def _index(files: Sequence[Path], place: Path) -> dict[str, Path]:
    index: dict[str, Path] = {}
    for file in files:
        twin = index.setdefault(stem_of(file), file)
        if twin is not file:
            raise InputError(
                f"'{twin.name}' and '{file.name}' in '{place}' have the same name but "
                "for the ending; keep one of them."
            )
    return index


def _rename(index: dict[str, Path], wanted: dict[str, Path]) -> dict[str, Path]:
    """Give files named like annotation layers the stem of their image."""
    renamed = dict(index)
    for stem in index:
        for end in ANNOTATION_ENDS:
            name = stem.removesuffix(end)
            if stem not in wanted and name in wanted and name not in renamed:
                renamed[name] = renamed.pop(stem)
    return renamed


def _take(index: dict[str, Path], wanted: dict[str, Path]) -> dict[str, Path]:
    return {stem: file for stem, file in index.items() if stem in wanted}


def _say_unpaired(
    lonely: Sequence[str],
    images: Path,
    orphaned: Sequence[str],
    labels: Path,
    nouns: tuple[str, str],
) -> str:
    parts = []
    if lonely:
        parts.append(f"no {nouns[1]} in '{labels}' for {_name(lonely)}")
    if orphaned:
        parts.append(f"no {nouns[0]} in '{images}' for {_name(orphaned)}")
    return (
        f"There are {' and '.join(parts)}. Files belong together if their names are "
        "equal but for the ending: rename them, or move those without a partner away."
    )


def _name(stems: Sequence[str]) -> str:
    named = ", ".join(f"'{stem}'" for stem in stems[:_NAMED_AT_MOST])
    more = len(stems) - _NAMED_AT_MOST
    return f"{named} and {more} more" if more > 0 else named


def _as_people_count(path: Path) -> list[tuple[int, str]]:
    """Sort key: numbers in a name by their value, everything else as text."""
    pieces = re.split(r"(\d+)", path.name.lower())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in pieces]
