"""How much memory a training step will take, below the size of its patches."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QWidget

from napari_unet.planned import describe_step
from napari_unet.widgets.background import LatestAnswer

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

    from napari_unet.core.config import NetworkConfig
    from napari_unet.session import Session


class StepNote(QLabel):
    """Says what a step of the session's next training will take.

    Parameters
    ----------
    session : Session
        With the settings and the device of the training.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._network: NetworkConfig | None = None
        self._answer = LatestAnswer(self, "Estimating memory")
        self._answer.answered.connect(self.setText)
        self.setWordWrap(True)
        self.setToolTip(
            "Estimated for patches of the size asked for: weights, what the optimizer "
            "keeps, and the feature maps that the gradient needs. Where it does not "
            "fit, a training does less at a time and says so"
        )

    def setNetwork(self, network: NetworkConfig) -> None:
        """Say it for the network that will learn, with the settings as they are now."""
        self._network = network
        self._ask()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Ask when unfolded: the answer loads torch."""
        super().showEvent(event)
        self._ask()

    def _ask(self) -> None:
        if self._network is None or not self.isVisible():
            return
        session = self._session
        self._answer.ask(
            functools.partial(
                describe_step, self._network, session.train_config, session.device
            )
        )
