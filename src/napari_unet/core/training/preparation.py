"""Everything a training draws from and is measured on, made from annotated images."""

from collections.abc import Sequence

import torch

from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.training.examples import (
    Prepared,
    prepare,
    prepare_training,
    split_validation,
)
from napari_unet.core.training.patches import PatchSampler
from napari_unet.core.training.state import Training
from napari_unet.core.training.validation import Validate, make_validation


def prepare_for(
    training: Training, examples: Sequence[Example], settings: ModelSettings
) -> tuple[PatchSampler, Validate | None]:
    """Return where patches come from, and what validates."""
    config, network = training.config, training.network
    to_train, to_validate = split_validation(examples)
    if not to_train:
        raise InputError(
            "All images or regions are for validation; leave at least one to train on."
        )
    sampler, prepared = make_sampler(
        to_train, config, settings, network.geometry, training.compute.device
    )
    if not to_validate:
        return sampler, None
    radius = config.point_radius
    held = [prepare(e, settings, point_radius=radius) for e in to_validate]
    validate = make_validation(held, network, settings, training.compute, prepared)
    return sampler, validate


def make_sampler(
    examples: Sequence[Example],
    config: TrainConfig,
    settings: ModelSettings,
    geometry: Geometry,
    device: torch.device,
) -> tuple[PatchSampler, list[Prepared]]:
    """Return where patches come from, and the examples at the model's pixel size."""
    prepared = [
        prepare(
            example,
            settings,
            separation_border=config.weight_map.separation_border,
            point_radius=config.point_radius,
        )
        for example in examples
    ]
    size = geometry.size_at_least(
        min(config.patch_size, _largest_useful(prepared, geometry))
    )
    sampler = PatchSampler(
        list(
            prepare_training(
                prepared,
                config.weight_map,
                settings.network.classes,
                device,
            )
        ),
        size=size,
        output_size=size - 2 * geometry.shrink,
        batch_size=config.batch_size,
        augmentation=config.augmentation,
        seed=config.seed,
    )
    return sampler, prepared


def _largest_useful(prepared: Sequence[Prepared], geometry: Geometry) -> int:
    """Return the longest edge of any image: a larger patch only shows mirrors."""
    longest = max(max(example.target.known.shape) for example in prepared)
    return int(longest) + 2 * geometry.shrink
