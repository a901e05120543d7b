"""Two classes of the annotations become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels

from napari_unet.core.errors import InputError
from napari_unet.widgets.edits import MAX_UNDOABLE_PIXELS, edit
from napari_unet.widgets.layers import IGNORE_LABEL, role_of

if TYPE_CHECKING:
    import napari


def merge_classes(viewer: napari.Viewer, kept: int, gone: int) -> None:
    """Paint class `gone` as `kept` in all annotations; later classes move up.

    In each layer it is one step that can be undone.

    Raises
    ------
    InputError
        If it were too much for an undo step; then no layer was changed.
    """
    changes = []
    for layer in viewer.layers:
        if isinstance(layer, Labels) and role_of(layer) == "annotation":
            old = np.asarray(layer.data)
            # Of the numbers before and after; the ignored ground keeps its own.
            new = np.where(old == gone, kept, old)
            new = new - ((new > gone) & (new != IGNORE_LABEL))
            where = np.nonzero(new != old)
            changes.append((layer, where, new[where].astype(old.dtype)))
    if max((len(values) for _, _, values in changes), default=0) > MAX_UNDOABLE_PIXELS:
        raise InputError(
            "So many pixels are too much for one step that can be undone; merge the "
            "values in the files instead (train --classes background,cell,cell)."
        )
    for layer, where, values in changes:
        edit(layer, where, values, "merge classes")
