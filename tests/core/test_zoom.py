"""A model finds the zoom at which objects are as large as those it learned from."""

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, NetworkConfig, Seen
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image, resample
from napari_unet.core.network.unet import build_network
from napari_unet.core.prediction.common_zoom import agree_on
from napari_unet.core.prediction.drift import describe_drift
from napari_unet.core.prediction.plan import plan_prediction
from napari_unet.core.prediction.suited import rate_models
from napari_unet.core.prediction.zoom import Zoom
from napari_unet.core.workflow import (
    evaluate,
    load_model,
    make_labels,
    propose_zoom,
    run,
    segment,
)
from napari_unet.samples import fluorescence_nuclei

EXACT = {"device": "cpu", "precision": "float32"}


@pytest.fixture(scope="module")
def nuclei(nuclei_folder):
    return load_model(nuclei_folder)


def field(seed, shape=(192, 192)):
    """Return a synthetic image of unknown pixel size, and its labels."""
    sample = fluorescence_nuclei(shape, seed=seed)
    image = Image(np.asarray(sample.image)[None], None, f"field{seed}")
    return image, sample.labels.astype(np.int32)


def enlarged(image, labels, factor):
    """Return both with objects that are so many times as wide."""
    shape = tuple(round(length * factor) for length in labels.shape)
    larger = replace(image, array=resample(image.array, shape))
    return larger, resample(labels, shape, order=0)


def untrained(**settings):
    small = NetworkConfig(base_channels=2, levels=2)
    settings = ModelSettings(**{"network": small} | settings)
    return Model(build_network(settings.network, seed=0).eval(), settings, Card())


def test_images_like_those_it_learned_from_stay_as_they_are(nuclei):
    for seed in (1, 7):
        image, _ = field(seed)
        zoom = propose_zoom(image, nuclei, **EXACT)
        assert zoom.scale is None
        assert zoom.factor == 1.0
        assert zoom.said == ""
        known = nuclei.settings.seen.diameters_px[1]
        assert zoom.diameter_px == pytest.approx(known, rel=0.3)


@pytest.mark.parametrize("factor", [0.5, 2.5])
def test_objects_of_another_size_are_zoomed_to_those_it_knows(nuclei, factor):
    image, labels = enlarged(*field(5, (256, 256)), factor)
    segmentation = run(segment(image, nuclei, scale="auto", **EXACT))
    assert segmentation.factor == pytest.approx(1 / factor, rel=0.25)
    assert segmentation.zoom.scale == segmentation.factor
    assert f"zoom {segmentation.factor:g}, because its objects are" in (
        segmentation.zoom.said
    )
    found = make_labels(segmentation, nuclei.settings)
    unzoomed = make_labels(run(segment(image, nuclei, **EXACT)), nuclei.settings)
    assert evaluate(found, labels).f1 > 0.8
    assert evaluate(found, labels).f1 > evaluate(unzoomed, labels).f1


def test_a_known_pixel_size_stays_but_objects_may_speak_against_it(nuclei):
    settings = nuclei.settings.replaced(pixel_size_um=0.5)
    sized = replace(nuclei, settings=settings)
    image, labels = field(5)
    right, _ = enlarged(replace(image, pixel_size_um=None), labels, 2)
    right = replace(right, pixel_size_um=(0.25, 0.25))
    zoom = propose_zoom(right, sized, **EXACT)
    assert (zoom.scale, zoom.factor, zoom.said) == (None, 0.5, "")
    wrong = replace(right, pixel_size_um=(0.5, 0.5))
    zoom = propose_zoom(wrong, sized, **EXACT)
    assert (zoom.scale, zoom.factor) == (None, 1.0)
    assert "by its pixel size, at which its objects look too" in zoom.said
    assert "--scale 0.5" in zoom.said or "--scale 0.4" in zoom.said


def test_where_nothing_is_found_the_zoom_stays_and_is_explained(nuclei):
    noise = np.random.default_rng(0).normal(100, 10, (200, 200))
    zoom = propose_zoom(Image(noise[None]), nuclei, **EXACT)
    assert (zoom.scale, zoom.factor, zoom.diameter_px) == (None, 1.0, None)
    assert "objects that it is sure of" in zoom.said


def test_a_stack_has_one_zoom_for_all_planes(nuclei):
    image, _ = enlarged(*field(5), 2.5)
    empty = np.random.default_rng(0).integers(95, 105, image.array.shape)
    stack = np.stack([empty, image.array, empty], axis=1).astype(np.uint16)
    zoom = propose_zoom(replace(image, array=stack), nuclei, **EXACT)
    assert zoom.scale == pytest.approx(0.4, rel=0.25)


@pytest.mark.parametrize("enlarging", [1, 2.5])
def test_what_the_look_has_seen_comes_first_and_is_near_the_result(nuclei, enlarging):
    image, _ = enlarged(*field(5, (400, 384)), enlarging)
    steps = segment(image, nuclei, scale="auto", **EXACT)
    first = next(steps)
    assert first.done == 0
    assert first.foreground.shape == tuple(b.stop - b.start for b in first.box)
    assert 0 < first.foreground.size < image.array.size
    second = next(steps)
    assert (second.done, second.total) == (1, first.total)
    whole = 1 - run(steps).probabilities[0]
    inside = (slice(40, -40),) * 2  # no edge of what was looked at
    seen = first.foreground[inside] > 0.5
    kept = whole[first.box][inside] > 0.5
    assert seen.mean() > 0.05
    assert (seen == kept).mean() > 0.97


def test_what_the_look_has_seen_lies_within_what_was_asked_for(nuclei):
    image, _ = field(5, (512, 448))
    zoom = propose_zoom(image, nuclei, **EXACT)
    box = (slice(100, 300), slice(50, 448))
    first = next(segment(image, nuclei, scale=zoom, box=box, **EXACT))
    assert first.done == 0
    assert first.box[0].start >= 100
    assert first.box[0].stop <= 300
    beside = (slice(3, 9), slice(5, 7))
    assert next(segment(image, nuclei, scale=zoom, box=beside, **EXACT)).done == 1
    empty = np.random.default_rng(0).integers(95, 105, image.array.shape)
    stack = np.stack([empty, image.array, empty], axis=1).astype(np.uint16)
    found = replace(image, array=stack)
    first = next(segment(found, nuclei, scale="auto", **EXACT))
    assert (first.done, first.plane) == (0, 1)
    others = segment(found, nuclei, scale="auto", planes=(0, 2), **EXACT)
    assert next(others).done == 1


SEEN = Seen(diameters_px=(5.0, 9.0, 12.0), zoom=0.5)


@pytest.mark.parametrize(
    "settings",
    [
        {},  # of an earlier version
        {"seen": Seen(zoom=0.5)},
        {"seen": SEEN, "annotation": "classes"},
        {"seen": SEEN, "annotation": "points"},
    ],
)
def test_other_models_keep_their_zoom_without_a_look(settings):
    model = untrained(**settings)
    zoom = propose_zoom(field(1)[0], model, **EXACT)
    assert zoom.scale is None
    assert zoom.factor == model.settings.zoom
    assert zoom.said == ""


def test_volumes_are_not_looked_at():
    network = NetworkConfig(base_channels=2, levels=2, dimensions=3)
    settings = ModelSettings(network=network, seen=SEEN)
    model = Model(build_network(network, seed=0).eval(), settings, Card())
    image, _ = field(1)
    volume = replace(image, array=np.repeat(image.array[:, None], 4, axis=1))
    assert propose_zoom(volume, model, **EXACT).scale is None


def test_the_smallest_object_follows_the_zoom():
    model = untrained(objects={"min_size": 40, "threshold": 0.01}, seen=SEEN)
    image, _ = field(1)
    assert plan_prediction(image, model.settings).zoom == 0.5
    for scale, smallest in ((None, 40), (0.5, 40), (1, 10), (0.25, 160)):
        segmentation = run(segment(image, model, scale=scale, **EXACT))
        fitted = model.settings.objects.enlarged(segmentation.enlargement)
        assert fitted.min_size == smallest
        found = make_labels(segmentation, model.settings, fitted)
        assert (make_labels(segmentation, model.settings) == found).all()


def test_the_model_that_suits_an_image_comes_first(nuclei):
    cells = untrained(seen=Seen(looks={"level": (-0.1, 0.1)}))
    other = untrained(network=NetworkConfig(base_channels=2, levels=2, in_channels=3))
    image, _ = field(5)
    for models in ([nuclei, cells], [cells, nuclei], [other, nuclei]):
        best = rate_models(image, models, **EXACT)[0]
        assert best.model is nuclei
        assert best.zoom.objects > 3
    with pytest.raises(InputError, match="3-channel"):
        rate_models(image, [other], **EXACT)


def test_what_is_darker_than_the_ground_tells_models_apart(nuclei):
    seen = Seen(looks={"depth": (0.3, 0.4)})
    never = Model(None, ModelSettings(seen=seen), Card())
    assert rate_models(field(5)[0], [never, nuclei], **EXACT)[0].model is nuclei


def test_a_model_that_cannot_win_is_not_asked(nuclei):
    bright = ModelSettings(seen=Seen(looks={"level": (0.5, 0.6)}))
    never = Model(None, bright, Card())  # without a network, to ask it would fail
    best, other = rate_models(field(5)[0], [never, nuclei], **EXACT)
    assert (best.model, other.model, other.zoom) == (nuclei, never, None)


def test_with_a_given_zoom_none_is_looked_for(nuclei):
    image, _ = enlarged(*field(5), 2.5)
    absurd = replace(image, pixel_size_um=(1000.0, 1000.0))
    sized = replace(nuclei, settings=nuclei.settings.replaced(pixel_size_um=0.5))
    (rating,) = rate_models(absurd, [sized], scale=0.4, **EXACT)
    assert (rating.zoom.scale, rating.zoom.factor, rating.zoom.said) == (0.4, 0.4, "")
    assert rating.zoom.objects > 3
    with pytest.raises(InputError, match=r"has pixels of 1,000 µm, the model of 0\.5"):
        propose_zoom(absurd, sized, scale=None, **EXACT)


@pytest.mark.parametrize(("size", "said"), [(1000.0, "1,000"), (0.0001, "0.0001")])
def test_a_pixel_size_that_cannot_be_is_not_gone_by(nuclei, size, said):
    sized = replace(nuclei, settings=nuclei.settings.replaced(pixel_size_um=0.5))
    image, labels = enlarged(*field(5, (256, 256)), 2.5)
    image = replace(image, pixel_size_um=(size, size))
    segmentation = run(segment(image, sized, scale="auto", **EXACT))
    assert segmentation.factor == pytest.approx(0.4, rel=0.25)
    assert f"its pixel size of {said} µm cannot be: zoom 0." in segmentation.zoom.said
    found = make_labels(segmentation, sized.settings)
    assert evaluate(found, labels).f1 > 0.8


def test_objects_about_as_large_as_those_of_the_model_are_brought_to_their_size(nuclei):
    image, _ = enlarged(*field(5, (256, 256)), 1.3)
    zoom = propose_zoom(image, nuclei, **EXACT)
    known = nuclei.settings.seen.diameters_px[1]
    assert zoom.scale is not None
    assert zoom.diameter_px * zoom.factor == pytest.approx(known, rel=0.02)


def test_images_of_one_kind_get_one_zoom():
    settings = untrained(seen=SEEN.replaced(zoom=1.0)).settings  # knows 9 px
    own = Zoom(None, 1.0, diameter_px=12.0, objects=5, confidence=0.8)
    found = Zoom(0.6, 0.6, 15.0, 5, 0.9, said="zoom 0.6, because")
    other = Zoom(0.5, 0.5, 18.0, 5, 0.9, said="zoom 0.5, because")
    unsure = Zoom(None, 1.0, 40.0, 5, 0.5)
    agreed = agree_on([own, found, unsure, other], settings)
    assert (agreed.scale, agreed.factor, agreed.objects) == (0.6, 0.6, 15)
    assert "by a look at 4 of them" in agreed.said
    assert agree_on([own, own, unsure], settings).factor == 1.0
    assert agree_on([unsure], settings) == unsure
    doubted = replace(own, said="its pixel size", proposed=0.4)
    assert agree_on([doubted, own, doubted], settings) == doubted
    assert agree_on([doubted, own, own], settings) == own


def test_an_image_unlike_all_that_was_seen_is_told(nuclei):
    alike = run(segment(field(9)[0], nuclei, **EXACT))
    assert alike.drift == ""
    image, _ = field(5)
    dark = replace(image, array=image.array.max() - image.array)
    told = run(segment(dark, nuclei, **EXACT)).drift
    assert "its ground is brighter" in told
    assert "fine-tune" in told


def test_too_large_a_zoom_is_told_before_what_stands_out():
    settings = load_model("nuclei").settings
    image, _ = field(5, (256, 256))
    inverse = replace(image, array=image.array.max() - image.array)
    dark = "what stands out is dark rather than bright"
    large = "at this zoom its structures are larger"
    for scale in (1.0, 4.0):
        told = describe_drift(image, settings, scale=scale)
        assert dark not in told
        assert (large in told) == (scale > 1)
        assert ("choose a smaller zoom" in told) == (scale > 1)
        assert dark in describe_drift(inverse, settings, scale=scale)


def test_pixels_far_from_all_that_were_seen_are_told():
    model = untrained(pixel_size_um=0.5, seen=Seen(pixel_sizes_um=(0.4, 0.6)))
    image, _ = field(1)
    for size, told in ((0.3, False), (1.0, False), (1.5, True), (0.15, True)):
        sized = replace(image, pixel_size_um=(size, size))
        drift = run(segment(sized, model, **EXACT)).drift
        assert ("its pixels are of" in drift) == told, size


def test_a_fitted_zoom_does_not_change_how_earlier_images_are_zoomed(nuclei):
    seen = nuclei.settings.seen
    fitted = replace(
        nuclei,
        settings=nuclei.settings.replaced(seen=seen.replaced(zoom=2.2).model_dump()),
    )
    image, labels = field(3, (256, 256))
    zoom = propose_zoom(image, fitted, **EXACT)
    assert zoom.scale == 1.0
    assert "zoom 1, at which the model is surest" in zoom.said
    small, _ = enlarged(image, labels, 0.5)
    assert propose_zoom(small, fitted, **EXACT).factor == pytest.approx(2, rel=0.2)


def test_a_fitted_zoom_that_fits_gives_way_to_one_at_which_it_is_surer():
    starter = load_model("nuclei")
    seen = starter.settings.seen.replaced(zoom=0.7)
    fitted = replace(
        starter, settings=starter.settings.replaced(seen=seen.model_dump())
    )
    image, _ = enlarged(*field(3, (256, 256)), 1.15)
    assert propose_zoom(image, fitted, **EXACT).scale == 1.0
