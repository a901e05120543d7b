"""The tables of an evaluation: the scores, and the list of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_unet.widgets.errors_layer import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_unet.core.evaluation.boundary_scores import BoundaryScores
    from napari_unet.core.evaluation.class_scores import ClassScores
    from napari_unet.core.evaluation.detection import DetectionScores
    from napari_unet.core.evaluation.error_map import Verdict
    from napari_unet.core.evaluation.point_comparison import PointComparison
    from napari_unet.core.evaluation.scores import Scores
    from napari_unet.core.evaluation.value_scores import ValueScores

# Name of the score, title, what it means.
_SCORES = (
    ("f1", "F1", "Objects found and not invented, at an overlap (IoU) of 0.5 or more"),
    ("precision", "Precision", "Part of the predicted objects that are right"),
    ("recall", "Recall", "Part of the true objects that were found"),
    ("ap", "AP", "Average precision over overlaps from 0.5 to 0.95: outlines count"),
    ("seg", "SEG", "Mean overlap of the true objects (Cell Tracking Challenge)"),
    ("iou", "IoU", "Intersection over union of the foreground pixels"),
    ("dice", "Dice", "Dice coefficient of the foreground pixels"),
    ("objects_true", "True objects", "How many there are"),
    ("objects_predicted", "Predicted objects", "How many the model sees"),
    ("true_positives", "Matched", "Predicted objects that match a true one"),
)
_BOUNDARY_SCORES = (
    ("rand_error", "Rand error", "Pairs of pixels taken for one cell, or for two"),
    (
        "warping_error",
        "Warping error",
        "Part of the pixels that splits or merges cells, however borders are shifted",
    ),
    ("pixel_error", "Pixel error", "1 - F of the pixels inside cells"),
    ("plain_pixel_error", "Plain pixel error", "Part of the pixels that is wrong"),
    ("v_rand", "V_Rand", "Pairs of pixels, borders of any width: 1 is best"),
    (
        "v_info",
        "V_Info",
        "Shared information, whatever the width of borders: 1 is best",
    ),
)
# Name of the score, title, format, what it means.
_VALUE_SCORES = (
    ("psnr", "PSNR (dB)", ".2f", "Range of the true values against the error"),
    ("rmse", "RMSE", ".4g", "Root of the mean squared error, in grey values"),
    ("mse", "MSE", ".6g", "Mean squared error"),
    ("mae", "MAE", ".4g", "Mean absolute error, in grey values"),
    ("ssim", "SSIM", ".4f", "Structural similarity in windows of 11 px: 1 is best"),
)
_PLACE = Qt.ItemDataRole.UserRole
_ROW_HEIGHT = 22
_MOST_ROWS, _MOST_ERRORS = 10, 6


class CopiedTable(QTableWidget):
    """A table to read, whose selected rows Ctrl+C copies for a spreadsheet."""

    def __init__(self, titles: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(0, len(titles), parent)
        self.setHorizontalHeaderLabels(titles)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            rows.setDefaultSectionSize(_ROW_HEIGHT)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy the selected rows, or all of them if none is selected."""
        if event is None or not event.matches(QKeySequence.StandardKey.Copy):
            super().keyPressEvent(event)
            return
        rows = sorted({index.row() for index in self.selectedIndexes()})
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.as_text(rows or range(self.rowCount())))

    def as_text(self, rows: list[int] | range) -> str:
        """Return rows as lines of cells with tabs between them."""
        return "\n".join(
            "\t".join(
                item.text() if (item := self.item(row, column)) is not None else ""
                for column in range(self.columnCount())
            )
            for row in rows
        )

    def put(self, row: int, texts: tuple[str, ...], help_text: str = "") -> None:
        """Fill a row."""
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(help_text)
            self.setItem(row, column, item)

    def fit_height(self, most_rows: int | None = None) -> None:
        """Be as high as the rows, or as so many of them."""
        header = self.horizontalHeader()
        rows = range(min(self.rowCount(), most_rows or self.rowCount()))
        height = sum(self.rowHeight(row) for row in rows)
        height += header.sizeHint().height() if header is not None else 0
        self.setFixedHeight(height + 2 * self.frameWidth())


class ScoreTable(CopiedTable):
    """One row per score."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("Score", "Value", "95 %"), parent)
        self.setAccessibleName("Scores")
        if (head := self.horizontalHeaderItem(2)) is not None:
            head.setToolTip(
                "Where the score of many such objects lies, as far as these tell: the "
                "fewer there are, the wider"
            )

    def setValue(self, scores: Scores) -> None:
        """Show the scores."""
        values = scores.as_dict()
        self.setRowCount(len(_SCORES))
        for row, (name, title, help_text) in enumerate(_SCORES):
            value = values[name]
            is_count = "objects" in name or name == "true_positives"
            shown = f"{value:.0f}" if is_count else f"{value:.3f}"
            ends = [values[n] for n in (f"{name}_low", f"{name}_high") if n in values]
            interval = " to ".join(f"{end:.2f}" for end in ends)
            self.put(row, (title, shown, interval), help_text)
        self.fit_height()


class ClassTable(CopiedTable):
    """One row per class of pixels, and their means."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("Class", "IoU", "Dice"), parent)
        self.setAccessibleName("Scores of the classes")

    def setValue(self, scores: ClassScores, names: Mapping[int, str]) -> None:
        """Show the scores; of classes by their names, as far as these are known."""
        names = {0: "0 (background)"} | dict(names)
        rows: list[tuple[str, float, float | None, str]] = [
            (names.get(number, str(number)), iou, dice, "")
            for number, (iou, dice) in enumerate(
                zip(scores.iou, scores.dice, strict=True)
            )
        ]
        rows += [
            (
                "Mean",
                scores.mean_iou,
                scores.mean_dice,
                "Over the classes that occur, background included",
            ),
            (
                "By frequency",
                scores.weighted_iou,
                None,
                "IoU weighted by how many true pixels a class has",
            ),
        ]
        self.setRowCount(len(rows))
        pixels = zip(scores.true, scores.predicted, strict=True)
        absent = {number for number, counts in enumerate(pixels) if not any(counts)}
        for row, (title, iou, dice, help_text) in enumerate(rows):
            texts = ["" if value is None else f"{value:.3f}" for value in (iou, dice)]
            if row in absent:
                texts, help_text = (
                    ["–", "–"],
                    "No pixel has this class, nor is taken for it",
                )
            self.put(row, (title, *texts), help_text)
        self.fit_height(_MOST_ROWS)


class BoundaryTable(CopiedTable):
    """One row per score of borders, with the threshold at which it is best."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("Score", "Value", "Threshold"), parent)
        self.setAccessibleName("Scores of the borders")
        self.setToolTip("Each at the best of the thresholds 0.0, 0.1 … 0.9")

    def setValue(self, scores: BoundaryScores) -> None:
        """Show the scores."""
        values, thresholds = scores.as_dict(), scores.best_thresholds()
        self.setRowCount(len(_BOUNDARY_SCORES))
        for row, (name, title, help_text) in enumerate(_BOUNDARY_SCORES):
            value = f"{values[name]:.{6 if name == 'warping_error' else 4}f}"
            self.put(row, (title, value, f"{thresholds[name]:.1f}"), help_text)
        self.fit_height()


class PointTable(CopiedTable):
    """One row per class of points, and one for all together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        titles = ("Class", "F1", "Prec.", "Recall", "True", "Pred.", "Right")
        super().__init__(titles, parent)
        self.setAccessibleName("Scores of the points")
        if (columns := self.horizontalHeader()) is not None:
            for column in range(1, len(titles)):  # the names get what is left
                columns.setSectionResizeMode(
                    column, QHeaderView.ResizeMode.ResizeToContents
                )
        for column, help_text in enumerate(
            (
                "",
                "Points found and not invented",
                "Precision: part of the predicted points that are right",
                "Part of the true points that were found",
                "True points",
                "Predicted points",
                "Predicted points that are near enough to a true one",
            )
        ):
            if (head := self.horizontalHeaderItem(column)) is not None:
                head.setToolTip(help_text)

    def setValue(self, compared: PointComparison) -> None:
        """Show the scores."""
        rows: list[tuple[str, DetectionScores]] = [("All", compared.overall)]
        if len(compared.scores) > 1:
            rows = [*compared.scores.items(), *rows]
        self.setRowCount(len(rows))
        for row, (title, scores) in enumerate(rows):
            ratios = (scores.f1, scores.precision, scores.recall)
            counts = (
                scores.objects_true,
                scores.objects_predicted,
                scores.true_positives,
            )
            texts = [f"{ratio:.3f}" for ratio in ratios] + [f"{n}" for n in counts]
            self.put(row, (title, *texts), title)
        self.fit_height(_MOST_ROWS)


class ValueTable(CopiedTable):
    """One row per score of predicted grey values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("Score", "Value"), parent)
        self.setAccessibleName("Scores of the grey values")

    def setValue(self, scores: ValueScores) -> None:
        """Show the scores; SSIM where it could be measured."""
        values = scores.as_dict()
        shown = [row for row in _VALUE_SCORES if row[0] in values]
        self.setRowCount(len(shown))
        for row, (name, title, form, help_text) in enumerate(shown):
            self.put(row, (title, f"{values[name]:{form}}"), help_text)
        self.fit_height()


class ErrorTable(CopiedTable):
    """One row per error; `chosen` carries the place of the row the user chose."""

    chosen = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("Error", "Object", "Where (px)"), parent)
        self.setAccessibleName("Errors")
        self.setToolTip("Click an error to see it")
        self.fit_height()
        self.currentCellChanged.connect(self._on_cell_changed)

    def setValue(self, verdicts: Sequence[Verdict]) -> None:
        """List every object that was not found, and every false one."""
        wrong = [v for v in verdicts if KINDS[v.kind][0] != "found"]
        self.setRowCount(0)
        self.setRowCount(len(wrong))
        for row, verdict in enumerate(wrong):
            name, colour, help_text = KINDS[verdict.kind]
            label = verdict.predicted_label if name == "false" else verdict.true_label
            place = ", ".join(f"{axis:.0f}" for axis in verdict.centre)
            self.put(row, (name, str(label), place), help_text)
            first = self.item(row, 0)
            if first is not None:
                first.setData(Qt.ItemDataRole.DecorationRole, QColor(colour))
                first.setData(_PLACE, verdict.centre)
        self.fit_height(_MOST_ERRORS)

    def _on_cell_changed(self, row: int, *_cells: int) -> None:
        item = self.item(row, 0)
        if item is not None and item.data(_PLACE) is not None:
            self.chosen.emit(tuple(item.data(_PLACE)))
