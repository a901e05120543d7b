"""Probability maps, as `segment --probabilities` and other programs write them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.boundary_scores import as_probability
from napari_unet.formats.images import (
    SUFFIXES,
    read_image,
    stem_of,
)
from napari_unet.formats.label_files import find_labels, pair_labels

ENDING = "_probabilities"


def pair_probabilities(maps: Path | str, labels: Path | str) -> list[tuple[Path, Path]]:
    """Return each probability map with the labels of equal stem.

    Parameters
    ----------
    maps : Path or str
        A file, or a folder. If there are files named <stem>_probabilities in it, those
        are meant, and they belong to the labels named <stem>; otherwise all images.
    labels : Path or str
        A file or a folder.

    Returns
    -------
    list of tuple of Path
        (map, labels), in the order of the labels.

    Raises
    ------
    InputError
        If anything is left without a partner.
    """
    maps, labels = Path(maps), Path(labels)
    found = {}
    if maps.is_dir():
        found = {
            stem_of(path).removesuffix(ENDING): path
            for path in maps.iterdir()
            if stem_of(path).endswith(ENDING)
            and path.suffix.lower() in SUFFIXES
            and not path.name.startswith(".")
        }
    elif not labels.is_file() and stem_of(maps).endswith(ENDING):
        found = {stem_of(maps).removesuffix(ENDING): maps}
    if not found:
        return pair_labels(maps, labels)
    truth = {stem_of(path): path for path in find_labels(labels)}
    if maps.is_file() or labels.is_file():  # one file picks its partner
        truth = {stem: path for stem, path in truth.items() if stem in found}
    if labels.is_file():
        found = {stem: path for stem, path in found.items() if stem in truth}
    lonely = sorted({*found} ^ {*truth})
    if lonely or not truth:
        which = ", ".join(f"'{stem}'" for stem in lonely[:5]) or f"'{labels.name}'"
        raise InputError(
            f"There are not both probabilities in '{maps}' and labels in '{labels}' "
            f"for {which}. '<stem>{ENDING}.tif' belongs to labels named '<stem>': "
            "rename them, or move those without a partner away."
        )
    return [(found[stem], path) for stem, path in truth.items()]


def read_cell_probability(path: Path | str) -> NDArray[np.float32]:
    """Read the probability that a pixel is inside a cell.

    Parameters
    ----------
    path : Path or str
        With one channel, that is the probability itself. With several, each is that of
        a class, and class 0 is everything outside cells, as our models write them.
        Whole numbers are parts of the largest one that 8 or 16 bits can hold.

    Returns
    -------
    ndarray of float32, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        From 0 to 1, if the file holds probabilities.

    Raises
    ------
    InputError
        If the file cannot be read, or holds colours.
    """
    image = read_image(path)
    stored = image.array
    largest = np.iinfo(stored.dtype).max if stored.dtype.kind in "ui" else 0
    if 0 < stored.max() < largest / 8:
        raise InputError(
            f"'{image.name}' holds whole numbers up to {stored.max()}: these look like "
            "labels, not like a probability map. 'segment --probabilities' writes maps."
        )
    if stored.dtype.kind in "bui" and len(stored) > 1:
        raise InputError(
            f"'{image.name}' holds {len(stored)} channels of whole numbers, such as "
            "colours; a probability map has one channel, or one of real numbers for "
            "each class. Save it as a grey image."
        )
    probability = as_probability(stored[0] if len(stored) == 1 else 1 - stored[0])
    return image.unfold(probability)
