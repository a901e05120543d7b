"""The settings of a training as JSON: the dock saves them, `train --config` reads.

The file holds ``preset``, ``network``, ``training`` and ``normalisation``. What it
leaves out is the preset's.
"""

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from napari_unet.core.errors import InputError
from napari_unet.core.presets import PRESETS, PresetName, TrainingSettings
from napari_unet.core.setting_errors import explain_setting
from napari_unet.formats.whole_file import write_whole

# A training has one end: a file that names one of them takes the preset's away.
_ENDS = ("iterations", "seconds")


def write_training_settings(path: Path | str, settings: TrainingSettings) -> None:
    """Write the settings of a training, all of them.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with write_whole(path) as unfinished:
        unfinished.write_text(settings.model_dump_json(indent=1), encoding="utf-8")


def read_training_settings(
    path: Path | str, preset: PresetName | None = None
) -> TrainingSettings:
    """Read the settings of a training.

    Parameters
    ----------
    path : Path or str
        A file that `write_training_settings` wrote, or a part of one.
    preset : str, optional
        What holds where the file is silent, by default the preset that it names, else
        ``fast``.

    Returns
    -------
    TrainingSettings

    Raises
    ------
    InputError
        If the file cannot be read, is no such file, or has a setting that there is not
        or a value that cannot be: which one.
    """
    content = _read(Path(path))
    named = content.get("preset", "fast")
    if named not in get_args(PresetName):
        raise InputError(
            f"'{path}' names the preset '{named}'; there are "
            f"{', '.join(get_args(PresetName))}."
        )
    base = preset or named
    known = PRESETS[base].model_dump(exclude={"summary"})
    given = content.get("training", {})
    if isinstance(given, dict) and any(given.get(end) is not None for end in _ENDS):
        known["training"] |= dict.fromkeys(_ENDS)
    try:
        return TrainingSettings.model_validate(
            _merge(known, content) | {"preset": base}
        )
    except ValidationError as error:
        name, said = explain_setting(error, TrainingSettings)
        value = error.errors()[0]["input"]
        shown = "" if isinstance(value, dict) else f" {json.dumps(value)}"
        raise InputError(
            f"'{path}', {name}{shown}: {said}. Correct the file."
        ) from None


def given_network_fields(path: Path | str) -> tuple[str, ...]:
    """Return the fields of the network that a file of settings names itself."""
    network = _read(Path(path)).get("network", {})
    return tuple(network) if isinstance(network, dict) else ()


def _read(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read ({error.strerror}); check the path."
        ) from error
    except ValueError as error:
        raise InputError(
            f"'{path}' is not JSON ({error}); name a file of settings that this "
            "program has saved."
        ) from error
    if not isinstance(content, dict):
        raise InputError(
            f"'{path}' holds a JSON {type(content).__name__}, not an object; name a "
            "file of settings that this program has saved."
        )
    return content


def _merge(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with what `more` says otherwise, part by part."""
    merged = dict(base)
    for name, value in more.items():
        old = base.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _merge(old, value)
        else:
            merged[name] = value
    return merged
