"""What a training starts from, in the beginning and each time that it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model, copy_weights
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.device import Compute
from napari_unet.core.model_folders import is_starter
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.state import ORIGIN, Training, weights_in


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The model that a training started from.

    Parameters
    ----------
    name : str
        Of the model.
    weights : dict of str to Tensor, optional
        On the CPU; None in folders of earlier versions.
    place : str
        Its folder, where its name does not tell; else ''.
    new_classes : tuple of str
        Classes of the training that it does not know.
    """

    name: str
    weights: dict[str, Tensor] | None
    place: str = ""
    new_classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Model, folder: Path) -> "Origin":
        """Describe a model from which a training into `folder` starts now."""
        place = model.folder
        if place is None or is_starter(place) or place.resolve() == folder.resolve():
            place = None
        return cls(
            name=model.card.name,
            weights=copy_weights(model.network),
            place="" if place is None else str(place),
            new_classes=model.new_classes,
        )

    @classmethod
    def of_stopped(cls, card: Card, state: Mapping[str, Tensor]) -> "Origin | None":
        """Return what a training that goes on has started from; None from scratch."""
        if card.started_from is None:
            return None
        weights = weights_in(state, ORIGIN)
        return cls(card.started_from, weights, card.start_place, card.new_classes)


def begin(
    settings: ModelSettings,
    config: TrainConfig,
    compute: Compute,
    origin: Origin | None,
) -> Training:
    """Return a training before its first step: from a model, or from scratch.

    Parameters
    ----------
    settings : ModelSettings
        Of the model to be trained.
    config : TrainConfig
        How to train.
    compute : Compute
        Where.
    origin : Origin, optional
        What it starts from.
    """
    network = build_network(settings.network, seed=config.seed)
    weights = None if origin is None else origin.weights
    if weights is not None:
        network.load_state_dict(weights)
    training = Training(network, config, compute, origin=weights)
    if origin is not None:
        training.rate_factor = config.fine_tuning_rate
    return training
