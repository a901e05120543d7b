"""How to train: from what, by which preset, for how long, and all the rest."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.presets import PRESETS
from napari_unet.core.training.patch_shape import (
    describe_patch,
    fit_patch,
    output_shape,
)
from napari_unet.widgets.augmentation_form import AugmentationForm
from napari_unet.widgets.background import listen
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.form import Form
from napari_unet.widgets.model_pixel_size import ModelPixelSize
from napari_unet.widgets.settings_file import SettingsFile
from napari_unet.widgets.start_combo import StartCombo
from napari_unet.widgets.step_note import StepNote

if TYPE_CHECKING:
    from pathlib import Path

    from napari_unet.core.config import AugmentationConfig, NetworkConfig
    from napari_unet.session import Session

_TOOLTIP = Qt.ItemDataRole.ToolTipRole
_MINUTES, _ITERATIONS = "minutes", "iterations"
_TRAINING = (
    "patch_size",
    "patch_depth",
    "batch_size",
    "loss",
    "dice_share",
    "optimizer",
    "learning_rate",
    "momentum",
    "weight_decay",
    "schedule",
    "max_gradient",
    "validations",
    "held_back",
    "point_radius",
    "patience",
    "seed",
)
_FEWEST_PARTS = 2
_TOO_FEW_PARTS = (
    "<b>To leave one out, there must be two images or regions at least: annotate "
    "another image, or draw regions under Annotate.</b>"
)
_USUAL_PRESET = "fast"
NETWORK_OF_MODEL = (
    "A model to start from keeps its network: of the preset, only how to train counts."
)
_NETWORK = (
    "dimensions",
    "architecture",
    "base_channels",
    "levels",
    "levels_z",
    "block",
    "skip",
    "padding",
    "upsampling",
    "activation",
    "norm",
    "norm_place",
    "dropout",
    "dropout_place",
    "dropout_kind",
    "head",
    "head_channels",
    "deep_supervision",
)


class TrainForm(QWidget):
    """View of the session's training settings.

    Parameters
    ----------
    session : Session
        Holds `preset`, `train_config`, `network` and the model to start from.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._parts = 0  # images or regions to learn from
        # Of the unit that is not shown: what comes back with it.
        self._seconds, self._iterations = 60.0, 500
        self._build()
        self._preset.currentIndexChanged.connect(self._on_preset_chosen)
        self._amount.valueChanged.connect(self._on_limit_edited)
        self._unit.currentIndexChanged.connect(self._on_unit_chosen)
        self._leave_out.toggled.connect(self._on_leave_out_toggled)
        self._training.valueChanged.connect(self._on_training_edited)
        self._augmentation.valueChanged.connect(self._on_augmentation_edited)
        self._network.valueChanged.connect(self._on_network_edited)
        self._grey_values.valueChanged.connect(self._on_grey_values_edited)
        events = session.events
        for signal in (
            events.train_config,
            events.preset,
            events.network,
            events.normalisation,
        ):
            listen(signal, self._show)
        listen(events.start_from, self._show_what_starts)
        listen(events.device, self._show)
        self._show_what_starts()
        self._show()

    def start_from(self) -> Path | None:
        """Return the model folder to start from; None to start from scratch."""
        return self._start.folder()

    def _build(self) -> None:
        self._start = StartCombo(self._session)
        self._preset = QComboBox()
        self._preset.setToolTip("A network with the training settings that suit it")
        for name, preset in PRESETS.items():
            self._preset.addItem(name, name)
            index = self._preset.count() - 1
            self._preset.setItemData(index, preset.summary, _TOOLTIP)
        self._preset_line = QLabel()
        self._preset_line.setWordWrap(True)
        self._amount = QDoubleSpinBox()
        self._amount.setKeyboardTracking(False)
        self._amount.setToolTip(
            "How long to train; you can stop at any time and keep the best"
        )
        self._unit = QComboBox()
        self._unit.addItems([_MINUTES, _ITERATIONS])
        self._unit.setToolTip("Train for a time, or for a number of steps")
        self._unit.setAccessibleName("Unit of the training's length")
        limit = QHBoxLayout()
        limit.addWidget(self._amount, 1)
        limit.addWidget(self._unit)

        self._leave_out = QCheckBox("Leave each image or region out once")
        description = TrainConfig.model_fields["leave_one_out"].description
        self._leave_out.setToolTip(description or "")

        self._leave_out_note = QLabel()
        self._leave_out_note.setWordWrap(True)

        session = self._session
        self._training: Form[TrainConfig] = Form(session.train_config, _TRAINING)
        self._augmentation = AugmentationForm(session.train_config.augmentation)
        self._network: Form[NetworkConfig] = Form(session.network, _NETWORK)
        self._grey_values: Form[ModelSettings] = Form(
            ModelSettings(), ("normalisation",)
        )
        form = QFormLayout()
        self._start_note = QLabel(NETWORK_OF_MODEL)
        self._start_note.setWordWrap(True)
        for title, control, row in (
            ("Start from", self._start, self._start),
            ("Preset", self._preset, self._preset),
            ("Train for", self._amount, limit),
        ):
            label = QLabel(title)
            label.setBuddy(control)
            control.setAccessibleName(title)
            form.addRow(label, row)
            if control is self._preset:
                form.addRow(self._start_note)
        form.insertRow(2, "", self._preset_line)
        form.insertRow(1, self._start.line)
        form.addRow("", self._leave_out)
        form.addRow(self._leave_out_note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self._fold())

    def _fold(self) -> Collapsible:
        """Put what few people change behind titles."""
        self._note, self._rate_note, self._patch_note = QLabel(), QLabel(), QLabel()
        for note in (self._note, self._rate_note, self._patch_note):
            note.setWordWrap(True)
        self._step_note = StepNote(self._session)
        self._pixel_size = ModelPixelSize(self._session)
        network = _column(
            self._note, self._network, self._grey_values, self._pixel_size
        )
        return Collapsible(
            "More settings",
            _column(
                Collapsible(
                    "Training",
                    _column(
                        self._rate_note,
                        self._patch_note,
                        self._step_note,
                        self._training,
                    ),
                ),
                Collapsible("Random changes of the patches", self._augmentation),
                Collapsible("Network", network),
                SettingsFile(self._session),
            ),
        )

    # ------------------------------------------------------------ session to controls

    def _show(self, _event: object = None) -> None:
        session, config = self._session, self._session.train_config
        with signals_blocked(self._preset), signals_blocked(self._unit):
            self._preset.setCurrentIndex(self._preset.findData(session.preset))
            unit = _MINUTES if config.iterations is None else _ITERATIONS
            self._unit.setCurrentText(unit)
        with signals_blocked(self._leave_out):
            self._leave_out.setChecked(config.leave_one_out)
        self._show_leave_out_note()
        with signals_blocked(self._amount):
            if config.iterations is None:
                self._seconds = config.seconds or self._seconds
                self._amount.setDecimals(1)
                self._amount.setRange(0.1, 10_000)
                self._amount.setValue((config.seconds or 0) / 60)
            else:
                self._iterations = config.iterations
                self._amount.setDecimals(0)
                self._amount.setRange(1, 10_000_000)
                self._amount.setValue(config.iterations)
        preset = PRESETS[session.preset]
        self._preset.setToolTip(preset.summary)
        self._preset_line.setText(f"<small>{preset.origin}</small>")
        self._training.setValue(config)
        self._show_patch()
        self._rate_note.setText(f"<b>{config.doubt}</b>" if config.doubt else "")
        self._rate_note.setVisible(bool(config.doubt))
        self._augmentation.setValue(config.augmentation)
        self._network.setValue(session.network)
        self._show_note()
        self._show_start_note()
        self._grey_values.setValue(ModelSettings(normalisation=session.normalisation))

    def _show_what_starts(self, _event: object = None) -> None:
        """The network is the model's where one starts from a model."""
        scratch = self.start_from() is None
        self._show_start_note()
        self._network.setEnabled(scratch)
        self._grey_values.setEnabled(scratch)
        self._pixel_size.setEnabled(scratch)
        self._show_note()
        self._show_patch()

    def _show_start_note(self) -> None:
        """Say what a preset of one's choice does to a model, and nothing unasked."""
        is_users = self._session.preset != _USUAL_PRESET
        self._start_note.setVisible(self.start_from() is not None and is_users)

    def _show_patch(self) -> None:
        """Say which size of patches the network makes of the one that is asked for."""
        network, folder = self._session.network, self.start_from()
        with suppress(InputError):  # said where the model is shown
            manifest = None if folder is None else self._session.read_model(folder)
            network = network if manifest is None else manifest.settings.network
        self._training.setFieldVisible("patch_depth", network.dimensions == 3)
        geometries = Geometry.of_axes(network)
        size = fit_patch(self._session.train_config, geometries)
        said = describe_patch(size, output_shape(size, geometries))
        self._patch_note.setText(f"Patches of {said}, or what small images allow.")
        self._step_note.setNetwork(network)

    def _show_note(self) -> None:
        """Say what one should know about the network chosen."""
        note = ""
        if self.start_from() is None and self._session.network.norm == "instance":
            note = (
                "<b>Instance normalisation depends on the tile:</b> results change "
                "with the size of the tiles and show seams."
            )
        self._note.setText(note)
        self._note.setVisible(bool(note))

    # ------------------------------------------------------------ controls to session

    def _on_preset_chosen(self, _index: int) -> None:
        self._session.choose_preset(self._preset.currentData())

    def _on_limit_edited(self, amount: float) -> None:
        if self._unit.currentText() == _MINUTES:
            self._replace(seconds=amount * 60, iterations=None)
        else:
            self._replace(seconds=None, iterations=int(amount))

    def _on_unit_chosen(self, _index: int) -> None:
        if self._unit.currentText() == _MINUTES:
            self._replace(seconds=self._seconds, iterations=None)
        else:
            self._replace(seconds=None, iterations=self._iterations)

    def setParts(self, parts: int) -> None:
        """Say how many images or regions are to be learned from."""
        self._parts = parts
        self._show_leave_out_note()

    def _show_leave_out_note(self) -> None:
        asked = self._session.train_config.leave_one_out
        is_amiss = asked and self._parts < _FEWEST_PARTS
        self._leave_out_note.setText(_TOO_FEW_PARTS if is_amiss else "")
        self._leave_out_note.setVisible(is_amiss)

    def _on_leave_out_toggled(self, checked: bool) -> None:
        self._replace(leave_one_out=checked)

    def _on_training_edited(self, config: TrainConfig) -> None:
        self._session.train_config = config

    def _on_augmentation_edited(self, config: AugmentationConfig) -> None:
        self._replace(augmentation=config.model_dump())

    def _on_network_edited(self, config: NetworkConfig) -> None:
        self._session.network = config

    def _on_grey_values_edited(self, settings: ModelSettings) -> None:
        self._session.normalisation = settings.normalisation

    def _replace(self, **changes: object) -> None:
        self._session.train_config = self._session.train_config.replaced(**changes)


def _column(*widgets: QWidget) -> QWidget:
    """Return a widget with others below each other."""
    column = QWidget()
    rows = QVBoxLayout(column)
    rows.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        rows.addWidget(widget)
    return column
