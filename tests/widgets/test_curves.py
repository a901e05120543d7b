"""The curves show what they were given, in any theme."""

from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtGui import QColor, QPalette

from napari_unet.core.evaluation.value_scores import ValueScores
from napari_unet.widgets.curves import TrainingCurves


@pytest.fixture
def curves(qtbot):
    curves = TrainingCurves()
    qtbot.addWidget(curves)
    return curves


def scores(f1, iou):
    return SimpleNamespace(f1=f1, iou=iou)


def drawn(line):
    x, y = line.getOriginalDataset()
    return ([], []) if x is None else (list(x), list(y))


def test_points_arrive_on_their_lines(qtbot, curves):
    curves.add(1, 0.9, None)
    curves.add(2, 0.7, scores(0.5, 0.25))
    curves.add(3, 0.6, None)
    curves.add(4, 0.5, scores(0.75, 0.5))

    qtbot.waitUntil(lambda: len(drawn(curves._loss_line)[0]) == 4)
    assert drawn(curves._loss_line) == ([1, 2, 3, 4], [0.9, 0.7, 0.6, 0.5])
    assert drawn(curves._f1_line) == ([2, 4], [0.5, 0.75])
    assert drawn(curves._iou_line) == ([2, 4], [0.25, 0.5])


def test_the_psnr_of_grey_values_has_a_line_and_a_range_of_its_own(qtbot, curves):
    curves.add(1, 0.9, ValueScores(100, squared=100, lowest=0, highest=10))
    curves.add(2, 0.8, ValueScores(100, squared=1, lowest=0, highest=10))
    qtbot.waitUntil(lambda: len(drawn(curves._f1_line)[0]) == 2)
    assert drawn(curves._f1_line)[1] == pytest.approx([20, 40])
    assert drawn(curves._iou_line) == ([], [])
    assert [label.text for _, label in curves._legend.items] == ["PSNR (dB)"]
    qtbot.waitUntil(lambda: curves._scores_plot.viewRange()[1][1] >= 40)
    curves.clear()  # then objects
    curves.add(1, 0.9, scores(0.5, 0.25))
    assert [label.text for _, label in curves._legend.items] == ["F1", "IoU"]
    low, high = curves._scores_plot.viewRange()[1]
    assert (low, high) == pytest.approx((-0.05, 1.05))


def test_nothing_is_built_before_the_first_point(curves):
    curves.clear()
    assert curves._canvas is None
    curves.add(1, 1.0, None)
    assert curves._canvas is not None


def test_a_new_training_starts_with_empty_curves(qtbot, curves):
    curves.add(1, 0.9, scores(0.5, 0.2))
    qtbot.waitUntil(lambda: len(drawn(curves._f1_line)[0]) == 1)
    curves.clear()
    assert drawn(curves._loss_line) == ([], [])
    assert drawn(curves._f1_line) == ([], [])


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
    f1, iou = curves._f1_line.opts, curves._iou_line.opts
    assert f1["symbol"] != iou["symbol"]
    assert f1["pen"].style() != iou["pen"].style()


def test_axes_follow_the_colour_of_the_text_around_them(curves):
    curves.add(1, 0.9, scores(0.5, 0.2))
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#123456"))
    curves.setPalette(palette)
    assert curves._loss_plot.getAxis("left").textPen().color().name() == "#123456"
    assert curves._loss_line.opts["pen"].color().name() == "#123456"
