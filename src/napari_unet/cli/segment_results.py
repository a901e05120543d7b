"""What `segment` writes of one image, and what it says about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.cli.app import count, warn
from napari_unet.cli.classes import class_shares, say_shares
from napari_unet.core.config import ModelSettings, ObjectConfig

if TYPE_CHECKING:  # so that --help does not wait for torch
    import numpy as np

    from napari_unet.core.image import Image
    from napari_unet.core.workflow import Segmentation


@dataclass(frozen=True)
class Wanted:
    """What to write beside the labels."""

    probabilities: bool
    uncertainty: bool
    rois: bool
    csv: bool

    def only_objects(self, settings: ModelSettings) -> bool:
        """Tell whether the probability of the background is enough."""
        maps = self.probabilities or self.uncertainty
        return settings.annotation == "objects" and not maps


def write_found(
    name: str,
    stem: Path,
    image: "Image",
    segmentation: "Segmentation",
    settings: ModelSettings,
    objects: ObjectConfig,
    wanted: Wanted,
) -> tuple[int | dict[str, float], str]:
    """Find objects or classes, write them; return how many, and a doubt or nothing."""
    from napari_unet.core.workflow import make_labels

    labels = make_labels(segmentation, settings, objects)
    write_labels_of(stem, image, labels, segmentation, settings, wanted)
    found = measure_labels(labels, segmentation, settings)
    return found, doubt_labels(name, labels, segmentation, settings, objects)


def measure_labels(
    labels: "np.ndarray", segmentation: "Segmentation", settings: ModelSettings
) -> int | dict[str, float]:
    """Return how many objects there are, or the share of each class."""
    if settings.annotation == "classes":
        return class_shares(labels, settings)
    parts = [labels]
    if labels.ndim == 3:
        import numpy as np

        volumes = segmentation.times if segmentation.volume else len(labels)
        parts = np.split(labels, volumes)
    return sum(int(part.max()) for part in parts)


def doubt_labels(
    name: str,
    labels: "np.ndarray",
    segmentation: "Segmentation",
    settings: ModelSettings,
    objects: ObjectConfig,
) -> str:
    """Say it, and return it, if nothing or everything was found in an image."""
    from napari_unet.core.prediction.doubt import doubt_result

    doubt = doubt_result(
        segmentation.probabilities,
        labels,
        settings.annotation,
        objects,
        settings.class_names,
    )
    if doubt:
        warn(f"{name}: {doubt}")
    return doubt


def say_all_found(found: Mapping[str, Any]) -> str:
    """Return a line for each image, by its stem: what was found in it."""
    return "\n".join(f"{stem}: {say_found(each)}" for stem, each in found.items())


def say_found(found: int | dict[str, float] | str) -> str:
    """Return what was found in an image, in words."""
    if isinstance(found, str):
        return found
    return count(found, "object") if isinstance(found, int) else say_shares(found)


def write_labels_of(
    stem: Path,
    image: "Image",
    labels: "np.ndarray",
    segmentation: "Segmentation",
    settings: ModelSettings,
    wanted: Wanted,
) -> None:
    """Write the results of one image beside each other."""
    import numpy as np

    from napari_unet.core.annotation.restored_values import restore_values
    from napari_unet.core.frames import unfold_times
    from napari_unet.formats.imagej_rois import write_rois
    from napari_unet.formats.tiff import write_grey, write_labels

    name, times = stem.name, segmentation.times
    found = unfold_times(restore_values(labels, settings.class_values), times)
    # Planes that were channels are none of the result.
    size = image.pixel_size_um and image.pixel_size_um[-labels.ndim :]
    write_labels(stem.with_name(f"{name}.tif"), found, size)
    if wanted.probabilities:
        path = stem.with_name(f"{name}_probabilities.tif")
        write_grey(path, unfold_times(segmentation.probabilities, times), size)
    if wanted.uncertainty:
        path = stem.with_name(f"{name}_uncertainty.tif")
        _write_uncertainty(path, segmentation, size)
    if not (wanted.rois or wanted.csv):
        return
    shown = np.where(unfold_times(labels, times) == 0, 0, found)
    if wanted.rois:
        write_rois(stem.with_name(f"{name}.zip"), shown)
    if wanted.csv:
        _write_table(stem, image, shown, size, by_plane=not segmentation.volume)


def _write_table(
    stem: Path,
    image: "Image",
    labels: "np.ndarray",
    size: tuple[float, ...] | None,
    *,
    by_plane: bool,
) -> None:
    """Write measurements of all objects; planes may have numbers of their own."""
    from napari_unet.core.frames import fold_times
    from napari_unet.formats.export import LabelsExport, measure
    from napari_unet.formats.table import measure_objects, write_table

    fitting = image if image.full_shape == labels.shape else None
    if labels.any():
        rows = measure(
            LabelsExport(
                labels,
                stem.parent,
                stem.name,
                ("csv",),
                fitting,
                size,
                by_plane=by_plane,
            )
        )
    else:  # a line of names, and no other
        rows = measure_objects(fold_times(labels), fitting, size)
    write_table(stem.with_name(f"{stem.name}.csv"), rows)


def _write_uncertainty(
    path: Path, segmentation: "Segmentation", size: tuple[float, ...] | None
) -> None:
    """Write the uncertainty; where versions were averaged, their disagreement, too."""
    import numpy as np

    from napari_unet.core.frames import unfold_times
    from napari_unet.formats.tiff import write_grey

    uncertainty = unfold_times(segmentation.uncertainty, segmentation.times)
    axes = "TZYX"[-uncertainty.ndim :]
    if segmentation.disagreement is None:
        write_grey(path, uncertainty, size, axes=axes)
    else:
        disagreement = unfold_times(segmentation.disagreement, segmentation.times)
        both = np.stack([uncertainty, disagreement])
        write_grey(path, both, size, axes=f"C{axes}")
