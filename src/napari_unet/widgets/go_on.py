"""The button that goes on with a stopped training: to its end, or for longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtGui import QAction  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QMenu, QPushButton, QWidget

from napari_unet.core.errors import InputError
from napari_unet.core.model_folders import is_starter
from napari_unet.resumed import for_another, to_its_end
from napari_unet.widgets.training_bar import describe_time

if TYPE_CHECKING:
    from pathlib import Path

    from napari_unet.core.card import Card
    from napari_unet.core.config import TrainConfig
    from napari_unet.session import Session

_PURPOSE = (
    "Train this model on, exactly where it was stopped: with its own settings and the "
    "state of its optimizer, on the images ticked above"
)


class GoOnButton(QPushButton):
    """Offers the two lengths for which a training can go on, in a menu.

    Parameters
    ----------
    session : Session
        Its length of a training is offered as the longer one.
    parent : QWidget, optional
        Qt parent.
    """

    asked = Signal(object, object)  # model folder, TrainConfig

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Go on", parent)
        self._session = session
        self._folder: Path | None = None
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)
        self.setToolTip(_PURPOSE)

    def setFolder(self, folder: Path | None) -> None:
        """Offer to go on with the training in a model folder, if there is one.

        Starter models hold none: new trainings start from them.
        """
        folder = None if folder is None or is_starter(folder) else folder
        self._folder = folder
        self.setEnabled(folder is not None and not self._session.is_busy)

    def _fill(self) -> None:
        """List the lengths as they are now."""
        self._menu.clear()
        if self._folder is None:
            return
        try:
            manifest = self._session.read_model(self._folder)
        except InputError as error:
            self._add(str(error), None)
            return
        if manifest is None or manifest.last is None or manifest.card.training is None:
            self._add("This folder holds no state of a training", None)
            return
        card, amount = manifest.card, self._session.train_config
        end = to_its_end(card)
        said = "It has reached its end" if end is None else _describe_rest(card, end)
        self._add(said, end)
        self._add(f"For another {_describe_length(amount)}", for_another(card, amount))

    def _add(self, text: str, config: TrainConfig | None) -> None:
        action, folder = QAction(text, self._menu), self._folder
        action.setEnabled(config is not None)
        action.triggered.connect(lambda: self.asked.emit(folder, config))
        self._menu.addAction(action)


def _describe_rest(card: Card, config: TrainConfig) -> str:
    """Say how long a training still is."""
    if card.is_unmeasured and not _trains_on(card, config):
        return "To its end: leave each image or region out once"
    if config.iterations is not None:
        return f"To its end: {config.iterations - card.iterations} iterations left"
    left = config.replaced(seconds=(config.seconds or 0) - card.seconds)
    return f"To its end: {_describe_length(left)} left"


def _trains_on(card: Card, config: TrainConfig) -> bool:
    """Tell whether steps are left."""
    if config.iterations is not None:
        return card.iterations < config.iterations
    return card.seconds < (config.seconds or 0)


def _describe_length(config: TrainConfig) -> str:
    """Say how long a training is."""
    if config.iterations is not None:
        return f"{config.iterations} iterations"
    return describe_time(config.seconds or 0)
