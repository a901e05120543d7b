"""Points in volumes: balls with unknown shells, learned, found again, and compared."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core import workflow
from napari_unet.core.annotation.disks import draw_disks
from napari_unet.core.annotation.points import Points
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.detection import score_points
from napari_unet.core.image import Image
from napari_unet.core.prediction.detect import detect_points, make_points
from napari_unet.core.prediction.segment import Segmentation
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.examples import fit_dimensions, prepare
from napari_unet.core.training.kind import name_point_classes
from napari_unet.core.workflow import Example, Region
from napari_unet.fine_tuned import fine_tune, new_settings

SHAPE = (12, 16, 18)
SMALL = NetworkConfig(dimensions=3, base_channels=4, levels=2, levels_z=1)
QUICK = PRESETS["fast-3d"].training.replaced(
    seconds=None, iterations=60, patch_size=48, patch_depth=16, learning_rate=0.01
)


@st.composite
def marked(draw):
    """A few points of two classes, some of them at the same place."""
    place = st.tuples(*(st.integers(0, 2 * n - 2).map(lambda i: i / 2) for n in SHAPE))
    places = draw(st.lists(place, min_size=1, max_size=6))
    classes = draw(
        st.lists(st.integers(1, 2), min_size=len(places), max_size=len(places))
    )
    return np.array(places, float), np.array(classes)


def distances(positions, sizes, shape=SHAPE):
    """Return how far each pixel is from each point, by brute force, (N, Z, Y, X)."""
    grid = np.indices(shape).reshape(3, -1).T
    apart = (grid[None] - np.array(positions)[:, None]) * sizes
    return np.linalg.norm(apart, axis=2).reshape(-1, *shape)


@pytest.mark.parametrize(("along_z", "voxels"), [(1.0, 33), (2.0, 15), (5.0, 13)])
def test_a_point_is_a_ball_in_pixels_along_x(along_z, voxels):
    sizes = (along_z, 1, 1)
    target = draw_disks(
        np.array([[6.0, 8, 9]]), np.array([1]), SHAPE, radius=2, pixel_size=sizes
    )
    [apart] = distances([(6, 8, 9)], sizes)
    assert np.array_equal(target.classes, apart <= 2)
    assert np.array_equal(target.known, (apart <= 2) | (apart > 4))
    assert int(target.classes.sum()) == voxels


@given(marked(), st.sampled_from([1, 2, 3.5]), st.sampled_from([1.0, 2.5]))
def test_each_pixel_goes_to_the_nearest_point_or_is_background(points, radius, along_z):
    positions, classes = points
    if len(np.unique(np.round(positions), axis=0)) < len(positions):
        return  # points that share a pixel must give way
    sizes = (along_z, 1, 1)
    target = draw_disks(positions, classes, SHAPE, radius=radius, pixel_size=sizes)
    nearest = distances(positions, sizes).min(axis=0)
    clear = abs(nearest - 2 * radius) > 1e-9  # rounding decides on the sphere itself
    assert np.array_equal((target.labels > 0)[clear], (nearest <= 2 * radius)[clear])
    assert target.known[clear & (nearest > 2 * radius)].all()
    assert (nearest[~target.known] > radius - 1e-9).all()


@given(marked(), st.sampled_from([0.5, 2]), st.sampled_from([1, 2]))
def test_no_point_vanishes(points, radius, border):
    positions, classes = points
    target = draw_disks(
        positions, classes, SHAPE, radius=radius, separation_border=border
    )
    drawn = np.unique(target.labels[target.classes > 0])
    assert drawn.tolist() == list(range(1, len(positions) + 1))


def test_close_points_of_two_planes_stay_two_pieces():
    positions = np.array([[4.0, 8, 8], [7.0, 8, 8]])
    target = draw_disks(positions, np.array([1, 1]), SHAPE, radius=2)
    assert ndimage.label(target.classes)[1] == 2
    assert (target.known & (target.classes == 0))[4:8, 8, 8].any()


def test_a_wrong_pixel_size_is_refused():
    with pytest.raises(InputError, match="3 axes"):
        draw_disks(np.zeros((1, 3)), np.array([1]), SHAPE, pixel_size=(1, 1))


def test_a_ball_in_probabilities_becomes_its_weighted_centre():
    rng = np.random.default_rng(0)
    foreground = np.zeros(SHAPE)
    foreground[2:5, 3:6, 4:7] = rng.uniform(0.5, 1, (3, 3, 3))
    foreground[9, 12:14, 10] = 0.75
    probabilities = np.stack([1 - foreground, foreground])
    found = detect_points(probabilities)
    centre = ndimage.center_of_mass(foreground * (np.arange(12) < 6)[:, None, None])
    np.testing.assert_allclose(found.positions, [centre, (9, 12.5, 10)])
    np.testing.assert_allclose(found.confidence[1], 0.75)
    part = (slice(100, 116), slice(30, 48))
    planes = tuple(range(5, 17))
    volume = make_points(Segmentation(probabilities, part, planes, volume=True))
    np.testing.assert_allclose(
        volume.positions, found.positions + np.array([5, 100, 30])
    )
    by_plane = make_points(Segmentation(probabilities, part, planes))
    assert len(by_plane) == 4


@given(st.integers(0, 2**31), st.integers(2, 3))
def test_detection_agrees_with_a_slow_one(seed, classes):
    rng = np.random.default_rng(seed)
    probabilities = np.moveaxis(rng.dirichlet(np.ones(classes), (4, 5, 6)), -1, 0)
    found = detect_points(probabilities)
    labels, count = ndimage.label(1 - probabilities[0] >= 0.5)
    assert len(found) == count
    for piece in range(1, count + 1):
        mask = labels == piece
        number = 1 + int(np.argmax([p[mask].sum() for p in probabilities[1:]]))
        centre = ndimage.center_of_mass(probabilities[number] * mask)
        np.testing.assert_allclose(found.positions[piece - 1], centre)
        assert found.classes[piece - 1] == number


def test_distances_count_in_pixels_along_x():
    predicted, true = np.array([[2.0, 5, 5]]), np.array([[4.0, 5, 5]])
    assert score_points(predicted, true).f1 == 1
    assert score_points(predicted, true, pixel_size=(2, 1, 1)).f1 == 0
    assert score_points(predicted, true, pixel_size=(1.5, 1, 1)).f1 == 1
    known = np.zeros(SHAPE, bool)
    known[:4] = True
    scores = score_points(predicted, np.array([[9.0, 9, 9]]), known=known)
    assert (scores.objects_true, scores.objects_predicted) == (0, 1)


def spots(seed=0, shape=(20, 60, 60)):
    """Return a volume of bright blobs, planes twice as far apart as pixels; places."""
    rng = np.random.default_rng(seed)
    centres = itertools.product((5, 14), (10, 30, 50), (10, 30, 50))
    places = np.array(list(centres)) + rng.uniform(-1.5, 1.5, (18, 3))
    grid = np.indices(shape)
    grey = rng.normal(50, 8, shape)
    for place in places:
        apart = grid - place[:, None, None, None]
        apart[0] *= 2
        grey += 100 * np.exp(-(apart**2).sum(axis=0) / 14)
    image = Image(grey[None].astype(np.float32), (2.0, 1.0, 1.0), f"v{seed}")
    return image, places


def example(image, places, **options):
    return Example(
        image,
        np.zeros(image.shape, np.uint8),
        points=Points(places, ("object",) * len(places)),
        **options,
    )


def test_volumes_with_points_are_learned_and_found_again(tmp_path):
    torch.manual_seed(0)
    steps = workflow.fine_tune(
        [example(*spots())],
        tmp_path / "model",
        config=QUICK,
        settings=ModelSettings(network=SMALL),
    )
    trained = workflow.run(steps)
    assert trained.model.settings.annotation == "points"
    assert trained.model.settings.pixel_sizes_um == (2, 1, 1)
    image, places = spots(1)
    segmentation = workflow.run(workflow.segment(image, trained.model))
    found = make_points(segmentation, trained.model.settings.objects)
    scores = score_points(found.positions, places, pixel_size=(2, 1, 1))
    assert scores.f1 > 0.85
    assert trained.after.f1 > 0.6


def test_balls_are_prepared_at_the_models_pixel_size():
    image, places = spots()
    settings = name_point_classes(
        ModelSettings(network=SMALL), [example(image, places)], 2
    )
    # A quarter of a ball of 33 px, whose pixels are twice as long along Z.
    assert settings.objects.min_size == round(4 / 3 * np.pi * 8 / 2 / 4)
    same = settings.replaced(pixel_size_um=1, pixel_size_z_um=2)
    prepared = prepare(example(image, places), same)
    apart = distances(places, (2, 1, 1), image.shape).min(axis=0)
    assert np.array_equal(prepared.target.classes > 0, apart <= 2)
    finer = settings.replaced(pixel_size_um=1, pixel_size_z_um=1)
    prepared = prepare(example(image, places), finer)
    assert prepared.target.classes.shape == (40, 60, 60)
    scaled = (places + 0.5) * (2, 1, 1) - 0.5
    np.testing.assert_allclose(prepared.points.positions, scaled)


def test_a_network_of_planes_learns_from_the_marked_planes():
    image, _ = spots()
    places = np.array([[3.0, 5, 6], [3.4, 20, 20], [7.0, 9, 9]])
    region = Region((9, 0, 0), (10, 60, 60))
    planes = fit_dimensions([example(image, places, regions=(region,))], 2)
    assert [plane.image.name for plane in planes] == ["v0 [3]", "v0 [7]", "v0 [9]"]
    assert [len(plane.points) for plane in planes] == [2, 1, 0]


def test_a_model_of_points_is_tuned_from_the_dock(tmp_path):
    """The dock says "objects" beside points, too: they name their own classes."""
    image, places = spots()
    settings = new_settings(
        image, SMALL, class_names=("background", "object"), annotation="objects"
    )
    quick = QUICK.replaced(iterations=1, batch_size=1)
    start = None
    for name in ("first", "second"):
        steps = fine_tune(
            [example(image, places)],
            tmp_path / name,
            start_from=start,
            settings=settings,
            config=quick,
        )
        model, start = workflow.run(steps).model, tmp_path / name
    assert model.settings.annotation == "points"
    assert model.card.started_from == "first"
