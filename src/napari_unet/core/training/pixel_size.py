"""The pixel size of a new model: that of the images it learns from."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from napari_unet.core.annotation.target import Example


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
