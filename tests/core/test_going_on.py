"""A stopped training goes on as if it had never been stopped; its course is kept."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import Example
from napari_unet.core.card import Card, read_manifest
from napari_unet.core.checkpoint import load_last, load_model
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.history import HistoryEntry, write_history
from napari_unet.core.image import Image
from napari_unet.core.workflow import fine_tune, run
from napari_unet.resumed import to_its_end

SMALL = ModelSettings(network=NetworkConfig(base_channels=4, levels=2))
CONFIG = TrainConfig(
    seconds=None, iterations=24, patch_size=32, batch_size=1, validations=6,
    schedule="plateau",
)  # fmt: skip
EXACT = {"device": "cpu", "precision": "float32"}
# How long it took, which no two trainings have in common.
TIMES = ("seconds", "aside", "measuring")


def squares(shift=0):
    labels = np.zeros((64, 80), np.int32)
    for number in range(12):
        y, x = divmod(number, 4)
        labels[4 + 20 * y : 14 + 20 * y, 4 + 20 * x + shift : 14 + 20 * x + shift] = (
            number + 1
        )
    noise = np.random.default_rng(0).normal(0, 40, labels.shape)
    grey = (labels > 0) * 800 + 300 + noise
    return Example(Image(grey[None].astype(np.uint16), name="squares"), labels)


def stopped_after(folder, iteration, **options):
    steps = fine_tune([squares()], folder, config=CONFIG, settings=SMALL, **EXACT)
    for progress in steps:
        if progress.iteration == iteration and progress.phase == "training":
            break
    steps.close()


def test_the_card_says_that_a_training_ended_by_itself(tmp_path, whole):
    assert read_manifest(whole).card.ended
    folder, short = tmp_path / "m", CONFIG.replaced(iterations=None, seconds=1.0)
    run(fine_tune([squares()], folder, config=short, settings=SMALL, **EXACT))
    assert read_manifest(folder).card.ended
    assert to_its_end(read_manifest(folder).card) is None


def test_a_training_for_a_time_is_repeated_with_the_iterations_it_took_in_all(tmp_path):
    folder, day = tmp_path / "m", CONFIG.replaced(iterations=None, seconds=86400.0)
    for goes_on, end in ((False, 3), (True, 5)):
        steps = fine_tune(
            [squares()], folder, config=day, settings=SMALL, resume=goes_on, **EXACT
        )
        for progress in steps:
            if progress.iteration == end and progress.phase == "training":
                break
        steps.close()
        card = read_manifest(folder).card
        assert card.training == day
        assert not card.ended
        assert card.command.endswith(f" --iterations {end}")
        said = (folder / "README.md").read_text()
        assert f"- {end} iterations in" in said
        assert card.command in said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "m"
    run(fine_tune([squares()], folder, config=CONFIG, settings=SMALL, **EXACT))
    return folder


def test_a_stopped_training_takes_the_same_course_to_its_end(tmp_path, whole):
    folder = tmp_path / "m"
    stopped_after(folder, 13)
    run(fine_tune([squares()], folder, config=CONFIG, resume=True, **EXACT))
    one, two = load_last(whole), load_last(folder)
    for name in one:
        if name not in (*TIMES, "top", "without_gain", "on_plateau"):
            assert torch.equal(one[name], two[name]), name

    one, two = (read_manifest(f).card.history for f in (whole, folder))
    course = [(e.iteration, e.loss) for e in one]
    assert course == [(e.iteration, e.loss) for e in two]
    assert course == sorted(course)


def test_a_fine_tuning_goes_on_as_if_it_had_never_stopped(tmp_path, whole, monkeypatch):
    """Halfway to the same start, compared with it, and named by it."""
    monkeypatch.chdir(tmp_path)
    start, scores, weights = load_model(whole), [], []
    for name, stop in (("at once", None), ("stopped", 13)):
        steps = fine_tune(
            [squares(4)], Path(name), config=CONFIG, start_from=start, **EXACT
        )
        for progress in steps:
            if progress.iteration == stop and progress.phase == "training":
                break
        steps.close()
        if stop is not None:
            assert read_manifest(Path(name)).card.iterations == stop
            run(
                fine_tune([squares(4)], Path(name), config=CONFIG, resume=True, **EXACT)
            )
        card = read_manifest(Path(name)).card
        assert card.started_from == "m"
        assert f'--start-from "{whole}"' in card.command
        scores.append((card.scores_before, card.scores, card.learned))
        model = load_model(tmp_path / name)
        weights.append(model.network.state_dict())
    assert scores[0] == scores[1]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_validations_are_as_many_as_without_a_stop(tmp_path, whole):
    folder = tmp_path / "m"
    stopped_after(folder, 14)
    run(fine_tune([squares()], folder, config=CONFIG, resume=True, **EXACT))
    for field in ("iteration", "validation_loss"):
        of_whole, of_both = (
            [getattr(e, field) for e in read_manifest(f).card.history if e.scores]
            for f in (whole, folder)
        )
        assert of_both == pytest.approx(of_whole)


def test_what_was_counted_on_other_ground_is_forgotten(tmp_path):
    folder = tmp_path / "m"
    stopped_after(folder, 13)
    state = load_last(folder)
    assert np.isfinite(state["top"].item())
    other = replace(squares(), annotation=np.roll(squares().annotation, 7, axis=1))
    steps = fine_tune([other], folder, config=CONFIG, resume=True, **EXACT)
    while next(steps).phase != "training":
        pass
    steps.close()
    assert load_last(folder)["top"].item() == -np.inf


def test_another_optimizer_cannot_take_over(whole):
    other = CONFIG.replaced(optimizer="sgd", iterations=30)
    with pytest.raises(InputError, match="uses the optimizer 'adamw', and 'sgd'"):
        run(fine_tune([squares()], whole, config=other, resume=True, **EXACT))


def test_the_table_holds_the_course_of_the_training(whole):
    with (whole / "training.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows if not row["f1"]] == list(
        range(1, 25)
    )
    validated = [row for row in rows if row["f1"]]
    assert [int(row["iteration"]) for row in validated] == [4, 8, 12, 16, 20, 24]
    for row in validated:
        assert float(row["validation_loss"]) > 0
        assert 0 <= float(row["iou"]) <= 1
    assert float(rows[-1]["seconds"]) >= float(rows[0]["seconds"]) > 0


def test_cards_of_earlier_versions_are_read():
    card = Card.model_validate_json('{"history": [[4, 1.5, 0.7, 0.25, 0.5]]}')
    [entry] = card.history
    assert entry == HistoryEntry(
        iteration=4, seconds=1.5, loss=0.7, scores={"f1": 0.25, "iou": 0.5}
    )
    assert Card.model_validate_json(card.model_dump_json()) == card


def test_the_table_names_every_score_once():
    of_classes = {"f1": 1.0, "iou_0": 0.5}
    entry = HistoryEntry(iteration=2, seconds=1, loss=0.5, validation_loss=0.25)
    rows = write_history([entry, entry.replaced(scores=of_classes)]).splitlines()
    assert rows == [
        "iteration,seconds,loss,validation_loss,f1,iou_0",
        "2,1.00,0.5,0.25,,",
        "2,1.00,0.5,0.25,1,0.5",
    ]
