"""How much is held back for validation where the user named nothing for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.annotation.points import Points
from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.apart import describe_ground, keep_away, view_of
from napari_unet.core.training.held_back import split_validation
from napari_unet.core.workflow import run, segment


def image_of(name, shape=(40, 60), regions=(), classes=False):
    """An image full of small objects, or of pixels of three classes."""
    annotation = np.zeros(shape, int)
    places = np.argwhere(np.ones((shape[0] // 5, shape[1] // 5), bool))
    for number, (y, x) in enumerate(places, start=1):
        annotation[5 * y : 5 * y + 3, 5 * x : 5 * x + 3] = (
            1 + number % 2 if classes else number
        )
    shift = sum(map(ord, name))  # no two images are the same
    grey = (np.arange(annotation.size).reshape(1, *shape) + shift) % 251
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


# The gap.

LOOKS = ModelSettings(network=NetworkConfig(base_channels=2, levels=1))
VIEW = view_of(LOOKS)(Image(np.zeros((1, 9, 9), np.uint8)))[0]
boxes = st.tuples(st.integers(0, 150), st.integers(0, 150)).flatmap(
    lambda corner: st.builds(
        lambda height, width: Region(corner, (corner[0] + height, corner[1] + width)),
        st.integers(10, 120),
        st.integers(10, 120),
    )
)


def near(example, distance):
    """Mark what lies so near to the ground of an example, along rows and columns."""
    ground = covered(example) > 0
    return ndimage.maximum_filter(ground, 2 * distance + 1, mode="constant")


@given(
    regions=st.lists(boxes, min_size=0, max_size=3),
    others=st.integers(0, 2),
    share=st.sampled_from([0.0, 0.0, 0.3]),
)
def test_nothing_is_trained_on_that_judging_sees_or_it_is_said(regions, others, share):
    inside = [Region(r.start, tuple(min(b, 200) for b in r.stop)) for r in regions]
    examples = [image_of("a", (200, 200), tuple(inside))]
    examples += [image_of(f"b{n}", (60, 70)) for n in range(others)]
    training, held = split_validation(examples, "objects", share, view_of(LOOKS))
    said = describe_ground(training, held, view_of(LOOKS))
    overlaps, sees = False, False
    for example in held:
        for other in training:
            if other.image is example.image:
                trained = covered(other) > 0
                overlaps |= bool((trained & (covered(example) > 0)).any())
                sees |= bool((trained & near(example, VIEW)).any())
    assert not overlaps
    assert ("too good" in said) == sees
    if not regions and held:  # there is room enough
        assert not sees
        assert all(e.regions for e in held)


def test_a_large_image_keeps_the_whole_receptive_field_between_both_parts():
    training, [held] = split_validation([image_of("a", (60, 400))], view=view_of(LOOKS))
    trained = covered(training[0]) > 0
    assert not (trained & near(held, 2 * VIEW)).any()
    assert (trained & near(held, 2 * VIEW + 1)).any()  # and no more
    whole = Region((0, 0), (60, 400))
    assert whole in training[0].seen  # it hides no objects


def test_what_was_trained_on_cannot_change_what_is_judged():
    """Other grey values there, the same prediction here: bit by bit."""
    settings = LOOKS.replaced(normalisation="none")
    model = Model(build_network(settings.network).eval(), settings, Card())
    image = image_of("a", (90, 120))
    [training], [held] = split_validation([image], view=view_of(settings))
    rng = np.random.default_rng(0)
    other = image.image.array.astype(np.float32)
    other[:, covered(training) > 0] = rng.normal(
        0, 100, (1, int(covered(training).sum()))
    )
    results = [
        run(
            segment(Image(grey), model, device="cpu", precision="float32")
        ).probabilities
        for grey in (image.image.array.astype(np.float32), other)
    ]
    judged = covered(held) > 0
    np.testing.assert_allclose(results[0][:, judged], results[1][:, judged], atol=1e-6)
    assert abs(results[0] - results[1])[:, ~judged].max() > 1e-3


def test_the_gap_is_in_pixels_of_the_image():
    settings = LOOKS.replaced(pixel_size_um=0.5)
    fine = Image(np.zeros((1, 9, 9), np.uint8), (0.25, 0.25))
    assert view_of(settings)(fine)[0] > 2 * VIEW
    zoomed = LOOKS.replaced(seen={"zoom": 0.5})  # of images of unknown pixel size
    assert view_of(zoomed)(Image(np.zeros((1, 9, 9), np.uint8)))[0] > 2 * VIEW


def test_of_little_ground_the_gap_is_smaller_and_what_that_means_is_said():
    small = [image_of("a", (15, 15))]
    training, held = split_validation(small, view=view_of(LOOKS))
    assert held
    said = describe_ground(training, held, view_of(LOOKS))
    assert f"the network sees {VIEW} px" in said
    assert "a little too good" in said


def test_other_images_are_judged_without_a_gap():
    named = [image_of("a"), image_of("b")]
    named[1] = Example(named[1].image, named[1].annotation, role="validation")
    split = split_validation(named, view=view_of(LOOKS))
    assert "images that were not trained on" in describe_ground(*split, view_of(LOOKS))
    assert describe_ground([named[0]], [], view_of(LOOKS)) == ""


def test_ground_that_was_trained_on_is_no_other_image():
    """The same image read twice, as from two folders."""
    named = [image_of("a"), image_of("a")]
    named[1] = Example(named[1].image, named[1].annotation, role="validation")
    assert named[0].image is not named[1].image
    said = describe_ground(*split_validation(named), view_of(LOOKS))
    assert said.startswith("validated on ground that was trained on, too")


def test_it_is_said_how_many_of_the_images_were_trained_on():
    named = [image_of(name) for name in "abca"]
    for number in (1, 2, 3):
        image, annotation = named[number].image, named[number].annotation
        if number < 3:
            image = replace(image, array=image.array + number)
        named[number] = Example(image, annotation, role="validation")
    said = describe_ground(*split_validation(named), view_of(LOOKS))
    assert said.startswith("validated on 3 images, and 1 of the 3 was trained on, too")


@pytest.mark.parametrize(
    ("times", "meaning"),
    [(2.0, "no pixel is seen from both"), (1.5, "less than the whole receptive field")],
)
def test_it_is_said_whether_the_gap_is_the_receptive_field(times, meaning):
    gap = round(times * VIEW)
    boxes = Region((0, 0), (40, 40)), Region((0, 40 + gap), (40, 80 + gap))
    example = image_of("a", (40, 90 + gap))
    parts = [replace(example, regions=(box,)) for box in boxes]
    said = describe_ground(parts[:1], parts[1:], view_of(LOOKS))
    assert f"{gap} px away" in said
    assert meaning in said
    assert f"receptive field ({2 * VIEW} px)" in said


@given(region=boxes, held=st.lists(boxes, max_size=3), gap=st.integers(0, 30))
def test_cutting_boxes_out_leaves_every_pixel_that_is_far_enough(region, held, gap):
    def paint(regions, margin=0):
        ground = np.zeros((330, 330), int)
        for each in regions:
            first, last = ([n + 30 for n in side] for side in (each.start, each.stop))
            ground[
                first[0] - margin : last[0] + margin,
                first[1] - margin : last[1] + margin,
            ] += 1
        return ground

    left = paint(keep_away([region], held, (gap, gap)))
    expected = (paint([region]) > 0) & (paint(held, gap) == 0)
    np.testing.assert_array_equal(left, expected)
