"""Which predicted object covers how much of which true object.

Two label images are cut into runs: stretches of a row on which neither label changes.
There are about a thousand times fewer runs than pixels, and every count below is
a sum over runs, so the time hardly depends on how many objects there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Side:
    """The objects of one of two label images, in the order of their labels.

    Parameters
    ----------
    ids : ndarray, shape (N,)
        Labels as they stand in the image, ascending, without 0.
    of_run : ndarray of int, shape (R,)
        For each run 0 (background) or 1 + the index of its object in `ids`.
    sizes : ndarray of int64, shape (N,)
        Known pixels of each object.
    mostly_known : ndarray of bool, shape (N,)
        Whether at least half of the object is known.
    """

    ids: NDArray[np.integer]
    of_run: NDArray[np.intp]
    sizes: NDArray[np.int64]
    mostly_known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two label images of the same ground, and the pairs of objects that overlap.

    Parameters
    ----------
    starts, lengths : ndarray of int, shape (R,)
        Runs: index of the first pixel in the raveled image, and number of pixels.
    known : ndarray of bool, shape (R,)
        Which runs count.
    true, predicted : Side
        The objects of either image.
    pairs : ndarray of int, shape (P, 2)
        Indices of a true and of a predicted object that share known pixels, ascending.
    shared : ndarray of int64, shape (P,)
        How many pixels they share.
    """

    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]
    known: NDArray[np.bool_]
    true: Side
    predicted: Side
    pairs: NDArray[np.intp]
    shared: NDArray[np.int64]

    @property
    def true_sizes(self) -> NDArray[np.int64]:
        """Known pixels of the true object of each pair, shape (P,)."""
        return self.true.sizes[self.pairs[:, 0]]

    @property
    def predicted_sizes(self) -> NDArray[np.int64]:
        """Known pixels of the predicted object of each pair, shape (P,)."""
        return self.predicted.sizes[self.pairs[:, 1]]

    @property
    def union(self) -> NDArray[np.int64]:
        """Known pixels that either object of each pair covers, shape (P,)."""
        return self.true_sizes + self.predicted_sizes - self.shared


def measure_overlap(
    predicted: NDArray[Any], true: NDArray[Any], known: NDArray[np.bool_] | None = None
) -> Overlap:
    """Return the objects of two label images and the pixels they share.

    Parameters
    ----------
    predicted, true : ndarray of int or bool, shape ([Z,] Y, X)
        Labels; 0 is background. Their numbers carry no meaning.
    known : ndarray of bool, shape ([Z,] Y, X), optional
        Which pixels count; by default all.

    Returns
    -------
    Overlap
        Time and memory go with the number of runs; 4096² with 10,000 objects takes
        about a third of a second.

    Raises
    ------
    InputError
        If the arrays do not cover the same ground, or do not hold labels.
    """
    check_pair(predicted, true, known)
    predicted, true = (
        labels.view(np.uint8) if labels.dtype == bool else labels
        for labels in (predicted, true)
    )
    begins = np.zeros(true.shape, bool)
    begins[..., :1] = True  # a run never goes on in the next row
    for array in (predicted, true) if known is None else (predicted, true, known):
        begins[..., 1:] |= array[..., 1:] != array[..., :-1]
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=true.size)
    known_runs = (
        np.ones(len(starts), bool) if known is None else known.reshape(-1)[starts]
    )
    true_side, predicted_side = (
        _gather(labels.reshape(-1)[starts], lengths, known_runs)
        for labels in (true, predicted)
    )
    both = known_runs & (true_side.of_run > 0) & (predicted_side.of_run > 0)
    pairs, shared = _count_pairs(
        true_side.of_run[both] - 1, predicted_side.of_run[both] - 1, lengths[both]
    )
    return Overlap(
        starts, lengths, known_runs, true_side, predicted_side, pairs, shared
    )


def check_pair(
    predicted: NDArray[Any], true: NDArray[Any], known: NDArray[Any] | None = None
) -> None:
    """Raise an InputError unless the arrays can be compared pixel by pixel."""
    for name, labels in (("predicted", predicted), ("true", true)):
        if labels.dtype.kind not in "bui":
            raise InputError(
                f"The {name} labels hold {labels.dtype} values; objects and classes "
                "are counted by whole numbers. Convert them to integers first."
            )
        if labels.dtype.kind == "i" and labels.size and labels.min() < 0:
            raise InputError(
                f"The {name} labels hold {labels.min()}; labels are 0 for background "
                "and positive for everything else."
            )
    if predicted.shape != true.shape or true.ndim < 2:
        raise InputError(
            f"The predicted labels have the shape {predicted.shape} and the true ones "
            f"{true.shape}; choose two label images of the same ground."
        )
    if known is not None and known.shape != true.shape:
        raise InputError(
            f"The known pixels are given for the shape {known.shape}, the labels have "
            f"{true.shape}; they must cover the same ground."
        )


def _gather(
    values: NDArray[np.integer], lengths: NDArray[np.intp], known: NDArray[np.bool_]
) -> Side:
    """Collect the objects of one label image from the values of its runs."""
    ids, of_run = np.unique(values, return_inverse=True)
    if len(ids) and ids[0] == 0:
        ids = ids[1:]
    else:
        of_run = of_run + 1
    whole, sizes = (
        np.bincount(of_run, weights, len(ids) + 1)[1:].astype(np.int64)
        for weights in (lengths, lengths * known)
    )
    return Side(ids, of_run, sizes, 2 * sizes >= whole)


def _count_pairs(
    true: NDArray[np.intp], predicted: NDArray[np.intp], lengths: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return which pairs of objects occur, and in how many pixels."""
    columns = int(predicted.max(initial=0)) + 1
    keys, pair = np.unique(true * columns + predicted, return_inverse=True)
    shared = np.bincount(pair, lengths, len(keys)).astype(np.int64)
    return np.stack(np.divmod(keys, columns), axis=1), shared
