"""The layer of errors: their colours, their names, and the way to each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils import DirectLabelColormap

from napari_unet.widgets.layers import add_labels, find_layer

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels

    from napari_unet.core.evaluation.error_map import ErrorMap

# Value in the layer: name, colour of Okabe & Ito, and what it means.
KINDS = {
    1: ("found", "#009E73", "A true object that was found"),
    2: ("missed", "#D55E00", "A true object that was not found"),
    3: ("false", "#56B4E9", "A predicted object where there is none"),
    4: ("split", "#F0E442", "A true object that was cut into several"),
    5: ("merged", "#CC79A7", "True objects that were taken for one"),
}
# What is right is painted fainter than what is wrong: half as opaque.
_FAINT = "80"
# Errors are looked at this large, in screen pixels per pixel at least.
_ZOOM = 2.0


def show_errors(viewer: napari.Viewer, true: Labels, errors: ErrorMap) -> Labels:
    """Paint the errors in a layer over the true labels, named and coloured by kind."""
    old = find_layer(viewer, true, "errors")
    if old is not None and old.data.shape == errors.kinds.shape:
        old.data = errors.kinds
        old.visible = True
        return old
    colours: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    colours |= {value: colour for value, (_, colour, _) in KINDS.items()}
    colours[1] += _FAINT
    layer = add_labels(
        viewer,
        true,
        "errors",
        errors.kinds,
        colormap=DirectLabelColormap(color_dict=colours),
        # Shown in napari's status bar under the mouse.
        features={"error": ["", *(name for name, _, _ in KINDS.values())]},
        opacity=0.7,
    )
    layer.editable = False  # to be looked at; one paints in the annotation
    return layer


def describe_counts(errors: ErrorMap) -> str:
    """Return how many objects of each kind there are, as the legend of the layer."""
    parts = [
        f"<span style='color:{KINDS[kind][1]}'>■</span>&nbsp;{KINDS[kind][0]}&nbsp;"
        f"<b>{count}</b>"
        for kind, count in errors.counts.items()
    ]
    return " &nbsp; ".join(parts)


def go_to(viewer: napari.Viewer, layer: Labels, position: tuple[float, ...]) -> None:
    """Bring a place of a layer, in its pixels, to the middle of the canvas."""
    world = np.asarray(layer.data_to_world(position))
    axes = range(viewer.dims.ndim - layer.ndim, viewer.dims.ndim)
    viewer.dims.set_point(list(axes), world.tolist())
    shown = [world[a - axes.start] for a in viewer.dims.displayed if a >= axes.start]
    viewer.scene.camera.center = (0.0, *shown)[-3:]
    finest = float(np.min(np.abs(layer.scale)))
    viewer.scene.camera.zoom = max(viewer.scene.camera.zoom, _ZOOM / finest)
