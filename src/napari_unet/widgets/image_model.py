"""The section that says what is worked on: which image, which model, which device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_unet.core.card import describe
from napari_unet.core.config import DeviceChoice
from napari_unet.core.errors import InputError
from napari_unet.core.network_summary import summarise_network
from napari_unet.core.score_words import shown_scores
from napari_unet.widgets.background import LatestAnswer, listen, show_problem
from napari_unet.widgets.channel_layers import (
    channel_names,
    count_channels,
    shows_one_channel,
)
from napari_unet.widgets.channel_picker import ChannelPicker
from napari_unet.widgets.chosen import choose_image
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.frames import times_of
from napari_unet.widgets.label_values import is_painted
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import is_users_image, pixel_size_um, spatial_shape
from napari_unet.widgets.model_combo import (
    STARTER_MODELS,
    ModelCombo,
    Offer,
    describe_starter,
    offer_starters,
)
from napari_unet.widgets.pixel_size_editor import PixelSizeEditor
from napari_unet.widgets.section import Section

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Layer
    from qtpy.QtGui import QShowEvent

    from napari_unet.core.card import Manifest
    from napari_unet.session import Session

# Of the lines below image, model and device, in pixels of the screen.
_LINE_WIDTH = 230
# After this the dock has been drawn.
_DRAWN_MSEC = 500
NO_MODEL = "None yet"
AUTOMATIC = "Automatic"
_PICKED = "Segment picks the starter model that suits the image"


class ImageModelSection(Section):
    """View of the chosen image, `Session.model_folder` and `Session.device`.

    Parameters
    ----------
    session : Session
        The state to show and to change.
    viewer : napari.Viewer
        Whose image layers are offered.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self, session: Session, viewer: napari.Viewer, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, viewer, parent)
        self._device_asked = False
        self._drawn = QTimer(self)
        self._drawn.setSingleShot(True)
        self._drawn.timeout.connect(self._look_for_device)
        self._device_answer = LatestAnswer(self, "Looking for the device")
        self._build()
        self._image.layerChanged.connect(self._on_image_chosen)
        self._model.activated.connect(self._on_model_chosen)
        self._open.clicked.connect(self._on_open_clicked)
        self._device.currentTextChanged.connect(self._on_device_chosen)
        self._channels.channelsChanged.connect(self._show_image)
        self._pixel_size.pixelSizeChanged.connect(self._show_image)
        self._device_answer.answered.connect(self._device_line.setText)
        inserted = self._viewer.layers.events.inserted
        inserted.connect(self._on_layer_opened)
        self.destroyed.connect(lambda: inserted.disconnect(self._on_layer_opened))
        listen(self._chosen.events.image, self._show_image)
        listen(session.events.model_folder, self._show_models)
        listen(session.events.suited, self._show_model_line)
        listen(session.events.device, self._show_device)
        self._image.setValue(self._chosen.image or self._image.value())
        self._on_image_chosen(self._image.value())
        self._show_image()
        self._show_models()

    def _build(self) -> None:
        self._image = LayerCombo(
            self._viewer, is_users_image, placeholder="Open an image first"
        )
        self._image.setToolTip(
            "The image to annotate and to segment: grey, colour, or a stack of slices "
            "or time points"
        )
        self._image.setAccessibleName("Image")
        self._image_line = _line()
        self._channels = ChannelPicker(self._viewer)
        self._pixel_size = PixelSizeEditor(self._viewer)
        self._model = ModelCombo()
        self._model.setAccessibleName("Model")
        self._open = QPushButton("Open…")
        self._open.setToolTip("Open a model folder from another place")
        self._open.setAccessibleName("Open model folder")
        self._model_line = _line()
        self._device = QComboBox()
        self._device.addItems(get_args(DeviceChoice))
        self._device.setCurrentText(self._session.device)
        self._device.setToolTip(
            "What computes: 'auto' takes a graphics card where there is one"
        )
        self._device.setAccessibleName("Device")
        self._device_line = _line("Looked for once an image is open")
        models = QHBoxLayout()
        models.setSpacing(4)
        models.addWidget(self._model, 1)
        models.addWidget(self._open)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addRow("Image", self._image)
        layout.addRow("", self._image_line)
        more = QVBoxLayout(both := QWidget())
        more.setContentsMargins(0, 0, 0, 0)
        more.addWidget(self._channels)
        more.addWidget(self._pixel_size)
        layout.addRow(Collapsible("Channels and pixel size", both))
        layout.addRow("Model", models)
        layout.addRow("", self._model_line)
        layout.addRow("Device", self._device)
        layout.addRow("", self._device_line)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look for the device, but not before the dock is drawn."""
        super().showEvent(event)
        self._drawn.start(_DRAWN_MSEC)

    def _look_for_device(self) -> None:
        """Ask once, and only where there is an image: the answer loads torch."""
        is_needed = self._chosen.image is not None and self.isVisible()
        if is_needed and not self._device_asked:
            self._device_asked = True
            self._show_device()

    def _on_image_chosen(self, layer: Layer | None) -> None:
        choose_image(self._viewer, layer)
        self._show_image()

    def _on_layer_opened(self, event: Any) -> None:
        """Work on an image just opened, unless it holds labels or a job is running."""
        layer, image = event.value, self._chosen.image
        if not is_users_image(layer) or self._session.is_busy:
            return
        if image is None or not is_painted(layer, image):
            choose_image(self._viewer, layer)

    def _on_model_chosen(self, index: int) -> None:
        self._session.model_folder = self._model.itemData(index)

    def _on_device_chosen(self, device: str) -> None:
        self._session.device = device  # type: ignore[assignment]

    def _on_open_clicked(self) -> None:
        start = str(self._session.models_folder)
        chosen = QFileDialog.getExistingDirectory(self, "Open model folder", start)
        if chosen:
            self.open_model(Path(chosen))

    def open_model(self, folder: Path) -> None:
        """Take a model folder, or say why it cannot be used."""
        try:
            self._session.read_model(folder)
        except InputError as error:
            show_problem(error)
        else:
            self._session.model_folder = folder

    def _show_image(self) -> None:
        layer = self._chosen.image
        if layer is not self._image.value():
            self._image.setValue(layer)
        if (offered := self._image.value()) is not layer:  # that one was removed
            choose_image(self._viewer, offered)
            return
        self._image_line.setText("" if layer is None else describe_image(layer))
        self._image_line.setVisible(layer is not None)
        self._pixel_size.setLayer(layer)
        self._show_model_line()
        self._look_for_device()

    def _show_models(self) -> None:
        chosen, starters = self._session.model_folder, self._session.list_starters()
        own = [
            Offer(card.name or path.name, path, str(path))
            for path, card in self._session.list_models()
        ]
        known = {path for path, _ in starters} | {each.folder for each in own}
        if chosen is not None and chosen not in known:
            own.insert(0, Offer(chosen.name, chosen, str(chosen)))
        groups = {"": [Offer("None" if own else NO_MODEL), *own]}
        if starters:
            groups = {
                "": [Offer(AUTOMATIC, tooltip=_PICKED)],
                STARTER_MODELS: offer_starters(starters),
                "Your models": own,
            }
        self._model.offer(groups, chosen)
        purpose = "Segments, and is what fine-tuning starts from"
        name = f"'{self._model.currentText()}': " if chosen is not None else ""
        self._model.setToolTip(name + purpose)
        self._show_model_line()

    def _show_model_line(self) -> None:
        try:
            manifest = self._session.read_model()
        except InputError as error:
            self._model_line.setText(str(error))
        else:
            self._model_line.setToolTip(_explain(manifest))
            text = "" if manifest is None else describe_model(manifest)
            misfit = self._mismatch(manifest)
            if self._session.model_folder is None and self._session.has_model:
                text, misfit = _PICKED, ""  # the channel is picked with it
                if manifest is not None:
                    text += f"; last time {manifest.card.name}"
            self._model_line.setText(text + misfit)
        self._model_line.setVisible(bool(self._model_line.text()))

    def _mismatch(self, manifest: Manifest | None) -> str:
        """Say so if the model was trained on images of another kind."""
        layer = self._chosen.image
        if manifest is None or layer is None:
            return ""
        settings, has = manifest.settings, count_channels(layer)
        if settings.planes_as_channels and layer.ndim > 2:
            return "<br><b>Takes planes as channels: split them under Channels.</b>"
        if settings.network.dimensions == 3 and layer.ndim < 3:
            return "<br><b>Segments volumes, and this image is a single plane.</b>"
        positions = [c for c in settings.channels if isinstance(c, int)]
        needs = max(positions) + 1 if positions else settings.network.in_channels
        if needs == has or (positions and needs < has):
            return ""
        if needs == 1 and not positions and shows_one_channel(layer):
            return ""
        names = ", ".join(map(str, settings.channels))
        named = f" ({names})" if names else ""
        noun = "channel" if needs == 1 else "channels"
        return f"<br><b>Needs {needs} {noun}{named}; this image has {has}.</b>"

    def _show_device(self) -> None:
        with signals_blocked(self._device):
            self._device.setCurrentText(self._session.device)
        self._device_line.setText("Looking …")
        self._device_answer.ask(self._session.describe_device)


def describe_image(layer: ImageLayer) -> str:
    """Return size and pixel size of an image layer, for people."""
    *front, height, width = spatial_shape(layer)
    size = f"{width} × {height} px"
    if front:
        size += f", {front[-1]} planes"
    if (times := times_of(layer)) > 1:
        size += f", {times} time points"
    edges = pixel_size_um(layer)
    known = "pixel size unknown" if edges is None else f"{edges[-1]:.3g} µm per pixel"
    text = f"{size}, {known}"
    if names := channel_names(layer):
        text += f", channels: {', '.join(names)}"
    return text


def describe_model(manifest: Manifest) -> str:
    """Return what a model was trained on and how good it was, in one line."""
    card, size = manifest.card, manifest.settings.pixel_size_um
    if card.notes is not None:
        said = f"{card.notes.purpose} (starter model {card.name})"
        return "; ".join(filter(None, (said, card.notes.headline)))
    kind = "points" if manifest.settings.annotation == "points" else "objects"
    facts = [f"{card.objects} {kind}"] if card.objects else []
    if manifest.settings.annotation == "classes":
        facts = [f"the classes {', '.join(manifest.settings.class_names)}"]
    elif manifest.settings.annotation == "values":
        facts = ["pairs of images"]
    if size is not None:
        facts.append(f"{size:.3g} µm per pixel")
    if card.scores:
        title, value = next(iter(shown_scores(card.scores).items()))
        facts.append(f"{title} {value}")
    trained = "Trained on " + ", ".join(facts) if facts else "A model without a history"
    network = summarise_network(manifest.settings.network, card.preset)
    return f"{trained}; network: {network.short}"


def _explain(manifest: Manifest | None) -> str:
    """Return the card of a model, that of a starter model in short."""
    if manifest is None:
        return ""
    return describe_starter(manifest.card) or describe(manifest)


def _line(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    # Qt reserves a second line for a text that would fit in one, were it not this wide.
    label.setMinimumWidth(_LINE_WIDTH)
    return label
