"""How images of unknown pixel size are zoomed for a model that knows its objects."""

from collections.abc import Sequence

import numpy as np

from napari_unet.core.annotation.object_sizes import measure_annotated
from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings
from napari_unet.core.prediction.rescaling import choose_factors

# Up to this ratio, objects are as large as those that the model knows: it has learned
# with random zooms, and an image that is not resampled keeps all its detail.
_ALIKE = 1.25


def fit_zoom(
    settings: ModelSettings, examples: Sequence[Example]
) -> tuple[ModelSettings, str]:
    """Zoom images of unknown pixel size so that objects look as the model knows them.

    All images of a training get the same zoom, that of the median object: afterwards,
    images nobody has annotated are segmented at this zoom, without a guess. Where some
    show larger objects than others, the network learns that they come in both sizes.

    Parameters
    ----------
    settings : ModelSettings
        Of the model to go on from.
    examples : sequence of Example
        Annotated images.

    Returns
    -------
    settings : ModelSettings
        With the zoom, and the smallest object as much larger; the same where pixel
        sizes say how to rescale, the model knows no diameters of objects, or the zoom
        it has fits.
    said : str
        A sentence about a new zoom; else nothing.
    """
    seen = settings.seen
    if seen is None or seen.diameters_px is None or settings.annotation != "objects":
        return settings, ""
    unknown = [e for e in examples if not _is_size_known(e, settings)]
    if not unknown or settings.network.dimensions == 3:
        return settings, ""
    found = float(np.median(np.concatenate([measure_annotated(e) for e in unknown])))
    made_for = seen.diameters_px[1]
    zoom = made_for / found
    if 1 / _ALIKE <= zoom / seen.zoom <= _ALIKE:
        return settings, ""
    zoom = float(f"{zoom:.3g}")
    fitted = settings.replaced(
        seen=seen.replaced(zoom=zoom).model_dump(),
        objects=settings.objects.enlarged(seen.zoom / zoom).model_dump(),
    )
    for example in unknown:
        choose_factors(example.image, fitted)
    return fitted, (
        f"Images are zoomed by {zoom:g} before the network: their objects are about "
        f"{found:.0f} px across, those of the model it starts from {made_for:.0f} px."
    )


def _is_size_known(example: Example, settings: ModelSettings) -> bool:
    """Tell whether the pixel sizes of image and model say how to rescale."""
    sizes = example.image.pixel_size_um, settings.pixel_sizes_um
    return None not in sizes
