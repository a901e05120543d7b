"""Which image layer shall be predicted from which."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from napari_unet.core.errors import InputError
from napari_unet.widgets.layers import check_same_scale, spatial_shape

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

_targets: WeakKeyDictionary[ImageLayer, ref[ImageLayer]] = WeakKeyDictionary()


def set_target(image: ImageLayer, target: ImageLayer | None) -> None:
    """Let `target` be what is predicted from an image; None: nothing is.

    Raises
    ------
    InputError
        If they do not show the same ground, pixel on pixel.
    """
    if target is None:
        _targets.pop(image, None)
        return
    check_target(image, target)
    _targets[image] = ref(target)


def target_of(viewer: napari.Viewer, image: ImageLayer) -> ImageLayer | None:
    """Return the layer that shall be predicted from an image, while it is open."""
    reference = _targets.get(image)
    target = None if reference is None else reference()
    return target if target in viewer.layers else None


def check_target(image: ImageLayer, target: ImageLayer) -> None:
    """Refuse a target whose pixels are not those of the image.

    Raises
    ------
    InputError
        Naming both layers with their sizes.
    """
    has, wanted = (
        " × ".join(map(str, spatial_shape(layer)[::-1])) for layer in (target, image)
    )
    if has != wanted:
        raise InputError(
            f"'{target.name}' has {has} px, '{image.name}' {wanted} px; the image to "
            "predict must show the same ground, pixel on pixel. Choose another target, "
            "or crop one of the two."
        )
    check_same_scale(target, image)
