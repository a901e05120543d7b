"""Keeps the annotation layers of a viewer in step with the journals on disk."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Points, Shapes
from qtpy.compat import isalive
from qtpy.QtCore import (  # type: ignore[attr-defined]  # Signal is qtpy's own
    QObject,
    QTimer,
    Signal,
)

from napari_unet.core.annotation.change import PixelChange
from napari_unet.core.errors import InputError
from napari_unet.widgets.background import show_problem
from napari_unet.widgets.edits import what_is_done
from napari_unet.widgets.layers import find_layer
from napari_unet.widgets.noted_layers import apply_state, state_of
from napari_unet.widgets.prediction_steps import prediction_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Layer

    from napari_unet.core.annotation.change import Change
    from napari_unet.desk_folders import KeptDesk
    from napari_unet.widgets.layers import LayerRole

NOTED: tuple[LayerRole, ...] = ("annotation", "regions", "points")
# What no tool of napari tells of at once, such as a script, is noted so late at most.
_LATE_MSEC = 500
_SYNC_SECONDS = 1.0
_AT_ONCE = ("paint",)
# As napari has them, which keeps a hundred steps of one layer.
KEYS = {"Control-Z": "undo", "Control-Shift-Z": "redo"}
_LATER = ("set_data", "data", "features")


class DeskKeeper(QObject):
    """Notes each change of the annotation of one image, and steps back and forward.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    image : Image layer
        What is annotated.
    kept : KeptDesk
        Where it is kept; closed with the keeper.
    """

    changed = Signal()

    def __init__(
        self, viewer: napari.Viewer, image: ImageLayer, kept: KeptDesk
    ) -> None:
        super().__init__()
        self.kept = kept
        kept.begin()
        self._viewer_of, self._image = weakref.ref(viewer), image
        self._layers: dict[str, Layer] = {}
        self._is_stepping = self._has_failed = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_LATE_MSEC)
        self._later.timeout.connect(self.note_all)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._note_soon)
        self._what = "change"
        self._ended = threading.Event()
        forcing = (weakref.ref(kept), self._ended)
        threading.Thread(target=_sync_now_and_then, args=forcing, daemon=True).start()

    @property
    def _viewer(self) -> napari.Viewer:
        viewer = self._viewer_of()
        if viewer is None:
            raise RuntimeError("The viewer is gone.")
        return viewer

    def watch(self) -> None:
        """Find the layers of the image, and note what they hold; again when asked."""
        for role in NOTED:
            layer = find_layer(self._viewer, self._image, role)
            old = self._layers.get(role)
            if layer is old:
                continue
            if old is not None:
                self.note(role, "change")
                self._connect(old, False)
                del self._layers[role]
            if layer is not None and _can_be_noted(layer):
                self._layers[role] = layer
                self._connect(layer, True)
                self.note(role, "take over")

    def note_all(self, what: str = "change") -> None:
        """Note whatever has changed since."""
        self._later.stop()
        self._soon.stop()
        for role in self._layers:
            self.note(role, what)

    def _note_soon(self) -> None:
        self.note_all(self._what)

    def note(self, role: str, what: str) -> None:
        """Note how a layer has changed, if it has; say so if that cannot be written."""
        try:
            change = self._write(role, what)
        except InputError as error:
            if not self._has_failed:
                show_problem(error)
            self._has_failed = True
            self._later.start()  # what is not noted yet is not lost yet
            return
        self._has_failed = False
        if change is not None:
            self.changed.emit()

    def undo(self) -> None:
        """Take the last step back, wherever it was, and show the place."""
        self._step(back=True)

    def redo(self) -> None:
        """Take it again."""
        self._step(back=False)

    def close(self) -> None:
        """Note what is left, and close the journal.

        When the program ends, the timers may be gone before this is called.
        """
        if isalive(self):  # type: ignore[no-untyped-call]
            self._later.stop()
            self._soon.stop()
        for role, layer in self._layers.items():
            with suppress(InputError):  # which was said when it was painted
                self._write(role, "change")
            self._connect(layer, False)
        self._layers.clear()
        self._ended.set()
        self.kept.close()

    def _write(self, role: str, what: str) -> Change | None:
        """Write into the journal how a layer has changed, and return that."""
        layer, desk = self._layers[role], self.kept.desk
        if isinstance(layer, Labels):
            data = np.asarray(layer.data)
            desk.begin(role, data.shape, data.dtype)
            return desk.note(role, data, what=what)
        return desk.note_state(role, state_of(layer), what)

    def _step(self, *, back: bool) -> None:
        self.note_all()
        if self._has_failed:  # what is not noted would be painted over
            return
        desk = self.kept.desk
        try:
            change = desk.undo() if back else desk.redo()
        except InputError as error:
            show_problem(error)
            return
        if change is None:
            return
        layer = self._layers.get(change.layer)
        if layer is not None:
            self._is_stepping = True
            try:
                if isinstance(change, PixelChange):
                    self._show_pixels(layer, change)
                else:
                    apply_state(layer, desk.states.get(change.layer))
            finally:
                self._is_stepping = False
        self.changed.emit()

    def _show_pixels(self, layer: Any, change: PixelChange) -> None:
        """Bring a layer to what the desk says, and its plane into view."""
        array = self.kept.desk.arrays[change.layer]
        box = change.box(array.shape)
        part = tuple(slice(*side) for side in box)
        layer.data[part] = array[part]
        layer.refresh()
        shown = self._viewer.dims
        place = layer.data_to_world([start for start, _ in box])
        for axis, (start, stop) in enumerate(box[:-2]):
            current = int(layer.world_to_data(shown.point[-layer.ndim :])[axis])
            if axis not in shown.displayed and not start <= current < stop:
                shown.set_point(axis + shown.ndim - layer.ndim, place[axis])

    def _connect(self, layer: Layer, on: bool) -> None:
        for names, slot in ((_AT_ONCE, self._on_stroke), (_LATER, self._on_change)):
            for name in names:
                if name in layer.events:
                    event = getattr(layer.events, name)
                    event.connect(slot) if on else event.disconnect(slot)
        for key, step in KEYS.items():
            if on:
                layer.bind_key(key, self._press(step), overwrite=True)
            else:
                layer.bind_key(key, None)

    def _press(self, step: str) -> Callable[[Layer], None]:
        """Return what a key does."""
        predictions = prediction_steps(self._viewer)

        def take(_layer: Layer) -> None:
            if not predictions.step(step):
                getattr(self, step)()

        return take

    def _on_stroke(self, event: Any) -> None:
        if not self._is_stepping:
            role = next((r for r, x in self._layers.items() if x is event.source), None)
            if role is not None:
                self._what = what_is_done(event.source)
                self.note(role, self._what)
                # A script's stroke is told of before it is drawn.
                self._soon.start()

    def _on_change(self, _event: Any) -> None:
        if not self._is_stepping and not self._later.isActive():
            self._later.start()


def _sync_now_and_then(kept_of: weakref.ref[KeptDesk], ended: threading.Event) -> None:
    """Force what was noted onto the disk, as long as there is a desk."""
    while not ended.wait(_SYNC_SECONDS) and (kept := kept_of()) is not None:
        # What cannot be written, the next change says; it may be closed just now.
        with suppress(OSError, ValueError):
            kept.desk.sync()
        del kept


def _can_be_noted(layer: Layer) -> bool:
    """Tell whether a layer is in memory, and is one array."""
    if isinstance(layer, Labels):
        return isinstance(layer.data, np.ndarray)
    return isinstance(layer, Points | Shapes)
