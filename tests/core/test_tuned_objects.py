"""How objects are made of probabilities is tuned on what is annotated."""

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.config import ModelSettings, ObjectConfig, Seen, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.training.validation import sizes_to_try
from napari_unet.core.workflow import Example, fine_tune, load_model, run
from napari_unet.samples import fluorescence_nuclei


def squares(edge, count=12):
    """As many squares, each whole, of one size."""
    labels = np.zeros((edge * 2 + 4, count * (edge + 2) + 4), np.int32)
    for number in range(count):
        left = 2 + number * (edge + 2)
        labels[2 : 2 + edge, left : left + edge] = number + 1
    return labels


@pytest.mark.parametrize(
    ("edge", "held_back", "tried"),
    [
        (30, 12, (20, 180)),
        (15, 12, (20,)),  # 180 px is more than a half of 225 px
        (30, 2, ()),
        (10, 2, (50,)),  # they are smaller than twice the smallest
        (6, 12, (18,)),
    ],
)
def test_the_smallest_object_is_less_than_half_of_what_is_annotated(
    edge, held_back, tried
):
    settings = ModelSettings(objects=ObjectConfig(min_size=60))
    found = sizes_to_try([squares(30), squares(edge)], settings, held_back)
    assert tuple(dict.fromkeys(found)) == tried


def test_sizes_are_those_at_the_zoom_of_the_model():
    seen = Seen(zoom=0.5)
    settings = ModelSettings(objects=ObjectConfig(min_size=600), seen=seen)
    assert sizes_to_try([squares(10)], settings, 3) == (200,)


def test_a_smallest_size_that_hides_all_objects_is_lowered(nuclei_folder, tmp_path):
    start = load_model(nuclei_folder)
    objects = start.settings.objects.replaced(min_size=900)
    start = replace(start, settings=start.settings.replaced(objects=objects))
    samples = [fluorescence_nuclei((144, 144), seed=seed) for seed in (3, 4)]
    first, second = (
        Example(Image(np.asarray(each.image)[None]), each.labels, role=role)
        for each, role in zip(samples, ("training", "validation"), strict=True)
    )
    result = run(
        fine_tune(
            [first, second],
            tmp_path / "model",
            config=TrainConfig(iterations=1, seconds=None, validations=1),
            start_from=start,
        )
    )
    assert 100 < result.model.settings.objects.min_size <= 300
    assert result.model.card.scores["f1"] > 0.5
