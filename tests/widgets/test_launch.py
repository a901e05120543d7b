"""`napari-unet gui`: images with their pixel size, or a sample, and the dock."""

import numpy as np
import pytest

from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.widgets import launch


@pytest.fixture
def viewer_of(make_napari_viewer, monkeypatch):
    monkeypatch.setattr(launch.napari, "Viewer", make_napari_viewer)
    return launch.show


def test_images_open_with_their_pixel_size_and_the_dock(viewer_of):
    grey = Image(np.zeros((1, 20, 30), np.uint16), (0.5, 0.25), "grey")
    rgb = Image(np.zeros((3, 20, 30), np.uint8), None, "rgb")
    stained = Image(np.zeros((2, 20, 30), np.uint16), None, "stained")
    viewer = viewer_of([grey, rgb, stained])
    assert [layer.name for layer in viewer.layers] == [
        "grey", "rgb", "stained channel 0", "stained channel 1",
    ]  # fmt: skip
    assert tuple(viewer.layers["grey"].scale) == (0.5, 0.25)
    assert str(viewer.layers["grey"].units[0]) == "micrometer"
    assert viewer.layers["rgb"].rgb
    assert any(name.startswith("U-Net") for name in viewer.window.dock_widgets)


def test_without_images_a_sample_opens(viewer_of):
    viewer = viewer_of([])
    assert viewer.layers[0].data.shape == (512, 512)


def test_an_unreadable_image_is_refused_before_a_window_opens(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        launch.open_viewer([tmp_path / "nowhere.tif"])
