"""The progress of a segmentation, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar

if TYPE_CHECKING:
    from napari_unet.segmented import TileLabels


class TileBar(QProgressBar):
    """Counts tiles, or steps where each tile takes several; hidden at first."""

    def __init__(self) -> None:
        super().__init__()
        self._is_stopping = False
        self.setAccessibleName("Progress of the segmentation")
        self.hide()

    def start(self) -> None:
        """Wait for the first tile."""
        self._is_stopping = False
        # Not the range that means "busy": its animation redraws the whole window again
        # and again, which without a graphics card takes a core of its own.
        self.setRange(0, 1)
        self.setValue(0)
        self.setFormat("Starting …")

    def sayStopping(self) -> None:
        """Say that the tile under way is the last one."""
        self._is_stopping = True
        self.setFormat("Stopping after this tile …")

    def showTile(self, tile: TileLabels, *, averages: bool) -> None:
        """Count one more; with an average, one version of one tile is a step."""
        if not self._is_stopping:
            self.setFormat(f"%v of %m {'steps' if averages else 'tiles'}")
        self.setRange(0, tile.total)
        self.setValue(tile.done)
