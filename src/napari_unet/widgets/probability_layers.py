"""Image layers of probabilities: of the foreground, or one for each of several classes.

They fill up tile by tile like the labels, as soon as somebody wants to see them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap

from napari_unet.widgets.class_colors import class_color
from napari_unet.widgets.layers import (
    LayerWriter,
    add_image,
    find_layer,
    find_layers,
    spatial_shape,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_unet.core.config import ModelSettings
    from napari_unet.segmented import Segmented, TileLabels

# Name and colour of the class that a layer is of; nothing for the foreground.
_CLASS = "napari_unet_class"
# Whether it was not the user who hid the labels.
_HIDDEN = "napari_unet_hidden"
_Key = tuple[str, tuple[float, ...]] | None
_ONE_OBJECT = 2  # classes, background included


class ProbabilityLayers:
    """The probabilities of one segmentation, running or finished, of one image layer.

    Of a model of one kind of object one layer shows the foreground's. Of several
    classes each has a layer in its colour, named after it, and the labels step back;
    where no colour is, it is background. Planes that are not segmented again keep what
    they show.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    image : Image layer
        What is segmented.
    """

    def __init__(self, viewer: napari.Viewer, image: ImageLayer) -> None:
        self._viewer, self._image = viewer, image
        self._names: Sequence[str] = ()
        self._values: Sequence[int | str] = ()
        self._writers: list[LayerWriter] = []
        self._shown: NDArray[np.float32] | None = None

    def start(
        self, settings: ModelSettings | None, planes: tuple[int, ...] | None
    ) -> None:
        """Empty the planes about to be segmented, in what an earlier run has left.

        Parameters
        ----------
        settings : ModelSettings, optional
            Those of the model: its classes.
        planes : tuple of int, optional
            All of a 2D image by default.
        """
        if settings is not None:
            self._names, self._values = settings.class_names, settings.class_values
        if not self._find():
            self._show_labels(True)
            return
        self.open()
        for writer in self._writers:
            writer.write((list(planes),) if planes else (slice(None),), np.array(0))

    def open(self) -> None:
        """Show the layers, empty where no tile has come yet; keep those that are."""
        if self._image not in self._viewer.layers:
            return
        self._shown = None
        selected = set(self._viewer.layers.selection)
        wanted, kept = self._list_wanted(), {}
        for layer in self._find():
            key, shape = layer.metadata.get(_CLASS), layer.data.shape
            if key in wanted and shape == spatial_shape(self._image):
                kept[key] = layer
            else:  # of a model of other classes
                self._viewer.layers.remove(layer)
        self._writers = [
            LayerWriter(self._viewer, kept[key] if key in kept else self._add(key, how))
            for key, how in wanted.items()
        ]
        self._viewer.layers.selection = selected & set(self._viewer.layers)
        self._show_labels(len(self._names) <= _ONE_OBJECT)

    def show_tile(self, tile: TileLabels) -> None:
        """Show one tile of a running segmentation, if the layers are open."""
        if tile.probabilities is not None:
            plane = () if tile.plane is None else (tile.plane,)
            self._write((*plane, *tile.box), tile.probabilities)

    def show(self, segmented: Segmented) -> None:
        """Show all of a finished segmentation, if the layers are open."""
        if not self._writers or self._shown is segmented.probabilities:
            return
        self._shown = segmented.probabilities
        if segmented.planes is None:
            self._write(segmented.box, segmented.probabilities)
        else:
            for place, z in enumerate(segmented.planes):
                self._write((z, *segmented.box), segmented.probabilities[:, place])
        for writer in self._writers:
            writer.close()

    def show_again(self, segmented: Segmented) -> None:
        """Show a finished segmentation where another one has left its tiles."""
        if self._find():
            self.start(None, segmented.planes)
            self.show(segmented)

    def remove(self) -> None:
        """Remove the layers, if there are any."""
        for layer in self._find():
            self._viewer.layers.remove(layer)
        self._show_labels(True)

    def _write(
        self, index: tuple[Any, ...], probabilities: NDArray[np.float32]
    ) -> None:
        if not self._writers:
            return
        if len(self._names) <= _ONE_OBJECT:
            self._writers[0].write(index, 1 - probabilities[0])
        else:
            for writer, values in zip(self._writers, probabilities[1:], strict=True):
                writer.write(index, values)

    def _find(self) -> list[Any]:
        """Return all layers of probabilities that belong to the image."""
        return [
            *find_layers(self._viewer, self._image, "probabilities"),
            *find_layers(self._viewer, self._image, "class probability"),
        ]

    def _show_labels(self, visible: bool) -> None:
        """Hide the predicted classes: their colours are the same, and cover these."""
        labels = find_layer(self._viewer, self._image, "prediction")
        if labels is None:
            return
        if not visible and labels.visible:
            labels.metadata[_HIDDEN], labels.visible = True, False
        elif visible and labels.metadata.pop(_HIDDEN, False):
            labels.visible = True

    def _list_wanted(self) -> dict[_Key, dict[str, Any]]:
        """Return how each layer that there shall be is to look."""
        if len(self._names) <= _ONE_OBJECT:
            return {None: {"colormap": "magma", "opacity": 0.6}}
        wanted: dict[_Key, dict[str, Any]] = {}
        values = self._values or ("",) * len(self._names)
        for number, name in enumerate(self._names[1:], start=1):
            color = class_color(number, values[number])[:3]
            # The colour, too, for a class may have another one in another model.
            wanted[(name, color)] = {
                "name": f"{self._image.name} {name} probability",
                # The surer, the less of the image shines through.
                "colormap": Colormap([(*color, 0), (*color, 1)], name=name),
                "opacity": 0.8,
            }
        return wanted

    def _add(self, key: _Key, options: dict[str, Any]) -> ImageLayer:
        layer = add_image(
            self._viewer,
            self._image,
            "probabilities" if key is None else "class probability",
            np.zeros(spatial_shape(self._image), np.float32),
            contrast_limits=(0, 1),
            **options,
        )
        if key is not None:
            layer.metadata[_CLASS] = key
        return layer
