"""A combo box that shortens a long text in its middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

# Long names must not make the dock wide.
_MIN_CHARACTERS = 12


class ElidedCombo(QComboBox):
    """Show beginning and end of the chosen text where it does not fit.

    Layers of one image, and models of one kind, differ at the end of their names, which
    Qt cuts off.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setMinimumContentsLength(_MIN_CHARACTERS)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the box as ever, and the text shortened."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        box = QStyle.ComplexControl.CC_ComboBox
        painter.drawComplexControl(box, option)
        style = self.style()
        if style is None:
            return
        field = QStyle.SubControl.SC_ComboBoxEditField
        width = style.subControlRect(box, option, field, self).width()
        option.currentText = option.fontMetrics.elidedText(
            option.currentText, Qt.TextElideMode.ElideMiddle, width
        )
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
