"""Annotated images as files: read in pairs, and checked against each other."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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
    role: Literal["training", "validation"] = "training",
) -> "list[Example]":
    """Read pairs of files as annotated images."""
    from tqdm import tqdm

    from napari_unet.core.annotation.target import Example, split_components
    from napari_unet.formats.images import pair_files, read_image, read_labels

    examples = []
    pairs = pair_files(images, labels)
    for image, label in tqdm(pairs, desc="Read", unit="image", file=sys.stderr):
        annotation, picture = read_labels(label), read_image(image)
        check_same_scale(picture, label)
        if split:
            annotation = split_components(annotation)
        examples.append(
            Example(
                image=picture,
                annotation=annotation,
                regions=_read_regions(regions, image),
                ignore_label=ignore_label,
                role=role,
            )
        )
    return examples


def read_point_examples(
    images: Path,
    points: Path,
    *,
    regions: Path | None,
    ignore_label: int | None,
    split: bool,
    role: Literal["training", "validation"] = "training",
) -> "list[Example]":
    """Read pairs of an image and a CSV file of points as annotated images."""
    import numpy as np
    from tqdm import tqdm

    from napari_unet.core.annotation.target import Example
    from napari_unet.formats.images import read_image
    from napari_unet.formats.points import pair_with_points, read_points

    if ignore_label is not None or split:
        option = "--split-components" if split else "--ignore-label"
        raise InputError(
            f"{option} is about label images; leave it out with --points. Ground may "
            "be left out by --regions."
        )
    examples = []
    pairs = pair_with_points(images, points)
    for image, table in tqdm(pairs, desc="Read", unit="image", file=sys.stderr):
        picture = read_image(image)
        marked = read_points(table).points
        try:
            example = Example(
                image=picture,
                annotation=np.zeros(picture.shape, np.uint8),
                regions=_read_regions(regions, image),
                role=role,
                points=marked,
            )
        except InputError as error:
            raise InputError(f"{table.name}: {error}") from error
        examples.append(example)
    return examples


def _read_regions(folder: Path | None, image: Path) -> "tuple[Region, ...]":
    """Return the regions of an image; none where there is no file of them."""
    from napari_unet.core.annotation.target import Region
    from napari_unet.formats.geojson import read_regions
    from napari_unet.formats.images import stem_of

    file = None if folder is None else folder / f"{stem_of(image)}.geojson"
    if file is None or not file.exists():
        return ()
    boxes: list[Any] = read_regions(file)
    return tuple(Region(*box) for box in boxes)


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
