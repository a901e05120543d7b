"""The desks of a viewer: one for each annotated image, opened when it is chosen."""

from __future__ import annotations

import atexit
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_unet.core.errors import InputError
from napari_unet.desk_folders import KeptDesk, KeptImage, hash_pixels, is_kept
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.background import LatestAnswer, listen, show_problem
from napari_unet.widgets.chosen import choose_image, chosen_layers, unwrapped
from napari_unet.widgets.desk_keeper import KEYS, NOTED, DeskKeeper
from napari_unet.widgets.layers import (
    IGNORE_LABEL,
    add_labels,
    find_layer,
    is_users_image,
    spatial_shape,
)
from napari_unet.widgets.noted_layers import apply_state
from napari_unet.widgets.point_layers import add_points
from napari_unet.widgets.prediction_steps import prediction_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from napari.layers import Image as ImageLayer


@dataclass(eq=False)
class _Known:
    """An image whose pixels were hashed, and its desk if it has one."""

    image: ImageLayer
    key: str
    kept: KeptDesk | None
    keeper: DeskKeeper | None = None
    refused: str = ""
    offer: str = ""  # counted once: an annotation may be large


class Desks(QObject):
    """Keeps what is annotated in a viewer on disk, and offers it again.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    """

    changed = Signal()

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        # It outlives no viewer: those are keys of the dictionary that holds it.
        self._viewer_of, self._chosen = weakref.ref(viewer), chosen_layers(viewer)
        self.predictions = prediction_steps(viewer)
        self._known: dict[str, _Known] = {}
        self._is_closed = False
        self._ends = False
        self._bring: set[str] = set()  # images that come back without a question
        self._finder = LatestAnswer(self, "Looking for an earlier annotation")
        self._finder.answered.connect(self._on_found)
        for signal in (
            self._chosen.events.annotation,
            self._chosen.events.regions,
            self._chosen.events.points,
            self._chosen.events.image,
        ):
            listen(signal, self._look)
        viewer.layers.events.removed.connect(self._on_removed)
        for key, step in KEYS.items():  # while another layer is active
            viewer.bind_key(key, self._press(step), overwrite=True)
        self._look()

    @property
    def _viewer(self) -> napari.Viewer:
        viewer = self._viewer_of()
        if viewer is None:
            raise RuntimeError("The viewer is gone.")
        return viewer

    @property
    def keeper(self) -> DeskKeeper | None:
        """Whoever notes the annotation of the chosen image."""
        known = self._current
        return None if known is None else known.keeper

    @property
    def offered(self) -> KeptDesk | None:
        """What the chosen image was annotated with before, and is not now."""
        known = self._current
        if known is None or known.keeper is not None or known.kept is None:
            return None
        return None if known.kept.is_empty else known.kept

    @property
    def refused(self) -> str:
        """Why the annotation of the chosen image is not kept; else nothing."""
        known = self._current
        return "" if known is None else known.refused

    def describe_offer(self) -> str:
        """Say what is offered: how much, and of when."""
        known, kept = self._current, self.offered
        if known is None or kept is None:
            return ""
        known.offer = known.offer or self._count(kept)
        return known.offer

    @staticmethod
    def _count(kept: KeptDesk) -> str:
        """Say how much was annotated, and when."""
        labels = kept.desk.arrays.get("annotation")
        found = 0
        if labels is not None:
            painted = labels[(labels > 0) & (labels != IGNORE_LABEL)]
            found = len(np.unique(painted))
        what = [f"{found} label{'' if found == 1 else 's'}"] if found else []
        for role in ("regions", "points"):
            state = kept.desk.states.get(role)
            if state:
                count = len(state["data"])
                what.append(f"{count} {role if count != 1 else role[:-1]}")
        day = time.strftime("%d %B %Y, %H:%M", time.localtime(kept.changed))
        return f"Annotated before: {', '.join(what)}; last on {day.lstrip('0')}."

    def bring_back(self) -> None:
        """Show what is offered, as it was; every step of it can still be taken back."""
        known, kept = self._current, self.offered
        if known is None or kept is None:
            return
        image, desk = known.image, kept.desk
        labels = desk.arrays.get("annotation")
        if labels is not None:
            layer = add_labels(self._viewer, image, "annotation", labels.copy())
            self._keep(known)
            self._chosen.annotation = layer
        for role, add in (("regions", add_regions), ("points", add_points)):
            if desk.states.get(role):
                layer = add(self._viewer, image)
                apply_state(layer, desk.states[role])
                self._keep(known)
                setattr(self._chosen, role, layer)
        self.changed.emit()

    def reopen(self, images: Sequence[KeptImage]) -> None:
        """Open images that were left open, and bring back what was painted on them."""
        opened = []
        for image in images:
            for layer in self._viewer.open(image.path):
                if is_users_image(layer):
                    self._bring.add(layer.unique_id)
                    opened.append(layer)
        if opened:
            choose_image(self._viewer, opened[0])
            self._look()  # it may have been found while others were opened

    def start_anew(self) -> None:
        """Put what is offered aside; it stays on disk."""
        kept = self.offered
        if kept is None:
            return
        try:
            kept.set_aside()
        except InputError as error:
            show_problem(error)
            return
        show_info("The earlier annotation is put aside; it stays on the disk.")
        self.changed.emit()

    def end_with(self, window: QWidget | None) -> None:
        """Close them when a viewer's window is gone; docks may come and go."""
        if isinstance(window, QMainWindow) and not self._ends:
            self._ends = True
            window.destroyed.connect(self.close)

    def close(self) -> None:
        """Note what is left, and let other windows have the desks."""
        self._is_closed = True
        for known in self._known.values():
            try:
                _close(known)
            except OSError as error:  # the others are still to be closed
                show_problem(error, f"Closing the annotation of '{known.image.name}'")
        self._known.clear()

    def step(self, word: str) -> None:
        """Take the last step back (``undo``), or again (``redo``)."""
        if not self.predictions.step(word) and self.keeper is not None:
            getattr(self.keeper, word)()

    def _press(self, word: str) -> Callable[[napari.Viewer], None]:
        """Return what a key does."""
        return lambda _viewer: self.step(word)

    @property
    def _current(self) -> _Known | None:
        image = self._chosen.image
        return None if image is None else self._known.get(image.unique_id)

    def _look(self, _event: Any = None) -> None:
        """See whether the chosen image is known, and has layers to be kept."""
        image, known = self._chosen.image, self._current
        if self._is_closed:
            return
        if image is None:
            self._finder.forget()
        elif known is None:
            shape = tuple(spatial_shape(image))
            about = KeptImage(image.name, image.source.path or "", shape)
            pixels = image.data[0] if image.multiscale else image.data
            self._finder.ask(lambda: (image, *_find(pixels, about)))
        elif known.keeper is not None:
            known.keeper.watch()
        elif image.unique_id in self._bring:
            self._bring.discard(image.unique_id)
            self.bring_back()
        elif self._has_layers(image):
            if self.offered is not None:  # begun anew without an answer
                self.start_anew()
            self._keep(known)
        self.changed.emit()

    def _on_found(self, found: tuple[ImageLayer, str, KeptDesk | None, str]) -> None:
        image, key, kept, refused = found
        known = _Known(image, key, kept, refused=refused)
        is_gone = self._is_closed or image not in self._viewer.layers
        if is_gone or image.unique_id in self._known:
            _close(known)
            return
        self._known[image.unique_id] = known
        self._look()

    def _keep(self, known: _Known) -> None:
        """Note the layers of an image from now on."""
        if known.keeper is None and not known.refused:
            image = known.image
            try:
                if known.kept is None:
                    shape = tuple(spatial_shape(image))
                    about = KeptImage(image.name, image.source.path or "", shape)
                    known.kept = KeptDesk(known.key, about)
            except InputError as error:
                known.refused = str(error)
                show_problem(error)
                return
            known.keeper = DeskKeeper(self._viewer, image, known.kept)
            known.keeper.changed.connect(self.changed)
        if known.keeper is not None:
            known.keeper.watch()

    def _has_layers(self, image: ImageLayer) -> bool:
        return any(find_layer(self._viewer, image, role) is not None for role in NOTED)

    def _on_removed(self, event: Any) -> None:
        known = self._known.pop(getattr(event.value, "unique_id", ""), None)
        if known is not None:
            _close(known)
        for other in self._known.values():
            if other.keeper is not None:
                other.keeper.watch()
        self.changed.emit()


def _find(pixels: Any, about: KeptImage) -> tuple[str, KeptDesk | None, str]:
    """Return the hash of an image, its desk if it has one, and why that is not open."""
    key = hash_pixels(pixels)
    if not is_kept(key):
        return key, None, ""
    try:
        return key, KeptDesk(key, about), ""
    except InputError as error:
        return key, None, str(error)


def _close(known: _Known) -> None:
    if known.keeper is not None:
        known.keeper.close()
    elif known.kept is not None:
        known.kept.close()


_desks: weakref.WeakKeyDictionary[napari.Viewer, Desks] = weakref.WeakKeyDictionary()


@atexit.register
def _close_all() -> None:
    """Close what is open before the interpreter takes Qt away from under it."""
    for desks in list(_desks.values()):
        desks.close()


def desks_of(viewer: napari.Viewer) -> Desks:
    """Return the desks of a viewer, the same object every time."""
    viewer = unwrapped(viewer)
    if viewer not in _desks:
        _desks[viewer] = Desks(viewer)
    return _desks[viewer]
