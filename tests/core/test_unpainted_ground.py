"""A few objects painted of many: the others are not learned as background."""

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.annotation.unpainted import count_others, keep_near
from napari_unet.core.checkpoint import load_model
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.prediction.labels import make_labels
from napari_unet.core.training.course import settle_ground
from napari_unet.core.training.task import Task
from napari_unet.core.workflow import (
    choose_witness,
    evaluate,
    fine_tune,
    run,
    segment,
)
from napari_unet.inspected import inspect_unpainted

SMALL = ModelSettings(network=NetworkConfig(base_channels=4, levels=2))
QUICK = TrainConfig(
    seconds=None, iterations=60, patch_size=48, batch_size=4, learning_rate=5e-3
)
EXACT = {"device": "cpu", "precision": "float32"}


def discs(rows=4, columns=4, *, seed=0, dim=1.0, name="discs"):
    """Bright discs, apart from each other, and their labels."""
    rng = np.random.default_rng(seed)
    shape = 24 * rows, 28 * columns
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for number, (row, column) in enumerate(np.ndindex(rows, columns), start=1):
        cy, cx = np.array([12 + 24 * row, 14 + 28 * column]) + rng.uniform(-3, 3, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 49] = number
    # Some are dimmer than others, the more so the smaller `dim` is.
    glow = rng.uniform(dim, 1, labels.max() + 1) * 900
    glow[0] = 0
    grey = glow[labels] + 300 + rng.normal(0, 60, shape)
    return Example(Image(grey[None].astype(np.uint16), (0.5, 0.5), name), labels)


def paint(example, numbers):
    """Return an example of which only these objects are painted."""
    painted = np.where(np.isin(example.annotation, numbers), example.annotation, 0)
    return replace(example, annotation=painted)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A model that knows bright discs."""
    folder = tmp_path_factory.mktemp("models") / "discs"
    run(fine_tune([discs(seed=3)], folder, config=QUICK, settings=SMALL, **EXACT))
    return load_model(folder)


def settle(example, start_from, unpainted="auto"):
    config = QUICK.replaced(unpainted=unpainted)
    task = Task.of([example], config, SMALL, start_from)
    witness = choose_witness(start_from, task.settings)
    return run(settle_ground(task, witness, is_start=True))


def test_objects_that_are_found_and_not_painted_are_counted():
    painted = np.array([[1, 1, 0, 0, 0, 0, 2, 2, 0]])
    found = np.array([[3, 3, 0, 5, 5, 0, 0, 0, 7]])
    agreed, others, missing = count_others(painted, found)
    assert (agreed, others) == (1, 2)
    assert missing.tolist() == [[False] * 3 + [True] * 2 + [False] * 3 + [True]]


def test_ground_is_known_half_as_far_around_an_object_as_it_is_wide():
    annotation = np.zeros((60, 80), np.int32)
    annotation[20:30, 20:30] = 4
    missing = np.zeros_like(annotation, bool)
    missing[20:30, 36:46] = True
    example = Example(Image(np.zeros((1, 60, 80))), annotation)
    kept = keep_near(example, missing)
    known = kept.annotation != kept.ignore_label
    assert (kept.annotation == 4).sum() == 100
    assert known[25, [33, 15]].all()
    assert not known[25, [34, 14]].any()  # two pixels before what is missing
    assert not known[50:].any()
    assert (example.annotation != annotation).sum() == 0


def test_a_few_of_many_leave_the_rest_unknown(start):
    whole = discs(8, 8, seed=1)
    few = paint(whole, [20, 21, 28, 45])
    known = settle(few, start)
    (settled,) = known.examples
    is_known = settled.annotation != settled.ignore_label
    assert known.kept_near == 1
    assert is_known[few.annotation > 0].all()
    assert not (is_known & (whole.annotation > 0) & (few.annotation == 0)).any()
    assert "4 objects are painted, and 'discs' finds 60 more" in known.note
    assert "--unpainted background" in known.note


@pytest.mark.parametrize("how", ["all painted", "a region", "background", "unlike"])
def test_all_ground_stays_known_where_there_is_no_sign_of_more(start, how):
    example = discs(8, 8, seed=1)
    if how == "a region":
        example = replace(paint(example, [1, 2]), regions=(Region((0, 0), (40, 50)),))
    elif how == "background":
        example = paint(example, [1, 2])
    elif how == "unlike":  # the model knows nothing of what was painted here
        example = replace(example, annotation=np.roll(example.annotation, 14, 1))
        example = paint(example, range(20, 40))
    known = settle(example, start, "background" if how == "background" else "auto")
    assert known.examples[0].annotation is not None
    assert (known.examples[0].annotation == example.annotation).all()
    assert known.kept_near == 0
    assert not known.note


def test_unknown_ground_can_be_asked_for(start):
    known = settle(discs(seed=1), start, "unknown")
    assert known.kept_near == 1


def test_the_check_warns_of_what_is_learned_as_background(start):
    few = paint(discs(8, 8, seed=1), [20, 21, 28, 45])
    steps = inspect_unpainted(
        [few],
        start.settings,
        QUICK.replaced(unpainted="background"),
        start_from=start,
    )
    same, findings = run(steps)
    assert same[0].ignore_label is None
    assert [f.level for f in findings] == ["warning"]
    assert "'discs' finds 60 more" in findings[0].message
    assert "--unpainted unknown" in findings[0].message
    assert few.annotation[findings[0].place] == 0


def test_planes_of_a_stack_are_findings_of_the_stack(start):
    whole = discs(6, 6, seed=1)
    few = paint(whole, [8, 15])
    empty = np.zeros_like(few.annotation)
    stack = Example(
        Image(np.stack([whole.image.array] * 3, axis=1), None, "stack"),
        np.stack([empty, few.annotation, few.annotation]),
    )
    _, (finding,) = run(
        inspect_unpainted([stack], start.settings, QUICK, start_from=start)
    )
    assert (finding.image, finding.place[0]) == ("stack", 1)
    assert finding.message.endswith("The like on 1 more plane.")


def test_a_few_painted_objects_make_a_model_better(start, tmp_path):
    """Of 64 nuclei, some too dim for the model, 8 that it misses are painted."""
    whole, other = (discs(8, 8, seed=seed, dim=0.12) for seed in (1, 2))

    def find(model, image):
        return make_labels(run(segment(image, model)), model.settings)

    def score(model):
        return evaluate(find(model, other.image), other.annotation).f1

    missed = set(np.unique(whole.annotation[find(start, whole.image) == 0])) - set(
        np.unique(whole.annotation[find(start, whole.image) > 0])
    )
    few = paint(whole, sorted(missed)[:8])
    f1, said = {"start": score(start)}, {}
    for unpainted in ("auto", "background"):
        config = QUICK.replaced(unpainted=unpainted)
        folder = tmp_path / unpainted
        ended = run(fine_tune([few], folder, config=config, start_from=start, **EXACT))
        f1[unpainted], said[unpainted] = score(ended.model), ended.after.f1
        if unpainted == "auto":
            assert "around what was painted" in ended.model.card.validation
    assert f1["auto"] > f1["start"] + 0.1, f1
    assert f1["auto"] > f1["background"], f1
    # What was left unpainted is not called invented.
    assert said["auto"] > said["background"] + 0.5, said
