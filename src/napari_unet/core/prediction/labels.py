"""Probabilities of whole images to labels: objects, or classes."""

import functools
from collections.abc import Sequence

import numpy as np

from napari_unet.core.config import AnnotationKind, ModelSettings, ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.prediction.objects import class_map, find_objects
from napari_unet.core.prediction.segment import Segmentation


def make_labels(
    segmentation: Segmentation,
    settings: ModelSettings,
    objects: ObjectConfig | None = None,
) -> np.ndarray:
    """Turn probabilities into labels ([Z,] Y, X): objects, or classes.

    Parameters
    ----------
    segmentation : Segmentation
        What `segment` returned.
    settings : ModelSettings
        Whether the model knows objects or classes.
    objects : ObjectConfig, optional
        Threshold, sizes and so on; by default the model's own, with the smallest size
        of objects as they are enlarged here.
    """
    if settings.annotation == "values":
        raise InputError(
            "This model predicts grey values, not objects; bring them back with "
            "`restore_values`."
        )
    return find_labels(
        segmentation.probabilities,
        objects or settings.objects.enlarged(segmentation.enlargement),
        settings.annotation,
        volume=segmentation.volume,
        times=segmentation.times,
        spacing=segmentation.spacing,
    )


def find_labels(
    probabilities: np.ndarray,
    objects: ObjectConfig,
    kind: AnnotationKind,
    *,
    volume: bool = False,
    times: int = 1,
    spacing: Sequence[float] | None = None,
) -> np.ndarray:
    """Turn probabilities (K, [Z,] Y, X) into labels ([Z,] Y, X).

    Parameters
    ----------
    probabilities : ndarray of float32
        Class 0 is background.
    objects : ObjectConfig
        Not used for classes.
    kind : str
        ``objects``, ``classes``, or ``points``: which pixels belong to one.
    volume : bool
        Whether objects reach through planes; by default each plane is for itself.
    times : int
        How many volumes follow each other along Z; each is for itself.
    spacing : sequence of float, optional
        Of a volume; see `find_objects`.
    """
    if kind == "classes":
        return class_map(probabilities)
    background = probabilities[0]
    if kind == "points":
        is_object: np.ndarray = 1 - background >= objects.threshold
        return is_object.astype(np.uint8)
    find = functools.partial(find_objects, is_background=True)
    if background.ndim == 2 or (volume and times == 1):
        return find(background, objects, spacing)
    parts = np.split(background, times) if volume else background
    through = spacing if volume else None
    found = [find(part, objects, through) for part in parts]
    together = np.concatenate(found) if volume else np.stack(found)
    return together.astype(np.result_type(*found), copy=False)
