"""The curves show what they were given, in any theme."""

from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtGui import QColor, QPalette

from napari_unet.core.evaluation.class_scores import ClassScores
from napari_unet.core.evaluation.scores import Scores
from napari_unet.core.evaluation.value_scores import ValueScores
from napari_unet.core.history import HistoryEntry
from napari_unet.widgets.curves import TrainingCurves


@pytest.fixture
def curves(qtbot):
    curves = TrainingCurves()
    qtbot.addWidget(curves)
    return curves


def scores(f1, iou):
    return SimpleNamespace(as_dict=lambda: {"f1": f1, "iou": iou})


def drawn(line):
    x, y = line.getOriginalDataset()
    return ([], []) if x is None else (list(x), list(y))


def test_scores_have_axes_only_where_there_are_any(qtbot):
    curves = TrainingCurves()
    qtbot.addWidget(curves)
    curves.add(1, 1.0, None)
    curves.finish()
    assert not curves._scores_plot.isVisible()
    scores = SimpleNamespace(as_dict=lambda: {"f1": 0.5, "iou": 0.4})
    curves.add(2, 0.9, scores)
    curves.finish()
    assert curves._scores_plot.isVisible()


def test_points_arrive_on_their_lines(qtbot, curves):
    curves.add(1, 0.9, None)
    curves.add(2, 0.7, scores(0.5, 0.25))
    curves.add(3, 0.6, None)
    curves.add(4, 0.5, scores(0.75, 0.5))

    qtbot.waitUntil(lambda: len(drawn(curves._loss_line)[0]) == 4)
    assert drawn(curves._loss_line) == ([1, 2, 3, 4], [0.9, 0.7, 0.6, 0.5])
    assert drawn(curves._lines["F1"]) == ([2, 4], [0.5, 0.75])
    assert drawn(curves._lines["IoU"]) == ([2, 4], [0.25, 0.5])


def test_nothing_is_built_before_the_first_point(curves):
    curves.clear()
    assert curves._canvas is None
    curves.add(1, 1.0, None)
    assert curves._canvas is not None


def test_a_new_training_starts_with_empty_curves(qtbot, curves):
    curves.add(1, 0.9, scores(0.5, 0.2))
    qtbot.waitUntil(lambda: len(drawn(curves._lines["F1"])[0]) == 1)
    curves.clear()
    assert drawn(curves._loss_line) == ([], [])
    assert drawn(curves._lines["F1"]) == ([], [])


def test_a_shorter_training_after_a_longer_one_is_seen_from_its_start(qtbot, curves):
    curves.show()
    for length in (200, 60):
        curves.clear()
        for iteration in range(1, length + 1):
            validation = scores(0.5, 0.2) if iteration % 15 == 0 else None
            curves.add(iteration, 1 / iteration, validation)
        qtbot.waitUntil(
            lambda length=length: (
                curves._loss_plot.viewRange()[0][1] == pytest.approx(length, rel=0.2)
            )
        )
    for plot in curves._plots:
        start, stop = plot.viewRange()[0]
        assert start <= 1
        assert 60 <= stop < 80


def test_a_zoom_of_the_user_stays_while_points_arrive(qtbot, curves):
    curves.add(1, 0.9, None)
    curves._loss_plot.setXRange(0, 10, padding=0)
    curves.add(500, 0.1, None)
    qtbot.waitUntil(lambda: len(drawn(curves._loss_line)[0]) == 2)
    np.testing.assert_allclose(curves._loss_plot.viewRange()[0], (0, 10))


def test_lines_differ_in_more_than_colour(curves):
    curves.add(1, 0.9, scores(0.5, 0.2))
    f1, iou = curves._lines["F1"].opts, curves._lines["IoU"].opts
    assert f1["symbol"] != iou["symbol"]
    assert f1["pen"].style() != iou["pen"].style()


def test_axes_follow_the_colour_of_the_text_around_them(curves):
    curves.add(1, 0.9, scores(0.5, 0.2))
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#123456"))
    curves.setPalette(palette)
    assert curves._loss_plot.getAxis("left").textPen().color().name() == "#123456"
    assert curves._loss_line.opts["pen"].color().name() == "#123456"


def test_the_loss_of_the_validation_stands_beside_that_of_the_training(qtbot, curves):
    curves.add(1, 0.9, None)
    curves.add(2, 0.7, scores(0.5, 0.25), 0.8)
    curves.add(3, 0.6, scores(0.5, 0.25), float("nan"))  # nothing had a weight
    qtbot.waitUntil(lambda: len(drawn(curves._loss_line)[0]) == 3)
    assert drawn(curves._held_line) == ([2], [0.8])
    loss, held = curves._loss_line.opts["pen"], curves._held_line.opts["pen"]
    assert loss.style() != held.style()


def of_classes(*iou):
    predicted = tuple(round(100 * v) for v in iou)
    found = ClassScores(tuple(round(100 * v) for v in iou), (100,) * 3, predicted)
    return Scores(classes=found)


def test_each_class_has_a_line_in_its_colour(qtbot, curves):
    curves.nameClasses(("background", "cell", "a nucleus of long name"), ())
    curves.add(5, 0.9, of_classes(0.9, 0.2, 0.6))
    curves.add(9, 0.8, of_classes(0.9, 0.3, 0.6))
    qtbot.waitUntil(lambda: len(drawn(curves._lines["cell"])[0]) == 2)
    assert list(curves._lines) == ["mean IoU", "cell", "a nucleus of …"]
    # Of 100 pixels in the truth, and none but the right ones predicted.
    assert drawn(curves._lines["cell"]) == ([5, 9], pytest.approx([0.2, 0.3]))
    colours = [curves._lines[n].opts["pen"].color().name() for n in curves._lines]
    assert colours[1:] == ["#e69f00", "#56b4e9"]
    labels = [label.text for _, label in curves._legend.items]
    assert labels == list(curves._lines)


def test_the_colours_that_classes_were_learned_from_are_taken(curves):
    curves.nameClasses(("background", "cell"), ("#000000", "#ff0080"))
    curves.add(5, 0.9, of_classes(0.9, 0.2, 0.6))
    assert curves._lines["cell"].opts["pen"].color().name() == "#ff0080"


def test_the_psnr_of_grey_values_has_a_range_of_its_own(qtbot, curves):
    curves.add(1, 0.9, ValueScores(100, squared=100, lowest=0, highest=10))
    curves.add(2, 0.8, ValueScores(100, squared=1, lowest=0, highest=10))
    qtbot.waitUntil(lambda: len(drawn(curves._lines["PSNR (dB)"])[0]) == 2)
    assert drawn(curves._lines["PSNR (dB)"])[1] == pytest.approx([20, 40])
    qtbot.waitUntil(lambda: curves._scores_plot.viewRange()[1][1] >= 40)
    curves.clear()  # then objects
    curves.add(1, 0.9, scores(0.5, 0.25))
    assert [label.text for _, label in curves._legend.items] == ["F1", "IoU"]
    assert curves._scores_plot.viewRange()[1] == pytest.approx([-0.05, 1.05])


def test_the_course_of_a_training_that_goes_on_is_seen(qtbot, curves):
    past = [
        HistoryEntry(iteration=10, seconds=1, loss=0.9),
        HistoryEntry(
            iteration=20, seconds=2, loss=0.5, validation_loss=0.6,
            scores={"f1": 0.5, "iou": 0.25},
        ),
    ]  # fmt: skip
    curves.showHistory(past)
    curves.add(21, 0.4, None)
    qtbot.waitUntil(lambda: len(drawn(curves._loss_line)[0]) == 3)
    assert drawn(curves._loss_line) == ([10, 20, 21], [0.9, 0.5, 0.4])
    assert drawn(curves._held_line) == ([20], [0.6])
    assert drawn(curves._lines["F1"]) == ([20], [0.5])
