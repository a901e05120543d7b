"""How objects are made of probabilities is tuned on what is annotated."""

from dataclasses import replace

import numpy as np

from napari_unet.core.config import TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.workflow import Example, fine_tune, load_model, run
from napari_unet.samples import fluorescence_nuclei


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
    assert result.model.settings.objects.min_size == 300
    assert result.model.card.scores["f1"] > 0.5
