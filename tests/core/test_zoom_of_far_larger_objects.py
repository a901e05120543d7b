"""Objects far larger, and pixels far smaller, than those a model knows."""

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.image import Image, resample
from napari_unet.core.prediction.common_zoom import agree_on
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


def field(factor, shape=(112, 112)):
    """Return an image whose objects are so many times as wide, and its labels."""
    sample = fluorescence_nuclei(shape, seed=5)
    large = tuple(round(length * factor) for length in shape)
    labels = resample(sample.labels.astype(np.int32), large, order=0)
    grey = resample(np.asarray(sample.image)[None], large)
    return Image(grey.astype(np.uint16), None, "large"), labels


def test_objects_ten_times_as_large_are_found(nuclei):
    image, labels = field(10)
    segmentation = run(segment(image, nuclei, scale="auto", **EXACT))
    assert segmentation.factor == pytest.approx(0.1, rel=0.3)
    found = make_labels(segmentation, nuclei.settings)
    assert evaluate(found, labels).f1 > 0.7


@pytest.mark.parametrize(("factor", "size"), [(10, 0.05), (2.5, 0.05)])
def test_pixels_far_smaller_than_the_models_are_believed_if_objects_agree(
    nuclei, factor, size
):
    sized = replace(nuclei, settings=nuclei.settings.replaced(pixel_size_um=0.5))
    image, _ = field(factor)
    image = replace(image, pixel_size_um=(size, size))
    segmentation = run(segment(image, sized, scale="auto", **EXACT))
    assert segmentation.factor == pytest.approx(1 / factor, rel=0.3)
    said = segmentation.zoom.said
    assert segmentation.zoom.scale == (None if factor == 10 else segmentation.factor)
    assert said == "" if factor == 10 else "0.05 µm does not fit its objects" in said


def test_a_zoom_that_is_proposed_is_never_refused(nuclei):
    settings = nuclei.settings.replaced(
        seen=nuclei.settings.seen.replaced(diameters_px=(5, 400, 500)).model_dump()
    )
    image, _ = field(1)
    seen = Zoom(30.0, 30.0, 13.0, 5, 0.9, said="zoom 30, because")
    agreed = agree_on([seen], settings)
    assert run(segment(image, nuclei, scale=agreed, **EXACT)).factor == 8
    seen = Zoom(0.01, 0.01, 5000.0, 5, 0.9, said="zoom 0.01, because")
    agreed = agree_on([seen], nuclei.settings)
    assert run(segment(image, nuclei, scale=agreed, **EXACT)).factor == 1 / 32


def test_the_planes_of_a_stack_do_not_become_more_by_a_zoom(nuclei):
    image, _ = field(0.3)
    stack = replace(image, array=np.repeat(image.array[:, None], 2, axis=1))
    assert run(segment(stack, nuclei, scale=5, **EXACT)).factor == 5


@pytest.mark.parametrize("constant", [(1,), (0, 1), (1, 2, 3, 4, 5)])
def test_a_stack_is_not_looked_at_in_a_constant_plane(nuclei, constant):
    image, _ = field(2.5)
    planes = [image.array] * (2 + max(constant))
    for plane in constant:
        planes[plane] = np.full_like(image.array, 500)
    stack = replace(image, array=np.stack(planes, axis=1))
    zoom = propose_zoom(stack, nuclei, **EXACT)
    assert zoom.scale == pytest.approx(0.4, rel=0.25)
