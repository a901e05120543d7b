"""Which channels of an image a model reads."""

from collections.abc import Sequence
from dataclasses import replace

from napari_unet.core.config import ModelSettings
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, IntensityRange, only_channel
from napari_unet.core.prediction.plane import check_channels


def pick_channels(image: Image, settings: ModelSettings) -> Image:
    """Return the image with the channels that the model reads, in its order.

    Parameters
    ----------
    image : Image
        With all its channels; planes become channels where the model says so.
    settings : ModelSettings
        Its `channels` are positions, or names that are looked for among the image's;
        an image whose channels have other names must have as many. A model of one
        channel reads the only one that shows anything: see `only_channel`.

    Raises
    ------
    InputError
        If it lacks one of them, or has another number of channels than the model.
    """
    if settings.planes_as_channels and len(image.shape) == 3:
        image = planes_to_channels(image)
    places = _find(image, settings)
    if places is not None:
        names = tuple(image.channel_names[i] for i in places if image.channel_names)
        image = replace(image, array=image.array[places], channel_names=names)
    check_channels(image, settings)
    return image


def read_these(settings: ModelSettings, channels: Sequence[int]) -> ModelSettings:
    """Return the settings of a model with the channels that it shall read of an image.

    Parameters
    ----------
    settings : ModelSettings
        Of the model.
    channels : sequence of int
        Their positions, in the order of the model's; none leaves it to the model.

    Raises
    ------
    InputError
        If the model reads more or fewer.
    """
    if not channels:
        return settings
    wanted = settings.network.in_channels
    if len(channels) != wanted:
        needs = "1 channel" if wanted == 1 else f"{wanted} channels"
        raise InputError(
            f"{len(channels)} channels are named, but the model reads {needs}. Name as "
            "many as that (on the command line: --channels)."
        )
    return settings.replaced(channels=tuple(channels))


def pick_intensity(
    intensity: IntensityRange, image: Image, settings: ModelSettings
) -> IntensityRange:
    """Return the range of the channels that `pick_channels` takes from `image`."""
    places = _find(image, settings)
    if places is None:
        return intensity
    return IntensityRange(intensity.low[places], intensity.high[places])


def planes_to_channels(image: Image) -> Image:
    """Return a stack (C, Z, Y, X) as one plane of C * Z channels.

    Of a stack with time, each time point is such a plane: (C * Z, T, Y, X).
    """
    size = image.pixel_size_um
    if image.times > 1:
        depths_first = image.unfold(image.array).swapaxes(1, 2)
        return Image(
            depths_first.reshape(-1, image.times, *image.shape[1:]),
            None if size is None else (1.0, *size[1:]),
            image.name,
        )
    return Image(
        image.array.reshape(-1, *image.shape[1:]),
        None if size is None else size[1:],
        image.name,
    )


def _find(image: Image, settings: ModelSettings) -> list[int] | None:
    """Return the positions of the model's channels in the image; None for all."""
    wanted = settings.channels
    if not wanted:
        lone = None
        if image.channels > 1 and settings.network.in_channels == 1:
            lone = only_channel(image.array)
        return None if lone is None else [lone]
    positions = [channel for channel in wanted if isinstance(channel, int)]
    if len(positions) < len(wanted):
        if set(wanted) <= set(image.channel_names):
            return [image.channel_names.index(str(name)) for name in wanted]
        return None
    if max(positions) >= image.channels:
        has = "1 channel" if image.channels == 1 else f"{image.channels} channels"
        raise InputError(
            f"'{image.name}' has {has}, but the model reads the channels "
            f"{', '.join(map(str, positions))} (the first is 0). Use an image with all "
            "the channels it was trained on, or train a model on images like this one."
        )
    return positions
