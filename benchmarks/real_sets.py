"""The real images that starter models are meant for, and how each set is split."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from starter_models.train import RECIPES

import napari_unet as nu

Pair = tuple[nu.Image, np.ndarray]


@dataclass(frozen=True)
class RealSet:
    """A set of images with labels.

    Parameters
    ----------
    name : str
        Of its folder, which may lie in that of another set.
    starter : str
        The starter model that suits it.
    masks : str
        Folder of the labels; their stems are those of the images.
    own : bool
        Whether that starter was trained on it.
    sparse : bool
        Whether few of its objects are annotated: what else is found may be right.
    rescaled : bool
        Whether it also stands for images of other sizes.
    """

    name: str
    starter: str
    masks: str = "masks"
    own: bool = False
    sparse: bool = False
    rescaled: bool = False

    def stems(self, data: Path) -> list[str]:
        """Return the names of all its images, in order."""
        return [path.stem for path in sorted((data / self.name / self.masks).glob("*"))]

    def read(self, data: Path, stems: list[str]) -> Iterator[Pair]:
        """Yield some of its images, of unknown pixel size, with their labels."""
        for stem in stems:
            (image,) = (data / self.name / "images").glob(f"{stem}.*")
            (labels,) = (data / self.name / self.masks).glob(f"{stem}.*")
            array = nu.read_image(image).array
            yield nu.Image(array, name=stem), nu.read_labels(labels)

    def with_role(self, data: Path, role: str) -> list[str]:
        """Return those of its starter's training (t), validation (v), or held out (h).

        A set that the starter was not trained on has none.
        """
        if not self.own:
            return []
        named = zip(self.stems(data), cycle(RECIPES[self.starter].roles))
        return [stem for stem, own in named if own == role]

    def unseen(self, data: Path) -> list[str]:
        """Return the images that its starter has never seen."""
        return self.with_role(data, "h") if self.own else self.stems(data)

    def split(self, data: Path, tested: int) -> tuple[list[str], list[str]]:
        """Return which images may be annotated, and which tell how good a model is.

        The last ones tell, for frames of a movie are alike when they are near; of a
        starter's own sets, those that it has never seen, and it has learned the others.
        """
        if self.own:
            return self.with_role(data, "t"), self.unseen(data)[:tested]
        stems = self.stems(data)
        tested = min(tested, max(1, len(stems) - 5))
        return stems[:-tested], stems[-tested:]

    @property
    def diameter(self) -> float:
        """To which the median object is brought for its starter, in px."""
        return RECIPES[self.starter].diameter


SETS = (
    RealSet("dsb2018_fluo", "nuclei", own=True, rescaled=True),
    RealSet("bbbc039_u2os", "nuclei", own=True, rescaled=True),
    RealSet("nih3t3_hoechst", "nuclei", masks="instances_cc"),
    RealSet("ctc_fluo_n2dl_hela", "nuclei"),
    RealSet("ctc_fluo_gowt1/sparse_gt", "nuclei", sparse=True),
    RealSet("usiigaci_phase", "cells-phase", own=True),
    RealSet("ctc_phc_u373", "cells-phase"),
)


def check_data(data: Path, names: Iterable[str]) -> None:
    """End with a sentence where none of these sets is in the folder of the data."""
    names = list(names)
    if not any((data / name).is_dir() for name in names):
        sys.exit(f"--data {data}: it holds none of {', '.join(names)}.")


def segment_as_users_do(image: nu.Image, model: nu.Model) -> tuple[np.ndarray, float]:
    """Return labels, and the zoom that was chosen, through the automatic scale."""
    segmentation = nu.run(nu.segment(image, model, scale="auto", background_only=True))
    return nu.make_labels(segmentation, model.settings), segmentation.factor


def name_folders(given: list[str]) -> dict[str, str]:
    """Return the model folder, or the name of it, for each starter: NAME[=FOLDER]."""
    pairs = (each.partition("=") for each in given)
    return {name: folder or name for name, _, folder in pairs}


def open_starter(folder: str) -> nu.Model | None:
    """Return a starter, or None where there is none of this name."""
    try:
        return nu.load_model(folder)
    except nu.InputError as error:
        print(f"{error} It is left out.\n")
        return None
