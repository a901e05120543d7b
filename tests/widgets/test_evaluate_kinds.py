"""Comparing classes of pixels, and borders between cells."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image
from small_labels import cells

from napari_unet.core.evaluation.boundary_scores import score_boundaries
from napari_unet.core.evaluation.value_scores import compare_images
from napari_unet.segmented import Segmented
from napari_unet.session import Session
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.class_colors import show_classes, show_objects
from napari_unet.widgets.errors_layer import DIFFERENCES
from napari_unet.widgets.evaluate import EvaluateSection
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, show_image
from napari_unet.widgets.target_layers import set_target

TRUE = cells((0, 3), (5, 8))
PROBABILITY = np.where(cells((0, 2), (6, 8)) > 0, 0.9, 0.05).astype(np.float32)


@pytest.fixture
def section(qtbot, viewer):
    section = EvaluateSection(Session(), viewer)
    qtbot.addWidget(section)
    section.show()
    return section


def show(viewer, true, predicted=None, probability=None):
    image = viewer.add_layer(
        Image(np.zeros(true.shape), name="cells", scale=(0.5,) * true.ndim)
    )
    annotation = add_labels(viewer, image, "annotation", true)
    if predicted is not None:
        add_labels(viewer, image, "prediction", predicted)
    if probability is not None:
        show_image(viewer, image, "probabilities", probability)
    choose_image(viewer, image)
    return image, annotation


def choose(section, name):
    section._kind.setCurrentIndex(section._kind.findData(name))


def compare(qtbot, section):
    section._button.click()
    qtbot.waitUntil(lambda: section._button.text() == "Compare")


def rows(table):
    lines = table.as_text(range(table.rowCount())).split("\n")
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def test_objects_are_compared_unless_something_else_is_chosen(viewer, section):
    show(viewer, TRUE, TRUE, PROBABILITY)
    assert section._kind.currentText() == "Objects"
    assert section._predicted.isVisible()
    assert not section._probabilities.isVisible()
    assert not section._inverted.isVisible()


def test_classes_have_their_table_and_their_layer(qtbot, viewer, section):
    true = np.array([[0, 1, 0, 2, 1, IGNORE_LABEL]], np.uint16)
    predicted = np.array([[0, 1, 2, 0, 2, 1]], np.uint16)
    show(viewer, true, predicted)
    choose(section, "classes")
    compare(qtbot, section)

    assert rows(section._classes) == {
        "0 (background)": ["0.333", "0.500"],
        "1": ["0.500", "0.667"],
        "2": ["0.000", "0.000"],
        "Mean": ["0.278", "0.389"],
        "By frequency": ["0.333", ""],
    }
    layer = viewer.layers["cells annotation differences"]
    assert layer.data.tolist() == [[0, 1, 2, 3, 4, 0]]
    assert list(layer.features["difference"])[1:] == [
        name for name, _, _ in DIFFERENCES.values()
    ]
    assert "missed&nbsp;<b>1 px</b>" in section._counts.text()
    assert not section._scores.isVisible()
    assert not section._table.isVisible()


def test_the_layer_of_another_comparison_is_hidden(qtbot, viewer, section):
    show(viewer, TRUE, TRUE)
    compare(qtbot, section)
    choose(section, "classes")
    compare(qtbot, section)
    errors = viewer.layers["cells annotation errors"]
    differences = viewer.layers["cells annotation differences"]
    assert (errors.visible, differences.visible) == (False, True)
    choose(section, "objects")
    compare(qtbot, section)
    assert (errors.visible, differences.visible) == (True, False)
    offered = [section._true.itemText(i) for i in range(section._true.count())]
    assert offered == ["cells prediction", "cells annotation"]


def test_classes_of_a_stack_count_where_something_is_true(qtbot, viewer, section):
    empty = np.zeros_like(TRUE)
    show(viewer, np.stack([empty, TRUE]), np.stack([TRUE, TRUE]))
    choose(section, "classes")
    compare(qtbot, section)
    assert rows(section._classes)["Mean"] == ["1.000", "1.000"]
    layer = viewer.layers["cells annotation differences"]
    assert not layer.data[0].any()


def test_objects_are_refused_as_classes(qtbot, viewer, section, monkeypatch):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    labels = np.arange(400, dtype=np.uint16).reshape(20, 20)
    show(viewer, labels, labels)
    choose(section, "classes")
    compare(qtbot, section)
    assert "rather labels of objects" in told[0]


def test_numbered_objects_are_no_classes(qtbot, viewer, section, monkeypatch):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    show(viewer, TRUE, TRUE)
    show_objects(section._predicted.value())
    choose(section, "classes")
    section._button.click()
    assert "holds numbered objects" in told[0]
    assert not section._classes.isVisible()


def test_classes_have_their_names_and_those_that_are_absent_no_score(
    qtbot, viewer, section
):
    labels = np.array([[0, 1, 3]], np.uint16)
    show(viewer, labels, labels)
    show_classes(section._predicted.value(), ("ground", "nucleus", "gap", "edge"))
    choose(section, "classes")
    compare(qtbot, section)
    found = rows(section._classes)
    assert list(found)[:4] == ["ground", "nucleus", "gap", "edge"]
    assert found["gap"] == ["–", "–"]
    assert found["edge"] == ["1.000", "1.000"]


@pytest.mark.parametrize("kind", ["classes", "points", "values"])
def test_the_kind_that_a_model_makes_is_proposed_once(section, kind):
    result = Segmented(
        np.zeros((2, 1, 1), np.float32), np.zeros((1, 1)), (slice(1),) * 2, None, kind
    )
    section._session.segmentation = result
    assert section._kind.currentData() == kind
    choose(section, "objects")
    section._session.segmentation = replace(result)  # a slider was moved
    assert section._kind.currentData() == "objects"


def test_borders_are_compared_with_probabilities(qtbot, viewer, section):
    show(viewer, TRUE, TRUE, PROBABILITY)
    viewer.add_image(np.zeros(TRUE.shape), name="another")
    choose(section, "borders")
    assert section._probabilities.currentText() == "cells probabilities"
    assert section._true.currentText() == "cells annotation"
    compare(qtbot, section)

    expected = score_boundaries(PROBABILITY, TRUE > 0)
    found = rows(section._borders)
    assert found["Rand error"] == [f"{expected.rand_error:.4f}", "0.1"]
    assert found["Warping error"] == ["0.000000", "0.1"]
    assert found["V_Rand"] == ["1.0000", "0.1"]
    assert found["Plain pixel error"][0] == f"{expected.plain_pixel_error:.4f}"
    assert section._all_thresholds.isVisibleTo(section)
    sweep = rows(section._sweep)
    assert list(sweep) == [f"{k / 10:.1f}" for k in range(10)]
    errors = expected.by_threshold()["rand_error"]
    assert [float(cells[0]) / 100 for cells in sweep.values()] == pytest.approx(
        errors, abs=6e-4
    )
    assert section._sweep.item(1, 1).font().bold()
    assert not section._sweep.item(9, 1).font().bold()
    assert not section._scores.isVisible()
    assert not section._counts.isVisible()
    assert not [x for x in viewer.layers if x.name.endswith("errors")]


def test_a_map_of_membranes_is_inverted(qtbot, viewer, section):
    show(viewer, TRUE)
    membranes = np.round((1 - PROBABILITY) * 255).astype(np.uint8)
    viewer.add_image(membranes, name="membranes")
    choose(section, "borders")
    section._probabilities.setCurrentText("membranes")
    section._inverted.setChecked(True)
    compare(qtbot, section)
    expected = score_boundaries(PROBABILITY, TRUE > 0)
    assert rows(section._borders)["Rand error"][0] == f"{expected.rand_error:.4f}"


def test_only_the_regions_of_the_annotation_count_for_borders(qtbot, viewer, section):
    missing = np.full(TRUE.shape, 0.9, np.float32)
    image, _ = show(viewer, TRUE, probability=missing)
    choose(section, "borders")
    compare(qtbot, section)
    assert rows(section._borders)["Rand error"][0] == "0.3333"
    regions = add_regions(viewer, image)
    regions.add_rectangles(np.array([[0, 0], [0, 3], [3, 3], [3, 0]]))
    choose_image(viewer, None)
    choose_image(viewer, image)
    compare(qtbot, section)
    assert rows(section._borders)["Rand error"][0] == "0.0000"


def test_an_image_that_is_no_probability_is_refused(
    qtbot, viewer, section, monkeypatch
):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    show(viewer, TRUE, probability=PROBABILITY * 20)
    choose(section, "borders")
    compare(qtbot, section)
    assert "they must lie between 0 and 1" in told[0]


def test_predicted_grey_values_are_compared_with_the_target(qtbot, viewer, section):
    rng = np.random.default_rng(0)
    true = rng.integers(0, 200, (20, 24)).astype(np.uint8)
    noisy = viewer.add_image(true + rng.normal(0, 9, true.shape), name="noisy")
    target = viewer.add_image(true, name="clean", scale=(0.5, 0.5))
    viewer.add_image(np.zeros((5, 5)), name="another")
    set_target(noisy, target)
    choose_image(viewer, noisy)
    predicted = (true + 3.0).astype(np.float32)
    show_image(viewer, noisy, "predicted image", predicted)
    choose(section, "values")
    assert section._predicted_image.currentText() == "noisy predicted image"
    assert section._true_image.currentText() == "clean"
    assert not section._true.isVisible()
    compare(qtbot, section)

    expected = compare_images(predicted[None], true[None])
    assert rows(section._values) == {
        "PSNR (dB)": [f"{expected.psnr:.2f}"],
        "RMSE": ["3"],
        "MSE": ["9"],
        "MAE": ["3"],
        "SSIM": [f"{expected.ssim:.4f}"],
    }
    assert "too bright" in section._counts.text()
    assert not section._scores.isVisible()
    error = viewer.layers["clean signed error"]
    np.testing.assert_array_equal(error.data, np.full(true.shape, 3))
    np.testing.assert_array_equal(error.scale, target.scale)
    assert tuple(error.contrast_limits) == (-3, 3)
    # It is no image to be learned from, nor one that was predicted.
    for combo in (section._predicted_image, section._true_image):
        offered = [combo.itemText(i) for i in range(combo.count())]
        assert "clean signed error" not in offered
    show_image(viewer, noisy, "predicted image", predicted - 5)
    compare(qtbot, section)
    assert tuple(viewer.layers["clean signed error"].contrast_limits) == (-2, 2)


def test_coloured_images_are_compared_channel_by_channel(qtbot, viewer, section):
    true = np.random.default_rng(0).integers(0, 200, (16, 16, 3)).astype(np.uint8)
    viewer.add_image(true, name="true", rgb=True)
    viewer.add_image(true + np.uint8([0, 3, 0]), name="predicted", rgb=True)
    viewer.add_image(true[..., 0], name="grey")
    choose(section, "values")
    section._predicted_image.setCurrentText("predicted")
    section._true_image.setCurrentText("true")
    compare(qtbot, section)
    assert rows(section._values)["MSE"] == ["3"]
    assert viewer.layers["true signed error"].data == pytest.approx(1)


def test_a_long_comparison_can_be_stopped(qtbot, viewer, section):
    rng = np.random.default_rng(0)
    true = np.kron(rng.integers(0, 2, (4, 20, 20)), np.ones((1, 8, 8))).astype(np.uint8)
    show(viewer, true, probability=rng.random(true.shape, np.float32))
    choose(section, "borders")
    section._button.click()
    qtbot.waitUntil(lambda: "% done" in section._button.text())
    section._button.click()
    assert not section._button.isEnabled()
    qtbot.waitUntil(lambda: section._button.text() == "Compare")
    assert section._button.isEnabled()
    assert section._borders.rowCount() == 0
