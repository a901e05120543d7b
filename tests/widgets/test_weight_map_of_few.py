"""Few objects painted of many: the live map shows the ground that training will use."""

import numpy as np
import pytest
from discs import discs, learn_discs
from napari.components import ViewerModel
from napari.layers import Image

from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings
from napari_unet.core.image import Image as CoreImage
from napari_unet.core.training.course import settle_ground
from napari_unet.core.training.task import Task
from napari_unet.core.workflow import (
    choose_witness,
    compute_weight_map,
    load_model,
    run,
)
from napari_unet.session import Session
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels
from napari_unet.widgets.weight_map import WeightMapSection

FEW = [20, 21, 28, 45]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return learn_discs(tmp_path_factory.mktemp("models") / "discs")


@pytest.fixture
def section(qtbot, start):
    """A section with the live map of an image of which a few objects are painted."""
    viewer, session = ViewerModel(), Session()
    session.start_from = start
    grey, labels = discs(8, 8, 1)
    image = viewer.add_layer(Image(grey, name="cells"))
    annotation = add_labels(viewer, image, "annotation")
    annotation.data[np.isin(labels, FEW)] = labels[np.isin(labels, FEW)]
    choose_image(viewer, image)
    section = WeightMapSection(session, viewer)
    qtbot.addWidget(section)
    yield section
    qtbot.waitUntil(
        lambda: not (section._answers.is_busy or section._witness.is_busy),
        timeout=20_000,
    )


def shown(section):
    layers = section._viewer.layers
    return next(x for x in layers if x.name.endswith("weight map")).data


def layer_of(section):
    return next(x for x in section._viewer.layers if x.name.endswith("annotation"))


def trained_on(section, start):
    """The weights of the ground that a training would use."""
    session = section._session
    grey, annotation = section._viewer.layers[0].data, layer_of(section)
    example = Example(
        CoreImage(grey[None]), annotation.data.copy(), ignore_label=IGNORE_LABEL
    )
    config = session.train_config
    model = load_model(start)
    task = Task.of([example], config, ModelSettings(), model)
    witness = choose_witness(model, task.settings)
    (learned,) = run(settle_ground(task, witness, is_start=True)).examples
    return compute_weight_map(
        learned.annotation, config.weight_map, ignore_label=learned.ignore_label
    )


def wait_for(qtbot, section, words):
    qtbot.waitUntil(lambda: words in section._status.text(), timeout=20_000)


def test_the_map_shows_the_ground_that_training_will_use(qtbot, section, start):
    section._live.setChecked(True)
    wait_for(qtbot, section, "'discs' finds 60 more objects")
    np.testing.assert_allclose(shown(section), trained_on(section, start), rtol=1e-5)
    assert (shown(section) == 0).mean() > 0.7

    annotation = layer_of(section)
    annotation.brush_size = 12
    annotation.paint((12, 14), 99)  # one more of them
    wait_for(qtbot, section, "finds 59 more")
    np.testing.assert_allclose(shown(section), trained_on(section, start), rtol=1e-5)


def test_the_map_follows_the_choice_and_the_regions(qtbot, section):
    section._live.setChecked(True)
    wait_for(qtbot, section, "60 more objects")
    session = section._session
    session.train_config = session.train_config.replaced(unpainted="background")
    qtbot.waitUntil(lambda: (shown(section) > 0).all())
    assert "more objects" not in section._status.text()
    session.train_config = session.train_config.replaced(unpainted="unknown")
    wait_for(qtbot, section, "Only the ground around what you painted counts")
    image = section._viewer.layers[0]
    regions = add_regions(section._viewer, image)
    regions.add_rectangles(np.array([[0, 0], [0, 200], [150, 200], [150, 0]]))
    chosen_layers(section._viewer).regions = regions
    qtbot.waitUntil(lambda: (shown(section)[:100, :150] > 0).all(), timeout=20_000)
    assert "Only the ground" not in section._status.text()


def test_all_painted_counts_everywhere(qtbot, section):
    annotation = layer_of(section)
    annotation.data = discs(8, 8, 1)[1]
    section._live.setChecked(True)
    wait_for(qtbot, section, "64 objects")
    qtbot.waitUntil(lambda: not section._witness.is_busy, timeout=20_000)
    qtbot.waitUntil(lambda: "asked" not in section._status.text())
    assert (shown(section) > 0).all()
