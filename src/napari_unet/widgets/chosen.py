"""Which layers the docks of a viewer work on: chosen once, known to every section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from psygnal import SignalGroupDescriptor

from napari_unet.widgets.layers import find_layer
from napari_unet.widgets.target_layers import target_of

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels, Points, Shapes


_LAYERS = (
    "image",
    "annotation",
    "regions",
    "prediction",
    "points",
    "target",
    "segmented",
)


@dataclass(eq=False)
class ChosenLayers:
    """The layers one viewer's docks work on; tells who listens to ``events``."""

    image: ImageLayer | None = None
    annotation: Labels | None = None
    regions: Shapes | None = None
    prediction: Labels | None = None
    points: Points | None = None
    target: ImageLayer | None = None  # what shall be predicted from the image
    segmented: ImageLayer | None = None  # last, or now

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    def forget(self, event: Any) -> None:
        """Let go of a layer that was removed from the viewer."""
        for role in _LAYERS:
            if getattr(self, role) is event.value:
                setattr(self, role, None)


_chosen: WeakKeyDictionary[napari.Viewer, ChosenLayers] = WeakKeyDictionary()


def unwrapped(viewer: napari.Viewer) -> napari.Viewer:
    """Return the viewer itself where napari hands a plugin a proxy of it."""
    return getattr(viewer, "__wrapped__", viewer)


def chosen_layers(viewer: napari.Viewer) -> ChosenLayers:
    """Return the layers chosen in the docks of `viewer`, the same object every time."""
    viewer = unwrapped(viewer)
    if viewer not in _chosen:
        _chosen[viewer] = chosen = ChosenLayers()
        viewer.layers.events.removed.connect(chosen.forget)
    return _chosen[viewer]


def choose_image(viewer: napari.Viewer, layer: ImageLayer | None) -> None:
    """Work on `layer`, and on the annotation, regions, points … made for it."""
    chosen = chosen_layers(viewer)
    if chosen.image is layer:
        return
    for role in ("annotation", "regions", "prediction", "points"):
        found = None if layer is None else find_layer(viewer, layer, role)
        setattr(chosen, role, found)
    chosen.target = None if layer is None else target_of(viewer, layer)
    # Last, so that whoever hears of the image finds the layers that go with it.
    chosen.image = layer
