"""What `evaluate` does with objects, classes, borders between cells, and values."""

import functools
import math
import operator
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.cli.app import report, table
from napari_unet.cli.class_maps import compare_class_maps
from napari_unet.cli.truth import Truth
from napari_unet.core.config import ModelSettings
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for what computes
    from collections.abc import Iterable, Mapping

    import numpy as np

    from napari_unet.cli.differences import Differences
    from napari_unet.core.annotation.target import Region
    from napari_unet.core.evaluation.boundary_scores import BoundaryScores
    from napari_unet.core.evaluation.interval import Interval
    from napari_unet.core.evaluation.value_scores import ValueScores

# Title of the row below the scores of all images.
_INTERVAL = "95 %"
_OBJECTS_SHOWN = ("f1", "precision", "recall", "iou", "dice", "seg", "ap")
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
# Digits: grey values of a camera and those from 0 to 1 are both to be read.
_VALUES_SHOWN = {
    "psnr": ("PSNR (dB)", ".2f"),
    "rmse": ("RMSE", ".4g"),
    "mse": ("MSE", ".6g"),
    "mae": ("MAE", ".4g"),
    "ssim": ("SSIM", ".4f"),
}


def evaluate_objects(
    predicted: Path,
    true: Truth,
    differences: "Differences | None" = None,
    *,
    volumes: bool,
    as_json: bool,
) -> None:
    """Compare label images object by object: F1, IoU, Dice, SEG and AP."""
    import numpy as np

    from napari_unet.core.annotation.target import mark_known
    from napari_unet.core.score_words import describe_found
    from napari_unet.core.workflow import evaluate
    from napari_unet.formats.images import stem_of
    from napari_unet.formats.label_files import pair_compared

    scores = {}
    for path, truth in pair_compared(predicted, true.path):
        found, right, ignored = true.read_beside(path, truth)
        try:
            boxes = true.boxes(truth, right.ndim)
            scores[stem_of(path)] = evaluate(
                found, right, ignored, volume=volumes, regions=boxes
            )
            if differences is not None:
                known = mark_known(right.shape, boxes)
                if ignored is not None:
                    known &= right != ignored
                right = np.where(known, right, 0)
                differences.write(truth, found, right, known, volume=volumes)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
    overall = functools.reduce(operator.add, scores.values())
    shown = {name: name.upper() for name in _OBJECTS_SHOWN}
    intervals = _intervals(scores, overall, _OBJECTS_SHOWN)
    text = _tabulate(scores, overall, shown, 3, intervals)
    text += f"\n\nThe prediction {describe_found(overall.as_dict())}."
    if differences is not None:
        text += f"\n\n{differences.describe()}"
    report(_result(scores, overall, intervals), text, as_json=as_json)


def evaluate_classes(
    predicted: Path,
    true: Truth,
    differences: "Differences | None" = None,
    *,
    settings: ModelSettings | None = None,
    as_json: bool,
) -> None:
    """Compare class maps: IoU and Dice of each class, and their means.

    With the settings of a model, values and colours become its classes. Otherwise each
    value that occurs is a class.
    """
    from napari_unet.formats.label_files import is_drawn, pair_compared

    pairs = pair_compared(predicted, true.path)
    if drawn := [path.name for pair in pairs for path in pair if is_drawn(path)]:
        raise InputError(
            f"'{drawn[0]}' holds outlines, and class maps are compared as images; make "
            "them with 'napari-unet import --annotation classes --images'."
        )
    maps = compare_class_maps(
        pairs,
        true.ignored_class,
        settings,
        true.regions,
        differences,
    )
    overall = functools.reduce(operator.add, maps.scores.values())
    by_class = [["class (overall)", "IOU", "DICE", "TRUE PX", "PREDICTED PX"]]
    columns = zip(
        maps.titles,
        overall.iou,
        overall.dice,
        overall.true,
        overall.predicted,
        strict=True,
    )
    for title, iou, dice, there, seen in columns:
        if there + seen:
            row = [title, f"{iou:.3f}", f"{dice:.3f}", str(there), str(seen)]
            by_class.append(row)
    intervals = _intervals(maps.scores, overall, _CLASSES_SHOWN)
    text = _tabulate(maps.scores, overall, _CLASSES_SHOWN, 3, intervals)
    text = f"{text}\n\n{table(by_class)}"
    if differences is not None:
        text += f"\n\n{differences.describe()}"
    result = {"classes": list(maps.titles)} | _result(maps.scores, overall, intervals)
    report(result, text, as_json=as_json)


def evaluate_boundaries(
    predicted: Path,
    true: Truth,
    *,
    invert_predicted: bool,
    invert_true: bool,
    as_json: bool,
) -> None:
    """Compare probability maps with true cells: the ISBI errors over ten thresholds.

    And the Dice coefficient of the probabilities themselves.
    """
    from napari_unet.core.annotation.target import mark_known
    from napari_unet.core.evaluation.soft_dice import DiceSums, sum_dice
    from napari_unet.formats.images import stem_of
    from napari_unet.formats.probabilities import (
        pair_probabilities,
        read_cell_probability,
    )

    scores: dict[str, BoundaryScores] = {}
    dice: dict[str, DiceSums] = {}
    for path, truth in pair_probabilities(predicted, true.path):
        probability = read_cell_probability(path)
        right, ignored = true.read(truth, probability.shape)
        if invert_predicted:
            probability = 1 - probability
        if invert_true:
            right, ignored = _invert(right, ignored)
        try:
            name = stem_of(truth)
            boxes = true.boxes(truth, right.ndim)
            scores[name] = _sweep(name, probability, right, boxes, ignored)
            known = mark_known(right.shape, boxes)
            if ignored is not None:
                known &= right != ignored
            dice[name] = sum_dice(probability, right > 0, known)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
    overall = functools.reduce(operator.add, scores.values())
    total = functools.reduce(operator.add, dice.values(), DiceSums())
    text = _tabulate(dice, total, _DICE_SHOWN, 6)
    text += f"\n\n{_tabulate(scores, overall, _BOUNDARIES_SHOWN, 6)}"
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
    regions: "tuple[Region, ...]",
    ignore_label: int | None,
) -> "BoundaryScores":
    """Compare one image, all its planes, with a progress bar over the thresholds."""
    from tqdm import tqdm

    from napari_unet.core.annotation.target import on_plane
    from napari_unet.core.evaluation.boundary_scores import THRESHOLDS, BoundaryScores
    from napari_unet.core.frames import fold_times
    from napari_unet.evaluated import sweep_plane

    if probability.shape != true.shape:
        raise InputError(
            f"The probabilities have the shape {probability.shape}, the true labels "
            f"{true.shape}; they must be of the same image."
        )
    probability, true = fold_times(probability), fold_times(true)
    planes = [(probability, true, regions)]
    if true.ndim == 3:
        planes = [
            (probability[z], true[z], boxes)
            for z in range(len(true))
            if (boxes := on_plane(regions, z)) or not regions
        ]
    scores = BoundaryScores()
    total = len(planes) * len(THRESHOLDS)
    with tqdm(desc=name, total=total, unit="threshold", file=sys.stderr) as bar:
        for plane in planes:
            steps = sweep_plane(*plane, ignore_label)
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    scores += end.value
                    break
                bar.update()
    return scores


def evaluate_values(predicted: Path, true: Path, *, as_json: bool) -> None:
    """Compare predicted with true images: PSNR, RMSE, MSE, MAE and SSIM."""
    from napari_unet.core.evaluation.value_scores import compare_images
    from napari_unet.formats.images import pair_files, read_image, stem_of

    scores: dict[str, ValueScores] = {}
    for path, truth in pair_files(predicted, true):
        found, right = read_image(path), read_image(truth)
        try:
            scores[stem_of(truth)] = compare_images(found.array, right.array)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
    overall = functools.reduce(operator.add, scores.values())
    rows = [["image", *(title for title, _ in _VALUES_SHOWN.values())]]
    for stem, each in [*scores.items(), ("overall", overall)]:
        values = each.as_dict()
        cells = [
            f"{values[name]:{form}}" if name in values else "-"
            for name, (_, form) in _VALUES_SHOWN.items()
        ]
        rows.append([stem, *cells])
    intervals = _intervals(scores, overall, [n for n in _VALUES_SHOWN if n != "ssim"])
    if intervals:
        cells = [
            f"{intervals[name][0]:{form}}-{intervals[name][1]:{form}}"
            if name in intervals
            else "-"
            for name, (_, form) in _VALUES_SHOWN.items()
        ]
        rows.append([_INTERVAL, *cells])
    report(_result(scores, overall, intervals), table(rows), as_json=as_json)


def _intervals(
    scores: dict[str, Any], overall: Any, names: "Iterable[str]"
) -> "dict[str, Interval]":
    """Return the 95 % intervals of the scores of all images together.

    Those that go by numbers of objects have one anyway; the others by how much the
    images differ, if they are three or more.
    """
    from napari_unet.core.evaluation.interval import jackknife

    values = overall.as_dict()
    by_objects = {
        name: (values[f"{name}_low"], values[f"{name}_high"])
        for name in names
        if f"{name}_low" in values
    }
    others = [name for name in names if name not in by_objects]
    highest = math.inf if "psnr" in values else 1.0
    return jackknife(list(scores.values()), others, highest) | by_objects


def _tabulate(
    scores: dict[str, Any],
    overall: Any,
    shown: dict[str, str],
    digits: int,
    intervals: "Mapping[str, Interval] | None" = None,
) -> str:
    """Return a table with a row per image, one for all together, and its intervals."""
    rows = [["image", *shown.values()]]
    for stem, each in [*scores.items(), ("overall", overall)]:
        values = each.as_dict()
        rows.append([stem, *(f"{values[name]:.{digits}f}" for name in shown)])
    if intervals:
        ends = [intervals.get(name) for name in shown]
        row = [f"{end[0]:.2f}-{end[1]:.2f}" if end else "-" for end in ends]
        rows.append([_INTERVAL, *row])
    return table(rows)


def _result(
    scores: dict[str, Any],
    overall: Any,
    intervals: "Mapping[str, Interval] | None" = None,
) -> dict[str, Any]:
    """Return the scores of each image and of all together, ready for JSON."""
    ends = {
        f"{name}_{end}": value
        for name, interval in (intervals or {}).items()
        for end, value in zip(("low", "high"), interval, strict=True)
    }
    return {
        "images": {stem: each.as_dict() for stem, each in scores.items()},
        "overall": overall.as_dict() | ends,
    }
