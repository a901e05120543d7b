"""The pixel size of a new model: as chosen, else as the images have it."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.prediction.rescaling import choose_factors


def choose_pixel_size(
    settings: ModelSettings, examples: Sequence[Example]
) -> tuple[float | None, float | None]:
    """Return the pixel size of a new model in the plane and along Z, in µm.

    What the settings name was chosen; the rest is `median_pixel_size`.
    """
    plane, depth = median_pixel_size(examples, settings.network.dimensions)
    return settings.pixel_size_um or plane, settings.pixel_size_z_um or depth


def complete_pixel_size(
    settings: ModelSettings, examples: Sequence[Example]
) -> ModelSettings:
    """Fill in the pixel sizes that were not chosen; check those that were.

    Parameters
    ----------
    settings : ModelSettings
        Of a new model; a pixel size in it was chosen.
    examples : sequence of Example
        By default the model has the median pixel size of their images, if all of them
        know theirs: with some unknown, rescaling the others would only do harm.

    Raises
    ------
    InputError
        If a size was chosen and that of an image is unknown or out of proportion.
    """
    chosen = settings.pixel_size_um, settings.pixel_size_z_um
    if chosen[1] and settings.network.dimensions == 2:
        raise InputError(
            f"A distance of planes of {chosen[1]:g} µm is for networks of volumes, and "
            "this one sees single planes. Leave it out, or choose 3 dimensions."
        )
    for example in examples if any(chosen) else ():
        if example.image.pixel_size_um is None:
            size = next(size for size in chosen if size is not None)
            raise InputError(
                f"The model shall have pixels of {size:g} µm, but the pixel size of "
                f"'{example.image.name}' is unknown. Say it (in the dock under Image "
                "and model; in Fiji under Image > Properties), or leave "
                "the model's to the images."
            )
    plane, depth = choose_pixel_size(settings, examples)
    settings = settings.replaced(pixel_size_um=plane, pixel_size_z_um=depth)
    for example in examples if any(chosen) else ():
        choose_factors(example.image, settings)
    return settings


def pixel_size_options(settings: ModelSettings) -> list[str]:
    """Return the options of `train` that choose the pixel size of the settings."""
    options = []
    if settings.pixel_size_um is not None:
        options.append(f"--pixel-size {settings.pixel_size_um:g}")
    if settings.pixel_size_z_um is not None:
        options.append(f"--pixel-size-z {settings.pixel_size_z_um:g}")
    return options


def median_pixel_size(
    examples: Sequence[Example], dimensions: int
) -> tuple[float | None, float | None]:
    """Return the median pixel size of images in the plane, and along Z.

    Parameters
    ----------
    examples : sequence of Example
        Annotated images.
    dimensions : int
        Of the network; with 2 there is none along Z.

    Returns
    -------
    plane, depth : float or None
        In µm; None unless that of every image is known: with some of unknown size,
        rescaling the others would only do harm.
    """
    plane = _median(examples, lambda sizes: math.sqrt(math.prod(sizes[-2:])))
    depth = _median(examples, lambda sizes: sizes[0]) if dimensions == 3 else None
    return plane, depth


def _median(
    examples: Sequence[Example], measure: Callable[[tuple[float, ...]], float]
) -> float | None:
    sizes = [example.image.pixel_size_um for example in examples]
    known = [measure(size) for size in sizes if size is not None]
    return round(float(np.median(known)), 6) if len(known) == len(sizes) else None
