"""A look at a whole set finds what spoils a training, and where."""

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.annotation.separation_border import (
    cut_separation_border,
    find_shrunk,
)
from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.config import NetworkConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.examples import check_examples
from napari_unet.core.training.inspection import inspect_examples

FAST = PRESETS["fast"]


def example(labels, name="a", **fields):
    labels = np.asarray(labels)
    grey = np.random.default_rng(0).integers(1, 200, (1, *labels.shape))
    return Example(Image(grey.astype(np.uint8), None, name), labels, **fields)


def objects(*boxes, shape=(60, 70)):
    labels = np.zeros(shape, np.int32)
    for number, (y, x, size) in enumerate(boxes, start=1):
        labels[..., y : y + size, x : x + size] = number
    return labels


TWO = objects((2, 2, 9), (20, 20, 9))


def inspect(
    *examples,
    kind="objects",
    network=FAST.network,
    training=FAST.training,
    **options,
):
    steps = inspect_examples(
        examples, kind, network=network, training=training, **options
    )
    parts = []
    while True:
        try:
            parts.append(next(steps))
        except StopIteration as end:
            assert parts == sorted(parts)
            assert not examples or parts[-1] == 1
            return end.value


def found(*examples, **options):
    return {f.topic: f for f in inspect(*examples, **options).findings}


def test_nothing_is_wrong_and_everything_is_counted():
    result = inspect(example(TWO), example(TWO, "b"))
    assert result.findings == ()
    counts = result.counts
    assert (counts.objects, counts.object_px, counts.known_px) == (4, 324, 8400)


def test_a_stack_is_looked_at_plane_by_plane():
    stack = np.stack([TWO] * 4)
    stack[1, 50, 50] = stack[2, 50, 60] = 9
    [finding] = inspect(example(stack)).findings
    assert (finding.topic, finding.place) == ("specks", (1, 50, 50))
    assert finding.where == "plane 1, row 50, column 50"
    assert finding.message.endswith("The like on 1 more plane.")


def test_objects_of_a_volume_reach_through_its_planes():
    stack = np.stack([objects((2, 2, 9), (30, 30, 9))] * 8)
    stack[4:, 2:11, 2:11] = 0
    stack[3:, 40:50, 2:11] = 1  # connected through no plane: another piece of object 1
    volume = NetworkConfig(dimensions=3, levels=2, levels_z=2)
    pieces = found(example(stack), network=volume)["pieces"]
    assert pieces.place == (0, 2, 2)
    assert "pieces" in found(example(stack))  # on plane 3 both are there
    assert found(example(TWO), network=volume)["dimensions"].level == "error"
    few = found(example(stack[:2]), network=volume)["few planes"]
    assert few.message.startswith("The stack has 2 planes")


def test_a_stack_of_classes_with_a_stray_number():
    stack = np.zeros((3, 60, 70), int)
    stack[:, :20], stack[:, 40:] = 1, 2
    stack[1, 30, 31] = 77
    result = inspect(example(stack), kind="classes")
    assert result.classes.values == (0, 1, 2, 77)
    [finding] = result.findings
    assert finding.message.startswith("The number 77 stands apart from 0, 1, 2")
    assert finding.place == (1, 30, 31)
    strange = found(example(stack), kind="classes", names=("a", "b", "c"))
    assert strange["strange class"].level == "error"
    assert strange["strange class"].place == (1, 30, 31)
    ignored = inspect(example(stack, ignore_label=77), kind="classes")
    assert ignored.findings == ()


def test_masks_numbered_in_two_ways_are_one_error():
    mask = (TWO > 0).astype(int)
    result = inspect(
        example(mask), example(mask * 255, "b"), example(mask, "c"), kind="classes"
    )
    [finding] = result.findings
    assert (finding.level, finding.image, finding.place) == ("error", "b", (2, 2))
    assert "painted with 255, 'a' with 1" in finding.message
    two = inspect(example(mask), example(mask * 2, "b"), kind="classes")
    assert {f.topic for f in two.findings} == {"class in one image"}


def test_without_known_background_nothing_can_be_learned():
    all_ignored = np.where(TWO, TWO, 9)
    finding = inspect(example(all_ignored, ignore_label=9)).errors[0]
    assert finding.message.startswith("No background is known")
    assert finding.place == (2, 2)
    with pytest.raises(InputError, match="No background is known in 'a'"):
        check_examples([example(all_ignored, ignore_label=9)])
    inside = example(TWO, regions=(Region((2, 2), (11, 11)),))
    assert inspect(inside).errors[0].message.startswith("No background is known")
    assert not inspect(example(all_ignored, ignore_label=9), example(TWO)).errors


def test_images_without_objects_are_right_beside_others_only():
    empty = np.zeros_like(TWO)
    both = inspect(example(TWO), example(empty, "b"))
    assert [(f.level, f.image) for f in both.findings] == [("warning", "b")]
    alone = inspect(example(empty), example(empty, "b"))
    assert [(f.level, f.image) for f in alone.findings] == [("error", "a")]


def test_a_set_of_one_class_is_one_error():
    black = np.zeros_like(TWO)
    result = inspect(example(black), example(black, "b"), kind="classes")
    assert [(f.level, f.image) for f in result.findings] == [("error", "a")]
    some = inspect(example((TWO > 0) * 1), example(black, "b"), kind="classes")
    assert {(f.level, f.topic) for f in some.findings} == {
        ("warning", "one class"),
        ("warning", "class in one image"),
    }


def test_hardly_any_object_pixels_say_how_far_to_weigh_them():
    rare = objects((2, 2, 5), (20, 20, 5), shape=(100, 100))
    said = found(example(rare))["few object pixels"].message
    assert "0.50% of the annotated ground, 1 pixel to 199 of background" in said
    assert "no more than 14, the root of the ratio" in said


def test_objects_are_compared_with_context_and_patches():
    large = objects((2, 2, 300), (310, 310, 5), shape=(400, 400))
    assert "context" in found(example(large))
    wide = example(objects((2, 2, 80), (90, 90, 80), shape=(200, 200)))
    patches = FAST.training.replaced(patch_size=64)
    assert {*found(wide, training=patches)} == {"patch size"}
    small = example(objects(*((2 + 9 * i, 2, 3) for i in range(5))))
    assert "no wider than 3 px" in found(small)["small objects"].message
    assert found(small, network=FAST.network.replaced(levels=2)) == {}


def test_regions_that_miss_image_or_objects_are_found():
    beyond = example(
        TWO, regions=(Region((0, 0), (40, 40)), Region((99, 99), (120, 120)))
    )
    assert found(beyond)["region outside"].level == "error"
    beside = example(TWO, regions=(Region((30, 30), (60, 70)),))
    nothing = found(beside)
    assert "2 of 2 objects lie outside" in nothing["regions"].message
    assert nothing["no object"].level == "error"
    mixed = found(example(TWO, regions=(Region((0, 0), (40, 40)),)), example(TWO, "b"))
    assert mixed["regions"].image == "b"


def test_ground_outside_regions_is_no_class():
    painted = np.zeros((60, 70), int)
    painted[:20, :30], painted[20:40, :30] = 1, 2
    inside = example(painted, regions=(Region((0, 0), (40, 30)),))
    table = inspect(inside, kind="classes").classes
    assert table.values == (1, 2)
    assert table.pixels == (600, 600)


def test_what_the_border_leaves_of_an_object():
    labels = objects((10, 10, 30))
    labels[20:22, 20:23] = 2
    said = found(example(labels))["separation border"]
    assert said.message.startswith("Object 2 touches others on nearly all sides: of ")
    assert "its 6 pixels the separation border of 2 px leaves 1." in said.message
    assert said.place in [(20, 21), (21, 21)]


def test_shrunk_objects_equal_counting():
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = rng.integers(0, 6, (9, 9)) * (rng.random((9, 9)) < 0.8)
        for width in (1, 2):
            kept = cut_separation_border(labels, width)
            wanted = {}
            for number in range(1, 6):
                before, after = (labels == number).sum(), (kept == number).sum()
                if before and after < 5 and 2 * after <= before:
                    wanted[number] = (before, after)
            shrunk = find_shrunk(labels, kept)
            assert {s.number: (s.before, s.after) for s in shrunk} == wanted
            assert all(kept[s.place] == s.number for s in shrunk if s.after)


def test_ignored_ground_does_not_hide_a_mask():
    mask = (TWO > 0).astype(int)
    mask[50:] = 9
    with pytest.raises(InputError, match="look like a binary mask"):
        check_examples([example(mask, ignore_label=9)])
    assert inspect(example(mask, ignore_label=9)).errors[0].topic == "binary mask"


def test_images_of_another_kind_are_named_with_the_set():
    rgb = example(TWO, "rgb")
    rgb = replace(rgb, image=Image(np.repeat(rgb.image.array, 3, axis=0), None, "rgb"))
    assert [(f.image, f.topic) for f in inspect(example(TWO), rgb).findings] == [
        ("rgb", "channels")
    ]
