"""The synthetic pictures: exact truth, believable counts, the same ones every time."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet import samples
from napari_unet.formats.tiff import read_tiff
from napari_unet.samples import layout
from napari_unet.samples.folder import CONTENTS, write_samples

KINDS = {
    "nuclei": samples.fluorescence_nuclei,
    "cells": samples.phase_contrast_cells,
}
SMALLEST = {"nuclei": 100, "cells": 150}
BITS = {"nuclei": (np.uint16, 4095), "cells": (np.uint8, 255)}
SAMPLE_DATA = Path(__file__).parents[1] / "sample_data"


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def sample(kind):
    return KINDS[kind]((256, 320), seed=7)


def count_touching(labels):
    """Count the objects that share a pixel edge with another one."""
    touching = set()
    for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        contact = (a != b) & (a > 0) & (b > 0)
        touching |= set(a[contact]) | set(b[contact])
    return len(touching)


def assert_truth_is_exact(labels, smallest):
    numbers, areas = np.unique(labels[labels > 0], return_counts=True)
    assert numbers.tolist() == list(range(1, len(numbers) + 1))
    assert areas.min() >= smallest
    for number in numbers:
        assert ndimage.label(labels == number)[1] == 1  # 4-connected


def test_every_object_is_one_numbered_piece_of_some_size(kind, sample):
    assert_truth_is_exact(sample.labels, SMALLEST[kind])


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10**6))
def test_the_truth_is_exact_in_every_field_of_view(kind, seed):
    sample = KINDS[kind]((128, 96), seed=seed)
    if sample.labels.any():
        assert_truth_is_exact(sample.labels, SMALLEST[kind])


def test_the_field_is_crowded_and_most_objects_touch_another(kind, sample):
    assert sample.labels.max() >= {"nuclei": 60, "cells": 20}[kind]
    assert count_touching(sample.labels) > 0.6 * sample.labels.max()
    assert 0.25 < (sample.labels > 0).mean() < 0.75


def test_the_counts_are_those_of_a_camera_that_is_not_saturated(kind, sample):
    dtype, top = BITS[kind]
    assert sample.image.dtype == dtype
    assert sample.labels.dtype == np.uint16
    clipped = (sample.image == 0) | (sample.image >= top)
    assert clipped.mean() < 0.005
    assert np.ptp(np.percentile(sample.image, (1, 99))) > 0.1 * top


def test_the_nuclear_camera_has_an_offset():
    image = samples.fluorescence_nuclei((96, 96), seed=1).image
    assert 100 < image.min() < 200


def test_nuclei_are_brighter_than_background_and_debris():
    sample = samples.fluorescence_nuclei((256, 256), seed=5)
    inside = sample.labels > 0
    numbers = np.arange(1, sample.labels.max() + 1)
    brightness = ndimage.median(sample.image, sample.labels, numbers)
    away = ndimage.distance_transform_edt(~inside) > 4
    assert brightness.min() > np.percentile(sample.image[away], 95)


def test_cells_have_a_bright_halo_and_a_darker_inside():
    sample = samples.phase_contrast_cells((256, 256), seed=5)
    inside = sample.labels > 0
    depth = ndimage.distance_transform_edt(inside)
    outside = ndimage.distance_transform_edt(~inside)
    image = sample.image.astype(float)
    background = np.median(image[outside > 15])
    assert image[(outside > 0) & (outside < 3)].mean() > 1.1 * background
    assert image[depth > 2].mean() < 0.95 * background


def test_the_pixel_size_fits_the_kind(kind, sample):
    assert sample.pixel_size_um == {"nuclei": (0.5, 0.5), "cells": (0.65, 0.65)}[kind]


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(kind):
    first, again, other = (KINDS[kind]((96, 96), seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.image != other.image).any()


@pytest.mark.parametrize("shape", [(63, 200), (200, 0), (100, 100, 100)])
def test_a_picture_too_small_for_an_object_is_refused(kind, shape):
    with pytest.raises(ValueError, match="two sides of at least 64 pixels, got"):
        KINDS[kind](shape)


@pytest.mark.parametrize(
    ("name", "opened", "with_truth"),
    [
        ("Nuclei", samples.open_nuclei, samples.open_nuclei_with_truth),
        ("Cells", samples.open_cells, samples.open_cells_with_truth),
    ],
)
def test_the_viewer_gets_layers_with_a_scale_in_micrometres(name, opened, with_truth):
    [(image, keywords, kind)] = opened()
    assert image.shape == (512, 512)
    assert (keywords["name"], kind) == (name, "image")
    assert keywords["units"] == ("µm", "µm")

    (same, same_keywords, _), (truth, truth_keywords, truth_kind) = with_truth()
    np.testing.assert_array_equal(same, image)
    assert same_keywords == keywords
    assert truth.shape == image.shape
    assert truth_kind == "labels"
    assert truth_keywords["scale"] == keywords["scale"]


@pytest.mark.parametrize("entry", CONTENTS, ids=lambda entry: entry.image.stem)
def test_the_committed_files_hold_what_the_program_makes(entry):
    image = tifffile.imread(SAMPLE_DATA / entry.image)
    labels = tifffile.imread(SAMPLE_DATA / entry.labels)
    made = entry.make()
    np.testing.assert_array_equal(image, made.image)
    np.testing.assert_array_equal(labels, made.labels)
    assert labels.dtype == np.uint16


def test_the_folder_is_written_as_committed(tmp_path):
    entry = CONTENTS[-1]
    written = write_samples(tmp_path, contents=[entry])
    assert written == [tmp_path / entry.image, tmp_path / entry.labels]
    for path in (entry.image, entry.labels):
        made, committed = read_tiff(tmp_path / path), read_tiff(SAMPLE_DATA / path)
        np.testing.assert_array_equal(made.array, committed.array)
        assert made.array.dtype == committed.array.dtype
        assert (
            made.sizes_um == committed.sizes_um == pytest.approx({"Y": 0.65, "X": 0.65})
        )


def test_the_committed_folder_is_small_and_holds_nothing_else():
    files = {p.relative_to(SAMPLE_DATA) for p in SAMPLE_DATA.rglob("*") if p.is_file()}
    made = {path for entry in CONTENTS for path in (entry.image, entry.labels)}
    assert files == made | {Path("README.md")}
    assert sum((SAMPLE_DATA / path).stat().st_size for path in files) < 3_000_000


labels_of_any_kind = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 4, (9, 11)).astype(np.uint16)
)


@given(labels_of_any_kind)
def test_renumbering_follows_the_first_pixels_and_keeps_the_objects(labels):
    renumbered = layout.in_reading_order(labels)
    _, first = np.unique(renumbered[renumbered > 0], return_index=True)
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(renumbered == 0, labels == 0)
    for number in np.unique(labels):
        assert np.unique(renumbered[labels == number]).size == 1


@given(labels_of_any_kind)
def test_depth_starts_at_half_a_pixel_along_every_border(labels):
    depth = layout.measure_depth(labels)
    padded = np.pad(labels, 1, mode="edge")
    around = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    on_border = np.any([labels != neighbour for neighbour in around], axis=0)
    assert (depth[labels == 0] == 0).all()
    assert (depth[on_border & (labels > 0)] == 0.5).all()
    assert (depth[~on_border & (labels > 0)] >= 1.5).all()
