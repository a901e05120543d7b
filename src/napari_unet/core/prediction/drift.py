"""What to say of an image that is unlike all that a model has seen."""

import math
from collections.abc import Mapping

from napari_unet.core.config import ModelSettings
from napari_unet.core.image import Image, IntensityRange, measure_intensity
from napari_unet.core.look import (
    measure_ground,
    measure_look,
)
from napari_unet.core.prediction.rescaling import (
    choose_factors,
    limit_zoom,
    mean_factor,
    say_number,
)

# How far below and above what was seen a number of `measure_look` may lie; what that
# warns of is measured in docs/family.md.
_TOLERANCE = {
    "level": (0.4, 0.4),
    "depth": (0.12, 0.12),
    "skew": (0.15, math.inf),
    "noise": (math.inf, 0.6),
    "grain": (math.inf, 0.3),
    "clipped": (math.inf, 0.03),
    "values": (2.0, math.inf),
}
# Where one image alone was seen, others of its kind may lie further away.
_OF_ONE = 1.5
# Less noise than this harms nobody; so many grey values are enough.
_HARMLESS_NOISE, _ENOUGH_VALUES = -1.7, 5.0
# What stands out is large in itself at too large a zoom: then it can be judged at this
# part of it.
_SMALLER = 0.4
# Pixels may be so many times larger or smaller than all that were seen.
_SIZE = 2.0
_WORDS = {
    ("level", False): "its ground is darker",
    ("level", True): "its ground is brighter",
    ("depth", False): "nothing in it is darker than its ground",
    ("depth", True): "much in it is darker than its ground",
    ("skew", False): "what stands out is dark rather than bright",
    ("zoom", True): "at this zoom its structures are larger",
    ("noise", True): "it is noisier",
    ("grain", True): "its structures are finer",
    ("clipped", True): "more of it is overexposed",
    ("values", False): "it has fewer grey values",
}

_DARK, _LARGE = ("skew", False), ("zoom", True)


def find_unlike(
    image: Image,
    settings: ModelSettings,
    *,
    scale: float | None = None,
    intensity: IntensityRange | None = None,
) -> list[str]:
    """Return in what an image differs from all that a model has seen; often nothing.

    Parameters
    ----------
    image : Image
        A plane or a stack, with the channels that the model reads.
    settings : ModelSettings
        Of the model.
    scale : float, optional
        As of `segment`.
    intensity : IntensityRange, optional
        Of the whole image, if it was measured before.

    Returns
    -------
    list of str
        'it is noisier', and so on.
    """
    seen = settings.seen
    if seen is None:
        return []
    found = []
    if seen.looks:
        look = _look_at(image, settings, scale, intensity)
        outside = _outside(look, seen.looks)
        if _DARK in outside and not _is_dark(image, settings, scale, intensity):
            # Zoom comes first: what it changes says nothing about the image.
            outside = [_LARGE]
        found += [_WORDS[each] for each in outside]
    return found + _doubt_pixel_size(image, settings)


def rate_ground(image: Image, settings: ModelSettings) -> float:
    """Return how far the ground of an image is from all that a model has seen.

    How dark it is, and how much is darker still, tell one kind of microscope from
    another, at any zoom; 1 for each is as far as a warning. 0 is among those seen, also
    where nothing is known. The arguments are those of `find_unlike`.
    """
    if settings.seen is None or not settings.seen.looks:
        return 0.0
    intensity = measure_intensity(image, settings.normalisation)
    ground = measure_ground(_one_plane(image), intensity)
    return sum(_distance(name, ground[name], settings) for name in ("level", "depth"))


def _distance(name: str, number: float, settings: ModelSettings) -> float:
    """Return how far a number lies from all that were seen; 1 is worth a warning."""
    looks = settings.seen.looks if settings.seen else {}
    if name not in looks:
        return 0.0
    low, high = looks[name]
    return max(0.0, low - number, number - high) / _TOLERANCE[name][1]


def _is_dark(
    image: Image,
    settings: ModelSettings,
    scale: float | None,
    intensity: IntensityRange | None,
) -> bool:
    """Tell whether what stands out is dark at a smaller zoom, too."""
    looks = settings.seen.looks if settings.seen else {}
    flat = image if settings.network.dimensions == 3 else _one_plane(image)
    smaller = limit_zoom(_SMALLER * mean_factor(flat, settings, scale))
    return _DARK in _outside(_look_at(image, settings, smaller, intensity), looks)


def _look_at(
    image: Image,
    settings: ModelSettings,
    scale: float | None,
    intensity: IntensityRange | None = None,
) -> dict[str, float]:
    """Measure what the network sees of an image."""
    intensity = intensity or measure_intensity(image, settings.normalisation)
    flat = image if settings.network.dimensions == 3 else _one_plane(image)
    return measure_look(flat, intensity, choose_factors(flat, settings, scale))


def describe_drift(
    image: Image,
    settings: ModelSettings,
    *,
    scale: float | None = None,
    intensity: IntensityRange | None = None,
) -> str:
    """Return a sentence on an image unlike all that a model has seen; else nothing.

    The arguments are those of `find_unlike`.
    """
    found = find_unlike(image, settings, scale=scale, intensity=intensity)
    if not found:
        return ""
    *others, last = found
    listed = f"{', '.join(others)} and {last}" if others else last
    remedy = (
        "if it is poor, annotate a few objects in it and fine-tune the model, or take "
        "another one"
    )
    if _WORDS[_LARGE] in found:
        remedy = (
            "if it is poor, choose a smaller zoom or the automatic one (on the command "
            "line: --scale; in the dock: Zoom, under Segment, More settings)"
        )
    return (
        f"it is unlike the images that the model has seen: {listed}. Look closely at "
        f"the result; {remedy}."
    )


def _outside(
    look: Mapping[str, float], seen: Mapping[str, tuple[float, float]]
) -> list[tuple[str, bool]]:
    """Return which numbers lie outside what was seen, and whether above it."""
    outside = []
    for name, (low, high) in seen.items():
        below, above = _TOLERANCE.get(name, (math.inf, math.inf))
        more = _OF_ONE if low == high else 1.0
        if look[name] < low - more * below:
            outside.append((name, False))
        if look[name] > high + more * above:
            outside.append((name, True))
    if look["noise"] < _HARMLESS_NOISE:
        outside = [each for each in outside if each[0] != "noise"]
    if look["values"] > _ENOUGH_VALUES:
        outside = [each for each in outside if each[0] != "values"]
    return outside


def _doubt_pixel_size(image: Image, settings: ModelSettings) -> list[str]:
    """Say where pixels are far larger or smaller than all that were seen."""
    sizes = settings.seen.pixel_sizes_um if settings.seen else None
    if sizes is None or image.pixel_size_um is None:
        return []
    size = math.sqrt(math.prod(image.pixel_size_um[-2:]))
    if sizes[0] / _SIZE <= size <= sizes[1] * _SIZE:
        return []
    those = say_number(sizes[0])
    if sizes[1] > sizes[0]:
        those += f" to {say_number(sizes[1])}"
    return [f"its pixels are of {say_number(size)} µm, those of {those} µm"]


def _one_plane(image: Image) -> Image:
    """Return the middle plane of a stack; a plane itself."""
    if len(image.shape) == 2:
        return image
    return image.plane(image.shape[0] // 2)
