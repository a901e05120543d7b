"""Between the pixels of an image and those of the model: factors, shapes, boxes."""

import math
from collections.abc import Sequence

from napari_unet.core.config import Averaging, ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, scale_to_model
from napari_unet.core.prediction.averaging import list_versions

Box = tuple[slice, ...]

# Rescaling may multiply the pixels of an image by this; more is a wrong pixel size.
_MAX_GROWTH = 64
# By how much a pixel's edges may differ where it is turned by angles.
_SQUARE = 0.05


def choose_factors(
    image: Image,
    settings: ModelSettings,
    scale: float | None = None,
) -> tuple[float, ...]:
    """Return by how much each axis ([Z,] Y, X) grows on its way to the network.

    Parameters
    ----------
    image : Image
        A plane for a 2D network, or a volume for a 3D one.
    settings : ModelSettings
        Of the model: its pixel size, and its zoom for images of unknown pixel size.
    scale : float, optional
        The same factor for all axes, 1 for none; by default as the pixel sizes say.

    Raises
    ------
    InputError
        If the image would grow out of proportion or shrink to nothing.
    """
    if scale is None:
        factors = scale_to_model(image, settings.pixel_sizes_um, settings.zoom)
    else:
        factors = (float(scale),) * len(image.shape)
    if not all(0 < factor < math.inf for factor in factors):
        raise InputError(f"A zoom of {scale} is no factor; give a number above 0.")
    growth = math.prod(factors)
    if 1 / _MAX_GROWTH <= growth <= _MAX_GROWTH:
        return factors
    change = f"would change the number of pixels {growth:.3g}-fold"
    if scale is not None:
        raise InputError(
            f"A zoom of {scale:g} {change} of '{image.name}'. Take one nearer to 1."
        )
    raise InputError(
        f"'{image.name}' has pixels of {_say_size(image.pixel_size_um)} µm, the model "
        f"of {_say_size(settings.pixel_sizes_um)} µm: rescaling {change}. Correct the "
        "pixel size of the image, or use a model for this scale."
    )


def mean_factor(
    image: Image, settings: ModelSettings, scale: float | None = None
) -> float:
    """Return by how much lengths in the plane grow; the arguments of `choose_factors`.

    That is the geometric mean along Y and X.
    """
    vertical, horizontal = choose_factors(image, settings, scale)[-2:]
    if vertical == horizontal:
        return vertical
    return math.sqrt(vertical * horizontal)


def find_enlargement(
    image: Image, settings: ModelSettings, scale: float | None = None
) -> float:
    """Return how many times longer objects are than at the model's own zoom.

    So much the smallest object grows; 1 for volumes, and where objects are not learned.
    """
    if settings.network.dimensions == 3 or settings.annotation != "objects":
        return 1.0
    return settings.zoom / mean_factor(image, settings, scale)


def rescaled_shape(
    shape: Sequence[int], factors: Sequence[float]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the shape ([Z,] Y, X) that the network sees, and the exact factors to it.

    Examples
    --------
    >>> rescaled_shape((10, 3), (0.5, 0.5))
    ((5, 2), (0.5, 0.6666666666666666))
    """
    new = tuple(max(1, round(n * f)) for n, f in zip(shape, factors, strict=True))
    return new, tuple(n / old for n, old in zip(new, shape, strict=True))


def rescaled_box(box: Box, factors: Sequence[float], shape: Sequence[int]) -> Box:
    """Return the model's pixels under a box of the image, and two more on each side.

    Parameters
    ----------
    box : tuple of slice
        ([Z,] Y, X), in pixels of the image.
    factors : sequence of float
        Exact ones, of each axis; an axis with the factor 1 keeps its box.
    shape : sequence of int
        Of the rescaled image, which the result does not leave.
    """
    return tuple(
        part
        if factor == 1
        else slice(
            max(0, math.floor(part.start * factor) - 2),
            min(length, math.ceil(part.stop * factor) + 2),
        )
        for part, factor, length in zip(box, factors, shape, strict=True)
    )


def check_square(image: Image, factors: Sequence[float], averaging: Averaging) -> None:
    """Refuse to turn pixels by angles that are no squares to the network."""
    if image.pixel_size_um is None or not any(
        v.angle for v in list_versions(averaging)
    ):
        return
    height, width = (
        size / factor
        for size, factor in zip(image.pixel_size_um[-2:], factors[-2:], strict=True)
    )
    if abs(height / width - 1) > _SQUARE:
        raise InputError(
            f"'{image.name}' has pixels of {_say_size(image.pixel_size_um[-2:])} µm, "
            "and the model knows no pixel size to bring them to: an average over "
            f"'{averaging}' would distort what it turns. Choose '4 flips', or correct "
            "the pixel size of the image."
        )


def _say_size(sizes: Sequence[float] | None) -> str:
    """Return pixel sizes as they are written: '0.5 × 0.1 × 0.1'; one if all alike."""
    values = list(dict.fromkeys(sizes or ()))
    return " × ".join(f"{s:g}" for s in (values if len(values) == 1 else sizes or ()))
