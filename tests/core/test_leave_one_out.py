"""Each image or region is left out once, and judged by a model that never saw it."""

import numpy as np
import pytest
import torch
from scarce import scarce

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.card import read_manifest
from napari_unet.core.checkpoint import load_last, load_model
from napari_unet.core.config import (
    ModelSettings,
    NetworkConfig,
    ObjectConfig,
    TrainConfig,
)
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.scores import Scores
from napari_unet.core.image import Image
from napari_unet.core.training.apart import ground_of, view_of
from napari_unet.core.training.leave_one_out import LeftOut, leave_each_out
from napari_unet.core.training.validation import Validation
from napari_unet.core.workflow import fine_tune, run
from napari_unet.formats.tiff import write_grey, write_labels
from napari_unet.resumed import to_its_end

SMALL = ModelSettings(network=NetworkConfig(base_channels=4, levels=2))
CONFIG = TrainConfig(
    seconds=None, iterations=12, patch_size=48, batch_size=2, leave_one_out=True
)
EXACT = {"device": "cpu", "precision": "float32"}


def squares(name, shape=(64, 72), regions=(), count=12):
    """An image of small squares in rows, and their labels."""
    labels = np.zeros(shape, np.int32)
    places = [
        (y, x) for y in range(4, shape[0] - 8, 16) for x in range(4, shape[1] - 8, 16)
    ]
    for number, (y, x) in enumerate(places[:count], start=1):
        labels[y : y + 8, x : x + 8] = number
    noise = np.random.default_rng(len(name)).normal(0, 5, shape)
    grey = ((labels > 0) * 100 + 50 + noise).astype(np.uint8)
    return Example(Image(grey[None], (0.5, 0.5), name), labels, regions)


def train(examples, folder, config=CONFIG, **options):
    return fine_tune(
        examples, folder, config=config, settings=SMALL, **EXACT, **options
    )


def test_each_image_is_left_out_once():
    names = "abc"
    folds = leave_each_out([squares(name) for name in names], SMALL)
    assert [[e.image.name for e in held] for _, held in folds] == [["a"], ["b"], ["c"]]
    for rest, [held] in folds:
        assert {e.image.name for e in rest} == set(names) - {held.image.name}


def test_regions_of_one_image_are_left_out_with_a_gap():
    regions = tuple(Region((0, x), (64, x + 60)) for x in (0, 70, 400))
    folds = leave_each_out([squares("a", (64, 480), regions, 200)], SMALL)
    assert len(folds) == 3
    view = view_of(SMALL)(Image(np.zeros((1, 9, 9), np.uint8)))[1]
    for [rest], [held] in folds:
        [box] = held.regions
        for other in ground_of(rest):
            apart = max(other.start[1] - box.stop[1], box.start[1] - other.stop[1])
            assert apart >= view


def test_more_than_five_are_left_out_in_five_groups():
    folds = leave_each_out([squares(f"i{n}") for n in range(7)], SMALL)
    away = [e.image.name for _, held in folds for e in held]
    assert len(folds) == 5
    assert sorted(away) == [f"i{n}" for n in range(7)]


def test_what_was_named_for_validation_takes_its_turn():
    regions = (Region((0, 0), (64, 30)), Region((0, 34), (64, 72), "validation"))
    folds = leave_each_out([squares("a", regions=regions), squares("b")], SMALL)
    assert len(folds) == 3


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([squares("a")], "there must be two at least"),
        ([squares("a"), squares("b", count=1)], "too little to learn from"),
    ],
)
def test_what_cannot_be_left_out_is_refused(examples, message, tmp_path):
    with pytest.raises(InputError, match=message):
        next(train(examples, tmp_path / "m"))
    assert not (tmp_path / "m").exists()


def test_scores_are_pooled_and_the_model_is_trained_on_all(tmp_path):
    examples = [squares(name) for name in ("a", "bb", "ccc")]
    seen, steps = [], train(examples, tmp_path / "m")
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            result = end.value
            break
    assert result.after.objects_true == 36  # all of all images
    assert len(result.after.images) == 3
    card = read_manifest(tmp_path / "m").card
    assert card.scores["objects_true"] == 36
    assert {"f1_low", "f1_high"} <= set(card.scores)
    assert "3 trainings" in card.validation
    assert list(dict.fromkeys(p.part for p in seen)) == [0, 1, 2, 3]
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_the_start_is_judged_on_the_same_ground(tmp_path):
    examples = [squares(name) for name in ("a", "bb", "ccc")]
    config = CONFIG.replaced(leave_one_out=False, iterations=30)
    good = run(train(examples, tmp_path / "start", config)).model
    wild = CONFIG.replaced(learning_rate=1.0, schedule="constant", iterations=5)
    steps = fine_tune(examples, tmp_path / "m", config=wild, start_from=good, **EXACT)
    result = run(steps)
    assert result.before.objects_true == 36
    assert result.kept_start
    old, new = (
        good.network.state_dict(),
        load_model(tmp_path / "m").network.state_dict(),
    )
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_stopped_while_something_is_left_out_the_model_is_saved(tmp_path):
    examples = [squares("a"), squares("bb")]
    steps = train(examples, tmp_path / "m")
    while next(steps).part < 1:
        pass
    steps.close()
    card = read_manifest(tmp_path / "m").card
    assert card.iterations == CONFIG.iterations
    assert card.scores is None
    assert card.is_unmeasured
    assert to_its_end(card) == CONFIG


def test_what_was_stopped_is_made_up_for_and_then_over(tmp_path):
    """The same scores as without the stop; nothing is trained twice."""
    examples = [squares("a"), squares("bb")]
    whole = run(train(examples, tmp_path / "whole"))
    steps = train(examples, tmp_path / "m")
    while next(steps).part < 1:
        pass
    steps.close()
    result = run(train(examples, tmp_path / "m", resume=True))
    assert result.iterations == CONFIG.iterations
    assert result.after == whole.after
    one, two = (load_last(tmp_path / name) for name in ("whole", "m"))
    assert all(torch.equal(one[n], two[n]) for n in one if n.startswith("network."))
    with pytest.raises(InputError, match="has taken 12 iterations already"):
        run(train(examples, tmp_path / "m", resume=True))


def test_a_training_that_goes_on_is_measured_anew_and_from_its_start(tmp_path):
    examples = [squares("a"), squares("bb")]
    config = CONFIG.replaced(leave_one_out=False, iterations=20)
    start = run(train(examples, tmp_path / "start", config)).model
    run(train(examples, tmp_path / "m", start_from=start))
    longer = CONFIG.replaced(iterations=16)
    run(train(examples, tmp_path / "m", longer, resume=True))
    run(train(examples, tmp_path / "whole", longer, start_from=start))
    one, two = (read_manifest(tmp_path / name).card for name in ("whole", "m"))
    assert two.scores == pytest.approx(one.scores)
    assert two.scores_before == pytest.approx(one.scores_before)
    assert two.started_from == "start"


def test_the_middle_way_of_making_objects_is_taken():
    ways = [
        ObjectConfig(threshold=t, min_size=m) for t, m in ((0.3, 9), (0.5, 5), (0.4, 7))
    ]
    left = LeftOut.of([Validation(Scores(), way) for way in ways])
    assert (left.usual_objects.threshold, left.usual_objects.min_size) == (0.4, 7)


def test_on_the_command_line_three_images_take_their_turn(tmp_path, call):
    for name in ("a", "bb", "ccc"):
        example = squares(name)
        for part in ("images", "labels"):
            (tmp_path / part).mkdir(exist_ok=True)
        file = f"{name}.tif"
        write_grey(tmp_path / "images" / file, example.image.array[0], (0.5, 0.5))
        write_labels(tmp_path / "labels" / file, example.annotation, (0.5, 0.5))
    code, out, err = call(
        "train", tmp_path / "images", tmp_path / "labels", "--model", tmp_path / "m",
        "--leave-one-out", "--iterations", 12, "--base-channels", 4, "--levels", 2,
        "--set", "patch_size=48", "--device", "cpu",
    )  # fmt: skip
    assert code == 0, err
    assert "of 36 objects" in out
    assert "95 %" in out
    assert "Leave out 3 of 3" in err


@pytest.mark.parametrize(
    ("where", "most", "objects", "said"),
    [
        ("training/origin.py:begin", 1, 24, "validated by 2 of 3 trainings"),
        ("training/validation.py", None, None, "not validated"),
    ],
)
def test_a_part_that_there_is_no_memory_for_is_passed_over_and_said(
    tmp_path, where, most, objects, said
):
    steps = train([squares(name) for name in ("a", "bb", "ccc")], tmp_path / "m")
    while next(steps).part < 1:
        pass
    with scarce(0, within=where, most=most) as device:
        notes = " ".join(progress.note for progress in steps)
    assert device.refused
    card = read_manifest(tmp_path / "m").card
    assert (card.scores or {}).get("objects_true") == objects
    assert card.validation.startswith(said)
    assert notes.count("the scores know nothing of it") == 3 - (objects or 0) // 12
    assert "the scores know nothing of it" in " ".join(card.shortages)
    assert card.iterations == CONFIG.iterations
