"""Intervals beside scores: they hold the truth about as often as they say."""

import numpy as np
import pytest

from napari_unet.core.evaluation.detection import DetectionScores
from napari_unet.core.evaluation.interval import (
    Sums,
    design_effect,
    f1_interval,
    jackknife,
    mean_share_interval,
    ratio_interval,
    share_interval,
    wilson,
)
from napari_unet.core.evaluation.scores import Scores, score_labels
from napari_unet.core.score_words import describe_found


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share_is_that_of_the_literature(hits, of, low, high):
    assert wilson(hits, of) == pytest.approx((low, high), abs=1e-4)


def test_without_objects_anything_is_possible():
    assert wilson(0, 0) == (0, 1)
    assert f1_interval([]) == (0, 1)


def simulate(images, objects, recall, invented, alike, times=1500):
    """Return how often the interval of F1 holds the truth; `alike` 0: independent."""
    rng = np.random.default_rng(0)
    truth = 2 * recall / (1 + recall + invented)
    held = 0
    for _ in range(times):
        shares = np.full(images, recall)
        if alike:
            a = recall * (1 / alike - 1)
            shares = rng.beta(a, a / recall * (1 - recall), images)
        found = rng.binomial(objects, shares)
        false = rng.poisson(invented * objects, images)
        parts = zip(found.tolist(), (objects + false).tolist(), strict=True)
        low, high = f1_interval(list(parts))
        held += low <= truth <= high
    return held / times


@pytest.mark.parametrize("recall", [0.6, 0.9])
@pytest.mark.parametrize("images", [1, 5])
@pytest.mark.parametrize("objects", [10, 50])
def test_the_interval_holds_the_truth_as_often_as_it_says(images, objects, recall):
    assert 0.92 <= simulate(images, objects, recall, 0.05, 0) <= 0.99


@pytest.mark.parametrize("recall", [0.6, 0.9])
def test_it_does_so_where_objects_of_an_image_resemble_each_other(recall):
    held = simulate(8, 20, recall, 0.05, 0.1)
    assert 0.91 <= held <= 0.99


@pytest.mark.parametrize("missed", [0.0, 0.1])
@pytest.mark.parametrize("objects", [5, 30])
def test_those_of_outlines_hold_it_in_a_single_image(objects, missed):
    """IoU and average precision, of objects of unlike size that are covered in part."""
    rng, percent = np.random.default_rng(0), np.arange(50, 100, 5)

    def draw(count):
        size = rng.gamma(4, 50, count) + 20
        return size, rng.beta(16, 4, count) * (rng.random(count) >= missed)

    def hits(share):
        return (100 * share[:, None] >= percent).sum(0)

    _, all_shares = draw(100_000)
    often = hits(all_shares) / len(all_shares)
    held, truth = np.zeros(2), [0.8 * (1 - missed), np.mean(often / (2 - often))]
    for _ in range(300):
        size, share = draw(objects)
        parts = share * size
        sums = Sums.of(parts, size)
        ends = [
            ratio_interval(parts.sum(), size.sum(), sums),
            mean_share_interval([[(int(n), 2 * objects)] for n in hits(share)]),
        ]
        held += [low <= t <= high for (low, high), t in zip(ends, truth, strict=True)]
    assert (held / 300 >= 0.9).all()


def test_what_is_predicted_beside_objects_counts_with_the_one_it_touches():
    true, predicted = np.zeros((2, 20, 40), int)
    true[2:8, 2:8], true[2:8, 20:26] = 1, 2
    predicted[2:8, 4:10] = 1  # 24 of 36 pixels, and 12 beside
    predicted[14:18, 2:8] = 2  # invented
    scores = score_labels(predicted, true)
    shared, union = np.array([24, 0, 0]), np.array([48, 36, 24])
    assert scores.spread == Sums.of(shared, union)
    assert scores.iou == shared.sum() / union.sum()
    values = scores.as_dict()
    for name in ("iou", "ap", "f1"):
        assert 0 <= values[f"{name}_low"] <= values[name] <= values[f"{name}_high"] <= 1
    one = values["iou_high"] - values["iou_low"]
    many = sum([scores] * 5, Scores()).as_dict()
    assert 0 < many["iou_high"] - many["iou_low"] < one


def test_images_that_differ_make_the_interval_wider_and_never_narrower():
    alike, unlike = [(8, 10)] * 5, [(10, 10), (10, 10), (10, 10), (10, 10), (0, 10)]
    assert design_effect(alike) == 1
    assert design_effect(unlike) > 3
    narrow, wide = share_interval(alike), share_interval(unlike)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_leaving_out_each_image_gives_the_interval_of_a_mean():
    """Of images of one size, the jackknife is Student's interval of their mean."""
    shares = [60, 70, 80, 95]
    scores = [
        Scores(pixels_shared=n, pixels_true=100, pixels_predicted=n) for n in shares
    ]
    low, high = jackknife(scores, ["iou"], 1.0)["iou"]
    mean, error = np.mean(shares), np.std(shares, ddof=1) / 2
    assert low == pytest.approx((mean - 3.18245 * error) / 100)
    assert high == pytest.approx(min(1, (mean + 3.18245 * error) / 100))
    assert jackknife(scores[:2], ["iou"]) == {}


def test_scores_tell_what_became_of_the_objects():
    true = np.zeros((12, 40), int)
    predicted = true.copy()
    for number, column in enumerate(range(0, 40, 8), start=1):
        true[2:10, column : column + 6] = number
    predicted[true == 1] = 1  # found
    predicted[2:5, 8:14] = 2  # split
    predicted[6:9, 8:14] = 3
    predicted[2:10, 16:30] = 4  # merged
    predicted[0, 30:40] = 5  # invented; the last one is missed
    scores = score_labels(predicted, true)
    values = scores.as_dict()
    assert describe_found(values) == (
        "found 1 of 5 objects; 1 split, 2 merged, 1 missed, 1 invented"
    )
    assert values["f1_low"] < scores.f1 < values["f1_high"]
    twice = scores + scores
    assert (twice.split, twice.merged, twice.missed, twice.invented) == (2, 4, 2, 2)


def test_points_of_several_classes_are_those_of_one_image():
    one, two = (DetectionScores(4, 5, 3).of_one_image() for _ in range(2))
    both = one + two
    assert len(both.images) == 2
    [image] = both.of_one_image().images
    assert (image.true_positives, image.objects_true) == (6, 8)
    assert image.objects_predicted == 10
    assert describe_found(both.as_dict(), "points") == (
        "found 6 of 8 points; 2 missed, 4 invented"
    )
