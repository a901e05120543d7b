"""What may be compared, and the work of comparing, away from the window's thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Labels

from napari_unet.core.errors import InputError
from napari_unet.core.frames import fold_times
from napari_unet.evaluated import (
    evaluate_boundary_planes,
    evaluate_class_planes,
    evaluate_planes,
    evaluate_volume,
)
from napari_unet.widgets.annotation_layers import RegionsByPlane, regions_of
from napari_unet.widgets.class_colors import holds_objects
from napari_unet.widgets.copies import copy_array
from napari_unet.widgets.layers import IGNORE_LABEL, labels_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_unet.core.annotation.target import Region
    from napari_unet.widgets.chosen import ChosenLayers

Kind = Literal["objects", "classes", "borders", "points", "values"]

# Name, title, what it means.
KINDS: tuple[tuple[Kind, str, str], ...] = (
    ("objects", "Objects", "Which objects were found, missed, split or merged"),
    ("classes", "Classes of pixels", "How well each class of pixels was found"),
    (
        "borders",
        "Borders between cells",
        "The errors of the ISBI challenge, from a layer of probabilities",
    ),
    ("points", "Points", "Which points were found, missed or invented"),
    ("values", "Grey values", "How close a predicted image is to the true one"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Copies of what is compared, and the layer the result belongs to.

    Parameters
    ----------
    layer : Labels or Image layer
        The true one; only handed on.
    predicted, true : ndarray, shape ([Z,] Y, X)
        Labels, or probabilities against labels; of grey values (T, [Z,] Y, X).
    regions : mapping of int or None to sequence of Region
        By plane. If there are any, only what lies in them counts.
    ignore_label : int
        True pixels with this number do not count.
    volume : bool
        Whether objects reach through planes.
    """

    layer: Layer
    predicted: NDArray[Any]
    true: NDArray[Any]
    regions: Mapping[int | None, Sequence[Region]]
    ignore_label: int
    volume: bool = False


def read_inputs(
    chosen: ChosenLayers, kind: Kind, predicted: Layer, true: Layer, *, volume: bool
) -> Inputs:
    """Return copies of what is to be compared.

    Raises
    ------
    InputError
        If a region is not a rectangle along the axes, or objects are to be compared as
        classes.
    """
    if kind == "classes" and holds_objects(predicted):
        raise InputError(
            f"'{predicted.name}' holds numbered objects, no classes of pixels: choose "
            "Objects under Compare, or segment with a model of classes."
        )
    found = copy_array(predicted)
    if not isinstance(true, Labels):
        # An image has its channels first.
        found, right = (
            np.moveaxis(array, -1, 0) if layer.rgb else array[np.newaxis]
            for layer, array in ((predicted, found), (true, copy_array(true)))
        )
        return Inputs(true, found, right, {}, IGNORE_LABEL)
    regions: RegionsByPlane = {}
    if true is chosen.annotation and chosen.image is not None:
        regions = regions_of(chosen.regions, chosen.image)
    return Inputs(
        true,
        fold_times(found),
        fold_times(labels_of(true)),
        regions,
        IGNORE_LABEL,
        volume=volume,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A comparison with the layer it belongs to.

    Parameters
    ----------
    true : Labels, Points or Image layer
        What is true.
    kind : str
        What was compared.
    scores : Scores, ClassScores, BoundaryScores, PointComparison or ValueScores
        How well they agree.
    errors : ErrorMap, ndarray of uint8, None, list of Verdict, or ndarray of float32
        Where they do not: of objects, classes, borders, points, grey values.
    """

    true: Layer
    kind: Kind
    scores: Any
    errors: Any


def compare(
    kind: Kind, inputs: Inputs, *, inverted: bool = False
) -> Generator[float, None, Answer]:
    """Compare; yields which part is done.

    Parameters
    ----------
    kind : str
        What to compare.
    inputs : Inputs
        What is predicted and true.
    inverted : bool
        Whether the probabilities are those of being between cells.
    """
    yield 0.0
    predicted, true = inputs.predicted, inputs.true
    regions, ignore_label = inputs.regions, inputs.ignore_label
    scores: Any
    errors: Any = None
    if kind == "borders":
        from napari_unet.core.evaluation.boundary_scores import as_probability

        cells = as_probability(predicted)
        scores = yield from evaluate_boundary_planes(
            1 - cells if inverted else cells, true, regions, ignore_label
        )
    elif kind == "values":
        from napari_unet.core.evaluation.value_scores import compare_images

        scores = compare_images(predicted, true)
        # Of several channels, what is wrong on the average.
        errors = (predicted - true.astype(np.float32)).mean(axis=0, dtype=np.float32)
    elif kind == "classes":
        scores, errors = evaluate_class_planes(predicted, true, regions, ignore_label)
    elif inputs.volume:
        scores, errors = evaluate_volume(predicted, true, regions, ignore_label)
    else:
        scores, errors = evaluate_planes(predicted, true, regions, ignore_label)
    return Answer(inputs.layer, kind, scores, errors)
