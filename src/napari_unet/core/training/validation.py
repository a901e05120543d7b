"""Scoring a network on held-back ground, and choosing how to make its objects."""

import functools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.annotation.target import Target, split_components
from napari_unet.core.config import ModelSettings, ObjectConfig, TrainConfig
from napari_unet.core.evaluation.class_scores import score_classes
from napari_unet.core.evaluation.detection import (
    AnyScores,
    DetectionScores,
    FoundScores,
    quality,
    score_points,
)
from napari_unet.core.evaluation.scores import Scores, score_labels
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.detect import detect_points
from napari_unet.core.prediction.objects import class_map, find_objects
from napari_unet.core.prediction.predict import predict
from napari_unet.core.training.examples import Weigh
from napari_unet.core.training.patches import Batch
from napari_unet.core.training.prepared import KnownPoints, Prepared
from napari_unet.core.training.state import Training
from napari_unet.core.training.validation_loss import MeanLoss, ground_of

# What is tried, one after the other. Splits: only leaks, or up to touching discs; what
# a network joins in images it has seen says little about others, so not less than
# leaks. Thresholds: the weights of the ridges make the background broad.
_TRIED: dict[str, tuple[float, ...]] = {
    "split": (0.25, 0.75),
    "threshold": (0.3, 0.4, 0.5),
}
# Balanced classes make the disks broad: close ones part at higher probabilities.
_TRIED_FOR_POINTS = (0.3, 0.5, 0.7, 0.9)
# Specks that the network invents may be as large as this times the smallest object, and
# objects that it finds as small as that part of it.
_STEP = 3
# Smallest objects are tried where so many are held back, and no larger than this part
# of the smallest annotated one: fewer say little of how small others are.
_MANY, _PART = 10, 0.5
# A change must gain this much average precision before it is chosen; of few objects, as
# much as finding one more of them brings. What seems to suit five is mostly chance.
_WORTH_IT = 0.005
# So much of a training image, in px along Y and X (Z, Y and X), helps to choose; of so
# many.
_SEEN_PX = {2: (384, 384), 3: (16, 96, 96)}
_SEEN_IMAGES = 6


@dataclass(frozen=True, slots=True)
class Validation:
    """How good a network is, and with which way of making objects.

    Parameters
    ----------
    scores : Scores, DetectionScores or ValueScores
        Summed over the validation examples; of points where the model detects.
    objects : ObjectConfig
        The model's own, or the same with another split, threshold or smallest size
        where that was clearly better.
    loss : float
        Of the validation examples, weighted as those that are trained on; NaN before
        all are predicted.
    own : Scores, DetectionScores or ValueScores, optional
        With the model's own way of making objects, where another one was chosen.
    """

    scores: AnyScores
    objects: ObjectConfig
    loss: float = math.nan
    own: AnyScores | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """What the loss would see of the validation examples, were they trained on.

    Parameters
    ----------
    examples : sequence of Prepared
        The same, with the separation border of the training.
    weigh : callable
        Weighs them as the others, with the same balance of the classes.
    config : TrainConfig
        Which loss.
    """

    examples: Sequence[Prepared]
    weigh: Weigh
    config: TrainConfig

    def ground(self, number: int, box: tuple[slice, ...]) -> Batch:
        """Return a part of one of them."""
        example = self.examples[number].part(box)
        return ground_of(example.target, self.weigh(example))


# Called with whether to choose how objects are made.
Validate = Callable[[bool], Iterator[Validation]]


def make_validation(
    examples: Sequence[Prepared],
    network: Network,
    settings: ModelSettings,
    training: Training,
    learning: Learning,
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
    halo = [each.halo for each in network.geometries]
    boxes = [_find_known(example, halo) for example in examples]
    held = [(e.part(box), True) for e, box in zip(examples, boxes, strict=True)]
    grounds = [learning.ground(number, box) for number, box in enumerate(boxes)]
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
            for part in predict(
                network,
                example.grey,
                example.intensity,
                training.compute,
                room=training.room,
            ):
                out[(slice(None), *part.interior)] = part.probabilities
                training.tell(part.news)
                yield Validation(Scores(), settings.objects)
            predicted.append(_Predicted(out, example, counts))
        loss = MeanLoss(network, learning.config)
        for each, ground in zip(predicted, grounds, strict=False):  # not those seen
            loss.add(each.probabilities, ground)
        if choosing:
            result = _choose(predicted, settings)
        else:
            scores, _ = _score(predicted, settings, settings.objects)
            result = Validation(scores, settings.objects)
        yield replace(result, loss=loss.value())

    return validate


@dataclass(frozen=True, slots=True, eq=False)
class _Predicted:
    """Probabilities (K, [Z,] Y, X), the truth, and whether it counts for the scores."""

    probabilities: np.ndarray
    example: Prepared
    counts: bool


def _choose(predicted: Sequence[_Predicted], settings: ModelSettings) -> Validation:
    """Score the model's own way of making objects, or a clearly better one."""
    objects = settings.objects
    own, seen = _score(predicted, settings, objects)
    held, worth = own, max(_WORTH_IT, 1 / max(seen.objects_true, 1))
    annotated = [each.example.target.labels for each in predicted]
    sizes = sizes_to_try(annotated, settings, own.objects_true)
    tried = {
        "objects": _TRIED | {"min_size": sizes},
        "points": {"threshold": _TRIED_FOR_POINTS, "min_size": sizes},
        "classes": {},
    }[settings.annotation]
    for name, values in tried.items():
        start, best = objects, quality(seen) + worth
        for value in values:
            if value == getattr(start, name):
                continue
            other = start.replaced(**{name: value})
            scores = _score(predicted, settings, other)
            if quality(scores[1]) > best:
                objects, best = other, quality(scores[1])
                held, seen = scores
    return Validation(held, objects, own=own)


def sizes_to_try(
    annotated: Sequence[np.ndarray], settings: ModelSettings, held_back: int
) -> tuple[int, ...]:
    """Return other smallest sizes of objects than the model's, to choose from.

    Of few objects only one is tried, and only where they are smaller than the model's
    smallest.

    Parameters
    ----------
    annotated : sequence of ndarray of int, shape ([Z,] Y, X)
        Objects at the zoom that the network sees.
    settings : ModelSettings
        Of the model.
    held_back : int
        How many objects there are to judge by.

    Returns
    -------
    tuple of int
        In pixels at the zoom that the model was made for.
    """
    own = settings.objects.min_size
    areas = [_smallest_area(labels) for labels in annotated]
    smallest = min((area for area in areas if area), default=math.inf)
    if settings.annotation == "points" or math.isinf(smallest):
        highest = _STEP * own
    else:
        highest = int(_PART * smallest / settings.zoom**2)
    sizes = [own // _STEP, _STEP * own] if held_back >= _MANY else []
    sizes = [size for size in sizes if size <= highest]
    return (*sizes, highest) if highest < own else tuple(sizes)


def _smallest_area(labels: np.ndarray) -> int:
    """Return the pixels of the smallest object that no edge cuts; 0 without any."""
    areas = np.bincount(labels[labels > 0].ravel())
    for axis in range(labels.ndim):
        for end in (0, -1):
            areas[np.unique(labels.take(end, axis))] = 0
    return int(areas[areas > 0].min()) if areas.any() else 0


def _score(
    predicted: Sequence[_Predicted], settings: ModelSettings, objects: ObjectConfig
) -> tuple[FoundScores, FoundScores]:
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
) -> FoundScores:
    """Score the objects, classes or points of one image."""
    target, points = predicted.example.target, predicted.example.points
    if points is not None:
        return _score_detection(predicted, points, objects)
    if settings.annotation == "classes":
        classes = class_map(predicted.probabilities)
        return compare_classes(classes, target, settings.network.classes)
    return score_labels(
        find_objects(
            1 - predicted.probabilities[0],
            objects.enlarged(settings.zoom),  # from pixels of the image to those here
            predicted.example.pixel_size,
        ),
        target.labels,
        known=target.known,
    )


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
            pixel_size=predicted.example.pixel_size,
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
    return sum(of_classes, pixels).of_one_image()


def _corner(example: Prepared) -> Prepared:
    """Return a part of an example that is quickly predicted."""
    known = _crop_to_known(example, [0] * example.target.known.ndim)
    lengths = _SEEN_PX[known.target.known.ndim]
    return known.part(tuple(slice(0, length) for length in lengths))


def compare_classes(predicted: np.ndarray, target: Target, classes: int) -> Scores:
    """Score predicted classes (Y, X): pixel by pixel, and piece by piece.

    A piece is connected ground of one class other than background; it is found only by
    a piece of the same class.
    """
    scores = Scores()
    for number in range(1, classes):
        scores += score_labels(
            split_components(predicted == number),
            np.where(target.classes == number, target.labels, 0),
            known=target.known,
        )
    by_pixel = score_classes(predicted, target.classes, classes, known=target.known)
    return replace(scores, classes=by_pixel).of_one_image()


def _crop_to_known(example: Prepared, halo: Sequence[int]) -> Prepared:
    """Keep the known ground and as much around it as the network sees."""
    return example.part(_find_known(example, halo))


def _find_known(example: Prepared, halo: Sequence[int]) -> tuple[slice, ...]:
    """Return where the known ground is, and as much around it as the network sees."""
    known = example.target.known
    box = []
    for axis, margin in enumerate(halo):
        others = tuple(a for a in range(known.ndim) if a != axis)
        places = np.flatnonzero(known.any(axis=others))
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
        box.append(slice(max(0, first - margin), last + 1 + margin))
    return tuple(box)
