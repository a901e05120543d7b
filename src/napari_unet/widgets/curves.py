"""Live curves of a training: the loss above, the validation scores below."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_unet.widgets.class_colors import class_color

if TYPE_CHECKING:  # torch and pyqtgraph are not loaded for a dock that is only opened
    from collections.abc import Mapping, Sequence

    import pyqtgraph as pg

    from napari_unet.core.evaluation.detection import AnyScores
    from napari_unet.core.history import HistoryEntry

# Faster news than this is drawn together: drawing takes 8 ms.
_DRAW_MSEC = 500
# Okabe & Ito's vermillion and bluish green: told apart by the colour-blind, readable on
# black and on white. Lines and symbols differ too.
F1_COLOUR, IOU_COLOUR = "#D55E00", "#009E73"
_F1, _IOU, _MEAN, _PSNR = "F1", "IoU", "mean IoU", "PSNR (dB)"
# Of the legend: its rows are so high, in px, and hold so many names of so many letters.
_ROW_HEIGHT, _COLUMNS, _LETTERS = 20, 3, 14


class TrainingCurves(QWidget):
    """Losses of training and validation, and the validation's scores, per iteration.

    These are F1 and IoU; of classes, the IoU of each, in its colour, and their mean; of
    grey values, the PSNR.

    Nothing is drawn, and pyqtgraph is not loaded, before the first point arrives. A
    zoom that the user made stays while points are added; the "A" button in the
    corner of a plot goes back to showing everything.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Training curves")
        self.setToolTip(
            "Above: the loss on training patches, and dashed on the validation\n"
            "ground; both should fall. If that of the validation rises again,\n"
            "the network learns the images by heart.\n"
            "Below: how well the validation objects are found; it should rise.\n"
            "Drag to move, wheel to zoom, A in the corner to see everything."
        )
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_DRAW_MSEC)
        self._soon.timeout.connect(self._draw)
        self._canvas: pg.GraphicsLayoutWidget | None = None
        self._losses: tuple[list[int], list[float]] = ([], [])
        self._held: tuple[list[int], list[float]] = ([], [])
        self._scores: dict[str, tuple[list[int], list[float]]] = {}
        self._lines: dict[str, pg.PlotDataItem] = {}
        self._classes: dict[str, str] = {}  # name, and colour as #rrggbb

    def nameClasses(self, names: Sequence[str], values: Sequence[int | str]) -> None:
        """Say which classes the next validations are about.

        Parameters
        ----------
        names : sequence of str
            Background first.
        values : sequence of int or str
            See `ModelSettings.class_values`.
        """
        every = list(values) or [""] * len(names)
        self._classes = {
            _shorten(name): QColor.fromRgbF(*class_color(number, value)).name()
            for number, (name, value) in enumerate(zip(names, every, strict=True))
        }

    def clear(self) -> None:
        """Forget all points, for a new training; show nothing before its first."""
        self.hide()
        self._losses, self._held = ([], []), ([], [])
        self._scores = {}
        if self._canvas is not None:
            self._loss_plot.enableAutoRange()
            # Not with a range of its own: it has no point before the first validation.
            self._scores_plot.setXLink(self._loss_plot)
            self._show_lines((_F1, _IOU))
            self._draw()

    def add(
        self,
        iteration: int,
        loss: float,
        validation: AnyScores | None,
        validation_loss: float = math.nan,
    ) -> None:
        """Append one point to the loss and, after a validation, one to the scores.

        Parameters
        ----------
        iteration : int
            Optimizer steps taken so far.
        loss : float
            Smoothed loss of the training.
        validation : Scores, DetectionScores, ValueScores or None
            What a validation that has just ended found.
        validation_loss : float
            What it cost; NaN if there was none.
        """
        if self._canvas is None:
            self._build()
        self._append(
            iteration,
            loss,
            {} if validation is None else validation.as_dict(),
            validation_loss,
        )
        self.show()
        if not self._soon.isActive():
            self._soon.start()

    def showHistory(self, history: Sequence[HistoryEntry]) -> None:
        """Show the course of a training that now goes on."""
        if history and self._canvas is None:
            self._build()
        self.setVisible(bool(history))
        for entry in history:
            held = entry.validation_loss
            self._append(
                entry.iteration,
                entry.loss,
                entry.scores,
                math.nan if held is None else held,
            )

    def _append(
        self, iteration: int, loss: float, scores: Mapping[str, float], held: float
    ) -> None:
        self._losses[0].append(iteration)
        self._losses[1].append(loss)
        if math.isfinite(held):
            self._held[0].append(iteration)
            self._held[1].append(held)
        shown = self._choose(scores)
        if not shown:
            return
        if tuple(shown) != tuple(self._lines):
            self._show_lines(tuple(shown))
        for title, value in shown.items():
            iterations, values = self._scores.setdefault(title, ([], []))
            iterations.append(iteration)
            values.append(value)

    def _choose(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Return what is shown of the scores of a validation, by its title."""
        if "psnr" in scores:
            return {_PSNR: scores["psnr"]}
        if "iou_1" in scores:
            each = {
                title: scores[f"iou_{number}"]
                for number, title in enumerate(self._classes)
                if number > 0 and f"iou_{number}" in scores
            }
            return {_MEAN: scores["iou"]} | each
        return {_F1: scores["f1"], _IOU: scores["iou"]} if "f1" in scores else {}

    def finish(self) -> None:
        """Draw what waits to be drawn: no more will come."""
        if self._soon.isActive():
            self._soon.stop()
            self._draw()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow a change of napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() in (
            QEvent.Type.PaletteChange,
            QEvent.Type.StyleChange,
        ):
            self._colour()

    def _build(self) -> None:
        import pyqtgraph as pg

        self._canvas = pg.GraphicsLayoutWidget()
        self._canvas.setBackground(None)  # whatever the theme has behind it
        self._canvas.setFixedHeight(250 + _ROW_HEIGHT)
        self._canvas.ci.layout.setContentsMargins(0, 0, 6, 0)
        self._layout.addWidget(self._canvas)
        self._loss_plot = self._canvas.addPlot(row=1, col=0)
        self._loss_plot.setLabel("left", "loss")
        self._loss_plot.getAxis("bottom").setStyle(showValues=False)
        # Above the plots, where no line can run through them.
        self._loss_legend, self._legend = (
            pg.LegendItem(colCount=_COLUMNS, labelTextSize="8pt", verSpacing=-8)
            for _ in range(2)
        )
        rows = self._canvas.ci.layout
        rows.setSpacing(0)
        for row, legend in enumerate((self._loss_legend, self._legend)):
            self._canvas.addItem(legend, row=2 * row, col=0)
            rows.setAlignment(legend, Qt.AlignmentFlag.AlignCenter)
        rows.setRowMaximumHeight(0, _ROW_HEIGHT)
        self._scores_plot = self._canvas.addPlot(row=3, col=0)
        self._scores_plot.setLabel("left", "validation")
        self._scores_plot.setLabel("bottom", "iteration")
        self._scores_plot.setXLink(self._loss_plot)
        self._plots = (self._loss_plot, self._scores_plot)
        for plot in self._plots:
            plot.setMenuEnabled(False)
            plot.getAxis("left").setWidth(52)
            plot.getAxis("left").enableAutoSIPrefix(False)
            plot.getAxis("bottom").enableAutoSIPrefix(False)
        self._loss_line = self._loss_plot.plot()
        self._held_line = self._loss_plot.plot(symbol="o", symbolSize=5)
        self._loss_legend.addItem(self._loss_line, "training")
        self._loss_legend.addItem(self._held_line, "validation")
        self._loss_line.setDownsampling(auto=True, method="peak")
        self._loss_line.setClipToView(True)
        self._show_lines((_F1, _IOU))

    def _show_lines(self, titles: tuple[str, ...]) -> None:
        """Make a line for each of these scores, in place of the others."""
        for line in self._lines.values():
            self._scores_plot.removeItem(line)
        self._legend.clear()
        self._lines = {title: self._draw_line(title) for title in titles}
        for title, line in self._lines.items():
            self._legend.addItem(line, title)
        rows = self._canvas.ci.layout if self._canvas is not None else None
        if rows is not None:
            height = _ROW_HEIGHT * math.ceil(len(titles) / _COLUMNS)
            rows.setRowMaximumHeight(2, height)
        if titles == (_PSNR,):  # decibels have a range of their own
            self._scores_plot.enableAutoRange(axis="y")
        else:
            self._scores_plot.setYRange(0, 1, padding=0.05)
        self._colour()

    def _draw_line(self, title: str) -> pg.PlotDataItem:
        """Return a new line; those that are no class differ in more than colour."""
        import pyqtgraph as pg

        is_mean = title in (_IOU, _MEAN)
        plain = {_F1: F1_COLOUR, _PSNR: F1_COLOUR, _IOU: IOU_COLOUR, _MEAN: "#888888"}
        colour = plain[title] if title in plain else self._classes[title]
        style = Qt.PenStyle.DashLine if is_mean else Qt.PenStyle.SolidLine
        return self._scores_plot.plot(
            pen=pg.mkPen(colour, width=2, style=style),
            symbol="s" if is_mean else "o",
            symbolSize=6,
            symbolBrush=colour,
            symbolPen=None,
        )

    def _colour(self) -> None:
        """Draw axes and text in the colour of the text around the plots."""
        if self._canvas is None:
            return
        import pyqtgraph as pg

        colour = self.palette().color(QPalette.ColorRole.WindowText)
        for plot in self._plots:
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(colour)
                plot.getAxis(side).setTextPen(colour)
        self._loss_line.setPen(pg.mkPen(colour, width=2))
        dashed = pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine)
        self._held_line.setPen(dashed)
        self._held_line.setSymbolBrush(colour)
        self._held_line.setSymbolPen(None)
        for legend in (self._legend, self._loss_legend):
            for _, label in legend.items:
                label.setText(label.text, color=colour)

    def _draw(self) -> None:
        # Empty axes would look as if nothing had been found.
        for item in (self._scores_plot, self._legend):
            item.setVisible(bool(self._scores))
        self._loss_plot.getAxis("bottom").setStyle(showValues=not self._scores)
        for item, label in self._loss_legend.items:
            for part in (item, label):
                part.setVisible(item.item is self._loss_line or bool(self._held[0]))
        self._loss_line.setData(*self._losses)
        self._held_line.setData(*self._held)
        for title, line in self._lines.items():
            line.setData(*self._scores.get(title, ([], [])))


def _shorten(name: str) -> str:
    """Return a name that fits into the legend."""
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
