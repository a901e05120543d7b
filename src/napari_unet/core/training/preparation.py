"""Everything a training draws from and is measured on, made from annotated images."""

import math
from collections.abc import Sequence

import torch

from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.device import choose_compute
from napari_unet.core.errors import InputError
from napari_unet.core.memory import give_back, is_memory_shortage
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.training.apart import view_of
from napari_unet.core.training.examples import (
    Weigh,
    prepare,
    prepare_training,
)
from napari_unet.core.training.held_back import Split, split_validation, train_on_all
from napari_unet.core.training.patch_shape import fit_patch, output_shape
from napari_unet.core.training.patches import ChangePatch, PatchSampler
from napari_unet.core.training.prepared import Prepared
from napari_unet.core.training.state import Training
from napari_unet.core.training.validation import (
    Learning,
    Validate,
    make_validation,
)
from napari_unet.core.training.values import (
    make_value_validation,
    prepare_pair,
    weigh_alike,
)

# More patches than this many times those that were asked for are not drawn.
_MOST_PATCHES = 16


def split_for(
    examples: Sequence[Example], settings: ModelSettings, config: TrainConfig
) -> Split:
    """Return what a model trains on and what it is validated on.

    Where each image or region is left out later, it trains on all of them.
    """
    if config.leave_one_out:
        return train_on_all(examples), []
    kind = settings.annotation
    return split_validation(examples, kind, config.held_back, view_of(settings))


def prepare_for(
    training: Training,
    split: Split,
    settings: ModelSettings,
    change_patch: ChangePatch | None = None,
) -> tuple[PatchSampler, Validate | None]:
    """Return where patches come from, and what validates.

    Images that do not fit into a graphics card's memory make the training one for the
    processor.

    Parameters
    ----------
    training : Training
        Whose network and settings.
    split : list of Example, list of Example
        What to train on, and what to validate on.
    settings : ModelSettings
        Of the model.
    change_patch : callable, optional
        See `workflow.fine_tune`.

    Raises
    ------
    InputError
        If there is nothing to train on.
    """
    try:
        return _prepare_for(training, split, settings, change_patch)
    except (MemoryError, RuntimeError) as error:
        device = training.compute.device
        if not is_memory_shortage(error) or device.type == "cpu":
            raise
        give_back(error, device)
    training.move(choose_compute("cpu"))
    training.tell(
        "The graphics card has too little free memory for the images: the training "
        "runs on the processor, which is slower."
    )
    return _prepare_for(training, split, settings, change_patch)


def _prepare_for(
    training: Training,
    split: Split,
    settings: ModelSettings,
    change_patch: ChangePatch | None,
) -> tuple[PatchSampler, Validate | None]:
    config, network = training.config, training.network
    to_train, to_validate = split
    if not to_train:
        raise InputError(
            "All images or regions are for validation; leave at least one to train on."
        )
    sampler, prepared, weigh = _prepare_sampler(
        to_train,
        config,
        settings,
        network.geometries,
        training.compute.device,
        change_patch,
    )
    if not to_validate:
        return sampler, None
    radius = config.point_radius
    held = [prepare(e, settings, point_radius=radius) for e in to_validate]
    if settings.annotation == "values":
        return sampler, make_value_validation(
            to_validate, held, network, settings, training, config
        )
    border = config.weight_map.separation_border
    learned = [
        prepare(e, settings, separation_border=border, point_radius=radius)
        for e in to_validate
    ]
    learning = Learning(learned, weigh, config)
    validate = make_validation(held, network, settings, training, learning, prepared)
    return sampler, validate


def make_sampler(
    examples: Sequence[Example],
    config: TrainConfig,
    settings: ModelSettings,
    geometries: Sequence[Geometry],
    device: torch.device,
    change_patch: ChangePatch | None = None,
) -> tuple[PatchSampler, list[Prepared]]:
    """Return where patches come from, and the examples at the model's pixel size."""
    sampler, prepared, _ = _prepare_sampler(
        examples, config, settings, geometries, device, change_patch
    )
    return sampler, prepared


def _prepare_sampler(
    examples: Sequence[Example],
    config: TrainConfig,
    settings: ModelSettings,
    geometries: Sequence[Geometry],
    device: torch.device,
    change_patch: ChangePatch | None = None,
) -> tuple[PatchSampler, list[Prepared], Weigh]:
    """Do what `make_sampler` does; return what weighs other ground alike, too."""
    prepared = [
        prepare(
            example,
            settings,
            separation_border=config.weight_map.separation_border,
            point_radius=config.point_radius,
        )
        for example in examples
    ]
    shapes = [example.target.known.shape for example in prepared]
    size = fit_patch(config, geometries, shapes)
    if settings.annotation == "values":
        pairs = zip(examples, prepared, strict=True)
        images = [prepare_pair(e, p, settings, device) for e, p in pairs]
        weigh: Weigh = weigh_alike
    else:
        classes = settings.network.classes
        images, weigh = prepare_training(prepared, config.weight_map, classes, device)
    sampler = PatchSampler(
        images,
        size=size,
        output_size=output_shape(size, geometries),
        batch_size=_batch_size(size, config),
        augmentation=config.augmentation,
        sampling=config.sampling,
        seed=config.seed,
        change_patch=change_patch,
    )
    return sampler, prepared, weigh


def _batch_size(size: Sequence[int], config: TrainConfig) -> int:
    """Return how many patches of this shape show as much as those that were asked for.

    Images smaller than a patch would else give steps of so few pixels that their
    statistics (batch normalisation, the gradient) are mostly chance.
    """
    asked = config.patch_size**2 * (config.patch_depth if len(size) == 3 else 1)
    return config.batch_size * min(max(1, asked // math.prod(size)), _MOST_PATCHES)
