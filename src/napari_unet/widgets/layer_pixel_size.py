"""Give an image the pixel size that its file did not say, and all that lies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.widgets.channel_layers import channels_of
from napari_unet.widgets.layers import is_made_for

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Layer


def set_pixel_size(
    viewer: napari.Viewer,
    image: ImageLayer,
    plane_um: float,
    depth_um: float | None = None,
) -> None:
    """Set the pixel size of an image, its channels, and the layers made for it.

    Where a layer begins is given in the same units: it is scaled along. The canvas then
    shows all of the image.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are meant.
    image : Image layer
        Of two or three axes.
    plane_um : float
        Edge of a pixel along Y and X, µm.
    depth_um : float, optional
        Distance of planes, µm; by default the first axis stays as it is.
    """
    together = channels_of(image)
    for layer in viewer.layers:
        if layer in together or any(is_made_for(layer, part) for part in together):
            _set(layer, plane_um, depth_um)
    viewer.reset_view()  # the same pixels now lie elsewhere


def _set(layer: Layer, plane_um: float, depth_um: float | None) -> None:
    """Change scale, units and translation of one layer."""
    scale: Any = np.array(layer.scale, float)
    units = [str(unit) for unit in layer.units]
    old = scale.copy()
    scale[-2:] = np.sign(scale[-2:]) * plane_um
    units[-2:] = ["micrometer"] * 2
    if depth_um is not None and len(scale) > 2:
        scale[-3] = np.sign(scale[-3]) * depth_um
        units[-3] = "micrometer"
    translate = np.array(layer.translate) * scale / old
    layer.units = units
    layer.scale = scale
    layer.translate = translate
