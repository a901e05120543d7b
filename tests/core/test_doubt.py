"""Results that tell nothing apart are doubted, with the reason; others are not."""

import numpy as np
import pytest

from napari_unet.core.config import ObjectConfig
from napari_unet.core.prediction.doubt import doubt_result
from napari_unet.core.prediction.labels import find_labels

CONFIG = ObjectConfig(min_size=20)


def doubt(foreground, kind="objects", config=CONFIG):
    foreground = np.asarray(foreground, np.float32)
    probabilities = np.stack([1 - foreground, foreground])
    labels = find_labels(probabilities, config, kind)
    names = ("background", "nucleus")
    return doubt_result(probabilities, labels, kind, config, names)


def square(inside, outside=0.0, edge=8):
    grey = np.full((40, 50), outside)
    grey[4 : 4 + edge, 4 : 4 + edge] = inside
    return grey


def test_a_result_with_objects_and_background_is_not_doubted():
    assert doubt(square(0.9)) == ""
    assert doubt(square(0.9), "points") == ""
    assert doubt(square(0.9), "classes") == ""


def test_nothing_probable_enough():
    said = doubt(square(0.25))
    assert "the highest probability of an object is 0.25, the threshold 0.5" in said
    assert doubt(square(0.25), "points") == said


def test_nothing_large_enough():
    assert "smaller than the smallest object, 20 px" in doubt(square(0.9, edge=3))


def test_the_smallest_object_is_said_as_it_is_set_and_as_it_is_here():
    grey = square(0.9, edge=20).astype(np.float32)
    maps = np.stack([1 - grey, grey])
    large = CONFIG.replaced(min_size=2535)
    labels = find_labels(maps, large, "objects")
    said = doubt_result(maps, labels, "objects", large, own_min_size=60)
    assert "the smallest object, 60 px of the model, 2,535 px here" in said
    said = doubt_result(maps, labels, "objects", large, own_min_size=2535)
    assert "the smallest object, 2,535 px. Lower" in said


def test_all_of_it_is_object():
    assert "all of it is taken for object" in doubt(np.full((40, 50), 0.8))
    almost = np.full((40, 50), 0.8)
    almost[0, 0] = 0
    assert "all of it is taken for object" in doubt(almost)


@pytest.mark.parametrize(("grey", "name"), [(0.1, "background"), (0.9, "nucleus")])
def test_all_of_it_is_one_class(grey, name):
    said = doubt(np.full((40, 50), grey), "classes")
    assert f"all of it is predicted as '{name}'" in said


def test_of_grey_values_nothing_is_said():
    values = np.zeros((1, 4, 5), np.float32)
    assert doubt_result(values, values[0], "values", CONFIG) == ""
