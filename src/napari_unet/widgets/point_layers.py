"""Points layers: objects that the user marks, and objects that a model detects."""

from __future__ import annotations

from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points as PointsLayer
from napari.utils.colormaps.standardize_color import transform_color

from napari_unet.core.annotation.points import DEFAULT_CLASS, Points, fold_points
from napari_unet.core.errors import InputError
from napari_unet.core.frames import fold_positions, unfold_positions
from napari_unet.widgets.frames import stack_shape
from napari_unet.widgets.layers import (
    align_labels,
    copy_geometry,
    find_layer,
    link_layer,
    spatial_shape,
    unlink_layer,
)
from napari_unet.widgets.prediction_layer import PredictionLayer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import napari
    from napari.layers import Image as ImageLayer

    from napari_unet.segmented import Segmented, TileLabels

# Okabe & Ito's colours, which the colour-blind tell apart, but for black.
CLASS_COLORS = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#CC79A7",
    "#D55E00",
    "#0072B2",
)
CLASS = "class"
_UNTOUCHED = "napari_unet_untouched"
# A point is drawn this large, in parts of the image's longer side, and so large at
# least, in pixels.
_SIZE, _LEAST_PX = 1 / 80, 4


def add_points(
    viewer: napari.Viewer, image: ImageLayer, points: Points | None = None
) -> PointsLayer:
    """Add the layer in which the user marks the objects of an image.

    The feature ``class`` says of which class each point is, and colours it. `points`
    have the axes of the image; there are none by default.
    """
    layer = PointsLayer(
        None if points is None else points.positions,
        ndim=image.ndim,
        name=f"{image.name} points",
        features={CLASS: np.array([] if points is None else points.names, object)},
        feature_defaults={CLASS: DEFAULT_CLASS},
        face_color_cycle=list(CLASS_COLORS),
        **_look(image),
    )
    link_layer(layer, image, "points")
    viewer.add_layer(layer)
    return layer


def adopt_points(layer: PointsLayer, image: ImageLayer) -> None:
    """Take a points layer of the user's, say from a file, as the marks of an image.

    One that knows no pixel size is laid onto the image; one that names no classes gets
    one for all.

    Raises
    ------
    InputError
        If it has other axes than the image, or another pixel size.
    """
    if layer.ndim != image.ndim:
        raise InputError(
            f"The points of '{layer.name}' have {layer.ndim} coordinates, the image "
            f"'{image.name}' {image.ndim} axes; choose points that were set on it."
        )
    align_labels(layer, image)
    if CLASS not in layer.features:
        names = np.full(len(layer.data), DEFAULT_CLASS, object)
        layer.features = {**layer.features, CLASS: names}
        layer.feature_defaults = {CLASS: DEFAULT_CLASS}
    layer.face_color = CLASS
    layer.face_color_cycle = list(CLASS_COLORS)
    link_layer(layer, image, "points")


def _look(image: ImageLayer) -> dict[str, Any]:
    """Return what a points layer over an image looks like, and where it lies."""
    longest = max(spatial_shape(image)[-2:])
    return {
        "face_color": CLASS,
        "border_color": "white",
        "border_width": 0.15,
        "size": max(_LEAST_PX, round(longest * _SIZE)),
        "opacity": 0.8,
        **copy_geometry(image),
    }


def classes_of(layer: PointsLayer) -> list[str]:
    """Return the class of each point of a layer; one for all where it names none."""
    if CLASS not in layer.features:
        return [DEFAULT_CLASS] * len(layer.data)
    return [str(name) for name in layer.features[CLASS]]


def set_class(layer: PointsLayer, name: str) -> None:
    """Give a class to the points set from now on, and to those picked by the arrow."""
    if layer.mode == "select" and layer.selected_data:
        features = layer.features.copy()
        features.loc[list(layer.selected_data), CLASS] = name
        layer.features = features
    else:
        # A point that was just set stays selected; it shall keep its class.
        layer.selected_data = set()
    layer.feature_defaults = {CLASS: name}
    layer.refresh_colors()


def points_of(layer: PointsLayer | None, image: ImageLayer) -> Points:
    """Return the points of a layer in pixels of the image.

    Parameters
    ----------
    layer : Points layer or None
        Its ``class`` feature names the classes.
    image : Image layer
        Gives the pixel grid.

    Returns
    -------
    Points
        ([Z,] Y, X), Z through all time points; none where there is no layer.
    """
    if layer is None or not len(layer.data):
        return Points(np.zeros((0, min(image.ndim, 3))), ())
    places = np.array([image.world_to_data(layer.data_to_world(p)) for p in layer.data])
    points = Points(places, tuple(classes_of(layer)))
    return fold_points(points, spatial_shape(image))


def take_over(detections: PointsLayer, points: PointsLayer) -> int:
    """Copy detected points into the user's, but for those that are there already.

    Returns
    -------
    int
        How many were added; within `DISTANCE` pixels of a point there is none to add.
    """
    from napari_unet.core.evaluation.detection import DISTANCE, match_points

    matched = match_points(detections.data, points.data, DISTANCE)
    new = np.ones(len(detections.data), bool)
    new[matched[:, 0]] = False
    names = [*classes_of(points), *np.array(classes_of(detections), object)[new]]
    default = points.feature_defaults.copy()
    points.data = np.concatenate([points.data, detections.data[new]])
    points.features = {CLASS: np.array(names, object)}
    points.feature_defaults = default
    points.refresh_colors()
    return int(new.sum())


def colours_of(points: PointsLayer | None, names: Sequence[str]) -> dict[str, Any]:
    """Return a colour for each class: that of the user's points where they have it."""
    known: dict[str, Any] = {}
    if points is not None:
        known = dict(zip(classes_of(points), points.face_color.tolist(), strict=True))
    taken = np.array(list(known.values())).reshape(-1, 4)
    free = [
        colour
        for colour in CLASS_COLORS
        if not np.isclose(taken, transform_color(colour), atol=0.01).all(axis=1).any()
    ]
    fresh = cycle(free or CLASS_COLORS)
    return {name: known[name] if name in known else next(fresh) for name in names}


class DetectionLayer:
    """Shows the points that a model has detected in one image layer.

    A layer that the user has edited, or deleted, is never written to again: a new layer
    takes the new result.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    image : Image layer
        What is looked at.
    """

    def __init__(self, viewer: napari.Viewer, image: ImageLayer) -> None:
        self._viewer, self.image = viewer, image
        self._maps = PredictionLayer(viewer, image)
        self.probabilities = self._maps.probabilities

    @property
    def layer(self) -> PointsLayer | None:
        """The layer, while it is in the viewer."""
        layer: PointsLayer | None = find_layer(self._viewer, self.image, "detections")
        return layer

    @property
    def image_is_open(self) -> bool:
        """Whether the image is still in the viewer."""
        return self.image in self._viewer.layers

    def start(self, planes: tuple[int, ...] | None) -> None:
        """Hide the preview of a training; points come when all tiles are done."""
        preview = find_layer(self._viewer, self.image, "preview")
        if preview is not None:
            preview.visible = False

    @property
    def shows_tiles(self) -> bool:
        """Whether tiles are seen: no points of them are."""
        return False

    def show_tile(self, tile: TileLabels) -> None:
        """Show its probabilities; points wait for the end, for tiles cut them."""
        self.probabilities.show_tile(tile)

    def give_back(self) -> bool:
        """Tell whether earlier points are there; nothing has changed them."""
        return self.layer is not None

    def show(self, segmented: Segmented) -> None:
        """Show the detected points of a part of the image; others stay as they are."""
        found = segmented.points
        if found is None or not self.image_is_open:
            return
        self.probabilities.show(segmented)
        names = [segmented.class_names[number] for number in found.classes]
        places, confidence = found.positions, found.confidence
        if self.image.ndim == 4:
            places = unfold_positions(places, stack_shape(self.image)[-1])
        old = self.layer
        if old is not None and old.metadata.get(_UNTOUCHED):
            before = old.data
            if self.image.ndim == 4:
                before = fold_positions(before, stack_shape(self.image)[-1])
            kept = ~_lies_in(before, segmented)
            places = np.concatenate([old.data[kept], places])
            names = [*old.features[CLASS][kept], *names]
            confidence = np.concatenate([old.features["confidence"][kept], confidence])
        elif old is not None:
            unlink_layer(old)
            old = None
        self._write(old, places, names, confidence, segmented.class_names[1:])

    def show_uncertainty(self, segmented: Segmented) -> None:
        """Show where the result is doubtful as an image layer."""
        self._maps.show_uncertainty(segmented)

    def _write(
        self,
        layer: PointsLayer | None,
        places: np.ndarray,
        names: list[str],
        confidence: np.ndarray,
        classes: Sequence[str],
    ) -> None:
        features = {CLASS: np.array(names, object), "confidence": confidence}
        users = find_layer(self._viewer, self.image, "points")
        if layer is None:
            selected = set(self._viewer.layers.selection)
            layer = PointsLayer(
                places,
                ndim=self.image.ndim,
                name=f"{self.image.name} detections",
                features=features,
                face_color_cycle=colours_of(users, classes),
                **_look(self.image),
            )
            link_layer(layer, self.image, "detections")
            layer.events.data.connect(_on_edited)
            self._viewer.add_layer(layer)
            # The user goes on with the layer they were working on.
            self._viewer.layers.selection = selected
        else:
            with layer.events.data.blocker(_on_edited):
                layer.data = places
            layer.features = features
            layer.face_color_cycle = colours_of(users, classes)
            layer.refresh_colors()
        layer.metadata[_UNTOUCHED] = True


def _on_edited(event: Any) -> None:
    event.source.metadata[_UNTOUCHED] = False


def _lies_in(places: np.ndarray, segmented: Segmented) -> np.ndarray:
    """Tell which points lie in the part of the image that was looked at."""
    inside = np.ones(len(places), bool)
    for axis, part in zip((-2, -1), segmented.box, strict=True):
        along = places[:, axis]
        inside &= (along >= part.start - 0.5) & (along < part.stop - 0.5)
    if segmented.planes is not None:
        inside &= np.isin(np.round(places[:, 0]), segmented.planes)
    return inside


def describe_points(segmented: Segmented) -> str:
    """Return how many points were found, by class if the model knows several."""
    numbers = [] if segmented.points is None else segmented.points.classes.tolist()
    counts = Counter(segmented.class_names[number] for number in numbers)
    total = sum(counts.values())
    text = f"{total} point" if total == 1 else f"{total:,} points"
    if len(segmented.class_names) > 2:
        text += ": " + ", ".join(
            f"{counts[n]:,} {n}" for n in segmented.class_names[1:]
        )
    if segmented.planes is None or segmented.volume:
        return text
    slices = len(segmented.planes)
    return f"{text}, in one slice" if slices == 1 else f"{text}, in {slices} slices"
