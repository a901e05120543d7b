"""Patches beside the image: of the settings as they are, out of the image's way."""

import numpy as np
import pytest

from napari_unet.jobs import Outcome, Status
from napari_unet.session import Session
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.fine_tune import FineTuneSection
from napari_unet.widgets.layers import add_labels, find_layer, is_users_image
from napari_unet.widgets.patch_preview import tile_patches


@pytest.fixture
def section(qtbot, viewer, nuclei):
    session = Session()
    session.train_config = session.train_config.replaced(patch_size=32)
    choose_image(viewer, nuclei)
    section = FineTuneSection(session, viewer)
    qtbot.addWidget(section)
    return section


def paint(viewer, nuclei):
    annotation = add_labels(viewer, nuclei, "annotation")
    annotation.data[10:30, 10:30] = 1
    annotation.data[35:55, 60:80] = 2
    chosen_layers(viewer).annotation = annotation


def test_patches_appear_beside_the_image_and_change(qtbot, section, viewer, nuclei):
    paint(viewer, nuclei)
    section._show_patches.click()
    qtbot.waitUntil(lambda: find_layer(viewer, nuclei, "patch weights") is not None)
    patches = find_layer(viewer, nuclei, "patches")
    targets = find_layer(viewer, nuclei, "patch targets")
    assert patches.data.shape == targets.data.shape == (2 * 32 + 8, 3 * 32 + 16)
    assert patches.extent.world[0, 1] > nuclei.extent.world[1, 1]
    assert set(np.unique(targets.data)) == {0, 1}
    centre = np.asarray(viewer.scene.camera.center[-2:])
    np.testing.assert_allclose(centre, patches.extent.world[:, -2:].mean(axis=0))
    assert not is_users_image(patches)
    first = patches.data
    section._show_patches.click()
    qtbot.waitUntil(lambda: patches.data is not first)
    assert not np.array_equal(patches.data, first)
    assert sum(layer.name == patches.name for layer in viewer.layers) == 1


def test_what_begins_then_finds_the_view_as_it_was(qtbot, section, viewer, nuclei):
    paint(viewer, nuclei)
    viewer.reset_view()
    camera = viewer.scene.camera
    before = camera.center, camera.zoom
    for _ in range(2):
        section._show_patches.click()
        qtbot.waitUntil(lambda: find_layer(viewer, nuclei, "patches") is not None)
    assert (camera.center, camera.zoom) != before
    job = section._session.begin("Segment", lambda: iter(()))
    assert (camera.center, camera.zoom) == before
    assert find_layer(viewer, nuclei, "patches") is None
    assert find_layer(viewer, nuclei, "patch weights") is None
    section._session.finish(job, Outcome(Status.CANCELLED))


def test_without_an_annotation_it_says_so(qtbot, section, monkeypatch):
    said = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", said.append)
    section._show_patches.click()
    qtbot.waitUntil(lambda: bool(said))
    assert "Nothing is annotated" in str(said[0])


def test_smaller_targets_lie_in_the_middle():
    sheet = tile_patches(np.ones((4, 2, 2)), 6)
    assert sheet.shape == (20, 34)
    assert sheet.sum() == 16
    assert (sheet[2:4, 2:4] == 1).all()
    assert (sheet[16:18, 2:4] == 1).all()
