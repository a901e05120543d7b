"""The command that repeats a training: what a model folder tells of itself."""

from collections.abc import Sequence
from pathlib import Path

from napari_unet.core.annotation.merged_values import names_of_values
from napari_unet.core.annotation.target import Example
from napari_unet.core.card import REGIONS_FOLDER, TRAINING_FILE
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.training.pixel_size import pixel_size_options


def repeat_command(
    folder: Path,
    examples: Sequence[Example],
    settings: ModelSettings,
    config: TrainConfig,
    start_from: str | None = None,
    reading: Sequence[str] = (),
) -> str:
    """Return the command line that trains the same once more.

    Parameters
    ----------
    folder : Path
        The model folder, which holds the settings and the regions.
    examples : sequence of Example
        What the training saw. The command has placeholders in capitals for the folders
        that hold images and labels or targets: a viewer's layers have no files.
    settings : ModelSettings
        Of the model, with the pixel size it has come to.
    config : TrainConfig
        Its seed is repeated, for everybody to see.
    start_from : str, optional
        The model that the training started from.
    reading : sequence of str
        Options that say how labels were read from files.
    """
    held = [e for e in examples if e.role == "validation"]
    ignored = {
        e.ignore_label
        for e in examples
        if e.ignore_label is not None and (e.annotation == e.ignore_label).any()
    }
    labels = "TARGETS" if settings.annotation == "values" else "LABELS"
    words = [f"napari-unet train IMAGES {labels} --model NEW_MODEL"]
    words.append(f'--config "{folder / TRAINING_FILE}" --seed {config.seed}')
    if start_from is not None:
        words.append(f'--start-from "{start_from}"')
    else:  # files saved by a viewer may not know their pixel size: then it is asked for
        words += pixel_size_options(settings)
    if settings.annotation != "objects":
        words.append(f"--annotation {settings.annotation}")
    if settings.annotation == "classes":
        names = names_of_values(settings.class_names, settings.class_values)
        words.append(f'--classes "{",".join(names)}"')
    positions = [c for c in settings.channels if isinstance(c, int)]
    if positions:  # names are those of layers: files hold just these, in this order
        words.append(f"--channels {','.join(map(str, positions))}")
    if settings.planes_as_channels:
        words.append("--planes-as-channels")
    if any(e.regions for e in examples):
        words.append(f'--regions "{folder / REGIONS_FOLDER}"')
    if held:
        words.append(f"--validation-images IMAGES2 --validation-labels {labels}2")
    words += reading
    # Numbers change when labels are read; what was said of the files stands there.
    told = any(option.startswith(("--zero", "--ignore-label")) for option in reading)
    if len(ignored) == 1 and not told:
        words.append(f"--ignore-label {ignored.pop()}")
    return " ".join(words)
