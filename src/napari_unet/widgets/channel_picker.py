"""Choose which layers are the channels of the image that is worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_unet.widgets.background import listen
from napari_unet.widgets.channel_layers import (
    channels_of,
    set_channels,
    split_first_axis,
    split_rgb,
)
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.layers import is_users_image, pixel_size_um, spatial_shape

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

_LAYER = Qt.ItemDataRole.UserRole
_MOST_ROWS_SHOWN = 6
# napari's style sheet pads lists.
_MARGIN_PX = 8
_SPLIT_AXIS = "Split the first axis into channels"
_SPLIT_RGB = "Split into red, green and blue"


class ChannelPicker(QWidget):
    """A list of the layers that fit the chosen image; the ticked ones are channels.

    Parameters
    ----------
    viewer : napari.Viewer
        Unwrapped.
    parent : QWidget, optional
        Qt parent.
    """

    channelsChanged = Signal()

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._chosen = chosen_layers(viewer)
        self._build()
        self._list.itemChanged.connect(self._on_edited)
        model = self._list.model()
        if model is not None:
            model.rowsMoved.connect(self._on_edited)
        self._split.clicked.connect(self._on_split_clicked)
        events = viewer.layers.events
        signals = (events.inserted, events.removed, events.renamed)
        for signal in signals:
            signal.connect(self.refresh)
        self.destroyed.connect(
            lambda: [signal.disconnect(self.refresh) for signal in signals]
        )
        listen(self._chosen.events.image, self.refresh)
        self.refresh()

    def _build(self) -> None:
        hint = QLabel(
            "Tick the layers that the network shall read together; drag them into "
            "order. A model remembers their names."
        )
        hint.setWordWrap(True)
        self._list = QListWidget()
        self._list.setAccessibleName("Channels")
        self._list.setToolTip("Layers of the image's size and pixel size")
        self._list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self._split = QPushButton(_SPLIT_AXIS)
        self._split.setToolTip(
            "Where the first axis of the image is neither depth nor time, but channels "
            "(or planes to be seen together): make a layer of each"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(hint)
        layout.addWidget(self._list)
        layout.addWidget(self._split)

    def value(self) -> list[ImageLayer]:
        """Return the ticked layers in their order."""
        return [
            item.data(_LAYER)
            for item in self._items()
            if item.checkState() == Qt.CheckState.Checked
        ]

    def _items(self) -> list[QListWidgetItem]:
        rows = range(self._list.count())
        return [item for row in rows if (item := self._list.item(row)) is not None]

    def _on_edited(self, *_event: object) -> None:
        image, ticked = self._chosen.image, self.value()
        if image is None:
            return
        set_channels(image, ticked)
        if not ticked:  # an image is at least its own channel
            self.refresh()
        self.channelsChanged.emit()

    def _on_split_clicked(self) -> None:
        image = self._chosen.image
        if image is None or not _can_be_split(image):
            return
        layers = split_rgb(image) if image.rgb else split_first_axis(image)
        image.visible = False
        for layer in layers:
            self._viewer.add_layer(layer)
        # Colours are read together without being split: who splits them wants one.
        set_channels(layers[0], layers[:1] if image.rgb else layers)
        choose_image(self._viewer, layers[0])
        self.refresh()
        self.channelsChanged.emit()

    def refresh(self, _event: Any = None) -> None:
        """List the layers that fit the chosen image now: the channels first."""
        image = self._chosen.image
        ticked: list[ImageLayer] = []
        fitting: list[ImageLayer] = []
        if image is not None:
            fitting = [x for x in self._viewer.layers if _fits(x, image)]
            ticked = [layer for layer in channels_of(image) if layer in fitting]
            if ticked != list(channels_of(image)):  # one of them was removed
                set_channels(image, ticked)
        with signals_blocked(self._list):
            self._list.clear()
            for layer in [*ticked, *(x for x in fitting if x not in ticked)]:
                item = QListWidgetItem(layer.name)
                item.setData(_LAYER, layer)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(
                    Qt.CheckState.Checked
                    if layer in ticked
                    else Qt.CheckState.Unchecked
                )
                self._list.addItem(item)
        height = 2 * self._list.frameWidth() + _MARGIN_PX
        for row in range(min(self._list.count(), _MOST_ROWS_SHOWN)):
            height += self._list.sizeHintForRow(row)
        self._list.setFixedHeight(height)
        self._split.setVisible(image is not None and _can_be_split(image))
        is_rgb = image is not None and image.rgb
        self._split.setText(_SPLIT_RGB if is_rgb else _SPLIT_AXIS)


def _can_be_split(image: ImageLayer) -> bool:
    """Tell whether there is anything that may be channels."""
    return bool(image.ndim == 2 if image.rgb else image.ndim == 3)


def _fits(layer: Any, image: ImageLayer) -> bool:
    """Tell whether a layer can be a channel of an image."""
    return (
        is_users_image(layer)
        and spatial_shape(layer) == spatial_shape(image)
        and pixel_size_um(layer) == pixel_size_um(image)
    )
