"""The layer of found, missed and false points: rings around them, coloured by kind."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points as PointsLayer
from napari.utils.colormaps.standardize_color import transform_color

from napari_unet.core.score_words import describe_found
from napari_unet.widgets.errors_layer import KINDS, write_legend
from napari_unet.widgets.layers import copy_geometry, find_layer, link_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from numpy.typing import NDArray

    from napari_unet.core.evaluation.detection import DetectionScores
    from napari_unet.core.evaluation.error_map import Verdict

# What may become of a point: it is found, missed or false.
_OF_POINTS = (1, 2, 3)
_ERROR = "error"
# The rings are this much wider than the points they are around.
_WIDER = 1.8


def show_point_errors(
    viewer: napari.Viewer, true: PointsLayer, verdicts: Sequence[Verdict]
) -> PointsLayer:
    """Put a ring around each point: true ones that were found or not, false ones.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to.
    true : Points layer
        Gives the geometry; places are in its pixels.
    verdicts : sequence of Verdict
        One for each point that counts.
    """
    places = np.array([v.centre for v in verdicts], float).reshape(-1, true.ndim)
    names = np.array([KINDS[v.kind][0] for v in verdicts], object)
    layer: PointsLayer | None = find_layer(viewer, true, "errors")
    if layer is None:
        sizes = np.asarray(true.size, float)
        size = sizes.mean() if sizes.size else true.current_size
        layer = PointsLayer(
            ndim=true.ndim,
            name=f"{true.name} errors",
            size=_WIDER * float(size),
            face_color="transparent",
            border_width=0.2,
            features={_ERROR: np.empty(0, object)},
            **copy_geometry(true),
        )
        link_layer(layer, true, "errors")
        viewer.add_layer(layer)
    layer.editable = True
    layer.data = places
    layer.features = {_ERROR: names}
    if len(places):
        layer.border_color = _colours(verdicts)
    layer.visible = True
    layer.editable = False  # to be looked at; one corrects the points themselves
    return layer


def _colours(verdicts: Sequence[Verdict]) -> NDArray[Any]:
    """Return the colour of each verdict, (N, 4)."""
    colours: NDArray[Any] = transform_color([KINDS[v.kind][1] for v in verdicts])
    return colours


def describe_point_counts(verdicts: Sequence[Verdict], scores: DetectionScores) -> str:
    """Say what was found, and how many of each kind, as the legend of the layer."""
    counts = Counter(int(v.kind) for v in verdicts)
    legend = write_legend({kind: str(counts[kind]) for kind in _OF_POINTS}, KINDS)
    found = describe_found(scores.as_dict(), "points").capitalize()
    return f"<b>{found}</b><br>{legend}"
