"""The labels layer that a segmentation fills, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from napari_unet.core.frames import fold_times
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.class_colors import show_classes, show_objects
from napari_unet.widgets.layers import (
    LayerRole,
    LayerWriter,
    add_labels,
    find_layer,
    find_layers,
    show_image,
    spatial_shape,
    unlink_layer,
)
from napari_unet.widgets.probability_layers import ProbabilityLayers

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_unet.segmented import Segmented, TileLabels


_UNTOUCHED = "napari_unet_untouched"
# Planes that show a finished segmentation; that of a 2D image is 0.
_FINISHED = "napari_unet_finished"
_RESULTS: tuple[LayerRole, ...] = (
    "prediction",
    "detections",
    "predicted image",
    "probabilities",
    "class probability",
)
# From which segmentation each prediction is; whoever shows it keeps it.
_shown: WeakKeyDictionary[Labels, ref[Segmented]] = WeakKeyDictionary()
# Of a scale to 1, which only versions certain of different classes reach.
_MUCH_DISAGREEMENT = 0.3


class PredictionLayer:
    """Shows one segmentation, running or finished, of one image layer.

    A prediction that the user has painted on, or deleted, is never written to again: a
    new layer takes the new result.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    image : Image layer
        What is segmented.
    """

    def __init__(self, viewer: napari.Viewer, image: ImageLayer) -> None:
        self._viewer, self.image = viewer, image
        self.probabilities = ProbabilityLayers(viewer, image)
        self._writer: LayerWriter | None = None
        self._next_number = 0
        self._last: tuple[Any, ...] = ()
        self._planes: tuple[int, ...] | None = None
        self._first_number = 0
        # What the planes being segmented showed before, if that was finished.
        self._earlier: tuple[tuple[int, ...], NDArray[Any]] | None = None

    @property
    def layer(self) -> Labels | None:
        """The layer, while it is in the viewer."""
        writer = self._writer
        return writer.layer if writer is not None and writer.is_open else None

    def start(self, planes: tuple[int, ...] | None) -> None:
        """Empty the planes about to be segmented (all of a 2D image)."""
        preview = find_layer(self._viewer, self.image, "preview")
        if preview is not None:
            preview.visible = False  # of a training; what comes now is the result
        writer = self._open()
        writer.layer.visible = True  # a training may have hidden it
        index = _index(planes)
        finished = writer.layer.metadata.setdefault(_FINISHED, set())
        if known := tuple(sorted(finished & set(planes or (0,)))):
            self._earlier = known, fold_times(writer.layer.data)[index].copy()
        finished -= set(planes or (0,))
        self._planes = planes
        writer.write(index, np.array(0))
        self._next_number = 0
        self._last = ()

    @property
    def shows_tiles(self) -> bool:
        """Whether the layer that tiles are written to is still there."""
        return self.layer is not None

    def give_back(self) -> bool:
        """Show again what was there before `start`; tell whether that was finished."""
        earlier, self._earlier = self._earlier, None
        if earlier is None or self._writer is None or self.layer is None:
            return False
        if not _is_untouched(self._writer.layer):
            return False
        finished, labels = earlier
        self._writer.write(_index(self._planes), labels)
        self._writer.layer.metadata[_FINISHED] |= set(finished)
        self._writer.close()
        return True

    def show_tile(self, tile: TileLabels) -> None:
        """Show the objects of one tile; at the end they are found again as a whole."""
        if self.layer is None or self._writer is None:
            return
        plane = () if tile.plane is None else (tile.plane,)
        labels = tile.labels.astype(np.int64)
        highest = np.iinfo(self._writer.layer.data.dtype).max
        # Colours of neighbouring tiles should differ; that numbers repeat after the
        # largest one does no harm before the end. A tile that comes again, of more
        # versions, keeps its colours.
        if self._last != (tile.plane, tile.box):
            self._first_number, self._last = self._next_number, (tile.plane, tile.box)
        numbers = (labels + self._first_number - 1) % highest + 1
        self._next_number = self._first_number + int(labels.max(initial=0))
        self._writer.write((*plane, *tile.box), np.where(labels > 0, numbers, 0))
        self.probabilities.show_tile(tile)

    def show(self, segmented: Segmented) -> None:
        """Show the objects of a finished segmentation."""
        if not self.image_is_open:
            return
        writer = self._open()
        labels, box = segmented.labels, segmented.box
        if segmented.annotation == "classes":
            show_classes(writer.layer, segmented.class_names, segmented.class_values)
        else:
            show_objects(writer.layer)
        if labels.dtype.itemsize > writer.layer.data.dtype.itemsize:
            # More objects than 16 bits can number; nobody has painted here, so there is
            # no undo history that new data could spoil.
            writer.layer.data = writer.layer.data.astype(labels.dtype)
            writer.layer.metadata[_UNTOUCHED] = True
        if segmented.planes is None:
            writer.write(box, labels)
        else:
            for z, plane in zip(segmented.planes, labels, strict=True):
                writer.write((z, *box), plane)
        writer.layer.metadata.setdefault(_FINISHED, set()).update(
            segmented.planes or (0,)
        )
        self._earlier = None
        writer.close()
        _shown[writer.layer] = ref(segmented)
        self.probabilities.show(segmented)

    def show_uncertainty(self, segmented: Segmented) -> None:
        """Show where the result is doubtful and, hidden, where versions disagree."""
        old = find_layer(self._viewer, self.image, "disagreement")
        if segmented.disagreement is not None:
            self._show_map(
                "disagreement",
                segmented,
                segmented.disagreement,
                highest=_MUCH_DISAGREEMENT,
                visible=False,
            )
        elif old is not None:  # of an earlier segmentation
            self._viewer.layers.remove(old)
        self._show_map("uncertainty", segmented, segmented.uncertainty)

    def _show_map(
        self,
        role: LayerRole,
        segmented: Segmented,
        values: NDArray[np.float32],
        *,
        highest: float = 1,
        visible: bool = True,
    ) -> None:
        """Show values from 0 to `highest` of a segmentation as an image layer."""
        if not self.image_is_open:
            return
        selected = set(self._viewer.layers.selection)
        show_image(
            self._viewer,
            self.image,
            role,
            spread_out(segmented, values, spatial_shape(self.image)),
            colormap="magma",
            contrast_limits=(0, highest),
            opacity=0.6,
            visible=visible,
        )
        self._viewer.layers.selection = selected

    @property
    def image_is_open(self) -> bool:
        """Whether the segmented image is still in the viewer."""
        return self.image in self._viewer.layers

    def _open(self) -> LayerWriter:
        """Return the writer of a layer that may be overwritten."""
        writer = self._writer
        if writer is None or not writer.is_open or not _is_untouched(writer.layer):
            self._writer = writer = LayerWriter(self._viewer, self._find_or_add())
        return writer

    def _find_or_add(self) -> Labels:
        old = find_layer(self._viewer, self.image, "prediction")
        if old is not None:
            if _is_untouched(old):
                return old
            unlink_layer(old)
            old.name += " edited"  # beside the new one, which takes its name
            old.visible = False  # two on top of each other cannot be told apart
        selected = set(self._viewer.layers.selection)
        layer = add_labels(self._viewer, self.image, "prediction")
        layer.metadata[_UNTOUCHED] = True
        for signal in (layer.events.paint, layer.events.data):
            signal.connect(_on_painted)
        # The user goes on with the layer they were working on.
        self._viewer.layers.selection = selected
        chosen = chosen_layers(self._viewer)
        if chosen.image is self.image:
            chosen.prediction = layer
        return layer


def segmentation_of(layer: Labels) -> Segmented | None:
    """Return the segmentation that a prediction shows, while its numbers are kept."""
    found = _shown.get(layer)
    return None if found is None else found()


def remove_results(viewer: napari.Viewer, image: ImageLayer) -> None:
    """Remove what a segmentation has begun to show of an image that is gone."""
    for role in _RESULTS:
        for layer in find_layers(viewer, image, role):
            if role != "prediction" or _is_untouched(layer):
                viewer.layers.remove(layer)


def _index(planes: tuple[int, ...] | None) -> tuple[Any, ...]:
    """Return where planes lie in a layer; all of a 2D image."""
    return (list(planes),) if planes else (slice(None),)


def _is_untouched(layer: Labels) -> bool:
    """Tell whether a layer holds a prediction only, and nothing the user painted."""
    return bool(layer.metadata.get(_UNTOUCHED, False))


def _on_painted(event: Any) -> None:
    event.source.metadata[_UNTOUCHED] = False


def spread_out(
    segmented: Segmented, values: NDArray[np.float32], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return values of a segmentation on the whole image's grid, 0 elsewhere.

    Parameters
    ----------
    segmented : Segmented
        Of a part of the image.
    values : ndarray of float32, shape ([z,] y, x)
        Of that part.
    shape : tuple of int
        ([[T,] Z,] Y, X) of the image.
    """
    whole = np.zeros(shape, np.float32)
    if segmented.planes is None:
        whole[segmented.box] = values
    else:
        fold_times(whole)[(list(segmented.planes), *segmented.box)] = values
    return whole
