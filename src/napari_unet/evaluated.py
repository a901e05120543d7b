"""Predicted against true labels as the docks compare them: plane by plane."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_unet.core.annotation.target import Region
    from napari_unet.core.evaluation.error_map import ErrorMap
    from napari_unet.core.evaluation.scores import Scores


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
    if true.ndim == 2:
        return _evaluate_plane(predicted, true, regions.get(None, ()), ignore_label)
    planes = {*regions}
    if not regions:
        planes = {*np.flatnonzero(true.any(axis=(1, 2))).tolist()}
    scores, kinds, verdicts = Scores(), np.zeros(true.shape, np.uint8), []
    for z in sorted(z for z in planes if z is not None):
        of_plane, errors = _evaluate_plane(
            predicted[z], true[z], regions.get(z, ()), ignore_label
        )
        scores += of_plane
        kinds[z] = errors.kinds
        verdicts += [replace(v, centre=(float(z), *v.centre)) for v in errors.verdicts]
    return scores, ErrorMap(kinds, tuple(verdicts))


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
