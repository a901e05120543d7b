"""Dice of probabilities, against the formula written out."""

import numpy as np
import pytest

from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.soft_dice import DiceSums, sum_dice


def test_it_is_the_formula_over_all_pixels_of_all_images():
    rng = np.random.default_rng(0)
    pairs = [(rng.random((7, 9)), rng.random((7, 9)) > 0.6) for _ in range(2)]
    sums = sum((sum_dice(*pair) for pair in pairs), DiceSums())
    p = np.concatenate([probability.ravel() for probability, _ in pairs])
    t = np.concatenate([true.ravel() for _, true in pairs])
    h = p >= 0.5
    soft = (2 * (p * t).sum() + 1e-4) / (p.sum() + t.sum() + 1e-4)
    hard = (2 * (h & t).sum() + 1e-4) / (h.sum() + t.sum() + 1e-4)
    assert sums.as_dict() == pytest.approx({"soft_dice": soft, "hard_dice": hard})
    assert sums.soft != pytest.approx(sums.hard)


def test_nothing_found_where_nothing_is_is_perfect_and_unknown_ground_counts_not():
    nothing = np.zeros((3, 3))
    assert sum_dice(nothing, nothing > 0).soft == 1
    one = nothing.copy()
    one[0, 0] = 1
    assert sum_dice(one, nothing > 0).soft == pytest.approx(1e-4 / (1 + 1e-4))
    assert sum_dice(one, nothing > 0, known=one == 0).soft == 1
    with pytest.raises(InputError):
        sum_dice(one, np.zeros((3, 4), bool))
