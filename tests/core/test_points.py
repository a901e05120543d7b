"""Points become disks that stay apart, on ground that claims no more than is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.annotation.disks import draw_disks
from napari_unet.core.annotation.points import Points, class_names_of
from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.annotation.weight_map import compute_weight_map
from napari_unet.core.config import (
    ModelSettings,
    NetworkConfig,
    TrainConfig,
    WeightMapConfig,
)
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.training.examples import count_objects, prepare
from napari_unet.core.training.held_back import split_validation
from napari_unet.core.training.kind import (
    balance_points,
    check_kind,
    name_point_classes,
)
from napari_unet.core.workflow import draw_patches

SHAPE = (24, 30)
RADII = st.sampled_from([0.5, 1, 2, 3.5])


@st.composite
def points(draw):
    """A few points of two classes, some of them at the same place."""
    coordinate = st.integers(0, 2 * (SHAPE[0] - 1)).map(lambda n: n / 2)
    places = draw(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=8))
    classes = draw(
        st.lists(st.integers(1, 2), min_size=len(places), max_size=len(places))
    )
    return np.array(places, float), np.array(classes)


def distances(positions, shape=SHAPE):
    """Return how far each pixel is from each point, by brute force, (N, Y, X)."""
    grid = np.indices(shape)
    return np.array([np.hypot(grid[0] - y, grid[1] - x) for y, x in positions])


def of_one(names):
    return Points(np.zeros((len(names), 2)), tuple(names))


def example(positions, names=None, shape=SHAPE, **options):
    grey = np.random.default_rng(0).normal(size=(1, *shape))
    names = names or ["object"] * len(positions)
    size = options.pop("pixel_size_um", None)
    annotation = options.pop("annotation", np.zeros(shape, np.uint8))
    return Example(
        Image(grey, size, name="cells"),
        annotation,
        points=Points(np.array(positions, float), tuple(names)),
        **options,
    )


def test_a_point_is_a_disk_of_radius_2_with_unknown_ground_up_to_4():
    target = draw_disks(np.array([[10.0, 12.0]]), np.array([1]), SHAPE)
    [apart] = distances([(10, 12)])
    assert np.array_equal(target.classes, apart <= 2)
    assert np.array_equal(target.known, (apart <= 2) | (apart > 4))
    assert int(target.classes.sum()) == 13


def test_disks_lie_where_the_points_are_between_pixels():
    target = draw_disks(np.array([[10.5, 12.5]]), np.array([1]), SHAPE, radius=1)
    assert np.argwhere(target.classes).tolist() == [
        [10, 12],
        [10, 13],
        [11, 12],
        [11, 13],
    ]


@given(points(), RADII, st.sampled_from([1, 2]))
def test_no_point_vanishes_and_no_two_merge(points, radius, border):
    positions, classes = points
    target = draw_disks(
        positions, classes, SHAPE, radius=radius, separation_border=border
    )
    drawn = np.unique(target.labels[target.classes > 0])
    assert drawn.tolist() == list(range(1, len(positions) + 1))
    # Points a pixel apart have no room for a line between them.
    apart = distances(positions)[:, *np.round(positions).astype(int).T]
    if (apart + 9 * np.eye(len(positions)) > 3).all():
        pieces, count = ndimage.label(target.classes > 0)
        assert count == len(positions)
        for piece in range(1, count + 1):
            assert len(np.unique(target.labels[pieces == piece])) == 1


@given(points(), RADII)
def test_each_pixel_goes_to_the_nearest_point_or_is_known_background(points, radius):
    positions, classes = points
    if len(np.unique(np.round(positions), axis=0)) < len(positions) or radius < 1:
        return  # points that share a pixel must give way
    target = draw_disks(positions, classes, SHAPE, radius=radius)
    apart = distances(positions)
    nearest = apart.min(axis=0)
    owned = target.labels > 0
    assert np.array_equal(owned, nearest <= 2 * radius)
    of_owner = apart[target.labels[owned] - 1, *np.nonzero(owned)]
    assert np.array_equal(of_owner, nearest[owned])
    far = nearest > 2 * radius
    assert target.known[far].all()
    assert not target.classes[far].any()
    unknown = ~target.known
    assert (nearest[unknown] > radius).all()


def test_ground_between_close_points_is_known_background():
    positions, one = np.array([[10.0, 10.0], [10.0, 15.0]]), np.array([1, 1])
    gap = draw_disks(positions, one, SHAPE)
    assert (gap.known[10, 12:14] & (gap.classes[10, 12:14] == 0)).any()
    other = draw_disks(positions, np.array([1, 2]), SHAPE)
    assert other.classes[10].max() == 2
    assert np.array_equal(other.known, gap.known)


def test_rings_hide_nothing_so_background_keeps_its_weight():
    positions = np.array([[10.0, 8.0], [10.0, 20.0]])
    target = draw_disks(positions, np.array([1, 1]), SHAPE)
    weights = compute_weight_map(target, WeightMapConfig())
    assert np.array_equal(weights > 0, target.known)


def test_regions_and_ignored_ground_are_unknown():
    ignored = np.zeros(SHAPE, bool)
    ignored[:5] = True
    target = draw_disks(
        np.array([[10.0, 10.0], [3.0, 3.0]]),
        np.array([1, 1]),
        SHAPE,
        regions=[Region((0, 0), (20, 20))],
        ignored=ignored,
    )
    assert not target.known[20:].any()
    assert not target.known[:, 20:].any()
    assert not target.known[:5].any()
    assert target.known[10, 10]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_points_are_scaled_and_the_disks_are_not(factor):
    settings = ModelSettings(annotation="points", pixel_size_um=1 / factor)
    places = [(10.0, 12.0)]
    prepared = prepare(example(places, pixel_size_um=(1.0, 1.0)), settings)
    assert prepared.target.classes.shape == tuple(round(n * factor) for n in SHAPE)
    scaled = (np.array(places) + 0.5) * factor - 0.5
    assert prepared.points.positions.tolist() == scaled.tolist()
    disk = distances(scaled, prepared.target.classes.shape)[0] <= 2
    assert np.array_equal(prepared.target.classes > 0, disk)


def test_a_part_of_an_example_keeps_points_on_their_pixels():
    prepared = prepare(
        example([(10, 12), (20, 25)]), ModelSettings(annotation="points")
    )
    part = prepared.part((slice(6, 24), slice(7, 30)))
    assert part.points.positions.tolist() == [[4, 5], [14, 18]]
    assert part.target.classes[4, 5] == part.target.classes[14, 18] == 1


def test_points_in_regions_and_not_on_ignored_ground_count():
    annotation = np.zeros(SHAPE, np.uint8)
    annotation[:4] = 9
    cells = example(
        [(2, 2), (10, 10), (22, 28)],
        annotation=annotation,
        ignore_label=9,
        regions=(Region((0, 0), (15, 15)),),
    )
    assert count_objects(cells) == 1
    assert count_objects(example([(2, 2), (10, 10)])) == 2


def test_part_of_the_points_is_held_back_for_validation():
    rng = np.random.default_rng(1)
    cells = example(rng.uniform(0, (23, 29), (30, 2)))
    training, validation = split_validation([cells])
    assert count_objects(training[0]) >= 2
    assert count_objects(validation[0]) >= 2
    assert count_objects(training[0]) + count_objects(validation[0]) == 30


def test_a_new_model_learns_the_classes_of_the_points():
    cells = example([(1, 1), (2, 9), (20, 20)], ["round", "long", "round"])
    settings = name_point_classes(None, [cells], 2)
    assert settings.class_names == ("background", "long", "round")
    assert settings.network.classes == 3
    assert settings.annotation == "points"
    assert prepare(cells, settings).points.classes.tolist() == [2, 1, 2]
    assert name_point_classes(settings, [], 2) is settings


def test_the_few_pixels_of_points_are_balanced():
    config = TrainConfig(weight_map=WeightMapConfig(class_balance="none"))
    balanced = balance_points(config, [example([(1, 1)])])
    assert balanced.weight_map.class_balance == "inverse-frequency"
    assert balance_points(config, []) == config


def test_classes_named_by_numbers_are_in_their_order():
    names = class_names_of([of_one(["10", "2", "b", "a"])])
    assert names == ("background", "2", "10", "a", "b")


def test_points_and_painted_objects_are_not_mixed():
    cells = example([(1, 1)])
    painted = np.zeros(SHAPE, np.uint8)
    painted[3:6, 3:6] = 1
    objects = Example(cells.image, painted)
    detects = ModelSettings(annotation="points")
    with pytest.raises(InputError, match="one kind"):
        check_kind([cells, objects], detects)
    with pytest.raises(InputError, match="from scratch"):
        check_kind([cells], ModelSettings())
    with pytest.raises(InputError, match="from scratch"):
        check_kind([objects], detects)
    with pytest.raises(InputError, match="painted objects and points"):
        example([(1, 1)], annotation=painted)


def test_a_class_that_the_model_lacks_is_named():
    settings = ModelSettings(
        annotation="points",
        network=NetworkConfig(classes=2),
        class_names=("background", "cell"),
    )
    with pytest.raises(InputError, match="'debris', but the model knows only 'cell'"):
        check_kind([example([(1, 1)], ["debris"])], settings)


def test_points_outside_the_image_are_refused():
    with pytest.raises(InputError, match=r"point 2 is at \(24, 3\), outside"):
        example([(1, 1), (24, 3)])
    with pytest.raises(InputError, match="no finite position"):
        example([(1, np.nan)])
    with pytest.raises(InputError, match="one class for each"):
        Points(np.zeros((2, 2)), ("a",))
    with pytest.raises(InputError, match="3 coordinates"):
        example([(1, 1, 1)])


def test_a_radius_must_be_positive():
    with pytest.raises(InputError, match="above 0"):
        draw_disks(np.zeros((1, 2)), np.array([1]), SHAPE, radius=0)


def test_patches_show_the_disks():
    cells = example([(8, 8), (18, 20)])
    config = TrainConfig(patch_size=24)
    batch = draw_patches([cells], config=config, count=3)
    assert set(batch.classes.unique().tolist()) == {0, 1}
    assert (batch.weights == 0).any()
