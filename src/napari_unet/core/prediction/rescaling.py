"""Between the pixels of an image and those of the model: factors, shapes, boxes."""

import math
from collections.abc import Sequence

from napari_unet.core.config import Averaging, ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, scale_to_model
from napari_unet.core.prediction.averaging import list_versions

Box = tuple[slice, ...]

# Rescaling may multiply the pixels of an image by this, which takes as many times as
# long; more is a wrong pixel size.
_MAX_GROWTH = 64
# And divide them by this, which costs nothing: each pixel is a mean of those it covers.
_MAX_SHRINKAGE = 1024
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
    factors = _factors(image, settings, scale)
    if not all(0 < factor < math.inf for factor in factors):
        raise InputError(f"A zoom of {scale} is no factor; give a number above 0.")
    if _is_proportionate(factors):
        return factors
    change = _say_growth(math.prod(factors))
    if scale is not None:
        raise InputError(
            f"A zoom of {scale:g} would make {change} of '{image.name}'. Take one "
            "nearer to 1."
        )
    raise InputError(
        f"'{image.name}' has pixels of {say_sizes(image.pixel_size_um)} µm, the model "
        f"of {say_sizes(settings.pixel_sizes_um)} µm: rescaling would make {change}. "
        "Correct the pixel size of the image; to segment it all the same, choose the "
        "zoom (on the command line: --scale 1; in the dock: Segment, More settings, "
        "Zoom)."
    )


def fits_pixel_size(image: Image, settings: ModelSettings) -> bool:
    """Tell whether an image can be brought to the pixel size of a model.

    It can where one of them is unknown; the pixel size of others is a mistake.
    """
    return _is_proportionate(_factors(image, settings, None))


def is_usual_pixel_size(image: Image, settings: ModelSettings) -> bool:
    """Tell whether a pixel size is to be believed, whatever the image shows.

    Pixels far smaller than those of the model may be those of a strong objective, and
    may be written in another unit: objects must say which.
    """
    change = math.prod(_factors(image, settings, None))
    return 1 / _MAX_GROWTH <= change <= _MAX_GROWTH


def limit_zoom(factor: float) -> float:
    """Return the nearest zoom of a plane that `choose_factors` does not refuse.

    Examples
    --------
    >>> limit_zoom(20), limit_zoom(0.1), limit_zoom(0.001)
    (8.0, 0.1, 0.03125)
    """
    return min(max(factor, 1 / math.sqrt(_MAX_SHRINKAGE)), math.sqrt(_MAX_GROWTH))


def _factors(
    image: Image, settings: ModelSettings, scale: float | None
) -> tuple[float, ...]:
    """Return what `choose_factors` does, unchecked."""
    if scale is None:
        return scale_to_model(image, settings.pixel_sizes_um, settings.zoom)
    factors = (float(scale),) * len(image.shape)
    if len(factors) > settings.network.dimensions:  # planes stay as many
        return (1.0, *factors[1:])
    return factors


def _is_proportionate(factors: Sequence[float]) -> bool:
    """Tell whether there will not be far more or far fewer pixels."""
    return 1 / _MAX_SHRINKAGE <= math.prod(factors) <= _MAX_GROWTH


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
            f"'{image.name}' has pixels of {say_sizes(image.pixel_size_um[-2:])} µm, "
            "and the model knows no pixel size to bring them to: an average over "
            f"'{averaging}' would distort what it turns. Choose '4 flips', or correct "
            "the pixel size of the image."
        )


def say_sizes(sizes: Sequence[float] | None) -> str:
    """Return pixel sizes as they are written; one if all are alike.

    Examples
    --------
    >>> say_sizes((0.5, 0.1, 0.1)), say_sizes((1000.0, 1000.0))
    ('0.5 × 0.1 × 0.1', '1,000')
    """
    values = list(dict.fromkeys(sizes or ()))
    return " × ".join(
        say_number(s) for s in (values if len(values) == 1 else sizes or ())
    )


def say_number(number: float) -> str:
    """Return a number above 0 with three digits, without powers of ten.

    Examples
    --------
    >>> say_number(1000.0), say_number(1234567), say_number(0.65), say_number(0.00001)
    ('1,000', '1,230,000', '0.65', '0.00001')
    """
    digits = max(0, 2 - math.floor(math.log10(number)))
    written = f"{float(f'{number:.3g}'):,.{digits}f}"
    return written.rstrip("0").rstrip(".") if digits else written


def say_length(length: float) -> str:
    """Return a length with two digits: '7.2', '56', '120'."""
    return f"{float(f'{length:.2g}'):g}"


def _say_growth(growth: float) -> str:
    """Return how many pixels one becomes."""
    if growth > 1:
        return f"{say_number(growth)} pixels of each"
    return f"one pixel of {say_number(1 / growth)}"
