"""The command in a model folder names all that a training was told."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import Card, Manifest, StoredFile, describe
from napari_unet.core.checkpoint import save_regions
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.training.command import repeat_command
from napari_unet.core.training.values import pair_images
from napari_unet.formats.geojson import read_regions

FOLDER = Path("models") / "my model"
PLAIN = Example(Image(np.zeros((1, 6, 6)), None, "a"), np.eye(6, dtype=int))


def command(*examples, settings=None, start_from=None):
    return repeat_command(
        FOLDER, examples, settings or ModelSettings(), TrainConfig(seed=3), start_from
    )


def test_a_plain_training():
    file = FOLDER / "training.json"
    assert command(PLAIN) == (
        f'napari-unet train IMAGES LABELS --model NEW_MODEL --config "{file}" --seed 3'
    )


def test_regions_ignored_ground_classes_and_validation_images_are_named():
    inside = replace(PLAIN, regions=(Region((0, 0), (3, 3)),))
    assert f'--regions "{FOLDER / "regions"}"' in command(PLAIN, inside)
    assert "--ignore-label" not in command(replace(PLAIN, ignore_label=65535))
    assert "--ignore-label 1" in command(replace(PLAIN, ignore_label=1))
    held = replace(PLAIN, role="validation")
    assert "--validation-images IMAGES2" in command(PLAIN, held)
    assert '--start-from "old one"' in command(PLAIN, start_from="old one")
    classes = ModelSettings(annotation="classes")
    assert "--annotation classes" in command(PLAIN, settings=classes)


def test_targets_are_named_where_another_image_is_learned():
    grey = Image(np.zeros((1, 6, 6)), None, "a")
    pair, held = pair_images(grey, grey), pair_images(grey, grey, role="validation")
    network = NetworkConfig(head="regression")
    settings = ModelSettings(annotation="values", network=network)
    said = command(pair, held, settings=settings, start_from="denoiser")
    assert said.startswith("napari-unet train IMAGES TARGETS --model NEW_MODEL")
    assert '--start-from "denoiser" --annotation values' in said
    assert "--validation-images IMAGES2 --validation-labels TARGETS2" in said
    file = StoredFile(name="w", bytes=1, sha256="0")
    manifest = Manifest(settings=settings, card=Card(command=said), weights=file)
    text = describe(manifest)
    assert "IMAGES and TARGETS are folders" in text
    assert "annotations" not in text


def test_channels_are_named_where_they_are_positions_in_files():
    assert "--channels 0,2 " in command(
        PLAIN, settings=ModelSettings(channels=(0, 2), planes_as_channels=True)
    )
    layers = ModelSettings(channels=("my nuclei", "cells"))
    assert "--channels" not in command(PLAIN, settings=layers)


def test_the_card_says_that_layers_must_be_saved_first():
    inside = replace(PLAIN, regions=(Region((0, 0), (3, 3)),))
    card = Card(command=command(inside))
    file = StoredFile(name="w", bytes=1, sha256="0")
    text = describe(Manifest(settings=ModelSettings(), card=card, weights=file))
    assert "must be saved as files first" in text
    assert "equal to those of the files in `regions/`" in text


def test_regions_are_saved_for_each_image_plane_by_plane(tmp_path):
    drawn = (Region((2, 1, 3), (3, 9, 8)), Region((4, 0, 0), (6, 5, 5), "validation"))
    save_regions(tmp_path, {"well A1/t": drawn, "b": (Region((0, 0), (3, 3)),)})
    assert read_regions(tmp_path / "regions" / "well A1_t.geojson", 3) == [
        ((2, 1, 3), (3, 9, 8), "training"),
        ((4, 0, 0), (5, 5, 5), "validation"),
        ((5, 0, 0), (6, 5, 5), "validation"),
    ]
    assert read_regions(tmp_path / "regions" / "b.geojson") == [
        ((0, 0), (3, 3), "training")
    ]
