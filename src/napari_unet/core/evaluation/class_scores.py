"""How well predicted classes of pixels agree with the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.overlap import check_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_CLASSES = 256


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Agreement of predicted and true classes, as counts that can be added.

    Parameters
    ----------
    shared, true, predicted : tuple of int, one per class, background first
        Known pixels of the class in both, in the truth, in the prediction.
    """

    shared: tuple[int, ...]
    true: tuple[int, ...]
    predicted: tuple[int, ...]

    def __add__(self, other: ClassScores) -> ClassScores:
        """Return the scores of both together; a class that one lacks counts 0 there."""
        return ClassScores(
            *(
                tuple(a + b for a, b in zip_longest(mine, theirs, fillvalue=0))
                for mine, theirs in (
                    (self.shared, other.shared),
                    (self.true, other.true),
                    (self.predicted, other.predicted),
                )
            )
        )

    @property
    def iou(self) -> tuple[float, ...]:
        """Intersection over union of each class; 1 where it is absent from both."""
        return tuple(
            s / (t + p - s) if t + p else 1.0
            for s, t, p in zip(self.shared, self.true, self.predicted, strict=True)
        )

    @property
    def dice(self) -> tuple[float, ...]:
        """Dice coefficient of each class; 1 where it is absent from both."""
        return tuple(
            2 * s / (t + p) if t + p else 1.0
            for s, t, p in zip(self.shared, self.true, self.predicted, strict=True)
        )

    @property
    def mean_iou(self) -> float:
        """Mean IoU of the classes that occur, background included."""
        return self._mean(self.iou)

    @property
    def mean_dice(self) -> float:
        """Mean Dice coefficient of the classes that occur, background included."""
        return self._mean(self.dice)

    @property
    def weighted_iou(self) -> float:
        """IoU averaged over the true pixels, i.e. weighted by each class' frequency."""
        pixels = sum(self.true)
        weighted = sum(t * v for t, v in zip(self.true, self.iou, strict=True))
        return weighted / pixels if pixels else 1.0

    @property
    def accuracy(self) -> float:
        """Part of the pixels whose class is right."""
        pixels = sum(self.true)
        return sum(self.shared) / pixels if pixels else 1.0

    def as_dict(self) -> dict[str, float | list[float]]:
        """Return the scores, ready for JSON; lists have one value per class."""
        return {
            "mean_iou": self.mean_iou,
            "mean_dice": self.mean_dice,
            "weighted_iou": self.weighted_iou,
            "accuracy": self.accuracy,
            "iou": list(self.iou),
            "dice": list(self.dice),
        }

    def _mean(self, values: tuple[float, ...]) -> float:
        """Average over the classes that occur in the truth or in the prediction."""
        occurring = [
            value
            for value, t, p in zip(values, self.true, self.predicted, strict=True)
            if t + p
        ]
        return sum(occurring) / len(occurring) if occurring else 1.0


def score_classes(
    predicted: NDArray[Any],
    true: NDArray[Any],
    classes: int,
    *,
    known: NDArray[np.bool_] | None = None,
) -> ClassScores:
    """Compare predicted with true classes, pixel by pixel.

    Parameters
    ----------
    predicted, true : ndarray of int or bool, shape ([Z,] Y, X)
        Class of each pixel, 0 (background) to `classes` - 1.
    classes : int
        Number of classes, background included.
    known : ndarray of bool, shape ([Z,] Y, X), optional
        Which pixels count; by default all.

    Returns
    -------
    ClassScores
        Counts and what follows from them; add those of several images.

    Raises
    ------
    InputError
        If the arrays do not cover the same ground, or a known pixel has a class that
        does not exist.

    Examples
    --------
    >>> true = np.array([[0, 0, 1, 1]])
    >>> score_classes(np.array([[0, 1, 1, 1]]), true, 2).dice
    (0.6666666666666666, 0.8)
    """
    check_pair(predicted, true, known)
    where = slice(None) if known is None else known.reshape(-1)
    pixels = [labels.reshape(-1)[where] for labels in (true, predicted)]
    for name, found in zip(("true", "predicted"), pixels, strict=True):
        if found.size and found.max() >= classes:
            raise InputError(
                f"The {name} classes go up to {found.max()}, but there are {classes} "
                f"classes, numbered 0 to {classes - 1}. Are these labels of objects?"
            )
    keys = pixels[0].astype(np.intp) * classes + pixels[1].astype(np.intp)
    table = np.bincount(keys, minlength=classes**2).reshape(classes, classes)
    return ClassScores(
        shared=tuple(table.diagonal().tolist()),
        true=tuple(table.sum(axis=1).tolist()),
        predicted=tuple(table.sum(axis=0).tolist()),
    )


def count_classes(
    predicted: NDArray[Any],
    true: NDArray[Any],
    known: NDArray[np.bool_] | None = None,
) -> int:
    """Return how many classes two class maps speak of, background included.

    Parameters
    ----------
    predicted, true, known
        As for `score_classes`.

    Raises
    ------
    InputError
        If there are more than 256, which are rather objects.

    Examples
    --------
    >>> count_classes(np.array([[0, 1]]), np.array([[0, 2]]))
    3
    """
    check_pair(predicted, true, known)
    where = slice(None) if known is None else known.reshape(-1)
    highest = max(
        int(labels.reshape(-1)[where].max(initial=0)) for labels in (true, predicted)
    )
    if highest >= _MOST_CLASSES:
        raise InputError(
            f"The classes go up to {highest}; these are rather labels of objects. "
            "Compare them as objects, or number the classes from 0 to 255."
        )
    return highest + 1
