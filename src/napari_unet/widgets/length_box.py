"""A length in µm, or none."""

from __future__ import annotations

from qtpy.QtWidgets import QDoubleSpinBox, QWidget

_LONGEST = 10_000.0
_DECIMALS = 4


class LengthBox(QDoubleSpinBox):
    """A box for a length in µm; at its lower end there is none.

    Parameters
    ----------
    title : str
        For screen readers.
    absent : str
        What is shown where there is no length.
    tooltip : str
        What the length is.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self, title: str, absent: str, tooltip: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self.setToolTip(tooltip)
        self.setDecimals(_DECIMALS)
        self.setRange(0, _LONGEST)
        self.setSingleStep(0.1)
        self.setSuffix(" µm")
        self.setSpecialValueText(absent)
        self.setKeyboardTracking(False)

    def length(self) -> float | None:
        """Return the length in µm; None where there is none."""
        return self.value() or None

    def setLength(self, length: float | None) -> None:
        """Show a length, or that there is none."""
        self.setValue(length or 0.0)
