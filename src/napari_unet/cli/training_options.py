"""What `train` was given, checked and turned into settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_unet.cli.app import changed, warn
from napari_unet.cli.classes import (
    check_same_channels,
    check_same_classes,
    start_with_classes,
)
from napari_unet.cli.model_folder import check_same_network, open_model
from napari_unet.cli.settings import config_fields, network_fields
from napari_unet.core.config import (
    AnnotationKind,
    ModelSettings,
    NetworkConfig,
    TrainConfig,
)
from napari_unet.core.errors import InputError
from napari_unet.core.presets import TrainingSettings

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.workflow import Model


def open_start(name: str | None, *, resume: bool) -> "Model | None":
    """Open the model to start from, if any; a resumed one has its own."""
    if name is not None and resume:
        raise InputError(
            "--resume goes on with the training in --model; --start-from begins a new "
            "one. Give one of them."
        )
    return None if name is None else open_model(name)


def reading(zero: str, ignore_label: int | None, *, split: bool) -> list[str]:
    """Return the options by which labels were read, for the command that repeats it."""
    options = {
        "--zero ignore": zero == "ignore",
        f"--ignore-label {ignore_label}": ignore_label is not None,
        "--split-components": split,
    }
    return [option for option, given in options.items() if given]


def make_config(
    config: TrainConfig,
    iterations: int | None,
    weights_form: Literal["2015", "2019"] | None,
    **options: object,
) -> TrainConfig:
    """Return the settings with the options that were given."""
    if iterations is not None:
        config = changed(config.replaced(seconds=1.0), iterations=None)
        checked = {"iterations": iterations, "seconds": None}
        if iterations < 1:
            raise InputError(f"--iterations {iterations}: give at least 1.")
        config = config.replaced(**checked)
    if weights_form is not None:
        weight_map = config.weight_map.in_form(weights_form)
        config = config.replaced(weight_map=weight_map.model_dump())
    return changed(config, **options)


def check_old(
    old: "Model",
    network: NetworkConfig,
    options: Mapping[str, object],
    config_file: Path | None,
    settings: Sequence[str],
    channels: Sequence[int],
) -> None:
    """Refuse options that contradict the model to go on with."""
    check_same_channels(old, channels)
    given = {
        name: "--" + name.replace("_", "-")
        for name, value in options.items()
        if value is not None
    }
    given = config_fields(config_file) | given | network_fields(settings)
    check_same_network(old, network, given)


def with_classes(
    start: "Model | None",
    old: "Model | None",
    kind: AnnotationKind,
    found: "ClassTable | None",
    seed: int,
) -> "Model | None":
    """Return the model to start from with the classes found; a resumed one has them."""
    if start is not None:
        return start_with_classes(start, kind, found, seed)
    if old is not None:
        check_same_classes(old, found)
    return None


def make_settings(
    base: TrainingSettings,
    network: NetworkConfig,
    kind: AnnotationKind,
    found: "ClassTable | None",
    names: Sequence[str],
) -> ModelSettings:
    """Return the settings of a new model, with the classes found if it learns some."""
    if (network.head == "regression") != (kind == "values"):
        raise InputError(
            f"A network with the head '{network.head}' does not learn {kind}: "
            "--annotation values goes with the preset 'denoise' or with --set "
            "head=regression --set loss=mse, and with nothing else."
        )
    if network.norm == "instance":
        warn(
            "Instance normalisation depends on the tile: results change with the size "
            "of the tiles and show seams."
        )
    names = found.names if found else names or ("background", "object")
    return ModelSettings(
        network=changed(network, classes=len(names)),
        normalisation=base.normalisation,
        annotation=kind,
        class_names=tuple(names),
        class_values=found.class_values if found else (),
    )
