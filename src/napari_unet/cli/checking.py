"""What `check` finds in a pair of files, and in a whole set of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_unet.cli.examples import check_same_scale, interpret, read_picture
from napari_unet.core.config import AnnotationKind
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Sequence

    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.annotation.findings import Finding
    from napari_unet.core.workflow import Example

# Image, level and message.
Found = dict[str, str]


@dataclass(frozen=True)
class Checked:
    """One pair: what was found, and the example if it can be used."""

    findings: list[Found]
    example: "Example | None" = None


def check_pair(
    image: Path,
    labels: Path,
    *,
    kind: AnnotationKind,
    zero: Literal["background", "ignore"],
    ignore_label: int | None,
    planes_as_channels: bool,
) -> Checked:
    """Look at one pair; a file that cannot be read is a finding, too."""
    if kind == "values":
        return _check_target(image, labels, planes_as_channels)
    import numpy as np

    from napari_unet.core.annotation.class_findings import find_class_faults
    from napari_unet.core.annotation.findings import Finding, find_faults
    from napari_unet.core.annotation.target import Example
    from napari_unet.formats.images import read_class_labels, read_labels

    read = read_class_labels if kind == "classes" else read_labels
    example, findings = None, []
    try:
        picture, painted = read_picture(image, planes_as_channels), read(labels)
        check_same_scale(picture, labels)
        # A stack is looked at as a whole, but cannot be an example.
        if len(picture.shape) == 2 and painted.shape == picture.shape:
            example = Example(picture, painted, ignore_label=ignore_label)
            example = interpret(example, kind, zero)
            painted = example.annotation
            if kind == "classes":
                findings = find_class_faults(example)
            ignored = example.ignore_label
            painted = np.where(painted == ignored, 0, painted) if ignored else painted
        findings += find_faults(picture, painted, kind)
    except InputError as error:
        findings, example = [Finding("error", str(error))], None
    return Checked(_list(image, findings), example)


def _check_target(image: Path, target: Path, planes_as_channels: bool) -> Checked:
    """Look at an image and the one to predict from it."""
    from napari_unet.core.annotation.findings import Finding
    from napari_unet.core.annotation.value_findings import find_target_faults
    from napari_unet.core.training.values import pair_images
    from napari_unet.formats.images import read_image

    example = None
    try:
        picture, right = read_picture(image, planes_as_channels), read_image(target)
        check_same_scale(picture, target)
        example = pair_images(picture, right)
        findings = find_target_faults(picture, right)
    except InputError as error:
        findings, example = [Finding("error", str(error))], None
    return Checked(_list(image, findings), example)


def _list(image: Path, findings: "Sequence[Finding]") -> list[Found]:
    """Return what was found in an image, ready for JSON."""
    return [
        {"image": image.name, "level": f.level, "message": f.message} for f in findings
    ]


def check_set(
    examples: "list[Example]",
    kind: AnnotationKind,
    zero: Literal["background", "ignore"],
) -> "tuple[ClassTable | None, list[Found]]":
    """Look at all pairs together; return the table of classes, and what was found."""
    from napari_unet.core.annotation.class_findings import find_set_faults
    from napari_unet.core.annotation.class_values import count_values, settle_classes
    from napari_unet.core.annotation.point_findings import find_point_set_faults

    table = None
    found: list[Found] = []
    if kind == "classes" and examples:
        try:
            table = settle_classes(count_values(examples), first=int(zero == "ignore"))
        except InputError as error:
            name = examples[0].image.name
            found.append({"image": name, "level": "error", "message": str(error)})
    of_set = find_set_faults(examples, table)
    if kind == "points":
        of_set += find_point_set_faults(examples)
    found += [
        {"image": name, "level": finding.level, "message": finding.message}
        for name, finding in of_set
    ]
    return table, found
