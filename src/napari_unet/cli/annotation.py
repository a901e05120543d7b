"""`check` and `weights`: look at annotations before training on them."""

import functools
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_unet.cli.app import (
    Images,
    Json,
    Labels,
    app,
    changed,
    count,
    fail,
    report,
)
from napari_unet.cli.checking import check_pair, check_set
from napari_unet.cli.classes import Planes, Zero, class_rows, show_classes
from napari_unet.core.config import AnnotationKind, WeightMapConfig
from napari_unet.core.errors import InputError


@app.command()
def check(
    images: Images,
    labels: Labels,
    annotation: Annotated[
        AnnotationKind, typer.Option(help="What the numbers of the labels mean.")
    ] = "objects",
    zero: Zero = "background",
    ignore_label: Annotated[
        int | None, typer.Option(help="Label number of ground to leave out.")
    ] = None,
    planes_as_channels: Planes = False,
    as_json: Json = False,
) -> None:
    """Look for mistakes in images and labels before training; count the classes."""
    from napari_unet.formats.images import pair_files

    pairs = pair_files(images, labels)
    read = functools.partial(
        check_pair,
        kind=annotation,
        zero=zero,
        ignore_label=ignore_label,
        planes_as_channels=planes_as_channels,
    )
    checked = [read(*pair) for pair in pairs]
    findings = [finding for each in checked for finding in each.findings]
    found, more = check_set(
        [each.example for each in checked if each.example is not None], annotation
    )
    findings += more
    errors = sum(finding["level"] == "error" for finding in findings)
    lines = [f"{f['level']}: {f['image']}: {f['message']}" for f in findings]
    warnings = len(findings) - errors
    lines.append(
        f"{count(len(pairs), 'pair')}: {count(errors, 'error')}, "
        f"{count(warnings, 'warning')}."
    )
    if found is not None:
        lines.insert(0, show_classes(found))
    result: dict[str, Any] = {
        "pairs": len(pairs),
        "errors": errors,
        "findings": findings,
    }
    if found is not None:
        result["classes"] = class_rows(found)
    report(result, "\n".join(lines), as_json=as_json)
    if errors:
        fail(f"Correct the {count(errors, 'error')} listed above before training.")


@app.command()
def weights(
    labels: Annotated[Path, typer.Argument(help="A label image.")],
    out: Annotated[Path, typer.Option(help="The float32 TIFF to write.")],
    w0: Annotated[float, typer.Option(help="Height of the ridge.")] = 10.0,
    sigma: Annotated[float, typer.Option(help="Width of the ridge, px.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Compute the weight map of a label image, as in the U-Net paper.

    Rare classes weigh more, and the line between touching objects is one pixel wide.
    The preset 'fast' trains with classes of equal weight and a line of two pixels.
    """
    from napari_unet.core.workflow import compute_weight_map
    from napari_unet.formats.images import TIFF_SUFFIXES, read_image, read_labels
    from napari_unet.formats.tiff import write_grey

    config = changed(WeightMapConfig(), w0=w0, sigma=sigma)
    if labels.is_dir():
        raise InputError(f"'{labels}' is a folder; name one label image.")
    if out.suffix.lower() not in TIFF_SUFFIXES:
        raise InputError(f"--out {out}: weights are written as TIFF; name it .tif.")
    if out.exists() and out.samefile(labels):
        raise InputError(
            f"The weights would replace the labels in '{labels}'; choose another file "
            "for --out."
        )
    annotation = read_labels(labels)
    start = time.perf_counter()
    weight_map = compute_weight_map(annotation, config)
    seconds = time.perf_counter() - start
    # A PNG has no pixel size, and its palette would be taken for colours.
    is_png = labels.suffix.lower() == ".png"
    size = None if is_png else read_image(labels).pixel_size_um
    write_grey(out, weight_map, size)
    result = {
        "out": str(out),
        "shape": list(weight_map.shape),
        "min": float(weight_map.min()),
        "max": float(weight_map.max()),
        "mean": float(weight_map.mean()),
        "seconds": round(seconds, 4),
    }
    text = f"{out}: weights from {result['min']:.2f} to {result['max']:.2f}"
    report(result, text, as_json=as_json)
