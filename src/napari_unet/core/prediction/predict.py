"""An image through a network, tile by tile, exactly as in one piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from napari_unet.core.config import Averaging
from napari_unet.core.device import Compute, channels_last, free_bytes
from napari_unet.core.image import IntensityRange
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.averaging import (
    UNCHANGED,
    Rotation,
    Version,
    list_versions,
)
from napari_unet.core.prediction.rescaled import Rescaled
from napari_unet.core.prediction.room import Room
from napari_unet.core.prediction.tiling import (
    Tile,
    largest_interior,
    plan_tiles,
    read_window,
)
from napari_unet.core.prediction.transfers import Transfers, one_ahead
from napari_unet.core.prediction.uncertainty import Average


@dataclass(frozen=True, slots=True)
class TilePrediction:
    """The probabilities of one tile's interior.

    Parameters
    ----------
    done, total : int
        This is step number `done` of `total`: one for each version of each tile.
    interior : tuple of slice
        Where it belongs in the image ([Z,] Y, X).
    probabilities : ndarray of float32, shape (K, [z,] y, x)
        Of each class; see `Network.probabilities`. The mean of the versions so far.
    disagreement : ndarray of float32, shape ([z,] y, x), or None
        How much the versions contradict each other; see `Average.disagreement`.
    news : str
        What was done about too little memory, in a sentence; mostly nothing.
    """

    done: int
    total: int
    interior: tuple[slice, ...]
    probabilities: np.ndarray
    disagreement: np.ndarray | None = None
    news: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """One version of one tile, which a graphics card may still be computing.

    `probabilities` hold once `arrival` has come. `number` counts versions from 1.
    """

    number: int
    done: int
    total: int
    interior: tuple[slice, ...]
    probabilities: np.ndarray
    news: str
    arrival: torch.cuda.Event | None

    def finish(self) -> np.ndarray:
        """Wait for the probabilities."""
        if self.arrival is not None:
            self.arrival.synchronize()
        return self.probabilities


def predict_tile(
    network: Network,
    array: np.ndarray | Rescaled,
    intensity: IntensityRange,
    tile: Tile,
    compute: Compute,
    version: Version = UNCHANGED,
    *,
    edge: int | None = None,
    room: Room | None = None,
    transfers: Transfers | None = None,
) -> np.ndarray:
    """Return the class probabilities of one tile's interior, in one version.

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
    version : Version
        How the network sees the image; the probabilities are brought back.
    edge : int, optional
        Longest edge of the network's input where the version is turned by an angle,
        for its tiles are others; by default chosen from free memory.
    room : Room, optional
        Its limit holds for those tiles, too.
    transfers : Transfers, optional
        Then the probabilities hold only after its `arrival`.

    Returns
    -------
    ndarray of float32, shape (K, [z,] y, x)
        Probabilities of the interior.
    """
    if version.angle == 0:
        window = intensity.apply(read_window(array, tile.window))
        return _predict_window(network, window, tile, compute, version, transfers)
    rotation = Rotation(version.angle, array.shape[1:])
    box = rotation.cover(tile.interior, network.geometry.step)
    turned = np.empty(
        (network.config.classes, *(part.stop - part.start for part in box)), np.float32
    )
    tiles = plan_tiles(
        array.shape[1:],
        network.geometries,
        tile=edge,
        memory=free_bytes(compute.device),
        box=box,
        largest=largest_interior(compute.device.type),
    )
    for each in tiles if room is None else room.cut(tiles, network.geometries):
        window = rotation.read(array, each.window, intensity)
        place = tuple(
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(each.interior, box, strict=True)
        )
        turned[(slice(None), *place)] = _predict_window(network, window, each, compute)
    return rotation.turn_back(turned, box, tile.interior)


def _predict_window(
    network: Network,
    window: np.ndarray,
    tile: Tile,
    compute: Compute,
    version: Version = UNCHANGED,
    transfers: Transfers | None = None,
) -> np.ndarray:
    """Predict a window mirrored and turned; return its interior as it was.

    All windows of a network have the same length modulo its step, so that what is one
    pixel's partner in pooling does not depend on the tiling here either.
    """
    turns = version.turns
    with torch.inference_mode():
        batch = torch.from_numpy(window)[None]
        batch = transfers.send(batch) if transfers else batch.to(compute.device)
        batch = batch.flip(-1) if version.mirrored else batch
        batch = batch.rot90(turns, (-2, -1))
        batch = channels_last(batch)
        with compute.autocast():
            logits = network(batch, spare=tile.spare)
        logits = logits[0].rot90(-turns, (-2, -1))
        logits = logits.flip(-1) if version.mirrored else logits
        probabilities = network.probabilities(tile.cut(logits).float())
        if transfers:
            return transfers.fetch(probabilities)
        on_cpu: np.ndarray = probabilities.cpu().numpy()
        return on_cpu


def predict(
    network: Network,
    array: np.ndarray | Rescaled,
    intensity: IntensityRange,
    compute: Compute,
    *,
    tile: int | None = None,
    box: tuple[slice, ...] | None = None,
    averaging: Averaging = "none",
    room: Room | None = None,
) -> Iterator[TilePrediction]:
    """Predict a plane or volume; one `next` is one version of one tile.

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
        Over which versions to average, see `list_versions`: takes as many times as
        long, and about twice that where they are turned by angles.
    room : Room, optional
        What earlier predictions have learned about free memory; its device and
        precision count then.

    Yields
    ------
    TilePrediction
        Interiors partition the plane, or cover the box; each comes once per version,
        with the mean so far. In float32 the result equals that of one single tile to
        1e-5. A tile that does not fit into memory comes in smaller ones, see `Room`;
        the ones before it stay.

    Raises
    ------
    InputError
        If `tile` is too small for the network, or there is no such average.
    """
    versions = list_versions(averaging)
    room = room or Room(compute)
    steps = _begin_all(network, array, intensity, versions, room, tile, box)
    if room.compute.device.type == "cuda":
        steps = one_ahead(steps)
    are_values = network.config.head == "regression"
    for step in steps:
        if step.number == 1:
            average = Average(len(versions), are_values=are_values)
        average.add(step.finish())
        yield TilePrediction(
            step.done,
            step.total,
            step.interior,
            average.probabilities,
            average.disagreement,
            step.news,
        )


def _begin_all(
    network: Network,
    array: np.ndarray | Rescaled,
    intensity: IntensityRange,
    versions: Sequence[Version],
    room: Room,
    edge: int | None,
    box: tuple[slice, ...] | None,
) -> Iterator[_Begun]:
    """Yield each version of each tile, cut smaller where it does not fit."""
    geometries, device = network.geometries, room.compute.device
    tiles = plan_tiles(
        array.shape[1:],
        geometries,
        tile=edge,
        memory=free_bytes(device),
        box=box,
        largest=largest_interior(device.type),
    )
    transfers = Transfers(device) if device.type == "cuda" else None
    done = 0
    while tiles:
        tiles[:1] = room.cut(tiles[:1], geometries)
        each = tiles[0]
        left = len(versions) * (1 + len(room.cut(tiles[1:], geometries)))
        for number, version in enumerate(versions, start=1):
            if room.compute.device.type == "cpu":  # by now, where it was another
                transfers = None
            part = _try_tile(
                network, array, intensity, each, version, room, edge, transfers
            )
            if part is None:
                break
            done += 1
            arrival = transfers.arrival() if transfers else None
            total = done + left - number
            yield _Begun(number, done, total, each.interior, part, room.news(), arrival)
        else:
            tiles.pop(0)


def _try_tile(
    network: Network,
    array: np.ndarray | Rescaled,
    intensity: IntensityRange,
    tile: Tile,
    version: Version,
    room: Room,
    edge: int | None,
    transfers: Transfers | None,
) -> np.ndarray | None:
    """Predict a tile; None where it did not fit, and smaller ones are to be tried."""
    was_training = network.training
    network.eval()
    try:
        return predict_tile(
            network,
            array,
            intensity,
            tile,
            room.compute,
            version,
            edge=edge,
            room=room,
            transfers=transfers,
        )
    except (MemoryError, RuntimeError) as error:
        if not room.give_way(error, network, tile):
            raise
        return None
    finally:
        network.train(was_training)
