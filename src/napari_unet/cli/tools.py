"""`tools`: what else can be made of labels, file by file."""

import functools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_unet.cli.annotation import check_output, pixel_size_of
from napari_unet.cli.app import Json, app, changed, report, table
from napari_unet.cli.checking import warn_of
from napari_unet.cli.classes import Zero
from napari_unet.cli.label_files import read_annotations
from napari_unet.cli.point_options import (
    POINT_RADIUS,
    PointImage,
    PointRadius,
    PointVolumes,
)
from napari_unet.core.config import AnnotationKind, SamplingConfig, WeightMapConfig
from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.annotation.target import Example

Tool = Literal["instances", "borders", "distance", "density", "counts"]


@app.command()
def tools(
    tool: Annotated[
        Tool,
        typer.Argument(
            help="instances: number the pieces of a mask; borders: labels with the "
            "separation border cut; distance: to the nearest object, below 0 inside, "
            "in px of X; density: of the centres of patches; counts: pixels and "
            "objects per class."
        ),
    ],
    labels: Annotated[
        Path,
        typer.Argument(
            help="A mask or label image, or a folder; or outlines, with --image; "
            "density: or a table of points."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The TIFF to write; a folder for a folder of labels."),
    ] = None,
    corners: Annotated[
        bool, typer.Option("--corners", help="instances: corners connect, too.")
    ] = False,
    width: Annotated[int, typer.Option(help="borders: width in px, 1 or 2.")] = 1,
    v_bal: Annotated[
        float | None, typer.Option(help="density: of background; objects have 1.")
    ] = None,
    annotation: Annotated[
        Literal["objects", "classes"],
        typer.Option(help="What the numbers (or colours) mean."),
    ] = "objects",
    zero: Zero = "background",
    ignore_label: Annotated[
        int | None, typer.Option(help="Label number of ground to leave out.")
    ] = None,
    image: PointImage = None,
    point_radius: PointRadius = POINT_RADIUS,
    volumes: PointVolumes = False,
    as_json: Json = False,
) -> None:
    """Make instances, borders, a distance map, a density or counts of labels."""
    from napari_unet.cli.point_maps import density_of_table
    from napari_unet.core.annotation.object_findings import find_border_faults
    from napari_unet.formats.images import stem_of
    from napari_unet.formats.label_files import find_labels
    from napari_unet.formats.points import holds_points

    if holds_points(labels) and (tool != "density" or labels.is_dir()):
        raise InputError(
            f"'{labels}' holds points; of them, 'density' shows where patches are "
            "centred, one table at a time."
        )
    if holds_points(labels) and out is not None:
        check_output(labels, out)
        of_points, size = density_of_table(
            labels, image, _sampling(v_bal), radius=point_radius, volumes=volumes
        )
        _write(out, of_points, size)
        report({"tool": tool, "out": [str(out)]}, str(out), as_json=as_json)
        return
    paths = find_labels(labels)
    read = functools.partial(
        read_annotations,
        kind=annotation,
        zero=zero,
        ignore_label=ignore_label,
        image=image,
    )
    if tool == "counts":
        _count(*read(paths), as_json=as_json)
        return
    if out is None:
        raise InputError(f"Say with --out where the result of '{tool}' shall go.")
    border = {"separation_border": "--width"}
    changed(WeightMapConfig(), border, separation_border=width)
    sampling = _sampling(v_bal)
    targets = [
        out / f"{stem_of(path)}.tif" if labels.is_dir() else out for path in paths
    ]
    for path, target in zip(paths, targets, strict=True):
        check_output(path, target)
    examples, _ = read(paths)
    for path, example, target in zip(paths, examples, targets, strict=True):
        size = pixel_size_of(image or path)
        made = _make(tool, example, corners, width, sampling, annotation, size)
        if tool == "borders":
            warn_of(find_border_faults(example, width), path.name)
        _write(target, made, size)
    text = "\n".join(map(str, targets))
    report({"tool": tool, "out": [str(t) for t in targets]}, text, as_json=as_json)


def _sampling(v_bal: float | None) -> SamplingConfig:
    """Return the density of patches that was asked for."""
    density = SamplingConfig(rule="density")
    return changed(density, {"background": "--v-bal"}, background=v_bal)


def _make(
    tool: Tool,
    example: "Example",
    corners: bool,
    width: int,
    sampling: SamplingConfig,
    kind: AnnotationKind,
    pixel_size_um: tuple[float, ...] | None,
) -> "np.ndarray":
    """Return what a tool makes of labels."""
    import numpy as np

    from napari_unet.core.annotation.derived import distance_map
    from napari_unet.core.annotation.sampling import sampling_density
    from napari_unet.core.annotation.separation_border import cut_separation_border
    from napari_unet.core.annotation.target import make_target, split_components
    from napari_unet.core.image import in_pixels_of_x

    painted, ignore_label = example.annotation, example.ignore_label
    if tool == "density":
        highest = int(painted[painted != ignore_label].max(initial=1))
        target = make_target(
            painted, kind=kind, ignore_label=ignore_label, classes=highest + 1
        )
        return sampling_density(target.classes, target.known, sampling)
    if ignore_label is not None:
        painted = np.where(painted == ignore_label, 0, painted)
    if tool == "instances":
        return split_components(painted, corners=corners)
    if tool == "borders":
        return cut_separation_border(painted, width)
    return distance_map(painted, in_pixels_of_x(pixel_size_um))


def _write(
    path: Path, array: "np.ndarray", pixel_size_um: tuple[float, ...] | None
) -> None:
    """Write labels as labels, and anything else as float32."""
    from napari_unet.formats.tiff import write_grey, write_labels

    if array.dtype.kind == "f":
        axes = "TZYX"[-array.ndim :]
        write_grey(path, array, pixel_size_um, axes=axes)
    else:
        write_labels(path, array, pixel_size_um)


def _count(
    examples: "list[Example]", classes: "ClassTable | None", *, as_json: bool
) -> None:
    """Print pixels and objects of each class, of each image and of all."""
    from collections import Counter

    from napari_unet.core.annotation.class_values import show_value
    from napari_unet.core.annotation.derived import count_labels

    rows = [["image", "class", "pixels", "objects"]]
    images: dict[str, dict[str, Any]] = {}
    pixels: Counter[int] = Counter()
    objects: Counter[int] = Counter()
    kind: AnnotationKind = "objects" if classes is None else "classes"

    def title(number: int) -> str:
        return str(number) if classes is None else show_value(classes.values[number])

    for example in examples:
        stem, ignored = example.image.name, example.ignore_label
        counts = count_labels(example.annotation, kind=kind, ignore_label=ignored)
        images[stem] = {title(number): asdict(each) for number, each in counts.items()}
        for number, each in counts.items():
            rows.append([stem, title(number), str(each.pixels), str(each.objects)])
            pixels[number] += each.pixels
            objects[number] += each.objects
    overall = {
        title(n): {"pixels": pixels[n], "objects": objects[n]} for n in sorted(pixels)
    }
    rows += [
        ["overall", name, str(total["pixels"]), str(total["objects"])]
        for name, total in overall.items()
    ]
    report({"images": images, "overall": overall}, table(rows), as_json=as_json)
