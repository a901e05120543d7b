"""Targets of images: chosen, kept, refused, and made into examples."""

import numpy as np
import pytest

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotate import AnnotateSection
from napari_unet.widgets.annotation_layers import add_regions
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.examples_table import ExamplesTable
from napari_unet.widgets.image_pairs import pairs_of
from napari_unet.widgets.target_layers import set_target, target_of


def test_a_pair_holds_both_images_and_the_regions(viewer, nuclei):
    target = viewer.add_image(np.full((60, 90), 7.0), name="target")
    set_target(nuclei, target)
    regions = add_regions(viewer, nuclei)
    corners = np.array([[2, 3], [2, 20], [30, 20], [30, 3]])
    regions.add_rectangles(corners)
    [pair] = pairs_of(viewer)
    np.testing.assert_array_equal(pair.image.array[0], nuclei.data)
    np.testing.assert_array_equal(pair.values, np.full((1, 60, 90), 7.0))
    assert pair.image.pixel_size_um == pytest.approx((0.5, 0.5))
    assert [(r.start, r.stop) for r in pair.regions] == [((2, 3), (31, 21))]
    assert pairs_of(viewer, {nuclei: "validation"})[0].role == "validation"


def test_a_stack_with_a_region_on_one_plane(viewer, stack):
    set_target(stack, stack)
    regions = add_regions(viewer, stack)
    regions.add_rectangles(np.array([[1, 0, 0], [1, 0, 9], [1, 9, 9], [1, 9, 0]]))
    [pair] = pairs_of(viewer)
    assert pair.values.shape == (1, 3, 40, 50)
    assert (pair.regions[0].start, pair.regions[0].stop) == ((1, 0, 0), (2, 10, 10))
    assert pair.annotated_planes == [1]


def test_a_coloured_target_has_three_channels(viewer, nuclei):
    colours = viewer.add_image(np.zeros((60, 90, 3), np.uint8), rgb=True)
    set_target(nuclei, colours)
    [pair] = pairs_of(viewer)
    assert pair.values.shape == (3, 60, 90)


def test_targets_that_do_not_fit_are_refused(viewer, nuclei):
    small = viewer.add_image(np.zeros((60, 80)), name="small")
    with pytest.raises(InputError, match="'small' has 80 × 60 px, 'nuclei' 90 × 60 px"):
        set_target(nuclei, small)
    other = viewer.add_image(
        np.zeros((60, 90)), name="coarse", scale=(1, 1), units=("um", "um")
    )
    with pytest.raises(InputError, match="'coarse' 1 × 1 µm"):
        set_target(nuclei, other)
    with pytest.raises(InputError, match="no ticked image with a target"):
        pairs_of(viewer)
    target = viewer.add_image(np.zeros((60, 90)), name="target")
    set_target(nuclei, target)
    target.data = np.zeros((60, 91))
    with pytest.raises(InputError, match="'target' has 91 × 60 px"):
        pairs_of(viewer)


def test_a_target_that_is_removed_is_forgotten(viewer, nuclei):
    target = viewer.add_image(np.zeros((60, 90)), name="target")
    set_target(nuclei, target)
    choose_image(viewer, nuclei)
    assert chosen_layers(viewer).target is target
    viewer.layers.remove(target)
    assert target_of(viewer, nuclei) is None
    assert chosen_layers(viewer).target is None


def test_each_image_keeps_its_target_and_the_table_lists_them(
    qtbot, session, viewer, nuclei
):
    target = viewer.add_image(np.zeros((60, 90)), name="target")
    section, table = AnnotateSection(session, viewer), ExamplesTable(session, viewer)
    for widget in (section, table):
        qtbot.addWidget(widget)
    choose_image(viewer, nuclei)
    session.annotation = "values"
    combo = section._target._target
    combo.setCurrentText("target")
    assert target_of(viewer, nuclei) is target
    assert table.rowCount() == 1
    choose_image(viewer, target)
    assert combo.value() is None
    combo.setCurrentText("target")
    qtbot.waitUntil(lambda: table.item(1, 1).text() == "itself")
    assert table.item(0, 1).text() == "target"
    choose_image(viewer, nuclei)
    assert combo.value() is target
    session.annotation = "objects"
    assert table.rowCount() == 0
    assert table.horizontalHeaderItem(1).text() == "Objects"
    session.annotation = "values"
    combo.setCurrentIndex(0)
    assert target_of(viewer, nuclei) is None
    assert table.rowCount() == 1
