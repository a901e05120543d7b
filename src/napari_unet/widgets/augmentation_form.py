"""Random changes of the patches: one choice, and every field for who wants it."""

from __future__ import annotations

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QComboBox, QFormLayout, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_unet.core.config import AUGMENTATIONS, AugmentationConfig
from napari_unet.widgets.form import Form

_OWN = "as set below"


class AugmentationForm(QWidget):
    """A choice of sets of changes, above the form with all of them.

    Parameters
    ----------
    config : AugmentationConfig
        What to show first.
    parent : QWidget, optional
        Qt parent.
    """

    valueChanged = Signal(object)

    def __init__(
        self, config: AugmentationConfig, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._sets = QComboBox()
        self._sets.setAccessibleName("Strength")
        self._sets.setToolTip(
            "Sets all fields below: nothing; mirrors and right angles; the standard; "
            "what the paper names; or much of everything, for few images"
        )
        for name in AUGMENTATIONS:
            self._sets.addItem(name, name)
        self._sets.addItem(_OWN)
        self._form = Form(config)
        row = QFormLayout()
        row.addRow("Strength", self._sets)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._form)
        self._sets.currentIndexChanged.connect(self._on_set_chosen)
        self._form.valueChanged.connect(self._on_edited)
        self.setValue(config)

    def value(self) -> AugmentationConfig:
        """Return the settings as they are shown."""
        return self._form.value()

    def setValue(self, config: AugmentationConfig) -> None:
        """Show settings, and the name of their set if they are one; emits nothing."""
        self._form.setValue(config)
        known = (name for name, each in AUGMENTATIONS.items() if each == config)
        with signals_blocked(self._sets):
            self._sets.setCurrentText(next(known, _OWN))

    def control(self, name: str) -> QWidget:
        """Return the control of one field."""
        control: QWidget = self._form.control(name)
        return control

    def _on_edited(self, config: AugmentationConfig) -> None:
        self.setValue(config)
        self.valueChanged.emit(config)

    def _on_set_chosen(self, _index: int) -> None:
        name = self._sets.currentData()
        if name is not None:
            self._form.setValue(AUGMENTATIONS[name])
            self.valueChanged.emit(AUGMENTATIONS[name])
