"""Mistakes in labels of objects, each with its place."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.annotation.finding import Finding, first_pixel
from napari_unet.core.annotation.separation_border import (
    cut_separation_border,
    find_shrunk,
)
from napari_unet.core.annotation.target import Example, mark_known

# Objects of fewer pixels are rarely what a person meant to paint.
_TINY = 5
# Numbers in so many pieces each are rather classes than objects; so many at most.
_PIECES = 3
_MOST_CLASSES = 12
# The topic of an image without objects: right for one, not for all of them.
NO_OBJECT = "no object"


def find_object_faults(example: Example) -> list[Finding]:
    """Look for mistakes in the objects of an image.

    Parameters
    ----------
    example : Example
        (Y, X), or a volume (Z, Y, X) through whose planes objects reach. What is
        ignored or outside the regions, if there are any, is not learned from.

    Returns
    -------
    list of Finding
        Empty where nothing was found.
    """
    labels = example.annotation
    if example.ignore_label is not None:
        labels = np.where(labels == example.ignore_label, 0, labels)
    findings = _look_at_regions(example, labels)
    known = mark_known(labels.shape, example.regions)
    seen = np.where(known, labels, 0) if example.regions else labels
    numbers = np.unique(seen[seen != 0])
    if len(numbers) == 0:
        where = " inside the regions" if example.regions else ""
        text = (
            f"No object is painted{where}: all of it is learned as background. Paint a "
            "few objects, unless it truly shows none."
        )
        return [*findings, Finding("warning", text, topic=NO_OBJECT)]
    if looks_binary(seen):
        text = (
            f"All labels are {numbers[0]}, in several pieces: this looks like a binary "
            "mask, in which touching objects cannot be told apart. Give each object a "
            "number of its own (on the command line: --split-components, in the dock "
            "Split into single objects); if only object or not matters, say that the "
            "labels are classes (--annotation classes)."
        )
        place = first_pixel(seen == numbers[0])
        return [*findings, Finding("error", text, place=place, topic="binary mask")]
    if text := look_like_classes(seen, numbers):
        place = first_pixel(seen == numbers[0])
        return [*findings, Finding("error", text, place=place, topic="rather classes")]
    findings += _look_for_background(labels)
    if len(numbers) == 1:
        text = (
            f"Only one object is painted (number {numbers[0]}); paint a few more, or "
            "there is nothing left to measure the model with."
        )
        place = first_pixel(seen == numbers[0])
        findings.append(Finding("warning", text, place=place, topic="one object"))
    return [*findings, *_look_for_pieces(labels), *_look_for_specks(labels)]


def looks_binary(labels: NDArray[np.integer]) -> bool:
    """Tell whether labels are rather a mask: several pieces, all with one number.

    Such a mask makes all pieces one object, so that nothing keeps them apart; offer
    `target.split_components`.
    """
    foreground = labels > 0
    if not foreground.any():
        return False
    number = labels[foreground][0]
    return bool(
        (labels[foreground] == number).all() and ndimage.label(foreground)[1] > 1
    )


def look_like_classes(labels: NDArray[np.integer], numbers: NDArray[np.integer]) -> str:
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


def find_border_faults(example: Example, width: int) -> list[Finding]:
    """Look for objects of which the separation border leaves nearly nothing.

    Parameters
    ----------
    example : Example
        Of objects, (Y, X), or a volume (Z, Y, X).
    width : int
        Of the border, see `cut_separation_border`.
    """
    labels = example.annotation
    if example.ignore_label is not None:
        labels = np.where(labels == example.ignore_label, 0, labels)
    shrunk = find_shrunk(labels, cut_separation_border(labels, width))
    if not shrunk:
        return []
    worst = min(shrunk, key=lambda each: each.after)
    more = "" if len(shrunk) == 1 else f", and of {_others(len(shrunk) - 1)} few"
    narrower = "Paint it larger, or"
    if width > 1:
        narrower = (
            "Choose a border of 1 px (--set weight_map.separation_border=1; in the "
            "dock under Weight map), paint it larger, or"
        )
    text = (
        f"Object {worst.number} touches others on nearly all sides: of its "
        f"{_pixels(worst.before)} the separation border of {width} px leaves "
        f"{worst.after}{more}. {narrower} enlarge the image and its labels."
    )
    return [Finding("warning", text, place=worst.place, topic="separation border")]


def _others(number: int) -> str:
    return "1 other object" if number == 1 else f"{number} other objects"


def _pixels(number: int) -> str:
    return "1 pixel" if number == 1 else f"{number} pixels"


def _look_at_regions(example: Example, labels: NDArray[np.integer]) -> list[Finding]:
    """Look for regions without a pixel, and for objects that all regions miss."""
    findings = []
    for region in example.regions:
        if labels[region.box].size == 0:
            text = (
                f"A region from {region.start} to {region.stop} lies outside the "
                f"image of {' × '.join(map(str, labels.shape))} pixels; draw it on "
                "this image, or remove it."
            )
            findings.append(Finding("error", text, topic="region outside"))
    outside = np.where(mark_known(labels.shape, example.regions), 0, labels)
    there, lost = np.unique(labels[labels > 0]), np.unique(outside[outside > 0])
    if example.regions and len(lost) > len(there) / 2:
        text = (
            f"{len(lost)} of {len(there)} objects lie outside the regions, with a part "
            "at least, and are not learned from; that is right only if the regions "
            "were drawn around the annotated ground."
        )
        place = first_pixel(outside == lost[0])
        findings.append(Finding("warning", text, place=place, topic="regions"))
    return findings


def _look_for_background(labels: NDArray[np.integer]) -> list[Finding]:
    """Look for a number that is rather the background."""
    edges = [labels[..., 0, :], labels[..., -1, :], labels[..., 0], labels[..., -1]]
    shared = set.intersection(*(set(np.unique(edge).tolist()) for edge in edges)) - {0}
    if (labels == 0).any() and labels.max() > 1:
        shared.add(1)  # in the Fiji plugin background, with ignored ground around
    for number in shared:
        share = float(np.mean(labels == number))
        if share > 0.5:
            text = (
                f"Number {number} covers {share:.0%} of the image: it is probably "
                "background, which must be 0. Renumber it; where 1 is background and 0 "
                "is ignored, as in the Fiji plugin, use --zero ignore."
            )
            place = first_pixel(labels == number)
            return [Finding("warning", text, place=place, topic="background")]
    return []


def _look_for_pieces(labels: NDArray[np.integer]) -> list[Finding]:
    """Look for numbers whose pixels are not connected by edges or corners."""
    found: list[int] = []
    place: tuple[int, ...] | None = None
    corners = np.ones((3,) * labels.ndim, bool)
    consecutive = np.searchsorted(np.unique(labels), labels)
    offset = 0 if labels.min() == 0 else 1
    boxes = ndimage.find_objects(consecutive + offset)
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        mask = consecutive[box] + offset == number
        pieces, count = ndimage.label(mask, corners)
        if count < 2:
            continue
        found.append(int(labels[box][mask][0]))
        if place is None:  # of the smallest piece: mostly the one astray
            smallest = int(np.bincount(pieces[mask])[1:].argmin()) + 1
            inside = first_pixel(pieces == smallest)
            corner = [side.start for side in box]
            place = tuple(a + b for a, b in zip(corner, inside, strict=True))
    if not found:
        return []
    text = (
        f"{_count(len(found), 'lies', 'lie')} in several pieces ({_some(found)}); "
        "probably two objects got the same number, or a stroke went astray. Give each "
        "its own number, or erase what is too much."
    )
    return [Finding("warning", text, place=place, topic="pieces")]


def _look_for_specks(labels: NDArray[np.integer]) -> list[Finding]:
    """Look for objects that are too small to be meant."""
    numbers, sizes = np.unique(labels[labels != 0], return_counts=True)
    tiny = numbers[sizes < _TINY]
    if not len(tiny):
        return []
    text = (
        f"{_count(len(tiny), 'has', 'have')} fewer than {_TINY} pixels "
        f"({_some(tiny.tolist())}); remove them if the brush slipped."
    )
    place = first_pixel(labels == tiny[0])
    return [Finding("warning", text, place=place, topic="specks")]


def _count(number: int, one: str, many: str) -> str:
    return f"1 object {one}" if number == 1 else f"{number} objects {many}"


def _some(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    more = ", …" if len(numbers) > 5 else ""
    return f"number {shown}" if len(numbers) == 1 else f"numbers {shown}{more}"
