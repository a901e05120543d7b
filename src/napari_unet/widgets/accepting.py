"""Predicted objects taken over into the annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from napari.utils.notifications import show_info

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotation_layers import boxes_of, regions_of
from napari_unet.widgets.background import show_problem
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.edited_part import EditedPart
from napari_unet.widgets.edits import edit
from napari_unet.widgets.frames import place_of, planes_of_time
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, current_plane
from napari_unet.widgets.probabilities import background_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels

    from napari_unet.core.annotation.target import Region
    from napari_unet.widgets.annotation_layers import RegionsByPlane


class Accepted(NamedTuple):
    """What was taken over: objects, and how many of them lie outside all regions."""

    objects: int
    outside: int


def accept_into(
    annotation: Labels,
    prediction: Labels,
    *,
    plane: int | None = None,
    volume: bool = False,
    boxes: Sequence[tuple[slice, ...]] | None = None,
    chosen: Collection[int] | None = None,
    regions: Sequence[Region] = (),
) -> Accepted:
    """Copy predicted objects into the annotation, as one step that can be undone.

    Parameters
    ----------
    annotation, prediction : Labels layer
        Of one image; what is painted in the annotation is kept.
    plane : int, optional
        Which plane of a stack.
    volume : bool
        All planes of its time point instead, as one body.
    boxes : sequence of tuple of two slices, optional
        Only objects that lie in one of them, on the plane, with at least one pixel;
        they come in whole.
    chosen : collection of int, optional
        Only objects with these numbers.
    regions : sequence of Region
        Of this plane, or of the volume: what is learned, if there are any.

    Returns
    -------
    Accepted
        How many objects were added, and how many of them no region touches.

    Raises
    ------
    InputError
        If the layers do not fit, or if it were too much for an undo step.
    """
    from napari_unet.core.annotation.acceptance import accept_objects
    from napari_unet.core.annotation.target import mark_known

    where = place_of(annotation, plane)
    if boxes is not None:
        shown = np.asarray(prediction.data)[where]
        inside = {n for box in boxes for n in np.unique(shown[box]).tolist()}
        chosen = inside if chosen is None else inside & set(chosen)
    if volume:
        where = where[:-1]
    painted = np.asarray(annotation.data)[where]
    predicted = np.asarray(prediction.data)[where]
    merged, accepted = accept_objects(painted, predicted, chosen, IGNORE_LABEL)
    changed = np.nonzero(merged != painted)
    planes = (np.full(len(changed[0]), index) for index in where)
    edit(
        annotation,
        (*planes, *changed),
        merged[changed],
        "accept",
        otherwise="zoom in and accept the objects in view",
    )
    seen = mark_known(merged.shape, regions)[changed]
    touched = np.unique(merged[changed][seen])
    return Accepted(accepted, accepted - len(touched))


def accept(
    viewer: napari.Viewer,
    *,
    boxes: Sequence[tuple[slice, ...]] | None = None,
    chosen: Collection[int] | None = None,
) -> Accepted:
    """Accept objects of the plane on the screen; say so if there are none.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose chosen image it is; without an annotation it gets one.
    boxes, chosen
        Which objects; see `accept_into`.
    """
    layers = chosen_layers(viewer)
    image, prediction = layers.image, layers.prediction
    if image is None or prediction is None:
        show_info(_NOTHING_PREDICTED)
        return Accepted(0, 0)
    if layers.annotation is None:
        active = viewer.layers.selection.active
        layers.annotation = add_labels(viewer, image, "annotation")
        viewer.layers.selection.active = active
    plane = current_plane(viewer, image)
    # As napari's own tools do: on the slice, or on the volume.
    volume = plane is not None and layers.annotation.n_edit_dimensions > 2
    try:
        regions = _regions_there(
            regions_of(layers.regions, image), image, plane, volume
        )
        accepted = accept_into(
            layers.annotation,
            prediction,
            plane=plane,
            volume=volume,
            boxes=boxes,
            chosen=chosen,
            regions=regions,
        )
    except InputError as error:
        show_problem(error)
        return Accepted(0, 0)
    if not accepted.objects:
        show_info("Nothing to accept here: these objects are annotated already.")
    return accepted


def _regions_there(
    regions: RegionsByPlane, image: ImageLayer, plane: int | None, volume: bool
) -> Sequence[Region]:
    """Return the regions of a plane, or of all planes of its volume."""
    if plane is None or not volume:
        return regions.get(plane, ())
    planes = planes_of_time(image, plane)
    return boxes_of({z - planes[0]: regions[z] for z in planes if z in regions})


def accept_one(viewer: napari.Viewer, number: int) -> None:
    """Accept the object with a number; speak of it only if it will not be learned."""
    accepted = accept(viewer, chosen=[number])
    if accepted.outside:
        show_info(f"The object is now in the annotation.{_say_outside(accepted)}")


def accept_many(
    viewer: napari.Viewer,
    *,
    boxes: Sequence[tuple[slice, ...]] | None = None,
    chosen: Collection[int] | None = None,
) -> None:
    """Accept objects, and say how many; the arguments are those of `accept`."""
    accepted = accept(viewer, boxes=boxes, chosen=chosen)
    if accepted.objects:
        is_one = accepted.objects == 1
        count = "1 object is" if is_one else f"{accepted.objects} objects are"
        show_info(
            f"{count} now in the annotation; Undo takes {'it' if is_one else 'them'} "
            f"out again.{_say_outside(accepted)}"
        )


def accept_in_regions(viewer: napari.Viewer) -> None:
    """Accept what lies in the regions of the plane on the screen, and say how many."""
    layers = chosen_layers(viewer)
    if layers.image is None:
        return
    try:
        regions = regions_of(layers.regions, layers.image)
    except InputError as error:
        show_problem(error)
        return
    here = regions.get(current_plane(viewer, layers.image), ())
    if here:
        accept_many(viewer, boxes=[region.box for region in here])
    else:
        show_info("There is no region on this slice; draw one first.")


def accept_sure(viewer: napari.Viewer, least: float) -> None:
    """Accept the objects of the plane on the screen that the model is sure of.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose chosen prediction it is.
    least : float
        From which mean probability of their pixels on.
    """
    from napari_unet.core.prediction.confidence import object_confidences

    prediction = chosen_layers(viewer).prediction
    if prediction is None:
        show_info(_NOTHING_PREDICTED)
        return
    part = EditedPart(viewer, prediction, viewer.dims.point)
    try:
        background = background_of(prediction, part)
    except InputError as error:
        show_problem(error)
        return
    found = object_confidences(part.array[background.box], 1 - background.values)
    sure = [number for number, mean in found.items() if mean >= least]
    if sure:
        accept_many(viewer, chosen=sure)
    else:
        show_info(
            f"None of {len(found)} predicted objects has a confidence of {least:g} or "
            "more; lower it."
        )


def _say_outside(accepted: Accepted) -> str:
    """Return what to say of accepted objects that no region touches."""
    if not accepted.outside:
        return ""
    verb = "lies" if accepted.outside == 1 else "lie"
    which = "It" if accepted.objects == 1 else f"{accepted.outside} of them"
    return (
        f" {which} {verb} outside the regions, where nothing is learned: draw a region "
        "there, once all objects in it are right."
    )


_NOTHING_PREDICTED = "There is nothing to accept yet: segment the image first."
