"""Live curves of a training: the loss above, the validation scores below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:  # torch and pyqtgraph are not loaded for a dock that is only opened
    import pyqtgraph as pg

    from napari_unet.core.evaluation.detection import AnyScores

# Faster news than this is drawn together: drawing takes 8 ms.
_DRAW_MSEC = 500
# Okabe & Ito's vermillion and bluish green: told apart by the colour-blind, readable on
# black and on white. Lines and symbols differ too.
F1_COLOUR, IOU_COLOUR = "#D55E00", "#009E73"


class TrainingCurves(QWidget):
    """Loss of the training patches and scores of the validation, per iteration.

    These are F1 and IoU; of grey values, the PSNR.

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
            "Above: the loss on training patches; it should fall.\n"
            "Below: how well the validation objects are found, or how close grey "
            "values are (PSNR); it should rise.\n"
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
        self._scores: tuple[list[int], list[float], list[float]] = ([], [], [])
        self._titles: tuple[str, ...] = ()

    def clear(self) -> None:
        """Forget all points, for a new training."""
        self._losses = ([], [])
        self._scores = ([], [], [])
        if self._canvas is not None:
            self._loss_plot.enableAutoRange()
            # Not with a range of its own: it has no point before the first validation.
            self._scores_plot.setXLink(self._loss_plot)
            self._name_scores(("F1", "IoU"))
            self._draw()

    def add(self, iteration: int, loss: float, validation: AnyScores | None) -> None:
        """Append one point to the loss and, after a validation, one to the scores.

        Parameters
        ----------
        iteration : int
            Optimizer steps taken so far.
        loss : float
            Smoothed loss of the training.
        validation : Scores, DetectionScores, ValueScores or None
            What a validation that has just ended found.
        """
        self._losses[0].append(iteration)
        self._losses[1].append(loss)
        if self._canvas is None:
            self._build()
        if validation is not None:
            self._add_scores(iteration, validation)
        self.show()
        if not self._soon.isActive():
            self._soon.start()

    def _add_scores(self, iteration: int, validation: AnyScores) -> None:
        from napari_unet.core.evaluation.value_scores import ValueScores

        self._scores[0].append(iteration)
        if isinstance(validation, ValueScores):
            self._name_scores(("PSNR (dB)",))
            self._scores[1].append(validation.psnr)
        else:
            self._scores[1].append(validation.f1)
            self._scores[2].append(validation.iou)

    def _name_scores(self, titles: tuple[str, ...]) -> None:
        """Say in the legend what the lines are; decibels have a range of their own."""
        if titles == self._titles:
            return
        self._titles = titles
        self._legend.clear()
        for line, title in zip((self._f1_line, self._iou_line), titles, strict=False):
            self._legend.addItem(line, title)
        if len(titles) == 1:
            self._scores_plot.enableAutoRange(axis="y")
        else:
            self._scores_plot.setYRange(0, 1, padding=0.05)
        self._colour()

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
        self._canvas.setFixedHeight(250)
        self._canvas.ci.layout.setContentsMargins(0, 0, 6, 0)
        self._layout.addWidget(self._canvas)
        self._loss_plot = self._canvas.addPlot(row=0, col=0)
        self._loss_plot.setLabel("left", "loss")
        self._loss_plot.getAxis("bottom").setStyle(showValues=False)
        # Between the plots, where no line can run through it.
        self._legend = pg.LegendItem(colCount=2, labelTextSize="8pt", verSpacing=-8)
        self._canvas.addItem(self._legend, row=1, col=0)
        rows = self._canvas.ci.layout
        rows.setSpacing(0)
        rows.setRowMaximumHeight(1, 20)
        self._legend.setMaximumWidth(130)
        rows.setAlignment(self._legend, Qt.AlignmentFlag.AlignCenter)
        self._scores_plot = self._canvas.addPlot(row=2, col=0)
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
        self._f1_line = self._scores_plot.plot(
            pen=pg.mkPen(F1_COLOUR, width=2),
            symbol="o",
            symbolSize=6,
            symbolBrush=F1_COLOUR,
            symbolPen=None,
        )
        self._iou_line = self._scores_plot.plot(
            pen=pg.mkPen(IOU_COLOUR, width=2, style=Qt.PenStyle.DashLine),
            symbol="s",
            symbolSize=6,
            symbolBrush=IOU_COLOUR,
            symbolPen=None,
        )
        self._loss_line.setDownsampling(auto=True, method="peak")
        self._loss_line.setClipToView(True)
        self._name_scores(("F1", "IoU"))

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
        for _, label in self._legend.items:
            label.setText(label.text, color=colour)

    def _draw(self) -> None:
        self._loss_line.setData(*self._losses)
        iterations, f1, iou = self._scores
        self._f1_line.setData(iterations, f1)
        self._iou_line.setData(iterations[: len(iou)], iou)  # none of grey values
