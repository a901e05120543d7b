"""Grey values: targets that are none, and predicted images as files."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Sequence

    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Example, Model, Segmentation


def refuse_labels(examples: "Sequence[Example]", *, is_told: bool) -> None:
    """Refuse labels as targets, where the user did not say that they are values."""
    from napari_unet.core.annotation.value_findings import look_like_labels

    for example in () if is_told else examples:
        if example.values is not None and look_like_labels(example.values):
            raise InputError(
                f"The model to start from predicts grey values, but what belongs to "
                f"'{example.image.name}' looks like labels. To learn objects, start "
                "from scratch or from a model of objects; if it is the image to "
                "predict all the same, say --annotation values."
            )


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
