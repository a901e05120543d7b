"""Label images by themselves, read as `train` reads them; what they were taken for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_unet.cli.app import count
from napari_unet.cli.drawn_labels import names_drawn, read_painted, refuse_zero
from napari_unet.cli.examples import check_reading, interpret
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.annotation.target import Example

_SHOWN = 8


def read_annotations(
    paths: Sequence[Path],
    kind: Literal["objects", "classes"],
    *,
    zero: Literal["background", "ignore"] = "background",
    ignore_label: int | None = None,
    split: bool = False,
    image: Path | None = None,
) -> "tuple[list[Example], ClassTable | None]":
    """Read label images; numbers and colours of classes become the same in all.

    Outlines need the `image` that they were drawn on.

    Returns
    -------
    examples : list of Example
        Without a picture: the labels stand for it.
    table : ClassTable or None
        Of classes; None for objects.
    """
    from napari_unet.core.annotation.class_values import to_classes
    from napari_unet.core.annotation.target import Example
    from napari_unet.core.image import Image
    from napari_unet.formats.images import read_image, stem_of

    check_reading(kind, zero=zero, ignore_label=ignore_label, split=split)
    shape = None if image is None else read_image(image).full_shape
    names = {name for path in paths for name in names_drawn(path, kind)}
    named = ("background", *sorted(names - {"background"}))
    examples = []
    for path in paths:
        refuse_zero(path, zero)
        painted = read_painted(path, kind, shape, named if names else ())
        if painted.ndim > 3:
            raise InputError(
                f"'{path.name}' has depth and time, {painted.shape}; save each time "
                "point as a file of its own, in Fiji by Image > Hyperstacks > Reduce "
                "Dimensionality."
            )
        itself = Image(painted[None], name=stem_of(path))
        example = Example(itself, painted, ignore_label=ignore_label)
        examples.append(interpret(example, kind, zero, split=split))
    if kind == "objects":
        return examples, None
    table = _settle(examples, first=int(zero == "ignore"))
    return [to_classes(example, table) for example in examples], table


def _settle(examples: "list[Example]", first: int) -> "ClassTable":
    """Return the classes; here, unlike in a training, one alone will do."""
    from napari_unet.core.annotation.class_values import (
        COLOUR,
        ClassTable,
        count_values,
        settle_classes,
    )

    counts = count_values(examples)
    if len(counts) < 2:
        coloured = any(value >= COLOUR for value in counts)
        counts.setdefault(COLOUR if coloured else first, 0)
    if len(counts) < 2:
        return ClassTable(("background",), tuple(counts), tuple(counts.values()))
    return settle_classes(counts, first=first)


def say_taken_for(example: "Example", table: "ClassTable | None") -> str:
    """Return what labels were taken for: '3 objects', or classes by their values."""
    import numpy as np

    from napari_unet.core.annotation.class_values import show_value

    if table is not None:
        shown = ", ".join(map(show_value, table.values[:_SHOWN]))
        more = ", …" if len(table.values) > _SHOWN else ""
        classes = "class" if len(table.values) == 1 else "classes"
        return f"{len(table.values)} {classes} ({shown}{more})"
    numbers = np.unique(example.annotation)
    objects = (numbers != 0) & (numbers != (example.ignore_label or 0))
    return count(int(objects.sum()), "object")


def doubt_objects(example: "Example", name: str) -> str:
    """Return what to say of labels that hold no object, or a mask; else nothing."""
    import numpy as np
    from scipy import ndimage

    from napari_unet.core.annotation.object_findings import looks_binary

    painted = example.annotation
    if example.ignore_label is not None:
        painted = np.where(painted == example.ignore_label, 0, painted)
    if not painted.any():
        return (
            f"{name}: no object is painted, all of it is taken for background. Is it "
            "the right file?"
        )
    if not looks_binary(painted):
        return ""
    pieces = ndimage.label(painted)[1]
    return (
        f"{name}: all {pieces} pieces have the number {painted.max()} and are taken "
        "for one object, with no ridge between them. Where each piece is an object, "
        "say --split-components."
    )


def the_file(labels: Path) -> Path:
    """Refuse a folder where one label image is wanted."""
    if labels.is_dir():
        raise InputError(f"'{labels}' is a folder; name one label image.")
    return labels
