"""Files of annotations that are dropped onto napari, or opened by it."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image as ImageLayer

    LayerTuple = tuple[Any, dict[str, Any], str]

_SEEN_BYTES = 65_536


def get_reader(
    path: str | list[str],
) -> Callable[[str | list[str]], list[LayerTuple]] | None:
    """Return what reads a file as layers, or None if it holds no annotation.

    Parameters
    ----------
    path : str or list of str
        ROIs of ImageJ, GeoJSON of QuPath or masks of Cellpose; several are not stacked.
    """
    paths = [path] if isinstance(path, str) else path
    return read_layers if all(_is_annotation(Path(each)) for each in paths) else None


def read_layers(path: str | list[str]) -> list[LayerTuple]:
    """Read files as labels and points that lie on the image shown.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    paths = [path] if isinstance(path, str) else path
    return [layer for each in paths for layer in _read(Path(each))]


def _read(path: Path) -> list[LayerTuple]:
    from napari.utils.notifications import show_info

    from napari_unet.formats.annotations import read_annotation
    from napari_unet.formats.images import stem_of
    from napari_unet.widgets.layers import copy_geometry, spatial_shape

    image = _image_shown()
    shape = None if image is None else spatial_shape(image)
    found = read_annotation(path, shape)
    layers: list[LayerTuple] = []
    name = stem_of(path)
    if found.labels is not None:
        fits = image is not None and found.labels.shape == shape
        look = copy_geometry(image) if fits and image is not None else {}
        layers.append((found.labels, {"name": f"{name} labels", **look}, "labels"))
    if found.points is not None:
        look = {} if image is None else copy_geometry(image)
        features = {"class": list(found.points.names)}
        look |= {"name": f"{name} points", "features": features}
        layers.append((found.points.positions, look, "points"))
    where = f" on '{image.name}'" if image is not None else ""
    show_info(f"{path.name}{where}: {found.said}")
    return layers


def _is_annotation(path: Path) -> bool:
    """Look into a file: archives, for example, mostly hold something else."""
    name = path.name.lower()
    if name.endswith("_seg.npy"):
        return True
    with suppress(OSError, zipfile.BadZipFile):
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                return any(n.lower().endswith(".roi") for n in archive.namelist())
        with path.open("rb") as file:
            start = file.read(_SEEN_BYTES)
        if name.endswith(".roi"):
            return start.startswith(b"Iout")
        return name.endswith(".geojson") and b'"Feature' in start
    return False


def _image_shown() -> ImageLayer | None:
    """Return the image chosen in the dock, or the only one that is open."""
    import napari

    from napari_unet.widgets.chosen import chosen_layers
    from napari_unet.widgets.layers import is_users_image

    viewer = napari.current_viewer()
    if viewer is None:
        return None
    if (chosen := chosen_layers(viewer).image) is not None:
        return chosen
    images = [layer for layer in viewer.layers if is_users_image(layer)]
    return images[0] if len(images) == 1 else None
