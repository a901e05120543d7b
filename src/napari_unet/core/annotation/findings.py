"""Mistakes in images and labels that spoil a training, found before it starts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from napari_unet.core.annotation.shapes import explain_shapes
from napari_unet.core.annotation.target import check_labels, looks_binary
from napari_unet.core.config import AnnotationKind
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image

# Objects of fewer pixels are rarely what a person meant to paint.
_TINY = 5
# Numbers in so many pieces each are rather classes than objects; so many at most.
_PIECES = 3
_MOST_CLASSES = 12
# From this share of pixels at the largest value on, an image is over-exposed.
_SATURATED = 0.01


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or looks wrong.

    Parameters
    ----------
    level : str
        ``error``: training would be refused or useless; ``warning``: have a look.
    message : str
        What was found, where, and what to do.
    """

    level: Literal["error", "warning"]
    message: str


def find_faults(
    image: Image, labels: np.ndarray, kind: AnnotationKind = "objects"
) -> list[Finding]:
    """Look for mistakes in an image and its labels.

    Parameters
    ----------
    image : Image
        (C, Y, X), or (C, Z, Y, X) with labels (Z, Y, X).
    labels : ndarray of int
        Of the same (Y, X).
    kind : str
        Whether they are objects; of classes see `class_findings`.

    Returns
    -------
    list of Finding
        Errors first; empty where nothing was found.
    """
    try:
        labels = check_labels(labels, "the labels")
    except InputError as error:
        return [Finding("error", str(error))]
    if labels.shape != image.shape:
        text = explain_shapes(image, labels.shape)
        return [Finding("error", text), *look_at_grey_values(image)]
    findings = _look_at_labels(labels) if kind == "objects" else []
    findings += look_at_grey_values(image)
    return sorted(findings, key=lambda finding: finding.level)


def _look_at_labels(labels: np.ndarray) -> list[Finding]:
    """Look for empty labels, binary masks, objects in pieces, and specks."""
    numbers = np.unique(labels[labels != 0])
    if len(numbers) == 0:
        text = "No object is painted: all labels are 0. Paint a few objects."
        return [Finding("error", text)]
    if looks_binary(labels):
        text = (
            f"All labels are {numbers[0]}, in several pieces: this looks like a binary "
            "mask, in which touching objects cannot be told apart. Give each object a "
            "number of its own, or train with --split-components; if only object or "
            "not matters, with --annotation classes."
        )
        return [Finding("error", text)]
    if text := look_like_classes(labels, numbers):
        return [Finding("error", text)]
    findings = _look_for_background(labels)
    if len(numbers) == 1:
        text = (
            f"Only one object is painted (number {numbers[0]}); paint a few more, or "
            "there is nothing left to measure the model with."
        )
        findings.append(Finding("warning", text))
    pieces = _in_pieces(labels)
    if pieces:
        findings.append(
            Finding(
                "warning",
                f"{_count(len(pieces), 'lies', 'lie')} in several pieces "
                f"({_some(pieces)}), {_first(labels == pieces[0])}; probably two "
                "objects got the same number, or a stroke went astray.",
            )
        )
    sizes = np.bincount(np.searchsorted(numbers, labels[labels != 0]))
    tiny = numbers[sizes < _TINY]
    if len(tiny):
        findings.append(
            Finding(
                "warning",
                f"{_count(len(tiny), 'has', 'have')} fewer than {_TINY} pixels "
                f"({_some(tiny.tolist())}), {_first(labels == tiny[0])}; "
                "remove them if the brush slipped.",
            )
        )
    return findings


def look_like_classes(labels: np.ndarray, numbers: np.ndarray) -> str:
    """Return what to say of few numbers that are each in many pieces; else nothing."""
    if not 2 <= len(numbers) <= _MOST_CLASSES:
        return ""
    pieces = [ndimage.label(labels == number)[1] for number in numbers]
    if min(pieces) < _PIECES:
        return ""
    return (
        f"Each of the numbers {', '.join(map(str, numbers))} lies in {_PIECES} pieces "
        "or more: these look like classes, not objects. Train with --annotation "
        "classes, or give each object a number of its own."
    )


def _look_for_background(labels: np.ndarray) -> list[Finding]:
    """Look for a number that is rather the background."""
    edges = [labels[..., 0, :], labels[..., -1, :], labels[..., 0], labels[..., -1]]
    shared = set.intersection(*(set(np.unique(edge).tolist()) for edge in edges)) - {0}
    for number in shared:
        share = float(np.mean(labels == number))
        if share > 0.5:
            text = (
                f"Number {number} covers {share:.0%} of the image and touches all its "
                "edges: it is probably background, which must be 0. Renumber it; where "
                "1 is background and 0 is ignored, as in the Fiji plugin, use --zero "
                "ignore."
            )
            return [Finding("warning", text)]
    return []


def _first(mask: np.ndarray) -> str:
    *_, row, column = np.unravel_index(int(mask.argmax()), mask.shape)
    return f"the first at row {int(row)}, column {int(column)}"


def _count(number: int, one: str, many: str) -> str:
    return f"1 object {one}" if number == 1 else f"{number} objects {many}"


def _some(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    more = ", …" if len(numbers) > 5 else ""
    return f"number {shown}" if len(numbers) == 1 else f"numbers {shown}{more}"


def _in_pieces(labels: np.ndarray) -> list[int]:
    """Return the numbers whose pixels are not connected (edges or corners)."""
    found = []
    corners = np.ones((3,) * labels.ndim, bool)
    consecutive = np.searchsorted(np.unique(labels), labels)
    offset = 0 if labels.min() == 0 else 1
    boxes = ndimage.find_objects(consecutive + offset)
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        mask = consecutive[box] + offset == number
        if ndimage.label(mask, corners)[1] > 1:
            found.append(int(labels[box][mask][0]))
    return found


def look_at_grey_values(image: Image) -> list[Finding]:
    """Look for constant and over-exposed channels."""
    findings, exposed = [], []
    for index, channel in enumerate(image.array):
        name = f"Channel {index}" if image.channels > 1 else "The image"
        low, high = channel.min(), channel.max()
        if low == high:
            level: Literal["error", "warning"] = (
                "error" if image.channels == 1 else "warning"
            )
            text = f"{name} is constant: all its pixels are {low}. Nothing can be seen."
            findings.append(Finding(level, text))
        elif (share := float(np.mean(channel == high))) > _SATURATED:
            limit = channel.dtype.kind in "ui" and high == np.iinfo(channel.dtype).max
            if limit:
                exposed.append(f"{share:.0%} of the pixels of {name.lower()}")
    if exposed:
        text = (
            f"{', '.join(exposed)} have the largest value that there is: over-exposed, "
            "which is right for a white background only. Differences among them are "
            "lost; expose for a shorter time."
        )
        findings.append(Finding("warning", text))
    return findings
