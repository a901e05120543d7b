"""Mistakes in images and labels are found, counted in good English, and explained."""

import numpy as np
import pytest

from napari_unet.core.annotation.findings import find_faults
from napari_unet.core.annotation.target import Example
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image

GREY = np.random.default_rng(0).integers(1, 200, (1, 40, 50)).astype(np.uint8)


def painted(*boxes):
    labels = np.zeros((40, 50), np.uint16)
    for number, (y, x, size) in enumerate(boxes, start=1):
        labels[y : y + size, x : x + size] = number
    return labels


def messages(labels, grey=GREY):
    return [(f.level, f.message) for f in find_faults(Image(grey), labels)]


def test_nothing_is_wrong():
    assert messages(painted((2, 2, 9), (20, 20, 9))) == []


def test_one_object_alone_is_worth_a_warning():
    [(level, said)] = messages(painted((2, 2, 9)))
    assert level == "warning"
    assert said.startswith("Only one object is painted (number 1)")


def test_one_object_in_pieces_is_not_called_objects():
    labels = painted((2, 2, 9), (20, 20, 9))
    labels[35:38, 40:45] = 1
    [(_, said)] = messages(labels)
    assert said.startswith("1 object lies in several pieces (number 1)")


def test_many_specks_are_counted_and_some_are_named():
    labels = painted((2, 2, 9), *((30, 2 + 4 * i, 1) for i in range(7)))
    [(_, said)] = messages(labels)
    assert said.startswith("7 objects have fewer than 5 pixels (numbers 2, 3, 4, 5, 6,")


def test_a_stack_of_labels_on_what_was_read_as_channels_is_explained():
    labels = np.stack([painted((2, 2, 9), (20, 20, 9))] * 3)
    grey = np.repeat(GREY, 3, axis=0)
    said = messages(labels, grey)[0][1]
    assert "the shape (3, 40, 50), the image (40, 50)" in said
    with pytest.raises(InputError) as refused:  # a training says the same
        Example(Image(grey), labels)
    assert said == str(refused.value)
    assert "If the first axis of the image, of length" in said


def test_a_constant_image_is_an_error():
    labels = painted((2, 2, 9), (20, 20, 9))
    [(level, said)] = messages(labels, np.full((1, 40, 50), 7, np.uint8))
    assert level == "error"
    assert "constant" in said
