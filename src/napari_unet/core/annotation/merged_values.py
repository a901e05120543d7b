"""Classes that several numbers or colours of the labels stand for."""

from collections.abc import Sequence

from napari_unet.core.annotation.class_values import read_value


def read_merged(class_values: Sequence[int | str]) -> tuple[tuple[int, int], ...]:
    """Return the further values of each class; see `ClassTable.merged`.

    Examples
    --------
    >>> read_merged((0, "128+255"))
    ((255, 1),)
    """
    return tuple(
        (read_value(text), number)
        for number, value in enumerate(class_values)
        for text in str(value).split("+")[1:]
    )


def names_of_values(
    names: Sequence[str], class_values: Sequence[int | str]
) -> tuple[str, ...]:
    """Return a name for each value in ascending order, as `settle_classes` takes them.

    Examples
    --------
    >>> names_of_values(("ground", "cell"), ("0+255", 128))
    ('ground', 'cell', 'ground')
    """
    merged = read_merged(class_values)
    if not merged:
        return tuple(names)
    pairs = [(read_value(value), number) for number, value in enumerate(class_values)]
    return tuple(names[number] for _, number in sorted([*pairs, *merged]))
