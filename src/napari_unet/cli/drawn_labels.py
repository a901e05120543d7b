"""Labels as files, whatever program made them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_unet.cli.app import warn
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for what computes
    import numpy as np

    from napari_unet.core.workflow import Model


def read_painted(
    path: Path,
    kind: Literal["objects", "classes"] = "objects",
    shape: tuple[int, ...] | None = None,
    names: Sequence[str] = (),
) -> "np.ndarray":
    """Read the labels of an image; say what is lost of those drawn elsewhere.

    Parameters
    ----------
    path : Path
        A label image, or what `formats.annotations.read_annotation` reads.
    kind : str
        What numbers and outlines are.
    shape : tuple of int, optional
        Of the image, ([T,] [Z,] Y, X), which outlines do not know.
    names : sequence of str
        Of the classes, background first, where outlines name theirs.

    Raises
    ------
    InputError
        If the file cannot be read, or holds points instead, or outlines without the
        shape of their image.
    """
    from napari_unet.formats.annotations import read_annotation
    from napari_unet.formats.images import read_class_labels, read_labels
    from napari_unet.formats.label_files import is_drawn

    if not is_drawn(path):
        return read_class_labels(path) if kind == "classes" else read_labels(path)
    if shape is None and path.suffix.lower() != ".npy":
        raise InputError(
            f"'{path.name}' holds outlines, which say nothing about the size of their "
            "image; name it with --image, or make label images of them by "
            "'napari-unet import'."
        )
    found = read_annotation(path, shape, kind=kind, names=names)
    if found.labels is None:
        raise InputError(
            f"'{path.name}' holds {found.found}, but no areas; 'napari-unet import' "
            "makes a table of points of it, to learn from or to compare."
        )
    for sentence in found.lost:
        warn(f"{path.name}: {sentence}")
    return found.labels


def refuse_zero(path: Path, zero: str) -> None:
    """Refuse to read what other programs drew by the Fiji plugin's convention."""
    from napari_unet.formats.label_files import is_drawn

    if zero == "ignore" and is_drawn(path):
        raise InputError(
            f"--zero ignore is about label images, but '{path.name}' was drawn in "
            "another program, and its first object would become background; leave "
            "--zero out."
        )


def names_drawn(
    labels: Path, kind: str, model: "Model | None" = None
) -> tuple[str, ...]:
    """Return the classes that outlines name, background first.

    Parameters
    ----------
    labels : Path
        A file or a folder.
    kind : str
        What annotations are; only ``classes`` are named.
    model : Model, optional
        To start from: its classes come first.

    Returns
    -------
    tuple of str
        Nothing if no file names a class.
    """
    from napari_unet.formats.annotations import find_class_names
    from napari_unet.formats.label_files import find_labels, is_drawn

    if kind != "classes":
        return ()
    drawn = [path for path in find_labels(labels) if is_drawn(path)]
    found = {name for path in drawn for name in find_class_names(path)}
    if not found:
        return ()
    first = ("background",) if model is None else model.settings.class_names
    return (*first, *sorted(found - {*first}))
