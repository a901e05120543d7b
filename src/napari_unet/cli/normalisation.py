"""`--set normalisation=…`: neither of the network nor of its training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from napari_unet.core.config import Normalisation
from napari_unet.core.errors import InputError
from napari_unet.core.presets import TrainingSettings

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.workflow import Model

_NAME = "normalisation"


def take_normalisation(
    given: Sequence[str], base: TrainingSettings
) -> tuple[TrainingSettings, list[str]]:
    """Return the settings with the normalisation given, and what else was given.

    Parameters
    ----------
    given : sequence of str
        As for `apply_settings`.
    base : TrainingSettings
        Of a preset or a file.

    Raises
    ------
    InputError
        If there is no such normalisation.
    """
    others = []
    for text in given:
        name, equals, value = text.partition("=")
        if name != _NAME or not equals:
            others.append(text)
        elif value not in get_args(Normalisation):
            choices = ", ".join(f"'{choice}'" for choice in get_args(Normalisation))
            raise InputError(f"--set {text}: it must be one of {choices}.")
        else:
            base = base.replaced(normalisation=value)
    return base, others


def check_same_normalisation(model: "Model", given: Sequence[str]) -> None:
    """Refuse another normalisation than that of the model to go on with."""
    has = model.settings.normalisation
    for text in given:
        name, _, value = text.partition("=")
        if name == _NAME and value != has:
            raise InputError(
                f"--set {text}: the model to start from has {has}. Leave it out, or "
                "train from scratch."
            )
