"""What `check` reads: pairs of files, each with what is wrong in reading it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_unet.cli.app import warn
from napari_unet.cli.drawn_labels import refuse_zero
from napari_unet.cli.examples import (
    check_same_scale,
    interpret,
    pair_up,
    read_picture,
    read_regions_of,
)
from napari_unet.core.config import (
    AnnotationKind,
    ModelSettings,
    NetworkConfig,
    TrainConfig,
)
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Example


@dataclass(frozen=True)
class Reading:
    """How files become annotated images; see the options of `check`."""

    kind: AnnotationKind
    zero: Literal["background", "ignore"] = "background"
    ignore_label: int | None = None
    split: bool = False
    regions: Path | None = None
    channels: tuple[int | str, ...] = ()
    planes_as_channels: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """One pair: what was found in reading it, and the example if it can be used."""

    findings: "list[Finding]"
    example: "Example | None" = None


def check_pair(image: Path, labels: Path, reading: Reading) -> Checked:
    """Look at one pair; a file that cannot be read is a finding, too."""
    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.annotation.findings import find_faults
    from napari_unet.core.frames import fold_times
    from napari_unet.formats.images import read_class_labels, read_labels, stem_of
    from napari_unet.formats.label_files import is_drawn

    kind = reading.kind
    name = stem_of(image)
    try:
        refuse_zero(labels, reading.zero)
        picture = read_picture(image, reading.planes_as_channels)
        name, picture = picture.name, pick(picture, reading.channels)
        check_same_scale(picture, labels)
        if kind in ("objects", "classes") and not is_drawn(labels):
            read = read_class_labels if kind == "classes" else read_labels
            painted = fold_times(read(labels))
            if painted.shape != picture.shape:  # said with the likely reason
                found = find_faults(picture, painted, kind)
                return Checked([replace(f, image=name) for f in found])
        regions = read_regions_of(reading.regions, image, len(picture.shape))
        example = pair_up(
            *(picture, labels, kind, regions, reading.ignore_label),
            names=reading.names,
        )
        example = interpret(example, kind, reading.zero, split=reading.split)
    except InputError as error:
        return Checked([Finding("error", str(error), name)])
    return Checked([], example)


def pick(picture: "Image", channels: tuple[int | str, ...]) -> "Image":
    """Return the image with the channels to read."""
    from napari_unet.core.prediction.channels import pick_channels

    if not channels:
        return picture
    network = NetworkConfig(in_channels=len(channels))
    return pick_channels(picture, ModelSettings(network=network, channels=channels))


def find_unpaired(
    lonely: Sequence[Path], images: Path, orphaned: Sequence[Path], labels: Path
) -> "list[Finding]":
    """Return a finding for each file without a partner."""
    from napari_unet.core.annotation.finding import Finding
    from napari_unet.formats.images import stem_of

    advice = "Files belong together if their names are equal but for the ending."
    return [
        Finding("error", f"There are no {noun} for it in '{place}'. {advice}", each)
        for noun, place, files in (
            ("labels", labels, lonely),
            ("images", images, orphaned),
        )
        for each in map(stem_of, files)
    ]


def warn_of(findings: "Sequence[Finding]", file: str = "") -> None:
    """Say findings on standard error, with image and place."""
    for finding in findings:
        places = (part for part in (file or finding.image, finding.where) if part)
        warn(f"{', '.join(places)}: {finding.message}")


def warn_of_borders(
    examples: "Sequence[Example]",
    kind: AnnotationKind,
    network: NetworkConfig,
    config: TrainConfig,
) -> None:
    """Say of which objects the separation border leaves nearly nothing."""
    from napari_unet.core.training.inspection import find_shrunk_objects

    if kind == "objects":
        warn_of(find_shrunk_objects(examples, network, config))


def finding_rows(
    findings: "Sequence[Finding]", files: dict[str, str]
) -> list[dict[str, Any]]:
    """Return findings ready for JSON, with the names of the images' files."""
    return [
        {
            "image": files.get(finding.image, finding.image),
            "level": finding.level,
            "place": None if finding.place is None else list(finding.place),
            "message": finding.message,
        }
        for finding in findings
    ]
