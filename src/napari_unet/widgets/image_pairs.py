"""Images with the images to predict from them: from layers to examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image as ImageLayer

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotation_layers import boxes_of, regions_of
from napari_unet.widgets.layers import find_layer, image_of
from napari_unet.widgets.target_layers import check_target, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import napari

    from napari_unet.core.annotation.target import Example, Role

NO_TARGET = (
    "There is no ticked image with a target: under Annotate, choose the image that the "
    "network shall learn to predict."
)


def pairs_of(
    viewer: napari.Viewer, roles: Mapping[ImageLayer, Role] | None = None
) -> list[Example]:
    """Return every image of a viewer that has a target, together with it.

    With `roles`, only these images, each for training or for validation. Where regions
    are drawn, only what lies in them is learned.

    Raises
    ------
    InputError
        If an image, a target or a region cannot be used, or if there is no pair.
    """
    from napari_unet.core.training.values import pair_images

    pairs = []
    for image in viewer.layers:
        if not isinstance(image, ImageLayer) or not (roles is None or image in roles):
            continue
        target = target_of(viewer, image)
        if target is None:
            continue
        check_target(image, target)  # either may have been changed since
        regions = regions_of(find_layer(viewer, image, "regions"), image)
        pairs.append(
            pair_images(
                image_of(image),
                image_of(target),
                regions=boxes_of(regions),
                role="training" if roles is None else roles[image],
            )
        )
    if not pairs:
        raise InputError(NO_TARGET)
    return pairs
