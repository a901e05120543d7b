"""Numbers and colours of label images become classes, in one order for all of them."""

from dataclasses import replace

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.annotation.class_values import (
    COLOUR,
    IGNORED,
    ClassTable,
    count_values,
    ignore_zero,
    pack_colours,
    read_value,
    set_zero_aside,
    settle_classes,
    show_value,
    to_classes,
)
from napari_unet.core.annotation.target import Example
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image


def example(annotation, **fields):
    annotation = np.asarray(annotation)
    grey = np.arange(annotation.size, dtype=np.uint8).reshape(1, *annotation.shape)
    return Example(Image(grey, name="a"), annotation, **fields)


def settled(*annotations, names=(), known=None, **fields):
    examples = [example(a, **fields) for a in annotations]
    table = settle_classes(count_values(examples), names, known)
    return table, [to_classes(e, table).annotation.tolist() for e in examples]


def test_a_mask_of_0_128_255_has_three_classes_named_by_value():
    table, [mapped] = settled([[0, 128, 255, 0]])
    assert table.names == ("background", "value 128", "value 255")
    assert table.class_values == (0, 128, 255)
    assert table.pixels == (2, 1, 1)
    assert mapped == [[0, 1, 2, 0]]


def test_class_numbers_are_kept_as_they_are():
    table, [mapped] = settled([[0, 2, 1, 0]])
    assert table.class_values == ()
    assert table.names == ("background", "class 1", "class 2")
    assert mapped == [[0, 2, 1, 0]]


def test_the_order_holds_for_the_whole_set_although_each_image_lacks_a_class():
    table, mapped = settled([[0, 255]], [[0, 128]], [[255, 64]])
    assert table.values == (0, 64, 128, 255)
    assert mapped == [[[0, 3]], [[0, 2]], [[3, 1]]]


def test_without_0_the_lowest_value_is_background():
    assert settled([[7, 9]])[1] == [[[0, 1]]]


def test_black_is_background_and_colours_follow_by_red_green_blue():
    colours = np.array([[[255, 0, 0], [0, 0, 255], [0, 0, 0], [0, 1, 0]]], np.uint8)
    table, [mapped] = settled(pack_colours(colours))
    assert table.class_values == ("#000000", "#0000ff", "#000100", "#ff0000")
    assert table.names[:2] == ("background", "#0000ff")
    assert mapped == [[3, 1, 0, 2]]


@given(npst.arrays(np.uint8, (3, 4, 3), elements=st.sampled_from([0, 1, 200, 255])))
def test_every_colour_has_its_own_number_and_is_read_back(colours):
    packed = pack_colours(colours)
    assert (packed >= COLOUR).all()
    same = (colours[:, :, None, None] == colours).all(axis=-1)
    np.testing.assert_array_equal(same, packed[:, :, None, None] == packed)
    assert read_value(show_value(int(packed[0, 0]))) == packed[0, 0]


def test_ignored_ground_is_no_class_and_stays_ignored():
    table, [mapped] = settled([[0, 255, 9]], ignore_label=9)
    assert table.pixels == (1, 1)
    assert mapped == [[0, 1, IGNORED]]


def test_names_are_given_to_values_in_ascending_order():
    table, _ = settled([[0, 128, 255]], names=("nothing", "plasma", "nucleus"))
    assert table.names == ("nothing", "plasma", "nucleus")
    with pytest.raises(InputError, match=r"2 classes are named .* 3 values: 0, 128"):
        settled([[0, 128, 255]], names=("nothing", "plasma"))
    with pytest.raises(InputError, match="one name"):
        settled([[0, 1]], names=("a", "a"))


def test_named_classes_that_are_not_painted_yet_are_there():
    table, [mapped] = settled([[0, 2]], names=("a", "b", "c", "d"))
    assert table.values == (0, 1, 2, 3)
    assert table.pixels == (1, 0, 1, 0)
    assert mapped == [[0, 2]]


def test_a_model_keeps_its_classes_and_new_values_come_after_them():
    known = ClassTable(("bg", "cell", "scratch"), (0, 200, 100), (0, 0, 0))
    assert settled([[0, 100]], known=known)[0].names == ("bg", "cell", "scratch")
    table, [mapped] = settled([[0, 50, 100, 200]], known=known)
    assert table.names == ("bg", "cell", "scratch", "value 50")
    assert mapped == [[0, 3, 2, 1]]


def test_colours_beside_numbers_are_refused():
    with pytest.raises(InputError, match="colours, those of 'a' are numbers"):
        settled([[0, 1]], pack_colours(np.zeros((1, 2, 3), np.uint8)))


def test_objects_are_not_taken_for_classes():
    with pytest.raises(InputError, match=r"300 different values .* objects"):
        settled([list(range(300))])


def test_one_value_alone_is_refused():
    with pytest.raises(InputError, match="All labels are 255: one class alone"):
        settled([[255, 255]])


def test_a_value_that_is_no_class_is_named():
    table, _ = settled([[0, 128]])
    with pytest.raises(InputError, match="hold 3, which is none of the classes 0, 128"):
        to_classes(example([[3]]), table)


def test_zero_as_ignored_ground_shifts_the_others_down():
    shifted = set_zero_aside(example([[0, 1, 2, 3]]))
    assert shifted.annotation.tolist() == [[3, 0, 1, 2]]
    assert shifted.ignore_label == 3
    both = set_zero_aside(example([[0, 1, 2, 3]], ignore_label=2))
    assert (both.annotation == both.ignore_label).tolist() == [
        [True, False, True, False]
    ]
    assert both.annotation[0, [1, 3]].tolist() == [0, 2]


def test_where_0_means_ignored_black_does_too():
    colours = np.array([[[0, 0, 0], [9, 0, 0], [0, 9, 0]]], np.uint8)
    shifted = set_zero_aside(example(pack_colours(colours)))
    table = settle_classes(count_values([shifted]))
    assert table.class_values == ("#000900", "#090000")
    assert to_classes(shifted, table).annotation.tolist() == [[IGNORED, 1, 0]]


def test_classes_keep_their_values_where_zero_is_ignored():
    kept = ignore_zero(example([[0, 1, 3, 9]], ignore_label=9))
    assert kept.annotation.tolist() == [[0, 1, 3, 0]]
    assert kept.ignore_label == 0
    table = settle_classes(count_values([kept]), ("ground", "a", "b"), first=1)
    assert table.values == (1, 2, 3)
    assert table.pixels == (1, 0, 1)
    assert to_classes(kept, table).annotation.tolist() == [[IGNORED, 0, 2, IGNORED]]
    assert ignore_zero(example([[1, 2]])).ignore_label is None


def test_nothing_but_zeros_cannot_be_all_ignored():
    with pytest.raises(InputError, match="background is 1"):
        set_zero_aside(example([[0, 0]]))
    with pytest.raises(InputError, match="background is 1"):
        ignore_zero(example([[0, 0]]))
    assert set_zero_aside(example([[1, 2]])).ignore_label is None


def test_the_given_annotation_is_not_changed():
    given_array = np.array([[0, 128, 255]])
    before = replace(example(given_array))
    table, _ = settled(given_array)
    to_classes(before, table)
    set_zero_aside(before)
    ignore_zero(before)
    assert given_array.tolist() == [[0, 128, 255]]
