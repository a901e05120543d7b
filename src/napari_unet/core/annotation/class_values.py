"""Which number or colour of a label image is which class; one order for a whole set.

A colour is held as a number, too: its red, green and blue byte below `COLOUR`. So
label images of colours are arrays of integers like all others, and black comes first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.target import Example
from napari_unet.core.errors import InputError

COLOUR = 1 << 24
# Stands for ignored ground where the numbers of a set become classes.
IGNORED = int(np.iinfo(np.uint16).max)
# A network has at most so many outputs.
_MOST = 256
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The classes of a set of label images.

    Parameters
    ----------
    names : tuple of str
        Of each class, background first.
    values : tuple of int
        What stands for each class in the labels.
    pixels : tuple of int
        How often it occurs.
    merged : tuple of (int, int)
        Values that stand for a class besides its own, each with the class' number.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    pixels: tuple[int, ...]
    merged: tuple[tuple[int, int], ...] = ()

    @property
    def class_values(self) -> tuple[int | str, ...]:
        """The values as a model stores them; none where they are 0, 1, 2, ....

        Several values of one class have a plus between them.
        """
        if self.values == tuple(range(len(self.values))) and not self.merged:
            return ()
        return tuple(
            shown if "+" in shown or value >= COLOUR else value
            for value, shown in zip(self.values, self.shown_values, strict=True)
        )

    @property
    def shown_values(self) -> tuple[str, ...]:
        """What stands for each class, for people: '0', '#ff8000', '128+255'."""
        return tuple(
            "+".join(
                map(show_value, [value, *(v for v, c in self.merged if c == number)])
            )
            for number, value in enumerate(self.values)
        )

    @property
    def shares(self) -> tuple[float, ...]:
        """Part of the annotated pixels of each class."""
        total = sum(self.pixels) or 1
        return tuple(pixels / total for pixels in self.pixels)


def pack_colours(array: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return a number per colour.

    Parameters
    ----------
    array : ndarray of uint8, shape (..., 3)
        Red, green, blue.

    Returns
    -------
    ndarray of int32, shape (...)
        At least `COLOUR`, in the order of red, then green, then blue.

    Examples
    --------
    >>> [hex(n) for n in pack_colours(np.array([[0, 0, 0], [255, 16, 1]], np.uint8))]
    ['0x1000000', '0x1ff1001']
    """
    red, green, blue = np.moveaxis(array.astype(np.int32), -1, 0)
    packed: NDArray[np.int32] = COLOUR | red << 16 | green << 8 | blue
    return packed


def show_value(value: int) -> str:
    """Return a number as it is, and a colour as '#rrggbb'.

    Examples
    --------
    >>> show_value(128), show_value(COLOUR | 0xFF8000)
    ('128', '#ff8000')
    """
    return str(value) if value < COLOUR else f"#{value - COLOUR:06x}"


def read_value(text: int | str) -> int:
    """Return the number of what `show_value` wrote; of several values the first."""
    if isinstance(text, str):
        text = text.partition("+")[0]
    if isinstance(text, str) and text.startswith("#"):
        return COLOUR | int(text[1:], 16)
    return int(text)


def count_values(examples: Iterable[Example]) -> dict[int, int]:
    """Count the pixels of each value that is not ignored.

    Returns
    -------
    dict of int to int
        In ascending order: 0 or black first.

    Raises
    ------
    InputError
        If some label images are coloured and others are not.
    """
    counts: Counter[int] = Counter()
    coloured: dict[bool, str] = {}
    for example in examples:
        values, pixels = np.unique(example.annotation, return_counts=True)
        for value, number in zip(values.tolist(), pixels.tolist(), strict=True):
            if value != example.ignore_label:
                counts[value] += number
                coloured[value >= COLOUR] = example.image.name
    if len(coloured) > 1:
        raise InputError(
            f"The labels of '{coloured[True]}' are colours, those of "
            f"'{coloured[False]}' are numbers; save all of them in the same way."
        )
    return dict(sorted(counts.items()))


def settle_classes(
    counts: dict[int, int],
    names: Sequence[str] = (),
    known: ClassTable | None = None,
    *,
    first: int = 0,
) -> ClassTable:
    """Decide which value is which class.

    Parameters
    ----------
    counts : dict of int to int
        From `count_values`, over all images of the set.
    names : sequence of str
        Of the classes, if the user gave any; values with one name become one class.
    known : ClassTable, optional
        Of the model to start from: its values stay its classes; others are added.
    first : int
        The number of the background where classes are numbered: 1 where 0 is ignored.

    Returns
    -------
    ClassTable
        Numbers that can be class numbers are taken as such. Else the values become
        classes in ascending order, so that 0 or black, or else the lowest, is the
        background.

    Raises
    ------
    InputError
        If there are too many values, only one, or not as many as names.

    Examples
    --------
    >>> settle_classes({0: 90, 128: 6, 255: 4}).names
    ('background', 'value 128', 'value 255')
    """
    found = tuple(sorted(counts))
    if len(found) > _MOST:
        raise InputError(
            f"The labels hold {len(found)} different values ({_list(found)}), at most "
            f"{_MOST} can be classes. Objects have numbers of their own: learn objects "
            "(on the command line: --annotation objects; in the dock: Learn under "
            "Annotate). Masks with smoothed edges: save them without."
        )
    values = _choose_values(found, names, known, first)
    if len(values) < 2:
        raise InputError(
            f"All labels are {_list(found) or 'ignored'}: one class alone cannot be "
            "told apart from anything. Paint at least two, background included."
        )
    merged: tuple[tuple[int, int], ...] = ()
    if known is not None and values[: len(known.values)] == known.values:
        merged = known.merged
    if not names:
        names = _name(values, known, first)
    elif len(names) != len(values):
        raise InputError(
            f"{len(names)} classes are named ({', '.join(names)}), but the labels hold "
            f"{len(values)} values: {_list(values)}. Give one name for each, in this "
            "order."
        )
    pixels = [counts.get(value, 0) for value in values]
    for value, number in merged:
        pixels[number] += counts.get(value, 0)
    return _merge(ClassTable(tuple(names), values, tuple(pixels), merged))


def _merge(table: ClassTable) -> ClassTable:
    """Make one class of those with one name; its lowest value stands for it."""
    names = tuple(dict.fromkeys(table.names))
    if len(names) == len(table.names):
        return table
    if len(names) < 2:
        raise InputError(
            f"All classes have the name '{names[0]}': one class alone cannot be told "
            "apart from anything. Give at least two names."
        )
    groups = [[i for i, n in enumerate(table.names) if n == name] for name in names]
    more = [
        (table.values[i], number)
        for number, group in enumerate(groups)
        for i in group[1:]
    ]
    moved = {i: number for number, group in enumerate(groups) for i in group}
    more += [(value, moved[number]) for value, number in table.merged]
    return ClassTable(
        names,
        tuple(table.values[group[0]] for group in groups),
        tuple(sum(table.pixels[i] for i in group) for group in groups),
        tuple(sorted(more)),
    )


def _choose_values(
    found: tuple[int, ...],
    names: Sequence[str],
    known: ClassTable | None,
    first: int,
) -> tuple[int, ...]:
    """Return the value of each class."""
    if known is not None and (not names or len(names) == len(known.values)):
        old = {*known.values, *(value for value, _ in known.merged)}
        more = tuple(value for value in found if value not in old)
        if not (names and more):
            return (*known.values, *more)
    numbers = not found or found[-1] < COLOUR
    if names and numbers and (not found or found[-1] < first + len(names)):
        return tuple(range(first, first + len(names)))
    return found


def _name(
    values: tuple[int, ...], known: ClassTable | None, first: int
) -> tuple[str, ...]:
    """Name classes by the model to start from, else by number or value."""
    old = {} if known is None else dict(zip(known.values, known.names, strict=True))
    numbered = values == tuple(range(first, first + len(values)))
    named = []
    for index, value in enumerate(values):
        kind = "class " if numbered else "value " if value < COLOUR else ""
        plain = "background" if index == 0 else kind + show_value(value)
        named.append(old.get(value, plain))
    return tuple(named)


def _list(values: Sequence[int]) -> str:
    shown = ", ".join(show_value(value) for value in values[:_SHOWN])
    return shown + (", …" if len(values) > _SHOWN else "")


def to_classes(example: Example, table: ClassTable) -> Example:
    """Return an example whose numbers are the classes of a table.

    Raises
    ------
    InputError
        If its labels hold a value that is no class.
    """
    mapped = classify(
        example.annotation,
        table.values,
        example.image.name,
        example.ignore_label,
        merged=table.merged,
    )
    label = IGNORED if (mapped == IGNORED).any() else None
    return replace(example, annotation=mapped, ignore_label=label)


def classify(
    values: NDArray[np.integer],
    classes: Sequence[int],
    name: str,
    ignore_label: int | None = None,
    *,
    merged: Sequence[tuple[int, int]] = (),
) -> NDArray[np.int32]:
    """Return the class of each pixel.

    Parameters
    ----------
    values : ndarray of int
        Of the labels as they were read.
    classes : sequence of int
        The value of each class.
    name : str
        Of the image, for the message.
    ignore_label : int, optional
        A value that becomes `IGNORED`.
    merged : sequence of (int, int)
        See `ClassTable`.

    Raises
    ------
    InputError
        If there is a value that is no class.
    """
    numbers, place = np.unique(values, return_inverse=True)
    index = dict(merged) | {value: number for number, value in enumerate(classes)}
    if ignore_label is not None:
        index[ignore_label] = IGNORED
    strange = [number for number in numbers.tolist() if number not in index]
    if strange:
        raise InputError(
            f"The labels of '{name}' hold {show_value(strange[0])}, which is none of "
            f"the classes {_list(classes)}."
        )
    table = np.array([index[number] for number in numbers.tolist()], np.int32)
    mapped: NDArray[np.int32] = table[place].reshape(values.shape)
    return mapped


def set_zero_aside(example: Example) -> Example:
    """Read labels by the convention of the Fiji plugin: 0 is ignored ground.

    1 becomes background (0), 2 and more become 1 and more: classes or objects. Of
    colours, black is ignored.

    Raises
    ------
    InputError
        If nothing but 0 is painted.
    """
    annotation = example.annotation.astype(np.int64)
    ignored = _find_ignored(example)
    shifted = annotation - (annotation < COLOUR)
    number = int(shifted[~ignored].max()) + 1
    shifted[ignored] = number
    return replace(
        example, annotation=shifted, ignore_label=number if ignored.any() else None
    )


def ignore_zero(example: Example) -> Example:
    """Read classes by the convention of the Fiji plugin: 0 or black is ignored ground.

    All other values stay what they are, so that a table of classes shows them as the
    user knows them.

    Raises
    ------
    InputError
        If nothing but 0 is painted.
    """
    ignored = _find_ignored(example)
    return replace(
        example,
        annotation=np.where(ignored, 0, example.annotation),
        ignore_label=0 if ignored.any() else None,
    )


def _find_ignored(example: Example) -> NDArray[np.bool_]:
    """Return where 0, black or the ignore label is painted, but not everywhere."""
    annotation = example.annotation
    ignored: NDArray[np.bool_] = (annotation == 0) | (annotation == COLOUR)
    if example.ignore_label is not None:
        ignored |= annotation == example.ignore_label
    if ignored.all():
        raise InputError(
            f"The labels of '{example.image.name}' hold nothing but ignored ground: "
            "all are 0. By this convention background is 1, and objects or classes "
            "begin at 2."
        )
    return ignored
