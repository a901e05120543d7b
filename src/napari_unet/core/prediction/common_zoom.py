"""One zoom for all images of a kind, from looks at a few of them."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from napari_unet.core.config import ModelSettings
from napari_unet.core.prediction.rescaling import limit_zoom, say_length, say_sizes
from napari_unet.core.prediction.zoom import SAME, Zoom
from napari_unet.core.prediction.zoomed_look import known_diameter

# At a zoom so many times too large or small hardly any object is found; nearer than
# that, one zoom for all lets results be compared.
_APART = 2.5


def is_of_its_own(zoom: Zoom, agreed: Zoom) -> bool:
    """Tell whether an image is surely no other of those that a zoom was agreed for.

    Its objects are so much larger or smaller that hardly any would be found.
    """
    return zoom.is_telling and not 1 / _APART < zoom.factor / agreed.factor < _APART


def agree_on(zooms: Sequence[Zoom], settings: ModelSettings) -> Zoom:
    """Return the zoom for all images of one pixel size, so that they can be compared.

    Parameters
    ----------
    zooms : sequence of Zoom
        What `propose_zoom` says of some of them, at least one.
    settings : ModelSettings
        Of the model.

    Returns
    -------
    Zoom
        At which the objects of the middle one, of those that the model was sure of, are
        as large as it knows them; the model's own if that is near, or it was sure of
        none. Known pixel sizes stay, and what most say of them is said.
    """
    telling = [zoom for zoom in zooms if zoom.is_telling and zoom.diameter_px]
    known = known_diameter(settings)
    if not telling or known is None:
        return replace(zooms[0], glimpse=None)
    if all(zoom.scale is None for zoom in telling):
        doubting = sorted(telling, key=lambda zoom: bool(zoom.said))
        return replace(doubting[len(telling) // 2], glimpse=None)
    across = statistics.median(zoom.diameter_px or 0.0 for zoom in telling)
    factor = limit_zoom(float(f"{known / across:.3g}"))
    if 1 / SAME < factor / settings.zoom < SAME:
        factor = settings.zoom
    ignored = telling[0].ignored_um
    misfit = (
        f"their pixel size of {say_sizes(ignored)} µm does not fit their objects: "
        if ignored
        else ""
    )
    return Zoom(
        factor,
        factor,
        across,
        sum(zoom.objects for zoom in telling),
        statistics.fmean(zoom.confidence for zoom in telling),
        f"{misfit}zoom {factor:g}, because their objects are about "
        f"{say_length(across)} px across, by a look at {len(zooms)} of them, and the "
        f"model was made for {say_length(known)} px",
        ignored_um=ignored,
    )
