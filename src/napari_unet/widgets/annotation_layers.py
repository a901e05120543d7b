"""Annotations and their regions: from painted layers to examples, and back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Shapes

from napari_unet.core.errors import InputError, PlacedError
from napari_unet.core.frames import fold_times
from napari_unet.inspected import fault_of
from napari_unet.widgets.copies import copy_array
from napari_unet.widgets.edits import edit
from napari_unet.widgets.frames import folded_shape, plane_at
from napari_unet.widgets.layers import (
    IGNORE_LABEL,
    check_same_scale,
    copy_geometry,
    find_layer,
    image_of,
    link_layer,
    pixel_size_um,
    spatial_shape,
)
from napari_unet.widgets.point_layers import points_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import napari
    from numpy.typing import NDArray

    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.annotation.points import Points
    from napari_unet.core.annotation.target import Example, Region, Role

# Sky blue and orange of Okabe & Ito, told apart by the colour-blind; the role is also
# written into each rectangle.
ROLE_COLORS = {"training": "#56B4E9", "validation": "#E69F00"}
# A rectangle may be this much off the axes, in pixels, before it is refused.
_TOLERANCE_PX = 0.5

RegionsByPlane = dict[int | None, "tuple[Region, ...]"]


def add_regions(viewer: napari.Viewer, image: ImageLayer) -> Shapes:
    """Add the shapes layer whose rectangles declare parts of an image annotated."""
    layer = Shapes(
        ndim=image.ndim,
        name=f"{image.name} regions",
        features={"role": np.empty(0, object)},
        feature_defaults={"role": "training"},
        property_choices={"role": list(ROLE_COLORS)},
        edge_color="role",
        edge_color_cycle=list(ROLE_COLORS.values()),
        face_color="transparent",
        edge_width=max(1, round(max(spatial_shape(image)[-2:]) / 300)),
        text={"string": "{role}", "anchor": "upper_left", "size": 10, "color": "white"},
        **copy_geometry(image),
    )
    link_layer(layer, image, "regions")
    viewer.add_layer(layer)
    return layer


def set_role(layer: Shapes, role: Role) -> None:
    """Give the role to the selected rectangles and to those drawn from now on."""
    features = layer.features.copy()
    selected = list(layer.selected_data)
    if selected:
        features.loc[selected, "role"] = role
        layer.features = features
    layer.feature_defaults = {"role": role}
    layer.refresh_colors()
    layer.refresh_text()


def regions_of(layer: Shapes | None, image: ImageLayer) -> RegionsByPlane:
    """Return the rectangles of a shapes layer as boxes of the image's pixels.

    Parameters
    ----------
    layer : Shapes layer or None
        Its ``role`` feature says training or validation; without one, training.
    image : Image layer
        Gives the pixel grid; a pixel belongs to a box if its centre does.

    Returns
    -------
    dict of int or None to tuple of Region
        By plane; the key is None for a 2D image. Boxes without any pixel are left out.

    Raises
    ------
    InputError
        If a shape is not a rectangle along the axes, or lies outside the image.
    """
    from napari_unet.core.annotation.target import Region

    if layer is None:
        return {}
    shape = np.asarray(spatial_shape(image)[-2:])
    roles = layer.features.get("role", ["training"] * layer.nshapes)
    found: defaultdict[int | None, list[Region]] = defaultdict(list)
    kinds = zip(layer.data, layer.shape_type, roles, strict=True)
    for number, (vertices, kind, role) in enumerate(kinds, start=1):
        corners = np.array(
            [image.world_to_data(layer.data_to_world(v)) for v in vertices]
        )
        box, plane = corners[:, -2:], plane_at(image, corners[0].tolist())
        corner = tuple(np.round(box.min(axis=0)).astype(int).tolist())
        place = corner if plane is None else (plane, *corner)
        if kind != "rectangle" or not _is_upright(box):
            raise PlacedError(
                f"Region {number} of '{layer.name}' is not an upright rectangle; "
                "delete it, or draw it again as a rectangle.",
                place,
            )
        start, stop = np.ceil(box.min(axis=0)), np.floor(box.max(axis=0)) + 1
        if (stop <= 0).any() or (start >= shape).any():
            raise PlacedError(
                f"Region {number} of '{layer.name}' lies outside the image; move it "
                "onto the image, or delete it.",
                place,
            )
        start, stop = (np.clip(edge, 0, shape).astype(int) for edge in (start, stop))
        if (start < stop).all():
            found[plane].append(
                Region(tuple(start.tolist()), tuple(stop.tolist()), role)
            )
    return {plane: tuple(regions) for plane, regions in found.items()}


def _is_upright(box: NDArray[np.floating]) -> bool:
    """Tell whether every corner lies in a corner of the bounding box, shape (4, 2)."""
    nearest = np.minimum(abs(box - box.min(axis=0)), abs(box - box.max(axis=0)))
    return bool((nearest <= _TOLERANCE_PX).all())


def examples_of(
    viewer: napari.Viewer,
    roles: Mapping[ImageLayer, Role] | None = None,
    faults: list[Finding] | None = None,
) -> list[Example]:
    """Return what is annotated in a viewer: every image with an annotation or points.

    With `roles`, only these images, each for training or for validation. With `faults`,
    what cannot be used is added to them, and the rest is returned.

    Arrays of annotations are copied: they may be painted on while a training runs.
    A stack is one example; a network of planes learns from those with a painted pixel,
    a point or a region.

    Raises
    ------
    InputError
        If an image, an annotation or a region cannot be used.
    """
    examples: list[Example] = []
    for image in viewer.layers:
        if not isinstance(image, ImageLayer):
            continue
        if roles is not None and image not in roles:
            continue
        try:
            found = _examples_of(viewer, image, faults)
        except InputError as error:
            if faults is None:
                raise
            faults.append(fault_of(error, image.name))
            continue
        role = "training" if roles is None else roles[image]
        examples += [replace(example, role=role) for example in found]
    return examples


def _examples_of(
    viewer: napari.Viewer, image: ImageLayer, faults: list[Finding] | None
) -> list[Example]:
    """Return what is annotated in one image."""
    annotation = find_layer(viewer, image, "annotation")
    marked = find_layer(viewer, image, "points")
    regions = regions_of(find_layer(viewer, image, "regions"), image)
    points = points_of(marked, image)
    if faults is not None and len(points):
        from napari_unet.core.annotation.point_findings import split_off_outside

        outside, points = split_off_outside(
            points, folded_shape(image), pixel_size_um(image)
        )
        faults += [replace(fault, image=image.name) for fault in outside]
    if len(points) or (annotation is None and marked is not None):
        return _examples_of_points(image, annotation, points, regions)
    if annotation is not None:
        return _examples_of_image(image, annotation, regions)
    return []


def _examples_of_image(
    layer: ImageLayer, annotation: Labels, regions: RegionsByPlane
) -> list[Example]:
    from napari_unet.core.annotation.target import Example

    painted = np.asarray(annotation.data)
    if not (painted.any() or regions):
        return []
    image = image_of(layer)
    if painted.shape != image.full_shape:
        raise InputError(
            f"'{annotation.name}' has the shape {painted.shape}, but '{layer.name}' "
            f"{image.full_shape}; make a new annotation for this image."
        )
    check_same_scale(annotation, layer)
    return [Example(image, copy_array(annotation), boxes_of(regions), IGNORE_LABEL)]


def boxes_of(regions: RegionsByPlane) -> tuple[Region, ...]:
    """Return the regions of all planes with as many axes as the image."""
    return tuple(
        box if z is None else _lift(box, z)
        for z, found in regions.items()
        for box in found
    )


def _lift(box: Region, z: int) -> Region:
    """Return a region of one plane as a region of the stack."""
    return replace(box, start=(z, *box.start), stop=(z + 1, *box.stop))


def _examples_of_points(
    layer: ImageLayer,
    annotation: Labels | None,
    points: Points,
    regions: RegionsByPlane,
) -> list[Example]:
    """Return an image with points or regions; what is painted is ignored ground."""
    from napari_unet.core.annotation.target import Example

    if not (len(points) or regions):
        return []
    image = image_of(layer)
    painted = np.zeros(image.shape, np.uint16)
    if annotation is not None:
        painted = fold_times(copy_array(annotation))
    return [Example(image, painted, boxes_of(regions), IGNORE_LABEL, points=points)]


def split_touching(annotation: Labels, *, corners: bool = False) -> int:
    """Give each separate piece of an annotation its own number, as one undo step.

    Parameters
    ----------
    annotation : Labels layer
        Ignored ground stays. Pieces are found plane by plane.
    corners : bool
        Whether pixels that touch by a corner only belong together.

    Returns
    -------
    int
        How many pieces there are, at most, on one plane.

    Raises
    ------
    InputError
        If the numbers do not fit into the layer, or it were too much for an undo step.
    """
    from napari_unet.core.annotation.target import split_components

    data = np.asarray(annotation.data)
    painted = np.where(data == IGNORE_LABEL, 0, data)
    planes = painted.reshape(-1, *painted.shape[-2:])
    pieces = np.stack([split_components(plane, corners=corners) for plane in planes])
    pieces = pieces.reshape(data.shape)
    changed = np.nonzero((pieces != data) & (data != IGNORE_LABEL))
    count, limit = int(pieces.max()), int(np.iinfo(data.dtype).max)
    if count > limit or count >= IGNORE_LABEL:
        raise InputError(
            f"There are {count} pieces, more than '{annotation.name}' ({data.dtype}) "
            "has numbers for. Right-click the layer, Convert data type, and try again."
        )
    otherwise = "split the file instead (napari-unet tools instances)"
    edit(
        annotation,
        changed,
        pieces[changed],
        "split into single objects",
        otherwise=otherwise,
    )
    return count
