"""Mistakes in labels of classes, and of a set of images, are named with their place."""

import numpy as np
import pytest

from napari_unet.core.annotation.class_findings import (
    find_class_faults,
    find_set_faults,
)
from napari_unet.core.annotation.class_values import count_values, settle_classes
from napari_unet.core.annotation.findings import find_faults
from napari_unet.core.annotation.target import Example
from napari_unet.core.image import Image

GREY = np.random.default_rng(0).integers(1, 200, (1, 40, 50)).astype(np.uint8)


def example(labels, name="a", channels=1, size=None, **fields):
    image = Image(np.repeat(GREY, channels, axis=0), size, name)
    return Example(image, np.asarray(labels), **fields)


def halves(low=0, high=1):
    labels = np.full((40, 50), low)
    labels[:, 25:] = high
    return labels


def of_set(*examples, classes=True):
    table = settle_classes(count_values(examples)) if classes else None
    return [
        (name, f.level, f"{f.where}: {f.message}" if f.where else f.message)
        for name, f in find_set_faults(examples, table)
    ]


def test_nothing_is_wrong_with_classes_in_every_image():
    assert find_class_faults(example(halves())) == []
    assert of_set(example(halves()), example(halves(), "b")) == []


def test_an_image_of_one_class_is_worth_a_look():
    [finding] = find_class_faults(example(np.full((40, 50), 255)))
    assert finding.level == "warning"
    assert finding.message.startswith("All labels are 255")
    ignored = example(np.full((40, 50), 9), ignore_label=9)
    assert find_class_faults(ignored)[0].level == "error"


def test_smoothed_edges_are_told_from_objects():
    labels = halves(0, 255)
    labels[3, 4:44] = np.arange(100, 140)
    [finding] = find_class_faults(example(labels))
    assert finding.level == "error"
    assert "42 values, too many for classes; 40 of them" in finding.message
    assert "for example 100: edges were smoothed" in finding.message
    assert finding.where == "row 3, column 4"
    [finding] = find_class_faults(example(np.arange(2000).reshape(40, 50) // 40))
    assert "objects have numbers of their own" in finding.message


def test_a_rare_class_and_one_in_a_single_image_are_named_with_their_place():
    rare, single = halves(), halves()
    rare[7, 9] = 2
    single[20:, :10] = 3
    found = of_set(example(rare, "r"), example(single, "s"))
    assert [(name, level) for name, level, _ in found] == [
        ("r", "warning"),
        ("s", "warning"),
    ]
    assert found[0][2].startswith("row 7, column 9: The class 'class 2' has 1 of")
    assert "row 20, column 0: The class 'class 3' occurs in this" in found[1][2]


def test_images_of_different_kinds_are_an_error():
    [(name, level, said)] = of_set(example(halves()), example(halves(), "rgb", 3))
    assert (name, level) == ("rgb", "error")
    assert "has 3 channel(s), 'a' has 1" in said


def test_pixel_sizes_are_known_for_all_or_for_none():
    sized = example(halves(), "sized", size=(0.5, 0.5))
    [(name, level, said)] = of_set(sized, example(halves(), "unsized"))
    assert (name, level) == ("unsized", "warning")
    assert said.startswith("1 of 2 images, this one first, have no pixel size")


def test_the_same_numbers_in_all_images_are_rather_classes():
    images = [example(halves(1, 2), str(i)) for i in range(4)]
    [(_, level, said)] = of_set(*images, classes=False)
    assert level == "warning"
    assert "This and all 3 other label images hold the same numbers, 1, 2" in said
    assert of_set(*images[:3], classes=False) == []


def objects(labels):
    return [(f.level, f.message) for f in find_faults(Image(GREY), labels)]


def test_few_numbers_in_many_pieces_are_rather_classes():
    labels = np.zeros((40, 50), int)
    for row in range(2, 38, 8):
        labels[row : row + 3, 5:15] = 128
        labels[row : row + 3, 25:35] = 255
    [(level, said)] = objects(labels)
    assert level == "error"
    assert "numbers 128, 255 lies in 3 pieces or more: these look like classes" in said


@pytest.mark.parametrize("number", [1, 7])
def test_a_number_all_around_is_probably_background(number):
    labels = np.full((40, 50), number)
    labels[5:12, 5:12], labels[20:30, 20:30] = 40, 50
    [(level, said)] = objects(labels)
    assert level == "warning"
    assert said.startswith(f"Number {number} covers 93% of the image: it is probably")
    assert "--zero ignore" in said


def test_the_fiji_convention_is_suspected_with_ignored_ground_around():
    labels = np.zeros((40, 50), int)
    labels[3:-3, 3:-3] = 1
    labels[8:14, 8:14], labels[20:28, 20:28] = 2, 3
    assert any("--zero ignore" in said for _, said in objects(labels))


def test_over_exposed_channels_are_one_finding():
    bright = np.repeat(GREY, 3, axis=0)
    bright[:2, :20] = 255
    labels = np.zeros((40, 50), int)
    labels[2:9, 2:9], labels[20:30, 20:30] = 1, 2
    [finding] = find_faults(Image(bright), labels)
    assert "50% of the pixels of channel 0, 50% of the pixels of" in finding.message


def test_labels_of_classes_are_not_looked_at_as_objects():
    binary = np.zeros((40, 50), int)
    binary[2:9, 2:9] = binary[20:30, 20:30] = 1
    assert [f.level for f in find_faults(Image(GREY), binary)] == ["error"]
    assert find_faults(Image(GREY), binary, "classes") == []
