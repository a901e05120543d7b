"""At which zoom a model finds objects of the size it knows: a quick look at a few."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.annotation.object_sizes import measure_diameters
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import DeviceChoice
from napari_unet.core.device import Precision, choose_compute, place
from napari_unet.core.image import (
    Image,
    IntensityRange,
    check_contrast,
    measure_intensity,
    resample,
)
from napari_unet.core.look import find_content
from napari_unet.core.memory import give_back
from napari_unet.core.prediction.channels import pick_channels
from napari_unet.core.prediction.glimpse import Glimpse
from napari_unet.core.prediction.objects import find_objects
from napari_unet.core.prediction.predict import predict
from napari_unet.core.prediction.rescaling import mean_factor
from napari_unet.core.prediction.room import Room

# Objects so many times as large or small as those of the model are as it knows them.
_ALIKE = 1.4
# Where pixel sizes are known, cells of other kinds may be so many times as large: only
# more than that is worth a word.
_CLEAR = 1.7
# A zoom found by search that is nearer to the model's own than this is its own.
_SAME = 1.3
# Zooms of a search, compared with the model's own: these powers of this step.
_STEP = 1.7
_POWERS = range(-4, 4)
# Pixels of the model in a look at its own zoom, and in one of a search.
_FIRST_LOOK, _LOOK = 352**2, 288**2
# From so many objects on, their size says something.
_ENOUGH = 3
# Smaller ones than this, in pixels of the model, are specks at any zoom.
_SPECK = 12
# The same for those narrower than this part of the objects that cover most.
_NARROW = 0.5
# So many planes of a stack are compared.
_PLANES = 5
# Mean probability in objects: from here on a network is sure of what it sees.
_SURE = 0.72
# Half the zoom must be surer by so much to cast doubt on one that fits, and another
# zoom by so much to replace it; a search ends after a loss of so much.
_DOUBT, _GAIN, _LOSS = 0.02, 0.05, 0.08


@dataclass(frozen=True, slots=True)
class Zoom:
    """How an image should be zoomed for a model, and why.

    Parameters
    ----------
    scale : float or None
        For `segment`: a factor; None leaves it to the pixel sizes and the model.
    factor : float
        What this comes to: by how much lengths in the plane grow, their geometric mean.
    diameter_px : float or None
        Of the median object, in pixels of the image; None where none was looked for, or
        too few were found to say.
    objects : int
        How many were found where it was looked.
    confidence : float
        Mean probability of their pixels, 0 to 1.
    said : str
        A sentence about a zoom that is not the model's own, or about one that pixel
        sizes ask for and objects speak against; else nothing.
    glimpse : Glimpse, optional
        Objects of this part can be shown at once.
    """

    scale: float | None
    factor: float
    diameter_px: float | None = None
    objects: int = 0
    confidence: float = 0.0
    said: str = ""
    glimpse: Glimpse | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What a network finds in a box of the image at one zoom, in its own pixels."""

    factor: float
    box: tuple[slice, slice]
    foreground: NDArray[np.float32]
    objects: int = 0
    diameter: float = math.nan
    confidence: float = 0.0

    @property
    def is_telling(self) -> bool:
        """Whether it was sure of enough objects."""
        return self.objects >= _ENOUGH and self.confidence >= _SURE

    def factor_for(self, diameter: float) -> float:
        """Return the zoom at which its objects have this diameter."""
        return self.factor * diameter / self.diameter


def propose_zoom(
    image: Image,
    model: Model,
    *,
    device: DeviceChoice = "auto",
    precision: Precision | None = None,
) -> Zoom:
    """Look at a part of an image, and propose how to zoom it for a model.

    First at the model's own zoom (by the pixel sizes, or the one it keeps for images of
    unknown pixel size): if it surely finds objects about as large as those it knows,
    that stays. Else at zooms from an eighth to five times that; where the network is
    surest, the size of what it finds says how to zoom. Known pixel sizes stay, but a
    sentence says where objects speak against them.

    Parameters
    ----------
    image : Image
        The whole image; of a stack, one plane with much contrast counts.
    model : Model
        Nothing is looked for with models of volumes, of classes, points or values, and
        with those that do not know how large their objects were.
    device, precision : str
        Where and how to compute.

    Raises
    ------
    InputError
        If the image does not fit the model, or is constant.
    """
    picked = pick_channels(image, model.settings)
    check_contrast(picked)
    compute = choose_compute(device, precision)
    place(model.network, compute.device)
    try:
        return probe_zoom(picked, model, Room(compute, may_move=True))
    finally:
        if compute.device.type != "cpu":
            place(model.network, torch.device("cpu"))
            give_back(None, compute.device)


def probe_zoom(
    image: Image,
    model: Model,
    room: Room,
    intensity: IntensityRange | None = None,
) -> Zoom:
    """Do what `propose_zoom` does, with an image of the channels that the model reads.

    Parameters
    ----------
    image : Image
        With contrast; only those channels.
    model : Model
        On the device of `room`.
    room : Room
        Device, precision, and what fits into memory.
    intensity : IntensityRange, optional
        Of the whole image, if it was measured before.
    """
    settings = model.settings
    plane, flat = None, image
    if settings.network.dimensions == 2 and len(image.shape) > 2:
        plane = _most_contrast(image)
        flat = image.plane(plane)
    own = mean_factor(flat, settings)
    seen = settings.seen
    if (
        seen is None
        or seen.diameters_px is None
        or settings.annotation != "objects"
        or settings.network.dimensions == 3
    ):
        return Zoom(None, own)
    intensity = intensity or measure_intensity(image, settings.normalisation)
    return _Probe(flat, plane, model, room, intensity, own, seen.diameters_px[1]).run()


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    """A plane (C, Y, X), a model, its own zoom for it, the diameter that it knows."""

    image: Image
    plane: int | None
    model: Model
    room: Room
    intensity: IntensityRange
    own: float
    known: float

    def run(self) -> Zoom:
        """Return the model's own zoom if it fits, else one that does."""
        first = self._look(self.own, _FIRST_LOOK)
        fits = self._fits(first)
        if fits and not self._is_doubted(first):
            return self._keep(first)
        best = None
        if first.is_telling and not fits:
            closer = self._look(first.factor_for(self.known), _LOOK)
            if self._fits(closer) and closer.confidence >= first.confidence:
                best = closer
        best = best or self._search(first)
        least = first.confidence + _GAIN if fits else _SURE
        if first.is_telling and not fits:
            least = first.confidence - _DOUBT
        if best is None or best.confidence < least:
            return self._keep(first)
        factor = best.factor_for(self.known)
        if 1 / _SAME < factor / self.own < _SAME:
            return self._keep(best)
        return self._change(best, float(f"{factor:.3g}"))

    def _fits(self, look: _Look) -> bool:
        """Tell whether objects are about as large as those of the model."""
        ratio = look.diameter / self.known
        return look.objects >= _ENOUGH and 1 / _ALIKE < ratio < _ALIKE

    def _is_doubted(self, look: _Look) -> bool:
        """Tell whether at half the zoom the network is surer, and that of another size.

        Structure inside large objects may be as large as the objects it knows.
        """
        half = self._look(look.factor / 2, _LOOK)
        ratio = half.factor_for(self.known) / look.factor
        return (
            half.is_telling
            and half.confidence > look.confidence + _DOUBT
            and not 1 / _ALIKE < ratio < _ALIKE
        )

    def _holds(self, look: _Look) -> bool:
        """Tell whether at half the zoom there are the same objects.

        What a network sees in noise is always as large as what it knows.
        """
        half = self._look(look.factor / 2, _LOOK)
        ratio = half.factor_for(self.known) / look.factor
        return half.objects >= _ENOUGH and 1 / _ALIKE < ratio < _ALIKE

    def _search(self, first: _Look) -> _Look | None:
        """Return a look at the zoom where objects are as the model knows them."""
        best: _Look | None = None
        for power in _POWERS:
            look = first if power == 0 else self._look(self.own * _STEP**power, _LOOK)
            if look.objects >= _ENOUGH and (
                best is None or look.confidence > best.confidence
            ):
                best = look
            elif (
                best is not None
                and best.is_telling
                and look.confidence < best.confidence - _LOSS
            ):
                break  # what is enlarged further is only less alike
        if best is None or not best.is_telling:
            return None
        closer = self._look(best.factor_for(self.known), _LOOK)
        if not (closer.is_telling and self._fits(closer) and self._holds(closer)):
            return None
        return closer

    def _look(self, factor: float, pixels: int) -> _Look:
        """Find objects in a part of the image, enlarged by a factor."""
        edge = max(1, math.floor(math.sqrt(pixels) / factor))
        box = find_content(self.image.array, (edge, edge))
        part = self.image.array[(slice(None), *box)]
        shape = [max(1, round(length * factor)) for length in part.shape[1:]]
        network = self.model.network
        foreground = np.zeros(shape, np.float32)
        grey = resample(part, shape)
        for tile in predict(
            network, grey, self.intensity, self.room.compute, room=self.room
        ):
            foreground[tile.interior] = 1 - tile.probabilities[0]
        config = self.model.settings.objects.replaced(min_size=_SPECK)
        return _measure(foreground, find_objects(foreground, config), factor, box)

    def _glimpse(self, look: _Look) -> Glimpse:
        """Return what was seen in pixels of the image."""
        shape = [part.stop - part.start for part in look.box]
        return Glimpse(self.plane, look.box, resample(look.foreground, shape))

    def _keep(self, look: _Look) -> Zoom:
        """Return the model's own zoom."""
        glimpse = self._glimpse(look)
        if look.objects >= _ENOUGH:
            return Zoom(None, self.own, *_found(look), glimpse=glimpse)
        return Zoom(
            None,
            self.own,
            glimpse=glimpse,
            said=f"zoom {self.own:.3g}, the model's own, because at no other there are "
            "objects that it is sure of",
        )

    def _change(self, look: _Look, factor: float) -> Zoom:
        """Return another zoom; where pixel sizes are known, only say it."""
        across, objects, confidence = _found(look)
        if None in (self.image.pixel_size_um, self.model.settings.pixel_sizes_um):
            said = (
                f"zoom {factor:g}, because its objects are about {across:.2g} px "
                f"across and the model was made for {self.known:.2g} px"
            )
            glimpse = self._glimpse(look)
            return Zoom(factor, factor, across, objects, confidence, said, glimpse)
        if 1 / _CLEAR < factor / self.own < _CLEAR:
            return self._keep(look)
        small = "small" if factor > self.own else "large"
        said = (
            f"zoom {self.own:.3g} by its pixel size, at which its objects look too "
            f"{small} for the model. Check the pixel size, or choose the zoom "
            f"{factor:g} (on the command line: --scale {factor:g}; in the dock: under "
            "Segment, Zoom)"
        )
        return Zoom(None, self.own, across, objects, confidence, said)


def _found(look: _Look) -> tuple[float, int, float]:
    """Return the diameter in pixels of the image, the number, the confidence."""
    return look.diameter / look.factor, look.objects, look.confidence


def _measure(
    foreground: NDArray[np.float32],
    labels: NDArray[np.integer],
    factor: float,
    box: tuple[slice, slice],
) -> _Look:
    """Measure the objects that were found in foreground probabilities."""
    diameters = np.sort(measure_diameters(labels))
    if not len(diameters):
        return _Look(factor, box, foreground)
    covered = np.cumsum(diameters**2)
    typical = diameters[np.searchsorted(covered, covered[-1] / 2)]
    whole = diameters[diameters >= _NARROW * typical]
    return _Look(
        factor,
        box,
        foreground,
        len(whole),
        float(np.median(whole)),
        float(foreground[labels > 0].mean()),
    )


def _most_contrast(image: Image) -> int:
    """Return the index of the plane of a stack with most contrast, of a few."""
    planes = np.unique(np.linspace(0, image.shape[0] - 1, _PLANES + 2).astype(int))
    tried = planes[1:-1] if len(planes) > 2 else planes
    spread = [float(image.array[:, z, ::8, ::8].std()) for z in tried]
    return int(tried[int(np.argmax(spread))])
