"""Layers become images and back, pixel on pixel, in µm, whatever their geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from napari.layers import Image, Labels
from napari.layers import Layer as AnyLayer

from napari_unet.core.errors import InputError
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.layers import (
    LayerWriter,
    add_labels,
    copy_geometry,
    current_plane,
    find_layer,
    image_of,
    pixel_size_um,
    show_image,
    unlink_layer,
    visible_box,
)

sizes = st.floats(0.1, 10)
shifts = st.floats(-100, 100)


@settings(max_examples=30)
@given(
    scale=st.tuples(sizes, sizes),
    translate=st.tuples(shifts, shifts),
    rotate=st.floats(0, 180),
    shear=st.floats(-1, 1),
    affine=arrays(float, (2,), elements=shifts),
    pixel=st.tuples(st.integers(0, 19), st.integers(0, 29)),
)
def test_a_matching_layer_lies_pixel_on_pixel(
    scale, translate, rotate, shear, affine, pixel
):
    moved = np.eye(3)
    moved[:2, 2] = affine
    image = Image(
        np.zeros((20, 30)),
        scale=scale,
        translate=translate,
        rotate=rotate,
        shear=[shear],
        affine=moved,
        units=("um", "um"),
    )
    labels = Labels(np.zeros((20, 30), np.uint16), **copy_geometry(image))
    np.testing.assert_allclose(
        labels.data_to_world(pixel), image.data_to_world(pixel), atol=1e-6
    )
    assert labels.units == image.units


def test_colour_becomes_channels_without_alpha():
    layer = Image(np.random.default_rng(0).random((4, 5, 4)), rgb=True)
    image = image_of(layer)
    assert image.array.shape == (3, 4, 5)
    np.testing.assert_array_equal(image.array[2], layer.data[..., 2])


def test_stacks_and_multiscale_images_become_images():
    pyramid = [np.zeros((8, 16)), np.zeros((4, 8))]
    assert image_of(Image(np.zeros((3, 4, 5)))).array.shape == (1, 3, 4, 5)
    assert image_of(Image(pyramid, multiscale=True)).array.shape == (1, 8, 16)


def test_a_five_axis_layer_is_refused_with_a_sentence():
    layer = Image(np.zeros((2, 2, 2, 4, 5)), name="film")
    with pytest.raises(InputError, match=r"'film' has 5 axes .* Split"):
        image_of(layer)


@pytest.mark.parametrize(
    ("scale", "units", "expected"),
    [
        ((0.5, 0.5), ("um", "um"), (0.5, 0.5)),
        ((650, 650), ("nm", "nm"), (0.65, 0.65)),
        ((0.5, 0.5), ("pixel", "pixel"), None),
        ((2, -0.5, 0.5), ("um", "um", "um"), (2, 0.5, 0.5)),
        ((30, 0.5, 0.5), ("second", "um", "um"), (1, 0.5, 0.5)),
    ],
)
def test_pixel_sizes_are_read_in_micrometres(scale, units, expected):
    layer = Image(np.zeros((2,) * len(scale)), scale=scale, units=units)
    found = pixel_size_um(layer)
    assert found is None if expected is None else found == pytest.approx(expected)


def test_a_layer_is_found_by_what_it_was_made_for_not_by_name(viewer, nuclei):
    labels = add_labels(viewer, nuclei, "annotation")
    labels.name, nuclei.name = "something", "else"
    assert find_layer(viewer, nuclei, "annotation") is labels
    assert find_layer(viewer, nuclei, "prediction") is None
    unlink_layer(labels)
    assert find_layer(viewer, nuclei, "annotation") is None


def test_the_same_layer_shows_a_new_map(viewer, nuclei):
    first = show_image(viewer, nuclei, "weight map", np.zeros((60, 90)))
    again = show_image(viewer, nuclei, "weight map", np.ones((60, 90)))
    assert first is again
    assert len(viewer.layers) == 2
    assert first.data.max() == 1


def test_choosing_an_image_brings_the_layers_made_for_it(viewer, nuclei):
    other = viewer.add_image(np.zeros((5, 5)), name="other")
    mine = add_labels(viewer, nuclei, "annotation")
    choose_image(viewer, other)
    assert chosen_layers(viewer).annotation is None
    choose_image(viewer, nuclei)
    assert chosen_layers(viewer).annotation is mine


def test_a_removed_layer_is_not_chosen_any_more(viewer, nuclei):
    choose_image(viewer, nuclei)
    viewer.layers.remove(nuclei)
    assert chosen_layers(viewer).image is None


def test_what_is_not_drawn_yet_is_in_view_as_a_whole(nuclei):
    box = visible_box(nuclei)
    assert box[0].stop <= 60
    assert box[1].stop <= 90
    nuclei.corner_pixels = np.zeros((2, 2), int)
    assert visible_box(nuclei) == (slice(0, 60), slice(0, 90))


def test_the_field_of_view_is_in_pixels_of_the_image(nuclei):
    nuclei.corner_pixels = np.array([[5, 7], [20, 30]])
    assert visible_box(nuclei) == (slice(5, 21), slice(7, 31))


def test_the_current_plane_follows_the_slider(viewer, stack):
    for plane in (2, 0):
        viewer.dims.set_current_step(0, plane)
        assert current_plane(viewer, stack) == plane


def test_a_flat_image_has_no_plane(viewer, nuclei):
    assert current_plane(viewer, nuclei) is None


def test_writing_refreshes_at_most_ten_times_a_second(qtbot, viewer, nuclei):
    labels = add_labels(viewer, nuclei, "prediction")
    refreshed = []
    labels.events.set_data.connect(lambda event: refreshed.append(1))
    writer = LayerWriter(viewer, labels)
    for number in range(1, 50):
        writer.write((slice(0, 5), slice(0, 5)), np.full((5, 5), number))
    qtbot.waitUntil(lambda: bool(refreshed))
    assert len(refreshed) == 1
    assert labels.data[4, 4] == 49


def test_writing_to_a_deleted_layer_does_nothing(viewer, nuclei):
    labels = add_labels(viewer, nuclei, "prediction")
    writer = LayerWriter(viewer, labels)
    viewer.layers.remove(labels)
    writer.write((slice(None),), np.array(1))
    writer.close()
    assert labels.data.max() == 0


def test_layers_of_other_kinds_are_left_alone(viewer, nuclei):
    points = viewer.add_points(np.zeros((1, 2)))
    assert isinstance(points, AnyLayer)
    assert find_layer(viewer, nuclei, "annotation") is None
