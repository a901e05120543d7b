"""Save the settings of a training to a file, and load them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_unet.choices import forget_choices
from napari_unet.core.errors import InputError
from napari_unet.core.presets import TrainingSettings
from napari_unet.widgets.background import show_problem

if TYPE_CHECKING:
    from napari_unet.session import Session

_FILTER = "Settings of a training (*.json)"


class SettingsFile(QWidget):
    """Two buttons: *Save settings…* and *Load settings…*.

    The file is what ``napari-unet train --config`` reads, and what every model folder
    holds as ``training.json``.

    Parameters
    ----------
    session : Session
        Whose settings are meant.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._save = QPushButton("Save settings …")
        self._save.setToolTip(
            "Write network, training and normalisation to a file that "
            "'napari-unet train --config' reads, too"
        )
        self._load = QPushButton("Load settings …")
        self._load.setToolTip(
            "Take the settings of such a file, or of the training.json in a model "
            "folder"
        )
        self._defaults = QPushButton("Defaults")
        self._defaults.setToolTip(
            "Go back to what a new user finds: model, preset, time and settings of the "
            "training, average and tile of a segmentation. They are remembered from "
            "one start of napari to the next"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._save)
        layout.addWidget(self._load)
        layout.addWidget(self._defaults)
        self._defaults.clicked.connect(lambda: forget_choices(self._session))
        self._save.clicked.connect(self._on_save_clicked)
        self._load.clicked.connect(self._on_load_clicked)

    def _on_save_clicked(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save settings", "training.json", _FILTER
        )
        if name:
            path = Path(name)
            self.save(path if path.suffix else path.with_suffix(".json"))

    def _on_load_clicked(self) -> None:
        start = str(self._session.models_folder)
        name, _ = QFileDialog.getOpenFileName(self, "Load settings", start, _FILTER)
        if name:
            self.load(Path(name))

    def save(self, path: Path) -> None:
        """Write the settings as they are, or say why that cannot be."""
        from napari_unet.formats.training_settings import write_training_settings

        session = self._session
        settings = TrainingSettings(
            preset=session.preset,
            network=session.network,
            training=session.train_config,
            normalisation=session.normalisation,
            pixel_size_um=session.pixel_size_um,
            pixel_size_z_um=session.pixel_size_z_um,
        )
        try:
            write_training_settings(path, settings)
        except InputError as error:
            show_problem(error)

    def load(self, path: Path) -> None:
        """Take over the settings of a file, or say why they cannot be used."""
        from napari_unet.formats.training_settings import read_training_settings

        try:
            settings = read_training_settings(path)
        except InputError as error:
            show_problem(error)
            return
        session = self._session
        session.preset = settings.preset
        session.network = settings.network
        session.train_config = settings.training
        session.normalisation = settings.normalisation
        session.pixel_size_um = settings.pixel_size_um
        session.pixel_size_z_um = settings.pixel_size_z_um
