"""Changes of a prediction, taken back where they came after those of the annotation.

The annotation's changes are noted by its desk; a prediction is only kept in its layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from psygnal import Signal

from napari_unet.widgets.chosen import chosen_layers, unwrapped

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels


# So many steps are kept by napari.
_KEPT = 100


class PredictionSteps:
    """How many of the last changes in a viewer are of the chosen prediction.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is.
    """

    #: There is another number of them.
    changed = Signal()

    def __init__(self, viewer: napari.Viewer) -> None:
        self._chosen = chosen_layers(viewer)
        self._watched: dict[str, ref[Labels]] = {}
        self._done = self._undone = 0
        for role in ("annotation", "prediction"):
            getattr(self._chosen.events, role).connect(self._watch)
        self._watch()

    def can(self, word: str) -> bool:
        """Tell whether the last change to ``undo``, or to ``redo``, is one of them."""
        return bool(self._done if word == "undo" else self._undone)

    def step(self, word: str) -> bool:
        """Take the last change back, or make it again, if it is one of them."""
        layer = self._chosen.prediction
        if layer is None or not self.can(word):
            return False
        getattr(layer, word)()
        by = 1 if word == "undo" else -1
        self._count(self._done - by, self._undone + by)
        return True

    def _watch(self) -> None:
        for role, slot in (
            ("annotation", self._on_annotated),
            ("prediction", self._on_corrected),
        ):
            layer = getattr(self._chosen, role)
            old = self._watched[role]() if role in self._watched else None
            if layer is old:
                continue
            if old is not None:
                old.events.paint.disconnect(slot)
            self._watched.pop(role, None)
            if layer is not None:
                self._watched[role] = ref(layer)
                layer.events.paint.connect(slot)
            if role == "prediction":
                self._count(0, 0)

    def _on_annotated(self, _event: Any) -> None:
        self._count(0, 0)

    def _on_corrected(self, _event: Any) -> None:
        self._count(min(self._done + 1, _KEPT), 0)

    def _count(self, done: int, undone: int) -> None:
        self._done, self._undone = done, undone
        self.changed.emit()


_steps: WeakKeyDictionary[napari.Viewer, PredictionSteps] = WeakKeyDictionary()


def prediction_steps(viewer: napari.Viewer) -> PredictionSteps:
    """Return those of a viewer, the same object every time."""
    viewer = unwrapped(viewer)
    if viewer not in _steps:
        _steps[viewer] = PredictionSteps(viewer)
    return _steps[viewer]
