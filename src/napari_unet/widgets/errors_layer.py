"""The layers of errors: their colours, their names, and the way to each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils import Colormap, DirectLabelColormap

from napari_unet.core.score_words import describe_found
from napari_unet.widgets.frames import place_of
from napari_unet.widgets.layers import add_labels, find_layer, role_of, show_image

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels, Layer
    from numpy.typing import NDArray

    from napari_unet.core.evaluation.error_map import ErrorMap
    from napari_unet.core.evaluation.scores import Scores
    from napari_unet.widgets.layers import LayerRole

# Value in the layer: name, colour of Okabe & Ito, and what it means.
KINDS = {
    1: ("found", "#009E73", "A true object that was found"),
    2: ("missed", "#D55E00", "A true object that was not found"),
    3: ("false", "#56B4E9", "A predicted object where there is none"),
    4: ("split", "#F0E442", "A true object that was cut into several"),
    5: ("merged", "#CC79A7", "True objects that were taken for one"),
}
# The same for pixels, in a comparison of classes.
DIFFERENCES = {
    1: ("agree", "#009E73", "The class is right"),
    2: ("false", "#56B4E9", "A predicted class where there is background"),
    3: ("missed", "#D55E00", "Predicted background where there is a class"),
    4: ("confused", "#CC79A7", "Another class than the true one"),
}
_ROLES: tuple[LayerRole, ...] = ("errors", "differences")
# Of grey values: sky blue and vermillion of Okabe & Ito, black where they are right.
_DARK, _BRIGHT = "#56B4E9", "#D55E00"
_SIGNED = Colormap([_DARK, "#000000", _BRIGHT], name="dark to bright")
# Single pixels that are far off would leave nothing of the others to be seen.
_LARGEST_ERROR = 99.5
# What is right is painted fainter than what is wrong: half as opaque.
_FAINT = "80"
# Errors are looked at this large, in screen pixels per pixel at least.
_ZOOM = 2.0


def show_errors(viewer: napari.Viewer, true: Labels, errors: ErrorMap) -> Labels:
    """Paint the errors in a layer over the true labels, named and coloured by kind."""
    return _paint(viewer, true, "errors", errors.kinds, KINDS)


def show_differences(
    viewer: napari.Viewer, true: Labels, differences: NDArray[np.uint8]
) -> Labels:
    """Paint where classes differ in a layer over the true ones."""
    return _paint(viewer, true, "differences", differences, DIFFERENCES)


def show_signed_error(
    viewer: napari.Viewer, true: ImageLayer, error: NDArray[np.float32]
) -> ImageLayer:
    """Show predicted minus true grey values over the true image, 0 in the middle."""
    layer = show_image(
        viewer, true, "signed error", error, colormap=_SIGNED, blending="translucent"
    )
    largest = max(float(np.percentile(np.abs(error), _LARGEST_ERROR)), 1e-6)
    layer.contrast_limits_range = (-largest, largest)
    layer.contrast_limits = (-largest, largest)
    layer.visible = True
    return layer


def is_verdict(layer: Layer) -> bool:
    """Tell whether a layer shows the result of a comparison: no labels of its own."""
    return role_of(layer) in _ROLES


def _paint(
    viewer: napari.Viewer,
    true: Labels,
    role: LayerRole,
    data: NDArray[np.uint8],
    kinds: dict[int, tuple[str, str, str]],
) -> Labels:
    data = data.reshape(true.data.shape)  # with time, if the labels have it
    for other in _ROLES:
        layer = find_layer(viewer, true, other)
        if layer is not None and other != role:
            layer.visible = False  # one result on top of another tells nothing
    old: Labels | None = find_layer(viewer, true, role)
    if old is not None and old.data.shape == data.shape:
        old.data = data
        old.visible = True
        return old
    colours: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    colours |= {value: colour for value, (_, colour, _) in kinds.items()}
    colours[1] += _FAINT
    names = [name for name, _, _ in kinds.values()]
    layer = add_labels(
        viewer,
        true,
        role,
        data,
        colormap=DirectLabelColormap(color_dict=colours),
        # Shown in napari's status bar under the mouse.
        features={role.removesuffix("s"): ["", *names]},
        opacity=0.7,
    )
    layer.editable = False  # to be looked at; one paints in the annotation
    return layer


def describe_counts(errors: ErrorMap, scores: Scores) -> str:
    """Say what was found, and how many of each kind, as the legend of the layer."""
    counts = {int(kind): str(count) for kind, count in errors.counts.items()}
    found = describe_found(scores.as_dict()).capitalize()
    return f"<b>{found}</b><br>{write_legend(counts, KINDS)}"


def describe_differences(differences: NDArray[np.uint8]) -> str:
    """Return how many pixels of each kind there are, as the legend of the layer."""
    pixels = np.bincount(differences.ravel(), minlength=max(DIFFERENCES) + 1)
    counts = {kind: f"{int(pixels[kind]):,} px" for kind in DIFFERENCES}
    return write_legend(counts, DIFFERENCES)


def describe_signed_error() -> str:
    """Return the legend of the layer of signed errors."""
    colours = {"too dark": _DARK, "too bright": _BRIGHT}
    return " &nbsp; ".join(
        f"<span style='color:{colour}'>■</span>&nbsp;predicted {name}"
        for name, colour in colours.items()
    )


def write_legend(counts: dict[int, str], kinds: dict[int, tuple[str, str, str]]) -> str:
    """Return counts beside the colours and the names of their kinds, as rich text."""
    parts = [
        f"<span style='color:{kinds[kind][1]}'>■</span>&nbsp;{kinds[kind][0]}&nbsp;"
        f"<b>{count}</b>"
        for kind, count in counts.items()
    ]
    return " &nbsp; ".join(parts)


def go_to(viewer: napari.Viewer, layer: Layer, position: tuple[float, ...]) -> None:
    """Bring a place of a layer, in its pixels, to the middle of the canvas.

    Its plane may be counted through all time points.
    """
    if layer.ndim == 4 and len(position) == 3:
        position = (*place_of(layer, round(position[0])), *position[1:])
    world = np.asarray(layer.data_to_world(position))
    axes = range(viewer.dims.ndim - layer.ndim, viewer.dims.ndim)
    viewer.dims.set_point(list(axes), world.tolist())
    shown = [world[a - axes.start] for a in viewer.dims.displayed if a >= axes.start]
    viewer.scene.camera.center = (0.0, *shown)[-3:]
    finest = float(np.min(np.abs(layer.scale)))
    viewer.scene.camera.zoom = max(viewer.scene.camera.zoom, _ZOOM / finest)
