"""The image layer that a network of grey values fills, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_unet.widgets.layers import (
    LayerWriter,
    find_layer,
    show_image,
    spatial_shape,
)

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_unet.segmented import Segmented, TileLabels


_FINISHED = "napari_unet_finished"


class ValuesLayer:
    """Shows one predicted image, running or finished, of one image layer.

    Of several predicted channels, the first is shown. It takes the part of a
    `PredictionLayer` where a model predicts grey values.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    image : Image layer
        From which it is predicted.
    """

    def __init__(self, viewer: napari.Viewer, image: ImageLayer) -> None:
        self._viewer, self.image = viewer, image
        self._writer: LayerWriter | None = None
        # What the layer showed before, if that was finished.
        self._earlier: tuple[NDArray[np.float32], list[float]] | None = None

    def start(self, planes: tuple[int, ...] | None) -> None:
        """Lay an empty image over the one that is predicted from."""
        preview = find_layer(self._viewer, self.image, "image preview")
        if preview is not None:
            preview.visible = False  # what it shows is to be seen, not what was
        old = find_layer(self._viewer, self.image, "predicted image")
        if old is not None and old.metadata.get(_FINISHED):
            self._earlier = old.data, old.contrast_limits
        selected = set(self._viewer.layers.selection)
        empty = np.zeros(spatial_shape(self.image), np.float32)
        layer = show_image(self._viewer, self.image, "predicted image", empty)
        layer.visible = True
        layer.metadata[_FINISHED] = False
        self._viewer.layers.selection = selected
        self._writer = LayerWriter(self._viewer, layer)

    @property
    def shows_tiles(self) -> bool:
        """Whether the layer that tiles are written to is still there."""
        return self._writer is not None and self._writer.is_open

    def show_tile(self, tile: TileLabels) -> None:
        """Show one tile."""
        if self._writer is not None:
            plane = () if tile.plane is None else (tile.plane,)
            self._writer.write((*plane, *tile.box), tile.labels)

    def give_back(self) -> bool:
        """Show again what was there before `start`; tell whether that was finished."""
        earlier, self._earlier = self._earlier, None
        if earlier is None or self._writer is None or not self._writer.is_open:
            return False
        layer = self._writer.layer
        layer.data, layer.contrast_limits = earlier
        layer.metadata[_FINISHED] = True
        return True

    def show(self, segmented: Segmented) -> None:
        """Show the finished image, its contrast stretched over what is in it."""
        writer = self._writer
        if writer is None or not writer.is_open:
            return
        where = () if segmented.planes is None else (list(segmented.planes),)
        writer.write((*where, *segmented.box), segmented.labels)
        writer.close()
        low, high = float(segmented.labels.min()), float(segmented.labels.max())
        writer.layer.contrast_limits = (low, max(high, low + 1e-6))
        writer.layer.metadata[_FINISHED] = True
        self._earlier = None
