"""Predicted images as files, where a model predicts grey values."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Model, Segmentation


def refuse_companions(model: str, wanted: bool) -> None:
    """Refuse to write what only objects and classes have beside them."""
    if wanted:
        raise InputError(
            f"The model '{model}' predicts grey values: there are no probabilities, "
            "ROIs or measurements to write. Leave these options out."
        )


def write_values(
    path: Path, image: "Image", segmentation: "Segmentation", model: "Model"
) -> None:
    """Write a predicted image: one channel as (Y, X), several as (C, Y, X)."""
    from napari_unet.core.frames import unfold_times
    from napari_unet.core.workflow import restore_values
    from napari_unet.formats.tiff import write_grey

    values = restore_values(segmentation.probabilities, model.settings)
    values = unfold_times(values, segmentation.times)
    if len(values) == 1:
        axes = "TZYX"[-values[0].ndim :]
        write_grey(path, values[0], image.pixel_size_um, axes=axes)
    else:
        write_grey(path, values, image.pixel_size_um)
