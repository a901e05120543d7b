"""What to say of a result in which nothing, or everything, was found."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.config import AnnotationKind, ObjectConfig

# From this share of the pixels on, all of an image counts as taken for object.
_EVERYWHERE = 0.99
_ZOOM = (
    "Where objects are far larger or smaller than those that the model knows, choose "
    "the zoom (on the command line: --scale; in the dock: Segment, More settings, "
    "Zoom)."
)


def doubt_result(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    kind: AnnotationKind,
    objects: ObjectConfig,
    class_names: Sequence[str] = (),
    *,
    own_min_size: int | None = None,
) -> str:
    """Return a sentence on a result that tells nothing apart; else nothing.

    Parameters
    ----------
    probabilities : ndarray of float, shape (K, [Z,] Y, X)
        Class 0 is background.
    labels : ndarray of int, shape ([Z,] Y, X)
        What was made of them: objects, classes, or where points were taken from.
    kind : str
        What the model learned; of grey values nothing is said.
    objects : ObjectConfig
        With the threshold that was used.
    class_names : sequence of str
        Of each class.
    own_min_size : int, optional
        The smallest object at the zoom that the model was made for, as it was set.
    """
    if kind == "values" or not labels.size:
        return ""
    if kind == "classes":
        return _doubt_classes(labels, class_names)
    background = probabilities[0]
    # Plane by plane, or row by row: nobody needs the foreground of a large image twice.
    counts = (np.count_nonzero(1 - b >= objects.threshold) for b in background)
    above = sum(counts) / background.size
    if above >= _EVERYWHERE:
        return (
            "all of it is taken for object: no background reaches a probability above "
            f"{1 - objects.threshold:.3g}. Raise the threshold, train longer, or "
            "annotate more background."
        )
    if labels.any():
        return ""
    if above > 0 and kind == "objects":
        smallest = f"{objects.min_size:,} px"
        if own_min_size not in (None, objects.min_size):
            smallest = f"{own_min_size:,} px of the model, {smallest} here"
        return (
            "nothing is found: what is probable enough is smaller than the smallest "
            f"object, {smallest}. Lower that, train longer, or annotate "
            f"objects that look like these. {_ZOOM}"
        )
    highest = float(1 - background.min())
    return (
        f"nothing is found: the highest probability of an object is {highest:.2g}, the "
        f"threshold {objects.threshold:.3g}. Lower the threshold, train "
        f"longer, or annotate objects that look like these. {_ZOOM}"
    )


def _doubt_classes(labels: NDArray[np.integer], class_names: Sequence[str]) -> str:
    """Doubt a map of classes that is all one class."""
    number = int(labels.flat[0])
    if (labels != number).any():
        return ""
    name = class_names[number] if number < len(class_names) else str(number)
    return (
        f"all of it is predicted as '{name}'. Look at the probabilities; train longer, "
        "annotate more of the other classes, or balance them by inverse frequency."
    )
