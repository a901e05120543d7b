"""The check in the dock: what it lists, where rows lead, what a training refuses."""

import numpy as np
import pytest

from napari_unet.core.annotation.finding import Finding
from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.check import CHANGED_SINCE, CheckList
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.fine_tune import FineTuneSection
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, find_layer
from napari_unet.widgets.point_layers import add_points

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
    qtbot.waitUntil(lambda: not session.is_busy)
    said = section._result.text()
    assert said.startswith("cells, row 5, column 5: No background is known")
    assert not list(session.models_folder.glob("*/settings.json"))


def test_what_the_border_takes_is_said_before_a_training(
    qtbot, section, session, viewer
):
    labels = two()
    labels[36:38, 36:39] = 3
    add(viewer, labels)
    section._button.click()
    findings = section._findings
    qtbot.waitUntil(lambda: not findings.is_running)
    assert "row 36, column 37: Object 3 touches others" in findings._unasked.text()
    assert not findings._list.isVisibleTo(section)
    session.job.cancel()
    qtbot.waitUntil(lambda: not session.is_busy)


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


def save_model(session, settings):
    """Write what a model folder says about itself, and use it."""
    folder = session.models_folder / "old"
    folder.mkdir(parents=True)
    manifest = Manifest(
        settings=settings,
        card=Card(name="old"),
        weights=StoredFile(name="weights.safetensors", bytes=1, sha256=""),
    )
    (folder / "settings.json").write_text(manifest.model_dump_json())
    session.model_folder = folder


def settings_of(kind, *names):
    network = NetworkConfig(classes=len(names))
    return ModelSettings(annotation=kind, class_names=names, network=network)


@pytest.mark.parametrize(
    "settings",
    [
        settings_of("objects", "background", "object"),
        settings_of("classes", "background", "a", "b"),
        settings_of("classes", "background", "a", "b", "c"),
    ],
    ids=["objects", "as many", "more"],
)
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classes_are_checked_for_a_model_with_others(
    qtbot, section, session, viewer, settings, classes
):
    add(viewer, two())
    save_model(session, settings)
    session.annotation = "classes"
    session.class_names = ("background", *(f"class {n}" for n in range(1, classes)))
    assert section._form.start_from() is not None
    listed, _ = check(qtbot, section)
    is_strange = classes == 2
    assert any("classes are named" in each for each in listed) == is_strange


def test_a_model_that_cannot_learn_it_is_one_sentence(
    section, session, viewer, monkeypatch
):
    told = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", told.append)
    add(viewer, two())
    network = NetworkConfig(head="regression")
    save_model(session, ModelSettings(network=network, annotation="values"))
    session.annotation = "objects"
    folder = session.model_folder
    monkeypatch.setattr(section._form, "start_from", lambda: folder)
    section._check.click()
    section._button.click()
    assert all("'old', cannot learn this" in text or "values" in text for text in told)
    assert len(told) == 2
    assert not session.is_busy


def mark(viewer, image, places):
    """Set points on an image."""
    layer = add_points(viewer, image)
    layer.add(places)
    chosen_layers(viewer).points = layer
    return layer


def test_a_point_outside_is_a_finding_beside_the_others(qtbot, section, viewer):
    image, layer = add(viewer, np.zeros((60, 80)))
    mark(viewer, image, [[5, 5], [5.5, 5], [-20, 5], [40, 40]])
    chosen_layers(viewer).annotation = None
    viewer.layers.remove(layer)
    listed, _ = check(qtbot, section)
    assert listed[0].startswith("cells, row -20, column 5: 1 point lies outside")
    assert any("set twice" in each for each in listed)
    section._findings._list.itemClicked.emit(section._findings._list.item(0))


def test_regions_that_cannot_be_are_findings_beside_the_others(qtbot, section, viewer):
    image, _ = add(viewer, two(), "beyond")
    add_regions(viewer, image).add_rectangles(np.array([[70, 90], [90, 99]]))
    image, _ = add(viewer, two(), "polygon")
    add_regions(viewer, image).add_polygons(np.array([[10, 10], [60, 20], [50, 70]]))
    labels = two()
    labels[50, 70] = 9
    add(viewer, labels, "speck")
    listed, said = check(qtbot, section)
    assert listed[0].startswith(
        "beyond, row 70, column 90: Region 1 of 'beyond regions' lies outside the image"
    )
    assert listed[1].startswith("polygon, row 10, column 10: Region 1 of 'polygon reg")
    assert any(each.startswith("speck, row 50, column 70") for each in listed)
    assert "2 errors" in said


def test_painted_objects_beside_points_are_a_finding(qtbot, section, viewer):
    image, _ = add(viewer, two())
    mark(viewer, image, [[50, 60]])
    section._check.click()
    listed = section._findings._list
    assert listed.item(0).text().startswith("cells, row 50, column 60: 'cells' has")
    assert "1 error" in section._findings._summary.text()


def test_what_the_model_to_start_from_cannot_learn_is_a_finding(
    qtbot, section, session, viewer
):
    add(viewer, two())
    save_model(session, settings_of("points", "background", "object"))
    listed, said = check(qtbot, section)
    assert "the model to start from detects points" in listed[0]
    assert "1 error" in said


def test_findings_stay_and_are_marked_old_when_something_changes(
    qtbot, section, session, viewer
):
    labels = two()
    labels[50, 70] = 9
    _, layer = add(viewer, labels)
    for change in (
        lambda: layer.data_setitem((np.array([50]), np.array([70])), 0),
        lambda: session.choose_preset("mini"),
        lambda: setattr(session, "annotation", "classes"),
    ):
        _, said = check(qtbot, section)
        assert CHANGED_SINCE not in said
        viewer.dims.set_current_step(0, 0)
        change()
        change()
        assert section._findings._summary.text().count(CHANGED_SINCE) == 1


def test_a_training_leaves_the_list_of_a_check(qtbot, section, session, viewer):
    labels = two()
    labels[36:38, 36:39] = 3
    add(viewer, labels)
    listed, _ = check(qtbot, section)
    assert listed
    section._button.click()
    qtbot.waitUntil(lambda: not section._findings.is_running)
    assert section._findings._list.count() == len(listed)
    assert not section._findings._list.isHidden()
    assert not section._findings._unasked.isHidden()
    session.job.cancel()
    qtbot.waitUntil(lambda: not session.is_busy)


def test_a_long_finding_is_shown_whole(qtbot, viewer):
    checked = CheckList(viewer)
    qtbot.addWidget(checked)
    checked.setFixedWidth(330)
    checked.show()
    checked.showFaults([Finding("error", "as long as can be, " * 12, "nuclei")])
    line = checked._list.fontMetrics().height()
    qtbot.waitUntil(lambda: checked._list.height() > 5 * line)
