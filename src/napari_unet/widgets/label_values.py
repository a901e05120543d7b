"""Labels that were made elsewhere: in files, by other numbers, or in colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotation_layers import split_touching
from napari_unet.widgets.background import listen, show_problem
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.edits import MAX_UNDOABLE_PIXELS, edit
from napari_unet.widgets.import_file import ImportFile
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import (
    IGNORE_LABEL,
    add_labels,
    image_of,
    is_users_image,
    spatial_shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels, Layer
    from numpy.typing import NDArray

    from napari_unet.core.annotation.target import Example
    from napari_unet.session import Session

# Of an image that may be coloured labels: so many colours at most, on a grid of so many
# rows and columns. Photographs hold thousands.
_MOST_PAINTED, _LOOKED_AT_PX = 64, 512


class LabelValues(QWidget):
    """Buttons that give the annotation the numbers this program works with.

    Parameters
    ----------
    session : Session
        Gets the classes found.
    viewer : napari.Viewer
        Unwrapped; its annotation is changed, as steps that can be undone.
    take : callable
        Takes a new labels layer as the annotation.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self,
        session: Session,
        viewer: napari.Viewer,
        take: Callable[[Labels], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._viewer, self._take = session, viewer, take
        self._chosen = chosen_layers(viewer)
        self._zero = QPushButton("0 is ignored, 1 is background")
        self._zero.setToolTip(
            "The labels follow the convention of the Fiji plugin: 0 becomes ignored "
            "ground, 1 background, 2 and more become 1 and more"
        )
        self._number = QPushButton("Any numbers to classes")
        self._number.setToolTip(
            "The lowest number becomes background, the others classes 1, 2, …: for "
            "masks of 0 and 255, for example"
        )
        self._coloured = LayerCombo(
            viewer,
            self._fits,
            placeholder="Classes from a coloured image …",
            can_be_empty=True,
        )
        self._coloured.setToolTip(
            "A layer in which each colour is a class, black background: it is turned "
            "into a new annotation"
        )
        self._coloured.setAccessibleName("Coloured labels")
        self._pieces = QPushButton("Instances from a mask")
        self._pieces.setToolTip(
            "Give each connected piece of the annotation a number of its own, plane by "
            "plane; pieces of different numbers stay apart"
        )
        self._connected = QComboBox()
        self._connected.addItem("4 neighbours", False)
        self._connected.addItem("8 neighbours", True)
        self._connected.setToolTip(
            "What connects pixels to a piece: edges only, or corners, too"
        )
        self._connected.setAccessibleName("Connected")
        instances = QHBoxLayout()
        instances.addWidget(self._pieces, 1)
        instances.addWidget(self._connected)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(ImportFile(session, viewer, take))
        for control in (self._zero, self._number, self._coloured):
            layout.addWidget(control)
        layout.addLayout(instances)
        self._zero.clicked.connect(self._on_zero_clicked)
        self._number.clicked.connect(self._on_number_clicked)
        self._pieces.clicked.connect(self._on_pieces_clicked)
        self._coloured.layerChanged.connect(self._on_coloured_chosen)
        for signal in (self._chosen.events.image, self._chosen.events.annotation):
            listen(signal, self._show)
        self._show()

    def _fits(self, layer: Layer) -> bool:
        image = self._chosen.image
        return (
            image is not None
            and layer is not image
            and is_users_image(layer)
            and layer.rgb
            and spatial_shape(layer) == spatial_shape(image)
        )

    def _show(self, _event: object = None) -> None:
        self._coloured.refresh()
        for button in (self._zero, self._number, self._pieces):
            button.setEnabled(self._chosen.annotation is not None)

    def _on_zero_clicked(self) -> None:
        from napari_unet.core.annotation.class_values import set_zero_aside

        self._change(set_zero_aside)

    def _on_number_clicked(self) -> None:
        from napari_unet.core.annotation.class_values import (
            count_values,
            settle_classes,
            to_classes,
        )

        def number(example: Example) -> Example:
            table = settle_classes(count_values([example]))
            self._session.class_names = table.names
            self._session.annotation = "classes"
            return to_classes(example, table)

        self._change(number)

    def _on_pieces_clicked(self) -> None:
        layer = self._chosen.annotation
        if layer is None:
            return
        try:
            split_touching(layer, corners=self._connected.currentData())
        except InputError as error:
            show_problem(error)
        else:
            self._session.annotation = "objects"

    def _change(self, change: Callable[[Example], Example]) -> None:
        """Change the annotation's numbers in place."""
        image, layer = self._chosen.image, self._chosen.annotation
        if image is None or layer is None:
            return
        try:
            old = np.asarray(layer.data)
            changed = change(_example(image, old))
            new = np.where(
                changed.annotation == changed.ignore_label
                if changed.ignore_label is not None
                else False,
                IGNORE_LABEL,
                changed.annotation,
            ).reshape(old.shape)  # volumes at several times lay one after the other
            differs = new != old
            is_undoable = np.count_nonzero(differs) <= MAX_UNDOABLE_PIXELS
            if is_undoable:
                _check_room(new, layer)
        except InputError as error:
            show_problem(error)
            return
        if is_undoable:
            where = np.nonzero(differs)
            edit(layer, where, new[where], "other numbers")
        else:  # more than an undo step can hold: what was painted stays as it was
            layer.visible = False
            new = new.astype(np.uint16 if new.max() <= IGNORE_LABEL else np.int32)
            self._take(add_labels(self._viewer, image, "annotation", new))

    def _on_coloured_chosen(self, layer: ImageLayer | None) -> None:
        from napari_unet.core.annotation.class_values import (
            count_values,
            pack_colours,
            settle_classes,
            to_classes,
        )

        image = self._chosen.image
        if image is None or layer is None:
            return
        try:
            colours = np.asarray(layer.data)[..., :3]
            if colours.dtype != np.uint8:
                raise InputError(
                    f"'{layer.name}' holds {colours.dtype}; coloured classes have 8 "
                    "bits per colour. Save it as 8-bit RGB and open it again."
                )
            example = _example(image, pack_colours(colours))
            table = settle_classes(count_values([example]))
        except InputError as error:
            show_problem(error)
        else:
            classes = to_classes(example, table).annotation.astype(np.uint16)
            classes = classes.reshape(colours.shape[:-1])
            colors = dict(zip(table.names, table.shown_values, strict=True))
            self._session.class_colors = {**self._session.class_colors, **colors}
            self._session.class_names = table.names
            self._session.annotation = "classes"
            layer.visible = False
            self._take(add_labels(self._viewer, image, "annotation", classes))
        self._coloured.setValue(None)


def is_painted(layer: ImageLayer, image: ImageLayer) -> bool:
    """Tell whether a layer looks like coloured labels of an image: few colours."""
    from napari_unet.core.annotation.class_values import pack_colours

    same_shape = spatial_shape(layer) == spatial_shape(image)
    if not (layer.rgb and same_shape) or layer.multiscale:
        return False
    plane = np.asarray(layer.data[(0,) * (layer.ndim - 2)])[..., :3]
    if plane.dtype != np.uint8:
        return False
    step = max(1, max(plane.shape[:2]) // _LOOKED_AT_PX)
    colours = np.unique(pack_colours(plane[::step, ::step]))
    return len(colours) <= _MOST_PAINTED


def _example(image: ImageLayer, annotation: NDArray[np.integer]) -> Example:
    from napari_unet.core.annotation.target import Example

    return Example(image_of(image), annotation, ignore_label=IGNORE_LABEL)


def _check_room(numbers: NDArray[np.integer], layer: Labels) -> None:
    """Refuse numbers that a layer cannot hold."""
    highest = int(np.iinfo(layer.data.dtype).max)
    if int(numbers.max()) > highest:
        raise InputError(
            f"'{layer.name}' holds {layer.data.dtype}, in which ignored ground "
            f"({IGNORE_LABEL}) has no place. Right-click the layer, Convert data type, "
            "uint16, and try again."
        )
