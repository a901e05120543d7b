"""Scoring a network on held-back ground, and choosing how to make its objects."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.annotation.target import Target, make_target
from napari_unet.core.config import ModelSettings, ObjectConfig
from napari_unet.core.device import Compute
from napari_unet.core.evaluation.scores import Scores, score_labels
from napari_unet.core.network.unet import UNet
from napari_unet.core.prediction.objects import class_map, find_objects
from napari_unet.core.prediction.predict import predict
from napari_unet.core.training.examples import Prepared

# Not at all, only leaks, and up to touching discs.
_SPLITS = (0.0, 0.25, 0.75)
# Splitting objects must gain this much average precision before it is chosen.
_WORTH_SPLITTING = 0.01
# So much of a training image, in px along each axis, helps to choose.
_SEEN = 384


@dataclass(frozen=True, slots=True)
class Validation:
    """How good a network is, and with which way of making objects.

    Parameters
    ----------
    scores : Scores
        Summed over the validation examples.
    objects : ObjectConfig
        The model's own, or the same with more or fewer waists cut where that was
        clearly better.
    """

    scores: Scores
    objects: ObjectConfig


def make_validation(
    examples: Sequence[Prepared],
    network: UNet,
    settings: ModelSettings,
    compute: Compute,
    trained_on: Sequence[Prepared] = (),
) -> Callable[[], Iterator[Validation]]:
    """Return a function that scores the network on the validation examples.

    Calling it starts an iterator that yields how things stand after each tile; its
    last value is the result. The network itself runs once for all ways of making
    objects.

    Held-back ground is often too small to tell how objects are best made; a part of
    `trained_on` has its say in that, too. It never counts for the scores.
    """
    halo = network.geometry.halo
    crops = [(_crop_to_known(example, halo), True) for example in examples]
    if trained_on:
        fullest = max(trained_on, key=lambda e: len(np.unique(e.target.labels)))
        crops.append((_crop_to_known(_corner(fullest), halo), False))
    ways = [settings.objects]
    if settings.annotation == "objects":
        others = (share for share in _SPLITS if share != settings.objects.split)
        ways += [settings.objects.replaced(split=share) for share in others]

    def validate() -> Iterator[Validation]:
        totals, seen = [Scores() for _ in ways], [Scores() for _ in ways]
        for example, counts in crops:
            shape = example.target.labels.shape
            out = np.zeros((settings.network.classes, *shape), np.float32)
            for part in predict(network, example.grey, example.intensity, compute):
                out[(slice(None), *part.interior)] = part.probabilities
                yield Validation(totals[0], ways[0])
            for i, way in enumerate(ways):
                scores = score_labels(
                    _segment(out, settings, way),
                    example.target.labels,
                    known=example.target.known,
                )
                totals[i] += scores if counts else Scores()
                seen[i] += scores
        # The model's own way, unless another one is clearly better.
        gains = [scores.ap - seen[0].ap for scores in seen]
        best = int(np.argmax(gains)) if max(gains) > _WORTH_SPLITTING else 0
        yield Validation(totals[best], ways[best])

    return validate


def _corner(example: Prepared) -> Prepared:
    """Return a part of an example that is quickly predicted."""
    known = _crop_to_known(example, 0)
    part = (slice(0, _SEEN), slice(0, _SEEN))
    target = known.target
    return Prepared(
        grey=known.grey[(slice(None), *part)],
        intensity=known.intensity,
        target=Target(target.classes[part], target.labels[part], target.known[part]),
    )


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
    inside = tuple(box)
    target = example.target
    return Prepared(
        grey=example.grey[(slice(None), *inside)],
        intensity=example.intensity,
        target=Target(
            classes=target.classes[inside],
            labels=target.labels[inside],
            known=known[inside],
        ),
    )
