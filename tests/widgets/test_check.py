"""The check in the dock: what it lists, where rows lead, what a training refuses."""

import numpy as np
import pytest

from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.fine_tune import FineTuneSection
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, find_layer

RANDOM = np.random.default_rng(0)


@pytest.fixture
def section(qtbot, session, viewer):
    section = FineTuneSection(session, viewer)
    qtbot.addWidget(section)
    return section


def add(viewer, labels, name="cells"):
    """Show an image with an annotation."""
    grey = RANDOM.integers(1, 200, labels.shape).astype(np.uint8)
    image = viewer.add_image(grey, name=name, scale=(0.5,) * labels.ndim, units="um")
    layer = add_labels(viewer, image, "annotation", labels.astype(np.uint16))
    choose_image(viewer, image)
    return image, layer


def two(shape=(60, 80)):
    labels = np.zeros(shape, int)
    labels[..., 5:20, 5:20], labels[..., 30:45, 30:45] = 1, 2
    return labels


def check(qtbot, section):
    section._check.click()
    findings = section._findings
    assert findings.is_running
    qtbot.waitUntil(lambda: not findings.is_running)
    return [
        findings._list.item(row).text() for row in range(findings._list.count())
    ], findings._summary.text()


def test_right_annotations_are_counted(qtbot, section, viewer):
    add(viewer, two())
    listed, said = check(qtbot, section)
    assert listed == []
    assert not section._findings._list.isVisibleTo(section)
    assert "Nothing is wrong" in said
    assert "2 objects on 9.4% of 4,800 annotated px" in said


def test_a_click_on_a_finding_goes_to_its_place(qtbot, section, viewer):
    stack = np.zeros((4, 60, 80), int)
    stack[2] = two()
    stack[2, 50, 70] = 9
    image, layer = add(viewer, stack)
    add(viewer, two(), "other")
    listed, said = check(qtbot, section)
    assert "<b>0 errors, 1 warning</b>" in said
    assert listed[0].startswith("cells, plane 2, row 50, column 70: 1 object has")
    findings = section._findings
    assert 20 < findings._list.height() < 150  # of one row, not more
    findings._list.itemClicked.emit(findings._list.item(0))
    assert chosen_layers(viewer).image is image
    assert viewer.layers.selection.active is layer
    assert viewer.dims.current_step[0] == 2
    np.testing.assert_allclose(
        viewer.scene.camera.center[-2:], image.data_to_world((2, 50, 70))[-2:]
    )


def test_classes_have_a_table_and_a_slip_is_found(qtbot, section, session, viewer):
    labels = two()
    labels[58, 70] = 77
    add(viewer, labels)
    session.class_names = ("background", "nucleus", "<b>cell")
    session.annotation = "classes"
    listed, _ = check(qtbot, section)
    assert listed[0].startswith("cells, row 58, column 70: The labels hold 77, but 3")
    viewer.layers["cells annotation"].data[58, 70] = 0
    listed, said = check(qtbot, section)
    assert listed == []
    assert "<td>nucleus</td><td align=right>&nbsp;&nbsp;225 px</td>" in said
    assert "&lt;b&gt;cell" in said


def test_a_training_with_errors_does_not_start(qtbot, section, session, viewer):
    labels = two()
    labels[labels == 0] = IGNORE_LABEL
    add(viewer, labels)
    section._button.click()
    qtbot.waitUntil(lambda: not session.is_busy, timeout=20_000)
    said = section._result.text()
    assert said.startswith("cells, row 5, column 5: No background is known")
    assert not list(session.models_folder.glob("*/settings.json"))


def test_what_the_border_takes_is_said_before_a_training(
    qtbot, section, session, viewer
):
    labels = two()
    labels[36:38, 36:39] = 3
    add(viewer, labels)
    session.train_config = session.train_config.replaced(seconds=1.0)
    section._button.click()
    findings = section._findings
    qtbot.waitUntil(lambda: not findings.is_running)
    assert "row 36, column 37: Object 3 touches others" in findings._summary.text()
    assert not findings._list.isVisibleTo(section)
    session.job.cancel()
    qtbot.waitUntil(lambda: not session.is_busy, timeout=60_000)


def test_regions_count_and_a_closed_image_is_passed_over(qtbot, section, viewer):
    labels = two()
    labels[50, 70] = 9
    image, _ = add(viewer, labels)
    regions = add_regions(viewer, image)
    regions.add_rectangles(np.array([[0, 0], [49, 79]]))
    chosen_layers(viewer).regions = find_layer(viewer, image, "regions")
    listed, said = check(qtbot, section)
    assert "of 4,000 annotated px" in said
    assert len(listed) == 1
    viewer.add_image(np.zeros((4, 4)))
    image.name = "renamed"
    findings = section._findings
    findings._list.itemClicked.emit(findings._list.item(0))
