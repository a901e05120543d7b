"""The pixel size of a new model: that of the images, or one that was chosen."""

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.annotation.target import Example
from napari_unet.core.card import read_manifest
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.training.examples import complete_settings, prepare
from napari_unet.core.training.pixel_size import complete_pixel_size, pixel_size_options
from napari_unet.core.workflow import draw_patches, fine_tune, run

PLANE = ModelSettings(network=NetworkConfig(base_channels=2, levels=1))
VOLUME = ModelSettings(
    network=NetworkConfig(base_channels=2, levels=1, levels_z=1, dimensions=3)
)


def example(*sizes, shape=(40, 60)):
    labels = np.zeros(shape, int)
    labels[..., 8:24, 10:30] = 1
    grey = (labels * 200).astype(np.uint8)[None]
    return Example(Image(grey, sizes or None, "cells"), labels)


def test_by_default_it_is_the_median_of_the_images():
    examples = [example(0.4, 0.4), example(0.5, 0.5), example(2.0, 2.0)]
    assert complete_pixel_size(PLANE, examples).pixel_size_um == 0.5
    assert complete_pixel_size(PLANE, [*examples, example()]).pixel_size_um is None


def test_what_was_chosen_stays_and_the_images_are_brought_to_it():
    settings = PLANE.replaced(pixel_size_um=1.0)
    completed = complete_settings(settings, [example(0.5, 0.5)], new=True)
    assert completed.pixel_size_um == 1.0
    assert prepare(example(0.5, 0.5), completed).target.labels.shape == (20, 30)


def test_of_a_volume_each_of_the_two_can_be_chosen():
    stack = example(3.0, 0.5, 0.5, shape=(4, 40, 60))
    one = complete_pixel_size(VOLUME.replaced(pixel_size_um=1.0), [stack])
    assert one.pixel_sizes_um == (3.0, 1.0, 1.0)
    other = complete_pixel_size(VOLUME.replaced(pixel_size_z_um=1.5), [stack])
    assert other.pixel_sizes_um == (1.5, 0.5, 0.5)


def test_it_needs_to_know_the_pixel_size_of_every_image():
    settings = PLANE.replaced(pixel_size_um=1.0)
    with pytest.raises(InputError, match="pixel size of 'cells' is unknown"):
        complete_pixel_size(settings, [example(0.5, 0.5), example()])


def test_one_out_of_proportion_is_refused():
    settings = PLANE.replaced(pixel_size_um=0.01)
    with pytest.raises(InputError, match="rescaling would make"):
        complete_pixel_size(settings, [example(0.5, 0.5)])


def test_single_planes_have_no_distance():
    with pytest.raises(InputError, match="networks of volumes"):
        complete_pixel_size(PLANE.replaced(pixel_size_z_um=1.0), [example(0.5, 0.5)])


def test_the_command_that_repeats_a_training_names_the_pixel_size(tmp_path):
    assert pixel_size_options(PLANE) == []
    config = TrainConfig(iterations=1, seconds=None, patch_size=16, batch_size=1)
    for name, settings in {
        "chosen": PLANE.replaced(pixel_size_um=0.25),
        "of the images": PLANE,
    }.items():
        steps = fine_tune(
            [example(0.5, 0.5)],
            tmp_path / name,
            config=config,
            settings=settings,
            device="cpu",
        )
        run(steps)
    chosen, images = (
        read_manifest(tmp_path / name) for name in ("chosen", "of the images")
    )
    assert chosen.settings.pixel_size_um == 0.25
    assert "--pixel-size 0.25" in chosen.card.command
    assert images.settings.pixel_size_um == 0.5
    assert "--pixel-size 0.5" in images.card.command
    said = (tmp_path / "of the images" / "README.md").read_text()
    assert "The files must know their pixel size" in said


def test_previewed_patches_have_the_chosen_pixel_size():
    config = TrainConfig(patch_size=16)
    config = config.replaced(
        augmentation=config.augmentation.replaced(sharp=1, flip=False).model_dump()
    )
    seen = [
        draw_patches(
            [replace(example(0.5, 0.5), annotation=_whole())],
            config=config,
            settings=PLANE.replaced(pixel_size_um=size),
            count=2,
        )
        for size in (0.5, 2.0)
    ]
    # At 2 µm the object of 20 px is 5 px wide: a patch of 16 px sees its ends.
    assert (seen[0].classes > 0).float().mean() > (seen[1].classes > 0).float().mean()


def _whole():
    labels = np.zeros((40, 60), int)
    labels[8:24, 10:30] = 1
    return labels
