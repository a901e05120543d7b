"""Mistakes in labels of classes, and in a set of images as a whole."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from napari_unet.core.annotation.class_values import COLOUR, ClassTable, show_value
from napari_unet.core.annotation.finding import Finding, first_pixel
from napari_unet.core.annotation.target import Example, mark_known

# More values than this in one image are rather objects, or smoothed edges.
_MANY = 32
# Values with a smaller share of an image each are rather edges than classes.
_SPECKS = 0.001
# A class with a smaller share of all pixels is easily never predicted.
_RARE = 0.001
# The topic of an image of one class: right for one, not for all of them.
ONE_CLASS = "one class"
# So many images with the same numbers are no chance.
_ALIKE = 4


def find_class_faults(example: Example) -> list[Finding]:
    """Look for mistakes in one image's labels of classes.

    Parameters
    ----------
    example : Example
        With the values as they were read: numbers or colours.

    Returns
    -------
    list of Finding
        Empty where nothing was found.
    """
    painted = example.annotation
    known = mark_known(painted.shape, example.regions)
    if example.ignore_label is not None:
        known &= painted != example.ignore_label
    values, counts = np.unique(painted[known], return_counts=True)
    if len(values) > _MANY:
        specks = values[counts < _SPECKS * painted.size]
        odd = specks[0] if len(specks) > len(values) / 2 else values[-1]
        what = (
            f"{len(specks)} of them on less than {_SPECKS:.1%} of the image, for "
            f"example {show_value(int(odd))}: edges were smoothed, or the file was "
            "compressed with losses. Save it again without"
            if len(specks) > len(values) / 2
            else "objects have numbers of their own: learn objects (on the "
            "command line: --annotation objects; in the dock: Learn under Annotate)"
        )
        text = f"The labels hold {len(values)} values, too many for classes; {what}."
        place = first_pixel(known & (painted == odd))
        return [Finding("error", text, place=place, topic="too many values")]
    if len(values) == 1:
        text = (
            f"All labels are {show_value(int(values[0]))}: nothing in this image tells "
            "one class from another. Leave it out, unless that is right."
        )
        place = first_pixel(known)
        return [Finding("warning", text, place=place, topic=ONE_CLASS)]
    if len(values) == 0:
        text = "All ground is ignored. Paint some, or leave it out."
        return [Finding("error", text, topic="all ignored")]
    return []


def find_set_faults(
    examples: Sequence[Example], table: ClassTable | None = None
) -> list[tuple[str, Finding]]:
    """Look for what only shows when all images are seen together.

    Parameters
    ----------
    examples : sequence of Example
        The whole set; their labels are values as they were read.
    table : ClassTable, optional
        Where the labels are classes.

    Returns
    -------
    list of (str, Finding)
        With the name of the image that it is about.
    """
    found = _look_at_kinds(examples)
    if table is None:
        return [*found, *_look_for_classes(examples)]
    if mixed := _look_for_two_ways(examples):
        return [*found, mixed]
    odd = _find_odd_one(table.values)
    columns = zip(table.names, table.values, table.pixels, table.shares, strict=True)
    for name, value, pixels, share in columns:
        holders = [e for e in examples if (e.annotation == value).any()]
        if not holders:
            continue
        shown = show_value(value)
        known_by = {shown, f"class {shown}", f"value {shown}"}
        title = f"'{name}'" if name in known_by else f"'{name}' ({shown})"
        if value == odd:
            numbered = ", ".join(map(str, sorted(set(table.values) - {value})))
            topic = "odd value"
            text = (
                f"The number {value} stands apart from {numbered} and becomes a class "
                f"of its own, {share:.2%} of all pixels. If it marks ground to be left "
                f"out, ignore it (on the command line: --ignore-label {value}; in the "
                f"dock: paint "
                f"it with Ignored ground); if it is a slip, correct it."
            )
        elif share < _RARE:
            topic = "rare class"
            text = (
                f"The class {title} has {pixels:,} of all pixels ({share:.2%}); one so "
                "rare may never be predicted. Annotate more of it, or balance the "
                "classes (on the command line: --set "
                "weight_map.class_balance=inverse-frequency; in the dock: under Weight "
                "map); if it is a slip of the brush, correct it."
            )
        elif len(holders) == 1 < len(examples):
            topic = "class in one image"
            text = (
                f"The class {title} occurs in this image only: with it held back "
                "nobody can learn it, with it learned nobody can measure it. Annotate "
                "it in another image, too."
            )
        else:
            continue
        place = first_pixel(holders[0].annotation == value)
        finding = Finding("warning", text, place=place, topic=topic)
        found.append((holders[0].image.name, finding))
    return found


def _find_odd_one(values: Sequence[int]) -> int | None:
    """Return the one number that stands apart from others in a row, e.g. 77 or 255."""
    numbers = sorted(values)
    if len(numbers) < 3 or numbers[0] > 1 or numbers[-1] >= COLOUR:
        return None
    in_a_row = all(b - a == 1 for a, b in pairwise(numbers[:-1]))
    return numbers[-1] if in_a_row and numbers[-1] > numbers[-2] + 1 else None


def _look_for_two_ways(examples: Sequence[Example]) -> tuple[str, Finding] | None:
    """Look for masks that number the same classes differently: 0, 1 and 0, 255."""
    held = []
    for example in examples:
        values = set(np.unique(example.annotation).tolist()) - {0, example.ignore_label}
        held.append(frozenset(values))
    kinds = sorted({each for each in held if each}, key=max)
    if not kinds:
        return None
    plain, other = kinds[0], kinds[-1]
    if plain & other or len(plain) != len(other) or max(other) >= COLOUR:
        return None
    in_a_row = max(plain) == len(plain)
    if not in_a_row or not all(each <= plain or each <= other for each in held):
        return None
    if max(other) <= len(plain) + len(other):  # 1 here and 2 there are two classes
        return None
    index = next(i for i, each in enumerate(held) if each and each <= other)
    first = next(i for i, each in enumerate(held) if each and each <= plain)
    shown = ", ".join(map(str, sorted(other)))
    text = (
        f"This image is painted with {shown}, '{examples[first].image.name}' with "
        f"{', '.join(map(str, sorted(plain)))}: probably the same classes, numbered in "
        "two ways, and learned as different ones. Save all masks with the same numbers."
    )
    place = first_pixel(np.isin(examples[index].annotation, list(other)))
    name = examples[index].image.name
    return name, Finding("error", text, place=place, topic="numbered in two ways")


def _look_for_classes(examples: Sequence[Example]) -> list[tuple[str, Finding]]:
    """Look for numbers of objects that are the same in all images."""
    numbers = [frozenset(np.unique(e.annotation).tolist()) - {0} for e in examples]
    if len(examples) < _ALIKE or len(set(numbers)) > 1 or len(numbers[0]) < 2:
        return []
    text = (
        f"This and all {len(examples) - 1} other label images hold the same numbers, "
        f"{', '.join(map(str, sorted(numbers[0])[:8]))}: these look like classes, not "
        "objects. If they are, learn classes (on the command line: --annotation "
        "classes; in the dock: Learn under Annotate)."
    )
    place = first_pixel(examples[0].annotation > 0)
    finding = Finding("warning", text, place=place, topic="rather classes")
    return [(examples[0].image.name, finding)]


def _look_at_kinds(examples: Sequence[Example]) -> list[tuple[str, Finding]]:
    """Look for images of another kind than the first."""
    found = []
    first = examples[0].image if examples else None
    for example in examples[1:]:
        image = example.image
        if first is not None and image.channels != first.channels:
            text = (
                f"This image has {image.channels} channel(s), '{first.name}' has "
                f"{first.channels}; a model reads images of one kind. Convert one of "
                "them, or pick channels that both have (on the command line: "
                "--channels; in the dock: under Image "
                "and model)."
            )
            found.append((image.name, Finding("error", text, topic="channels")))
    unknown = [e.image.name for e in examples if e.image.pixel_size_um is None]
    if 0 < len(unknown) < len(examples):
        text = (
            f"{len(unknown)} of {len(examples)} images, this one first, have no pixel "
            "size, the others have: then none is rescaled. Write it into the file "
            "(Fiji: Image > Properties)."
        )
        found.append((unknown[0], Finding("warning", text, topic="pixel size")))
    return found
