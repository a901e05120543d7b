"""A number box for a zoom, with one value that leaves it to the program."""

from __future__ import annotations

from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox

# A step is by this factor; below the smallest there is only the automatic zoom.
_STEP, _SMALLEST = 1.25, 0.02
_AUTOMATIC = "automatic"


class ZoomBox(QDoubleSpinBox):
    """Edit a zoom; 0 is shown as "automatic", with the zoom that was found last.

    Steps are by a factor, and from "automatic" they start at that zoom.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(3)
        self.setKeyboardTracking(False)
        self._found = 1.0
        self.showFound(None)

    def showFound(self, factor: float | None) -> None:
        """Show which zoom was found for the image; None where nothing was."""
        self._found = factor or 1.0
        self.setSpecialValueText(
            _AUTOMATIC if factor is None else f"{_AUTOMATIC}: {factor:.3g}"
        )

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        """There is always a larger and a smaller zoom."""
        flags = QAbstractSpinBox.StepEnabledFlag
        return flags.StepUpEnabled | flags.StepDownEnabled

    def stepBy(self, steps: int) -> None:
        """Enlarge or shrink it; from "automatic" on, the zoom that was found."""
        zoom = (self.value() or self._found) * _STEP**steps
        self.setValue(zoom if zoom >= _SMALLEST else 0.0)
