"""What a segmentation will take, told before it starts; may load torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.core.errors import InputError, in_dock
from napari_unet.priority import leave_room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_unet.core.config import (
        Averaging,
        DeviceChoice,
        ModelSettings,
        NetworkConfig,
        PredictionConfig,
        TrainConfig,
    )
    from napari_unet.core.image import Image
    from napari_unet.core.prediction.rescaling import Box


def describe_plan(
    image: Image,
    settings: ModelSettings,
    how: PredictionConfig,
    *,
    box: Box | None,
    planes: Sequence[int] | None,
    averaging: Averaging,
    device: DeviceChoice,
    zoom: float | None = None,
) -> str:
    """Return size, tiles and memory in words, or why it cannot be.

    Parameters
    ----------
    image : Image
        Only its shape, pixel size and name count.
    settings : ModelSettings
        Of the model.
    how : PredictionConfig
        Tile and zoom.
    box, planes, averaging, device
        As of `core.workflow.segment`.
    zoom : float, optional
        What was found for this image, if the zoom is left to the program.
    """
    from napari_unet.core.device import choose_compute, free_bytes
    from napari_unet.core.prediction.plan import plan_prediction
    from napari_unet.core.prediction.rescaling import fits_pixel_size, say_sizes
    from napari_unet.core.prediction.tiling import largest_interior
    from napari_unet.core.prediction.zoomed_look import known_diameter

    leave_room()
    known = known_diameter(settings) is not None
    if known and not how.scale and not fits_pixel_size(image, settings):
        size = say_sizes(image.pixel_size_um)
        return (
            f"Its pixel size of {size} µm cannot be: the zoom is found by how large "
            "its objects are."
        )
    try:
        where = choose_compute(device).device
        plan = plan_prediction(
            image,
            settings,
            box=box,
            planes=planes,
            tile=how.tile or None,
            scale=how.scale or zoom,
            averaging=averaging,
            memory=free_bytes(where),
            largest=largest_interior(where.type),
        )
    except InputError as error:
        return in_dock(str(error))
    return begin_sentence(plan.describe())


def begin_sentence(words: str) -> str:
    """Return words with a capital letter."""
    return words[:1].upper() + words[1:]


def describe_step(
    network: NetworkConfig, config: TrainConfig, device: DeviceChoice
) -> str:
    """Return how much memory a training step will take, in words.

    Parameters
    ----------
    network : NetworkConfig
        That learns.
    config : TrainConfig
        Patches, batch and optimizer.
    device : str
        Where to compute.
    """
    from napari_unet.core.device import choose_compute, free_bytes
    from napari_unet.core.network.geometry import Geometry
    from napari_unet.core.prediction.plan import say_bytes
    from napari_unet.core.training.patch_shape import fit_patch
    from napari_unet.core.training.step_memory import STEP_SHARE, estimate_step

    leave_room()
    try:
        compute = choose_compute(device)
    except InputError as error:
        return in_dock(str(error))
    memory = estimate_step(
        network,
        config,
        fit_patch(config, Geometry.of_axes(network)),
        config.batch_size,
        precision=compute.precision,
    )
    free = say_bytes(free_bytes(compute.device, 1))
    said = f"A step takes {memory.describe()} of memory; {free} are free."
    if memory.total > free_bytes(compute.device, STEP_SHARE):
        said += " The training will begin with less at a time."
    return said
