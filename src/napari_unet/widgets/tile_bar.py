"""The progress of a segmentation, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar

if TYPE_CHECKING:
    from napari_unet.core.config import AnnotationKind
    from napari_unet.segmented import TileLabels
    from napari_unet.widgets.chosen import ChosenLayers

_FOUND: dict[AnnotationKind, str] = {
    "objects": "objects",
    "classes": "classes",
    "points": "points",
    "values": "the image",
}


class TileBar(QProgressBar):
    """Counts tiles, or steps where each tile takes several; hidden at first."""

    def __init__(self) -> None:
        super().__init__()
        self._is_stopping = False
        self._said = self._image = ""
        self.setAccessibleName("Progress of the segmentation")
        self.hide()

    def start(self) -> None:
        """Wait for the first tile."""
        self._is_stopping = False
        # Not the range that means "busy": its animation redraws the whole window again
        # and again, which without a graphics card takes a core of its own.
        self.setRange(0, 1)
        self.setValue(0)
        self._say("Starting …")

    def sayStopping(self) -> None:
        """Say that the tile under way is the last one."""
        self._is_stopping = True
        self._say("Stopping after this tile …")

    def nameImage(self, chosen: ChosenLayers) -> None:
        """Say which image is segmented, where another one is chosen."""
        running = chosen.segmented
        is_other = running is not None and running is not chosen.image
        name = running.name if running is not None and is_other else ""
        # What looks like a place for a number would be taken for one.
        self._image = name.replace("%", "%\u200b")
        self._say(self._said)

    def _say(self, text: str) -> None:
        self._said = text
        self.setFormat(f"'{self._image}': {text}" if self._image else text)

    def showTile(
        self, tile: TileLabels, kind: AnnotationKind, *, averages: bool
    ) -> None:
        """Count one more; with an average, one version of one tile is a step.

        After the last one, say that what the model finds in all of them is being made.
        """
        if not self._is_stopping:
            counted = f"%v of %m {'steps' if averages else 'tiles'}"
            self._say(
                f"Making {_FOUND[kind]} …" if tile.done == tile.total else counted
            )
        self.setRange(0, tile.total)
        self.setValue(tile.done)
