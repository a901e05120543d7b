"""A prediction against the truth as the docks compare them: plane by plane.

Objects, which may also be bodies of a volume, classes of pixels, or borders between
cells.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_unet.core.annotation.target import Region
    from napari_unet.core.evaluation.boundary_scores import BoundaryScores
    from napari_unet.core.evaluation.class_scores import ClassScores
    from napari_unet.core.evaluation.error_map import ErrorMap
    from napari_unet.core.evaluation.scores import Scores

# So many pairs of neighbouring planes tell whether objects reach through them.
_PAIRS = 16


def evaluate_planes(
    predicted: NDArray[Any],
    true: NDArray[Any],
    regions: Mapping[int | None, Sequence[Region]],
    ignore_label: int | None = None,
) -> tuple[Scores, ErrorMap]:
    """Return the scores and the errors of all planes together.

    Parameters
    ----------
    predicted, true : ndarray of int, shape (Y, X) or (Z, Y, X)
        Objects, numbered for each plane by itself.
    regions : mapping of int or None to sequence of Region
        By plane; the key is None for 2D labels. If there are any, only what lies in
        them counts; otherwise all of each plane on which something is true.
    ignore_label : int, optional
        True pixels with this number do not count.

    Returns
    -------
    scores : Scores
        Summed over the planes.
    errors : ErrorMap
        Of the shape of `true`; the centres have as many coordinates.

    Raises
    ------
    InputError
        If the shapes differ, or if nothing is true.
    """
    from napari_unet.core.evaluation.error_map import ErrorMap
    from napari_unet.core.evaluation.scores import Scores

    _check(predicted, true, regions)
    if true.ndim == 2:
        return _evaluate_plane(predicted, true, regions.get(None, ()), ignore_label)
    scores, kinds, verdicts = Scores(), np.zeros(true.shape, np.uint8), []
    for z, boxes in _list_planes(true, regions):
        of_plane, errors = _evaluate_plane(predicted[z], true[z], boxes, ignore_label)
        scores += of_plane
        kinds[z] = errors.kinds
        verdicts += [replace(v, centre=(float(z), *v.centre)) for v in errors.verdicts]
    return scores, ErrorMap(kinds, tuple(verdicts))


def evaluate_volume(
    predicted: NDArray[Any],
    true: NDArray[Any],
    regions: Mapping[int | None, Sequence[Region]],
    ignore_label: int | None = None,
) -> tuple[Scores, ErrorMap]:
    """Return the scores and the errors of objects that reach through planes.

    Parameters
    ----------
    predicted, true : ndarray of int, shape (Z, Y, X)
        Objects; a number stands for the same one on all planes.
    regions : mapping of int to sequence of Region
        By plane. If there are any, only what lies in them counts; otherwise all of the
        volume does, planes on which nothing is true as well.
    ignore_label : int, optional
        True pixels with this number do not count.

    Returns
    -------
    scores : Scores
        Of the bodies.
    errors : ErrorMap
        Of the shape of `true`.

    Raises
    ------
    InputError
        If the shapes differ, or if nothing is true.
    """
    from napari_unet.core.annotation.target import make_target, mark_known
    from napari_unet.core.evaluation.error_map import map_errors
    from napari_unet.core.evaluation.scores import score_labels

    _check(predicted, true, regions)
    target = make_target(true, ignore_label=ignore_label, separation_border=0)
    known = target.known
    if regions:
        on_planes = np.zeros_like(known)
        for z, boxes in _list_planes(true, regions):
            on_planes[z] = mark_known(true.shape[1:], boxes)
        known = known & on_planes
    return (
        score_labels(predicted, target.labels, known=known),
        map_errors(predicted, target.labels, known=known),
    )


def reach_through_planes(labels: NDArray[Any]) -> bool:
    """Tell whether a stack's objects rather reach through planes than end on each.

    Those that do have the same number where they lie over each other on neighbouring
    planes. Numbers that begin anew on each plane agree there by chance only, unless
    there is a single object.

    Parameters
    ----------
    labels : array of int, shape (Z, Y, X)
        Of many planes, up to 16 pairs are looked at.

    Examples
    --------
    >>> reach_through_planes(np.array([[[1, 2, 0]], [[1, 2, 3]]]))
    True
    >>> reach_through_planes(np.array([[[1, 2, 0]], [[2, 3, 1]]]))
    False
    """
    pairs = max(0, len(labels) - 1)
    over = same = 0
    for z in np.unique(np.linspace(0, pairs - 1, min(pairs, _PAIRS)).astype(int)):
        below, above = np.asarray(labels[z]), np.asarray(labels[z + 1])
        both = (below > 0) & (above > 0)
        over += int(both.sum())
        same += int((both & (below == above)).sum())
    return 2 * same > over


def evaluate_class_planes(
    predicted: NDArray[Any],
    true: NDArray[Any],
    regions: Mapping[int | None, Sequence[Region]],
    ignore_label: int | None = None,
) -> tuple[ClassScores, NDArray[np.uint8]]:
    """Return the scores of classes on all planes together, and where they differ.

    Parameters
    ----------
    predicted, true : ndarray of int, shape (Y, X) or (Z, Y, X)
        Class of each pixel; 0 is background.
    regions, ignore_label
        As for `evaluate_planes`.

    Returns
    -------
    scores : ClassScores
        Of as many classes as occur.
    difference : ndarray of uint8, shape of `true`
        `Difference` of each pixel; 0 where nothing is compared.

    Raises
    ------
    InputError
        If the shapes differ, if nothing is true, or if there are more than 256 classes.
    """
    from napari_unet.core.annotation.target import make_target
    from napari_unet.core.evaluation.class_difference import map_difference
    from napari_unet.core.evaluation.class_scores import count_classes, score_classes

    _check(predicted, true, regions)
    known = np.zeros(true.shape, bool)
    for z, boxes in _list_planes(true, regions):
        known[z] = make_target(
            true[z], regions=boxes, ignore_label=ignore_label, separation_border=0
        ).known
    scores = score_classes(
        predicted, true, count_classes(predicted, true, known), known=known
    )
    return scores, map_difference(predicted, true, known=known)


def evaluate_boundary_planes(
    probability: NDArray[np.floating[Any]],
    true: NDArray[Any],
    regions: Mapping[int | None, Sequence[Region]],
    ignore_label: int | None = None,
) -> Generator[float, None, BoundaryScores]:
    """Compare borders on all planes together; one `next` is one threshold of a plane.

    Parameters
    ----------
    probability : ndarray of float, shape (Y, X) or (Z, Y, X)
        Probability of being inside a cell.
    true : ndarray of int, shape of `probability`
        As for `sweep_plane`.
    regions, ignore_label
        As for `evaluate_planes`.

    Yields
    ------
    float
        Which part is done, up to 1.

    Returns
    -------
    BoundaryScores
        Summed over the planes.

    Raises
    ------
    InputError
        If the shapes differ, if nothing is true, or the values are no probabilities.
    """
    from napari_unet.core.evaluation.boundary_scores import THRESHOLDS, BoundaryScores

    _check(probability, true, regions)
    planes = _list_planes(true, regions)
    scores, done = BoundaryScores(), 0
    for z, boxes in planes:
        steps = sweep_plane(probability[z], true[z], boxes, ignore_label)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                scores += end.value
                break
            done += 1
            yield done / (len(planes) * len(THRESHOLDS))
    return scores


def sweep_plane(
    probability: NDArray[np.floating[Any]],
    true: NDArray[Any],
    regions: Sequence[Region] = (),
    ignore_label: int | None = None,
) -> Generator[float, None, BoundaryScores]:
    """Compare borders on one plane; one `next` is one threshold.

    Parameters
    ----------
    probability : ndarray of float, shape (Y, X)
        Probability of being inside a cell.
    true : ndarray of int, shape (Y, X)
        0 between cells. Inside, either one number for all, or one per cell: where two
        touch, the line that training cuts keeps them apart.
    regions : sequence of Region
        If there are any, only what lies in them counts.
    ignore_label : int, optional
        True pixels with this number do not count.

    Returns
    -------
    BoundaryScores
        Of this plane.
    """
    from napari_unet.core.annotation.target import make_target
    from napari_unet.core.evaluation.boundary_scores import sweep_thresholds

    target = make_target(true, regions=tuple(regions), ignore_label=ignore_label)
    return (
        yield from sweep_thresholds(probability, target.classes > 0, known=target.known)
    )


def _check(
    predicted: NDArray[Any],
    true: NDArray[Any],
    regions: Mapping[int | None, Sequence[Region]],
) -> None:
    """Raise an InputError unless there is something to compare."""
    if predicted.shape != true.shape:
        raise InputError(
            f"The predicted labels have the shape {predicted.shape}, the true ones "
            f"{true.shape}; choose two layers of the same image."
        )
    if not true.any() and not regions:
        raise InputError(
            "The true labels are empty: there is nothing to compare with. Choose the "
            "layer that holds the objects painted by hand."
        )


def _list_planes(
    true: NDArray[Any], regions: Mapping[int | None, Sequence[Region]]
) -> list[tuple[Any, Sequence[Region]]]:
    """Return the index of each plane that counts, and the regions on it."""
    if true.ndim == 2:
        return [(..., regions.get(None, ()))]
    if regions:
        return [(z, regions[z]) for z in sorted(z for z in regions if z is not None)]
    return [(z, ()) for z in np.flatnonzero(true.any(axis=(1, 2))).tolist()]


def _evaluate_plane(
    predicted: NDArray[Any],
    true: NDArray[Any],
    regions: Sequence[Region],
    ignore_label: int | None,
) -> tuple[Scores, ErrorMap]:
    """Compare on the known ground of one plane, as training sees it."""
    from napari_unet.core.annotation.target import make_target
    from napari_unet.core.evaluation.error_map import map_errors
    from napari_unet.core.evaluation.scores import score_labels

    target = make_target(true, regions=tuple(regions), ignore_label=ignore_label)
    return (
        score_labels(predicted, target.labels, known=target.known),
        map_errors(predicted, target.labels, known=target.known),
    )
