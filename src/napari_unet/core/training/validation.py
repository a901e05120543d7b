"""Scoring a network on held-back ground, and choosing how to make its objects."""

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.annotation.target import make_target
from napari_unet.core.config import ModelSettings, ObjectConfig
from napari_unet.core.device import Compute
from napari_unet.core.evaluation.detection import (
    AnyScores,
    DetectionScores,
    quality,
    score_points,
)
from napari_unet.core.evaluation.scores import Scores, score_labels
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.detect import detect_points
from napari_unet.core.prediction.objects import class_map, find_objects
from napari_unet.core.prediction.predict import predict
from napari_unet.core.training.examples import KnownPoints, Prepared

# What is tried, one after the other. Splits: only leaks, or up to touching discs; what
# a network joins in images it has seen says little about others, so not less than
# leaks. Thresholds: the weights of the ridges make the background broad.
_TRIED: dict[str, tuple[float, ...]] = {
    "split": (0.25, 0.75),
    "threshold": (0.3, 0.4, 0.5),
}
# Balanced classes make the disks broad: close ones part at higher probabilities.
_TRIED_FOR_POINTS = (0.3, 0.5, 0.7, 0.9)
# Specks that the network invents may be as large as this times the smallest object.
_LARGER = 3
# A change must gain this much average precision before it is chosen.
_WORTH_IT = 0.005
# So much of a training image, in px along each axis, helps to choose; of so many.
_SEEN_PX = 384
_SEEN_IMAGES = 6


@dataclass(frozen=True, slots=True)
class Validation:
    """How good a network is, and with which way of making objects.

    Parameters
    ----------
    scores : Scores or DetectionScores
        Summed over the validation examples; of points where the model detects.
    objects : ObjectConfig
        The model's own, or the same with another split, threshold or smallest size
        where that was clearly better.
    """

    scores: AnyScores
    objects: ObjectConfig


# Called with whether to choose how objects are made.
Validate = Callable[[bool], Iterator[Validation]]


def make_validation(
    examples: Sequence[Prepared],
    network: Network,
    settings: ModelSettings,
    compute: Compute,
    trained_on: Sequence[Prepared] = (),
) -> Validate:
    """Return a function that scores the network on the validation examples.

    Calling it starts an iterator that yields how things stand after each tile; its
    last value is the result. The network itself runs once for all ways of making
    objects.

    Called with True, it chooses how objects are made. Held-back ground is often too
    small for that; parts of `trained_on` have their say in it, too. They never count
    for the scores.
    """
    halo = network.geometry.halo
    held = [(_crop_to_known(example, halo), True) for example in examples]
    fullest = sorted(trained_on, key=lambda e: -len(np.unique(e.target.labels)))
    seen = [
        (_crop_to_known(_corner(example), halo), False)
        for example in fullest[:_SEEN_IMAGES]
    ]

    def validate(choosing: bool) -> Iterator[Validation]:
        predicted = []
        for example, counts in held + (seen if choosing else []):
            shape = example.target.labels.shape
            out = np.zeros((settings.network.classes, *shape), np.float32)
            for part in predict(network, example.grey, example.intensity, compute):
                out[(slice(None), *part.interior)] = part.probabilities
                yield Validation(Scores(), settings.objects)
            predicted.append(_Predicted(out, example, counts))
        if choosing:
            yield _choose(predicted, settings)
        else:
            scores, _ = _score(predicted, settings, settings.objects)
            yield Validation(scores, settings.objects)

    return validate


@dataclass(frozen=True, slots=True, eq=False)
class _Predicted:
    """Probabilities (K, Y, X), the truth, and whether they count for the scores."""

    probabilities: np.ndarray
    example: Prepared
    counts: bool


def _choose(predicted: Sequence[_Predicted], settings: ModelSettings) -> Validation:
    """Score the model's own way of making objects, or a clearly better one."""
    objects = settings.objects
    held, seen = _score(predicted, settings, objects)
    sizes = (objects.min_size, _LARGER * objects.min_size)
    tried = {
        "objects": _TRIED | {"min_size": sizes},
        "points": {"threshold": _TRIED_FOR_POINTS, "min_size": sizes},
        "classes": {},
    }[settings.annotation]
    for name, values in tried.items():
        start, best = objects, quality(seen) + _WORTH_IT
        for value in values:
            if value == getattr(start, name):
                continue
            other = start.replaced(**{name: value})
            scores = _score(predicted, settings, other)
            if quality(scores[1]) > best:
                objects, best = other, quality(scores[1])
                held, seen = scores
    return Validation(held, objects)


def _score(
    predicted: Sequence[_Predicted], settings: ModelSettings, objects: ObjectConfig
) -> tuple[AnyScores, AnyScores]:
    """Return the scores on held-back ground, and on that and the seen ground."""
    each = [(_score_one(p, settings, objects), p.counts) for p in predicted]
    nothing = DetectionScores() if settings.annotation == "points" else Scores()
    held = [scores for scores, counts in each if counts]
    seen = [scores for scores, _ in each]
    return (
        functools.reduce(operator.add, held, nothing),
        functools.reduce(operator.add, seen, nothing),
    )


def _score_one(
    predicted: _Predicted, settings: ModelSettings, objects: ObjectConfig
) -> AnyScores:
    """Score the objects, or the points, of one image."""
    target = predicted.example.target
    points = predicted.example.points
    if points is not None:
        return _score_detection(predicted, points, objects)
    labels = _segment(predicted.probabilities, settings, objects)
    return score_labels(labels, target.labels, known=target.known)


def _score_detection(
    predicted: _Predicted, points: KnownPoints, objects: ObjectConfig
) -> DetectionScores:
    """Score the points of one image, class by class, and the disks' pixels."""
    target = predicted.example.target
    found = detect_points(predicted.probabilities, objects)
    of_classes = [
        score_points(
            found.positions[found.classes == number],
            points.positions[points.classes == number],
            known=points.known,
        )
        for number in range(1, len(predicted.probabilities))
    ]
    disks = (target.classes > 0)[target.known]
    seen = (1 - predicted.probabilities[0] >= objects.threshold)[target.known]
    pixels = DetectionScores(
        pixels_shared=int((disks & seen).sum()),
        pixels_true=int(disks.sum()),
        pixels_predicted=int(seen.sum()),
    )
    return sum(of_classes, pixels)


def _corner(example: Prepared) -> Prepared:
    """Return a part of an example that is quickly predicted."""
    return _crop_to_known(example, 0).part((slice(0, _SEEN_PX), slice(0, _SEEN_PX)))


def _segment(
    probabilities: np.ndarray, settings: ModelSettings, objects: ObjectConfig
) -> np.ndarray:
    """Return objects; those of a model of classes are its connected components."""
    if settings.annotation == "classes":
        classes = class_map(probabilities)
        target = make_target(classes, kind="classes", classes=settings.network.classes)
        return target.labels
    return find_objects(1 - probabilities[0], objects)


def _crop_to_known(example: Prepared, halo: int) -> Prepared:
    """Keep the known ground and as much around it as the network sees."""
    known = example.target.known
    box = []
    for axis in (0, 1):
        places = np.flatnonzero(known.any(axis=1 - axis))
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
        box.append(slice(max(0, first - halo), last + 1 + halo))
    return example.part((box[0], box[1]))
