"""A map of what one paints, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_unet.core.annotation.derived import MapName


@dataclass(frozen=True, slots=True, eq=False)
class MapAnswer:
    """A map with what it belongs to."""

    image: ImageLayer
    plane: int | None
    name: MapName
    values: NDArray[Any]
    objects: int
    noun: str = "objects"
    ground: str = ""

    def describe(self) -> str:
        """Return what is to be said about the map and the ground it knows."""
        said = self._describe_map()
        return f"{said.removesuffix('.')}. {self.ground}" if self.ground else said

    def _describe_map(self) -> str:
        objects, values, noun = self.objects, self.values, self.noun
        if self.name == "patch density":
            drawn = float(values.sum())
            # Objects have the density 1, unless all is alike.
            share = float(values[values == 1].sum()) / drawn if drawn else 0
            return f"{share:.0%} of the patches are centred on an object"
        if self.name == "distance map":
            return f"{objects} {noun}; the farthest pixel is {values.max():.0f} px away"
        if objects < 2:
            return (
                f"Fewer than two {noun} are annotated here, so there is no ridge "
                f"between {noun} yet."
            )
        if self.name == "separation border":
            cut = int(values.sum())
            return f"{objects} {noun}; {cut} px between touching ones become background"
        return f"{objects} {noun}; the brightest pixels count {values.max():.1f} times"
