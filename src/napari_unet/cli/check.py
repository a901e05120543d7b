"""`check`: look at images and labels before training on them."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from napari_unet.cli.app import (
    Images,
    Json,
    Labels,
    app,
    count,
    fail,
    report,
)
from napari_unet.cli.checking import (
    Checked,
    Reading,
    check_pair,
    find_unpaired,
    finding_rows,
)
from napari_unet.cli.checking_ground import Learner
from napari_unet.cli.checking_points import check_points
from napari_unet.cli.classes import (
    Planes,
    Zero,
    choose_kind,
    class_rows,
    read_channels,
    read_names,
    show_classes,
)
from napari_unet.cli.drawn_labels import names_drawn
from napari_unet.cli.examples import check_reading
from napari_unet.cli.point_options import POINT_RADIUS, PointRadius
from napari_unet.cli.training_options import StartFrom, Unpainted
from napari_unet.core.config import AnnotationKind
from napari_unet.core.presets import PRESETS, PresetName

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Generator, Sequence

    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.annotation.summary import AnnotationSummary

Result = TypeVar("Result")


@app.command()
def check(
    images: Images,
    labels: Labels,
    annotation: Annotated[
        AnnotationKind | None,
        typer.Option(
            help="What the numbers of the labels mean.",
            show_default="objects; points where LABELS are CSV files",
        ),
    ] = None,
    zero: Zero = "background",
    ignore_label: Annotated[
        int | None, typer.Option(help="Label number of ground to leave out.")
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(help="Folder of <stem>.geojson: fully annotated rectangles."),
    ] = None,
    split_components: Annotated[
        bool,
        typer.Option("--split-components", help="Pieces of a binary mask are objects."),
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option(help="Names of the classes: background,cytoplasm,nucleus"),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option(help="Channels to read, in this order; the first is 0: 0,2"),
    ] = None,
    planes_as_channels: Planes = False,
    preset: Annotated[
        PresetName | None,
        typer.Option(
            help="What shall learn: its context, patches and dimensions.",
            show_default="fast, with --volumes fast-3d",
        ),
    ] = None,
    start_from: StartFrom = None,
    unpainted: Unpainted = None,
    volumes: Annotated[
        bool,
        typer.Option("--volumes", help="Objects of stacks reach through their planes."),
    ] = False,
    point_radius: PointRadius = POINT_RADIUS,
    as_json: Json = False,
) -> None:
    """Look for mistakes in images and labels before training; count what is annotated.

    A stack is looked at plane by plane, or with --volumes as a whole. What is found
    follows from how it would be trained: give --start-from and --unpainted as to train.
    """
    from napari_unet.core.training.inspection import inspect_examples
    from napari_unet.formats.images import find_images, match_by_stem, stem_of
    from napari_unet.formats.label_files import find_labels
    from napari_unet.formats.points import find_tables

    picked = read_channels(channels)
    learner = Learner.of(
        start_from,
        PRESETS[preset or ("fast-3d" if volumes else "fast")],
        picked,
        point_radius=point_radius,
        unpainted=unpainted,
    )
    kind = choose_kind(annotation, labels, learner.start)
    reading = Reading(
        kind,
        zero=zero,
        ignore_label=ignore_label,
        split=split_components,
        regions=regions,
        channels=learner.channels or picked,
        planes_as_channels=planes_as_channels or learner.takes_planes,
    )
    check_reading(kind, zero=zero, ignore_label=ignore_label, split=split_components)
    names = read_names(classes) or names_drawn(labels, kind, learner.start)
    partners = find_tables(labels) if kind == "points" else find_labels(labels, images)
    matched = match_by_stem((images, find_images(images)), (labels, partners))
    checked = _read(matched.pairs, replace(reading, names=names))
    findings = find_unpaired(matched.lonely, images, matched.orphaned, labels)
    findings += [finding for each in checked for finding in each.findings]
    examples = [each.example for each in checked if each.example is not None]
    learned, of_ground = learner.look_at_ground(examples, kind, _drive)
    inspection = _drive(
        inspect_examples(
            learned,
            kind,
            network=learner.network,
            training=learner.training,
            names=names,
            first=int(zero == "ignore"),
        )
    )
    findings = _gather(findings, inspection.findings, of_ground=of_ground)
    files = {stem_of(file): file.name for file, _ in matched.pairs}
    files |= {stem_of(file): file.name for file in (*matched.lonely, *matched.orphaned)}
    rows = finding_rows(findings, files)
    lines = [
        ": ".join([row["level"], _place(row["image"], finding.where), row["message"]])
        for row, finding in zip(rows, findings, strict=True)
    ]
    errors = sum(finding.level == "error" for finding in findings)
    result: dict[str, Any] = {"pairs": len(matched.pairs), "errors": errors}
    result["findings"] = rows
    if inspection.classes is not None:
        lines.insert(0, show_classes(inspection.classes))
        result["classes"] = class_rows(inspection.classes)
    elif kind in ("objects", "points"):
        lines.append(_say_counts(inspection.counts, kind))
        result["annotated"] = _count(inspection.counts)
    lines.append(
        f"{count(len(matched.pairs), 'pair')}: {count(errors, 'error')}, "
        f"{count(len(findings) - errors, 'warning')}."
    )
    report(result, "\n".join(lines), as_json=as_json)
    if errors:
        fail(f"Correct the {count(errors, 'error')} listed above before training.")


def _read(pairs: "Sequence[tuple[Path, Path]]", reading: Reading) -> "list[Checked]":
    """Read all pairs, with a progress bar."""
    from tqdm import tqdm

    bar = tqdm(pairs, desc="Read", unit="image", file=sys.stderr)
    look = check_points if reading.kind == "points" else check_pair
    return [look(image, labels, reading) for image, labels in bar]


def _gather(
    *several: "Sequence[Finding]", of_ground: "Sequence[Finding]"
) -> "list[Finding]":
    """Return all findings, errors first; of the ground, errors only if alone."""
    findings = [finding for each in several for finding in each]
    is_wrong = any(finding.level == "error" for finding in findings)
    findings += [f for f in of_ground if f.level != "error" or not is_wrong]
    return sorted(findings, key=lambda finding: finding.level)


def _drive(steps: "Generator[float, None, Result]") -> "Result":
    """Look at all images, with a progress bar."""
    from tqdm import tqdm

    with tqdm(total=100, desc="Check", unit="%", file=sys.stderr) as bar:
        bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
        while True:
            try:
                bar.n = round(100 * next(steps), 1)
                bar.refresh()
            except StopIteration as end:
                result: Result = end.value
                return result


def _place(image: str, where: str) -> str:
    return f"{image}, {where}" if where else image


def _say_counts(counts: "AnnotationSummary", kind: AnnotationKind) -> str:
    """Return how much is annotated, and how much of it is objects."""
    noun = "point" if kind == "points" else "object"
    text = f"{count(counts.objects, noun)} on {counts.known_px:,} annotated pixels"
    if counts.object_px:
        ratio = (counts.known_px - counts.object_px) / counts.object_px
        share = counts.object_px / counts.known_px
        text += f": {share:.2%} objects, 1 pixel to {ratio:.3g} of background"
    return text + "."


def _count(counts: "AnnotationSummary") -> dict[str, int]:
    return {
        "objects": counts.objects,
        "object_px": counts.object_px,
        "known_px": counts.known_px,
        "regions": counts.regions,
    }
