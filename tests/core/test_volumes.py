"""Volumes, from annotation to objects, with a 3D network."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_unet.core import workflow
from napari_unet.core.config import NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network, parameter_count
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.examples import fit_dimensions
from napari_unet.core.workflow import Example, Region

SMALL = NetworkConfig(dimensions=3, base_channels=4, levels=2, levels_z=1)
SETTINGS = workflow.ModelSettings(network=SMALL)
QUICK = PRESETS["fast-3d"].training.replaced(
    seconds=None, iterations=60, patch_size=48, patch_depth=16, learning_rate=0.01
)


def balls(seed=0, shape=(20, 60, 60), radius=(3, 6, 6)):
    """Bright ellipsoids on a lattice with jitter, dark between; and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    grid = np.indices(shape)
    centres = itertools.product((5, 14), (10, 30, 50), (10, 30, 50))
    for number, centre in enumerate(centres, start=1):
        at = np.array(centre) + rng.uniform(-1, 1, 3)
        offset = (grid - at[:, None, None, None]) / np.reshape(radius, (3, 1, 1, 1))
        labels[(offset**2).sum(axis=0) < 1] = number
    grey = ndimage.gaussian_filter((labels > 0).astype(float), 0.7)
    image = 50 + 100 * grey + rng.normal(0, 10, shape)
    return Image(image[None].astype(np.float32), (2.0, 1.0, 1.0), f"v{seed}"), labels


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    torch.manual_seed(0)
    image, labels = balls()
    folder = tmp_path_factory.mktemp("models") / "volumes"
    steps = workflow.fine_tune(
        [Example(image, labels)], folder, config=QUICK, settings=SETTINGS
    )
    return workflow.run(steps).model


def test_objects_of_another_volume_are_found(trained):
    image, labels = balls(seed=1)
    segmentation = workflow.run(workflow.segment(image, trained))
    assert segmentation.volume
    assert segmentation.spacing == image.pixel_size_um  # widths of waists in µm
    found = workflow.make_labels(segmentation, trained.settings)
    assert found.shape == labels.shape
    scores = workflow.score_labels(found, labels)
    assert scores.f1 > 0.9
    assert trained.card.scores["f1"] > 0.5


def test_each_tile_has_the_probabilities_of_each_class():
    network = SMALL.replaced(classes=3)
    names = ("background", "nucleus", "cytoplasm")
    settings = SETTINGS.replaced(network=network.model_dump(), class_names=names)
    model = workflow.Model(build_network(network, seed=1), settings)
    image, _ = balls()
    steps = workflow.segment(image, model, tile=72, precision="float32")
    canvas = np.full((3, *image.shape), np.nan)
    for step in steps:
        canvas[(slice(None), *step.box)] = step.probabilities
        np.testing.assert_array_equal(step.foreground, 1 - step.probabilities[0])
    assert step.total > 1
    whole = workflow.run(workflow.segment(image, model, precision="float32"))
    np.testing.assert_allclose(canvas, whole.probabilities, atol=1e-5)


def test_a_model_of_volumes_knows_both_pixel_sizes(trained):
    reloaded = workflow.load_model(trained.folder)
    assert reloaded.settings.pixel_sizes_um == (2.0, 1.0, 1.0)


def test_a_part_of_a_volume_comes_out_as_in_the_whole(trained):
    image, _ = balls(seed=2)
    whole = workflow.run(workflow.segment(image, trained, precision="float32"))
    box = (slice(7, 40), slice(11, 33))
    part = workflow.run(
        workflow.segment(image, trained, box=box, planes=[6, 9], precision="float32")
    )
    assert part.planes == (6, 7, 8, 9)
    np.testing.assert_allclose(
        part.probabilities, whole.probabilities[:, 6:10, *box], atol=1e-4
    )


def test_another_distance_of_planes_is_rescaled(trained):
    image, labels = balls(seed=1)
    thick = Image(image.array[:, ::2], (4.0, 1.0, 1.0), "thick")
    segmentation = workflow.run(workflow.segment(thick, trained))
    assert segmentation.probabilities.shape == (2, 10, 60, 60)
    found, true = segmentation.probabilities[1] > 0.5, labels[::2] > 0
    assert (found & true).sum() > 0.6 * (found | true).sum()


def test_planes_and_volumes_are_not_confused(trained):
    image, labels = balls()
    with pytest.raises(InputError, match=r"'v0' is a single plane.*made for volumes"):
        workflow.run(workflow.segment(image.plane(3), trained))
    plane = Example(image.plane(3), labels[3])
    with pytest.raises(InputError, match=r"'v0' is a single.*learns from volumes"):
        fit_dimensions([plane], 3)


def test_a_stack_teaches_a_network_of_planes_its_annotated_planes():
    image, labels = balls()
    sparse = np.zeros_like(labels)
    sparse[4], sparse[14] = labels[4], labels[14]
    region = Region((7, 0, 0), (8, 30, 30))
    planes = fit_dimensions([Example(image, sparse, (region,))], 2)
    assert [p.image.name for p in planes] == ["v0 [4]", "v0 [7]", "v0 [14]"]
    assert [p.regions for p in planes] == [(), (Region((0, 0), (30, 30)),), ()]
    np.testing.assert_array_equal(planes[0].annotation, labels[4])


def test_a_volume_without_regions_is_annotated_everywhere():
    image, labels = balls()
    sparse = np.zeros_like(labels)
    sparse[4:6] = labels[4:6]
    (fitting,) = fit_dimensions([Example(image, sparse)], 3)
    assert fitting.regions == ()


def test_a_region_needs_the_axes_of_its_image():
    image, labels = balls()
    with pytest.raises(InputError, match="region of 'v0' has 2 axes, the image 3"):
        Example(image, labels, (Region((0, 0), (5, 5)),))


def test_patches_of_volumes_are_deformed_with_their_truth():
    image, labels = balls()
    config = QUICK.replaced(augmentation={"noise": 0, "brightness": 0, "contrast": 0})
    batch = workflow.draw_patches(
        [Example(image, labels)], config=config, settings=SETTINGS, count=4
    )
    assert batch.image.shape == (4, 1, 16, 48, 48)
    assert batch.classes.shape == batch.weights.shape == (4, 16, 48, 48)
    bright = batch.image[:, 0] > 0
    agree = (bright == (batch.classes > 0)).float().mean()
    assert agree > 0.95


def test_valid_volumes_have_smaller_targets():
    image, labels = balls(shape=(20, 60, 60))
    settings = workflow.ModelSettings(
        network=SMALL.replaced(padding="valid", levels=1, levels_z=0)
    )
    config = TrainConfig(iterations=1, seconds=None, patch_size=40, patch_depth=9)
    batch = workflow.draw_patches(
        [Example(image, labels)], config=config, settings=settings, count=1
    )
    depth, edge = batch.image.shape[2], batch.image.shape[3]
    assert batch.classes.shape == (1, depth - 4, edge - 16, edge - 16)


def test_parameters_of_a_volume_network():
    """A 3x3x3 kernel has three times the weights of a 3x3 one."""
    flat = parameter_count(build_network(NetworkConfig(norm="none")))
    same = NetworkConfig(norm="none", dimensions=3, levels_z=4)
    network = build_network(same)
    assert sum(p.numel() for n, p in network.named_parameters() if p.ndim == 1) == sum(
        p.numel()
        for p in build_network(NetworkConfig(norm="none")).parameters()
        if p.ndim == 1
    )
    kernels = 3 * sum(
        p.numel()
        for p in build_network(NetworkConfig(norm="none")).parameters()
        if p.shape[2:] == (3, 3)
    )
    assert kernels == sum(
        p.numel() for p in network.parameters() if p.shape[2:] == (3, 3, 3)
    )
    assert parameter_count(network) > 2.5 * flat


def test_fine_levels_look_at_single_planes():
    network = build_network(SMALL, seed=0)
    lengths = [p.shape[2] for p in network.contracting.parameters() if p.ndim == 5]
    assert lengths == [1, 1, 3, 3, 3, 3]


def test_more_levels_along_z_than_in_all_are_refused():
    with pytest.raises(ValueError, match=r"`levels_z` is 3, but .* only 2 levels"):
        NetworkConfig(dimensions=3, levels=2, levels_z=3)
