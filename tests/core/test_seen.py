"""What a model has seen is kept with it; images of other zoom are brought to it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_unet.core.annotation.object_sizes import (
    measure_annotated,
    measure_diameters,
)
from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model, load_model
from napari_unet.core.config import ModelSettings, NetworkConfig, Seen, TrainConfig
from napari_unet.core.image import Image, measure_intensity, resample
from napari_unet.core.look import find_content, measure_ground, measure_look
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.plan import plan_prediction
from napari_unet.core.prediction.rescaling import choose_factors
from napari_unet.core.training.seen import note_seen
from napari_unet.core.training.zoom import fit_zoom
from napari_unet.core.workflow import fine_tune, run
from napari_unet.samples import fluorescence_nuclei

SMALL = ModelSettings(network=NetworkConfig(base_channels=2, levels=2))
QUICK = TrainConfig(seconds=None, iterations=2, patch_size=32, batch_size=1)
EXACT = {"device": "cpu", "precision": "float32"}


def disc_example(diameter=12, spacing=20, count=5, size=None, **options):
    """Bright discs of one diameter in rows, whole ones only."""
    length = count * spacing
    y, x = np.mgrid[:length, :length]
    cy, cx = (g // spacing * spacing + spacing // 2 for g in (y, x))
    inside = (y - cy) ** 2 + (x - cx) ** 2 < (diameter / 2) ** 2
    labels = np.where(inside, y // spacing * count + x // spacing + 1, 0)
    rng = np.random.default_rng(0)
    grey = (inside * 900 + 300 + rng.normal(0, 20, inside.shape)).astype(np.uint16)
    pixels = None if size is None else (size, size)
    image = Image(grey[None], pixels, f"discs{diameter}")
    return Example(image, labels.astype(np.int32), **options)


def known(settings=SMALL, **seen):
    """Settings of a model that knows objects of 12 px, from 9 to 16."""
    values = {"diameters_px": (9.0, 12.0, 16.0), "objects": 40} | seen
    return settings.replaced(seen=Seen(**values).model_dump())


@pytest.mark.parametrize("diameter", [7, 20, 41])
def test_the_diameter_of_a_disc_is_found_from_its_area(diameter):
    example = disc_example(diameter, spacing=diameter + 4, count=3)
    found = measure_diameters(example.annotation)
    assert len(found) == 9
    assert found == pytest.approx(np.full(9, diameter), rel=0.05)


def test_objects_that_the_edge_cuts_do_not_count_beside_enough_whole_ones():
    labels = disc_example(12).annotation
    cut = labels[6:, :]
    assert len(measure_diameters(cut)) == 20
    few = labels[6:20, :20]  # one half disc, and nothing else
    assert len(measure_diameters(few)) == 1


def test_large_numbers_of_objects_are_no_obstacle():
    labels = disc_example(12).annotation.astype(np.int64)
    far = np.where(labels > 0, labels * 10**12, 0)
    assert measure_diameters(far).tolist() == measure_diameters(labels).tolist()
    full = np.where(labels > 0, labels * 10**12, 10**11)  # no background at all
    assert len(measure_diameters(full)) >= 25


def test_only_annotated_ground_is_measured():
    region = Region((0, 0), (100, 40))
    assert len(measure_annotated(disc_example(regions=(region,)))) == 10
    ignored = disc_example(ignore_label=1)
    assert len(measure_annotated(ignored)) == 24
    nothing = replace(ignored, annotation=np.zeros_like(ignored.annotation))
    assert len(measure_annotated(nothing)) == 0


def test_a_training_notes_what_it_has_seen(tmp_path):
    examples = [disc_example(12, size=0.5), disc_example(16, spacing=25, size=0.25)]
    steps = fine_tune(examples, tmp_path / "m", config=QUICK, settings=SMALL, **EXACT)
    seen = run(steps).model.settings.seen
    assert load_model(tmp_path / "m").settings.seen == seen
    # The model has pixels of 0.375 µm: discs of 6 µm and of 4 µm.
    low, middle, high = seen.diameters_px
    assert low == pytest.approx(4 / 0.375, rel=0.1)
    assert high == pytest.approx(6 / 0.375, rel=0.1)
    assert low <= middle <= high
    assert seen.objects == 50
    assert seen.pixel_sizes_um == (0.25, 0.5)
    assert seen.zoom == 1.0
    assert all(span[0] <= span[1] for span in seen.looks.values())
    assert seen.looks["level"][1] < 0  # dark ground


def test_models_of_earlier_versions_have_seen_nothing_known():
    old = SMALL.model_dump()
    del old["seen"]
    settings = ModelSettings.model_validate(old)
    assert settings.seen is None
    assert settings.zoom == 1.0


def test_larger_objects_of_unknown_pixel_size_are_zoomed_to_those_of_the_model():
    settings, said = fit_zoom(known(), [disc_example(36, spacing=50)])
    assert settings.zoom == pytest.approx(1 / 3, rel=0.03)
    assert "36 px" in said
    assert "12 px" in said
    assert f"{settings.zoom:g}" in said
    # Specks are nine times as large in pixels of these images.
    assert settings.objects.min_size == pytest.approx(9 * 20, rel=0.06)
    factors = choose_factors(disc_example(36, spacing=50).image, settings)
    assert factors == (settings.zoom, settings.zoom)


def test_all_images_get_one_zoom_that_of_the_median_object():
    mixed = [disc_example(24, spacing=30, count=6), disc_example(48, spacing=60)]
    settings, _ = fit_zoom(known(), mixed)
    assert settings.zoom == pytest.approx(12 / 24, rel=0.03)


@pytest.mark.parametrize(
    ("settings", "example"),
    [
        (SMALL, disc_example(36, spacing=50)),  # knows no objects
        (known(), disc_example(14)),  # about right
        (known(SMALL.replaced(pixel_size_um=0.5)), disc_example(36, 50, size=0.5)),
        (known(zoom=0.3), disc_example(36, spacing=50)),  # was zoomed before
    ],
)
def test_the_zoom_stays_where_it_fits(settings, example):
    assert fit_zoom(settings, [example]) == (settings, "")


def test_volumes_are_not_zoomed():
    network = SMALL.network.replaced(dimensions=3)
    settings = known(SMALL.replaced(network=network.model_dump(), pixel_size_um=0.5))
    flat = disc_example(36, spacing=50)
    stack = replace(flat.image, array=np.repeat(flat.image.array[:, None], 3, axis=1))
    volume = Example(stack, np.repeat(flat.annotation[None], 3, axis=0))
    assert fit_zoom(settings, [volume]) == (settings, "")
    assert note_seen(settings, [volume]).seen.diameters_px == (9.0, 12.0, 16.0)
    assert (
        choose_factors(stack, settings.replaced(seen=Seen(zoom=0.5).model_dump()))[0]
        == 1.0
    )


def test_a_fine_tuned_model_sees_its_images_at_the_zoom_of_its_training(tmp_path):
    settings = known()
    start = Model(build_network(settings.network, seed=0).eval(), settings, Card())
    examples = [disc_example(36, spacing=50)]
    steps = fine_tune(examples, tmp_path / "m", config=QUICK, start_from=start, **EXACT)
    first = next(steps)
    assert "zoomed by 0.33" in first.note
    model = run(steps).model
    plan = plan_prediction(examples[0].image, model.settings)
    assert plan.shape == (84, 84)
    low, middle, high = model.settings.seen.diameters_px
    assert middle == pytest.approx(12, rel=0.05)
    assert (low, high) == (9.0, 16.0)
    # What is trained further stays at its zoom.
    assert fit_zoom(model.settings, examples) == (model.settings, "")


def test_a_few_new_objects_do_not_change_the_middle():
    few = disc_example(15, spacing=30, count=2)
    assert note_seen(known(), [few]).seen.diameters_px == (9.0, 12.0, 16.0)
    many = note_seen(known(), [disc_example(15)]).seen.diameters_px
    assert many[1] == pytest.approx(15, rel=0.05)


def look_of(grey, factor=1.0):
    image = Image(np.asarray(grey)[None])
    return measure_look(image, measure_intensity(image), (factor, factor))


def test_the_look_tells_images_apart():
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.normal(size=(300, 300)), 6)
    bright = np.where(smooth > 1.5 * smooth.std(), 200.0, 20.0)
    quiet, noisy = (bright + rng.normal(0, n, bright.shape) for n in (2, 20))
    assert look_of(quiet)["level"] < -0.8
    assert look_of(-quiet)["level"] > 0.8
    assert look_of(noisy)["noise"] - look_of(quiet)["noise"] == pytest.approx(
        1, abs=0.25
    )
    assert look_of(noisy)["grain"] > look_of(quiet)["grain"] + 0.2
    cut = np.minimum(noisy, 150)
    assert look_of(cut)["clipped"] > 0.05
    assert look_of(noisy)["clipped"] < 0.001
    assert look_of(np.round(noisy / 50))["values"] < 4
    assert math.isfinite(sum(look_of(np.zeros((40, 40))).values()))


@pytest.mark.parametrize("factor", [1, 4])
def test_the_look_tells_what_is_darker_than_the_ground_from_what_is_brighter(factor):
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.normal(size=(300, 300)), 6)
    smooth /= smooth.std()
    uneven = np.linspace(0, 1, 300)
    bright = np.maximum(smooth, 1) + uneven + rng.normal(0, 0.05, smooth.shape)
    dark, both = -bright, smooth + uneven

    def look(grey):
        larger = np.kron(grey, np.ones((factor, factor)))
        return look_of(larger, 1 / factor)

    assert look(bright)["depth"] < 0.15
    assert look(bright)["skew"] == 0.5
    assert look(dark)["depth"] > 0.5
    assert look(dark)["skew"] < -0.8
    assert 0.2 < look(both)["depth"] < 0.5
    assert abs(look(both)["skew"]) < 0.3


def test_the_look_is_that_at_the_pixels_of_the_model():
    rng = np.random.default_rng(0)
    grey = ndimage.gaussian_filter(rng.normal(size=(256, 256)), 2)
    larger = resample(grey, (768, 768))
    there, back = look_of(grey), look_of(larger, 1 / 3)
    assert back["grain"] == pytest.approx(there["grain"], abs=0.15)


@pytest.mark.parametrize("edges", [(40, 30), (64, 64), (500, 30)])
def test_the_window_with_most_content_is_found(edges):
    grey = np.zeros((200, 150), np.uint16)
    grey[120:150, 90:115] = 500
    grey[3, 3] = 60_000  # a hot pixel
    box = find_content(grey[None], edges)
    assert [b.stop - b.start for b in box] == [min(edges[0], 200), edges[1]]
    assert (grey[box] == 500).sum() >= 0.9 * 30 * 25


def test_the_ground_of_a_large_image_is_that_of_its_parts():
    part = fluorescence_nuclei((512, 512), seed=0).image
    depths = []
    for count in (1, 9):
        image = Image(np.tile(part, (count, count))[None])
        ground = measure_ground(image, measure_intensity(image))
        depths.append(ground["depth"])
    assert depths[1] == pytest.approx(depths[0], abs=0.02)
