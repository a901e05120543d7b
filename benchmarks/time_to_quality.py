"""How good a model is after how many seconds: from scratch, from a starter, and a peer.

    python benchmarks/time_to_quality.py --data FOLDER [--sets bbbc039_u2os] \
        [--seconds 10 20 30 60] [--annotated 1 3 5] [--seeds 0] \
        [--models nuclei cells-phase] [--picture FILE]

FOLDER of the data holds ``<set>/images`` and ``<set>/masks`` with equal stems. Some
images are annotated, others tell how good a model is: F1 at IoU 0.5, through the
automatic scale. Each time is a training of its own, with the program's own settings; in
brackets the seconds that it took in all, validation and saving included. The peer is a
pixel classifier as biologists use it today, a random forest (`pixel_forest.py`), where
scikit-learn is installed. The last column says whether a starter forgets: F1 on images
of its own sets that it did not learn, as it was and after the longest training. Of a
starter's own sets it has learned the annotated images before, never those that are
scored. A model may be in another folder: ``--models nuclei=FOLDER``. Prints a table in
Markdown, each number the mean over the seeds; with ``--picture``, also draws them.
"""

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data_folder import data_folder
from hardware import describe_hardware
from quality_chart import Curve, draw_curves
from real_sets import (
    SETS,
    Pair,
    RealSet,
    check_data,
    name_folders,
    open_starter,
    segment_as_users_do,
)

import napari_unet as nu
from napari_unet.core.model_folders import STARTERS

WAYS = ("forest", "scratch", "starter")


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Parameters
    ----------
    data : Path
        Folder of the sets.
    seconds : list of float
        How long to train.
    seeds : list of int
        The first annotated image and all random numbers follow them.
    ways : list of str
        Which of `WAYS`.
    tested : int
        How many images tell how good a model is, at most.
    validated : int
        How many images tell what a starter forgets, at most: of each of its sets so
        many that it was validated on, and so many others.
    """

    data: Path
    seconds: list[float]
    seeds: list[int]
    ways: list[str]
    tested: int
    validated: int


def score(segment: Callable[[nu.Image], np.ndarray], pairs: Iterable[Pair]) -> float:
    """Return the F1 at IoU 0.5 of images together."""
    total = nu.Scores()
    for image, true in pairs:
        total += nu.evaluate(segment(image), true)
    return total.f1


def score_model(model: nu.Model, pairs: Iterable[Pair]) -> float:
    """Return that of a model, through the automatic scale."""
    return score(lambda image: segment_as_users_do(image, model)[0], pairs)


def train(
    annotated: list[Pair], start: nu.Model | None, seconds: float, seed: int
) -> nu.Model:
    """Train with the program's own settings."""
    preset = nu.PRESETS["fast"]
    examples = [nu.Example(image, labels) for image, labels in annotated]
    settings = nu.ModelSettings(network=preset.network) if start is None else None
    with tempfile.TemporaryDirectory() as folder:
        steps = nu.fine_tune(
            examples,
            Path(folder) / "model",
            config=preset.training.replaced(seconds=seconds, seed=seed),
            start_from=start,
            settings=settings,
        )
        return nu.run(steps).model


def choose(stems: list[str], count: int, seed: int) -> list[str]:
    """Return images to annotate, evenly spread over a set."""
    places = np.linspace(0, len(stems), count, endpoint=False).astype(int)
    return [stems[(place + seed) % len(stems)] for place in places]


def own_images(plan: Plan, starter: str) -> list[Pair]:
    """Return images of its own sets that a starter did not learn.

    Those that it was validated on, by which it was chosen, and others.
    """
    return [
        pair
        for each in SETS
        if each.starter == starter and each.own
        for stems in (each.with_role(plan.data, "v"), each.unseen(plan.data))
        for pair in each.read(plan.data, stems[: plan.validated])
    ]


def measure(
    plan: Plan, each: RealSet, count: int, starter: nu.Model | None, own: list[Pair]
) -> Iterator[Curve]:
    """Yield what each way reaches on one set with so many annotated images."""
    pool, tested = each.split(plan.data, plan.tested)
    if count > len(pool):
        return
    test = list(each.read(plan.data, tested))
    head = (each.name, count, len(test))
    learned = [
        list(each.read(plan.data, choose(pool, count, seed))) for seed in plan.seeds
    ]
    if "forest" in plan.ways:
        yield Curve(*head, "random forest", [forest(plan, learned, test)])
    if "scratch" in plan.ways:
        points, _ = train_all(plan, learned, test, None)
        yield Curve(*head, "U-Net from scratch", points)
    if starter is not None and "starter" in plan.ways:
        before = (0.0, score_model(starter, test))
        points, models = train_all(plan, learned, test, starter)
        kept = score_model(starter, own)
        after = np.mean([score_model(model, own) for model in models])
        forgets = f"{kept:.3f} → {after:.3f}"
        yield Curve(*head, "from the starter", [before, *points], forgets)


def forest(
    plan: Plan, learned: list[list[Pair]], test: list[Pair]
) -> tuple[float, float]:
    """Return seconds and F1 of the peer, and no more: it does not learn longer."""
    from pixel_forest import PixelForest

    scores, seconds = [], []
    for annotated, seed in zip(learned, plan.seeds, strict=True):
        start = time.perf_counter()
        peer = PixelForest(annotated, seed)
        seconds.append(time.perf_counter() - start)
        scores.append(score(peer.segment, test))
    return float(np.mean(seconds)), float(np.mean(scores))


def train_all(
    plan: Plan, learned: list[list[Pair]], test: list[Pair], start: nu.Model | None
) -> tuple[list[tuple[float, float]], list[nu.Model]]:
    """Return seconds taken and F1 for each time, and the models of the longest."""
    points = []
    models: list[nu.Model] = []
    for seconds in plan.seconds:
        begun = time.perf_counter()
        models = [
            train(annotated, start, seconds, seed)
            for annotated, seed in zip(learned, plan.seeds, strict=True)
        ]
        taken = (time.perf_counter() - begun) / len(models)
        f1 = np.mean([score_model(model, test) for model in models])
        points.append((taken, float(f1)))
    return points, models


def row(curve: Curve, times: int) -> str:
    """Return the line of the table."""
    cells = [f"{f1:.3f} ({seconds:.0f} s)" for seconds, f1 in curve.points]
    missing = [""] * (times + 1 - len(cells))
    cells = [*missing, *cells] if len(cells) == times else [*cells, *missing]
    head = (curve.name, curve.annotated, curve.scored, curve.way)
    return f"| {' | '.join(map(str, (*head, *cells, curve.forgets)))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=data_folder, required=True)
    dense = [each for each in SETS if not each.sparse]
    names = [each.name for each in dense]
    parser.add_argument("--sets", nargs="+", default=names, choices=names)
    parser.add_argument("--seconds", nargs="+", type=float, default=[10, 20, 30, 60])
    parser.add_argument("--annotated", nargs="+", type=int, default=[1, 3, 5])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--test", type=int, default=6, help="images of a set to score")
    parser.add_argument(
        "--validation", type=int, default=5, help="images of a starter's own sets"
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=list(STARTERS),
        metavar="NAME[=FOLDER]",
    )
    parser.add_argument("--picture", type=Path, help="PNG to write")
    options = parser.parse_args()
    check_data(options.data, options.sets)
    ways = list(options.ways)
    print(f"{describe_hardware()}\n")
    if "forest" in ways and importlib.util.find_spec("sklearn") is None:
        print("The random forest is left out: scikit-learn is not installed.\n")
        ways.remove("forest")
    plan = Plan(
        options.data,
        sorted(options.seconds),
        options.seeds,
        ways,
        options.test,
        options.validation,
    )
    folders = name_folders(options.models)
    starters = {name: open_starter(folder) for name, folder in folders.items()}
    times = " | ".join(f"{seconds:g} s" for seconds in plan.seconds)
    print(f"| set | annotated | scored | way | at once | {times} | own images |")
    print(f"|---|--:|--:|---|--:|{'--:|' * len(plan.seconds)}--:|")
    curves = []
    for starter, model in starters.items():
        own = [] if model is None else own_images(plan, starter)
        for each in dense:
            if each.starter != starter or each.name not in options.sets:
                continue
            for count in options.annotated:
                for curve in measure(plan, each, count, model, own):
                    curves.append(curve)
                    print(row(curve, len(plan.seconds)), flush=True)
    if options.picture is not None:
        draw_curves(options.picture, curves)


if __name__ == "__main__":
    main()
