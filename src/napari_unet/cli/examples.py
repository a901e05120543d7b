"""Annotated images as files: read in pairs, and checked against each other."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Example


def read_examples(
    images: Path,
    labels: Path,
    *,
    regions: Path | None,
    ignore_label: int | None,
    split: bool,
    values: bool = False,
    role: Literal["training", "validation"] = "training",
) -> "list[Example]":
    """Read pairs of files as annotated images, or as images and those to predict."""
    from tqdm import tqdm

    from napari_unet.core.annotation.target import Example, Region, split_components
    from napari_unet.core.training.values import pair_images
    from napari_unet.formats.geojson import read_regions
    from napari_unet.formats.images import pair_files, read_image, read_labels, stem_of

    examples = []
    pairs = pair_files(images, labels)
    for image, label in tqdm(pairs, desc="Read", unit="image", file=sys.stderr):
        picture = read_image(image)
        check_same_scale(picture, label)
        boxes: list[Any] = []
        file = None if regions is None else regions / f"{stem_of(image)}.geojson"
        if file is not None and file.exists():
            boxes = read_regions(file)
        around = tuple(Region(*box) for box in boxes)
        if values:
            target = read_image(label)
            examples.append(pair_images(picture, target, regions=around, role=role))
            continue
        annotation = read_labels(label)
        if split:
            annotation = split_components(annotation)
        examples.append(
            Example(
                image=picture,
                annotation=annotation,
                regions=around,
                ignore_label=ignore_label,
                role=role,
            )
        )
    return examples


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
