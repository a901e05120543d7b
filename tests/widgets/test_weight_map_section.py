"""The map follows the brush, the sliders and the slice, and nothing else."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_unet.core.config import WeightMapConfig
from napari_unet.session import Session
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.layers import add_labels, find_layer
from napari_unet.widgets.weight_map import WeightMapSection


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


@pytest.fixture
def session():
    return Session()


def annotate(viewer, shape=(40, 50), **geometry):
    image = viewer.add_layer(Image(np.zeros(shape), name="cells", **geometry))
    annotation = add_labels(viewer, image, "annotation")
    annotation.data[..., 5:15, 5:15] = 1
    annotation.data[..., 5:15, 19:30] = 2
    choose_image(viewer, image)
    return image, annotation


@pytest.fixture
def section(qtbot, viewer, session):
    section = WeightMapSection(session, viewer)
    qtbot.addWidget(section)
    yield section
    qtbot.waitUntil(lambda: not section._answers.is_busy)


def shown(viewer):
    return next((x for x in viewer.layers if x.name.endswith("weight map")), None)


def test_the_map_appears_over_the_image_and_follows_the_brush(qtbot, viewer, section):
    image, annotation = annotate(viewer, scale=(0.5, 0.5), units=("um", "um"))
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    layer = shown(viewer)
    assert layer.data[10, 17] > 5  # the ridge between the two
    assert tuple(layer.scale) == (0.5, 0.5)
    assert layer.units == image.units

    before = layer.data[16, 24]
    annotation.brush_size = 4
    annotation.paint((20, 24), 3)  # close below the second object

    qtbot.waitUntil(lambda: layer.data[16, 24] > before + 3)
    assert "3 objects" in section._status.text()


def test_undo_is_followed_too(qtbot, viewer, section):
    _, annotation = annotate(viewer)
    section._live.setChecked(True)
    annotation.paint((30, 25), 3)
    qtbot.waitUntil(lambda: "3 objects" in section._status.text())
    annotation.undo()
    qtbot.waitUntil(lambda: "2 objects" in section._status.text())


def test_the_sliders_change_the_settings_and_the_map(qtbot, viewer, session, section):
    annotate(viewer)
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    high = shown(viewer).data[10, 17]

    section._form.control("w0").setValue(2)

    assert session.train_config.weight_map.w0 == 2
    qtbot.waitUntil(lambda: shown(viewer).data[10, 17] < high)
    assert shown(viewer).contrast_limits == [0, 3]


def test_settings_changed_elsewhere_are_shown(session, section):
    session.train_config = session.train_config.replaced(
        weight_map=WeightMapConfig(sigma=7).model_dump()
    )
    assert section._form.control("sigma").value() == 7


def test_too_few_objects_are_explained(qtbot, viewer, section):
    _, annotation = annotate(viewer)
    annotation.data[annotation.data == 2] = 0
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: "Fewer than two objects" in section._status.text())


def test_without_an_annotation_it_says_what_to_do(section):
    section._live.setChecked(True)
    assert "Make an annotation" in section._status.text()


def test_deleting_the_map_switches_it_off(qtbot, viewer, section):
    _, annotation = annotate(viewer)
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)

    viewer.layers.remove(shown(viewer))

    assert not section._live.isChecked()
    annotation.paint((30, 25), 3)
    qtbot.wait(100)
    assert shown(viewer) is None


def test_an_answer_for_a_deleted_image_is_dropped(qtbot, viewer, section):
    image, _ = annotate(viewer)
    section._live.setChecked(True)
    section._gather.stop()
    section._ask()
    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: not section._answers.is_busy)
    assert shown(viewer) is None


def test_outside_the_regions_nothing_counts(qtbot, viewer, section):
    image, _ = annotate(viewer)
    regions = add_regions(viewer, image)
    regions.add_rectangles([[0, 0], [0, 31], [19, 31], [19, 0]])
    chosen_layers(viewer).regions = regions
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    weights = shown(viewer).data
    assert (weights[25:] == 0).all()
    # Closer to unknown ground its objects might raise the weight; that is left out.
    assert (weights[:4, :16] > 0).all()


def test_of_a_stack_the_current_slice_is_shown_in_its_place(qtbot, viewer, section):
    image, annotation = annotate(viewer, (3, 40, 50), scale=(4, 1, 1))
    annotation.data[0] = 0
    viewer.dims.set_point(0, 8)
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    layer = shown(viewer)
    assert layer.data.shape == (1, 40, 50)
    np.testing.assert_allclose(layer.translate, (8, 0, 0))

    viewer.dims.set_point(0, 0)

    qtbot.waitUntil(lambda: find_layer(viewer, image, "weight map").translate[0] == 0)
    assert "Fewer than two" in section._status.text()


def layer_of(viewer, name):
    return next((x for x in viewer.layers if x.name == f"cells {name}"), None)


def show_map(section, name):
    section._name.setCurrentText(name)
    section._live.setChecked(True)


def test_for_a_network_of_volumes_the_map_is_that_of_the_volume(
    qtbot, viewer, session, section
):
    """Two objects above each other, none beside: the ridge lies between planes."""
    scale = (2.0, 0.5, 0.5)
    image = viewer.add_layer(Image(np.zeros((9, 30, 30)), name="cells", scale=scale))
    image.units = ("um", "um", "um")
    annotation = add_labels(viewer, image, "annotation")
    annotation.data[1:4, 5:25, 5:25] = 1
    annotation.data[5:8, 5:25, 5:25] = 2
    choose_image(viewer, image)
    session.choose_preset("fast-3d")
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    layer = shown(viewer)
    assert layer.data.shape == (9, 30, 30)
    # A plane is four pixels of X away: d1 = d2 = 4.
    assert layer.data[4, 15, 15] - 1 == pytest.approx(10 * np.exp(-64 / 50), abs=1e-3)
    assert "2 objects" in section._status.text()
    viewer.dims.set_current_step(0, 4)  # another plane of the same volume
    assert shown(viewer) is layer


def test_the_separation_border_is_shown_as_training_will_cut_it(
    qtbot, viewer, session, section
):
    _, annotation = annotate(viewer)
    annotation.data[5:15, 15:19] = 1  # now the two touch at column 19
    show_map(section, "separation border")
    qtbot.waitUntil(lambda: layer_of(viewer, "separation border") is not None)
    layer = layer_of(viewer, "separation border")
    width = session.train_config.weight_map.separation_border
    assert width == 2
    assert set(np.nonzero(layer.data)[1]) == {18, 19}
    assert "20 px between touching ones" in section._status.text()

    section._form.control("separation_border").setValue(1)

    qtbot.waitUntil(lambda: set(np.nonzero(layer.data)[1]) == {19})


def test_the_density_of_patches_follows_its_settings(qtbot, viewer, session, section):
    annotate(viewer)
    section._sampling.control("rule").setCurrentText("density")
    assert session.train_config.sampling.rule == "density"
    show_map(section, "patch density")
    qtbot.waitUntil(lambda: layer_of(viewer, "patch density") is not None)
    layer = layer_of(viewer, "patch density")
    assert layer.data[10, 10] == 1
    assert layer.data[30, 30] == pytest.approx(0.1)
    share = 210 / (210 + 0.1 * (2000 - 210))
    assert section._status.text().startswith(f"{share:.0%} of the patches")

    section._sampling.control("background").setValue(0.5)

    qtbot.waitUntil(lambda: layer.data[30, 30] == pytest.approx(0.5))


def test_another_map_takes_the_place_of_the_first(qtbot, viewer, section):
    annotate(viewer)
    show_map(section, "weight map")
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    show_map(section, "distance map")
    qtbot.waitUntil(lambda: layer_of(viewer, "distance map") is not None)
    layer = layer_of(viewer, "distance map")
    assert (layer.data[10, 17], layer.data[10, 5]) == (2, -1)
    assert layer.visible
    assert shown(viewer) is None
    assert section._live.isChecked()

    show_map(section, "weight map")

    qtbot.waitUntil(lambda: shown(viewer) is not None)
    assert layer not in viewer.layers


def test_without_its_annotation_no_map_is_shown(qtbot, viewer, section):
    image, annotation = annotate(viewer)
    section._live.setChecked(True)
    qtbot.waitUntil(lambda: shown(viewer) is not None)
    data = annotation.data
    viewer.layers.remove(annotation)
    assert not shown(viewer).visible
    chosen_layers(viewer).annotation = add_labels(viewer, image, "annotation", data)
    qtbot.waitUntil(lambda: shown(viewer).visible)


def test_of_another_image_there_are_no_weights_to_set(session, section):
    session.annotation = "values"
    assert not section._form.control("w0").isEnabled()
    session.annotation = "objects"
    assert section._form.control("w0").isEnabled()


def test_another_form_brings_its_published_ridge(session, section):
    section._form.control("form").setCurrentText("2019")
    assert session.train_config.weight_map == WeightMapConfig(
        form="2019", w0=50, sigma=6, separation_border=2, class_balance="none"
    )
    assert section._form.control("w0").value() == 50


def test_weights_of_classes_are_typed_into_a_line(qtbot, session, section):
    section._more.control("class_balance").setCurrentText("weights")
    line = section._more.control("class_weights")
    line.setText("0.2,1")
    line.editingFinished.emit()
    assert session.train_config.weight_map.class_weights == (0.2, 1)
    assert line.text() == "0.2, 1"


def test_of_classes_nothing_is_cut_and_each_weighs_in_the_density(
    qtbot, viewer, session, section
):
    session.class_names = ("background", "cytoplasm", "nucleus")
    session.annotation = "classes"
    annotate(viewer)
    show_map(section, "distance map")
    qtbot.waitUntil(lambda: layer_of(viewer, "distance map") is not None)
    assert layer_of(viewer, "distance map").data[10, 17] == 2
    show_map(section, "patch density")
    qtbot.waitUntil(lambda: layer_of(viewer, "patch density") is not None)
    assert layer_of(viewer, "patch density").data[10, 25] == 1
