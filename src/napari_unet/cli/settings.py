"""`--config FILE` and `--set NAME=VALUE`: any setting of network and training."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from napari_unet.cli.app import warn
from napari_unet.core.config import (
    AugmentationConfig,
    Config,
    NetworkConfig,
    SamplingConfig,
    TrainConfig,
    WeightMapConfig,
)
from napari_unet.core.errors import InputError
from napari_unet.core.presets import PRESETS, PresetName, TrainingSettings
from napari_unet.core.setting_errors import explain_setting, suggest

_PARTS: dict[str, type[Config]] = {
    "weight_map": WeightMapConfig,
    "sampling": SamplingConfig,
    "augmentation": AugmentationConfig,
}


# They follow from the images and their annotation, whatever a file says.
OF_IMAGES = ("in_channels", "classes")


def read_settings(file: Path | None, preset: PresetName | None) -> TrainingSettings:
    """Return the settings of a file, and the preset's where it is silent."""
    from napari_unet.formats.training_settings import read_training_settings

    if file is not None:
        return read_training_settings(file, preset)
    name: PresetName = preset or "fast"
    chosen = PRESETS[name].model_dump(exclude={"summary"})
    return TrainingSettings.model_validate(chosen | {"preset": name})


def config_fields(file: Path | None) -> dict[str, str]:
    """Return the fields of the network that a file names, and where they come from."""
    from napari_unet.formats.training_settings import given_network_fields

    if file is None:
        return {}
    fields = [name for name in given_network_fields(file) if name not in OF_IMAGES]
    return {name: f"{name} in --config" for name in fields}


def apply_settings(
    given: Sequence[str], network: NetworkConfig, training: TrainConfig
) -> tuple[NetworkConfig, TrainConfig]:
    """Return the settings with what was given on the command line; say a doubt.

    Parameters
    ----------
    given : sequence of str
        ``block=residual`` for a field of the network or of the training,
        ``weight_map.form=2019`` or ``augmentation.noise=2`` for one of their parts.
    network, training : NetworkConfig, TrainConfig
        Of the preset.

    Raises
    ------
    InputError
        If there is no such setting, or it cannot have this value.
    """
    of_network: dict[str, str] = {}
    of_training: dict[str, str] = {}
    parts: dict[str, dict[str, object]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        part, _, field = name.rpartition(".")
        if not equals:
            raise InputError(f"--set {text}: write NAME=VALUE, for example levels=3.")
        if name in OF_IMAGES:
            raise InputError(
                f"--set {text}: '{name}' follows from the images and labels; leave it "
                "out."
            )
        if name == "weight_map.form" and value == "2019":  # with its own ridge
            parts[part] = training.weight_map.in_form("2019").model_dump()
        elif part in _PARTS and field in _PARTS[part].model_fields:
            parts.setdefault(part, getattr(training, part).model_dump())[field] = value
        elif name in NetworkConfig.model_fields:
            of_network[name] = value
        elif name in TrainConfig.model_fields and name not in _PARTS:
            of_training[name] = value
        else:
            raise InputError(
                f"--set {text}: there is no setting '{name}'"
                f"{suggest(name, _list_names())}."
            )
    try:
        network = network.replaced(**of_network)
        training = training.replaced(**of_training, **parts)
    except ValidationError as error:
        is_network = error.title == NetworkConfig.__name__
        kind = NetworkConfig if is_network else TrainConfig
        name, said = explain_setting(error, kind)
        shown = f"{name}={error.errors()[0]['input']}: " if name else ""
        raise InputError(f"--set {shown}{said}.") from None
    if training.doubt:
        warn(training.doubt)
    return network, training


def network_fields(given: Sequence[str]) -> dict[str, str]:
    """Return the fields of the network among these settings, by which option."""
    names = (text.partition("=")[0] for text in given)
    return {n: f"--set {n}" for n in names if n in NetworkConfig.model_fields}


def _list_names() -> list[str]:
    return [
        *NetworkConfig.model_fields,
        *(field for field in TrainConfig.model_fields if field not in _PARTS),
        "normalisation",
        *(
            f"{part}.{field}"
            for part, kind in _PARTS.items()
            for field in kind.model_fields
        ),
    ]
