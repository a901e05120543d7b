"""What `train` was given, checked and turned into settings."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_unet.cli.app import changed, warn
from napari_unet.cli.classes import (
    check_same_channels,
    check_same_classes,
    start_with_classes,
)
from napari_unet.cli.model_folder import check_same_network, open_model
from napari_unet.cli.settings import (
    OF_IMAGES,
    config_fields,
    network_fields,
    read_settings,
)
from napari_unet.core.config import (
    AnnotationKind,
    ModelSettings,
    NetworkConfig,
    TrainConfig,
)
from napari_unet.core.errors import InputError
from napari_unet.core.presets import PRESETS, PresetName, TrainingSettings

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.workflow import Model


StartFrom = Annotated[
    str | None,
    typer.Option(help="Fine-tune this model: a folder or a name, e.g. nuclei."),
]
Unpainted = Annotated[
    Literal["auto", "background", "unknown"] | None,
    typer.Option(
        help="What unpainted ground means where no region says it: unknown beyond "
        "the surroundings of painted objects, where the model finds more objects "
        "than are painted; or one of both, whatever it finds.",
        show_default="auto",
    ),
]

# So many differences of a network are named.
_SHOWN = 4


def open_start(name: str | None, *, resume: bool) -> "Model | None":
    """Open the model to start from, if any; a resumed one has its own."""
    if name is not None and resume:
        raise InputError(
            "--resume goes on with the training in --model; --start-from begins a new "
            "one. Give one of them."
        )
    return None if name is None else open_model(name)


def choose_base(
    config_file: Path | None,
    preset: PresetName | None,
    old: "Model | None",
    *,
    resume: bool,
) -> TrainingSettings:
    """Return the settings that options are laid upon: of a file or of a preset.

    A training that goes on has its own, its end included.
    """
    is_told = config_file is not None or preset is not None
    if not resume or is_told or old is None or old.card.training is None:
        return read_settings(config_file, preset)
    named = old.card.preset
    return TrainingSettings(
        preset=named if named in PRESETS else "fast",
        network=old.settings.network,
        training=old.card.training,
        normalisation=old.settings.normalisation,
    )


def say_what_stays(
    old: "Model",
    base: TrainingSettings,
    network: NetworkConfig,
    preset: PresetName | None,
    config_file: Path | None,
) -> None:
    """Say that the model keeps its network, where preset or file would have another."""
    if preset is None and config_file is None:
        return
    kept = old.settings
    pairs = [
        (name, getattr(kept.network, name), getattr(network, name))
        for name in NetworkConfig.model_fields
        if name not in OF_IMAGES
    ]
    pairs.append(("normalisation", kept.normalisation, base.normalisation))
    others = [f"{name} {a} instead of {b}" for name, a, b in pairs if a != b]
    if not others:
        return
    shown = ", ".join(others[:_SHOWN]) + (", …" if len(others) > _SHOWN else "")
    source = f"--preset {base.preset}" if preset is not None else "--config"
    warn(
        f"{source} sets only how to train: the model to go on with keeps its network "
        f"({shown})."
    )


def say_end(old: "Model", config: TrainConfig, *, resume: bool) -> None:
    """Say from where to where a training goes, if it is resumed."""
    if not resume:
        return
    card = old.card
    end = (
        f"{config.seconds:g} seconds"
        if config.iterations is None
        else f"{config.iterations} iterations"
    )
    warn(
        f"going on after {card.iterations} iterations and {card.seconds:.0f} seconds, "
        f"to {end} in all."
    )


def check_old_planes(old: "Model", planes_as_channels: bool) -> None:
    """Refuse to make channels of planes where the model does not."""
    if planes_as_channels and not old.settings.planes_as_channels:
        raise InputError(
            "--planes-as-channels: the model to start from takes planes one by one. "
            "Leave it out, or train from scratch."
        )


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
    *,
    seconds: float | None = None,
    **options: object,
) -> TrainConfig:
    """Return the settings with the options that were given."""
    if seconds is not None:  # whatever end the settings had
        config = config.replaced(seconds=1.0, iterations=None)
        config = changed(config, seconds=seconds)
    if iterations is not None:
        config = config.replaced(iterations=1, seconds=None)
        config = changed(config, iterations=iterations)
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


def choose_pixel_size(
    base: TrainingSettings,
    old: "Model | None",
    plane: float | None,
    depth: float | None,
) -> dict[str, float | None]:
    """Return the pixel sizes of a new model; refuse to change those of an old one."""
    given = {"--pixel-size": plane, "--pixel-size-z": depth}
    for option, value in given.items():
        if value is None:
            continue
        if not 0 < value < math.inf:
            raise InputError(f"{option} {value:g}: give a length in µm, above 0.")
        if old is not None:
            raise InputError(
                f"{option} {value:g}: the model to go on with has a pixel size of its "
                f"own. Leave {option} out, or train from scratch."
            )
    return {
        "pixel_size_um": plane or base.pixel_size_um,
        "pixel_size_z_um": depth or base.pixel_size_z_um,
    }
