"""What a network finds in a part of an image at one zoom."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.object_sizes import measure_diameters
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings
from napari_unet.core.image import Image, IntensityRange, resample
from napari_unet.core.look import find_content
from napari_unet.core.prediction.objects import find_objects
from napari_unet.core.prediction.predict import predict
from napari_unet.core.prediction.room import Room

# From so many objects on, their size says something.
ENOUGH = 3
# Mean probability in objects: from here on a network is sure of what it sees.
SURE = 0.72
# Smaller ones than this, in pixels of the model, are specks at any zoom.
_SPECK = 12
# The same for those narrower than this part of the objects that cover most.
_NARROW = 0.5
# So many planes of a stack are compared.
_PLANES = 5


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a network finds in a box of the image at one zoom, in its own pixels."""

    factor: float
    box: tuple[slice, slice]
    foreground: NDArray[np.float32]
    objects: int = 0
    diameter: float = math.nan
    confidence: float = 0.0

    @property
    def is_telling(self) -> bool:
        """Whether it was sure of enough objects."""
        return self.objects >= ENOUGH and self.confidence >= SURE

    def factor_for(self, diameter: float) -> float:
        """Return the zoom at which its objects have this diameter."""
        return self.factor * diameter / self.diameter


def look_at(
    image: Image,
    model: Model,
    room: Room,
    intensity: IntensityRange,
    factor: float,
    pixels: int,
) -> Look:
    """Find objects in the part of a plane that holds most, enlarged by a factor.

    Parameters
    ----------
    image : Image
        A plane (C, Y, X), with the channels that the model reads.
    model, room, intensity
        As of `probe_zoom`.
    factor : float
        By how much lengths grow.
    pixels : int
        Of the model: how large the part is.
    """
    edge = max(1, math.floor(math.sqrt(pixels) / factor))
    box = find_content(image.array, (edge, edge))
    part = image.array[(slice(None), *box)]
    shape = [max(1, round(length * factor)) for length in part.shape[1:]]
    foreground = np.zeros(shape, np.float32)
    grey = resample(part, shape)
    for tile in predict(model.network, grey, intensity, room.compute, room=room):
        foreground[tile.interior] = 1 - tile.probabilities[0]
    config = model.settings.objects.replaced(min_size=_SPECK)
    return _measure(foreground, find_objects(foreground, config), factor, box)


def _measure(
    foreground: NDArray[np.float32],
    labels: NDArray[np.integer],
    factor: float,
    box: tuple[slice, slice],
) -> Look:
    """Measure the objects that were found in foreground probabilities."""
    diameters = np.sort(measure_diameters(labels))
    if not len(diameters):
        return Look(factor, box, foreground)
    covered = np.cumsum(diameters**2)
    typical = diameters[np.searchsorted(covered, covered[-1] / 2)]
    whole = diameters[diameters >= _NARROW * typical]
    return Look(
        factor,
        box,
        foreground,
        len(whole),
        float(np.median(whole)),
        float(foreground[labels > 0].mean()),
    )


def most_contrast(image: Image) -> int:
    """Return the index of the plane of a stack with most contrast, of a few.

    Of all, where those few are constant.
    """
    planes = np.unique(np.linspace(0, image.shape[0] - 1, _PLANES + 2).astype(int))
    for tried in (planes[1:-1], range(image.shape[0])):
        spread = [float(image.array[:, z, ::8, ::8].std()) for z in tried]
        if any(spread):
            break
    return int(tried[int(np.argmax(spread))])


def known_diameter(settings: ModelSettings) -> float | None:
    """Return the diameter of the objects that a model knows, in its pixels.

    None where no zoom is looked for: see `propose_zoom`.
    """
    seen = settings.seen
    if seen is None or seen.diameters_px is None:
        return None
    if settings.annotation != "objects" or settings.network.dimensions == 3:
        return None
    return seen.diameters_px[1]
