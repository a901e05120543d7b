"""Values of a part of an image, shown in their place over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.widgets.layers import LayerRole, find_layer, show_image

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_unet.segmented import Box


def show_overlay(
    viewer: napari.Viewer,
    image: ImageLayer,
    role: LayerRole,
    values: NDArray[Any],
    *,
    plane: int | None = None,
    box: Box | None = None,
    **options: Any,
) -> ImageLayer:
    """Show values over the part of an image that they belong to.

    The layer holds these values only, whatever the size of the image. A new layer lies
    directly on the image, below what was painted on it; the active layer stays active,
    so that one can go on painting.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to.
    image : Image layer
        What the values belong to.
    role : str
        What they are.
    values : ndarray, shape (Y, X)
        Shown, not copied. Of a whole stack, (Z, Y, X).
    plane : int, optional
        Which plane of a stack; None for a 2D image, and for a whole stack.
    box : tuple of two slices, optional
        Which part of the plane, in pixels; all of it by default.
    **options
        For a new layer, e.g. ``colormap``.
    """
    is_new = find_layer(viewer, image, role) is None
    active = viewer.layers.selection.active
    data = values if plane is None else values[np.newaxis]
    layer = show_image(viewer, image, role, data, **options)
    corner = (0,) * values.ndim if box is None else (box[0].start, box[1].start)
    _move(layer, image, corner if plane is None else (plane, *corner))
    if is_new:
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)
        viewer.layers.selection.active = active
    return layer


def _move(layer: ImageLayer, image: ImageLayer, corner: tuple[int, ...]) -> None:
    """Put the first pixel of `layer` onto the pixel `corner` of `image`."""
    # A world point is affine(translate + linear(pixel)); at pixel 0 only this is left.
    translate = image.affine.inverse(image.data_to_world(corner))
    if not np.allclose(layer.translate, translate):
        layer.translate = translate
