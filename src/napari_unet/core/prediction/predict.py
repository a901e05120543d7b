"""An image through a network, tile by tile, exactly as in one piece."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from napari_unet.core.device import Compute, free_bytes
from napari_unet.core.image import IntensityRange
from napari_unet.core.network.unet import UNet
from napari_unet.core.prediction.tiling import Tile, plan_tiles, read_window


@dataclass(frozen=True, slots=True)
class TilePrediction:
    """The probabilities of one tile's interior.

    Parameters
    ----------
    done, total : int
        This is tile number `done` of `total`.
    interior : tuple of slice
        Where it belongs in the image (Y, X).
    probabilities : ndarray of float32, shape (K, y, x)
        Sums to 1 over the classes.
    """

    done: int
    total: int
    interior: tuple[slice, ...]
    probabilities: np.ndarray


def predict_tile(
    network: UNet,
    array: np.ndarray,
    intensity: IntensityRange,
    tile: Tile,
    compute: Compute,
) -> np.ndarray:
    """Return the class probabilities of one tile's interior.

    Parameters
    ----------
    network : UNet
        In evaluation mode, on the device of `compute`.
    array : ndarray, shape (C, Y, X)
        Grey values of the whole plane; only the tile's window is read.
    intensity : IntensityRange
        Of the whole image.
    tile : Tile
        Which window, and which part of it counts.
    compute : Compute
        Device and precision.

    Returns
    -------
    ndarray of float32, shape (K, y, x)
        Probabilities of the interior.
    """
    window = intensity.apply(read_window(array, tile.window))
    batch = torch.from_numpy(window)[None].to(compute.device)
    batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        with compute.autocast():
            logits = network(batch)
        probabilities = tile.cut(logits[0]).float().softmax(dim=0)
        on_cpu: np.ndarray = probabilities.cpu().numpy()
        return on_cpu


def predict(
    network: UNet,
    array: np.ndarray,
    intensity: IntensityRange,
    compute: Compute,
    *,
    tile: int | None = None,
    box: tuple[slice, slice] | None = None,
) -> Iterator[TilePrediction]:
    """Predict a plane tile by tile; one `next` is one tile.

    Parameters
    ----------
    network : UNet
        Switched to evaluation mode while a tile is computed, and back.
    array : ndarray, shape (C, Y, X)
        Grey values.
    intensity : IntensityRange
        Of the whole image, of which `array` may be a part.
    compute : Compute
        Device and precision.
    tile : int, optional
        Edge of the network's input in pixels; by default chosen from free memory.
    box : tuple of slice, optional
        The part (Y, X) of the plane to predict; by default all of it.

    Yields
    ------
    TilePrediction
        Interiors partition the plane, or cover the box. In float32 the result equals
        that of one single tile to 1e-5.
    """
    tiles = plan_tiles(
        array.shape[1:],
        network.geometry,
        tile=tile,
        memory=free_bytes(compute.device),
        box=box,
    )
    for done, each in enumerate(tiles, start=1):
        was_training = network.training
        network.eval()
        try:
            probabilities = predict_tile(network, array, intensity, each, compute)
        finally:
            network.train(was_training)
        yield TilePrediction(done, len(tiles), each.interior, probabilities)
