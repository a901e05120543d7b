"""`import`: annotations of other programs become label images and tables of points."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_unet.cli.app import Json, app, report
from napari_unet.cli.classes import read_names
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for what computes
    from napari_unet.core.image import Image
    from napari_unet.formats.annotations import Imported


@app.command("import")
def import_annotations(
    annotations: Annotated[
        Path,
        typer.Argument(
            help="ROIs of ImageJ (.zip, .roi), GeoJSON of QuPath, _seg.npy of "
            "Cellpose, a mask as TIFF or PNG, points as CSV; or a folder of them."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    images: Annotated[
        Path | None,
        typer.Option(help="Their images, a file or a folder; pairs by equal stem."),
    ] = None,
    annotation: Annotated[
        Literal["objects", "classes"],
        typer.Option(help="What each outline is: an object, or an area of its class."),
    ] = "objects",
    classes: Annotated[
        str | None,
        typer.Option(
            help="Names of the classes, background first: so they are numbered.",
            show_default="all that occur, sorted",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make label TIFFs, and tables of points, of annotations made elsewhere.

    Says for each file what came and what did not. Without --images, outlines lie in the
    smallest image that holds them; name the images to learn from the labels.
    """
    from napari_unet.cli.drawn_labels import names_drawn
    from napari_unet.formats.annotations import read_annotation
    from napari_unet.formats.images import read_image, stem_of

    names = read_names(classes) or names_drawn(annotations, annotation)
    rows: list[dict[str, Any]] = []
    pairs = _pair(annotations, images)
    _spare([out / stem_of(image or path) for path, image in pairs])
    for path, image in pairs:
        picture = None if image is None else read_image(image)
        shape = None if picture is None else picture.full_shape
        found = read_annotation(path, shape, kind=annotation, names=names)
        if picture is not None and found.labels is not None:
            _check_shape(path, found, picture)
        written = _write(found, out / stem_of(image or path), picture)
        rows.append(
            {
                "file": path.name,
                "out": [str(each) for each in written],
                "found": found.found,
                "lost": list(found.lost),
                "classes": list(found.names),
            }
        )
    lines = [
        f"{row['file']}: " + " ".join([f"{row['found']}.", *row["lost"]])
        for row in rows
    ]
    if names:
        numbered = ", ".join(f"{number} {name}" for number, name in enumerate(names))
        lines.append(f"Classes: {numbered}.")
    report({"files": rows}, "\n".join(lines), as_json=as_json)


def _pair(annotations: Path, images: Path | None) -> list[tuple[Path, Path | None]]:
    """Return each file with its image, if images are named."""
    from napari_unet.formats.images import find_images, pair_by_stem
    from napari_unet.formats.label_files import find_labels
    from napari_unet.formats.points import find_tables, holds_points

    of_points = holds_points(annotations)
    files = find_tables(annotations) if of_points else find_labels(annotations, images)
    if images is None:
        return [(file, None) for file in files]
    pairs = pair_by_stem(
        (images, find_images(images)),
        (annotations, files),
        nouns=("image", "annotation"),
    )
    return [(file, image) for image, file in pairs]


def _check_shape(path: Path, found: "Imported", picture: "Image") -> None:
    from napari_unet.core.annotation.shapes import explain_shapes

    if found.labels is not None and found.labels.shape != picture.full_shape:
        reason = explain_shapes(picture, found.labels.shape)
        raise InputError(f"{path.name}: {reason}")


def _write(found: "Imported", target: Path, picture: "Image | None") -> list[Path]:
    """Write what came: labels, points, or both."""
    from napari_unet.formats.points import write_points
    from napari_unet.formats.tiff import write_labels

    written = []
    if found.labels is not None:
        labels = target.with_name(f"{target.name}.tif")
        write_labels(
            labels, found.labels, None if picture is None else picture.pixel_size_um
        )
        written.append(labels)
    if found.points is not None:
        table = target.with_name(f"{target.name}.csv")
        write_points(table, found.points.positions, found.points.names)
        written.append(table)
    return written


def _spare(targets: list[Path]) -> None:
    """Refuse to replace any file: an annotation may be somebody's work of days."""
    for target in targets:
        for ending in (".tif", ".csv"):
            file = target.with_name(target.name + ending)
            if file.exists():
                raise InputError(
                    f"'{file}' exists already and is not replaced; choose another "
                    "folder for --out, or move it away."
                )
