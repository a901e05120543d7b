"""An image through a network, tile by tile, exactly as in one piece."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from napari_unet.core.config import Averaging
from napari_unet.core.device import Compute, channels_last, free_bytes
from napari_unet.core.image import IntensityRange
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.tiling import Tile, plan_tiles, read_window

# Quarter turns, and whether mirrored left to right before.
_VERSIONS: dict[Averaging, list[tuple[int, bool]]] = {
    "none": [(0, False)],
    "4 flips": [(0, False), (0, True), (2, False), (2, True)],
    "4 rotations": [(turns, False) for turns in range(4)],
    "8": [(turns, mirrored) for turns in range(4) for mirrored in (False, True)],
}


@dataclass(frozen=True, slots=True)
class TilePrediction:
    """The probabilities of one tile's interior.

    Parameters
    ----------
    done, total : int
        This is tile number `done` of `total`.
    interior : tuple of slice
        Where it belongs in the image ([Z,] Y, X).
    probabilities : ndarray of float32, shape (K, [z,] y, x)
        Of each class; see `Network.probabilities`.
    """

    done: int
    total: int
    interior: tuple[slice, ...]
    probabilities: np.ndarray


def predict_tile(
    network: Network,
    array: np.ndarray,
    intensity: IntensityRange,
    tile: Tile,
    compute: Compute,
    averaging: Averaging = "none",
) -> np.ndarray:
    """Return the class probabilities of one tile's interior.

    Parameters
    ----------
    network : Network
        In evaluation mode, on the device of `compute`.
    array : ndarray, shape (C, [Z,] Y, X)
        Grey values of the whole image; only the tile's window is read.
    intensity : IntensityRange
        Of the whole image.
    tile : Tile
        Which window, and which part of it counts.
    compute : Compute
        Device and precision.
    averaging : str
        Average the probabilities of mirrored and turned versions.

    Returns
    -------
    ndarray of float32, shape (K, [z,] y, x)
        Probabilities of the interior.
    """
    window = intensity.apply(read_window(array, tile.window))
    batch = torch.from_numpy(window)[None].to(compute.device)
    with torch.inference_mode():
        versions = [
            _predict_version(network, batch, turns, tile, compute, mirrored=mirrored)
            for turns, mirrored in _VERSIONS[averaging]
        ]
        on_cpu: np.ndarray = torch.stack(versions).mean(dim=0).cpu().numpy()
        return on_cpu


def _predict_version(
    network: Network,
    batch: torch.Tensor,
    turns: int,
    tile: Tile,
    compute: Compute,
    *,
    mirrored: bool,
) -> torch.Tensor:
    """Predict a mirrored and turned window; return it turned and mirrored back.

    All windows of a network have the same length modulo its step, so that what is one
    pixel's partner in pooling does not depend on the tiling here either.
    """
    version = batch.flip(-1) if mirrored else batch
    version = version.rot90(turns, (-2, -1))
    version = channels_last(version)
    with compute.autocast():
        logits = network(version)
    logits = logits[0].rot90(-turns, (-2, -1))
    logits = logits.flip(-1) if mirrored else logits
    return network.probabilities(tile.cut(logits).float())


def predict(
    network: Network,
    array: np.ndarray,
    intensity: IntensityRange,
    compute: Compute,
    *,
    tile: int | None = None,
    box: tuple[slice, ...] | None = None,
    averaging: Averaging = "none",
) -> Iterator[TilePrediction]:
    """Predict a plane, or a volume in 3D, tile by tile; one `next` is one tile.

    Parameters
    ----------
    network : Network
        Switched to evaluation mode while a tile is computed, and back.
    array : ndarray, shape (C, [Z,] Y, X)
        Grey values.
    intensity : IntensityRange
        Of the whole image, of which `array` may be a part.
    compute : Compute
        Device and precision.
    tile : int, optional
        Edge of the network's input in pixels; by default chosen from free memory.
    box : tuple of slice, optional
        The part ([Z,] Y, X) to predict; by default all of it.
    averaging : str
        Over which mirrored and turned versions to average: takes as many times as long.

    Yields
    ------
    TilePrediction
        Interiors partition the plane, or cover the box. In float32 the result equals
        that of one single tile to 1e-5.
    """
    tiles = plan_tiles(
        array.shape[1:],
        network.geometries,
        tile=tile,
        memory=free_bytes(compute.device),
        box=box,
    )
    for done, each in enumerate(tiles, start=1):
        was_training = network.training
        network.eval()
        try:
            probabilities = predict_tile(
                network, array, intensity, each, compute, averaging
            )
        finally:
            network.train(was_training)
        yield TilePrediction(done, len(tiles), each.interior, probabilities)
