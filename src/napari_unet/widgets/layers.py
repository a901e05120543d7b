"""The one place that reads and writes the viewer's layers; nothing below knows napari.

A layer made for an image remembers that image by its id, so renaming and reordering
layers harms nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer, Points
from qtpy.QtCore import QTimer

from napari_unet.core.errors import InputError
from napari_unet.core.frames import fold_times
from napari_unet.widgets.channel_layers import channel_names
from napari_unet.widgets.copies import copy_array, copy_channels
from napari_unet.widgets.frames import place_of, plane_at, times_of

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

    from napari_unet.core.image import Image
    from napari_unet.segmented import Box

LayerRole = Literal[
    "annotation",
    "regions",
    "points",
    "detections",
    "prediction",
    "probabilities",
    "class probability",
    "uncertainty",
    "disagreement",
    "preview",
    "image preview",
    "patches",
    "patch targets",
    "patch weights",
    "weight map",
    "separation border",
    "patch density",
    "distance map",
    "predicted image",
    "signed error",
    "errors",
    "differences",
]

# Painted with this number, a pixel is neither object nor background: it is unknown.
IGNORE_LABEL = int(np.iinfo(np.uint16).max)
_METADATA_KEY = "napari_unet"
_REFRESH_MSEC = 100
# Pixel sizes that differ by less are equal but for rounding.
_SAME_PIXEL_SIZE = 0.02


def find_layer(viewer: napari.Viewer, image: Layer, role: LayerRole) -> Any:
    """Return the topmost layer made for `image` in this role, or None."""
    return next(iter(find_layers(viewer, image, role)), None)


def find_layers(viewer: napari.Viewer, image: Layer, role: LayerRole) -> list[Any]:
    """Return all layers made for `image` in this role, the topmost first."""
    wanted = {"role": role, "image": image.unique_id}
    return [
        layer
        for layer in reversed(viewer.layers)
        if layer.metadata.get(_METADATA_KEY) == wanted
    ]


def is_made_here(layer: Layer) -> bool:
    """Tell whether a layer is a result of the docks, or an annotation for them."""
    return _METADATA_KEY in layer.metadata


def role_of(layer: Layer) -> LayerRole | None:
    """Return what a layer was made for by the docks; None for the user's own."""
    role: LayerRole | None = layer.metadata.get(_METADATA_KEY, {}).get("role")
    return role


def is_made_for(layer: Layer, image: Layer) -> bool:
    """Tell whether a layer was made by the docks for this image."""
    made: dict[str, Any] = layer.metadata.get(_METADATA_KEY, {})
    return bool(made.get("image") == image.unique_id)


def is_users_image(layer: Layer) -> bool:
    """Tell whether a layer is an image that was opened, not made by the docks."""
    return isinstance(layer, ImageLayer) and not is_made_here(layer)


def link_layer(layer: Layer, image: Layer, role: LayerRole) -> None:
    """Remember what `layer` is to `image`."""
    layer.metadata[_METADATA_KEY] = {"role": role, "image": image.unique_id}


def unlink_layer(layer: Layer) -> None:
    """Forget what a layer was made for: it is the user's own from now on."""
    layer.metadata.pop(_METADATA_KEY, None)


def copy_geometry(layer: Layer) -> dict[str, Any]:
    """Return everything that puts another layer's pixels exactly onto these."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def align_labels(layer: Labels | Points, image: ImageLayer) -> None:
    """Lay labels or points that know no pixel size onto an image.

    Raises
    ------
    InputError
        If they know one, and it is not the image's.
    """
    if pixel_size_um(layer) is None and (layer.scale == 1).all():
        for name, value in copy_geometry(image).items():
            setattr(layer, name, value)
    check_same_scale(layer, image)


def check_same_scale(layer: Layer, image: ImageLayer) -> None:
    """Refuse a layer whose pixels have another size than the image's.

    Raises
    ------
    InputError
        Naming both.
    """
    size, other = pixel_size_um(image), pixel_size_um(layer)
    if size is None or other is None:
        return
    if not np.allclose(size[-2:], other[-2:], rtol=_SAME_PIXEL_SIZE):
        raise InputError(
            f"The pixels of '{image.name}' measure {size[-2]:.4g} × {size[-1]:.4g} µm, "
            f"those of '{layer.name}' {other[-2]:.4g} × {other[-1]:.4g} µm; they "
            "belong to an image of the same pixel size. Correct the scale of one of "
            "the layers."
        )


def add_labels(
    viewer: napari.Viewer,
    image: ImageLayer,
    role: LayerRole,
    data: NDArray[Any] | None = None,
    **options: Any,
) -> Labels:
    """Add a labels layer that lies pixel on pixel on an image.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to.
    image : Image layer
        Gives shape and geometry.
    role : str
        What it is for; named "<image> <role>".
    data : ndarray of int, shape ([Z,] Y, X), optional
        Background everywhere by default, in uint16.
    **options
        Passed on to the layer, e.g. ``opacity``.
    """
    if data is None:
        data = np.zeros(spatial_shape(image), np.uint16)
    layer = Labels(data, name=f"{image.name} {role}", **copy_geometry(image), **options)
    link_layer(layer, image, role)
    viewer.add_layer(layer)
    return layer


def show_image(
    viewer: napari.Viewer,
    image: ImageLayer,
    role: LayerRole,
    data: NDArray[Any],
    **options: Any,
) -> ImageLayer:
    """Show an array of the image's shape, in the layer that already shows such, if any.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to.
    image : Image layer
        What the array belongs to.
    role : str
        What it is, e.g. "weight map".
    data : ndarray, shape ([Z,] Y, X)
        Shown, not copied.
    **options
        For a new layer, e.g. ``colormap``.
    """
    layer: ImageLayer | None = find_layer(viewer, image, role)
    if layer is None:
        return add_image(viewer, image, role, data, **options)
    layer.data = data
    return layer


def add_image(
    viewer: napari.Viewer,
    image: ImageLayer,
    role: LayerRole,
    data: NDArray[Any],
    **options: Any,
) -> ImageLayer:
    """Add an array of the image's shape; `options` go to the layer, e.g. ``name``."""
    options.setdefault("name", f"{image.name} {role}")
    layer = ImageLayer(data, **copy_geometry(image), **options)
    link_layer(layer, image, role)
    viewer.add_layer(layer)
    return layer


class LayerWriter:
    """Write results into a layer in place, refreshing the screen now and then.

    Writing goes to the layer object, and only while it is still in the viewer: it may
    be renamed, moved, edited or deleted meanwhile.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layer it is.
    layer : Labels or Image layer
        With a NumPy array.
    """

    def __init__(self, viewer: napari.Viewer, layer: Any) -> None:
        self.layer = layer
        self._viewer = viewer
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._refresh)

    @property
    def is_open(self) -> bool:
        """Whether the layer is still in the viewer."""
        return self.layer in self._viewer.layers

    def write(self, index: tuple[Any, ...], values: NDArray[Any]) -> None:
        """Put `values` at ``data[index]``; shown within a tenth of a second.

        Planes are counted through all time points.
        """
        if not self.is_open:
            return
        fold_times(self.layer.data)[index] = values  # a view of the layer's own array
        if not self._timer.isActive():
            self._timer.start(_REFRESH_MSEC)

    def close(self) -> None:
        """Show the last state, thumbnail included."""
        self._timer.stop()
        if self.is_open:
            self.layer.refresh()

    def _refresh(self) -> None:
        if self.is_open:
            self.layer.refresh(thumbnail=False, extent=False, highlight=False)


def spatial_shape(layer: ImageLayer) -> tuple[int, ...]:
    """Return ([Z,] Y, X) of an image layer at full resolution, without colours."""
    data = layer.data[0] if layer.multiscale else layer.data
    return tuple(data.shape[: layer.ndim])


def outline_of(layer: ImageLayer) -> Image:
    """Return an image of the shape, pixel size and name of a layer, without its pixels.

    Nothing is read or copied: one black pixel stands for all of them.
    """
    from napari_unet.core.image import Image

    black = np.broadcast_to(np.uint8(0), (1, *spatial_shape(layer)))
    return Image(black, pixel_size_um=pixel_size_um(layer), name=layer.name)


def image_of(layer: ImageLayer) -> Image:
    """Return a layer as the image the program works on.

    Parameters
    ----------
    layer : Image layer
        Grey (Y, X), colour (Y, X, 3), or a stack (Z, Y, X), where Z may be time, or
        (T, Z, Y, X).

    Returns
    -------
    Image
        (1, Y, X), (3, Y, X) or (1, Z, Y, X), see `Image.times`, with the pixel size in
        µm if known; with all its channels where several layers are the channels of one
        image.

    Raises
    ------
    InputError
        If the layer has more axes, or values that are not finite.
    """
    from napari_unet.core.image import Image

    if layer.ndim not in (2, 3, 4):
        raise InputError(
            f"'{layer.name}' has {layer.ndim} axes {spatial_shape(layer)}; two can be "
            "used, or three with slices or time, or four with both. Split the layer "
            "first: right-click it, Split Stack."
        )
    array = copy_channels(layer)
    planes = (-1,) if layer.ndim > 2 else ()
    return Image(
        array.reshape(len(array), *planes, *array.shape[-2:]),
        pixel_size_um=pixel_size_um(layer),
        name=layer.name,
        channel_names=channel_names(layer),
        times=times_of(layer),
    )


def labels_of(layer: Labels, plane: int | None = None) -> NDArray[Any]:
    """Return a copy of a labels layer's array at full resolution.

    All of it, ([[T,] Z,] Y, X), or one plane of a stack, (Y, X).
    """
    return copy_array(layer, place_of(layer, plane))


def pixel_size_um(layer: Layer) -> tuple[float, ...] | None:
    """Return a pixel's edges in µm, or None if Y or X is not given as a length.

    A first axis that is not a length, such as time, counts as 1: planes are never
    resampled along it. With time and depth both, only depth is named.
    """
    sizes = [
        float((abs(scale) * unit).to("micrometer").magnitude)
        if unit.is_compatible_with("micrometer")
        else None
        for scale, unit in zip(layer.scale, layer.units, strict=True)
    ]
    if None in sizes[-2:]:
        return None
    return tuple(1.0 if size is None else size for size in sizes[-3:])


def visible_box(layer: ImageLayer) -> Box:
    """Return the part of an image's (Y, X) plane that is on the screen, in pixels.

    The whole plane if the layer is not drawn yet, out of view, or shown in 3D.
    """
    shape = spatial_shape(layer)[-2:]
    level = layer.data_level if layer.multiscale else 0
    factors = layer.downsample_factors[level][-2:] if layer.multiscale else np.ones(2)
    corners = layer.corner_pixels[:, -2:]  # of the level shown; the last one included
    starts = np.clip(corners[0] * factors, 0, shape).astype(int)
    stops = np.clip(np.ceil((corners[1] + 1) * factors), 0, shape).astype(int)
    if (stops - starts <= 1).any():
        return slice(0, shape[0]), slice(0, shape[1])
    (top, left), (bottom, right) = starts.tolist(), stops.tolist()
    return slice(top, bottom), slice(left, right)


def is_on_screen(layer: ImageLayer) -> bool:
    """Tell whether any of an image's plane is on the screen, as far as was drawn."""
    corners = layer.corner_pixels[:, -2:]
    return bool((corners[1] > corners[0]).all())


def current_plane(viewer: napari.Viewer, layer: Layer) -> int | None:
    """Return the index of the slice on the screen, or None for a 2D layer."""
    # The layer's axes are the last ones of the viewer's.
    position = layer.world_to_data(viewer.dims.point[-layer.ndim :])
    return plane_at(layer, position)
