"""`detect`, and `evaluate` on points: where objects are, and what was found."""

import functools
import operator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.cli.app import (
    Device,
    Images,
    Json,
    app,
    changed,
    fail,
    report,
    table,
    warn,
)
from napari_unet.cli.examples import counted_regions
from napari_unet.cli.image_results import (
    Results,
    Threshold,
    TileEdge,
    UsedModel,
    Versions,
    Zoom,
    check_folder,
    fail_for,
    predict,
    read_average,
    read_scale,
    read_tile,
)
from napari_unet.cli.model_folder import open_model, require_kind
from napari_unet.cli.plane_counts import (
    count_planes,
    place_in_time,
    write_plane_counts,
)
from napari_unet.core.annotation.points import lie_between_planes
from napari_unet.core.errors import InputError
from napari_unet.core.memory import telling_shortage

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Iterable, Sequence

    from napari_unet.core.annotation.target import Region
    from napari_unet.core.evaluation.detection import DetectionScores
    from napari_unet.formats.points import PointTable

SHOWN = ("f1", "precision", "recall")
COUNTED = ("objects_true", "objects_predicted", "true_positives")


@app.command()
def detect(
    images: Images,
    model: UsedModel,
    out: Results,
    tile: TileEdge = "auto",
    scale: Zoom = "auto",
    tta: Versions = "none",
    device: Device = "auto",
    threshold: Threshold = None,
    as_json: Json = False,
) -> None:
    """Find objects with a model trained on points; writes <stem>.csv and counts.csv.

    Each line is a point: its position in pixels, class and confidence. napari opens
    the file as a Points layer.
    """
    from napari_unet.core.workflow import describe_device, make_points
    from napari_unet.formats.images import find_images, read_image, stem_of
    from napari_unet.formats.points import (
        COUNTS_FILE,
        PLANE_COUNTS_FILE,
        was_written_here,
        write_points,
    )

    describe_device(device)  # refuses one that is not there
    edge, averaging = read_tile(tile), read_average(tta)
    factor = read_scale(scale)
    loaded = open_model(model)
    require_kind(loaded, detects=True)
    config = changed(loaded.settings.objects, threshold=threshold)
    paths = find_images(images)
    targets = {path: out / f"{stem_of(path)}.csv" for path in paths}
    tables = [out / COUNTS_FILE, out / PLANE_COUNTS_FILE]
    check_folder(out, paths, [*targets.values(), *tables], was_written_here)
    if taken := [file.name for file in tables if file in targets.values()]:
        raise InputError(
            f"The points of an image would be called {taken[0]}, like the table of "
            "counts; rename the image."
        )
    names = loaded.settings.class_names
    counts: dict[str, dict[str, int]] = {}
    of_planes: list[dict[str, Any]] = []
    faults: dict[str, str] = {}
    for path, target in targets.items():
        try:
            with telling_shortage(f"'{path.name}'"):
                image = read_image(path)
                segmentation = predict(image, loaded, edge, averaging, device, factor)
                found = make_points(segmentation, config)
        except InputError as error:  # the others are looked at all the same
            faults[path.name] = str(error)
            if len(paths) > 1:
                warn(str(error))
            continue
        classes = [names[number] for number in found.classes]
        positions = place_in_time(found.positions, segmentation)
        write_points(target, positions, classes, found.confidence)
        counts[stem_of(path)] = {name: classes.count(name) for name in names[1:]}
        of_planes += count_planes(
            stem_of(path), positions, classes, names[1:], segmentation
        )
    if not counts:  # nothing went well: probably all for the same reason
        fail(next(iter(faults.values())))
    text = _write_counts(out / COUNTS_FILE, counts)
    if of_planes:
        write_plane_counts(out / PLANE_COUNTS_FILE, of_planes)
    result = {
        "out": str(out),
        "images": len(counts),
        "points": {stem: sum(each.values()) for stem, each in counts.items()},
        "classes": counts,
        "failed": faults,
    }
    report(result, text, as_json=as_json)
    fail_for(faults, len(paths), out)


def _write_counts(path: Path, counts: dict[str, dict[str, int]]) -> str:
    """Write how many points each image has, by class if there are several."""
    from napari_unet.formats.table import write_table

    classes = list(next(iter(counts.values())))
    columns: dict[str, list[Any]] = {
        "image": list(counts),
        "points": [sum(each.values()) for each in counts.values()],
    }
    for name in classes if len(classes) > 1 else ():
        columns[name] = [each[name] for each in counts.values()]
    write_table(path, columns)
    rows = zip(*columns.values(), strict=True)
    return table([list(columns), *([str(cell) for cell in row] for row in rows)])


def evaluate_points(
    predicted: Path,
    true: Path,
    distance: float,
    *,
    regions: Path | None = None,
    volumes: bool,
    z_step: float | None,
    as_json: bool,
) -> None:
    """Compare tables of points, and report F1, precision and recall."""
    from napari_unet.core.score_words import describe_found
    from napari_unet.formats.images import pair_by_stem, stem_of
    from napari_unet.formats.points import find_tables, read_points

    if z_step is not None and not volumes:
        raise InputError("--z-step is about points in volumes; it needs --volumes.")
    compare = functools.partial(
        _score_tables, distance=distance, volumes=volumes, z_step=z_step or 1.0
    )
    places = (predicted, find_tables(predicted)), (true, find_tables(true))
    by_image: dict[str, dict[str, DetectionScores]] = {}
    for path, truth in pair_by_stem(*places, nouns=("points", "true points")):
        found, wanted = read_points(path), read_points(truth)
        if not volumes and lie_between_planes(found.points):
            warn(
                f"{path.name}: points lie between planes, as a network of volumes "
                "finds them; here each counts on the nearest plane only. Compare with "
                "--volumes."
            )
        boxes = counted_regions(regions, truth, wanted.points.positions.shape[1])
        by_image[stem_of(path)] = compare(_cut(found, boxes), _cut(wanted, boxes))
    names = sorted({name for scored in by_image.values() for name in scored})
    of_class = {
        name: _total(s[name] for s in by_image.values() if name in s) for name in names
    }
    of_image = {
        stem: _total(scored.values()).of_one_image()
        for stem, scored in by_image.items()
    }
    overall = _total(of_image.values())
    result: dict[str, Any] = {
        "distance": distance,
        "images": {stem: _numbers(scores) for stem, scores in of_image.items()},
        "classes": {name: _numbers(scores) for name, scores in of_class.items()},
        "overall": _numbers(overall),
    }
    shown = [*of_image.items()]
    if len(of_class) > 1:
        shown += [(f"class {name}", scores) for name, scores in of_class.items()]
    rows = [["image", *(name.upper() for name in SHOWN), "true", "found", "right"]]
    for title, scores in [*shown, ("overall", overall)]:
        numbers = _numbers(scores)
        ratios = [f"{numbers[name]:.3f}" for name in SHOWN]
        rows.append([title, *ratios, *(str(numbers[name]) for name in COUNTED)])
    values = overall.as_dict()
    if "f1_low" in values:
        ends = [f"{values[f'{n}_low']:.2f}-{values[f'{n}_high']:.2f}" for n in SHOWN]
        rows.append(["95 %", *ends, *("" for _ in COUNTED)])
    text = f"{table(rows)}\n\nThe prediction {describe_found(values, 'points')}."
    report(result, text, as_json=as_json)


def _cut(table: "PointTable", boxes: "Sequence[Region]") -> "PointTable":
    """Return the points that lie in the regions of an image, if it has any."""
    import numpy as np

    points = table.points
    if not boxes or len(boxes[0].start) != points.positions.shape[1]:
        return table
    pixels = np.round(points.positions)
    inside = np.zeros(len(points), bool)
    for box in boxes:
        inside |= ((pixels >= box.start) & (pixels < box.stop)).all(axis=1)
    names = tuple(n for n, keep in zip(points.names, inside, strict=True) if keep)
    cut = replace(points, positions=points.positions[inside], names=names)
    return replace(table, points=cut)


def _score_tables(
    predicted: "PointTable",
    true: "PointTable",
    *,
    distance: float,
    volumes: bool,
    z_step: float,
) -> "dict[str, DetectionScores]":
    """Score each class by itself; each plane of a stack, too, or volumes."""
    from napari_unet.core.annotation.points import DEFAULT_CLASS
    from napari_unet.core.evaluation.point_comparison import compare_points

    # Where one side knows no classes, only the places are compared.
    classed = predicted.has_classes and true.has_classes
    found, wanted = predicted.points, true.points
    names = [
        each.names if classed else (DEFAULT_CLASS,) * len(each)
        for each in (found, wanted)
    ]
    axes = max(found.positions.shape[1], wanted.positions.shape[1])
    compared = compare_points(
        found.positions,
        names[0],
        wanted.positions,
        names[1],
        distance=distance,
        volume=volumes,
        pixel_size=(z_step, 1.0, 1.0)[-axes:],
    )
    return compared.scores


def _total(scores: "Iterable[DetectionScores]") -> "DetectionScores":
    """Add up counts; F1 is that of the sums."""
    from napari_unet.core.evaluation.detection import DetectionScores

    return functools.reduce(operator.add, scores, DetectionScores())


def _numbers(scores: "DetectionScores") -> dict[str, Any]:
    """Return what can be told without pixels."""
    return {n: value for n, value in scores.as_dict().items() if n != "iou"}
