"""Masks that Cellpose has saved: ``<image>_seg.npy``."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.formats.pickled_arrays import PickledArray, read_npy
from napari_unet.formats.stored import refuse_damaged


def read_seg(path: Path) -> tuple[NDArray[np.integer], int]:
    """Read the masks of a file that Cellpose has saved, or an array of labels.

    Parameters
    ----------
    path : Path
        ``<image>_seg.npy``, with the masks under ``masks``. Nothing in it is run, see
        `pickled_arrays`.

    Returns
    -------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        The masks as they are stored.
    by_hand : int
        How many of them a person has drawn.

    Raises
    ------
    InputError
        If the file is missing or damaged, or holds no masks.
    """
    stored = read_npy(path)
    with refuse_damaged(path):
        masks = stored.get("masks") if isinstance(stored, dict) else stored
        if isinstance(masks, PickledArray):
            masks = masks.numbers()
        if not isinstance(masks, np.ndarray) or masks.dtype.kind not in "biu":
            raise InputError(
                f"'{path.name}' holds no masks; save them in Cellpose by File > Save "
                "masks as PNG/tif, or name the file that ends in '_seg.npy'."
            )
        labels = masks.squeeze() if masks.ndim > 3 or 1 in masks.shape[:1] else masks
        if labels.ndim not in (2, 3) or (labels < 0).any():
            raise InputError(
                f"'{path.name}' holds masks of the shape {masks.shape} and the lowest "
                f"number {masks.min()}; labels are (Y, X) or (Z, Y, X), from 0."
            )
        drawn = stored.get("ismanual") if isinstance(stored, dict) else None
        by_hand = 0
        if isinstance(drawn, PickledArray):
            by_hand = int(np.count_nonzero(drawn.numbers()))
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    return labels.copy(), by_hand
