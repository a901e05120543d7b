"""The starter models that come with the program: whole, small, described, and good."""

import re

import numpy as np
import pytest

import napari_unet as nu
from napari_unet.core.card import read_manifest
from napari_unet.core.image import measure_intensity
from napari_unet.core.look import measure_look
from napari_unet.core.model_folders import STARTERS, STARTERS_FOLDER, list_starters
from napari_unet.samples import fluorescence_nuclei, phase_contrast_cells

FOLDERS = [STARTERS_FOLDER / name for name in STARTERS]
OPEN_LICENCES = ("CC0", "MIT")


def image_of(sample):
    grey = sample.image[np.newaxis].astype(np.float32)
    return nu.Image(grey, sample.pixel_size_um, "sample")


def test_all_that_are_named_are_there():
    assert [path.name for path, _ in list_starters()] == list(STARTERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_starter_is_whole_and_small_and_has_nothing_of_its_maker(folder):
    assert nu.load_model(folder).card.name == folder.name
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8e6
    assert len(list(folder.glob("*.safetensors"))) == 1
    for path in files:
        if path.suffix != ".safetensors":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"/(tmp|work|home|root|Users)/", text), path.name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_starter_says_what_one_must_know(folder):
    manifest = read_manifest(folder)
    notes, seen = manifest.card.notes, manifest.settings.seen
    assert notes.purpose
    assert notes.made_for
    assert notes.data
    assert notes.known_failures
    assert notes.recipe
    assert any(licence in notes.licence for licence in OPEN_LICENCES)
    assert len(notes.held_out) >= 1
    assert notes.headline.startswith("F1 ")
    assert seen is not None
    assert seen.diameters_px is not None
    # Else measure them: benchmarks/starter_models/measure_seen.py.
    image = image_of(fluorescence_nuclei((64, 64), seed=1))
    assert set(seen.looks) == set(measure_look(image, measure_intensity(image), (1, 1)))


@pytest.mark.parametrize(
    ("make", "name", "least"),
    [(fluorescence_nuclei, "nuclei", 0.8), (phase_contrast_cells, "cells-phase", 0.3)],
)
def test_the_starter_that_suits_a_sample_finds_its_objects(make, name, least):
    """Samples are synthetic: no starter has learned from anything like them."""
    sample = make((384, 384), seed=11)
    image = image_of(sample)
    choice = nu.choose_starter(image)
    assert choice.model.card.name == name
    steps = nu.segment(image, choice.model, scale="auto")
    labels = nu.make_labels(nu.run(steps), choice.model.settings)
    assert nu.evaluate(labels, sample.labels).f1 >= least
