"""The part of a labels layer that a tool works on: the slice, or the volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.widgets.edits import edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_unet.core.annotation.edited import Edit

_SHOWN_AS_VOLUME = 3


class EditedPart:
    """What napari's own tools would paint on: as many axes as `n_edit_dimensions` says.

    Parameters
    ----------
    viewer : napari.Viewer
        Says which axes are on the screen. Shown in 3D, the volume is worked on.
    layer : Labels layer
        2D, or a stack.
    position : sequence of float
        A place in the viewer's world: on the slice that is worked on.
    """

    def __init__(
        self, viewer: napari.Viewer, layer: Labels, position: Sequence[float]
    ) -> None:
        self.layer = layer
        pixel = np.round(layer.world_to_data(position)).astype(int).tolist()
        front = viewer.dims.ndim - layer.ndim  # axes that the layer does not have
        order = [axis - front for axis in viewer.dims.order if axis >= front]
        count = layer.n_edit_dimensions
        if viewer.dims.ndisplay == _SHOWN_AS_VOLUME:
            count = max(count, _SHOWN_AS_VOLUME)
        # Those on the screen are the last ones.
        self._axes = order[max(0, len(order) - count) :]
        index = {a: pixel[a] for a in order if a not in self._axes}
        #: Whether the slice is one of the layer's.
        self.is_there = all(0 <= at < layer.data.shape[a] for a, at in index.items())
        self._index = tuple(index.get(a, slice(None)) for a in range(layer.ndim))
        #: Of the axes that are left, in the order of `array`.
        self.place = tuple(pixel[a] for a in self._axes)

    @property
    def array(self) -> NDArray[Any]:
        """A view of the layer's data, the axes on the screen last."""
        part = np.asarray(self.layer.data)[self._index]
        array: NDArray[Any] = part.transpose(
            [sorted(self._axes).index(axis) for axis in self._axes]
        )
        return array

    @property
    def index(self) -> tuple[int | slice, ...]:
        """What of the layer it is: a slice along the axes that it has."""
        return self._index

    @property
    def is_in_order(self) -> bool:
        """Whether the axes are those of the layer in their order: no other slicing."""
        return self._axes == list(range(self.layer.ndim))[-len(self._axes) :]

    @property
    def number(self) -> int:
        """The number at the place; 0 outside."""
        return int(self.array[self.place]) if self.is_inside else 0

    @property
    def is_inside(self) -> bool:
        """Whether the place is a pixel of the layer."""
        sizes = zip(self.place, self.array.shape, strict=True)
        return self.is_there and all(0 <= at < size for at, size in sizes)

    def path(self, positions: Sequence[Sequence[float]]) -> NDArray[np.floating]:
        """Return places in the viewer's world as pixels (row, column) on the screen."""
        pixels = np.array([self.layer.world_to_data(at) for at in positions])
        return pixels[:, self._axes[-2:]]

    def change(self, change: Edit, what: str) -> None:
        """Make an edit of `array` in the layer, as one step that can be undone.

        Raises
        ------
        InputError
            See `edits.edit`.
        """
        count = len(change.values)
        where: list[Any] = [
            np.full(count, at) if isinstance(at, int) else None for at in self._index
        ]
        for axis, indices in zip(self._axes, change.where, strict=True):
            where[axis] = indices
        edit(self.layer, tuple(where), change.values, what)
