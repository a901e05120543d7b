"""Classes and channels on the command line: what was found, named, shown, picked."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_unet.cli.app import table
from napari_unet.core.config import AnnotationKind, ModelSettings, NetworkConfig
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    import numpy as np
    from numpy.typing import NDArray

    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.workflow import Example, Model

Zero = Annotated[
    Literal["background", "ignore"],
    typer.Option(
        help="What 0 means: background; or ignored ground, as in the Fiji plugin, "
        "where 1 is background and objects or classes begin at 2."
    ),
]
Planes = Annotated[
    bool,
    typer.Option(
        "--planes-as-channels", help="Planes of a stack are channels of one image."
    ),
]


def read_names(text: str | None) -> tuple[str, ...]:
    """Return the names in 'background,cytoplasm,nucleus'."""
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or not all(names):
        raise InputError(
            f"--classes {text}: give at least two names with commas between them, "
            "background first."
        )
    return names


def read_channels(text: str | None) -> tuple[int, ...]:
    """Return the positions in '0,2'."""
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise InputError(
            f"--channels {text}: give positions with commas between them, the first "
            "channel is 0: for example --channels 0,2."
        )
    picked = tuple(map(int, parts))
    if len(set(picked)) < len(picked):
        raise InputError(f"--channels {text}: a channel is named twice.")
    return picked


def choose_kind(
    annotation: AnnotationKind | None,
    labels: Path,
    old: "Model | None" = None,
    *,
    points: bool = False,
) -> AnnotationKind:
    """Return what the labels are: what was said, what the model knows, or objects.

    CSV files are points, whether that is said or not.

    Raises
    ------
    InputError
        If they are CSV files, and it is said that they hold something else.
    """
    from napari_unet.formats.points import holds_points

    if points:
        return "points"
    if holds_points(labels):
        if annotation not in (None, "points"):
            raise InputError(
                f"'{labels}' holds tables of points, but --annotation {annotation} "
                "asks for label images; name those, or leave --annotation out."
            )
        return "points"
    return annotation or ("objects" if old is None else old.settings.annotation)


def settle(
    examples: "list[Example]",
    kind: AnnotationKind,
    names: Sequence[str],
    model: "Model | None" = None,
    *,
    zero: Literal["background", "ignore"] = "background",
) -> "tuple[list[Example], ClassTable | None]":
    """Turn numbers and colours into classes, the same for all images.

    Parameters
    ----------
    examples : list of Example
        As they were read, those for validation included.
    kind : str
        Nothing is changed where the numbers are not classes.
    names : sequence of str
        Given by the user, if any.
    model : Model, optional
        To start from; its classes are kept.
    zero : str
        What 0 means in the labels.

    Returns
    -------
    examples, table : list of Example, ClassTable or None
        The table is also printed to standard error.
    """
    from napari_unet.core.annotation.class_values import (
        count_values,
        settle_classes,
        to_classes,
    )

    if kind != "classes":
        if kind == "objects" and len(names) not in (0, 2):
            raise InputError(
                f"{len(names)} classes are named, but the labels are objects: these "
                "have two, background and object. Say --annotation classes."
            )
        return examples, None
    first = int(zero == "ignore")
    known = None if model is None else _table_of(model.settings, first)
    found = settle_classes(count_values(examples), names, known, first=first)
    print(show_classes(found), file=sys.stderr)
    return [to_classes(example, found) for example in examples], found


def show_classes(found: "ClassTable") -> str:
    """Return the table of classes for a terminal."""
    rows = [["class", "value", "name", "pixels", "share"]]
    for entry in class_rows(found):
        cells = [str(entry[key]) for key in ("class", "value", "name")]
        rows.append([*cells, f"{entry['pixels']:,}", f"{entry['share']:.2%}"])
    return table(rows)


def class_rows(found: "ClassTable") -> list[dict[str, Any]]:
    """Return the table of classes, ready for JSON."""
    columns = (found.names, found.shown_values, found.pixels, found.shares)
    return [
        {
            "class": number,
            "value": value,
            "name": name,
            "pixels": pixels,
            "share": round(share, 6),
        }
        for number, (name, value, pixels, share) in enumerate(
            zip(*columns, strict=True)
        )
    ]


def say_class_scores(scores: Mapping[str, float], settings: ModelSettings) -> str:
    """Return the IoU of each class in one line; empty for a model of objects."""
    named = [
        f"{name} {scores[f'iou_{number}']:.3f}"
        for number, name in enumerate(settings.class_names)
        if f"iou_{number}" in scores
    ]
    return f"IoU of each class: {', '.join(named)}" if named else ""


def class_shares(
    classes: "NDArray[np.integer]", settings: ModelSettings
) -> dict[str, float]:
    """Return the part of the pixels of each class that was predicted at all."""
    import numpy as np

    counts = np.bincount(classes.ravel()).tolist()
    return {
        settings.class_names[number]: round(pixels / classes.size, 6)
        for number, pixels in enumerate(counts)
        if pixels
    }


def say_shares(shares: Mapping[str, float]) -> str:
    """Return 'background 62.0 %, nucleus 38.0 %'."""
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


def start_with_classes(
    model: "Model", kind: AnnotationKind, found: "ClassTable | None", seed: int
) -> "Model":
    """Return the model to start from, with the classes to learn now."""
    from napari_unet.core.training.class_change import change_classes

    if found is not None:
        names, values = found.names, found.class_values
    elif kind in (model.settings.annotation, "points"):
        return model  # the classes of points are named in their tables
    else:
        names, values = ("background", "object"), ()
    return change_classes(model, names, values=values, annotation=kind, seed=seed)


def check_planes(planes_as_channels: bool, network: NetworkConfig) -> None:
    """Refuse to take planes as channels where the network learns from volumes."""
    if planes_as_channels and network.dimensions == 3:
        raise InputError(
            "--planes-as-channels makes one plane of a stack, but the network learns "
            "from volumes; leave one of the two out."
        )


def check_same_channels(model: "Model", wanted: Sequence[int]) -> None:
    """Refuse other channels than those of the model to start from."""
    has = model.settings.channels
    if wanted and tuple(wanted) != has:
        named = ", ".join(map(str, has)) or "all channels"
        raise InputError(
            f"--channels {','.join(map(str, wanted))}: the model to start from reads "
            f"{named}. Leave --channels out, or train from scratch."
        )


def check_same_classes(model: "Model", found: "ClassTable | None") -> None:
    """Refuse to go on with a training of other classes."""
    if found is not None and found.names != model.settings.class_names:
        raise InputError(
            f"The labels have the classes {', '.join(found.names)}, the training to go "
            f"on with {', '.join(model.settings.class_names)}. Start a new training "
            "from it with --start-from."
        )


def _table_of(settings: ModelSettings, first: int) -> "ClassTable | None":
    """Return the classes of a model, none of them seen yet.

    What it numbers from 0 has numbers from `first` on in these labels.
    """
    from napari_unet.core.annotation.class_values import ClassTable, read_value
    from napari_unet.core.annotation.merged_values import read_merged

    if settings.annotation != "classes":
        return None
    count = len(settings.class_names)
    values = tuple(map(read_value, settings.class_values)) or tuple(
        range(first, first + count)
    )
    merged = read_merged(settings.class_values)
    return ClassTable(settings.class_names, values, (0,) * count, merged)
