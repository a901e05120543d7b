"""`train`: from images and labels to a model folder."""

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_unet.cli.app import (
    Device,
    Images,
    Json,
    Labels,
    app,
    changed,
    report,
)
from napari_unet.cli.classes import (
    Planes,
    Zero,
    check_planes,
    choose_kind,
    class_rows,
    read_channels,
    read_names,
    say_class_scores,
    settle,
)
from napari_unet.cli.examples import choose_reader
from napari_unet.cli.export_patches import choose_folder, export_batch
from napari_unet.cli.model_folder import (
    open_model,
    put_back,
    set_aside,
)
from napari_unet.cli.normalisation import (
    check_same_normalisation,
    take_normalisation,
)
from napari_unet.cli.settings import (
    apply_settings,
    read_settings,
)
from napari_unet.cli.stop import stop_requests
from napari_unet.cli.training_options import (
    check_old,
    make_config,
    make_settings,
    open_start,
    reading,
    with_classes,
)
from napari_unet.cli.values import refuse_labels
from napari_unet.core.config import (
    AUGMENTATIONS,
    AnnotationKind,
    AugmentationName,
)
from napari_unet.core.errors import InputError
from napari_unet.core.presets import PresetName

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Iterator

    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.card import Card
    from napari_unet.core.workflow import Model, TrainProgress


@app.command()
def train(
    images: Images,
    labels: Labels,
    model: Annotated[
        Path | None,
        typer.Option(help="The model folder to write; not with --export-patches."),
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(help="Fine-tune this model (a folder or a name).")
    ] = None,
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
    annotation: Annotated[
        AnnotationKind | None,
        typer.Option(
            help="What the numbers (or colours) of the labels mean.",
            show_default="objects, or what the model to start from learned",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Names of the classes: background,cytoplasm,nucleus"),
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
        bool, typer.Option("--resume", help="Go on with the training in --model.")
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
    start = open_start(start_from, resume=resume)
    old = open_model(str(model)) if start is None and resume else start
    kind = choose_kind(annotation, labels, old, points=points)
    if kind == "values" and config_file is None:
        preset = preset or "denoise"
    base = read_settings(config_file, preset)
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
    )
    base, others = take_normalisation(settings or [], base)
    network, config = apply_settings(others, network, config)
    if (validation_images is None) != (validation_labels is None):
        raise InputError("--validation-images and --validation-labels go together.")
    check_planes(planes_as_channels, network)
    names, picked = read_names(classes), read_channels(channels)
    if old is not None:
        planes_as_channels = old.settings.planes_as_channels
        options = {
            "base_channels": base_channels,
            "levels": levels,
            "padding": padding,
        }
        check_old(old, network, options, config_file, settings or [], picked)
        check_same_normalisation(old, settings or [])
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
    examples = read(images, labels)
    if validation_images is not None and validation_labels is not None:
        examples += read(validation_images, validation_labels, role="validation")
    if annotation is None:
        refuse_labels(examples)
    examples, found = settle(examples, kind, names, old)
    start = with_classes(start, old, kind, found, config.seed)
    model_settings = make_settings(base, network, kind, found, names).replaced(
        channels=picked, planes_as_channels=planes_as_channels
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
        reading=reading(zero, split=split_components),
        device=device,
        resume=resume,
    )
    _train_into(model, steps, start, found, resume=resume, as_json=as_json)


def _train_into(
    folder: Path,
    steps: "Iterator[TrainProgress]",
    start: "Model | None",
    found: "ClassTable | None",
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Run a training and report it; a model that stands in its place is kept."""
    next(steps)  # everything given is checked before an older model is touched
    kept = None if resume else set_aside(folder, start)
    try:
        interrupted = _drive(steps)
    except BaseException:
        put_back(kept, folder)
        raise
    result, text = _summarise(folder)
    result["classes"] = None if found is None else class_rows(found)
    result["kept"] = None if kept is None else str(kept)
    if kept is not None:
        text += f"\nThe model that was there is now '{kept}'."
    report(result, text, as_json=as_json)
    if interrupted:
        raise typer.Exit(130)


def _drive(steps: "Iterator[TrainProgress]") -> bool:
    """Run a training with a progress bar; return whether it was interrupted.

    The first Ctrl-C (or a polite kill) stops after the current step, and the training
    saves itself; a second one stops at once.
    """
    from tqdm import tqdm

    with (
        stop_requests() as stopped,
        tqdm(total=100, desc="Prepare", unit="%", file=sys.stderr) as bar,
    ):
        bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        for progress in steps:
            bar.set_description_str(progress.phase.capitalize(), refresh=False)
            bar.n = round(100 * progress.fraction, 1)
            if progress.patch:
                bar.write(f"patches of {progress.patch}", file=sys.stderr)
            if progress.loss == progress.loss:
                bar.set_postfix_str(
                    f"iteration {progress.iteration}, loss {progress.loss:.4f}",
                    refresh=False,
                )
            if progress.validation is not None:
                bar.write(_say_validation(progress), file=sys.stderr)
            bar.refresh()
            if stopped:
                steps.close()  # type: ignore[attr-defined]
                bar.write("Stopped; the model is saved.", file=sys.stderr)
                return True
    return False


def _say_validation(progress: "TrainProgress") -> str:
    """Return one line about a validation."""
    from napari_unet.core.card import shown_scores

    if progress.validation is None:
        return ""
    scores = shown_scores(progress.validation.as_dict())
    said = ", ".join(f"{title} {value}" for title, value in scores.items())
    best = ", kept" if progress.is_best else ""
    return f"iteration {progress.iteration}: validation {said}{best}"


def _summarise(folder: Path) -> tuple[dict[str, Any], str]:
    """Return what the saved model says of itself."""
    from napari_unet.core.card import read_manifest, shown_scores

    manifest = read_manifest(folder)
    card: Card = manifest.card
    device, _, precision = card.device.partition(", ")
    result = {
        "model": str(folder),
        "iterations": card.iterations,
        "seconds": card.seconds,
        "loss": card.loss,
        "validation_before": card.scores_before,
        "validation": card.scores,
        "device": device,
        "precision": precision,
    }
    lines = [
        f"{folder}: {card.iterations} iterations in {card.seconds:.0f} s on {device} "
        f"({precision})"
    ]
    if card.scores is not None:
        kind = manifest.settings.annotation
        before = shown_scores(card.scores_before, kind) if card.scores_before else {}
        for title, value in shown_scores(card.scores, kind).items():
            was = f"{before[title]} → " if before else ""
            lines.append(f"validation {title}: {was}{value}")
        if by_class := say_class_scores(card.scores, manifest.settings):
            lines.append(by_class)
        elif card.scores.get("f1") == 0:
            lines.append("No object is found yet: train longer, or annotate more.")
    return result, "\n".join(lines)
