"""What goes wrong at the screen: closed windows, deleted layers, unusable images.

With the real network in a real viewer; every mistake ends in a sentence and usable
buttons, every interrupted job in order.
"""

import numpy as np
import pytest
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QFileDialog, QProgressBar, QPushButton
from scipy import ndimage

from napari_unet.core import workflow
from napari_unet.core.checkpoint import load_model
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.workflow import Example
from napari_unet.samples import fluorescence_nuclei

SHAPE = (128, 160)
pytestmark = pytest.mark.gl


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """Train a model of grey images for the tests that only need one."""
    sample = fluorescence_nuclei(SHAPE, seed=1)
    image = Image(sample.image[np.newaxis], sample.pixel_size_um, "Some nuclei")
    folder = tmp_path_factory.mktemp("models") / "A model"
    steps = workflow.fine_tune(
        [Example(image, sample.labels)],
        folder,
        config=TrainConfig(iterations=20, seconds=None, patch_size=64, validations=1),
        settings=ModelSettings(network=NetworkConfig(base_channels=4, levels=2)),
    )
    workflow.run(steps)
    return folder


@pytest.fixture
def with_model(person, model_folder, monkeypatch):
    """Open a model folder; the system's dialog is not Qt's to press."""
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_args: str(model_folder)
    )
    person.press("Open model folder", "Image and model")
    assert person.session.model_folder == model_folder
    return person


@pytest.fixture
def annotated(person):
    """Open an image and paint some of its nuclei; choose a quick training."""
    sample = fluorescence_nuclei(SHAPE, seed=1)
    person.viewer.add_image(sample.image, name="nuclei", scale=sample.pixel_size_um)
    person.press("New", "Annotate")
    for number in np.unique(sample.labels)[1:9]:
        person.paint_object(sample.labels == number)
    person.make_it_quick(iterations=10_000)
    return person


def start_training(person):
    person.press("Start training", "Fine-tune")
    bar = person.find(QProgressBar, "Training progress", "Fine-tune")
    person.wait(lambda: "left" in bar.format())


def open_stack(person, planes=40):
    """Open a stack with a tile, at least, for each plane."""
    plane = fluorescence_nuclei(SHAPE, seed=1).image
    stack = person.viewer.add_image(np.stack([plane] * planes), name="stack")
    person.choose("stack", "Image", "Image and model")
    person.choose("Whole layer", "What to segment", "Segment")
    return stack


def start_segmenting(person):
    person.press("Segment", "Segment")
    bar = person.find(QProgressBar, "Progress of the segmentation", "Segment")
    person.wait(lambda: bar.value() > 0)


def threads_are_gone():
    return QThreadPool.globalInstance().activeThreadCount() == 0


def test_closing_the_viewer_during_a_training_saves_the_model(annotated, models_folder):
    start_training(annotated)
    job, session = annotated.session.job, annotated.session
    annotated.viewer.close()
    annotated.wait(lambda: not session.is_busy)
    annotated.wait(threads_are_gone)
    assert job.outcome.status == "cancelled"
    [folder] = models_folder.iterdir()
    assert load_model(folder).card.iterations >= 1
    assert annotated.problems() == []


def test_closing_the_viewer_during_a_segmentation_stops_it(with_model):
    open_stack(with_model, planes=300)
    start_segmenting(with_model)
    job, session = with_model.session.job, with_model.session
    with_model.viewer.close()
    with_model.wait(lambda: not session.is_busy)
    with_model.wait(threads_are_gone)
    assert job.outcome.status == "cancelled"
    assert with_model.problems() == []


def test_a_segmentation_stops_within_one_tile(with_model):
    open_stack(with_model, planes=300)
    start_segmenting(with_model)
    job, after = with_model.session.job, []
    with_model.press("Stop", "Segment")
    job.progressed.connect(after.append)
    with_model.wait_for_the_job()
    with_model.wait_for("Stopped; the finished tiles are shown.", "Segment")
    assert len(after) <= 1
    filled = with_model.layer("stack prediction").data.any(axis=(1, 2))
    assert filled[0]
    assert not filled[-1]


def test_renaming_and_deleting_layers_during_a_training_harms_nothing(annotated):
    start_training(annotated)
    annotated.layer("nuclei").name = "renamed"
    annotated.layer("nuclei annotation").name = "renamed, too"
    annotated.viewer.layers.remove("renamed, too")
    annotated.viewer.layers.remove("renamed")
    annotated.qtbot.wait(300)
    annotated.press("Stop and keep the best", "Fine-tune")
    annotated.wait_for_the_job()
    annotated.wait_for("Stopped after", "Fine-tune")
    assert load_model(annotated.session.model_folder).card.trained_on == ("nuclei",)
    assert annotated.problems() == []


@pytest.mark.parametrize("gone", ["image", "prediction"])
def test_deleting_a_layer_during_a_segmentation_harms_nothing(with_model, gone):
    # napari 0.9.2 itself crashes where a labels layer alone is left to be drawn.
    with_model.viewer.add_image(np.zeros(SHAPE), name="another")
    stack = open_stack(with_model)
    start_segmenting(with_model)
    prediction = with_model.layer("stack prediction")
    stack.name, prediction.name = "renamed", "renamed, too"
    deleted = stack if gone == "image" else prediction
    with_model.viewer.layers.remove(deleted)
    with_model.wait_for_the_job()
    assert with_model.problems() == []
    assert deleted not in with_model.viewer.layers


@pytest.fixture
def sentence(person):
    """Return the one sentence that the viewer shows when a button is pressed."""

    def press_and_read(button, section):
        person.press(button, section)
        person.wait(lambda: person.problems() != [])
        person.wait_for_the_job()
        [said] = person.problems()
        person.told.clear()
        assert person.find(QPushButton, button, section).isEnabled()
        return said

    return press_and_read


def test_a_colour_image_with_a_grey_model(with_model, sentence):
    colours = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), np.uint8)
    with_model.viewer.add_image(colours, name="colours", rgb=True)
    assert "Needs 1 channel; this image has 3." in with_model.reads("Image and model")
    said = sentence("Segment", "Segment")
    assert "is a 3-channel (RGB) image, but the model was made for grey images" in said


def test_an_image_with_a_hole_of_nan(with_model, sentence):
    holes = np.ones(SHAPE)
    holes[3, 5:7] = np.nan
    layer = with_model.viewer.add_image(holes, name="holes")
    said = sentence("Segment", "Segment")
    assert said.startswith("'holes' has 2 pixels that are not a number or infinite")
    layer.data = np.nan_to_num(holes)
    with_model.press("Segment", "Segment")
    with_model.wait_for_the_job()
    assert with_model.problems() == []


def test_a_constant_image(with_model, sentence):
    with_model.viewer.add_image(np.full(SHAPE, 7, np.uint8), name="flat")
    said = sentence("Segment", "Segment")
    assert said.startswith("'flat' is constant: all its pixels are 7")


def test_an_empty_annotation(person, sentence):
    person.viewer.add_image(np.zeros(SHAPE), name="image")
    assert "Nothing is annotated" in sentence("Start training", "Fine-tune")
    person.press("New", "Annotate")
    assert "Nothing is annotated" in sentence("Start training", "Fine-tune")
    person.press("Training region", "Annotate")
    person.layer("image regions").add_rectangles(np.array([[5, 5], [90, 90]]))
    said = sentence("Start training", "Fine-tune")
    assert "No object is painted inside the regions" in said


def test_labels_of_another_shape(annotated, sentence):
    viewer = annotated.viewer
    viewer.add_labels(np.ones((9, 9), int), name="small")
    annotated.choose("small", "Predicted labels", "Evaluate")
    annotated.choose("nuclei annotation", "True labels", "Evaluate")
    said = sentence("Compare", "Evaluate")
    assert "(9, 9)" in said
    assert "(128, 160)" in said
    annotated.layer("nuclei annotation").data = np.ones((9, 9), int)
    said = sentence("Start training", "Fine-tune")
    assert "make a new annotation for this image" in said


def test_a_mask_whose_objects_touch_can_be_split(person, sentence):
    sample = fluorescence_nuclei(SHAPE, seed=1)
    person.viewer.add_image(sample.image, name="nuclei")
    mask = (sample.labels > 0).astype(np.uint16)
    person.viewer.add_labels(mask, name="mask")
    person.choose("mask", "Annotation", "Annotate")
    assert "looks like a binary mask" in sentence("Start training", "Fine-tune")
    person.wait_for("<b>1 object</b>", "Annotate")
    person.press("Split into single objects", "Annotate")
    pieces = ndimage.label(mask)[1]
    assert len(np.unique(person.layer("mask").data)) - 1 == pieces
    person.make_it_quick(iterations=2)
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    person.wait_for("Trained for", "Fine-tune")
    assert person.problems() == []
