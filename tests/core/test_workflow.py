"""The verbs of the engine on small synthetic images: train, stop, resume, segment."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import Card, read_manifest
from napari_unet.core.checkpoint import Model, load_last, load_model
from napari_unet.core.config import (
    ModelSettings,
    NetworkConfig,
    TrainConfig,
)
from napari_unet.core.errors import InputError, TrainingDivergedError
from napari_unet.core.image import Image, measure_intensity
from napari_unet.core.network.unet import build_network
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.examples import complete_settings
from napari_unet.core.training.held_back import split_validation
from napari_unet.core.workflow import (
    Preview,
    compute_weight_map,
    draw_patches,
    evaluate,
    fine_tune,
    make_labels,
    segment,
)

SMALL = ModelSettings(network=NetworkConfig(base_channels=4, levels=2))
QUICK = TrainConfig(seconds=None, iterations=6, patch_size=48, batch_size=2)
EXACT = {"device": "cpu", "precision": "float32"}


def discs(seed=0, shape=(96, 112), count=9, size=0.5, channels=1):
    """Bright discs on a noisy background, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for number in range(1, count + 1):
        cy, cx = rng.uniform(8, shape[0] - 8), rng.uniform(8, shape[1] - 8)
        labels[((y - cy) ** 2 + (x - cx) ** 2 < 49) & (labels == 0)] = number
    grey = (labels > 0) * 900 + 300 + rng.normal(0, 60, shape)
    array = np.repeat(grey[None].astype(np.uint16), channels, axis=0)
    return Image(array, (size, size), f"discs{seed}"), labels


def example(seed=0, **options):
    image, labels = discs(seed)
    return Example(image=image, annotation=labels, **options)


def run(steps):
    """Drive a generator to its end; return what it yielded and its result."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def model_of(settings, seed=0):
    return Model(build_network(settings.network, seed=seed).eval(), settings, Card())


def predict(image, model, **options):
    return run(segment(image, model, **EXACT, **options))[1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that finds the discs."""
    config = QUICK.replaced(iterations=60, batch_size=4, learning_rate=5e-3)
    folder = tmp_path_factory.mktemp("models") / "trained"
    examples = [example(0), example(1)]
    steps = fine_tune(examples, folder, config=config, settings=SMALL, **EXACT)
    return run(steps)[1].model


def test_a_short_training_finds_the_objects(trained):
    model = load_model(trained.folder)
    image, labels = discs(5)
    found = make_labels(predict(image, model), model.settings, None)
    assert evaluate(found, labels).iou > 0.7
    assert model.card.trained_on == ("discs0", "discs1")
    assert model.card.scores["f1"] > 0.7
    assert model.card.loss < 0.5


# The others learn from volumes, or from pairs of images.
OF_PLANES = [
    name
    for name, preset in PRESETS.items()
    if preset.network.dimensions == 2 and preset.network.head != "regression"
]


@pytest.mark.parametrize("name", OF_PLANES)
def test_every_preset_trains_and_segments(name, tmp_path):
    preset = PRESETS[name]
    network = preset.network.replaced(base_channels=2)
    config = preset.training.replaced(
        seconds=None, iterations=2, patch_size=64, validations=1
    )
    settings = ModelSettings(network=network, normalisation=preset.normalisation)
    steps = fine_tune(
        [example()], tmp_path / "m", config=config, settings=settings, **EXACT
    )
    model = run(steps)[1].model
    assert np.isfinite(model.card.loss)
    loaded = load_model(tmp_path / "m")
    image, labels = discs(2)
    assert make_labels(predict(image, loaded), loaded.settings).shape == labels.shape


def test_training_is_reproducible_and_resuming_changes_nothing(tmp_path):
    options = {"settings": SMALL, **EXACT}
    _, whole = run(fine_tune([example()], tmp_path / "a", config=QUICK, **options))
    _, again = run(fine_tune([example()], tmp_path / "b", config=QUICK, **options))
    one, two = load_last(tmp_path / "a"), load_last(tmp_path / "b")
    weights = [name for name in one if name.startswith(("network", "optimizer"))]
    for name in weights:
        assert torch.equal(one[name], two[name]), name
    assert whole.loss == again.loss

    steps = fine_tune([example()], tmp_path / "c", config=QUICK, **options)
    while next(steps).iteration < 3:
        pass
    steps.close()
    assert read_manifest(tmp_path / "c").card.iterations == 3
    _, resumed = run(
        fine_tune([example()], tmp_path / "c", config=QUICK, resume=True, **EXACT)
    )
    assert resumed.iterations == 6
    three = load_last(tmp_path / "c")
    for name in weights:
        assert torch.equal(one[name], three[name]), name


def test_stopping_saves_the_best_and_the_last(tmp_path):
    config = QUICK.replaced(iterations=1000, validations=1000)
    steps = fine_tune([example()], tmp_path / "m", config=config, settings=SMALL)
    for progress in steps:
        if progress.iteration >= 4 and progress.validation is not None:
            break
    steps.close()
    manifest = read_manifest(tmp_path / "m")
    assert manifest.card.iterations == progress.iteration
    assert manifest.card.scores is not None
    assert manifest.last is not None
    assert load_model(tmp_path / "m").network.training is False


def test_time_is_kept_validation_included(tmp_path):
    config = QUICK.replaced(iterations=None, seconds=2.0)
    seen, result = run(
        fine_tune([example()], tmp_path / "m", config=config, settings=SMALL)
    )
    assert result.iterations > 2
    assert 1.5 < result.seconds < 3.5
    assert seen[-1].validation is not None


def test_a_diverging_training_keeps_the_last_good_weights(tmp_path):
    config = QUICK.replaced(
        optimizer="sgd", learning_rate=1000, momentum=0.99, iterations=400,
        schedule="constant",
    )  # fmt: skip
    settings = SMALL.replaced(
        network=SMALL.network.replaced(norm="none").model_dump(), normalisation="none"
    )
    with pytest.raises(TrainingDivergedError, match="learning rate 1000 is probably"):
        run(fine_tune([example()], tmp_path / "m", config=config, settings=settings))
    for name, value in load_model(tmp_path / "m").network.state_dict().items():
        assert torch.isfinite(value).all(), name


def test_a_model_that_only_gets_worse_is_not_kept(tmp_path, trained):
    wild = QUICK.replaced(optimizer="sgd", learning_rate=40, schedule="constant")
    _, result = run(
        fine_tune([example(0), example(1)], tmp_path / "worse", config=wild,
                  start_from=trained, **EXACT)
    )  # fmt: skip
    assert result.before.as_dict() == trained.card.scores
    assert result.after == result.before
    kept, old = result.model.network.state_dict(), trained.network.state_dict()
    assert all(torch.equal(kept[name], old[name]) for name in old)


def test_the_view_is_predicted_while_it_learns(tmp_path):
    image, _ = discs()
    crop = Preview(Image(image.array[:, 10:50, 20:90]), measure_intensity(image))
    seen, _ = run(
        fine_tune([example()], tmp_path / "m", config=QUICK, settings=SMALL,
                  preview=lambda: crop)
    )  # fmt: skip
    shown = [p.preview for p in seen if p.preview is not None]
    assert shown
    assert shown[0].shape == (40, 70)


def squares(size, count=6):
    """An example of squares of `size` pixels along each side."""
    labels = np.zeros((80, 40 * count), np.int32)
    for number in range(count):
        left = 40 * number + 4
        labels[10 : 10 + size, left : left + size] = number + 1
    grey = labels > 0
    return Example(image=Image(grey[None].astype(np.uint8)), annotation=labels)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([30], 225),  # a quarter of the smallest
        ([30, 12], 36),
        ([6], 9),  # all are small: smaller than the usual 20 px must be possible
        ([10], 25),
    ],
)
def test_what_counts_as_an_object_follows_the_annotated_sizes(sizes, expected):
    examples = [squares(size) for size in sizes]
    settings = complete_settings(SMALL, examples, new=True)
    assert settings.objects.min_size == expected
    kept = complete_settings(SMALL, examples, new=False)
    assert kept.objects.min_size == SMALL.objects.min_size


def test_validation_is_held_back_where_none_is_given():
    training, validation = split_validation([example(0), example(1)])
    assert [e.image.name for e in validation] == ["discs1"]
    (rest,), (held,) = training[1].regions, validation[0].regions
    assert rest.stop[1] == held.start[1]
    assert held.stop == (96, 112)
    assert training[0].regions == ()


def test_validation_regions_and_images_are_taken_where_given():
    inside = Region((0, 0), (40, 40), "training")
    outside = Region((50, 50), (90, 90), "validation")
    training, validation = split_validation([example(regions=(inside, outside))])
    assert training[0].regions == (inside,)
    assert validation[0].regions == (outside,)
    training, validation = split_validation([example(0), example(1, role="validation")])
    assert [e.image.name for e in training] == ["discs0"]
    assert [e.image.name for e in validation] == ["discs1"]


def test_nothing_is_held_back_of_too_little():
    image, labels = discs(count=2)
    training, validation = split_validation([Example(image=image, annotation=labels)])
    assert validation == []
    assert len(training) == 1


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_part_gives_the_same_as_the_whole(padding):
    settings = SMALL.replaced(
        network=SMALL.network.replaced(padding=padding).model_dump()
    )
    image, model = discs(2)[0], model_of(settings)
    whole = predict(image, model).probabilities
    box = (slice(13, 60), slice(37, 101))
    part = predict(image, model, box=box).probabilities
    np.testing.assert_allclose(part, whole[:, *box], atol=1e-5)


def test_another_pixel_size_is_rescaled_and_brought_back(trained):
    settings = SMALL.replaced(pixel_size_um=0.5)
    model = replace(trained, settings=settings)
    image, _ = discs(3)
    double = np.kron(image.array, np.ones((1, 2, 2), np.uint16))
    fine = Image(double, (0.25, 0.25))
    whole = predict(fine, model).probabilities
    assert whole.shape[1:] == (192, 224)
    coarse = predict(image, model).probabilities
    assert np.mean(np.abs(whole[:, ::2, ::2] - coarse)) < 0.03
    box = (slice(31, 150), slice(64, 203))
    part = predict(fine, model, box=box).probabilities
    np.testing.assert_allclose(part, whole[:, *box], atol=1e-4)


def test_tiles_of_a_rescaled_image_cover_it_once(trained):
    model = replace(trained, settings=SMALL.replaced(pixel_size_um=0.35))
    image, _ = discs(3)
    covered = np.zeros(image.shape, int)
    seen, result = run(segment(image, model, tile=64, **EXACT))
    for part in seen:
        covered[part.box] += 1
        assert part.foreground.shape == covered[part.box].shape
    assert (covered == 1).all()
    assert seen[-1].done == seen[-1].total > 1
    shown = np.zeros(image.shape)
    for part in seen:
        shown[part.box] = part.foreground
    assert np.abs(shown - (1 - result.probabilities[0])).mean() < 0.05


def test_planes_are_segmented_one_by_one_with_the_statistics_of_all():
    image, _ = discs(4)
    stack = Image(np.stack([image.array, image.array // 2], axis=1), (1.0, 0.5, 0.5))
    model = model_of(SMALL)
    both = predict(stack, model)
    assert both.probabilities.shape == (2, 2, 96, 112)
    assert both.planes == (0, 1)
    second = predict(stack, model, planes=[1])
    np.testing.assert_allclose(
        second.probabilities[:, 0], both.probabilities[:, 1], atol=1e-6
    )
    assert make_labels(both, SMALL, None).shape == (2, 96, 112)


def test_an_offset_of_the_camera_changes_nothing():
    image, _ = discs(6)
    shifted = Image(image.array + 32_768, image.pixel_size_um)
    model = model_of(SMALL)
    np.testing.assert_allclose(
        predict(shifted, model).probabilities,
        predict(image, model).probabilities,
        atol=1e-4,
    )


@pytest.mark.parametrize("shape", [(1, 2), (3, 200), (17, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_tiny_images_are_segmented(shape, dtype):
    image = Image(np.arange(np.prod(shape)).reshape(1, *shape).astype(dtype))
    labels = make_labels(predict(image, model_of(SMALL)), SMALL, None)
    assert labels.shape == shape


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 40), (2, 5, 30, 40)])
def test_an_image_in_which_nothing_can_be_seen_is_refused(shape):
    image = Image(np.full(shape, 7, np.uint8), name="blank")
    settings = SMALL.replaced(network=NetworkConfig(in_channels=shape[0]).model_dump())
    with pytest.raises(InputError, match="'blank' is constant"):
        next(segment(image, model_of(settings)))


def test_rgb_for_a_grey_model_is_refused_and_the_other_way_round(tmp_path):
    rgb = discs(channels=3)[0]
    rgb.array[1] //= 2  # grey that was saved in colour would be read as grey
    with pytest.raises(InputError, match=r"RGB.*but the model was made for grey"):
        next(segment(rgb, model_of(SMALL)))
    model = model_of(SMALL.replaced(network=NetworkConfig(in_channels=3).model_dump()))
    with pytest.raises(InputError, match=r"is a grey image.*RGB"):
        next(segment(discs()[0], model))
    mixed = [example(), Example(image=rgb, annotation=discs()[1])]
    with pytest.raises(InputError, match="the same channels of all images"):
        next(fine_tune(mixed, tmp_path / "m", config=QUICK, settings=SMALL))


def test_a_pixel_size_out_of_proportion_is_refused():
    image = Image(discs()[0].array, (50.0, 50.0), "overview")
    with pytest.raises(InputError, match=r"'overview' has pixels of 50 µm"):
        next(segment(image, model_of(SMALL.replaced(pixel_size_um=0.5))))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((96, 112), int), "are empty: no object is painted"),
        ((discs()[1] > 0).astype(int), "look like a binary mask"),
    ],
)
def test_useless_labels_are_refused_before_anything_is_written(
    tmp_path, labels, message
):
    bad = Example(image=discs()[0], annotation=labels)
    with pytest.raises(InputError, match=message):
        next(fine_tune([bad], tmp_path / "m", config=QUICK))
    assert not (tmp_path / "m").exists()


def test_objects_outside_the_regions_do_not_count(tmp_path):
    image, labels = discs()
    labels[:40] = 0
    outside = Example(image, labels, (Region((0, 0), (30, 112)),))
    with pytest.raises(InputError, match="no object is painted in their regions"):
        next(fine_tune([outside], tmp_path / "m", config=QUICK, settings=SMALL))
    image, labels = discs()
    some = Example(image, labels, (Region((0, 0), (50, 112)),))
    _, result = run(fine_tune([some], tmp_path / "m", config=QUICK, settings=SMALL))
    inside = len(np.unique(labels[:50])) - 1
    assert result.model.card.objects == inside < labels.max()


def test_one_object_is_enough_to_train(tmp_path):
    image, labels = discs(count=1)
    lonely = Example(image=image, annotation=labels)
    _, result = run(fine_tune([lonely], tmp_path / "m", config=QUICK, settings=SMALL))
    assert result.after is None
    assert result.iterations == 6


def test_the_model_learns_its_pixel_size_and_channels(tmp_path):
    image, labels = discs(size=0.33, channels=3)
    _, result = run(
        fine_tune([Example(image=image, annotation=labels)], tmp_path / "m",
                  config=QUICK, settings=SMALL)
    )  # fmt: skip
    assert result.model.settings.pixel_size_um == pytest.approx(0.33)
    assert result.model.settings.network.in_channels == 3


def test_classes_are_learned_as_classes(tmp_path):
    image, labels = discs()
    classes = np.where(labels > 4, 2, np.minimum(labels, 1))
    settings = ModelSettings(
        network=NetworkConfig(base_channels=4, levels=2, classes=3),
        annotation="classes", class_names=("background", "a", "b"),
    )  # fmt: skip
    _, result = run(
        fine_tune([Example(image=image, annotation=classes)], tmp_path / "m",
                  config=QUICK, settings=settings)
    )  # fmt: skip
    labels = make_labels(predict(image, result.model), settings, None)
    assert set(np.unique(labels)) <= {0, 1, 2}


def test_evaluate_refuses_different_shapes():
    with pytest.raises(InputError, match=r"\(3, 3\).*\(4, 4\)"):
        evaluate(np.zeros((3, 3), int), np.zeros((4, 4), int))


def test_the_weight_map_of_an_annotation_knows_regions_and_ignored_ground():
    _, labels = discs()
    labels[0, 0] = 99
    region = Region((0, 0), (40, 112))
    weights = compute_weight_map(labels, regions=[region], ignore_label=99)
    assert weights.dtype == np.float32
    assert weights[0, 0] == 0
    assert not weights[40:].any()
    far = weights[1:20, 20:] > 0  # from what unknown ground may hide
    assert far.all()
    assert (weights[:40][(labels[:40] > 0) & (labels[:40] != 99)] > 0).any()


def test_sparse_annotation_leaves_background_to_learn_from():
    """Around a few cells unseen ones could change all weights; they are kept then."""
    image, labels = discs()
    near = ndimage.distance_transform_edt(labels == 0) < 6
    painted = np.where(near, labels, 99)
    sparse = Example(image, painted, ignore_label=99)
    config = TrainConfig(iterations=1, seconds=None, patch_size=96)
    batch = draw_patches([sparse], config=config, count=4)
    counts = batch.weights > 0
    background = (batch.classes == 0) & counts
    assert background.sum() > 0.3 * counts.sum()
    assert batch.weights.max() < 5  # no ridges
    whole = draw_patches([Example(image, labels)], config=config, count=4)
    assert whole.weights.max() > 5
