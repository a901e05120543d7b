"""A segmentation in the viewer, running or finished, and the way back to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.widgets.point_layers import DetectionLayer
from napari_unet.widgets.prediction_layer import PredictionLayer, remove_results
from napari_unet.widgets.values_layer import ValuesLayer

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_unet.core.config import AnnotationKind, ModelSettings
    from napari_unet.segmented import Segmented, TileLabels

_Layers = PredictionLayer | DetectionLayer | ValuesLayer
_LAYERS: dict[AnnotationKind, type[_Layers]] = {
    "points": DetectionLayer,
    "values": ValuesLayer,
}


class Shown:
    """The layers of one segmentation, and the model that makes it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    image : Image layer
        What is segmented.
    kind : str
        What the model has learned.
    settings : ModelSettings, optional
        Of the model; None while nobody knows which starter it will be.
    planes : tuple of int, optional
        Those to be segmented; all of a 2D image by default.
    before : Shown, optional
        What shows the session's segmentation until this one is finished.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        image: ImageLayer,
        kind: AnnotationKind,
        settings: ModelSettings | None,
        planes: tuple[int, ...] | None,
        before: Shown | None,
    ) -> None:
        self._viewer, self.image = viewer, image
        self._layers = _LAYERS.get(kind, PredictionLayer)(viewer, image)
        self.settings, self._planes = settings, planes
        self._before = before
        self.is_begun = False  # whether the layers were emptied for its tiles

    @property
    def maps(self) -> PredictionLayer | DetectionLayer | None:
        """What shows its probabilities and its uncertainty, if it has any."""
        return None if isinstance(self._layers, ValuesLayer) else self._layers

    @property
    def shows_tiles(self) -> bool:
        """Whether tiles were shown in a layer that is still there."""
        return self.is_begun and self._layers.shows_tiles

    def show_tile(self, tile: TileLabels) -> None:
        """Show one tile; the first makes room for all of them.

        Not before, for a refused image leaves the viewer as it was.
        """
        if not self.is_begun:
            self._layers.start(self._planes)
            if self.maps is not None:
                self.maps.probabilities.start(self.settings, self._planes)
            self.is_begun = True
        self._layers.show_tile(tile)

    def show(self, segmented: Segmented) -> None:
        """Show all of it, now that it is finished."""
        self._before = None
        self._layers.show(segmented)

    def remove(self) -> None:
        """Remove what is shown so far: its image is gone."""
        if self.is_begun:
            remove_results(self._viewer, self.image)

    def give_back(self, segmented: Segmented | None) -> tuple[Shown | None, bool]:
        """Put the layers back to the earlier result, for this one ended too early.

        Tiles stay where there was none.

        Parameters
        ----------
        segmented : Segmented, optional
            The session's segmentation, which is an earlier one, perhaps of another
            image.

        Returns
        -------
        tuple of (Shown or None, bool)
            What shows that segmentation, and whether layers were put back.
        """
        before, self._before = self._before, None
        if before is not None and before.image not in self._viewer.layers:
            before = None
        if not self.is_begun or not self._layers.give_back():
            return before, False
        is_same = before is not None and before.image is self.image
        if before is not None and before.maps is not None and is_same and segmented:
            before.maps.probabilities.show_again(segmented)
        elif self.maps is not None:
            self.maps.probabilities.remove()
        return before, True
