"""`train`: from images and labels to a model folder."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_unet.cli.app import (
    Device,
    Images,
    Json,
    Labels,
    app,
    changed,
)
from napari_unet.cli.checking import warn_of_borders
from napari_unet.cli.classes import (
    Planes,
    Zero,
    check_planes,
    choose_kind,
    read_channels,
    read_names,
    settle,
)
from napari_unet.cli.drawn_labels import names_drawn
from napari_unet.cli.examples import choose_reader
from napari_unet.cli.export_patches import choose_folder, export_batch
from napari_unet.cli.model_folder import open_model
from napari_unet.cli.normalisation import (
    check_same_normalisation,
    take_normalisation,
)
from napari_unet.cli.settings import apply_settings
from napari_unet.cli.training_options import (
    StartFrom,
    Unpainted,
    check_old,
    check_old_planes,
    choose_base,
    choose_pixel_size,
    make_config,
    make_settings,
    open_start,
    reading,
    say_end,
    say_what_stays,
    with_classes,
)
from napari_unet.cli.training_run import train_into
from napari_unet.cli.values import refuse_labels
from napari_unet.core.config import (
    AUGMENTATIONS,
    AnnotationKind,
    AugmentationName,
)
from napari_unet.core.errors import InputError
from napari_unet.core.presets import PresetName

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Callable

    from napari_unet.core.annotation.target import Example


@app.command()
def train(
    images: Images,
    labels: Labels,
    model: Annotated[
        Path | None,
        typer.Option(help="The model folder to write; not with --export-patches."),
    ] = None,
    start_from: StartFrom = None,
    preset: Annotated[
        PresetName | None,
        typer.Option(help="Network and settings.", show_default="fast"),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Settings as the dock saves them, or some of them; before the "
            "preset's; options win over both.",
        ),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(help="Optimizer steps in all.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Time to train in all, validation included.")
    ] = None,
    validation_images: Annotated[
        Path | None, typer.Option(help="By default a part is held back.")
    ] = None,
    validation_labels: Annotated[
        Path | None, typer.Option(help="Their labels.")
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(help="Folder of <stem>.geojson: fully annotated rectangles."),
    ] = None,
    ignore_label: Annotated[
        int | None, typer.Option(help="Label number of ground to leave out.")
    ] = None,
    unpainted: Unpainted = None,
    annotation: Annotated[
        AnnotationKind | None,
        typer.Option(
            help="What the numbers (or colours) of the labels mean.",
            show_default="objects, or what the model to start from learned",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="Names of the classes: background,cytoplasm,nucleus. Numbers or "
            "colours with one name become one class: background,cell,cell"
        ),
    ] = None,
    zero: Zero = "background",
    channels: Annotated[
        str | None,
        typer.Option(help="Channels to read, in this order; the first is 0: 0,2"),
    ] = None,
    planes_as_channels: Planes = False,
    split_components: Annotated[
        bool,
        typer.Option("--split-components", help="Pieces of a binary mask are objects."),
    ] = False,
    points: Annotated[
        bool,
        typer.Option(
            "--points",
            help="LABELS are CSV files of points, as they are taken to be anyway.",
        ),
    ] = False,
    point_radius: Annotated[
        float | None,
        typer.Option(help="Radius of the disks points become, px of the model."),
    ] = None,
    base_channels: Annotated[
        int | None, typer.Option(help="Channels of the first level.")
    ] = None,
    levels: Annotated[int | None, typer.Option(help="Poolings.")] = None,
    padding: Annotated[
        Literal["same", "valid", "reflect", "partial"] | None,
        typer.Option(help="Of the convolutions."),
    ] = None,
    pixel_size: Annotated[
        float | None,
        typer.Option(
            help="Pixel size of a new model, µm: images are rescaled to it.",
            show_default="that of the images",
        ),
    ] = None,
    pixel_size_z: Annotated[
        float | None,
        typer.Option(
            help="3D: distance of planes of a new model, µm.",
            show_default="that of the images",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Largest step size.")
    ] = None,
    weights_form: Annotated[
        Literal["2015", "2019"] | None,
        typer.Option(help="Weight map of the paper or of Falk et al., as published."),
    ] = None,
    augmentation: Annotated[
        AugmentationName | None,
        typer.Option(help="Random changes of the patches, as a whole."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting that `presets --json` lists, e.g. block=residual "
            "or weight_map.form=2019; may be given several times.",
        ),
    ] = None,
    device: Device = "auto",
    seed: Annotated[int | None, typer.Option(help="Of weights and patches.")] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the training in --model, to the end that it was given or "
            "to a later one.",
        ),
    ] = False,
    leave_one_out: Annotated[
        bool,
        typer.Option(
            "--leave-one-out",
            help="In the end, train again without each image or region in turn, and "
            "judge each by a model that has not seen it.",
        ),
    ] = False,
    even_if_worse: Annotated[
        bool,
        typer.Option(
            "--even-if-worse",
            help="Take what was learned even where it is no better than the model it "
            "started from.",
        ),
    ] = False,
    export_patches: Annotated[
        Path | None,
        typer.Option(
            help="Do not train: write patches as a training would see them into this "
            "folder, image, target and weights of each as TIFF."
        ),
    ] = None,
    patches: Annotated[
        int, typer.Option(min=1, max=999, help="How many, for --export-patches.")
    ] = 12,
    as_json: Json = False,
) -> None:
    """Train a model or fine-tune one; Ctrl-C saves what it has learned."""
    from napari_unet.core import workflow

    model = choose_folder(model, export_patches, resume=resume)
    if iterations is not None and seconds is not None:
        raise InputError("Give either --iterations or --seconds, not both.")
    picked = read_channels(channels)
    start = open_start(start_from, picked, resume=resume)
    old = open_model(str(model)) if start is None and resume else start
    kind = choose_kind(annotation, labels, old, points=points)
    if kind == "values" and config_file is None and not resume:
        preset = preset or "denoise"
    base = choose_base(config_file, preset, old, resume=resume)
    network = changed(
        base.network,
        base_channels=base_channels,
        levels=levels,
        padding=padding,
    )
    config = make_config(
        base.training,
        iterations,
        weights_form,
        seconds=seconds,
        learning_rate=learning_rate,
        seed=seed,
        point_radius=point_radius,
        augmentation=augmentation and AUGMENTATIONS[augmentation].model_dump(),
        leave_one_out=leave_one_out or None,
        unpainted=unpainted,
    )
    base, others = take_normalisation(settings or [], base)
    network, config = apply_settings(others, network, config)
    check_planes(planes_as_channels, network)
    names = read_names(classes) or names_drawn(labels, kind, old)
    if old is not None:
        options = {
            "base_channels": base_channels,
            "levels": levels,
            "padding": padding,
        }
        check_old(old, network, options, config_file, settings or [], picked)
        check_same_normalisation(old, settings or [])
        check_old_planes(old, planes_as_channels)
        planes_as_channels = old.settings.planes_as_channels
        say_what_stays(old, base, network, preset, config_file)
        say_end(old, config, resume=resume)
    workflow.describe_device(device)  # refuses one that is not there
    read = functools.partial(
        choose_reader(kind, names),
        regions=regions,
        ignore_label=ignore_label,
        split=split_components,
        kind=kind,
        zero=zero,
        planes_as_channels=planes_as_channels,
    )
    examples = _read_all(read, images, labels, validation_images, validation_labels)
    refuse_labels(examples, is_told=annotation is not None)
    examples, found = settle(examples, kind, names, old, zero=zero)
    warn_of_borders(examples, kind, network, config)
    start = with_classes(start, old, kind, found, config.seed)
    model_settings = make_settings(base, network, kind, found, names).replaced(
        channels=picked,
        planes_as_channels=planes_as_channels,
        **choose_pixel_size(base, old, pixel_size, pixel_size_z),
    )
    if export_patches is not None:
        batch = workflow.draw_patches(
            examples,
            config=config,
            start_from=start,
            settings=model_settings,
            count=patches,
        )
        export_batch(export_patches, batch, as_json=as_json)
        return
    steps = workflow.fine_tune(
        examples,
        model,
        config=config,
        start_from=start,
        settings=model_settings,
        preset=base.preset,
        reading=reading(zero, ignore_label, split=split_components),
        device=device,
        resume=resume,
    )
    train_into(
        model,
        steps,
        start,
        found,
        resume=resume,
        even_if_worse=even_if_worse,
        as_json=as_json,
    )


def _read_all(
    read: "Callable[..., list[Example]]",
    images: Path,
    labels: Path,
    validation_images: Path | None,
    validation_labels: Path | None,
) -> "list[Example]":
    """Read the examples to learn from, and those to validate on."""
    if (validation_images is None) != (validation_labels is None):
        raise InputError("--validation-images and --validation-labels go together.")
    examples = read(images, labels)
    if validation_images is not None and validation_labels is not None:
        examples += read(validation_images, validation_labels, role="validation")
    return examples
