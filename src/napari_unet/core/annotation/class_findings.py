"""Mistakes in labels of classes, and in a set of images as a whole."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from napari_unet.core.annotation.class_values import ClassTable, show_value
from napari_unet.core.annotation.findings import Finding
from napari_unet.core.annotation.target import Example

# More values than this in one image are rather objects, or smoothed edges.
_MANY = 32
# Values with a smaller share of an image each are rather edges than classes.
_SPECKS = 0.001
# A class with a smaller share of all pixels is easily never predicted.
_RARE = 0.001
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
    known = painted != example.ignore_label
    values, counts = np.unique(painted[known], return_counts=True)
    if len(values) > _MANY:
        specks = values[counts < _SPECKS * painted.size]
        what = (
            f"{len(specks)} of them on less than {_SPECKS:.1%} of the image, the first "
            f"({show_value(int(specks[0]))}) at {_first(painted == specks[0])}: edges "
            "were smoothed, or the file was compressed with losses. Save it again "
            "without"
            if len(specks) > len(values) / 2
            else "objects have numbers of their own: check with --annotation objects"
        )
        text = f"The labels hold {len(values)} values, too many for classes; {what}."
        return [Finding("error", text)]
    if len(values) == 1:
        text = (
            f"All labels are {show_value(int(values[0]))}: nothing in this image tells "
            "one class from another. Leave it out, unless that is right."
        )
        return [Finding("warning", text)]
    if len(values) == 0:
        return [Finding("error", "All ground is ignored. Paint some, or leave it out.")]
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
    columns = zip(table.names, table.values, table.pixels, table.shares, strict=True)
    for name, value, pixels, share in columns:
        holders = [e for e in examples if (e.annotation == value).any()]
        if not holders:
            continue
        first = holders[0]
        where = f"at {_first(first.annotation == value)}"
        title = name if name == show_value(value) else f"{name} ({show_value(value)})"
        if share < _RARE:
            text = (
                f"The class {title}, here {where}, has {pixels:,} of all pixels "
                f"({share:.2%}); one so rare may never be predicted. Annotate more of "
                "it, or balance the classes (train --set "
                "weight_map.class_balance=inverse-frequency); if it is a slip of the "
                "brush, correct it."
            )
            found.append((first.image.name, Finding("warning", text)))
        elif len(holders) == 1 < len(examples):
            text = (
                f"The class {title} occurs in this image only, {where}: with it held "
                "back nobody can learn it, with it learned nobody can measure it. "
                "Annotate it in another image, too."
            )
            found.append((first.image.name, Finding("warning", text)))
    return found


def _look_for_classes(examples: Sequence[Example]) -> list[tuple[str, Finding]]:
    """Look for numbers of objects that are the same in all images."""
    numbers = [frozenset(np.unique(e.annotation).tolist()) - {0} for e in examples]
    if len(examples) < _ALIKE or len(set(numbers)) > 1 or len(numbers[0]) < 2:
        return []
    text = (
        f"This and all {len(examples) - 1} other label images hold the same numbers, "
        f"{', '.join(map(str, sorted(numbers[0])[:8]))}: these look like classes, not "
        "objects. If they are, train with --annotation classes."
    )
    return [(examples[0].image.name, Finding("warning", text))]


def _look_at_kinds(examples: Sequence[Example]) -> list[tuple[str, Finding]]:
    """Look for images of another kind than the first."""
    found = []
    first = examples[0].image if examples else None
    level: Literal["error", "warning"]
    for example in examples[1:]:
        image, level = example.image, "error"
        if first is not None and image.channels != first.channels:
            text = (
                f"This image has {image.channels} channel(s), '{first.name}' has "
                f"{first.channels}; a model reads images of one kind. Convert one of "
                "them, or pick channels that both have (train --channels)."
            )
            found.append((image.name, Finding(level, text)))
    unknown = [e.image.name for e in examples if e.image.pixel_size_um is None]
    if 0 < len(unknown) < len(examples):
        text = (
            f"{len(unknown)} of {len(examples)} images, this one first, have no pixel "
            "size, the others have: then none is rescaled. Write it into the file "
            "(Fiji: Image > Properties)."
        )
        found.append((unknown[0], Finding("warning", text)))
    return found


def _first(mask: np.ndarray) -> str:
    """Return where a mask begins, for people."""
    *_, row, column = np.unravel_index(int(mask.argmax()), mask.shape)
    return f"row {int(row)}, column {int(column)}"
