"""The tables of an evaluation: the scores, and the list of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_unet.widgets.errors_layer import KINDS

if TYPE_CHECKING:
    from napari_unet.core.evaluation.error_map import ErrorMap
    from napari_unet.core.evaluation.scores import Scores

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
_PLACE = Qt.ItemDataRole.UserRole
_ERRORS_HEIGHT, _ROW_HEIGHT = 160, 22


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


class ScoreTable(CopiedTable):
    """One row per score."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("Score", "Value"), parent)
        self.setAccessibleName("Scores")

    def setValue(self, scores: Scores) -> None:
        """Show the scores."""
        values = scores.as_dict()
        self.setRowCount(len(_SCORES))
        for row, (name, title, help_text) in enumerate(_SCORES):
            value = values[name]
            is_count = "objects" in name or name == "true_positives"
            self.put(
                row, (title, f"{value:.0f}" if is_count else f"{value:.3f}"), help_text
            )
        header = self.horizontalHeader()
        height = sum(self.rowHeight(row) for row in range(self.rowCount()))
        height += header.sizeHint().height() if header is not None else 0
        self.setFixedHeight(height + 2 * self.frameWidth())


class ErrorTable(CopiedTable):
    """One row per error; `chosen` carries the place of the row the user chose."""

    chosen = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("Error", "Object", "Where (px)"), parent)
        self.setAccessibleName("Errors")
        self.setToolTip("Click an error to see it")
        self.setFixedHeight(_ERRORS_HEIGHT)
        self.currentCellChanged.connect(self._on_cell_changed)

    def setValue(self, errors: ErrorMap) -> None:
        """List every object that was not found, and every false one."""
        wrong = [v for v in errors.verdicts if KINDS[v.kind][0] != "found"]
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

    def _on_cell_changed(self, row: int, *_cells: int) -> None:
        item = self.item(row, 0)
        if item is not None and item.data(_PLACE) is not None:
            self.chosen.emit(tuple(item.data(_PLACE)))
