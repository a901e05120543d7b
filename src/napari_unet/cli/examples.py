"""Annotated images as files: read in pairs, and checked against each other."""

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_unet.cli.app import warn
from napari_unet.cli.drawn_labels import read_painted, refuse_zero
from napari_unet.core.config import AnnotationKind
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Example, Region


def read_examples(
    images: Path,
    labels: Path,
    *,
    regions: Path | None,
    ignore_label: int | None,
    split: bool,
    kind: AnnotationKind = "objects",
    zero: Literal["background", "ignore"] = "background",
    planes_as_channels: bool = False,
    role: Literal["training", "validation"] = "training",
    names: Sequence[str] = (),
) -> "list[Example]":
    """Read pairs of files as annotated images; classes keep their values.

    For the kind ``values`` they are images and those to predict. Outlines with classes
    are numbered by `names`.
    """
    from tqdm import tqdm

    from napari_unet.formats.images import pair_files
    from napari_unet.formats.label_files import pair_labels

    check_reading(kind, zero=zero, ignore_label=ignore_label, split=split)
    examples = []
    pair = pair_files if kind == "values" else pair_labels
    pairs = pair(images, labels)
    for image, label in tqdm(pairs, desc="Read", unit="image", file=sys.stderr):
        refuse_zero(label, zero)
        picture = read_picture(image, planes_as_channels)
        check_same_scale(picture, label)
        around = read_regions_of(regions, image, len(picture.shape))
        example = pair_up(picture, label, kind, around, ignore_label, role, names)
        examples.append(interpret(example, kind, zero, split=split))
    return examples


def pair_up(
    picture: "Image",
    label: Path,
    kind: AnnotationKind,
    regions: "tuple[Region, ...]" = (),
    ignore_label: int | None = None,
    role: Literal["training", "validation"] = "training",
    names: Sequence[str] = (),
) -> "Example":
    """Read the labels of an image; for the kind ``values``, the image to predict."""
    from napari_unet.core.annotation.target import Example
    from napari_unet.core.training.values import pair_images
    from napari_unet.formats.images import read_image

    if kind == "values":
        target = read_image(label)
        return pair_images(picture, target, regions=regions, role=role)
    painted: Literal["objects", "classes"]
    painted = "classes" if kind == "classes" else "objects"
    return Example(
        image=picture,
        annotation=read_painted(label, painted, picture.full_shape, names),
        regions=regions,
        ignore_label=ignore_label,
        role=role,
    )


def check_reading(
    kind: AnnotationKind,
    *,
    zero: Literal["background", "ignore"],
    ignore_label: int | None,
    split: bool,
) -> None:
    """Refuse options about labels that annotations of this kind do not have."""
    if kind == "objects":
        return
    if kind == "classes":
        if split:
            raise InputError(
                "--split-components makes an object of each piece of a mask; classes "
                "have none. Leave out either it or --annotation classes."
            )
        return
    refuse_label_options(kind, zero=zero, ignore_label=ignore_label, split=split)


def interpret(
    example: "Example",
    kind: AnnotationKind,
    zero: Literal["background", "ignore"],
    *,
    split: bool = False,
) -> "Example":
    """Return an example whose labels mean what the options say.

    Objects are numbered from 1. Classes keep their values: `settle` turns them into
    numbers once all images are known.
    """
    from napari_unet.core.annotation.class_values import ignore_zero, set_zero_aside

    if zero == "ignore":
        aside = ignore_zero if kind == "classes" else set_zero_aside
        example = aside(example)
    return _split(example) if split else example


def choose_reader(
    kind: AnnotationKind, names: Sequence[str]
) -> "Callable[..., list[Example]]":
    """Return what reads annotations of this kind.

    Raises
    ------
    InputError
        If names of classes are given for points.
    """
    if kind != "points":
        return functools.partial(read_examples, names=names)
    if names:
        raise InputError(
            "--classes is about label images; the classes of points are named in their "
            "tables, in a column 'class'."
        )
    return read_point_examples


def read_point_examples(
    images: Path,
    points: Path,
    *,
    regions: Path | None,
    ignore_label: int | None,
    split: bool,
    kind: AnnotationKind = "points",
    zero: Literal["background", "ignore"] = "background",
    planes_as_channels: bool = False,
    role: Literal["training", "validation"] = "training",
) -> "list[Example]":
    """Read pairs of an image and a CSV file of points as annotated images."""
    from tqdm import tqdm

    from napari_unet.formats.points import pair_with_points

    refuse_label_options(zero=zero, ignore_label=ignore_label, split=split)
    examples = []
    pairs = pair_with_points(images, points)
    for image, table in tqdm(pairs, desc="Read", unit="image", file=sys.stderr):
        picture = read_picture(image, planes_as_channels)
        around = read_regions_of(regions, image, len(picture.shape))
        examples.append(pair_with_table(picture, table, around, role))
    return examples


def refuse_label_options(
    kind: AnnotationKind = "points",
    *,
    zero: str = "background",
    ignore_label: int | None = None,
    split: bool = False,
    class_balance: str | None = None,
) -> None:
    """Refuse options that say nothing about points, or about images to predict."""
    if class_balance not in (None, "inverse-frequency"):
        raise InputError(
            f"--class-balance {class_balance}: points are always balanced by inverse "
            "frequency, for their disks are few pixels; leave it out."
        )
    options = {
        "--ignore-label": ignore_label is not None,
        "--split-components": split,
        "--zero": zero != "background",
    }
    if given := [name for name, is_given in options.items() if is_given]:
        raise InputError(
            f"{given[0]} is about label images; leave it out with {kind}. Ground may "
            "be left out by --regions."
        )


def pair_with_table(
    picture: "Image",
    table: Path,
    regions: "tuple[Region, ...]" = (),
    role: Literal["training", "validation"] = "training",
) -> "Example":
    """Read the points of an image."""
    import numpy as np

    from napari_unet.core.annotation.target import Example
    from napari_unet.formats.points import read_points

    points = read_points(table).points
    try:
        return Example(
            image=picture,
            annotation=np.zeros(picture.shape, np.uint8),
            regions=regions,
            role=role,
            points=points,
        )
    except InputError as error:
        raise InputError(f"{table.name}: {error}") from error


def read_regions_of(folder: Path | None, file: Path, axes: int) -> "tuple[Region, ...]":
    """Return the regions of the file with this stem, with as many axes as its pixels.

    Raises
    ------
    InputError
        If there is no such folder, or a region names a plane of what has none.
    """
    from napari_unet.core.annotation.target import Region
    from napari_unet.formats.geojson import read_regions
    from napari_unet.formats.images import stem_of

    if folder is None:
        return ()
    if not folder.is_dir():
        raise InputError(
            f"--regions {folder}: there is no such folder; name the one that holds "
            "<stem>.geojson for each image."
        )
    drawn = folder / f"{stem_of(file)}.geojson"
    if not drawn.exists():
        return ()
    # Planes of a stack with time are counted through all time points.
    boxes: list[Any] = read_regions(drawn, min(axes, 3))
    return tuple(Region(*box) for box in boxes)


def counted_regions(
    folder: Path | None, truth: Path, axes: int
) -> "tuple[Region, ...]":
    """Return the regions in which labels or points are compared; say if none are."""
    from napari_unet.formats.images import stem_of

    found = read_regions_of(folder, truth, axes)
    if folder is not None and not found:
        warn(
            f"{truth.name}: '{folder}' holds no regions of it ({stem_of(truth)}."
            "geojson); all of the image counts."
        )
    return found


def _split(example: "Example") -> "Example":
    """Return an example whose pieces are objects; ignored ground stays ignored."""
    import numpy as np

    from napari_unet.core.annotation.target import split_components

    ignored = np.zeros(example.annotation.shape, bool)
    if example.ignore_label is not None:
        ignored = example.annotation == example.ignore_label
    pieces = split_components(np.where(ignored, 0, example.annotation))
    number = int(pieces.max()) + 1
    pieces[ignored] = number
    label = number if ignored.any() else None
    return replace(example, annotation=pieces, ignore_label=label)


def read_picture(path: Path, planes_as_channels: bool) -> "Image":
    """Read an image, with its planes as channels if they are."""
    from napari_unet.core.prediction.channels import planes_to_channels
    from napari_unet.formats.images import read_image

    picture = read_image(path)
    if planes_as_channels and len(picture.shape) == 3:
        picture = planes_to_channels(picture)
    return picture


def check_same_scale(image: "Image", labels: Path) -> None:
    """Refuse labels whose pixel size, where their file gives one, is not the image's.

    Raises
    ------
    InputError
        Naming both pixel sizes.
    """
    from napari_unet.formats.images import TIFF_SUFFIXES
    from napari_unet.formats.tiff import read_tiff

    if image.pixel_size_um is None or labels.suffix.lower() not in TIFF_SUFFIXES:
        return
    sizes = read_tiff(labels).sizes_um
    for axis, size in zip("YX", image.pixel_size_um[-2:], strict=True):
        if axis in sizes and abs(sizes[axis] / size - 1) > 0.02:
            raise InputError(
                f"The pixels of '{image.name}' measure {size:g} µm, those of its "
                f"labels {sizes[axis]:g} µm; labels must be painted on this image. "
                "Correct the pixel size of one of the files."
            )
