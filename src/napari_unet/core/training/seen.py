"""What a model has seen, measured on the examples of its training."""

import math
from collections.abc import Sequence

import numpy as np

from napari_unet.core.annotation.object_sizes import measure_annotated
from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings, Seen
from napari_unet.core.image import measure_intensity
from napari_unet.core.look import measure_look
from napari_unet.core.prediction.rescaling import choose_factors, mean_factor

# Of the diameters of all objects, these percentiles are kept.
_KEPT = (5, 50, 95)
# Of fewer new objects than this, the middle says less than what the model knew before.
_ENOUGH = 5


def note_seen(settings: ModelSettings, examples: Sequence[Example]) -> ModelSettings:
    """Return the settings with what the model has seen once it is trained.

    What a model to go on from had seen still counts: ranges only grow. The middle
    diameter is that of the new objects, for images like these come next.

    Parameters
    ----------
    settings : ModelSettings
        Of the model that learns.
    examples : sequence of Example
        What it learns from.
    """
    before = settings.seen or Seen()
    diameters, objects = _join_diameters(before, _measure_all(examples, settings))
    sizes = [
        math.sqrt(math.prod(e.image.pixel_size_um[-2:]))
        for e in examples
        if e.image.pixel_size_um is not None
    ]
    looks = [_measure_look(each, settings) for each in _not_empty(examples)]
    seen = Seen(
        diameters_px=diameters,
        objects=objects,
        pixel_sizes_um=_span([*sizes, *(before.pixel_sizes_um or ())]),
        zoom=before.zoom,
        looks={
            name: span
            for name in looks[0]
            if (span := _span([*(x[name] for x in looks), *before.looks.get(name, ())]))
        },
    )
    return settings.replaced(seen=seen.model_dump())


def _not_empty(examples: Sequence[Example]) -> list[Example]:
    """Return those that show something, if any does.

    The grey values of an empty image are brought to the same range as those of others:
    what it looks like is noise, however good the image.
    """
    shown = [e for e in examples if e.points is not None or e.annotation.any()]
    return shown or list(examples)


def _measure_look(example: Example, settings: ModelSettings) -> dict[str, float]:
    """Measure what the network sees of an example."""
    intensity = measure_intensity(example.image, settings.normalisation)
    return measure_look(
        example.image, intensity, choose_factors(example.image, settings)
    )


def _measure_all(examples: Sequence[Example], settings: ModelSettings) -> np.ndarray:
    """Return the diameters of all objects in pixels of the model; of planes only."""
    if settings.annotation != "objects" or settings.network.dimensions == 3:
        return np.zeros(0)
    return np.concatenate(
        [measure_annotated(e) * mean_factor(e.image, settings) for e in examples]
    )


def _join_diameters(
    before: Seen, new: np.ndarray
) -> tuple[tuple[float, float, float] | None, int]:
    """Join diameters seen before and now; return them and the number of the new."""
    old = before.diameters_px
    if not len(new):
        return old, before.objects
    low, middle, high = (round(float(d), 2) for d in np.percentile(new, _KEPT))
    if old is not None:
        low, high = min(low, old[0]), max(high, old[2])
        middle = middle if len(new) >= _ENOUGH else old[1]
    return (low, middle, high), len(new)


def _span(numbers: Sequence[float]) -> tuple[float, float] | None:
    """Return the lowest and the highest, with four digits."""
    if not numbers:
        return None
    return float(f"{min(numbers):.4g}"), float(f"{max(numbers):.4g}")
