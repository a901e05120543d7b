"""Which annotated images of a viewer are learned from, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from psygnal import Signal

from napari_unet.widgets.chosen import unwrapped

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_unet.core.annotation.target import Role

USUAL_ROLE: Role = "training"


class LearnedFrom:
    """What the user has said of images; kept as long as the viewer and the image.

    `changed` says that something was said of an image.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._left_out: WeakSet[ImageLayer] = WeakSet()
        self._roles: WeakKeyDictionary[ImageLayer, Role] = WeakKeyDictionary()

    def __contains__(self, image: ImageLayer) -> bool:
        """Tell whether an image is ticked; it is, unless the user said no."""
        return image not in self._left_out

    def role(self, image: ImageLayer) -> Role:
        """Return what an image is for."""
        return self._roles.get(image, USUAL_ROLE)

    def tick(self, image: ImageLayer, *, is_ticked: bool) -> None:
        """Learn from an image, or leave it out."""
        if is_ticked != (image in self):
            (self._left_out.discard if is_ticked else self._left_out.add)(image)
            self.changed.emit()

    def give(self, image: ImageLayer, role: Role) -> None:
        """Use an image for training or for validation."""
        if role != self.role(image):
            self._roles[image] = role
            self.changed.emit()


_learned_from: WeakKeyDictionary[napari.Viewer, LearnedFrom] = WeakKeyDictionary()


def learned_from(viewer: napari.Viewer) -> LearnedFrom:
    """Return what was said of the images in `viewer`, the same object every time."""
    return _learned_from.setdefault(unwrapped(viewer), LearnedFrom())
