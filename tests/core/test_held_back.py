"""How much is held back for validation where the user named nothing for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.annotation.points import Points
from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.image import Image
from napari_unet.core.training.held_back import split_validation


def image_of(name, shape=(40, 60), regions=(), classes=False):
    """An image full of small objects, or of pixels of three classes."""
    annotation = np.zeros(shape, int)
    places = np.argwhere(np.ones((shape[0] // 5, shape[1] // 5), bool))
    for number, (y, x) in enumerate(places, start=1):
        annotation[5 * y : 5 * y + 3, 5 * x : 5 * x + 3] = (
            1 + number % 2 if classes else number
        )
    grey = np.arange(annotation.size).reshape(1, *shape) % 251
    return Example(Image(grey, name=name), annotation, regions)


def covered(example):
    """Mark the ground of an example."""
    ground = np.zeros(example.annotation.shape, int)
    for region in example.regions or (Region((0, 0), ground.shape),):
        ground[region.box] += 1
    return ground


@given(
    shapes=st.lists(
        st.tuples(st.integers(40, 80), st.integers(40, 80)), min_size=1, max_size=4
    ),
    share=st.floats(0.2, 0.8),
)
def test_the_share_is_that_of_all_ground(shapes, share):
    examples = [image_of(f"i{n}", shape) for n, shape in enumerate(shapes)]
    training, held = split_validation(examples, "objects", share)
    total = sum(e.annotation.size for e in examples)
    away = sum(int(covered(e).sum()) for e in held)
    kept = sum(int(covered(e).sum()) for e in training)
    assert away + kept == total
    # A cut is across one axis, by whole pixels, and takes at least two objects, which
    # lie five pixels apart.
    assert away == pytest.approx(share * total, abs=5 * 80)
    for example in training:
        ground = covered(example)
        for other in held:
            if other.image is example.image:
                ground = ground + covered(other)
        assert ground.max() == 1


def test_whole_images_go_from_the_last_one_on():
    examples = [image_of(name) for name in "abcd"]
    training, held = split_validation(examples, "objects", 0.5)
    assert [e.image.name for e in training] == ["a", "b"]
    assert [e.image.name for e in held] == ["c", "d"]
    assert all(r.role == "validation" for e in held for r in e.regions)


def test_regions_go_as_images_do_and_stay_known_to_their_neighbours():
    left, right = Region((0, 0), (40, 30)), Region((0, 30), (40, 60))
    [training], [held] = split_validation(
        [image_of("a", regions=(left, right))], share=0.5
    )
    assert training.regions == (left,)
    assert training.seen == (left, right, right)
    assert [r.box for r in held.regions] == [right.box]


def test_without_a_share_it_is_a_fifth_for_each_area_and_a_whole_one_of_five():
    for count, part in ((1, 0.2), (2, 0.4), (4, 0.5), (5, 1.0), (9, 1.0)):
        examples = [image_of(str(n), (40, 60)) for n in range(count)]
        _, [held] = split_validation(examples)
        assert covered(held).mean() == pytest.approx(part)


def test_no_class_is_lost_to_the_training():
    first, last = image_of("a", classes=True), image_of("b", classes=True)
    first.annotation[first.annotation == 2] = 1
    training, _ = split_validation([first, last], "classes", 0.5)
    numbers = set()
    for example in training:
        numbers |= set(np.unique(example.annotation[covered(example) > 0]))
    assert numbers == {0, 1, 2}


def test_what_the_user_named_is_taken_whatever_the_share():
    named = image_of("b", regions=(Region((0, 0), (20, 20), "validation"),))
    training, held = split_validation([image_of("a"), named], "objects", 0.5)
    assert [e.image.name for e in training] == ["a"]
    assert [e.image.name for e in held] == ["b"]


@pytest.mark.parametrize("rows", [slice(0, 60), slice(40, 100)])
def test_points_on_one_side_only_are_held_back_from_there(rows):
    rng = np.random.default_rng(0)
    places = np.column_stack([rng.uniform(rows.start, rows.stop - 1, 60)] * 2)
    points = Points(places, ("object",) * 60)
    grey = np.arange(10_000).reshape(1, 100, 100) % 251
    painted = np.zeros((100, 100), int)
    example = Example(Image(grey, name="a"), painted, points=points)
    _, held = split_validation([example], "points")
    assert len(held) == 1


def test_more_than_a_fifth_is_held_back_where_that_holds_too_little():
    labels = np.zeros((16, 60, 60), int)
    corners = (15, 15), (15, 35), (35, 15), (35, 35)
    for number, (y, x) in enumerate(corners, start=1):
        labels[4:12, y : y + 10, x : x + 10] = number
    grey = np.arange(labels.size).reshape(1, *labels.shape) % 251
    training, held = split_validation([Example(Image(grey, name="a"), labels)])
    assert len(training) == len(held) == 1
    assert held[0].regions[0].start == (0, 39, 0)
