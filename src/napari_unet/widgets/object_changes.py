"""What the tools of correction do to objects of a labels layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from weakref import ref

from napari_unet.core.errors import InputError
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.edited_part import EditedPart
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels
from napari_unet.widgets.probabilities import background_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from napari.layers import Labels


def remove(part: EditedPart, number: int, what: str) -> str:
    """Take an object out; like all here, return what to say, mostly nothing."""
    from napari_unet.core.annotation.correction import delete_objects

    part.change(delete_objects(part.array, [number]), what)
    return ""


def separate(part: EditedPart, number: int, what: str) -> str:
    """Give each piece of an object its own number."""
    from napari_unet.core.annotation.correction import separate_objects

    everywhere = part.layer.data
    change = separate_objects(part.array, number, IGNORE_LABEL, everywhere)
    part.change(change, what)
    return "This object is in one piece." if change.is_empty else ""


def smooth(part: EditedPart, number: int, what: str) -> str:
    """Smooth the outline of an object."""
    from napari_unet.core.annotation.outline import smooth_object

    change = smooth_object(part.array, number)
    part.change(change, what)
    return "This object is as smooth as it gets." if change.is_empty else ""


def fill(part: EditedPart, number: int, what: str) -> str:
    """Fill the holes of an object."""
    from napari_unet.core.annotation.outline import fill_object

    change = fill_object(part.array, number)
    part.change(change, what)
    return "This object has no holes." if change.is_empty else ""


def grow(part: EditedPart, number: int, what: str) -> str:
    """Grow an object by a pixel."""
    from napari_unet.core.annotation.outline import grow_object

    change = grow_object(part.array, number)
    part.change(change, what)
    if change.is_empty:
        return "This object has no room to grow: it takes background only."
    return ""


def shrink(part: EditedPart, number: int, what: str) -> str:
    """Shrink an object by a pixel."""
    from napari_unet.core.annotation.outline import shrink_object

    change = shrink_object(part.array, number)
    part.change(change, what)
    return "Nothing would be left of this object: delete it." if change.is_empty else ""


CHANGES: dict[str, Callable[[EditedPart, int, str], str]] = {
    "reject": remove,
    "delete": remove,
    "separate": separate,
    "smooth": smooth,
    "fill": fill,
    "grow": grow,
    "shrink": shrink,
}


def merge(part: EditedPart, path: Sequence[Sequence[float]]) -> bool:
    """Merge the objects under a line that was drawn; tell whether there were several.

    Parameters
    ----------
    part : EditedPart
        On a volume, what is merged is merged in all of it.
    path : sequence of sequence of float
        Places in the viewer's world.
    """
    from napari_unet.core.annotation.correction import merge_objects, numbers_along

    if not part.is_there:
        return False
    labels, depth = part.array, part.place[:-2]
    if any(not 0 <= at < size for at, size in zip(depth, labels.shape, strict=False)):
        return False
    numbers = numbers_along(labels[(*depth, ...)], part.path(path), IGNORE_LABEL)
    if len(numbers) < 2:
        return False
    part.change(merge_objects(labels, numbers), "merge")
    return True


def split(part: EditedPart, path: Sequence[Sequence[float]]) -> bool:
    """Cut the objects under a line that was drawn; tell whether one was.

    The arguments are those of `merge`; a volume is cut through all its slices.
    """
    from napari_unet.core.annotation.correction import split_objects

    if not part.is_there:
        return False
    line = part.path(path)
    change = split_objects(part.array, line, IGNORE_LABEL, part.layer.data)
    part.change(change, "split")
    return not change.is_empty


class ModelObjects:
    """Adds objects to an annotation that a model sees where somebody clicks."""

    def __init__(self) -> None:
        self._last: _Added | None = None

    def add(self, viewer: napari.Viewer, position: Sequence[float]) -> str:
        """Add the object at a place, or more of the one added last; say if none is.

        Raises
        ------
        InputError
            If the model's probabilities are not there.
        """
        from napari_unet.core.annotation.clicked import (
            LEAST_PROBABILITY,
            add_object,
            threshold_at,
        )

        layer = _annotation_of(viewer)
        part = EditedPart(viewer, layer, position)
        background = background_of(chosen_layers(viewer).prediction, part)
        place = _place_in(background.box, part)
        if place is None:
            return _SEES_NOTHING
        added = self._begin(layer, part.number, 1 - background.values[place])
        if added is None:
            return "Here is an object already, or ignored ground: nothing is added."
        if added.probability < LEAST_PROBABILITY:
            return _SEES_NOTHING
        change = add_object(
            part.array[background.box],
            background.values,
            place,
            added.number,
            threshold_at(added.probability, background.threshold, added.repeats),
        )
        if not change.objects:
            return _NO_END
        if change.is_empty:
            return "There is no more of this object: the model is sure of its outline."
        starts = [side.start for side in background.box]
        where = tuple(at + n for at, n in zip(change.where, starts, strict=True))
        part.change(change._replace(where=where), "add")
        self._last = added
        return ""

    def _begin(self, layer: Labels, number: int, probability: float) -> _Added | None:
        """Return what a click adds; None where another object is."""
        from napari_unet.core.annotation.edited import unused_numbers

        if not number:
            fresh = int(unused_numbers(layer.data, 1, IGNORE_LABEL)[0])
            return _Added(ref(layer), fresh, float(probability))
        last = self._last
        if last is None or last.layer() is not layer or last.number != number:
            return None
        return last._replace(repeats=last.repeats + 1)


class _Added(NamedTuple):
    """An object that was added, and how: see `threshold_at`."""

    layer: ref[Labels]
    number: int
    probability: float
    repeats: int = 0


def _annotation_of(viewer: napari.Viewer) -> Labels:
    """Return the chosen annotation, or a new one."""
    chosen = chosen_layers(viewer)
    if viewer.dims.ndisplay > 2:
        raise InputError(
            "An object is added by a click on a slice; go back to them (Ctrl+Y)."
        )
    if chosen.annotation is None:
        if chosen.image is None:
            raise InputError("There is no image; choose one under Image and model.")
        active = viewer.layers.selection.active
        chosen.annotation = add_labels(viewer, chosen.image, "annotation")
        viewer.layers.selection.active = active
    return chosen.annotation


def _place_in(box: tuple[slice, ...], part: EditedPart) -> tuple[int, ...] | None:
    """Return the place that is worked on as a pixel of a box; None outside of it."""
    if not part.is_inside:
        return None
    sides = list(zip(part.place, box, strict=True))
    if any(not side.start <= at < side.stop for at, side in sides):
        return None
    return tuple(at - side.start for at, side in sides)


_NO_END = "What the model sees here has no clear end: paint it by hand."
_SEES_NOTHING = "The model sees nothing here: paint it by hand."
