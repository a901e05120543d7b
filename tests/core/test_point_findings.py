"""Mistakes in points are named with image, place and remedy."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.annotation.point_findings import (
    find_point_faults,
    find_point_set_faults,
)
from napari_unet.core.annotation.points import Points
from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.image import Image

GREY = np.random.default_rng(0).normal(size=(1, 40, 60)).astype(np.float32)
STACK = np.random.default_rng(0).normal(size=(1, 6, 40, 60)).astype(np.float32)


def faults(places, grey=GREY, size=None, **options):
    points = Points(np.array(places, float), ("object",) * len(places))
    found = find_point_faults(Image(grey, size), points, **options)
    return [(finding.level, finding.message) for finding in found]


def of_set(*images):
    examples = [
        Example(
            Image(GREY, name=f"field{number}"),
            np.zeros((40, 60), np.uint8),
            points=Points(np.arange(2.0 * len(names)).reshape(-1, 2), tuple(names)),
        )
        for number, names in enumerate(images)
    ]
    return [(name, f.level, f.message) for name, f in find_point_set_faults(examples)]


def test_points_well_apart_are_fine():
    assert faults([(5, 5), (5, 12), (30, 50)]) == []


def test_points_outside_are_counted_and_the_first_is_named():
    [(level, text)] = faults([(5, 5), (45, 12), (45, 70)])
    assert level == "error"
    assert "2 points lie outside the image of 40 × 60 pixels" in text
    assert "(y, x) = (45, 12) (point 2)" in text


def test_exchanged_columns_and_micrometres_are_recognised():
    [(_, text)] = faults([(50, 5), (3, 39)])
    assert "x and y exchanged" in text
    [(_, text)] = faults([(30, 30), (300, 500)], size=(10.0, 10.0))
    assert "divide them by the pixel size (10 × 10 µm)" in text


def test_other_axes_are_an_error():
    [(level, text)] = faults([(1, 5, 5)])
    assert level == "error"
    assert "3 coordinates each, the image has 2 axes (40 × 60 pixels)" in text
    [(_, text)] = faults([(5, 5)], STACK)
    assert "needs its plane (z)" in text


def test_points_set_twice_and_overlapping_disks_are_told_apart():
    found = faults([(5, 5), (5.5, 5), (20, 20), (20, 23), (20, 30)])
    assert [level for level, _ in found] == ["warning", "warning"]
    assert "1 pair of points is set twice" in found[0][1]
    assert "at (y, x) = (5, 5) and (y, x) = (5.5, 5)" in found[0][1]
    assert "1 pair of points is closer than the 4 px" in found[1][1]
    assert "--point-radius" in found[1][1]
    assert len(faults([(20, 20), (20, 23)], radius=1.5)) == 0


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 59)), max_size=8))
def test_close_pairs_are_those_of_brute_force(places):
    apart = [
        np.hypot(a - c, b - d) for (a, b), (c, d) in itertools.combinations(places, 2)
    ]
    twice = sum(d < 1 for d in apart)
    close = sum(1 <= d < 4 for d in apart)
    texts = " ".join(text for _, text in faults(places))
    counted = {
        key: int(number)
        for number, key in re.findall(r"(\d+) pairs? of points (?:is|are) (\w+)", texts)
    }
    assert counted == {key: n for key, n in (("set", twice), ("closer", close)) if n}


def test_planes_of_a_stack_are_apart_unless_it_is_a_volume():
    places = [(1, 20, 20), (2, 20, 20)]
    assert faults(places, STACK) == []
    [(_, text)] = faults(places, STACK, volume=True)
    assert "at (z, y, x) = (1, 20, 20) and (z, y, x) = (2, 20, 20)" in text
    assert faults(places, STACK, (5.0, 1.0, 1.0), volume=True) == []
    [(_, text)] = faults([(1, 20, 20), (1, 20, 22)], STACK)
    assert "closer" in text


def test_points_that_are_not_learned_are_told():
    regions = [Region((0, 0), (10, 10))]
    [(level, text)] = faults([(5, 5), (20, 20)], regions=regions)
    assert level == "warning"
    assert "1 point lies outside all regions, the first at (y, x) = (20, 20)" in text
    ignored = np.zeros((40, 60), bool)
    ignored[:10] = True
    [(_, text)] = faults([(5, 5), (20, 20)], ignored=ignored)
    assert "on ignored ground" in text


def test_no_points_and_a_constant_image_are_told():
    [(level, text)] = faults([])
    assert level == "warning"
    assert "There are no points" in text
    [(level, text)] = faults([(5, 5)], np.ones((1, 40, 60)))
    assert level == "error"
    assert "constant" in text


def test_too_few_points_in_all():
    assert of_set([], []) == [
        ("field0", "error", "There are no points in any image; set one on each object.")
    ]
    [(name, level, text)] = of_set(["object"], ["object"] * 2)
    assert (name, level) == ("field0", "warning")
    assert "only 3 points in all" in text
    assert of_set(["object"] * 2, ["object"] * 2) == []


@pytest.mark.parametrize(
    ("images", "where", "said"),
    [
        ([["Cell"] * 9 + ["cells"] * 9, ["Cell"] * 9], "field0", "differ in spelling"),
        (
            [["a"] * 9, ["a"] * 9 + ["b"]],
            "field1",
            "'b' has 1 point only, the first at",
        ),
        ([["a"] * 9, ["a"] * 9 + ["b"] * 5], "field1", "in this image only"),
        ([["a"] * 9, ["object"] * 5 + ["a"]], "field1", "name no class, the first at"),
    ],
)
def test_classes_are_looked_at_over_all_images(images, where, said):
    [(name, level, text)] = of_set(*images)
    assert (name, level) == (where, "warning")
    assert said in text
    assert "(y, x) = (" in text
