"""What ground left unpainted means, where no region says it: to be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget
from superqt.utils import signals_blocked

from napari_unet.core.config import TrainConfig
from napari_unet.widgets.background import listen

if TYPE_CHECKING:
    from napari_unet.session import Session

_CHOICES: dict[Literal["auto", "background", "unknown"], str] = {
    "auto": "as the model says",
    "background": "background",
    "unknown": "unknown",
}


class UnpaintedGround(QWidget):
    """View of `TrainConfig.unpainted`.

    Parameters
    ----------
    session : Session
        Whose training settings.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        help_text = str(TrainConfig.model_fields["unpainted"].description)
        self.setToolTip(help_text)
        self._combo = QComboBox()
        self._combo.setAccessibleName("Unpainted ground")
        self._combo.setAccessibleDescription(help_text)
        for value, words in _CHOICES.items():
            self._combo.addItem(words, value)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Unpainted ground"))
        row.addWidget(self._combo, 1)
        self._combo.currentIndexChanged.connect(self._on_chosen)
        listen(session.events.train_config, self._show)
        self._show()

    def _show(self, _event: object = None) -> None:
        with signals_blocked(self._combo):
            chosen = self._session.train_config.unpainted
            self._combo.setCurrentIndex(self._combo.findData(chosen))

    def _on_chosen(self, _index: int) -> None:
        config = self._session.train_config
        self._session.train_config = config.replaced(
            unpainted=self._combo.currentData()
        )
