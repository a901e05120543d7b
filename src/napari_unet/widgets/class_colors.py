"""Names and colours of classes in a labels layer."""

from __future__ import annotations

from colorsys import hls_to_rgb
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap, label_colormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_unet.widgets.layers import IGNORE_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Labels, Layer
    from numpy.typing import NDArray

# Of Okabe & Ito, told apart by the colour-blind.
_PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
# Those of more classes: how far the hue turns from one to the next, and the lightness
# and saturation they take in turn. Found by trying: the first 24 of all classes lie as
# far apart as can be, and each is seen on dark and on bright ground.
_FIRST_HUE, _TURN = 0.15, 0.5607
_LIGHTNESS, _SATURATION = (0.4, 0.7, 0.55), (0.9, 0.5)
_TRANSPARENT = (0.0, 0.0, 0.0, 0.0)
_IGNORED = (0.5, 0.5, 0.5, 1.0)
_NO_CLASS = (0.8, 0.8, 0.8, 0.6)
_OBJECT_COLORS = 49
_VALUES = "napari_unet_class_values"
_OBJECTS = "napari_unet_objects"


def class_color(number: int, value: int | str = "") -> tuple[float, ...]:
    """Return red, green, blue and opacity of a class, 0 to 1.

    Parameters
    ----------
    number : int
        Of the class; 0, background, is transparent.
    value : int or str
        What stood for it in the labels it was learned from: a colour is taken.
    """
    if number == 0:
        return _TRANSPARENT
    if isinstance(value, str) and value.startswith("#"):
        return tuple(transform_color(value.partition("+")[0])[0].tolist())
    if number <= len(_PALETTE):
        # A copy: napari hands out the array that it keeps.
        return tuple(transform_color(_PALETTE[number - 1])[0].tolist())
    further = number - 1 - len(_PALETTE)
    turn, place = divmod(further, len(_LIGHTNESS))
    hue = (_FIRST_HUE + _TURN * further) % 1
    saturation = _SATURATION[turn % len(_SATURATION)]
    return (*hls_to_rgb(hue, _LIGHTNESS[place], saturation), 1.0)


def show_classes(
    layer: Labels, names: Sequence[str], values: Sequence[int | str] = ()
) -> None:
    """Give each class its colour, and its name in the status bar.

    Parameters
    ----------
    layer : Labels layer
        Its numbers are classes.
    names : sequence of str
        Of the classes, background first.
    values : sequence of int or str
        See `ModelSettings.class_values`; "" where a class has none.
    """
    every = list(values) or [""] * len(names)
    colors = {
        number: np.array(class_color(number, value), np.float32)
        for number, value in enumerate(every)
    }
    colors[IGNORE_LABEL] = np.array(_IGNORED, np.float32)
    # napari asks for a colour of None: that of all other numbers, which stay seen.
    colors[None] = np.array(_NO_CLASS, np.float32)  # type: ignore[index]
    layer.colormap = DirectLabelColormap(color_dict=colors)
    layer.features = {
        "index": [*range(len(names)), IGNORE_LABEL],
        "class": [*names, "ignored"],
    }
    layer.metadata[_VALUES] = () if "" in values else tuple(values)
    layer.metadata.pop(_OBJECTS, None)


def class_names(layer: Layer | None) -> dict[int, str]:
    """Return the names of the classes that a layer shows, by their numbers."""
    features = {} if layer is None else layer.features
    if "class" not in features or "index" not in features:
        return {}
    names = zip(features["index"], features["class"], strict=True)
    return {int(number): str(name) for number, name in names}


def holds_objects(layer: Layer) -> bool:
    """Tell whether the numbers in a layer are known to be those of objects."""
    return _OBJECTS in layer.metadata


def in_own_values(layer: Labels, labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels of a layer in the values that its classes were learned from.

    Parameters
    ----------
    layer : Labels layer
        A prediction of classes, or any other: then nothing changes.
    labels : ndarray of int
        Its array. Also unchanged where somebody painted a number that is no class.
    """
    from napari_unet.core.annotation.restored_values import restore_values

    values = layer.metadata.get(_VALUES, ())
    if not values or labels.max(initial=0) >= len(values):
        return labels
    return restore_values(labels, values)


def show_objects(layer: Labels) -> None:
    """Give each number its own colour again, if `show_classes` took them."""
    layer.metadata[_OBJECTS] = True
    if isinstance(layer.colormap, DirectLabelColormap) and "class" in layer.features:
        layer.colormap = label_colormap(_OBJECT_COLORS)
        layer.features = {}
        layer.metadata.pop(_VALUES, None)
