"""Predicted and true maps of classes as files: read in pairs, as the same classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.cli.app import warn
from napari_unet.cli.examples import read_regions_of
from napari_unet.core.config import ModelSettings
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for what computes
    from napari_unet.cli.differences import Differences
    from napari_unet.core.evaluation.class_scores import ClassScores

_MOST = 256


@dataclass(frozen=True)
class ClassMaps:
    """The scores of each image, and what its classes are called.

    Parameters
    ----------
    scores : dict of str to ClassScores
        By the stem of the file.
    titles : tuple of str
        Of each class: its value, and its name where a model knows one.
    """

    scores: "dict[str, ClassScores]"
    titles: tuple[str, ...]


def compare_class_maps(
    pairs: Sequence[tuple[Path, Path]],
    ignore_label: int | None,
    settings: ModelSettings | None,
    regions: Path | None = None,
    differences: "Differences | None" = None,
) -> ClassMaps:
    """Compare files of classes.

    Parameters
    ----------
    pairs : sequence of tuple of Path
        (predicted, true).
    ignore_label : int, optional
        True pixels with this number do not count.
    settings : ModelSettings, optional
        Of a model: the truth holds what it learned from, the predictions, too, or the
        numbers of its classes. Without it each value that occurs anywhere is a class.
    regions : Path, optional
        Folder of regions: what lies outside does not count.
    differences : Differences, optional
        Writes where they differ.

    Raises
    ------
    InputError
        If two files do not fit together, or hold objects rather than classes.
    """
    from napari_unet.core.evaluation.class_scores import score_classes
    from napari_unet.formats.images import stem_of

    if settings is None:
        values = _find_values(pairs, ignore_label, regions)
        titles: tuple[str, ...] = tuple(map(_show, values))
    else:
        titles = tuple(f"{n} {name}" for n, name in enumerate(settings.class_names))
    scores = {}
    for path, truth in pairs:
        try:
            if settings is None:
                found, right, known = _read_pair(path, truth, ignore_label, regions)
                found, right = (np.searchsorted(values, a) for a in (found, right))
            else:
                found, right, known = _read_for(
                    path, truth, ignore_label, settings, regions
                )
            scores[stem_of(truth)] = score_classes(
                found, right, len(titles), known=known
            )
            if differences is not None:
                right = np.where(known, right, 0)
                differences.write(truth, found, right, known)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
    return ClassMaps(scores, titles)


def _read_pair(
    path: Path, truth: Path, ignore_label: int | None, regions: Path | None
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.bool_]]:
    """Return the values of a prediction and of its truth, and which pixels count."""
    from napari_unet.core.annotation.target import mark_known
    from napari_unet.core.evaluation.overlap import check_pair
    from napari_unet.formats.images import read_class_labels

    found, right = read_class_labels(path), read_class_labels(truth)
    check_pair(found, right)
    known = mark_known(right.shape, read_regions_of(regions, truth, right.ndim))
    if ignore_label is not None:
        known &= right != ignore_label
    return found, right, known


def _read_for(
    path: Path,
    truth: Path,
    ignore_label: int | None,
    settings: ModelSettings,
    regions: Path | None,
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.bool_]]:
    """Return the classes of a model, predicted and true, and which pixels count."""
    from napari_unet.core.annotation.class_values import IGNORED, classify, read_value
    from napari_unet.core.annotation.merged_values import read_merged

    found, right, known = _read_pair(path, truth, ignore_label, regions)
    if settings.class_values:
        values = [*map(read_value, settings.class_values)]
        merged = read_merged(settings.class_values)
        if ignore_label is None and 0 not in {*values, *dict(merged)}:
            _refuse_zero(right, known)
        right = classify(right, values, truth.name, ignore_label, merged=merged)
        known &= right != IGNORED
        if set(np.unique(found).tolist()) <= {*values, *dict(merged)}:
            found = classify(found, values, path.name, merged=merged)
    return found, right, known


def _refuse_zero(right: NDArray[np.integer], known: NDArray[np.bool_]) -> None:
    """Name the option that is missing where a model has learned from no 0."""
    if (right[known] == 0).any():
        raise InputError(
            "the true labels hold 0, which stood for no class when the model learned. "
            "If it is ground to leave out, say --zero ignore."
        )


def _find_values(
    pairs: Sequence[tuple[Path, Path]], ignore_label: int | None, regions: Path | None
) -> NDArray[np.integer]:
    """Return the values that count anywhere, in ascending order.

    Two kinds of numbers in one comparison are hardly meant: that is said.
    """
    predicted: set[int] = set()
    true: set[int] = set()
    for path, truth in pairs:
        try:
            found, right, known = _read_pair(path, truth, ignore_label, regions)
        except InputError as error:
            raise InputError(f"{path.name} and {truth.name}: {error}") from error
        predicted.update(np.unique(found[known]).tolist())
        true.update(np.unique(right[known]).tolist())
        if len(predicted | true) > _MOST:
            raise InputError(
                f"{path.name} and {truth.name}: there are more than {_MOST} different "
                "values; these are rather labels of objects. Leave --classes out to "
                "compare them as objects."
            )
    if predicted and true and not predicted & true:
        raise InputError(
            f"The predictions hold {_list(sorted(predicted))}, the true labels "
            f"{_list(sorted(true))}: nothing in common. Name with --model the model "
            "that predicted, which knows what stands for each class."
        )
    strange = sorted(predicted - true)
    if strange and true and max(true) >= len(true):
        warn(
            f"The predictions hold {_list(strange)}, which the true labels never do; "
            f"these hold {_list(sorted(true))}. Where one numbers the classes and the "
            "other does not, name with --model the model that predicted."
        )
    return np.array(sorted(predicted | true), np.int64)


def _show(value: int) -> str:
    from napari_unet.core.annotation.class_values import show_value

    return show_value(value)


def _list(values: Sequence[int]) -> str:
    return ", ".join(map(_show, values[:8])) + (", …" if len(values) > 8 else "")
