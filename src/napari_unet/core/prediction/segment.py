"""A whole image, or a part of it, through a model."""

import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import Averaging, DeviceChoice
from napari_unet.core.device import Precision, choose_compute, free_bytes, place
from napari_unet.core.image import (
    Image,
    check_contrast,
    measure_intensity,
)
from napari_unet.core.memory import explain_shortage, give_back
from napari_unet.core.network.folding import fold_normalisation
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.channels import pick_channels
from napari_unet.core.prediction.drift import describe_drift
from napari_unet.core.prediction.glimpse import Glimpse
from napari_unet.core.prediction.plan import (
    PredictionPlan,
    cover_volumes,
    plan_prediction,
)
from napari_unet.core.prediction.plane import PlaneProgress, predict_plane
from napari_unet.core.prediction.rescaling import find_enlargement, mean_factor
from napari_unet.core.prediction.room import Room
from napari_unet.core.prediction.tiling import largest_interior
from napari_unet.core.prediction.uncertainty import entropy
from napari_unet.core.prediction.zoom import Zoom, probe_zoom

_LESS = (
    "Close other programs, segment a part of the image, or compute on another device "
    "(on the command line: --device; in the dock: under Image and model)."
)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentProgress:
    """One tile of a segmentation.

    Parameters
    ----------
    done, total : int
        Tiles; none is done where a quick look shows what it has seen.
    plane : int or None
        Index along Z or time; None for a 2D image, and for a 3D model.
    box : tuple of slice
        Where `foreground` lies in the plane, or in the volume, in pixels of the image.
    foreground : ndarray of float32, shape ([z,] y, x)
        Probability of being anything but background.
    probabilities : ndarray of float32, shape (K, [z,] y, x)
        Of each class that is kept.
    news : str
        What was done about too little memory, in a sentence; mostly nothing.
    plan : str
        What all of it was planned to take: size, tiles and memory, in words.
    """

    done: int
    total: int
    plane: int | None
    box: tuple[slice, ...]
    foreground: np.ndarray
    probabilities: np.ndarray
    news: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The probabilities of an image or of a part of it.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (K, Y, X) or (K, Z, Y, X)
        Of the box and the planes that were asked for, on the image's own grid; K is 1
        where only the background is kept.
    box : tuple of slice
        The part (Y, X) of each plane.
    planes : tuple of int or None
        Which planes; None for a 2D image.
    volume : bool
        Whether a 3D model saw the planes together.
    times : int
        The planes are those of so many time points, one after the other, equally many
        of each; 1 also where only some planes of such a stack were predicted.
    spacing : tuple of float, optional
        Of a volume: edges of a pixel along Z, Y and X, if known.
    disagreement : ndarray of float32, shape (Y, X) or (Z, Y, X), or None
        Where versions were averaged: how much they contradict each other, 0 to 1; see
        `Average.disagreement`.
    zoom : Zoom, optional
        How the zoom was chosen, where that was left to the program.
    factor : float
        By how much lengths in the plane grew before the network; a geometric mean.
    enlargement : float
        How many times longer objects are here than at the model's own zoom.
    drift : str
        A sentence where the image is unlike all that the model has seen.
    """

    probabilities: np.ndarray
    box: tuple[slice, slice]
    planes: tuple[int, ...] | None
    volume: bool = False
    times: int = 1
    disagreement: np.ndarray | None = None
    spacing: tuple[float, ...] | None = None
    zoom: Zoom | None = None
    factor: float = 1.0
    enlargement: float = 1.0
    drift: str = ""

    @property
    def uncertainty(self) -> np.ndarray:
        """How unsure the result is, ([Z,] Y, X) float32, 0 to 1; see `entropy`."""
        return entropy(self.probabilities)


def segment(
    image: Image,
    model: Model,
    *,
    box: tuple[slice, slice] | None = None,
    planes: Sequence[int] | None = None,
    tile: int | None = None,
    scale: float | Zoom | Literal["auto"] | None = None,
    averaging: Averaging = "none",
    device: DeviceChoice = "auto",
    precision: Precision | None = None,
    background_only: bool = False,
) -> Generator[SegmentProgress, None, Segmentation]:
    """Predict an image or a part of it; one `next` is one version of one tile.

    Grey values are normalised by the statistics of the whole image, so a part gives
    the same result as the whole.

    Parameters
    ----------
    image : Image
        The whole image; a 2D model predicts planes of (C, Z, Y, X) one by one, or takes
        them as channels where it was trained so. A 3D model predicts each time point
        as a volume with grey values of its own.
    model : Model
        What to predict with.
    box : tuple of slice, optional
        The part (Y, X) to predict, in pixels of the image; by default all of it.
    planes : sequence of int, optional
        Which planes along Z or time; by default all. Of a 3D model all from the first
        to the last of them, in each of their time points.
    tile : int, optional
        Edge of the network's input in pixels of the model; by default from free memory.
    scale : float, Zoom, "auto" or None
        Factor by which each axis that the network sees grows before it, and the result
        shrinks: 1 takes the image as it is. By default as the pixel sizes of image and
        model say, and where one is unknown as the model keeps it; "auto" looks first
        whether objects agree with that, as `propose_zoom` does, whose result is taken
        here too.
    averaging : str
        Average over mirrored and turned versions: "4 flips", "4 rotations", "8",
        "7 angles" or another number of them; takes at least as many times as long.
    device, precision : str
        Where and how to compute. A tile that does not fit into memory is cut smaller,
        and in the end computed on the processor; the result is the same.
    background_only : bool
        Keep the probability of the background only, where nothing but objects is to
        be made of it: half the memory.

    Yields
    ------
    SegmentProgress
        First, with no tile done, what was seen in a look for the zoom, where that is a
        part of the box and the planes; then after each tile.

    Returns
    -------
    Segmentation
        The probabilities, on the image's own grid.

    Raises
    ------
    InputError
        If the image has other channels than the model was trained with, is constant,
        its pixel size or `scale` is out of proportion, or there is no such average.
    MemoryShortageError
        If even the smallest tile does not fit, on no device.
    """
    image = pick_channels(image, model.settings)
    check_contrast(image)
    compute = choose_compute(device, precision)
    model = replace(model, network=fold_normalisation(model.network))
    place(model.network, compute.device)
    intensity = measure_intensity(image, model.settings.normalisation)
    room = Room(compute, may_move=True)
    if scale == "auto":
        scale = probe_zoom(image, model, room, intensity)
    zoom = None
    if isinstance(scale, Zoom):
        zoom, scale = scale, scale.scale
    box = box or (slice(0, image.shape[-2]), slice(0, image.shape[-1]))
    chosen = None
    if len(image.shape) > 2:
        chosen = tuple(range(image.shape[0])) if planes is None else tuple(planes)
    predict = functools.partial(
        predict_plane,
        model.network,
        settings=model.settings,
        compute=compute,
        tile=tile,
        scale=scale,
        averaging=averaging,
        room=room,
        background_only=background_only,
    )
    volume = model.settings.network.dimensions == 3
    times = image.times if planes is None else 1
    if volume:
        depths, moments = cover_volumes(image, chosen)
        times, depth = len(moments), image.shape[0] // image.times
        chosen = tuple(
            t * depth + z for t in moments for z in range(depths.start, depths.stop)
        )
    kept = 1 if background_only else model.settings.network.predictions
    plan = plan_prediction(
        image,
        model.settings,
        box=box,
        planes=chosen,
        tile=tile,
        scale=scale,
        averaging=averaging,
        memory=free_bytes(compute.device),
        largest=largest_interior(compute.device.type),
    )
    if zoom is not None and zoom.glimpse is not None:
        yield from _show(zoom.glimpse, box, chosen, kept, plan)
        zoom = replace(zoom, glimpse=None)
    numbered = functools.partial(_number, plan=plan.describe())
    with _tidy(model.network, compute.device):
        if volume:
            whole = (depths, *box)
            maps = yield from _predict_times(
                image, moments, whole, model, predict, numbered
            )
        elif chosen is None:
            steps = predict(image, box=box, intensity=intensity)
            maps = yield from numbered(steps, 0, 1, None)
        else:
            results = []
            for number, index in enumerate(chosen):
                steps = predict(image.plane(index), box=box, intensity=intensity)
                count = len(chosen)
                results.append((yield from numbered(steps, number, count, index)))
            maps = np.stack(results, axis=1)
    return Segmentation(
        probabilities=maps[:kept],
        box=box,
        planes=chosen,
        volume=volume,
        times=times,
        disagreement=maps[kept] if len(maps) > kept else None,
        # An image of unknown pixel size counts as one of the model's.
        spacing=(image.pixel_size_um or model.settings.pixel_sizes_um)
        if volume
        else None,
        zoom=zoom,
        factor=mean_factor(image, model.settings, scale),
        enlargement=find_enlargement(image, model.settings, scale),
        drift=describe_drift(image, model.settings, scale=scale, intensity=intensity),
    )


@contextmanager
def _tidy(network: Network, device: torch.device) -> Iterator[None]:
    """Say in a sentence where memory ran out; leave none taken."""
    try:
        with explain_shortage(device, "even the smallest tiles", _LESS):
            yield
    finally:
        place(network, torch.device("cpu"))
        give_back(None, device)


def _show(
    glimpse: Glimpse,
    box: tuple[slice, slice],
    planes: Sequence[int] | None,
    classes: int,
    plan: PredictionPlan,
) -> Iterator[SegmentProgress]:
    """Yield what a look has seen, if it lies in the box and the planes."""
    part = glimpse.within(box)
    if part is None or (planes is not None and part.plane not in planes):
        return
    maps = np.stack([1 - part.foreground, part.foreground])[:classes]
    yield SegmentProgress(
        done=0,
        total=plan.steps,
        plane=part.plane,
        box=part.box,
        foreground=part.foreground,
        probabilities=maps,
        plan=plan.describe(),
    )


def _predict_times(
    image: Image,
    times: Sequence[int],
    box: tuple[slice, slice, slice],
    model: Model,
    predict: Callable[..., Generator[PlaneProgress, None, np.ndarray]],
    numbered: Callable[..., Generator[SegmentProgress, None, np.ndarray]],
) -> Generator[SegmentProgress, None, np.ndarray]:
    """Predict the same box of the volume of each time point, one after the other."""
    depth = image.shape[0] // image.times
    results = []
    for number, time in enumerate(times):
        volume = image.time_point(time)
        intensity = measure_intensity(volume, model.settings.normalisation)
        steps = predict(volume, intensity=intensity, box=box)
        first = time * depth
        part = yield from numbered(steps, number, len(times), None, first=first)
        results.append(part)
    return np.concatenate(results, axis=1)


def _number(
    steps: Generator[PlaneProgress, None, np.ndarray],
    number: int,
    planes: int,
    index: int | None,
    *,
    first: int = 0,
    plan: str = "",
) -> Generator[SegmentProgress, None, np.ndarray]:
    """Count the tiles of one plane, or volume from plane `first` on, among all."""
    while True:
        try:
            part = next(steps)
        except StopIteration as end:
            probabilities: np.ndarray = end.value
            return probabilities
        yield SegmentProgress(
            done=number * part.total + part.done,
            total=planes * part.total,
            plane=index,
            box=_moved(part.box, first),
            foreground=part.foreground,
            probabilities=part.probabilities,
            news=part.news,
            plan=plan,
        )


def _moved(box: tuple[slice, ...], planes: int) -> tuple[slice, ...]:
    """Return the box of a volume so many planes further down the stack."""
    if not planes:
        return box
    return (slice(box[0].start + planes, box[0].stop + planes), *box[1:])
