"""`weights`: the weight map of a label image."""

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_unet.cli.app import Json, app, changed, report, warn
from napari_unet.cli.classes import Zero
from napari_unet.cli.examples import refuse_label_options
from napari_unet.cli.label_files import (
    doubt_objects,
    read_annotations,
    say_taken_for,
    the_file,
)
from napari_unet.cli.point_options import (
    POINT_RADIUS,
    PointImage,
    PointRadius,
    PointVolumes,
)
from napari_unet.core.config import WeightMapConfig
from napari_unet.core.errors import InputError


@app.command()
def weights(
    labels: Annotated[
        Path,
        typer.Argument(
            help="A label image; or outlines or a table of points, with --image."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The float32 TIFF to write.")],
    form: Annotated[
        Literal["2015", "2019"], typer.Option(help="Of the paper, or of Falk et al.")
    ] = "2015",
    w0: Annotated[
        float | None,
        typer.Option(help="Height of the ridge.", show_default="10; form 2019: 50"),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(help="Width of the ridge, px.", show_default="5; form 2019: 6"),
    ] = None,
    class_balance: Annotated[
        Literal["inverse-frequency", "v_bal", "weights", "none"] | None,
        typer.Option(help="Form 2015: how classes are balanced."),
    ] = None,
    class_weights: Annotated[
        str | None,
        typer.Option(help="One for each class, background first, e.g. 0.2,1."),
    ] = None,
    annotation: Annotated[
        Literal["objects", "classes"],
        typer.Option(help="What the numbers (or colours) mean."),
    ] = "objects",
    zero: Zero = "background",
    ignore_label: Annotated[
        int | None, typer.Option(help="Label number of ground to leave out.")
    ] = None,
    split_components: Annotated[
        bool,
        typer.Option("--split-components", help="Pieces of a binary mask are objects."),
    ] = False,
    image: PointImage = None,
    point_radius: PointRadius = POINT_RADIUS,
    volumes: PointVolumes = False,
    as_json: Json = False,
) -> None:
    """Compute the weight map of a label image, as in the U-Net paper.

    Rare classes weigh more, and the line between touching objects is one pixel wide.
    The preset 'fast' trains with classes of equal weight and a line of two pixels.
    σ is in pixels along X; planes of a stack are as far apart as its file says.
    """
    from napari_unet.cli.point_maps import weigh_table
    from napari_unet.core.image import in_pixels_of_x
    from napari_unet.core.workflow import compute_weight_map
    from napari_unet.formats.points import holds_points
    from napari_unet.formats.tiff import write_grey

    if class_weights is not None:
        class_balance = class_balance or "weights"
    config = changed(
        WeightMapConfig().in_form(form),
        w0=w0,
        sigma=sigma,
        class_balance=class_balance,
        class_weights=class_weights,
    )
    check_output(the_file(labels), out)
    start = time.perf_counter()
    if holds_points(labels):
        refuse_label_options(
            zero=zero,
            ignore_label=ignore_label,
            split=split_components,
            class_balance=class_balance,
        )
        weight_map, size = weigh_table(
            labels, image, config, radius=point_radius, volumes=volumes
        )
        taken_for = "points"
    else:
        [example], classes = read_annotations(
            [labels],
            annotation,
            zero=zero,
            ignore_label=ignore_label,
            split=split_components,
            image=image,
        )
        if annotation == "objects" and (doubt := doubt_objects(example, labels.name)):
            warn(doubt)
        taken_for, size = (
            say_taken_for(example, classes),
            pixel_size_of(image or labels),
        )
        ignored = example.ignore_label
        start = time.perf_counter()
        weight_map = compute_weight_map(
            example.annotation,
            config,
            kind=annotation,
            ignore_label=ignored,
            pixel_size=in_pixels_of_x(size),
        )
    seconds = time.perf_counter() - start
    axes = "TZYX"[-weight_map.ndim :]
    write_grey(out, weight_map, size, axes=axes)
    result = {
        "out": str(out),
        "taken_for": taken_for,
        "shape": list(weight_map.shape),
        "min": float(weight_map.min()),
        "max": float(weight_map.max()),
        "mean": float(weight_map.mean()),
        "seconds": round(seconds, 4),
    }
    span = f"from {result['min']:.2f} to {result['max']:.2f}"
    report(result, f"{out}: weights {span} for {taken_for}", as_json=as_json)


def check_output(labels: Path, out: Path) -> None:
    """Refuse a file for the result that is no TIFF, or that is the labels' own."""
    from napari_unet.formats.images import TIFF_SUFFIXES

    if out.suffix.lower() not in TIFF_SUFFIXES:
        raise InputError(f"--out {out}: the result is written as TIFF; name it .tif.")
    if out.exists() and out.samefile(labels):
        raise InputError(
            f"The result would replace the labels in '{labels}'; choose another file "
            "for --out."
        )


def pixel_size_of(labels: Path) -> tuple[float, ...] | None:
    """Return the pixel size in µm that a file of labels gives, if any."""
    from napari_unet.formats.images import read_image
    from napari_unet.formats.label_files import is_drawn

    # A PNG has no pixel size, and its palette would be taken for colours.
    has_none = labels.suffix.lower() == ".png" or is_drawn(labels)
    return None if has_none else read_image(labels).pixel_size_um
