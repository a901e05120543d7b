"""A network in words: the preset that it is, or is closest to, and what differs."""

from dataclasses import dataclass
from typing import Any

from napari_unet.core.config import NetworkConfig
from napari_unet.core.presets import PRESETS

# They follow from the images and their annotation.
_OF_IMAGES = ("in_channels", "classes", "target_channels")


@dataclass(frozen=True, slots=True)
class NetworkSummary:
    """Which preset's network it is, but for some settings.

    Parameters
    ----------
    preset : str
        The preset with the fewest differences.
    changes : tuple of (str, value, value)
        Settings that differ: title, what the network has, and the preset.
    """

    preset: str
    changes: tuple[tuple[str, Any, Any], ...]

    def __str__(self) -> str:
        """Return "preset 'fast', but levels 2 instead of 4"."""
        named = f"preset '{self.preset}'"
        if not self.changes:
            return named
        said = ", ".join(f"{t} {has} instead of {had}" for t, has, had in self.changes)
        return f"{named}, but {said}"

    @property
    def short(self) -> str:
        """Return 'fast', or 'fast, 2 changes'."""
        count = len(self.changes)
        if not count:
            return self.preset
        return f"{self.preset}, {count} change{'s' if count > 1 else ''}"


def summarise_network(network: NetworkConfig, preset: str = "") -> NetworkSummary:
    """Compare a network with those of the presets.

    Parameters
    ----------
    network : NetworkConfig
        Channels and classes do not count: they follow from the images.
    preset : str
        Preferred where several are equally close: what the training was started with.

    Examples
    --------
    >>> str(summarise_network(NetworkConfig(levels=2, in_channels=3)))
    "preset 'fast', but levels 2 instead of 4"
    """
    names = sorted(PRESETS, key=lambda name: name != preset)
    summaries = [
        NetworkSummary(n, _compare(network, PRESETS[n].network)) for n in names
    ]
    return min(summaries, key=lambda summary: len(summary.changes))


def describe_parts(network: NetworkConfig) -> str:
    """Return what the network is built of, preset or not."""
    norm = "no" if network.norm == "none" else network.norm
    skip = "no skip connections"
    if network.skip != "none":
        skip = f"skip connections '{network.skip}'"
    name = "U-Net++" if network.architecture == "unet++" else "U-Net"
    return (
        f"{network.dimensions}D {name}, {network.base_channels} base channels, "
        f"{network.levels} levels, '{network.block}' blocks, '{network.padding}' "
        f"padding, {norm} normalisation layers, {skip}, {network.in_channels} "
        "channel(s)"
    )


def _compare(
    network: NetworkConfig, other: NetworkConfig
) -> tuple[tuple[str, Any, Any], ...]:
    """Return what differs, by title."""
    changes = []
    for name, declared in NetworkConfig.model_fields.items():
        has, had = getattr(network, name), getattr(other, name)
        if has != had and name not in _OF_IMAGES:
            title = declared.title or name.replace("_", " ")
            changes.append((title, has, had))
    return tuple(changes)
