"""At which zoom a model finds objects of the size it knows: a quick look at a few."""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import DeviceChoice, ModelSettings
from napari_unet.core.device import Precision, choose_compute, place
from napari_unet.core.image import (
    Image,
    IntensityRange,
    check_contrast,
    measure_intensity,
    resample,
)
from napari_unet.core.memory import give_back
from napari_unet.core.prediction.channels import pick_channels
from napari_unet.core.prediction.glimpse import Glimpse
from napari_unet.core.prediction.rescaling import (
    fits_pixel_size,
    is_usual_pixel_size,
    limit_zoom,
    mean_factor,
    say_length,
    say_sizes,
)
from napari_unet.core.prediction.room import Room
from napari_unet.core.prediction.zoomed_look import (
    ENOUGH,
    SURE,
    Look,
    known_diameter,
    look_at,
    most_contrast,
)

# Objects so many times as large or small as those of the model are as it knows them.
_ALIKE = 1.4
# Where pixel sizes are known, cells of other kinds may be so many times as large: only
# more than that is worth a word.
_CLEAR = 1.7
# A zoom nearer to the model's own than this is its own: no other finds more.
SAME = 1.15
# Zooms of a search, compared with the model's own: these powers of this step.
_STEP = 1.7
_POWERS = range(-4, 4)
# Pixels of the model in a look at its own zoom, and in one of a search.
_FIRST_LOOK, _LOOK = 352**2, 288**2
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
    ignored_um : tuple of float, optional
        The pixel size of the image, where it is not gone by.
    proposed : float, optional
        The zoom that objects ask for, where pixel sizes ask for another.
    """

    scale: float | None
    factor: float
    diameter_px: float | None = None
    objects: int = 0
    confidence: float = 0.0
    said: str = ""
    glimpse: Glimpse | None = field(default=None, repr=False, compare=False)
    ignored_um: tuple[float, ...] | None = None
    proposed: float | None = None

    @property
    def is_telling(self) -> bool:
        """Whether the model was sure of enough objects."""
        return self.objects >= ENOUGH and self.confidence >= SURE


def propose_zoom(
    image: Image,
    model: Model,
    *,
    scale: float | Literal["auto"] | None = "auto",
    device: DeviceChoice = "auto",
    precision: Precision | None = None,
) -> Zoom:
    """Look at a part of an image, and propose how to zoom it for a model.

    First at the model's own zoom (by the pixel sizes, or the one it keeps for images of
    unknown pixel size): if it surely finds objects about as large as those it knows,
    that stays. Else at zooms from an eighth to five times that; where the network is
    surest, the size of what it finds says how to zoom. Known pixel sizes stay, but a
    sentence says where objects speak against them. Those that cannot be are not gone
    by, nor far smaller ones than the model's that objects speak against.

    Parameters
    ----------
    image : Image
        The whole image; of a stack, one plane with much contrast counts.
    model : Model
        Nothing is looked for with models of volumes, of classes, points or values, and
        with those that do not know how large their objects were.
    scale : float, "auto" or None
        As of `segment`: where it is given, or the pixel sizes alone shall say it, no
        zoom is looked for, and objects at this one only.
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
        return probe_zoom(picked, model, Room(compute, may_move=True), scale=scale)
    finally:
        if compute.device.type != "cpu":
            place(model.network, torch.device("cpu"))
            give_back(None, compute.device)


def probe_zoom(
    image: Image,
    model: Model,
    room: Room,
    intensity: IntensityRange | None = None,
    *,
    scale: float | Literal["auto"] | None = "auto",
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
    scale : float, "auto" or None
        As of `propose_zoom`.
    """
    settings = model.settings
    plane, flat = None, image
    if settings.network.dimensions == 2 and len(image.shape) > 2:
        plane = most_contrast(image)
        flat = image.plane(plane)
    factor = None if scale == "auto" else scale
    known = known_diameter(settings)
    if known is None:
        return Zoom(factor, mean_factor(flat, settings, factor))
    sized = flat
    is_doubtful = scale == "auto" and not is_usual_pixel_size(flat, settings)
    if is_doubtful:
        flat = replace(flat, pixel_size_um=None)
    own = mean_factor(flat, settings, factor)
    intensity = intensity or measure_intensity(image, settings.normalisation)
    probe = _Probe(flat, plane, model, room, intensity, own, known)
    if scale != "auto":
        return replace(probe.look_only(), scale=factor, said="")
    zoom = probe.run()
    return _judge_pixel_size(zoom, sized, settings) if is_doubtful else zoom


def _judge_pixel_size(zoom: Zoom, image: Image, settings: ModelSettings) -> Zoom:
    """Return a zoom that goes by an unusual pixel size only if objects agree."""
    why = "cannot be"
    if fits_pixel_size(image, settings):
        asked = mean_factor(image, settings)
        if zoom.objects < ENOUGH or 1 / _CLEAR < asked / zoom.factor < _CLEAR:
            return replace(zoom, scale=None, factor=asked, said="")
        why = "does not fit its objects"
    sizes = image.pixel_size_um
    said = f"its pixel size of {say_sizes(sizes)} µm {why}: zoom {zoom.factor:.3g}, "
    if zoom.objects < ENOUGH:
        said += (
            "the model's own, because at no other there are objects that it is sure of"
        )
    else:
        said += "found by how large its objects are"
    return replace(zoom, scale=zoom.factor, said=said, ignored_um=sizes)


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
        if self._is_fitted and not (fits and self._is_as_sure(first)):
            return self._as_before(first)
        if fits and not self._is_doubted(first):
            return self._refine(first)
        best = None
        if first.is_telling and not fits:
            closer = self._look(first.factor_for(self.known), _LOOK)
            if self._fits(closer) and closer.confidence >= first.confidence - _DOUBT:
                best = closer
        best = best or self._search(first)
        least = first.confidence + _GAIN if fits else SURE
        if first.is_telling and not fits:
            least = first.confidence - _DOUBT
        if best is None or best.confidence < least:
            return self._keep(first)
        factor = best.factor_for(self.known)
        if self._is_own(factor):
            return self._keep(best)
        return self._change(best, float(f"{factor:.3g}"))

    @property
    def _is_fitted(self) -> bool:
        """Whether its own zoom was fitted to the images of a fine-tuning."""
        return self.own != 1 and not self._is_size_known

    def _is_as_sure(self, first: Look) -> bool:
        """Tell whether it is as sure as without the zoom that was fitted."""
        before = self._look(1.0, _LOOK)
        is_surer = before.confidence >= first.confidence + _DOUBT
        return not (is_surer and before.is_telling and self._fits(before))

    def _as_before(self, first: Look) -> Zoom:
        """Return the zoom for other images than those: as if it had not been fitted.

        So a fine-tuning does not change how the images before it are zoomed.
        """
        zoom = replace(self, own=1.0).run()
        if zoom.confidence < SURE:
            return self._keep(first)
        if zoom.scale is not None:
            return zoom
        said = "zoom 1, at which the model is surest of its objects"
        return replace(zoom, scale=1.0, said=said)

    def look_only(self) -> Zoom:
        """Return the model's own zoom, whatever is found there."""
        return self._keep(self._look(self.own, _FIRST_LOOK))

    def _refine(self, first: Look) -> Zoom:
        """Bring objects that are about as large as those of the model to their size.

        All images of a kind then get about one zoom, not some the model's own.
        """
        factor = first.factor_for(self.known)
        if self._is_size_known or not first.is_telling or self._is_own(factor):
            return self._keep(first)
        closer = self._look(factor, _LOOK)
        if not (closer.is_telling and self._fits(closer)):
            return self._keep(first)
        factor = closer.factor_for(self.known)
        if closer.confidence < first.confidence - _DOUBT or self._is_own(factor):
            return self._keep(first)
        return self._change(closer, float(f"{factor:.3g}"))

    def _is_own(self, factor: float) -> bool:
        """Tell whether a zoom is no other than the model's own."""
        return 1 / SAME < factor / self.own < SAME

    @property
    def _is_size_known(self) -> bool:
        """Whether pixel sizes say how to zoom."""
        sizes = self.image.pixel_size_um, self.model.settings.pixel_sizes_um
        return None not in sizes

    def _fits(self, look: Look) -> bool:
        """Tell whether objects are about as large as those of the model."""
        ratio = look.diameter / self.known
        return look.objects >= ENOUGH and 1 / _ALIKE < ratio < _ALIKE

    def _is_doubted(self, look: Look) -> bool:
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

    def _holds(self, look: Look) -> bool:
        """Tell whether at half the zoom there are the same objects.

        What a network sees in noise is always as large as what it knows.
        """
        half = self._look(look.factor / 2, _LOOK)
        ratio = half.factor_for(self.known) / look.factor
        return half.objects >= ENOUGH and 1 / _ALIKE < ratio < _ALIKE

    def _search(self, first: Look) -> Look | None:
        """Return a look at the zoom where objects are as the model knows them."""
        best: Look | None = None
        for power in _POWERS:
            look = first if power == 0 else self._look(self.own * _STEP**power, _LOOK)
            if look.objects >= ENOUGH and (
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

    def _look(self, factor: float, pixels: int) -> Look:
        """Find objects in a part of the image, enlarged by a factor."""
        return look_at(
            self.image, self.model, self.room, self.intensity, factor, pixels
        )

    def _glimpse(self, look: Look) -> Glimpse:
        """Return what was seen in pixels of the image."""
        shape = [part.stop - part.start for part in look.box]
        return Glimpse(self.plane, look.box, resample(look.foreground, shape))

    def _keep(self, look: Look) -> Zoom:
        """Return the model's own zoom."""
        glimpse = self._glimpse(look)
        if look.objects >= ENOUGH:
            return Zoom(None, self.own, *_found(look), glimpse=glimpse)
        return Zoom(
            None,
            self.own,
            glimpse=glimpse,
            said=f"zoom {self.own:.3g}, the model's own, because at no other there are "
            "objects that it is sure of",
        )

    def _change(self, look: Look, factor: float) -> Zoom:
        """Return another zoom; where pixel sizes are known, only say it."""
        across, objects, confidence = _found(look)
        factor = limit_zoom(factor)
        if not self._is_size_known:
            said = (
                f"zoom {factor:g}, because its objects are about {say_length(across)} "
                f"px across and the model was made for {say_length(self.known)} px"
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
            "Segment, More settings, Zoom)"
        )
        return Zoom(None, self.own, across, objects, confidence, said, proposed=factor)


def _found(look: Look) -> tuple[float, int, float]:
    """Return the diameter in pixels of the image, the number, the confidence."""
    return look.diameter / look.factor, look.objects, look.confidence
