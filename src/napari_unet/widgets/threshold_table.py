"""The scores of borders at every threshold, not only at the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.widgets.score_tables import CopiedTable

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_unet.core.evaluation.boundary_scores import BoundaryScores

# Name of the score, short title, digits, what it means. In per cent all have room.
_COLUMNS = (
    ("rand_error", "Rand", 1, "Rand error, %"),
    ("warping_error", "Warp", 2, "Warping error, %"),
    ("pixel_error", "Pixel", 1, "Pixel error: 1 - F of the pixels inside cells, %"),
    ("plain_pixel_error", "Plain", 1, "Plain pixel error: part that is wrong, %"),
    ("v_rand", "V_R", 1, "V_Rand, %: 100 is best"),
    ("v_info", "V_I", 1, "V_Info, %: 100 is best"),
)


class ThresholdTable(CopiedTable):
    """One row per threshold; what is best in a column is bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("At", *(title for _, title, _, _ in _COLUMNS)), parent)
        self.setAccessibleName("Scores at every threshold")
        for column, (_, _, _, help_text) in enumerate(_COLUMNS, start=1):
            header = self.horizontalHeaderItem(column)
            if header is not None:
                header.setToolTip(help_text)

    def setValue(self, scores: BoundaryScores) -> None:
        """Show the scores."""
        from napari_unet.core.evaluation.boundary_scores import THRESHOLDS

        values, best = scores.by_threshold(), scores.best_thresholds()
        self.setRowCount(len(THRESHOLDS))
        for row, threshold in enumerate(THRESHOLDS):
            cells = (
                f"{100 * values[name][row]:.{digits}f}"
                for name, _, digits, _ in _COLUMNS
            )
            self.put(row, (f"{threshold:.1f}", *cells))
            for column, (name, _, _, _) in enumerate(_COLUMNS, start=1):
                item = self.item(row, column)
                if item is not None and best[name] == threshold:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
        self.fit_height()
