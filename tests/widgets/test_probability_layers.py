"""Probabilities in the viewer: of the foreground, or a layer for each class."""

import numpy as np
import pytest

from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.segmented import Segmented, TileLabels
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.class_colors import class_color
from napari_unet.widgets.extent_combo import LAYER, SLICE
from napari_unet.widgets.layers import add_labels, find_layer, find_layers
from napari_unet.widgets.point_layers import DetectionLayer
from napari_unet.widgets.probability_layers import ProbabilityLayers
from napari_unet.widgets.segment import SegmentSection

CELLS = ModelSettings(
    network=NetworkConfig(classes=3),
    annotation="classes",
    class_names=("background", "nucleus", "cytoplasm"),
)
OBJECTS = ModelSettings()


def shares(*values, shape=(60, 90)):
    """Return the same probabilities of each class everywhere."""
    return np.stack([np.full(shape, value, np.float32) for value in values])


def finished(probabilities, planes=None, box=(slice(0, 60), slice(0, 90))):
    return Segmented(probabilities, np.zeros(0), box, planes, "classes")


def of_classes(viewer, image):
    """Return the layers of classes by name, in the order of the list."""
    found = find_layers(viewer, image, "class probability")
    return {layer.name: layer for layer in reversed(found)}


@pytest.fixture
def layers(viewer, nuclei):
    layers = ProbabilityLayers(viewer, nuclei)
    layers.start(CELLS, None)
    return layers


def test_each_class_has_a_layer_with_its_name_and_colour(viewer, layers, nuclei):
    assert of_classes(viewer, nuclei) == {}  # nobody has asked yet
    layers.open()
    layers.show(finished(shares(0.2, 0.7, 0.1)))
    shown = of_classes(viewer, nuclei)
    assert list(shown) == ["nuclei nucleus probability", "nuclei cytoplasm probability"]
    for number, (layer, share) in enumerate(
        zip(shown.values(), (0.7, 0.1), strict=True), start=1
    ):
        np.testing.assert_allclose(layer.data, share)
        assert layer.contrast_limits == [0, 1]
        unlikely, certain = layer.colormap.map(np.array([0.0, 1.0]))
        assert unlikely[3] == 0  # the image shines through
        np.testing.assert_allclose(certain, class_color(number), atol=1e-6)
        np.testing.assert_array_equal(layer.extent.world, nuclei.extent.world)
    assert find_layer(viewer, nuclei, "probabilities") is None


def test_labels_of_the_same_colours_step_back_while_they_are_shown(
    viewer, layers, nuclei
):
    labels = add_labels(viewer, nuclei, "prediction")
    layers.open()
    assert not labels.visible
    for layer in of_classes(viewer, nuclei).values():
        viewer.layers.remove(layer)
    layers.start(CELLS, None)
    assert labels.visible
    labels.visible = False  # by the user, who keeps that
    layers.start(CELLS, None)
    assert not labels.visible
    labels.visible = True
    layers.start(OBJECTS, None)
    layers.open()
    assert labels.visible


def test_a_class_learned_from_a_colour_keeps_it(viewer, nuclei):
    layers = ProbabilityLayers(viewer, nuclei)
    values = ("#000000", "#ff0000", "#00ff00")
    layers.start(CELLS.replaced(class_values=values), None)
    layers.open()
    shown = of_classes(viewer, nuclei).values()
    brightest = [layer.colormap.map(np.array([1.0]))[0].tolist() for layer in shown]
    assert brightest == [[1, 0, 0, 1], [0, 1, 0, 1]]


def test_tiles_fill_the_layers_up(viewer, layers, nuclei):
    layers.open()
    box = (slice(0, 20), slice(30, 50))
    tile = shares(0.1, 0.3, 0.6, shape=(20, 20))
    layers.show_tile(TileLabels(1, 9, None, box, np.ones((20, 20), int), tile))
    nucleus, cytoplasm = of_classes(viewer, nuclei).values()
    np.testing.assert_allclose(nucleus.data[box], 0.3)
    np.testing.assert_allclose(cytoplasm.data[box], 0.6)
    assert nucleus.data.sum() == pytest.approx(0.3 * 400, rel=1e-5)


def test_the_next_run_empties_them_and_a_deleted_layer_comes_only_on_request(
    viewer, layers, nuclei
):
    layers.open()
    layers.show(finished(shares(0.2, 0.7, 0.1)))
    nucleus, cytoplasm = of_classes(viewer, nuclei).values()
    layers.start(CELLS, None)
    assert list(of_classes(viewer, nuclei).values()) == [nucleus, cytoplasm]
    assert not nucleus.data.any()
    assert not cytoplasm.data.any()
    viewer.layers.remove(nucleus)
    viewer.layers.remove(cytoplasm)
    layers.show(finished(shares(0, 1, 0)))
    assert of_classes(viewer, nuclei) == {}
    layers.open()
    layers.show(finished(shares(0, 1, 0)))
    assert len(of_classes(viewer, nuclei)) == 2


def test_a_model_of_other_classes_replaces_them(viewer, layers, nuclei):
    layers.open()
    layers.show(finished(shares(0.2, 0.7, 0.1)))
    kept = of_classes(viewer, nuclei)["nuclei nucleus probability"]
    others = CELLS.replaced(class_names=("background", "nucleus", "spindle"))
    later = ProbabilityLayers(viewer, nuclei)
    later.start(others, None)
    shown = of_classes(viewer, nuclei)
    assert set(shown) == {"nuclei spindle probability", "nuclei nucleus probability"}
    assert shown["nuclei nucleus probability"] is kept
    later.show(finished(shares(0.1, 0.2, 0.7)))
    np.testing.assert_allclose(kept.data, 0.2)
    np.testing.assert_allclose(shown["nuclei spindle probability"].data, 0.7)
    # Of another number, it has another colour.
    turned = CELLS.replaced(class_names=("background", "spindle", "nucleus"))
    again = ProbabilityLayers(viewer, nuclei)
    again.start(turned, None)
    nucleus = of_classes(viewer, nuclei)["nuclei nucleus probability"]
    np.testing.assert_allclose(
        nucleus.colormap.map(np.array([1.0]))[0], class_color(2), atol=1e-6
    )
    last = ProbabilityLayers(viewer, nuclei)
    last.start(OBJECTS, None)
    assert of_classes(viewer, nuclei) == {}
    last.show(finished(shares(0.4, 0.6)))
    foreground = find_layer(viewer, nuclei, "probabilities")
    np.testing.assert_allclose(foreground.data, 0.6)


def test_other_planes_of_a_stack_keep_what_they_show(viewer, stack):
    layers = ProbabilityLayers(viewer, stack)
    layers.start(CELLS, (0, 1, 2))
    layers.open()
    everything = np.repeat(shares(0.5, 0.3, 0.2, shape=(40, 50))[:, None], 3, axis=1)
    box = (slice(0, 40), slice(0, 50))
    layers.show(finished(everything, (0, 1, 2), box))
    layers.start(CELLS, (1,))
    nucleus, _ = of_classes(viewer, stack).values()
    np.testing.assert_allclose(nucleus.data[:, 0, 0], [0.3, 0, 0.3])
    part = (slice(10, 20), slice(5, 9))
    one = shares(0.1, 0.9, 0, shape=(10, 4))[:, None]
    layers.show(finished(one, (1,), part))
    assert nucleus.data[1].sum() == pytest.approx(36, rel=1e-5)
    np.testing.assert_allclose(nucleus.data[(1, *part)], 0.9)
    # A volume's tile reaches through planes.
    tile = shares(0, 0, 1, shape=(2, 3, 3))
    place = (slice(0, 2), slice(0, 3), slice(0, 3))
    layers.show_tile(TileLabels(1, 1, None, place, np.zeros((2, 3, 3), int), tile))
    assert not nucleus.data[place].any()


def test_a_detection_has_probabilities_too(viewer, nuclei):
    shown = DetectionLayer(viewer, nuclei)
    shown.start(None)
    shown.probabilities.start(OBJECTS.replaced(annotation="points"), None)
    shown.probabilities.open()
    box = (slice(0, 20), slice(30, 50))
    tile = shares(0.25, 0.75, shape=(20, 20))
    shown.show_tile(TileLabels(1, 9, None, box, np.ones((20, 20), int), tile))
    layer = find_layer(viewer, nuclei, "probabilities")
    np.testing.assert_allclose(layer.data[box], 0.75)
    assert layer.data.sum() == pytest.approx(0.75 * 400)


@pytest.fixture
def section(qtbot, viewer, session, workflow, tmp_path, stack, monkeypatch):
    """A section whose model knows three classes: of bright pixels nine tenths one."""
    workflow.classify = lambda bright: np.stack(
        [1 - bright, 0.9 * bright, 0.1 * bright]
    )
    workflow.load_model = lambda folder: type("Loaded", (), {"settings": CELLS})
    session.model_folder = tmp_path
    choose_image(viewer, stack)
    section = SegmentSection(session, viewer)
    monkeypatch.setattr(section, "_model_settings", lambda: CELLS)
    qtbot.addWidget(section)
    section._where.setCurrentText(LAYER)
    return section


def test_the_button_shows_classes_during_the_run_and_after_it(
    qtbot, viewer, section, workflow, stack
):
    workflow.seconds_per_tile = 0.05
    assert not section._probabilities.isEnabled()
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    assert section._probabilities.isEnabled()
    section._probabilities.click()
    nucleus, cytoplasm = of_classes(viewer, stack).values()
    qtbot.waitUntil(lambda: bool(nucleus.data[1].any()))
    assert section._session.is_busy  # it fills up before the end
    qtbot.waitUntil(lambda: not section._session.is_busy)
    np.testing.assert_allclose(nucleus.data, 0.9 * (stack.data > 0), rtol=1e-6)
    np.testing.assert_allclose(cytoplasm.data, 0.1 * (stack.data > 0), rtol=1e-6)
    # Again, one slice, from which the object has gone.
    stack.data[1] = 0
    stack.data[1, :5] = 200
    workflow.seconds_per_tile = 0
    section._where.setCurrentText(SLICE)
    viewer.dims.set_point(0, 2)
    section._button.click()
    qtbot.waitUntil(lambda: not section._session.is_busy)
    assert list(of_classes(viewer, stack).values()) == [nucleus, cytoplasm]
    np.testing.assert_allclose(nucleus.data, 0.9 * (stack.data > 0), rtol=1e-6)
