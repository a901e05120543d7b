"""The pixel size of an image can be typed in, and that of a new model chosen."""

import numpy as np
import pytest

from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.image_model import ImageModelSection
from napari_unet.widgets.layers import add_labels, pixel_size_um
from napari_unet.widgets.train_form import TrainForm


@pytest.fixture
def image(viewer):
    image = viewer.add_image(np.zeros((20, 30), np.uint8), name="cells")
    image.translate = (10, 20)
    return image


@pytest.fixture
def section(qtbot, viewer, session, image):
    choose_image(viewer, image)
    section = ImageModelSection(session, viewer)
    qtbot.addWidget(section)
    return section


def editor(section):
    return section._pixel_size


def test_an_unknown_pixel_size_can_be_typed(section, image, viewer):
    assert editor(section)._plane.text() == "unknown"
    assert "pixel size unknown" in section._image_line.text()
    editor(section)._plane.setValue(0.25)
    assert pixel_size_um(image) == (0.25, 0.25)
    assert "0.25 µm per pixel" in section._image_line.text()
    np.testing.assert_allclose(image.translate, (2.5, 5))


def test_what_was_made_for_the_image_goes_with_it(section, image, viewer):
    annotation = add_labels(viewer, image, "annotation", np.zeros((20, 30), np.uint16))
    other = viewer.add_image(np.zeros((5, 5)), name="another")
    choose_image(viewer, image)
    editor(section)._plane.setValue(0.25)
    assert pixel_size_um(annotation) == (0.25, 0.25)
    np.testing.assert_allclose(annotation.extent.world, image.extent.world)
    assert pixel_size_um(other) is None


def test_a_wrong_one_can_be_corrected(qtbot, viewer, session, nuclei):
    choose_image(viewer, nuclei)
    section = ImageModelSection(session, viewer)
    qtbot.addWidget(section)
    assert editor(section)._plane.length() == 0.5
    assert not editor(section)._form.isRowVisible(editor(section)._depth)
    editor(section)._plane.setValue(2)
    assert pixel_size_um(nuclei) == (2, 2)
    np.testing.assert_allclose(nuclei.translate, (12, 16))


def test_planes_may_have_a_distance(qtbot, viewer, session, stack):
    choose_image(viewer, stack)
    section = ImageModelSection(session, viewer)
    qtbot.addWidget(section)
    assert editor(section)._form.isRowVisible(editor(section)._depth)
    editor(section)._plane.setValue(0.5)
    assert pixel_size_um(stack) == (1, 0.5, 0.5)  # time points, for all we know
    editor(section)._depth.setValue(3)
    assert pixel_size_um(stack) == (3, 0.5, 0.5)


def test_the_pixel_size_of_a_new_model(qtbot, session):
    form = TrainForm(session)
    qtbot.addWidget(form)
    sizes = form._pixel_size
    assert sizes._plane.text() == "of the images"
    assert not sizes._form.isRowVisible(sizes._depth)
    sizes._plane.setValue(0.4)
    assert session.pixel_size_um == 0.4
    session.network = session.network.replaced(dimensions=3)
    assert sizes._form.isRowVisible(sizes._depth)
    sizes._depth.setValue(2)
    assert (session.pixel_size_um, session.pixel_size_z_um) == (0.4, 2)
    session.pixel_size_um = None
    assert sizes._plane.length() is None


def test_a_file_of_settings_holds_the_pixel_size(qtbot, session, tmp_path):
    form = TrainForm(session)
    qtbot.addWidget(form)
    from napari_unet.widgets.settings_file import SettingsFile

    session.pixel_size_um = 0.4
    files = SettingsFile(session)
    qtbot.addWidget(files)
    files.save(tmp_path / "s.json")
    session.pixel_size_um = None
    files.load(tmp_path / "s.json")
    assert session.pixel_size_um == 0.4
