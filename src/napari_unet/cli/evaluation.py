"""What `evaluate` does with classes of pixels and with borders between cells."""

import functools
import operator
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.cli.app import report, table
from napari_unet.cli.classes import read_predicted_classes, read_true_classes
from napari_unet.core.config import ModelSettings
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for what computes
    import numpy as np

    from napari_unet.cli.differences import Differences
    from napari_unet.core.evaluation.boundary_scores import BoundaryScores
    from napari_unet.core.evaluation.class_scores import ClassScores

_OBJECTS_SHOWN = {
    name: name.upper()
    for name in ("f1", "precision", "recall", "iou", "dice", "seg", "ap")
}
_CLASSES_SHOWN = {
    "mean_iou": "MEAN IOU",
    "weighted_iou": "WEIGHTED IOU",
    "mean_dice": "MEAN DICE",
    "accuracy": "ACCURACY",
}
_BOUNDARIES_SHOWN = {
    "pixel_error": "PIXEL ERROR",
    "rand_error": "RAND ERROR",
    "warping_error": "WARPING ERROR",
    "v_rand": "V_RAND",
    "v_info": "V_INFO",
}
_DICE_SHOWN = {"soft_dice": "SOFT DICE", "hard_dice": "HARD DICE"}


def evaluate_objects(
    predicted: Path,
    true: Path,
    ignore_label: int | None,
    differences: "Differences | None" = None,
    *,
    volumes: bool,
    as_json: bool,
) -> None:
    """Compare objects, by plane or, with `volumes`, through planes."""
    from napari_unet.core.workflow import evaluate
    from napari_unet.formats.images import pair_files, read_labels, stem_of

    scores = {}
    for path, truth in pair_files(predicted, true):
        found, right = read_labels(path), read_labels(truth)
        try:
            scores[stem_of(path)] = evaluate(found, right, ignore_label, volume=volumes)
            if differences is not None:
                differences.write(truth, found, right, ignore_label, volume=volumes)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
    overall = functools.reduce(operator.add, scores.values())
    text = _tabulate(scores, overall, _OBJECTS_SHOWN, digits=3)
    if differences is not None:
        text += f"\n\n{differences.describe()}"
    _report(scores, overall, text, as_json=as_json)


def evaluate_classes(
    predicted: Path,
    true: Path,
    ignore_label: int | None,
    differences: "Differences | None" = None,
    *,
    settings: ModelSettings | None = None,
    as_json: bool,
) -> None:
    """Compare class maps: IoU and Dice of each class, and their means.

    With the settings of a model, values and colours become its classes.
    """
    from napari_unet.core.evaluation.class_scores import count_classes, score_classes
    from napari_unet.formats.images import pair_files, read_labels, stem_of

    scores: dict[str, ClassScores] = {}
    for path, truth in pair_files(predicted, true):
        if settings is None:
            found, right = read_labels(path), read_labels(truth)
        else:
            found = read_predicted_classes(path, settings)
            right = read_true_classes(truth, settings)
        known = None if ignore_label is None else right != ignore_label
        try:
            classes = count_classes(found, right, known)
            scores[stem_of(truth)] = score_classes(found, right, classes, known=known)
            if differences is not None:
                differences.write(truth, found, right, ignore_label)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
    overall = functools.reduce(operator.add, scores.values())
    by_class = [["class (overall)", "IOU", "DICE", "TRUE PX", "PREDICTED PX"]]
    columns = zip(
        overall.iou, overall.dice, overall.true, overall.predicted, strict=True
    )
    for number, (iou, dice, there, seen) in enumerate(columns):
        if settings is None and not (there or seen):  # between 0 and 255, say
            continue
        by_class.append(
            [
                _title(number, settings),
                f"{iou:.3f}",
                f"{dice:.3f}",
                f"{there}",
                f"{seen}",
            ]
        )
    text = _tabulate(scores, overall, _CLASSES_SHOWN, digits=3)
    text = f"{text}\n\n{table(by_class)}"
    if differences is not None:
        text += f"\n\n{differences.describe()}"
    _report(scores, overall, text, as_json=as_json)


def _title(number: int, settings: ModelSettings | None) -> str:
    """Return the number of a class, and its name if it is known."""
    if settings is None or number >= len(settings.class_names):
        return str(number)
    return f"{number} {settings.class_names[number]}"


def evaluate_boundaries(
    predicted: Path,
    true: Path,
    ignore_label: int | None,
    *,
    invert_predicted: bool,
    invert_true: bool,
    as_json: bool,
) -> None:
    """Compare probability maps with true cells: the ISBI errors over ten thresholds.

    And the Dice coefficient of the probabilities themselves.
    """
    from napari_unet.core.evaluation.soft_dice import DiceSums, sum_dice
    from napari_unet.formats.images import read_labels, stem_of
    from napari_unet.formats.probabilities import (
        pair_probabilities,
        read_cell_probability,
    )

    scores: dict[str, BoundaryScores] = {}
    dice: dict[str, DiceSums] = {}
    for path, truth in pair_probabilities(predicted, true):
        probability = read_cell_probability(path)
        right, ignored = read_labels(truth), ignore_label
        if invert_predicted:
            probability = 1 - probability
        if invert_true:
            right, ignored = _invert(right, ignore_label)
        try:
            name = stem_of(truth)
            scores[name] = _sweep(name, probability, right, ignored)
            known = None if ignored is None else right != ignored
            dice[name] = sum_dice(probability, right > 0, known)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
    overall = functools.reduce(operator.add, scores.values())
    total = functools.reduce(operator.add, dice.values(), DiceSums())
    text = _tabulate(scores, overall, _BOUNDARIES_SHOWN, digits=6)
    text += f"\n\n{_tabulate(dice, total, _DICE_SHOWN, digits=6)}"
    images = {n: scores[n].as_dict() | dice[n].as_dict() for n in scores}
    together = overall.as_dict() | total.as_dict()
    report({"images": images, "overall": together}, text, as_json=as_json)


def _invert(
    labels: "np.ndarray", ignore_label: int | None
) -> tuple["np.ndarray", int | None]:
    """Make cells of what is 0, and nothing of the rest; keep what is ignored."""
    cells: np.ndarray = (labels == 0).astype("uint8")
    if ignore_label is None:
        return cells, None
    cells[labels == ignore_label] = 2
    return cells, 2


def _sweep(
    name: str,
    probability: "np.ndarray",
    true: "np.ndarray",
    ignore_label: int | None,
) -> "BoundaryScores":
    """Compare one image, all its planes, with a progress bar over the thresholds."""
    from tqdm import tqdm

    from napari_unet.core.evaluation.boundary_scores import THRESHOLDS, BoundaryScores
    from napari_unet.core.frames import fold_times
    from napari_unet.evaluated import sweep_plane

    if probability.shape != true.shape:
        raise InputError(
            f"The probabilities have the shape {probability.shape}, the true labels "
            f"{true.shape}; they must be of the same image."
        )
    probability, true = fold_times(probability), fold_times(true)
    planes = [(probability, true)]
    if true.ndim == 3:
        planes = list(zip(probability, true, strict=True))
    scores = BoundaryScores()
    total = len(planes) * len(THRESHOLDS)
    with tqdm(desc=name, total=total, unit="threshold", file=sys.stderr) as bar:
        for plane in planes:
            steps = sweep_plane(*plane, ignore_label=ignore_label)
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    scores += end.value
                    break
                bar.update()
    return scores


def _tabulate(
    scores: dict[str, Any], overall: Any, shown: dict[str, str], *, digits: int
) -> str:
    """Return a table with a row per image, and one for all together."""
    rows = [["image", *shown.values()]]
    for stem, each in [*scores.items(), ("overall", overall)]:
        values = each.as_dict()
        rows.append([stem, *(f"{values[name]:.{digits}f}" for name in shown)])
    return table(rows)


def _report(scores: dict[str, Any], overall: Any, text: str, *, as_json: bool) -> None:
    """Print the scores of each image and of all together."""
    result = {
        "images": {stem: each.as_dict() for stem, each in scores.items()},
        "overall": overall.as_dict(),
    }
    report(result, text, as_json=as_json)
