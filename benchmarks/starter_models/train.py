"""Train the starter models once more: ``python benchmarks/starter_models/train.py``.

    python benchmarks/starter_models/train.py nuclei --data FOLDER --out FOLDER

FOLDER of the data holds ``<set>/images`` and ``<set>/masks`` with equal stems. Every
image is brought to one size of its objects, so that the network learns how nuclei or
cells look and not how large they are; the augmentation is wide. Some images are kept
for validation and some are never trained on: the card's scores are of these. Nuclei
take about an hour and a quarter on one core of a processor with bfloat16, cells half
an hour.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np
from tqdm import tqdm

import napari_unet as nu
from napari_unet.core.checkpoint import publish_model
from napari_unet.core.config import AugmentationConfig, ModelSettings, TrainConfig
from napari_unet.core.notes import HeldOutScores, ModelNotes
from napari_unet.core.presets import PRESETS

_SCRIPT = "benchmarks/starter_models/train.py"
# Smaller objects are specks and say nothing about the size of the others, px.
_SPECK = 20


@dataclass(frozen=True)
class Phase:
    """A part of the training, with a learning rate that falls to its end.

    Parameters
    ----------
    iterations : int
        Steps of four patches of 256².
    learning_rate : float
        The largest step size.
    augmentation : AugmentationConfig
        Random changes.
    """

    iterations: int
    learning_rate: float
    augmentation: AugmentationConfig

    def config(self, share: float) -> TrainConfig:
        """Return how it is trained, for this share of its iterations."""
        return PRESETS["fast"].training.replaced(
            iterations=max(1, round(self.iterations * share)),
            seconds=None,
            batch_size=4,
            learning_rate=self.learning_rate,
            fine_tuning_rate=1,
            augmentation=self.augmentation,
        )


@dataclass(frozen=True)
class Recipe:
    """What a starter model is trained on, and how.

    Parameters
    ----------
    sets : mapping of str to float
        Folder of images → typical diameter of objects, for images that have none, px.
    roles : str
        What the images of each set are for, one after the other and from the beginning
        again: t is training, v validation, h held out.
    unseen : mapping of str to str
        Folder of images of which nothing is learned, to score → its folder of masks.
    diameter : float
        To which the median object of every image is brought, in pixels of the model.
    pixel_size_um : float
        Of the model: how long a pixel is where objects have their usual size.
    phases : tuple of Phase
        One after the other.
    notes : ModelNotes
        For the card; scores are added.
    """

    sets: dict[str, float]
    roles: str
    unseen: dict[str, str]
    diameter: float
    pixel_size_um: float
    phases: tuple[Phase, ...]
    notes: ModelNotes

    def settings(self) -> ModelSettings:
        """Return the model's settings."""
        return ModelSettings(
            network=PRESETS["fast"].network, pixel_size_um=self.pixel_size_um
        )


# Strong changes teach what cells look like anywhere; weak ones, at last, where exactly
# people draw their borders.
_STRONG = AugmentationConfig(
    scale=0.4,
    shear=5,
    sharp=0.3,
    curve=True,
    contrast=0.6,
    gamma=0.6,
    shading=0.7,
    blur_px=2,
)
_MILD = AugmentationConfig(
    scale=0.3,
    shear=5,
    sharp=0.4,
    contrast=0.3,
    gamma=0.25,
    shading=0.4,
    blur_px=1.5,
)

RECIPES = {
    # Nuclei of 16 µm, as of most cells that grow in dishes.
    "nuclei": Recipe(
        sets={"dsb2018_fluo": 20, "bbbc039_u2os": 25},
        roles="tttvttth",
        unseen={"nih3t3_hoechst": "instances_cc", "ctc_fluo_n2dl_hela": "masks"},
        diameter=25,
        pixel_size_um=0.65,
        phases=(
            Phase(
                8000,
                4e-3,
                _STRONG,
            ),
            Phase(2500, 1.5e-3, _MILD),
        ),
        notes=ModelNotes(
            purpose="nuclei in fluorescence",
            made_for=(
                "One channel, bright nuclei on dark ground, of any size: images are "
                "rescaled so that a nucleus is 25 px across (16 µm, 0.65 µm a pixel). "
                "It learned from nuclei of 7 to 50 px, from sharp to blurred and faint."
            ),
            data=(
                "dsb2018_fluo: the fluorescence images of the Data Science Bowl 2018 "
                "(BBBC038v1, Caicedo et al. 2019), 39 images, 1,623 nuclei",
                "bbbc039_u2os: U2OS nuclei, Hoechst (BBBC039v1, Caicedo et al. 2018), "
                "40 images, 4,751 nuclei",
            ),
            licence="CC0 1.0, both sets; the weights too",
            known_failures=(
                "Heaps of nuclei that lie on each other come out as one or a few.",
                "Debris as bright and as large as nuclei is taken for nuclei.",
                "Nuclei much fainter than others in the image may be missed.",
                "Micronuclei and debris less than a third of a nucleus wide are left "
                "out, unless you lower the smallest object.",
            ),
        ),
    ),
    "cells-phase": Recipe(
        sets={"usiigaci_phase": 50},
        roles="ttthttvtht",
        unseen={"ctc_phc_u373": "masks"},
        diameter=40,
        pixel_size_um=1,
        phases=(
            Phase(
                3000,
                4e-3,
                _STRONG.replaced(
                    contrast=0.5, gamma=0.3, shading=0.5, noise=6, blur_px=1.5
                ),
            ),
            Phase(1000, 1.5e-3, _MILD),
        ),
        notes=ModelNotes(
            purpose="whole cells in phase contrast",
            made_for=(
                "One channel, phase contrast of adherent cells (T98G, NIH/3T3) of any "
                "size: images are rescaled so that a circle as large as a cell is "
                "40 px across. It learned from cells of 38 to 69 px."
            ),
            data=("usiigaci_phase: Usiigaci (Tsai et al. 2019), 10 images, 670 cells",),
            licence="MIT (Usiigaci, Okinawa Institute of Science and Technology)",
            known_failures=(
                "Cells that touch may run into each other: of 69, 4 were merged.",
                "Things that are no cells may be found: 15 beside those 69.",
                "It knows no other contrast: not DIC, not brightfield.",
            ),
        ),
    ),
}


def read_set(
    folder: Path, masks: str = "masks"
) -> Iterator[tuple[nu.Image, np.ndarray]]:
    """Yield the images of a set with their labels, by name."""
    for path in sorted((folder / masks).glob("*.tif")):
        (image,) = (folder / "images").glob(f"{path.stem}.*")
        yield nu.read_image(image), nu.read_labels(path)


def read_role(
    recipe: Recipe, data: Path, role: str
) -> dict[str, list[tuple[nu.Image, np.ndarray]]]:
    """Return the images of each set that have a role, with their labels."""
    return {
        name: [
            pair
            for pair, letter in zip(read_set(data / name), cycle(recipe.roles))
            if letter == role
        ]
        for name in recipe.sets
    }


def median_diameter(labels: np.ndarray, usual: float) -> float:
    """Return the median diameter of the circles as large as the objects, in px."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > _SPECK]
    return float(np.median(np.sqrt(4 / np.pi * areas))) if len(areas) else usual


def read_examples(recipe: Recipe, data: Path) -> list[nu.Example]:
    """Return what is learned and validated on, each image at its scale."""
    found = []
    for letter, role in (("t", "training"), ("v", "validation")):
        for name, pairs in read_role(recipe, data, letter).items():
            for image, labels in pairs:
                size = recipe.pixel_size_um * recipe.diameter
                size /= median_diameter(labels, recipe.sets[name])
                image = replace(image, pixel_size_um=(size, size))
                found.append(nu.Example(image, labels, role=role))
    return found


def score(
    model: nu.Model, images: Iterable[tuple[nu.Image, np.ndarray]]
) -> dict[str, object]:
    """Return what a set says of a model, through the automatic scale, as users get it.

    Parameters
    ----------
    model : Model
        The trained one.
    images : iterable of (Image, ndarray of int)
        Whose pixel size is not known to the program, with their labels.
    """
    total, count = None, 0
    for image, labels in images:
        image = replace(image, pixel_size_um=None)
        segmentation = nu.run(nu.segment(image, model, scale="auto"))
        found = nu.make_labels(segmentation, model.settings)
        scores = nu.evaluate(found, labels)
        total = scores if total is None else total + scores
        count += 1
    assert total is not None
    return {"images": count, "objects": total.objects_true, "scores": total.as_dict()}


def score_all(model: nu.Model, recipe: Recipe, data: Path) -> list[HeldOutScores]:
    """Score what was held out of each set, and sets that are all unknown."""
    held_out = read_role(recipe, data, "h")
    unseen = {name: read_set(data / name, m) for name, m in recipe.unseen.items()}
    return [
        HeldOutScores(name=name, remark=remark, **score(model, pairs))
        for sets, remark in (
            (held_out, "images that were kept out of the training"),
            (unseen, "nothing of this set was learned"),
        )
        for name, pairs in sets.items()
    ]


def train(
    examples: list[nu.Example],
    folder: Path,
    config: TrainConfig,
    start_from: nu.Model | None,
    settings: ModelSettings,
) -> nu.Model:
    """Train with a progress bar, and a line for each validation."""
    steps = nu.fine_tune(
        examples,
        folder,
        config=config,
        start_from=start_from,
        settings=settings,
        preset="fast",
    )
    with tqdm(total=100, unit="%") as bar:
        for progress in steps:
            bar.n = round(100 * progress.fraction, 1)
            bar.set_postfix_str(f"loss {progress.loss:.3f}")
            if progress.validation is not None:
                f1 = progress.validation.f1
                bar.write(f"iteration {progress.iteration}: F1 {f1:.3f}")
    return nu.load_model(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the iterations, to try it out"
    )
    arguments = parser.parse_args()

    recipe = RECIPES[arguments.name]
    examples = read_examples(recipe, arguments.data)
    model = None
    for number, phase in enumerate(recipe.phases, start=1):
        folder = arguments.out / f"{arguments.name}, phase {number}"
        config = phase.config(arguments.share)
        model = train(examples, folder, config, model, recipe.settings())
    scores = score_all(model, recipe, arguments.data)
    command = f"python {_SCRIPT} {arguments.name} --data FOLDER --out FOLDER"
    notes = recipe.notes.replaced(
        held_out=[each.model_dump() for each in scores], recipe=command
    )
    publish_model(folder, arguments.out / arguments.name, notes)
    print((arguments.out / arguments.name / "README.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
