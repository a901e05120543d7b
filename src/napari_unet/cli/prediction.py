"""`segment` and `evaluate`: use a model, and measure it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_unet.cli.app import (
    Device,
    Images,
    Json,
    app,
    changed,
    fail,
    report,
    warn,
)
from napari_unet.cli.classes import Zero, read_channels
from napari_unet.cli.folder_zoom import FolderZoom
from napari_unet.cli.image_results import (
    Results,
    Threshold,
    TileEdge,
    Versions,
    Zoom,
    check_folder,
    describe_zoom,
    fail_for,
    predict,
    read_average,
    read_scale,
    read_tile,
    telling_stop,
)
from napari_unet.cli.model_folder import open_model, open_or_pick, require_kind
from napari_unet.cli.segment_results import (
    Wanted,
    say_all_found,
    write_found,
)
from napari_unet.cli.values import refuse_companions, write_values
from napari_unet.core.config import DeviceChoice, ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.memory import telling_shortage
from napari_unet.core.model_folders import find_model


@app.command()
def segment(
    images: Images,
    out: Results,
    model: Annotated[
        str | None,
        typer.Option(
            help="A model folder, or a model's name.",
            show_default="the starter model that suits the images",
        ),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option(
            help="Channels that the model shall read, where images have more; the "
            "first is 0: for a model of one channel 1.",
            show_default="all, or those the model names",
        ),
    ] = None,
    tile: TileEdge = "auto",
    scale: Zoom = "auto",
    tta: Versions = "none",
    device: Device = "auto",
    threshold: Threshold = None,
    min_size: Annotated[
        int | None, typer.Option(help="Smallest object in pixels.")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also <stem>_probabilities.tif.")
    ] = False,
    uncertainty: Annotated[
        bool,
        typer.Option("--uncertainty", help="Also <stem>_uncertainty.tif, from 0 to 1."),
    ] = False,
    rois: Annotated[
        bool, typer.Option("--rois", help="Also ImageJ ROIs, <stem>.zip.")
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Also measurements, <stem>.csv.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Segment images with a model; writes labels to <stem>.tif in --out.

    Without --model, the starter model that suits the images is used for all of them.
    So is one zoom, found by a look at a few, for all of the same pixel size.
    Of a model that predicts grey values, <stem>.tif is the predicted image.
    """
    from napari_unet.core.prediction.tiling import plan_tiles
    from napari_unet.formats.images import find_images, read_image, stem_of
    from napari_unet.formats.tiff import was_written_here

    _check_given(model, threshold, min_size, device)
    edge, averaging, factor = read_tile(tile), read_average(tta), read_scale(scale)
    paths = find_images(images)
    results = [out / f"{stem_of(path)}.tif" for path in paths]
    check_folder(out, paths, results, was_written_here)
    opened = open_or_pick(model, paths, device, read_channels(channels), factor)
    loaded = opened.model
    zooms = FolderZoom(paths, opened, device)
    require_kind(loaded, detects=False)
    geometries = loaded.network.geometries
    plan_tiles((1,) * len(geometries), geometries, tile=edge)  # refuses too small ones
    objects = changed(loaded.settings.objects, threshold=threshold, min_size=min_size)
    wanted = Wanted(
        probabilities=probabilities, uncertainty=uncertainty, rois=rois, csv=csv
    )
    predicts_values = loaded.settings.annotation == "values"
    if predicts_values:
        refuse_companions(loaded.card.name, probabilities or uncertainty or rois or csv)
    found: dict[str, Any] = {}
    looked: dict[str, Any] = {}
    faults = {}
    doubts: dict[str, str] = {}
    for path in paths:
        stem = stem_of(path)
        try:
            with telling_shortage(f"'{path.name}'"), telling_stop(found, paths, out):
                image = read_image(path)
                zoom = zooms.find(path, image) if factor == "auto" else factor
                segmentation = predict(
                    *(image, opened.reader(image), edge, averaging, device, zoom),
                    background_only=wanted.only_objects(loaded.settings),
                )
                if predicts_values:
                    write_values(out / f"{stem}.tif", image, segmentation, loaded)
                    found[stem] = "predicted"
                else:
                    found[stem], doubts[stem] = write_found(
                        path.name,
                        out / stem,
                        image,
                        segmentation,
                        loaded.settings,
                        objects
                        if min_size is not None
                        else objects.enlarged(segmentation.enlargement),
                        wanted,
                    )
        except InputError as error:  # the others are segmented all the same
            faults[path.name] = str(error)
            if len(paths) > 1:
                warn(str(error))
            continue
        looked[stem] = describe_zoom(segmentation)
    if not found:  # nothing went well: probably all for the same reason
        fail(next(iter(faults.values())))
    result = {
        "out": str(out),
        "model": str(loaded.folder),
        "images": len(found),
        "failed": faults,
        "zoom": looked,
    }
    if not predicts_values:
        named = "classes" if loaded.settings.annotation == "classes" else "objects"
        result |= {named: found, "doubts": {s: d for s, d in doubts.items() if d}}
    report(result, say_all_found(found), as_json=as_json)
    fail_for(faults, len(paths), out)


def _check_given(
    model: str | None,
    threshold: float | None,
    min_size: int | None,
    device: DeviceChoice,
) -> None:
    """Refuse what cannot be used, before any image is looked at for a model."""
    from napari_unet.core.workflow import describe_device

    describe_device(device)  # refuses one that is not there
    changed(ObjectConfig(), threshold=threshold, min_size=min_size)
    if model is not None:
        find_model(model)


@app.command()
def evaluate(
    predicted: Annotated[
        Path,
        typer.Argument(
            help="Labels, CSV files of points, or images: a file or a folder."
        ),
    ],
    true: Annotated[Path, typer.Argument(help="The true ones; pairs by equal stem.")],
    classes: Annotated[
        bool,
        typer.Option(
            "--classes",
            help="The numbers are classes of pixels: IoU and Dice of each class, mean "
            "IoU, IoU weighted by frequency.",
        ),
    ] = False,
    boundaries: Annotated[
        bool,
        typer.Option(
            "--boundaries",
            help="PREDICTED are probability maps: pixel, Rand and warping error, "
            "V_Rand and V_Info, each at the best of the thresholds 0.0, 0.1 … 0.9.",
        ),
    ] = False,
    values: Annotated[
        bool,
        typer.Option(
            "--values",
            help="PREDICTED and TRUE are images: PSNR, RMSE, MSE, MAE and SSIM of the "
            "grey values that a model predicts.",
        ),
    ] = False,
    invert_predicted: Annotated[
        bool,
        typer.Option(
            "--invert-predicted",
            help="With --boundaries: the maps are high on membranes. Otherwise one "
            "channel is the probability of being inside a cell; of several channels, "
            "as 'segment --probabilities' writes them, channel 0 is everything "
            "outside.",
        ),
    ] = False,
    invert_true: Annotated[
        bool,
        typer.Option(
            "--invert-true",
            help="With --boundaries: the true labels are 0 inside cells. Otherwise 0 "
            "is between them.",
        ),
    ] = False,
    ignore_label: Annotated[
        int | None,
        typer.Option(help="True pixels with this number do not count.", min=0),
    ] = None,
    zero: Zero = "background",
    volumes: Annotated[
        bool,
        typer.Option(
            "--volumes",
            help="Objects of stacks reach through planes, points may pair across them; "
            "otherwise each plane counts for itself.",
        ),
    ] = False,
    regions: Annotated[
        Path | None,
        typer.Option(
            help="Folder of <stem>.geojson: only what lies in these rectangles counts."
        ),
    ] = None,
    distance: Annotated[
        float, typer.Option(help="Points: how far apart a pair may be, px.", min=0)
    ] = 3.0,
    z_step: Annotated[
        float | None,
        typer.Option(
            help="Points with --volumes: from plane to plane, px along X.",
            show_default="1",
            min=0,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="With --classes: the true labels hold the numbers or colours that "
            "this model learned from."
        ),
    ] = None,
    differences: Annotated[
        Path | None,
        typer.Option(
            help="Folder for images of where both differ: pixels, and with objects "
            "which of them were found, missed, invented, split or merged."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare predicted with true labels: F1 at IoU 0.5, IoU, Dice, SEG, AP.

    Points are compared by class: F1 of those no further apart than --distance.
    """
    from napari_unet.cli.detection import evaluate_points
    from napari_unet.cli.differences import open_differences
    from napari_unet.cli.evaluation import (
        evaluate_boundaries,
        evaluate_classes,
        evaluate_objects,
        evaluate_values,
    )
    from napari_unet.cli.truth import Truth
    from napari_unet.formats.points import holds_points

    _check_options(
        classes=classes,
        boundaries=boundaries,
        values=values,
        inverted=invert_predicted or invert_true,
        model=model,
        of_labels=ignore_label is not None
        or zero == "ignore"
        or volumes
        or regions is not None
        or differences is not None,
    )
    of_points = holds_points(predicted) and holds_points(true)
    truth = Truth(true, ignore_label, zero, regions)
    painted = open_differences(
        differences, true, classes=classes, others=boundaries or of_points
    )
    if values:
        evaluate_values(predicted, true, as_json=as_json)
    elif classes:
        evaluate_classes(
            predicted,
            truth,
            painted,
            settings=None if model is None else open_model(model).settings,
            as_json=as_json,
        )
    elif boundaries:
        evaluate_boundaries(
            predicted,
            truth,
            invert_predicted=invert_predicted,
            invert_true=invert_true,
            as_json=as_json,
        )
    elif of_points:
        evaluate_points(
            *(predicted, true, distance),
            volumes=volumes,
            z_step=z_step,
            regions=regions,
            as_json=as_json,
        )
    else:
        evaluate_objects(predicted, truth, painted, volumes=volumes, as_json=as_json)


def _check_options(
    *,
    classes: bool,
    boundaries: bool,
    values: bool,
    inverted: bool,
    model: str | None,
    of_labels: bool,
) -> None:
    """Refuse options of `evaluate` that do not go together."""
    if classes + boundaries + values > 1:
        raise InputError("Give either --classes or --boundaries or --values.")
    if inverted and not boundaries:
        raise InputError("--invert-predicted and --invert-true need --boundaries.")
    if model is not None and not classes:
        raise InputError("--model tells the classes of the labels; it needs --classes.")
    if values and of_labels:
        raise InputError(
            "--ignore-label, --zero, --regions, --volumes and --differences are about "
            "labels; leave them out with --values."
        )
