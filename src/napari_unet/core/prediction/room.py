"""Tiles that did not fit into memory are cut smaller, and the prediction goes on."""

import math
from collections.abc import Sequence

from napari_unet.core.device import Compute, choose_compute, place
from napari_unet.core.memory import give_back, is_memory_shortage
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.tiling import Tile, halve_tile


class Room:
    """How large tiles may be, learned from those that were too large.

    Where memory runs out the limit is halved, tile after tile, down to the smallest
    interior that the network's pools allow; then a graphics card leaves the work to the
    processor. Both change nothing in the result, unlike a shorter number format, which
    is therefore never chosen here.

    Parameters
    ----------
    compute : Compute
        Where to begin, and in which precision.
    may_move : bool
        Whether the network may move to the processor: not while it is trained.
    """

    def __init__(self, compute: Compute, *, may_move: bool = False) -> None:
        self.compute = compute
        self._may_move = may_move
        self._pixels = math.inf  # of a tile's window
        # Device and tiles that failed since `news`, and what was done.
        self._failed: tuple[str, str] | None = None
        self._way_out = ""

    def cut(self, tiles: Sequence[Tile], geometries: Sequence[Geometry]) -> list[Tile]:
        """Return tiles for the same interiors that are within the limit, if they can.

        The result does not depend on it: see `plan_tiles`.
        """
        fitting: list[Tile] = []
        for tile in tiles:
            halves = [] if tile.pixels <= self._pixels else halve_tile(tile, geometries)
            fitting += self.cut(halves, geometries) if len(halves) > 1 else [tile]
        return fitting

    def give_way(self, error: BaseException, network: Network, tile: Tile) -> bool:
        """Lower the limit where an error means too little memory, and free some.

        Parameters
        ----------
        error : BaseException
            What was raised; its frames are cleared.
        network : Network
            What predicts; moved if it leaves the device.
        tile : Tile
            What it was raised for.

        Returns
        -------
        bool
            False if this is another error, or nothing is left to try.
        """
        if not is_memory_shortage(error):
            return False
        device = self.compute.device
        give_back(error, device)
        self._failed = self._failed or (device.type, tile.describe())
        halves = halve_tile(tile, network.geometries)
        if len(halves) > 1:
            largest = max(halves, key=lambda each: each.pixels)
            self._pixels = min(self._pixels, largest.pixels)
            self._way_out = f"went on with tiles of {largest.describe()}"
            return True
        if device.type == "cpu" or not self._may_move:
            return False
        precision = self.compute.precision
        if precision == "float16":  # a format of graphics cards
            precision = "float32"
        self.compute = choose_compute("cpu", precision)
        place(network, self.compute.device)
        self._pixels = math.inf
        self._way_out = "went on on the processor, which is slower"
        return True

    def news(self) -> str:
        """Return what was done since the last call, in a sentence; mostly nothing."""
        if self._failed is None:
            return ""
        (device, tiles), self._failed = self._failed, None
        where = "This computer" if device == "cpu" else "The graphics card"
        return (
            f"{where} has too little free memory for tiles of {tiles}: {self._way_out}."
        )
