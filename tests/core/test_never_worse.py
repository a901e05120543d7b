"""A training that makes a model worse leaves it as it was, and says so."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import Example
from napari_unet.core.card import read_manifest
from napari_unet.core.checkpoint import load_last, load_model
from napari_unet.core.config import (
    ModelSettings,
    NetworkConfig,
    ObjectConfig,
    TrainConfig,
)
from napari_unet.core.device import choose_compute
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.detection import rank
from napari_unet.core.evaluation.scores import Scores
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.class_change import change_classes
from napari_unet.core.training.settling import is_worth_it, settle
from napari_unet.core.training.state import Start, Training
from napari_unet.core.training.validation import Validation
from napari_unet.core.workflow import fine_tune, run, use_learned

SMALL = ModelSettings(network=NetworkConfig(base_channels=4, levels=2))
QUICK = TrainConfig(
    seconds=None, iterations=60, patch_size=48, batch_size=4, learning_rate=5e-3
)
WORSE = QUICK.replaced(iterations=25, validations=2, learning_rate=0.1)
EXACT = {"device": "cpu", "precision": "float32"}


def discs(seed=0, shape=(96, 112), role="training"):
    """Bright discs, apart from each other, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for number, (row, column) in enumerate(np.ndindex(4, 4), start=1):
        cy, cx = np.array([12 + 24 * row, 14 + 28 * column]) + rng.uniform(-3, 3, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 49] = number
    grey = (labels > 0) * 900 + 300 + rng.normal(0, 60, shape)
    image = Image(grey[None].astype(np.uint16), (0.5, 0.5), f"discs{seed}")
    return Example(image, labels, role=role)


def wrong(seed):
    """The same image with objects painted where there are none."""
    example = discs(seed)
    shifted = np.roll(example.annotation, (12, 14), (0, 1))
    return replace(example, annotation=shifted)


def train(examples, folder, config=QUICK, start_from=None, **options):
    options = {"settings": SMALL, **EXACT, **options}
    return run(
        fine_tune(examples, folder, config=config, start_from=start_from, **options)
    )


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A model that finds the discs."""
    folder = tmp_path_factory.mktemp("models") / "start"
    return train([discs(0), discs(1, role="validation")], folder).model


@pytest.fixture(scope="module")
def worsened(start, tmp_path_factory):
    """What came of going on with wrong labels, judged on right ones."""
    folder = tmp_path_factory.mktemp("models") / "worse"
    examples = [wrong(2), wrong(3), discs(1, role="validation")]
    return train(examples, folder, WORSE, start)


def same(one, two):
    return all(torch.equal(value, two[name]) for name, value in one.items())


def test_a_model_that_got_worse_is_not_used(start, worsened):
    assert worsened.kept_start
    old = start.network.state_dict()
    assert same(worsened.model.network.state_dict(), old)
    saved = load_model(worsened.model.folder)
    assert same(saved.network.state_dict(), old)
    assert saved.settings.objects == start.settings.objects
    learned = saved.card.learned.scores
    assert learned["ap"] < saved.card.scores["ap"]
    said = (saved.folder / "README.md").read_text()
    assert "What was learned is worse than the model it started from by AP" in said
    assert "still those it started from" in said


@pytest.mark.parametrize(
    ("learned", "kept"),
    [
        (Scores(10, 10, (7,) * 10, pixels_shared=9, pixels_true=9), True),
        (Scores(10, 10, (7,) * 5 + (8,) * 5, pixels_true=9), False),
        (Scores(10, 10, (7,) * 9 + (8,), pixels_true=9), True),
        (Scores(10, 10, (8,) * 5 + (5,) * 5, pixels_shared=9, pixels_true=9), True),
        (Scores(10, 10, (7,) * 10, pixels_true=9), True),
    ],
    ids=[
        "only pixels",
        "outlines",
        "next to nothing",
        "found, but outlines",
        "nothing",
    ],
)
def test_only_what_is_better_by_the_deciding_score_replaces_the_start(learned, kept):
    network = build_network(SMALL.network)
    training = Training(network, QUICK, choose_compute("cpu", "float32"))
    training.start = Start(training.weights, scores_of(7), scores_of(7))
    training.best_weights, training.best_scores = training.weights, learned
    assert training.keeps_start == kept


def test_one_that_finds_nothing_does_not_replace_another(start, tmp_path):
    network = build_network(SMALL.network)
    network.load_state_dict(start.network.state_dict())
    with torch.no_grad():  # background everywhere
        network.head.weight.zero_()
        network.head.bias.copy_(torch.tensor([9.0, -9.0]))
    blind = replace(start, network=network)
    examples = [discs(2), discs(1, role="validation")]
    result = train(examples, tmp_path / "m", WORSE.replaced(iterations=1), blind)
    assert result.kept_start
    assert result.after.f1 == 0
    said = (tmp_path / "m" / "README.md").read_text()
    assert "Neither what was learned nor the model it started from finds any" in said
    taken = use_learned(tmp_path / "m")
    assert not same(taken.network.state_dict(), network.state_dict())


def test_a_start_that_does_not_know_a_class_is_no_rival(start, tmp_path):
    names = ("background", "object", "speck")
    grown = change_classes(start, names)
    assert grown.new_classes == ("speck",)
    assert change_classes(start, names[:2]).new_classes == ()
    examples = [
        replace(e, annotation=np.where(e.annotation % 4 == 1, 2, e.annotation > 0))
        for e in (wrong(2), discs(1, role="validation"))
    ]
    result = train(examples, tmp_path / "m", WORSE, grown)
    assert result.before is not None
    assert not result.kept_start
    card = read_manifest(tmp_path / "m").card
    assert card.learned is None
    assert card.new_classes == ("speck",)
    assert "'start' does not know 'speck'" in (tmp_path / "m/README.md").read_text()


def test_only_images_that_are_learned_from_count_as_such(start):
    card = start.card
    assert (card.trained_on, card.objects) == (("discs0",), 16)


def test_the_mean_is_not_taken_where_it_loses_what_was_gained():
    assert is_worth_it(scores_of(8), scores_of(7), scores_of(6))
    assert not is_worth_it(scores_of(6), scores_of(7), scores_of(6))
    assert is_worth_it(scores_of(6), scores_of(6), scores_of(6))
    assert not is_worth_it(scores_of(3), scores_of(6), scores_of(7))


def test_what_was_accepted_at_a_stop_survives_going_on(start, tmp_path):
    """What comes of going on is worse than the start, which what was in use is not."""
    examples = [discs(2), discs(3), discs(1, role="validation")]
    untrained = train(examples, tmp_path / "new", QUICK.replaced(iterations=10)).model
    folder = tmp_path / "m"
    accepted = train(examples, folder, start_from=untrained)
    assert not accepted.kept_start
    wild = QUICK.replaced(iterations=70, learning_rate=1.0, schedule="constant")
    bad = [wrong(2), wrong(3), examples[2]]
    result = train(bad, folder, wild, resume=True)
    assert not result.kept_start
    assert result.after == accepted.after
    model = load_model(folder)
    assert model.card.iterations == 70
    assert model.settings.objects == accepted.model.settings.objects
    assert same(model.network.state_dict(), accepted.model.network.state_dict())


def test_of_two_accepted_the_clearly_worse_one_gives_way():
    training = Training(
        build_network(SMALL.network, seed=1), QUICK, choose_compute("cpu", "float32")
    )
    training.start = Start(training.weights, scores_of(3), scores_of(3), is_rival=True)
    own, weights = ObjectConfig(), training.weights
    training.iteration, training.best_weights = 1, weights

    def settle_at(matched):
        def validate(choosing):
            yield Validation(scores_of(matched), own, own=scores_of(matched))

        training.best_scores = scores_of(matched)
        list(settle(training, validate))
        return training.learned_scores

    assert settle_at(7) == scores_of(7)
    assert settle_at(5) == scores_of(7)
    assert settle_at(8) == scores_of(8)


def test_who_knows_better_takes_what_was_learned(worsened, start, tmp_path):
    folder = tmp_path / "copy"
    examples = [wrong(2), wrong(3), discs(1, role="validation")]
    train(examples, folder, WORSE, start)
    model = use_learned(folder)
    assert not same(model.network.state_dict(), start.network.state_dict())
    assert model.card.learned is None
    assert model.card.scores == read_manifest(worsened.model.folder).card.learned.scores
    assert not any(name.startswith("learned") for name in load_last(folder))
    with pytest.raises(InputError, match="holds what was learned already"):
        use_learned(folder)


def test_a_model_that_got_better_is_used(start, tmp_path):
    examples = [discs(2), discs(3), discs(1, role="validation")]
    untrained = train(examples, tmp_path / "new", QUICK.replaced(iterations=10)).model
    better = train(examples, tmp_path / "better", start_from=untrained)
    assert not better.kept_start
    assert better.model.card.learned is None
    assert rank(better.after) > rank(better.before)


def test_stopping_a_training_that_made_it_worse_keeps_the_start(start, tmp_path):
    examples = [wrong(2), wrong(3), discs(1, role="validation")]
    config = WORSE.replaced(iterations=1000)
    steps = fine_tune(
        examples, tmp_path / "m", config=config, start_from=start, **EXACT
    )
    while next(steps).iteration < 25:  # nothing was validated so far
        pass
    steps.close()
    model = load_model(tmp_path / "m")
    assert same(model.network.state_dict(), start.network.state_dict())
    assert model.card.learned is not None


def test_what_was_learned_is_saved_where_nothing_can_be_compared(start, tmp_path):
    lonely = discs(4)
    labels = np.where(lonely.annotation == 1, 1, 0)
    result = train([replace(lonely, annotation=labels)], tmp_path / "m", WORSE, start)
    assert result.before is None
    assert result.after is None
    assert not result.kept_start
    assert not same(result.model.network.state_dict(), start.network.state_dict())


def test_going_on_with_a_training_does_not_call_it_worse(tmp_path):
    examples = [discs(0), discs(1, role="validation")]
    train(examples, tmp_path / "m", QUICK.replaced(iterations=30))
    wild = QUICK.replaced(iterations=33, learning_rate=1.0, schedule="constant")
    result = train(examples, tmp_path / "m", wild, resume=True)
    assert not result.kept_start
    assert result.model.card.learned is None


def scores_of(matched):
    """Scores of ten objects of which so many were found."""
    return Scores(10, 10, (matched,) * 10, pixels_true=1, pixels_predicted=1)


def test_both_have_the_same_choice_of_how_objects_are_made():
    """As they are, it became better; each at its best, it became worse."""
    network = build_network(SMALL.network)
    training = Training(network, QUICK, choose_compute("cpu", "float32"))
    own = ObjectConfig()
    training.start = Start(training.weights, scores_of(5), scores_of(9))
    training.iteration = 1
    training.best_weights, training.best_scores = training.weights, scores_of(7)
    assert not training.keeps_start

    def validate(choosing):
        yield Validation(scores_of(8 if choosing else 7), own, own=scores_of(7))

    list(settle(training, validate))
    assert training.keeps_start
    assert training.scores == scores_of(5)  # it keeps its own way, too
    assert training.objects is None


@pytest.mark.parametrize(
    ("matched", "taken"), [((7, 7), 0.3), ((5, 7), 0.5), ((5, 5), 1.0)]
)
def test_only_a_part_of_the_way_is_gone_unless_that_is_worse(matched, taken):
    training = Training(
        build_network(SMALL.network, seed=1), QUICK, choose_compute("cpu", "float32")
    )
    old = build_network(SMALL.network, seed=2).state_dict()
    training.start = Start(old, scores_of(5), scores_of(5))
    training.iteration = 1
    learned = training.weights
    training.best_weights, training.best_scores = learned, scores_of(7)

    def is_at(weights, way):
        return all(
            torch.allclose(weights[name], old[name] + way * (new - old[name]))
            for name, new in learned.items()
            if new.is_floating_point()
        )

    def validate(choosing):
        here = training.network.state_dict()
        ways = zip(matched, (0.3, 0.5), strict=True)
        found = next((number for number, way in ways if is_at(here, way)), 7)
        yield Validation(scores_of(found), ObjectConfig(), own=scores_of(found))

    list(settle(training, validate))
    assert is_at(training.weights, taken)


def test_few_objects_do_not_choose_how_they_are_made(tmp_path):
    """With so few, a better score by less than an object is chance."""
    few = discs(5)
    labels = np.where(few.annotation <= 4, few.annotation, 0)
    held = replace(discs(6, role="validation"))
    held = replace(held, annotation=np.where(held.annotation <= 3, held.annotation, 0))
    result = train([replace(few, annotation=labels), held], tmp_path / "m", WORSE)
    chosen = result.model.settings.objects
    usual = SMALL.objects
    assert (chosen.threshold, chosen.split) == (usual.threshold, usual.split)


# On the command line.


@pytest.fixture
def folders(tmp_path, start):
    """Images with wrong labels, and one to judge by with right ones."""
    from napari_unet.formats.tiff import write_grey, write_labels

    for part, examples in (("bad", [wrong(2), wrong(3)]), ("good", [discs(1)])):
        for name in ("images", "labels"):
            (tmp_path / part / name).mkdir(parents=True)
        for example in examples:
            file = f"{example.image.name}.tif"
            size = example.image.pixel_size_um
            write_grey(tmp_path / part / "images" / file, example.image.array[0], size)
            write_labels(tmp_path / part / "labels" / file, example.annotation, size)
    bad, good = tmp_path / "bad", tmp_path / "good"
    return [
        "train", bad / "images", bad / "labels", "--start-from", start.folder,
        "--validation-images", good / "images", "--validation-labels", good / "labels",
        "--iterations", 25, "--set", "patch_size=48", "--set", "validations=2",
        "--learning-rate", 0.1, "--device", "cpu",
    ]  # fmt: skip


def test_the_command_line_says_that_it_became_worse(folders, tmp_path, call, start):
    code, out, _ = call(*folders, "--model", tmp_path / "m")
    assert code == 0
    assert "worse than the model it started from by AP and F1" in out
    assert re.search(r"AP [\d.]+ → [\d.]+ \(95 %: [\d.]+ to [\d.]+\), F1", out)
    assert "It was validated on images that were not trained on." in out
    assert "The model is still the one it started from." in out
    assert "On the same ground it found 16 of 16 objects" in out
    old = start.network.state_dict()
    assert same(load_model(tmp_path / "m").network.state_dict(), old)

    code, out, _ = call(*folders, "--model", tmp_path / "n", "--even-if-worse")
    assert code == 0
    assert "not better than that, and kept all the same" in out
    assert not same(load_model(tmp_path / "n").network.state_dict(), old)


def test_the_command_line_says_what_could_not_be_compared(tmp_path, call, start):
    from napari_unet.formats.tiff import write_grey, write_labels

    lonely = discs(4)
    labels = np.where(lonely.annotation == 1, 1, 0).astype(np.uint8)
    image, painted = tmp_path / "a.tif", tmp_path / "b.tif"
    write_grey(image, lonely.image.array[0], (0.5, 0.5))
    write_labels(painted, labels, (0.5, 0.5))
    code, out, _ = call(
        "train", image, painted, "--model", tmp_path / "m", "--start-from",
        start.folder, "--iterations", 2, "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    assert "could not be compared with 'start'" in out
