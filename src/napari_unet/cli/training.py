"""`train`: from images and labels to a model folder."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_unet.cli.app import Device, Images, Json, Labels, app, changed, report
from napari_unet.core.config import (
    PRESETS,
    AnnotationKind,
    ModelSettings,
    PresetName,
    TrainConfig,
)
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.card import Card
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Example, Model, TrainProgress


@app.command()
def train(
    images: Images,
    labels: Labels,
    model: Annotated[Path, typer.Option(help="The model folder to write.")],
    start_from: Annotated[
        str | None, typer.Option(help="Fine-tune this model (a folder or a name).")
    ] = None,
    preset: Annotated[PresetName, typer.Option(help="Network and settings.")] = "fast",
    iterations: Annotated[int | None, typer.Option(help="Optimizer steps.")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Time to train, validation included.")
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
        AnnotationKind, typer.Option(help="What the label numbers mean.")
    ] = "objects",
    split_components: Annotated[
        bool,
        typer.Option("--split-components", help="Pieces of a binary mask are objects."),
    ] = False,
    base_channels: Annotated[
        int | None, typer.Option(help="Channels of the first level.")
    ] = None,
    levels: Annotated[int | None, typer.Option(help="Poolings.")] = None,
    padding: Annotated[
        Literal["same", "valid"] | None, typer.Option(help="Of the convolutions.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Largest step size.")
    ] = None,
    device: Device = "auto",
    seed: Annotated[int | None, typer.Option(help="Of weights and patches.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in --model.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a model or fine-tune one; Ctrl-C saves what it has learned."""
    from napari_unet.core import workflow

    if iterations is not None and seconds is not None:
        raise InputError("Give either --iterations or --seconds, not both.")
    network = changed(
        PRESETS[preset].network,
        base_channels=base_channels,
        levels=levels,
        padding=padding,
    )
    config = _make_config(preset, iterations, seconds, learning_rate, seed)
    examples = _read_examples(
        images, labels, regions, ignore_label, split=split_components
    )
    if (validation_images is None) != (validation_labels is None):
        raise InputError("--validation-images and --validation-labels go together.")
    if validation_images is not None and validation_labels is not None:
        examples += _read_examples(
            validation_images,
            validation_labels,
            regions,
            ignore_label,
            split=split_components,
            role="validation",
        )
    start = None if start_from is None else open_model(start_from)
    settings = _make_settings(preset, network, annotation, examples)
    if start is not None or resume:
        _check_same_network(
            start or open_model(str(model)), base_channels, levels, padding
        )
    workflow.describe_device(device)  # refuses one that is not there
    steps = workflow.fine_tune(
        examples,
        model,
        config=config,
        start_from=start,
        settings=settings,
        preset=preset,
        device=device,
        resume=resume,
    )
    next(steps)  # everything given is checked before an older model is touched
    kept = None if resume else _set_aside(model, start)
    try:
        interrupted = _drive(steps)
    except BaseException:
        _put_back(kept, model)
        raise
    result, text = _summarise(model)
    result["kept"] = None if kept is None else str(kept)
    if kept is not None:
        text += f"\nThe model that was there is now '{kept}'."
    report(result, text, as_json=as_json)
    if interrupted:
        raise typer.Exit(130)


def _make_config(
    preset: PresetName,
    iterations: int | None,
    seconds: float | None,
    learning_rate: float | None,
    seed: int | None,
) -> TrainConfig:
    """Return the preset's settings with the options that were given."""
    config = PRESETS[preset].training
    if iterations is not None:
        config = changed(config.replaced(seconds=1.0), iterations=None)
        checked = {"iterations": iterations, "seconds": None}
        if iterations < 1:
            raise InputError(f"--iterations {iterations}: give at least 1.")
        config = config.replaced(**checked)
    return changed(config, seconds=seconds, learning_rate=learning_rate, seed=seed)


def _make_settings(
    preset: PresetName,
    network: Any,
    annotation: AnnotationKind,
    examples: "list[Example]",
) -> ModelSettings:
    """Return the settings of a new model; classes are counted in the annotations."""
    names: tuple[str, ...] = ("background", "object")
    if annotation == "classes":
        highest = max(
            int(e.annotation[e.annotation != e.ignore_label].max(initial=1))
            for e in examples
        )
        names = ("background", *(f"class {i}" for i in range(1, highest + 1)))
    return ModelSettings(
        network=changed(network, classes=len(names)),
        normalisation=PRESETS[preset].normalisation,
        annotation=annotation,
        class_names=names,
    )


def _read_examples(
    images: Path,
    labels: Path,
    regions: Path | None,
    ignore_label: int | None,
    *,
    split: bool,
    role: Literal["training", "validation"] = "training",
) -> "list[Example]":
    """Read pairs of files as annotated images."""
    from tqdm import tqdm

    from napari_unet.core.annotation.target import Example, Region, split_components
    from napari_unet.formats.geojson import read_regions
    from napari_unet.formats.images import pair_files, read_image, read_labels, stem_of

    examples = []
    pairs = pair_files(images, labels)
    for image, label in tqdm(pairs, desc="Read", unit="image", file=sys.stderr):
        annotation, picture = read_labels(label), read_image(image)
        check_same_scale(picture, label)
        if split:
            annotation = split_components(annotation)
        boxes: list[Any] = []
        file = None if regions is None else regions / f"{stem_of(image)}.geojson"
        if file is not None and file.exists():
            boxes = read_regions(file)
        examples.append(
            Example(
                image=picture,
                annotation=annotation,
                regions=tuple(Region(*box) for box in boxes),
                ignore_label=ignore_label,
                role=role,
            )
        )
    return examples


def open_model(name: str) -> "Model":
    """Load a model by its folder, or by its name in the user's models folder."""
    from napari_unet.core.card import models_folder
    from napari_unet.core.workflow import load_model

    known = models_folder() / name
    folder = Path(name)
    return load_model(known if not folder.exists() and known.exists() else folder)


def _set_aside(folder: Path, start: "Model | None") -> Path | None:
    """Rename the folder of another model that stands where the new one will be."""
    from napari_unet.core.card import SETTINGS_FILE

    continued = start is not None and start.folder is not None
    if continued and folder.exists() and folder.samefile(start.folder):  # type: ignore[union-attr,arg-type]
        return None
    if not (folder / SETTINGS_FILE).exists():
        return None
    number = 1
    while (kept := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    folder.rename(kept)
    return kept


def _put_back(kept: Path | None, folder: Path) -> None:
    """Undo `_set_aside` if no new model came into being."""
    from napari_unet.core.card import SETTINGS_FILE

    if kept is None or (folder / SETTINGS_FILE).exists():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if not folder.exists():
        kept.rename(folder)


def _check_same_network(
    model: "Model", base_channels: int | None, levels: int | None, padding: str | None
) -> None:
    """Refuse options that would ask for another network than the model's."""
    network = model.settings.network
    given = {"base_channels": base_channels, "levels": levels, "padding": padding}
    for name, value in given.items():
        if value is not None and value != getattr(network, name):
            option = "--" + name.replace("_", "-")
            raise InputError(
                f"{option} {value}: the model to start from has "
                f"{getattr(network, name)}. Leave {option} out, or train from scratch."
            )


def check_same_scale(image: "Image", labels: Path) -> None:
    """Refuse labels whose pixel size, where their file gives one, is not the image's.

    Raises
    ------
    InputError
        Naming both pixel sizes.
    """
    from napari_unet.formats.images import TIFF_SUFFIXES
    from napari_unet.formats.tiff import read_tiff

    if image.pixel_size_um is None or labels.suffix.lower() not in TIFF_SUFFIXES:
        return
    sizes = read_tiff(labels).sizes_um
    for axis, size in zip("YX", image.pixel_size_um[-2:], strict=True):
        if axis in sizes and abs(sizes[axis] / size - 1) > 0.02:
            raise InputError(
                f"The pixels of '{image.name}' measure {size:g} µm, those of its "
                f"labels {sizes[axis]:g} µm; labels must be painted on this image. "
                "Correct the pixel size of one of the files."
            )


def _drive(steps: "Iterator[TrainProgress]") -> bool:
    """Run a training with a progress bar; return whether it was interrupted.

    The first Ctrl-C (or a polite kill) stops after the current step, and the training
    saves itself; a second one stops at once.
    """
    from tqdm import tqdm

    with (
        _stop_requests() as stopped,
        tqdm(total=100, desc="Prepare", unit="%", file=sys.stderr) as bar,
    ):
        bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        for progress in steps:
            bar.set_description_str(progress.phase.capitalize(), refresh=False)
            bar.n = round(100 * progress.fraction, 1)
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
    scores = progress.validation
    if scores is None:
        return ""
    best = ", best so far" if progress.is_best else ""
    return (
        f"iteration {progress.iteration}: validation F1 {scores.f1:.3f}, "
        f"IoU {scores.iou:.3f}{best}"
    )


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list instead of breaking off."""
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, note) for number in signals]
    try:
        yield received
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _summarise(folder: Path) -> tuple[dict[str, Any], str]:
    """Return what the saved model says of itself."""
    from napari_unet.core.card import read_manifest

    card: Card = read_manifest(folder).card
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
        before = card.scores_before
        for name, title in (("f1", "F1"), ("iou", "IoU")):
            was = "" if before is None else f"{before[name]:.3f} → "
            lines.append(f"validation {title}: {was}{card.scores[name]:.3f}")
    return result, "\n".join(lines)
