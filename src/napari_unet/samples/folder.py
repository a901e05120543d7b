"""The folder `sample_data`: small training and test images of each kind, with truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_unet.formats.tiff import write_labels
from napari_unet.samples import Sample, fluorescence_nuclei, phase_contrast_cells

_KINDS = {"nuclei": fluorescence_nuclei, "cells": phase_contrast_cells}
_FIRST_SEEDS = {"train": 1, "test": 101}
_SHAPES = ((320, 320), (320, 384), (352, 320), (320, 352))


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of the folder.

    Parameters
    ----------
    kind, part : str
        The folders it lies in: ``nuclei`` or ``cells``, ``train`` or ``test``.
    shape : tuple of int
        Size (Y, X) in pixels.
    seed : int
        The seed it is made with; its name, too.
    """

    kind: str
    part: str
    shape: tuple[int, int]
    seed: int

    @property
    def image(self) -> Path:
        """Where the image lies in the folder."""
        return Path(self.kind, self.part, "images", f"{self.kind}_{self.seed:03d}.tif")

    @property
    def labels(self) -> Path:
        """Where the truth lies in the folder."""
        return Path(self.kind, self.part, "labels", self.image.name)

    def make(self) -> Sample:
        """Return the picture and its truth."""
        return _KINDS[self.kind](self.shape, seed=self.seed)


# Four pictures to train with and four to test with, of each kind.
CONTENTS = tuple(
    Entry(kind, part, shape, first_seed + number)
    for kind in _KINDS
    for part, first_seed in _FIRST_SEEDS.items()
    for number, shape in enumerate(_SHAPES)
)


def write_samples(folder: Path, contents: Sequence[Entry] = CONTENTS) -> list[Path]:
    """Write pictures and their truth as TIFF files with their pixel size.

    Parameters
    ----------
    folder : Path
        Made if need be; files of the same names are replaced.
    contents : sequence of Entry
        By default everything in the folder `sample_data`.

    Returns
    -------
    list of Path
        The files, image and labels in turn.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    paths = []
    for entry in contents:
        sample = entry.make()
        # Grey values are whole numbers too, so both are stored alike, without loss.
        for name, array in ((entry.image, sample.image), (entry.labels, sample.labels)):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_labels(path, array, sample.pixel_size_um)
            paths.append(path)
    return paths
