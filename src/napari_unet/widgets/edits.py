"""The one way by which the docks change labels: in steps that can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_unet.core.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

# An undo step holds 20 bytes for each changed pixel: 320 MB.
MAX_UNDOABLE_PIXELS = 16_000_000
_DOING = "napari_unet_doing"


def edit(
    layer: Labels,
    where: tuple[NDArray[Any], ...],
    values: NDArray[Any],
    what: str,
    *,
    otherwise: str = "zoom in, and do it part by part",
) -> None:
    """Give pixels of a labels layer new numbers, as one step that can be undone.

    Parameters
    ----------
    layer : Labels
        Whose ``paint`` event tells of the change, if there is one.
    where : tuple of ndarray of int
        Indices of the pixels, one array for each axis of the layer.
    values : ndarray
        The new number of each.
    what : str
        What is done, in a word or two; `what_is_done` returns it meanwhile.
    otherwise : str
        What to do where it is too much.

    Raises
    ------
    InputError
        If it were too much for an undo step; then nothing is changed.
    """
    if len(values) > MAX_UNDOABLE_PIXELS:
        raise InputError(
            f"{len(values) / 1e6:.0f} million pixels are too many for one step that "
            f"can be undone ({what}); {otherwise}."
        )
    if not len(values):
        return
    layer.metadata[_DOING] = what
    try:
        layer.data_setitem(where, values.astype(layer.data.dtype, copy=False))
    finally:
        del layer.metadata[_DOING]


def what_is_done(layer: Labels) -> str:
    """Return what changes a layer, for who hears of it: a tool's word, or its mode."""
    word: str = layer.metadata.get(_DOING, str(layer.mode))
    return word
