"""Take predicted objects over into an annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.annotation.edited import unused_numbers
from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray


def accept_objects(
    annotation: NDArray[Any],
    predicted: NDArray[Any],
    chosen: Collection[int] | None = None,
    ignore_label: int | None = None,
) -> tuple[NDArray[Any], int]:
    """Return an annotation with predicted objects added to it.

    What was painted is never overwritten. A predicted object of which half or more is
    painted already is taken as known and left out, so accepting twice changes nothing.

    Parameters
    ----------
    annotation : ndarray of int, shape (Y, X)
        Not modified.
    predicted : ndarray of int, shape (Y, X)
        Predicted objects.
    chosen : collection of int, optional
        Numbers of the predicted objects to accept; all by default.
    ignore_label : int, optional
        Number that an object must not get.

    Returns
    -------
    merged : ndarray, shape (Y, X)
        Of the annotation's dtype; new objects get the lowest numbers not in use.
    accepted : int
        How many objects were added.

    Raises
    ------
    InputError
        If the shapes differ, or the annotation's dtype has no numbers left.

    Examples
    --------
    >>> accept_objects(np.array([[1, 1, 0, 0]]), np.array([[3, 3, 0, 5]]))
    (array([[1, 1, 0, 2]]), 1)
    """
    if annotation.shape != predicted.shape:
        raise InputError(
            f"The prediction has the shape {predicted.shape}, the annotation "
            f"{annotation.shape}; segment the annotated image itself."
        )
    numbers, sizes = np.unique(predicted, return_counts=True)
    free = np.unique(predicted[annotation == 0], return_counts=True)
    free_sizes = dict(zip(*(values.tolist() for values in free), strict=True))
    wanted = [
        number
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True)
        if number != 0
        and (chosen is None or number in chosen)
        and 2 * free_sizes.get(number, 0) > size
    ]
    merged = annotation.copy()
    if not wanted:
        return merged, 0
    new_numbers = unused_numbers(annotation, len(wanted), ignore_label)
    lookup = np.zeros(int(numbers[-1]) + 1, annotation.dtype)
    lookup[wanted] = new_numbers
    unpainted = annotation == 0
    merged[unpainted] = lookup[predicted[unpainted]]
    return merged, len(wanted)
