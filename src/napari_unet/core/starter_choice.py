"""Which of the models that come with the program is used where none was chosen."""

import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from napari_unet.core.annotation.object_sizes import keep_known
from napari_unet.core.annotation.target import Example
from napari_unet.core.annotation.unpainted import is_sparse
from napari_unet.core.checkpoint import Model, load_model
from napari_unet.core.config import DeviceChoice, ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.model_folders import STARTERS_FOLDER, list_starters
from napari_unet.core.prediction.channels import pick_channels, read_these
from napari_unet.core.prediction.plane import check_channels
from napari_unet.core.prediction.suited import Rating, rate_models
from napari_unet.core.prediction.zoom import Zoom
from napari_unet.core.prediction.zoomed_look import ENOUGH

# Less than this between two models, in points of `rate_models`, is a close choice.
_CLOSE = 0.4
# One of several channels is only taken where a model is so sure of what it finds; of
# more channels than this the user must name one.
_SURE_OF_CHANNEL, _MOST_CHANNELS = 0.75, 8


@dataclass(frozen=True, slots=True, eq=False)
class StarterChoice:
    """A starter model, and why it and no other.

    Parameters
    ----------
    model : Model
        The starter model.
    why : str
        For people, to be read after "it is used because".
    zooms : tuple of (Zoom or None)
        How to zoom each image for it; None where it was not looked for.
    """

    model: Model
    why: str
    zooms: tuple[Zoom | None, ...]

    @property
    def zoom(self) -> Zoom | None:
        """How to zoom the first image for it."""
        return self.zooms[0]


def choose_starter(
    image: Image,
    device: DeviceChoice = "auto",
    channels: Sequence[int] = (),
    *,
    scale: float | Literal["auto"] | None = "auto",
) -> StarterChoice:
    """Return the starter model that suits an image.

    Parameters
    ----------
    image : Image
        To be segmented.
    device : str
        Where to look at it.
    channels : sequence of int
        Which channels of the image are read, if it has more than the models read.
    scale : float, "auto" or None
        As of `segment`: where it is given, no zoom is looked for.

    Raises
    ------
    InputError
        If the program came without starter models, or none can read this image.
    """
    return choose_starter_for_all([image], device, channels, scale=scale)


def choose_starter_for_all(
    images: Iterable[Image],
    device: DeviceChoice = "auto",
    channels: Sequence[int] = (),
    *,
    scale: float | Literal["auto"] | None = "auto",
) -> StarterChoice:
    """Return the starter model that suits several images best, taken together.

    The arguments are those of `choose_starter`; images are looked at one by one.

    Raises
    ------
    InputError
        If the program came without starter models, or none can read any image.
    """
    models = [load_model(folder) for folder, _ in list_starters()]
    if not models:
        raise InputError(
            f"There are no starter models in '{STARTERS_FOLDER}': install the program "
            "anew, or train a model of your own."
        )
    if channels:
        models = [
            replace(model, settings=read_these(model.settings, channels))
            for model in models
        ]
    refused = InputError("There is no image to choose a starter model for. Give one.")
    offers = _Offers(models, scale, device)
    votes: list[list[Rating]] = []
    names: tuple[str, ...] = ()
    for image in images:
        try:
            vote = offers.rate(image)
        except InputError as error:
            refused, vote = error, []
        votes.append(vote)
        names = names or image.channel_names
    if not any(votes):
        raise refused
    all_offers = offers.made
    readers = [m for m in all_offers if all(_rating(m, vote) for vote in votes if vote)]
    ranked = sorted(readers or all_offers, key=lambda m: -_sum_points(m, votes))
    best = ranked[0]
    ratings = [_rating(best, vote) for vote in votes]
    zooms = tuple(None if each is None else each.zoom for each in ratings)
    suits = sum(each is not None and each.suits for each in ratings)
    is_good = 2 * suits >= len(votes)
    why = f"of the {len(models)} there are it suits "
    why += "this image best" if len(votes) == 1 else "them best"
    if len(models) == 1:
        why = "it is the only one there is"
    elif not is_good:
        which = "neither" if len(models) == 2 else "none"
        whom = "this image" if len(votes) == 1 else "them"
        why = f"{which} of the {len(models)} there are seems to suit {whom}, and it "
        why += "comes closest"
    if best in offers.by_channel:
        why += f", in {_name_channel(best, names)}"
    doubt = _doubt(ranked, votes, names) if is_good else ""
    return StarterChoice(best, why + _say_sure(zooms) + doubt, zooms)


class _Offers:
    """Who is asked about images: the models, or each of them in each channel.

    Parameters
    ----------
    models : sequence of Model
        The starters, perhaps with the channels that they are to read.
    scale : float, "auto" or None
        As of `segment`.
    device : str
        Where to look.
    """

    def __init__(
        self,
        models: Sequence[Model],
        scale: float | Literal["auto"] | None,
        device: DeviceChoice,
    ) -> None:
        self._models = list(models)
        self._scale, self._device = scale, device
        self._of_channels: dict[int, list[Model]] = {}

    @property
    def by_channel(self) -> list[Model]:
        """Models that read one channel of several, as far as images asked for them."""
        return [model for each in self._of_channels.values() for model in each]

    @property
    def made(self) -> list[Model]:
        """All of them."""
        return [*self._models, *self.by_channel]

    def rate(self, image: Image) -> list[Rating]:
        """Return how well each suits an image, the best first.

        Of an image with more channels than any reads, each channel is looked at by the
        model that suits it; there it counts how sure that is of what it finds: noise
        may look like the ground of anything.

        Raises
        ------
        InputError
            If none can read the image, or in no channel enough is found.
        """
        rate = functools.partial(rate_models, scale=self._scale, device=self._device)
        single = [
            model
            for model in self._models
            if model.settings.network.in_channels == 1 and not model.settings.channels
        ]
        is_readable = any(_reads(model, image) for model in self._models)
        if is_readable or not single or image.channels > _MOST_CHANNELS:
            return rate(image, self._models)
        ratings: list[Rating] = []
        for channel in range(image.channels):
            offers = self._of_channels.setdefault(
                channel,
                [
                    replace(model, settings=read_these(model.settings, [channel]))
                    for model in single
                ],
            )
            with suppress(InputError):  # nothing can be seen in this channel
                best, *others = rate(image, offers)
                points = _rate_channel(best.zoom)
                ratings.append(replace(best, points=points))
                ratings += [replace(o, points=points - 1, zoom=None) for o in others]
        if not any(each.points > 0 for each in ratings):
            check_channels(image, single[0].settings)
        return sorted(ratings, key=lambda each: -each.points)


def _reads(model: Model, image: Image) -> bool:
    try:
        pick_channels(image, model.settings)
    except InputError:
        return False
    return True


def _rate_channel(zoom: Zoom | None) -> float:
    """Return how sure a model is of what it finds in a channel; 0 if not enough."""
    if zoom is None or zoom.objects < ENOUGH or zoom.confidence < _SURE_OF_CHANNEL:
        return 0.0
    return zoom.confidence


def _name_channel(model: Model, names: Sequence[str]) -> str:
    """Return the channel of several that a model reads, for people."""
    (channel,) = model.settings.channels
    if isinstance(channel, int) and channel < len(names):
        return f"the channel '{names[channel]}'"
    return f"channel {channel} (the first is 0)"


def _rating(model: Model, vote: list[Rating]) -> Rating | None:
    """Return how well a model suits an image; None if it cannot read it."""
    return next((each for each in vote if each.model is model), None)


def _sum_points(model: Model, votes: list[list[Rating]]) -> float:
    """Return how well a model suits all images that it can read."""
    ratings = [_rating(model, vote) for vote in votes]
    return sum(each.points for each in ratings if each is not None)


def _say_sure(zooms: tuple[Zoom | None, ...]) -> str:
    """Say how sure it was of what it found."""
    looks = [zoom for zoom in zooms if zoom is not None]
    objects = sum(zoom.objects for zoom in looks)
    if not looks:
        return ""
    if not objects:
        return "; in a quick look it found hardly any object"
    mean = sum(zoom.confidence * zoom.objects for zoom in looks) / objects
    where = "" if len(zooms) == 1 else f" at {len(zooms)} of them"
    return (
        f"; in a quick look{where} it was {mean:.0%} sure of the {objects} objects it "
        "found"
    )


def _doubt(ranked: list[Model], votes: list[list[Rating]], names: Sequence[str]) -> str:
    """Say where another model suits images nearly as well."""
    if len(ranked) == 1:
        return ""
    best, second = ranked[:2]
    asked = [_rating(second, vote) for vote in votes]
    if any(each is None or each.zoom is None for each in asked):
        return ""  # it could not win
    if _sum_points(best, votes) - _sum_points(second, votes) > _CLOSE * len(votes):
        return ""
    other = f"'{second.card.name}'"
    if second.settings.channels and second.settings.channels != best.settings.channels:
        other += f" in {_name_channel(second, names)}"
    return (
        f". The choice is not sure, {other} suits nearly as well: choose "
        "it if the result is poor"
    )


def choose_witness(
    start_from: Model | None, settings: ModelSettings, device: DeviceChoice = "auto"
) -> Callable[[Example], tuple[Model, Zoom | None] | None]:
    """Return who is asked which objects an annotated image holds, and at which zoom.

    Parameters
    ----------
    start_from : Model, optional
        The model to start from: it is asked.
    settings : ModelSettings
        Its own, as they fit the images; or those of a new model.
    device : str
        Where a starter is chosen.

    Returns
    -------
    callable
        Of an example; None where nobody is. Before a training from scratch that is the
        starter that suits the image, where little of it is painted.
    """

    def choose(example: Example) -> tuple[Model, Zoom | None] | None:
        if start_from is not None:
            return replace(start_from, settings=settings), None
        if not is_sparse(keep_known(example)):
            return None
        choice = choose_starter(example.image, device)
        return choice.model, choice.zoom

    return choose
