"""A person's whole path through the dock, in a real viewer with the real network.

Nothing stands in for anything: buttons are found by what is written on them, regions
and objects are drawn on the canvas.
"""

import numpy as np
import pytest
from napari.layers import Labels
from pyqtgraph import PlotDataItem
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QProgressBar,
    QTableWidget,
)
from scipy import ndimage

from napari_unet.core.checkpoint import load_model
from napari_unet.formats.images import read_image
from napari_unet.widgets.curves import TrainingCurves

PLUGIN = "napari-unet-live"
# Rows and columns of the sample that are annotated.
TRAINING = (slice(20, 190), slice(20, 190))
VALIDATION = (slice(20, 190), slice(200, 300))
pytestmark = pytest.mark.gl


def curves(person):
    """Return the points of each curve on the screen, at least of the loss."""
    [shown] = person.dock.findChildren(TrainingCurves)
    scene = shown.findChild(QGraphicsView).scene()
    lines = [item for item in scene.items() if isinstance(item, PlotDataItem)]
    return [len(line.getData()[0]) for line in lines if line.getData()[0] is not None]


def history(person):
    """Return the rows of the table of trainings: cells by title, and whether bold."""
    table = person.find(QTableWidget, "Trainings", "Fine-tune")
    titles = [table.horizontalHeaderItem(c).text() for c in range(table.columnCount())]
    return table, [
        {t: table.item(row, c).text() for c, t in enumerate(titles)}
        | {"in use": table.item(row, 0).font().bold()}
        for row in range(table.rowCount())
    ]


def test_from_a_sample_to_files_and_back(starters_folder, person, tmp_path):
    image, truth = open_and_annotate(person)
    watch_the_weight_map(person, truth)
    first = train(person)
    prediction = segment(person, image)
    accept_and_undo(person, prediction)
    evaluate(person)
    export_and_reopen(person, prediction, tmp_path)
    train_again_and_go_back(person, first)
    assert person.problems() == []


def open_and_annotate(person):
    viewer = person.viewer
    image, truth = viewer.open_sample(PLUGIN, "nuclei_with_truth")
    truth.visible = False
    assert "512 × 512 px, 0.5 µm per pixel" in person.reads("Image and model")
    assert "No model is chosen" in person.reads("Segment")
    person.press("New", "Annotate")
    annotation = person.layer("Nuclei annotation")
    np.testing.assert_array_equal(annotation.extent.world, image.extent.world)

    person.look_at(image, (slice(0, 210), slice(0, 320)))
    person.draw_region(TRAINING, "Training region")
    person.draw_region(VALIDATION, "Validation region")
    regions = person.layer("Nuclei regions")
    assert list(regions.features["role"]) == ["training", "validation"]
    for drawn, box in zip(regions.data, (TRAINING, VALIDATION), strict=True):
        wanted = [[axis.start, axis.stop - 1] for axis in box]
        span = np.stack([drawn.min(axis=0), drawn.max(axis=0)], axis=1)
        np.testing.assert_allclose(span, wanted, atol=1)

    # The first object with the mouse itself: the brush is in the hand.
    person.press("Next object", "Annotate")
    assert viewer.layers.selection.active is annotation
    row, column = np.argwhere(truth.data == truth.data[TRAINING].max()).mean(axis=0)
    person.drag(image, (row - 3, column), (row + 3, column))
    assert annotation.data[round(row), round(column)] == 1
    annotation.undo()
    assert not annotation.data.any()
    return image, truth


def watch_the_weight_map(person, truth):
    """Paint the training region while the map is shown, then the validation region."""
    annotation = person.layer("Nuclei annotation")
    [live] = person.open("Weight map").findChildren(QCheckBox)
    numbers = np.unique(truth.data[TRAINING])[1:]
    person.paint_object(truth.data == numbers[0])
    live.click()
    person.wait(lambda: "Nuclei weight map" in person.viewer.layers)
    weights = person.layer("Nuclei weight map")
    before = weights.data.copy()
    assert person.viewer.layers.selection.active is annotation
    for number in numbers[1:]:
        person.paint_object(truth.data == number)
    person.wait(lambda: not np.array_equal(weights.data, before))
    person.wait_for("objects; the brightest pixels count", "Weight map")
    assert weights.data.max() > 2
    live.click()
    assert not weights.visible
    for number in np.unique(truth.data[VALIDATION])[1:]:
        if not annotation.data[truth.data == number].all():
            person.paint_object(truth.data == number)
    count = len(np.unique(annotation.data)) - 1
    person.wait(lambda: "in 2 regions" in person.reads("Annotate"))
    assert count > 50


def train(person):
    assert person.find(QComboBox, "Start from", "Fine-tune").currentText() == "Scratch"
    person.make_it_quick()
    person.press("Start training", "Fine-tune")
    bar = person.find(QProgressBar, "Training progress", "Fine-tune")
    person.wait(lambda: 0 < bar.value() < bar.maximum() and "left" in bar.format())
    person.wait_for_the_job()
    person.wait(lambda: "Trained for" in person.reads("Fine-tune"))
    assert "(50 iterations)" in person.reads("Fine-tune")
    assert not bar.isVisible()
    assert min(curves(person)) >= 1  # of F1 and IoU
    assert max(curves(person)) >= 50
    assert "Nuclei preview" in person.viewer.layers
    person.open("All trainings", inside=person.open("Fine-tune"))
    _, [row] = history(person)
    assert (row["Start"], row["in use"]) == ("scratch", True)
    assert float(row["F1"]) > 0.5
    folder = person.session.model_folder
    assert person.find(QComboBox, "Model", "Image and model").currentText() == (
        folder.name
    )
    return folder


def segment(person, image):
    person.viewer.reset_view()
    person.choose("Whole layer", "What to segment", "Segment")
    person.press("Segment", "Segment")
    person.wait_for_the_job()
    prediction = person.layer("Nuclei prediction")
    assert isinstance(prediction, Labels)
    np.testing.assert_array_equal(prediction.scale, image.scale)
    assert prediction.units == image.units
    assert prediction.data.shape == image.data.shape
    assert f"{prediction.data.max()} objects" in person.reads("Segment")
    assert prediction.data.max() > 100
    assert not person.layer("Nuclei preview").visible
    return prediction


def accept_and_undo(person, prediction):
    annotation = person.layer("Nuclei annotation")
    painted = annotation.data.copy()
    numbers = np.unique(prediction.data[painted == 0])[1:]
    overlapping = np.unique(prediction.data[painted > 0])
    number = next(n for n in numbers if n not in overlapping)
    mask = prediction.data == number
    deepest = np.unravel_index(
        ndimage.distance_transform_edt(mask).argmax(), mask.shape
    )
    person.press("Accept", "Annotate")
    person.drag(prediction, deepest)
    np.testing.assert_array_equal(annotation.data > 0, (painted > 0) | mask)
    person.press("Undo", "Annotate")
    np.testing.assert_array_equal(annotation.data, painted)
    person.press("Accept", "Annotate")


def evaluate(person):
    person.choose("Nuclei prediction", "Predicted labels", "Evaluate")
    person.choose("Nuclei truth", "True labels", "Evaluate")
    person.press("Compare", "Evaluate")
    person.wait(lambda: "Nuclei truth errors" in person.viewer.layers)
    table = person.find(QTableWidget, "Scores", "Evaluate")
    scores = {
        table.item(row, 0).text(): float(table.item(row, 1).text())
        for row in range(table.rowCount())
    }
    assert scores["True objects"] == person.layer("Nuclei truth").data.max()
    assert scores["F1"] > 0.5
    assert person.layer("Nuclei truth errors").data.max() >= 2
    errors = person.find(QTableWidget, "Errors", "Evaluate")
    zoom = person.viewer.scene.camera.zoom
    errors.setCurrentCell(0, 0)
    assert person.viewer.scene.camera.zoom > zoom


def export_and_reopen(person, prediction, folder):
    person.choose("Nuclei prediction", "Layer", "Export")
    person.find(QLineEdit, "Folder", "Export").setText(str(folder / "results"))
    for box in person.open("Export").findChildren(QCheckBox):
        box.setChecked(True)
    person.press("Export", "Export")
    person.wait_for("read back and compared", "Export")
    files = sorted(path.name for path in (folder / "results").iterdir())
    assert files == [f"Nuclei prediction.{e}" for e in ("csv", "geojson", "tif", "zip")]
    tiff = folder / "results" / "Nuclei prediction.tif"
    assert person.problems() == []
    [again] = person.viewer.open(tiff, plugin="napari", layer_type="labels")
    np.testing.assert_array_equal(again.data, prediction.data)
    assert read_image(tiff).pixel_size_um == pytest.approx((0.5, 0.5))
    person.viewer.layers.remove(again)
    person.told.clear()  # napari's own reader knows no units, and says so


def train_again_and_go_back(person, first):
    start = person.find(QComboBox, "Start from", "Fine-tune")
    assert start.currentText() == "The model in use"
    person.enter(4, "Train for", "Fine-tune")
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    person.wait(lambda: "(4 iterations)" in person.reads("Fine-tune"))
    if "stays the model in use" in person.reads("Fine-tune"):  # four steps are few
        person.press("Use it anyway", "Fine-tune")
        person.wait_for_the_job()
    second = person.session.model_folder
    assert second != first
    table, rows = history(person)
    assert [row["in use"] for row in rows] == [True, False]
    assert rows[0]["Start"] == first.name
    table.selectRow(1)
    person.press("Use this model", "Fine-tune")
    assert person.session.model_folder == first
    assert [row["in use"] for row in history(person)[1]] == [False, True]
    assert load_model(second).card.iterations == 4
