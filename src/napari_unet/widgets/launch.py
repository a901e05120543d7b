"""napari with the U-Net dock, as `napari-unet gui` opens it."""

from collections.abc import Sequence
from pathlib import Path

import napari
import numpy as np

from napari_unet.core.image import Image
from napari_unet.formats.images import find_images, read_image

PLUGIN = "napari-unet-live"


def open_viewer(paths: Sequence[Path]) -> None:
    """Open napari with the dock and stay until the window is closed.

    Parameters
    ----------
    paths : sequence of Path
        Images or folders of images; without any, a sample is opened.

    Raises
    ------
    InputError
        If an image cannot be read; no window is opened then.
    """
    images = [read_image(file) for path in paths for file in find_images(path)]
    show(images)
    napari.run()


def show(images: Sequence[Image]) -> napari.Viewer:
    """Return a viewer with the images, or else a sample, and the dock."""
    viewer = napari.Viewer()
    for image in images:
        _add(viewer, image)
    if not images:
        viewer.open_sample(PLUGIN, "nuclei")
    viewer.window.add_plugin_dock_widget(PLUGIN, "U-Net")
    return viewer


def _add(viewer: napari.Viewer, image: Image) -> None:
    """Add an image with its pixel size; several channels become colours or layers."""
    size = image.pixel_size_um
    place = {} if size is None else {"scale": size, "units": ("µm",) * len(size)}
    if image.channels == 3 and image.array.dtype == np.uint8:
        colours = np.moveaxis(image.array, 0, -1)
        viewer.add_image(colours, rgb=True, name=image.name, **place)
        return
    for index, channel in enumerate(image.array):
        name = f"{image.name} channel {index}" if image.channels > 1 else image.name
        viewer.add_image(channel, name=name, **place)
