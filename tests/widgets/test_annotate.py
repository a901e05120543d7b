"""Annotating: layers that fit, regions with roles, counts, accepted predictions."""

import numpy as np
import pytest

from napari_unet.core.annotation.target import Region
from napari_unet.core.errors import InputError
from napari_unet.widgets.accepting import accept_into
from napari_unet.widgets.annotate import (
    NO_IMAGE,
    ONLY_REGIONS_COUNT,
    AnnotateSection,
)
from napari_unet.widgets.annotated import (
    IF_FEW_OF_MANY,
    OBJECTS_AND_POINTS,
    ONLY_AROUND_COUNTS,
    PAINTED_PLANES_COUNT,
    WHOLE_IMAGE_COUNTS,
    WHOLE_VOLUME_COUNTS,
    summarise_layers,
)
from napari_unet.widgets.annotation_layers import (
    add_regions,
    examples_of,
    regions_of,
    set_role,
)
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.layers import IGNORE_LABEL, add_labels, find_layer
from napari_unet.widgets.point_layers import add_points


@pytest.fixture
def section(qtbot, viewer, session, nuclei):
    choose_image(viewer, nuclei)
    section = AnnotateSection(session, viewer)
    qtbot.addWidget(section)
    return section


@pytest.fixture
def prediction(viewer, nuclei):
    data = np.zeros((60, 90), np.uint16)
    data[10:30, 10:30] = 1
    data[35:55, 60:80] = 2
    layer = add_labels(viewer, nuclei, "prediction", data)
    chosen_layers(viewer).prediction = layer
    return layer


def rectangle(top, left, bottom, right):
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])


def test_without_an_image_it_says_what_to_do(qtbot, viewer, session):
    section = AnnotateSection(session, viewer)
    qtbot.addWidget(section)
    assert section._hint.text() == NO_IMAGE
    assert not section._new.isEnabled()


def test_a_new_annotation_is_ready_to_paint(section, viewer, nuclei):
    section._new.click()
    layer = chosen_layers(viewer).annotation
    assert viewer.layers.selection.active is layer
    assert (layer.mode, layer.selected_label) == ("paint", 1)
    assert layer.data.dtype == np.uint16
    np.testing.assert_array_equal(layer.extent.world, nuclei.extent.world)
    assert section._layer.value() is layer


def test_the_next_object_has_a_number_of_its_own(section, viewer):
    section._new.click()
    layer = chosen_layers(viewer).annotation
    layer.data_setitem(
        (np.array([0, 1]), np.array([0, 1])), np.array([4, IGNORE_LABEL])
    )
    section._ignore.click()
    assert layer.selected_label == IGNORE_LABEL
    section._next.click()
    assert layer.selected_label == 5


def test_counts_follow_the_brush_and_undo(qtbot, section, viewer):
    section._new.click()
    layer = chosen_layers(viewer).annotation
    layer.data_setitem((np.array([5]), np.array([5])), 1)
    qtbot.waitUntil(lambda: "<b>1 object</b>, 5,400 px" in section._summary.text())
    assert "(1,350 µm²)" in section._summary.text()
    assert section._rule.text() == WHOLE_IMAGE_COUNTS + IF_FEW_OF_MANY
    layer.data_setitem((np.array([6]), np.array([6])), IGNORE_LABEL)
    qtbot.waitUntil(lambda: "5,399 px" in section._summary.text())
    layer.undo()
    layer.undo()
    qtbot.waitUntil(lambda: "<b>0 objects</b>" in section._summary.text())


def test_what_unpainted_ground_means_is_chosen_where_no_region_says_it(
    qtbot, section, session, viewer, nuclei
):
    assert section._unpainted.isHidden()
    section._new.click()
    qtbot.waitUntil(lambda: not section._unpainted.isHidden())
    combo = section._unpainted._combo
    combo.setCurrentText("unknown")
    assert session.train_config.unpainted == "unknown"
    qtbot.waitUntil(lambda: section._rule.text() == ONLY_AROUND_COUNTS)
    session.choose_preset("fast")
    assert combo.currentText() == "unknown"
    session.annotation = "classes"
    qtbot.waitUntil(section._unpainted.isHidden)


def test_regions_declare_what_is_annotated(qtbot, section, viewer, nuclei):
    section._new.click()
    section._training.click()
    regions = chosen_layers(viewer).regions
    assert viewer.layers.selection.active is regions
    assert regions.mode == "add_rectangle"
    regions.add_rectangles(rectangle(0, 0, 9, 9))
    section._validation.click()
    regions.add_rectangles(rectangle(20, 20, 29, 39))
    assert list(regions.features["role"]) == ["training", "validation"]
    qtbot.waitUntil(lambda: "300 px (75 µm²)" in section._summary.text())
    assert "in 2 regions" in section._summary.text()
    assert section._rule.text() == ONLY_REGIONS_COUNT
    assert not np.array_equal(*regions.edge_color)


def test_a_region_just_drawn_keeps_its_role(section, viewer, nuclei):
    section._training.click()
    regions = chosen_layers(viewer).regions
    regions.add_rectangles(rectangle(0, 0, 9, 9))
    regions.selected_data = {0}  # as napari leaves it after drawing with the mouse
    section._validation.click()
    assert regions.mode == "add_rectangle"
    regions.add_rectangles(rectangle(20, 20, 29, 39))
    assert list(regions.features["role"]) == ["training", "validation"]


def test_a_region_picked_with_the_arrow_changes_its_role(section, viewer, nuclei):
    section._training.click()
    regions = chosen_layers(viewer).regions
    regions.add_rectangles([rectangle(0, 0, 9, 9), rectangle(20, 20, 29, 39)])
    regions.mode = "select"
    regions.selected_data = {1}
    section._validation.click()
    assert regions.mode == "select"
    assert list(regions.features["role"]) == ["training", "validation"]


def test_a_selected_region_changes_its_role(viewer, nuclei):
    regions = add_regions(viewer, nuclei)
    regions.add_rectangles([rectangle(0, 0, 9, 9), rectangle(20, 20, 29, 39)])
    regions.selected_data = {1}
    set_role(regions, "validation")
    boxes = regions_of(regions, nuclei)[None]
    assert [box.role for box in boxes] == ["training", "validation"]


def test_a_pixel_belongs_to_a_region_if_its_centre_does(viewer, nuclei):
    regions = add_regions(viewer, nuclei)
    regions.add_rectangles(
        [
            rectangle(-5, 1.6, 3.4, 4.4),  # reaches beyond the image
            rectangle(10.6, 10.6, 10.9, 10.9),  # between pixel centres
        ]
    )
    [box] = regions_of(regions, nuclei)[None]
    assert (box.start, box.stop) == ((0, 2), (4, 5))


def test_regions_of_a_stack_belong_to_their_plane(viewer, stack):
    regions = add_regions(viewer, stack)
    corners = np.insert(rectangle(0, 0, 4, 4), 0, 2, axis=1)
    regions.add_rectangles(corners)
    assert list(regions_of(regions, stack)) == [2]


def test_other_shapes_are_refused_with_a_sentence(qtbot, section, viewer, nuclei):
    section._new.click()
    section._training.click()
    regions = chosen_layers(viewer).regions
    regions.add_ellipses(rectangle(0, 0, 9, 9))
    with pytest.raises(InputError, match=r"Region 1 of .* not an upright rectangle"):
        regions_of(regions, nuclei)
    qtbot.waitUntil(lambda: "not an upright rectangle" in section._summary.text())


def test_a_mask_is_offered_to_be_split(qtbot, section, viewer):
    section._new.click()
    layer = chosen_layers(viewer).annotation
    rows = np.array([5, 5, 20, 20])
    layer.data_setitem((rows, np.array([5, 6, 5, 6])), 1)
    qtbot.waitUntil(lambda: not section._split.isHidden())
    section._split.click()
    assert np.unique(layer.data).tolist() == [0, 1, 2]
    qtbot.waitUntil(lambda: section._split.isHidden())
    layer.undo()
    assert layer.data.max() == 1


def test_an_existing_layer_becomes_the_annotation(section, viewer, nuclei):
    section._new.click()
    first = chosen_layers(viewer).annotation
    mine = viewer.add_labels(np.ones((60, 90), int), name="mine")
    viewer.add_labels(np.ones((5, 5), int), name="of another shape")
    offered = [section._layer.itemText(i) for i in range(section._layer.count())]
    assert "mine" in offered
    assert "of another shape" not in offered
    section._layer.setCurrentIndex(offered.index("mine"))
    assert chosen_layers(viewer).annotation is mine
    assert find_layer(viewer, nuclei, "annotation") is mine
    assert first in viewer.layers
    # It knew no pixel size; now it lies on the image.
    np.testing.assert_array_equal(mine.extent.world, nuclei.extent.world)


def test_labels_of_another_pixel_size_are_refused(section, viewer, nuclei, monkeypatch):
    said = []
    monkeypatch.setattr("napari_unet.widgets.annotate.show_problem", said.append)
    viewer.add_labels(
        np.ones((60, 90), int), name="coarse", scale=(2, 2), units=("um", "um")
    )
    section._layer.setCurrentText("coarse")
    assert "'nuclei' measure 0.5 × 0.5 µm, those of 'coarse' 2 × 2 µm" in str(said[0])
    assert chosen_layers(viewer).annotation is None
    assert section._layer.value() is None
    annotation = add_labels(viewer, nuclei, "annotation")
    annotation.data[5:9, 5:9] = 1
    annotation.scale = (2, 2)
    with pytest.raises(InputError, match="Correct the scale of one of the layers"):
        examples_of(viewer)


def test_accepting_in_view_is_one_step_to_undo(section, viewer, nuclei, prediction):
    nuclei.corner_pixels = np.array([[0, 0], [29, 39]])
    section._correct._many._in_view.click()
    annotation = chosen_layers(viewer).annotation
    assert np.array_equal(annotation.data > 0, prediction.data == 1)
    annotation.undo()
    assert not annotation.data.any()


def test_accepting_says_what_lies_outside_the_regions(
    qtbot, section, viewer, nuclei, prediction, monkeypatch
):
    said = []
    monkeypatch.setattr("napari_unet.widgets.accepting.show_info", said.append)
    regions = add_regions(viewer, nuclei)
    regions.add_rectangles(rectangle(0, 0, 33, 49))  # around object 1
    chosen_layers(viewer).regions = regions
    section._correct._many._in_view.click()
    assert "2 objects are now in the annotation" in said[0]
    assert "1 of them lies outside the regions, where nothing is learned" in said[0]
    qtbot.waitUntil(section._kept._undo.isEnabled)
    section._kept._undo.click()
    prediction.selected_label = 1
    section._correct._many._picked.click()
    assert len(said) == 1
    prediction.selected_label = 2
    section._correct._many._picked.click()
    assert "It lies outside the regions" in said[1]


def test_accepting_never_overwrites_what_was_painted(viewer, nuclei, prediction):
    annotation = add_labels(viewer, nuclei, "annotation")
    annotation.data[10:30, 10:28] = 7  # nearly all of object 1
    annotation.data[35:55, 60:65] = 8  # a part of object 2
    assert accept_into(annotation, prediction) == (1, 0)
    assert set(np.unique(annotation.data)) == {0, 1, 7, 8}
    assert (annotation.data[35:55, 60:65] == 8).all()
    assert (annotation.data[35:55, 65:80] == 1).all()
    assert accept_into(annotation, prediction) == (0, 0)


def test_accepting_the_picked_object(section, viewer, prediction):
    prediction.selected_label = 2
    section._correct._many._picked.click()
    assert chosen_layers(viewer).annotation.data[40, 70] == 1
    assert chosen_layers(viewer).annotation.data[20, 20] == 0


def test_undo_takes_back_what_was_accepted_whatever_layer_is_active(
    qtbot, section, viewer, prediction
):
    undo = section._kept._undo
    assert not undo.isEnabled()
    section._correct._many._in_view.click()
    qtbot.waitUntil(undo.isEnabled)
    viewer.layers.selection.active = prediction
    undo.click()
    assert not chosen_layers(viewer).annotation.data.any()
    assert prediction.data.any()


def test_accepting_what_is_known_says_so(section, prediction, monkeypatch):
    said = []
    monkeypatch.setattr("napari_unet.widgets.accepting.show_info", said.append)
    section._correct._many._in_view.click()
    section._correct._many._in_view.click()
    first, second = said
    assert first.startswith("2 objects are now in the annotation")
    assert "annotated already" in second


def test_every_annotated_image_is_an_example(viewer, nuclei, stack):
    add_labels(viewer, nuclei, "annotation").data[5:9, 5:9] = 1
    in_stack = add_labels(viewer, stack, "annotation")
    in_stack.data[1, 5:9, 5:9] = 1
    regions = add_regions(viewer, stack)
    regions.add_rectangles(np.insert(rectangle(0, 0, 4, 4), 0, 2, axis=1))
    examples = examples_of(viewer)
    assert [example.image.name for example in examples] == ["nuclei", "stack"]
    assert examples[1].annotated_planes == [1, 2]
    assert examples[0].image.pixel_size_um == (0.5, 0.5)
    (region,) = examples[1].regions
    assert (region.start[0], region.stop[0]) == (2, 3)
    in_stack.data[1] = 0
    assert examples[1].annotation.any()  # a copy


def test_an_image_that_cannot_be_used_harms_nothing_while_nothing_is_painted(
    viewer, nuclei
):
    holes = viewer.add_image(np.full((60, 90), np.nan), name="holes")
    add_labels(viewer, holes, "annotation")
    add_labels(viewer, nuclei, "annotation").data[5:9, 5:9] = 1
    assert [example.image.name for example in examples_of(viewer)] == ["nuclei"]


def test_an_empty_annotation_is_no_example(viewer, nuclei):
    add_labels(viewer, nuclei, "annotation")
    assert examples_of(viewer) == []


@pytest.mark.gl
def test_closing_the_viewer_right_after_a_stroke_is_clean(
    qtbot, session, make_napari_viewer
):
    viewer = make_napari_viewer()
    choose_image(viewer, viewer.add_image(np.zeros((60, 90))))
    section = AnnotateSection(session, viewer)
    viewer.window.add_dock_widget(section)
    section._new.click()
    layer = chosen_layers(viewer).annotation
    for row in range(5):
        layer.data_setitem((np.array([row]), np.array([5])), 1)
    viewer.close()
    qtbot.wait(500)


def test_objects_beside_points_are_said_once(qtbot, section, viewer, nuclei):
    layer = add_labels(viewer, nuclei, "annotation")
    layer.data[5:9, 5:9] = 7
    chosen_layers(viewer).annotation = layer
    points = add_points(viewer, nuclei)
    chosen_layers(viewer).points = points
    points.add([[40, 40]])
    qtbot.waitUntil(lambda: section._rule.text() == OBJECTS_AND_POINTS)
    assert "Without regions" not in section._points._summary.text()
    layer.data_setitem(np.nonzero(layer.data), 0)
    layer.events.paint(value=[])
    qtbot.waitUntil(lambda: "Without regions" in section._points._summary.text())
    assert section._rule.isHidden()


def test_points_are_offered_beside_objects_only(section, session, viewer, nuclei):
    choose_image(viewer, nuclei)
    for kind, offered in (("classes", False), ("values", False), ("objects", True)):
        session.annotation = kind
        assert section._points.isHidden() != offered
    chosen_layers(viewer).points = add_points(viewer, nuclei)
    session.annotation = "classes"
    assert not section._points.isHidden()


def test_objects_of_a_volume_are_counted_once(qtbot, section, session, viewer, stack):
    layer = add_labels(viewer, stack, "annotation")
    layer.data[:, 5:9, 5:9], layer.data[1, 20:25, 20:25] = 1, 2
    choose_image(viewer, stack)
    chosen_layers(viewer).annotation = layer
    qtbot.waitUntil(lambda: "<b>4 objects" in section._summary.text())
    assert section._rule.text() == PAINTED_PLANES_COUNT + IF_FEW_OF_MANY
    session.choose_preset("fast-3d")
    qtbot.waitUntil(lambda: "<b>2 objects" in section._summary.text())
    assert section._rule.text() == WHOLE_VOLUME_COUNTS + IF_FEW_OF_MANY


def test_volumes_of_time_points_are_counted_where_painted():
    labels = np.zeros((3, 4, 20, 20), int)
    labels[0, 1:3, 5:9, 5:9], labels[2, 0, 5:9, 5:9] = 1, 1
    summary = summarise_layers(labels, {}, volume=True)
    assert (summary.objects, summary.known_px) == (2, 2 * 4 * 20 * 20)
    framed = {9: (Region((0, 0), (10, 10)),)}
    summary = summarise_layers(labels[:2], {5: framed[9]}, volume=True)
    assert (summary.objects, summary.known_px, summary.regions) == (1, 1700, 1)
