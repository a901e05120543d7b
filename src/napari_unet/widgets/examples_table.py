"""The annotated images, with a tick for those to learn from and their role."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import Qt, QTimer, Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import (
    QComboBox,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotated import summarise_layers
from napari_unet.widgets.annotation_layers import (
    ROLE_COLORS,
    regions_of,
)
from napari_unet.widgets.background import LatestAnswer, listen
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.layers import LayerRole, find_layer, spatial_shape
from napari_unet.widgets.learned_from import learned_from
from napari_unet.widgets.target_layers import target_of

if TYPE_CHECKING:
    import napari
    from qtpy.QtGui import QShowEvent

    from napari_unet.core.annotation.target import Role
    from napari_unet.session import Session

# Counting may lag behind the brush by this much.
_COUNT_MSEC = 500
_MAX_ROWS_SHOWN = 5
# What an image may be annotated by.
_MARKS: tuple[LayerRole, ...] = ("annotation", "points")
_IMAGE, _OBJECTS, _ROLE = range(3)
# What is said of an image with painted objects and points.
_BOTH = "both!"
_KEEP_ONE = (
    "There are painted objects and points: erase the objects or delete the points"
)


class ExamplesTable(QTableWidget):
    """One row per image to learn from: tick, name, objects or target, role.

    Images with an annotation or points are listed; where another image is learned,
    those with a target. `partsChanged` says of how many images or regions are ticked.
    Ticks and roles are those of the viewer: every table in it shows the same, also one
    that is made later.

    Parameters
    ----------
    session : Session
        Its `annotation` says what is learned.
    viewer : napari.Viewer
        Unwrapped; whose images to list.
    parent : QWidget, optional
        Qt parent.
    """

    partsChanged = Signal(int)

    def __init__(
        self, session: Session, viewer: napari.Viewer, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, 3, parent)
        self._session, self._viewer = session, viewer
        self._learned = learned_from(viewer)
        self._images: list[ImageLayer] = []
        self._watched: list[Any] = []
        self._counts = LatestAnswer(self, "Counting objects")
        self._counts.answered.connect(self._show_counts)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_COUNT_MSEC)
        self._soon.timeout.connect(self._count)
        self._build()
        self.itemChanged.connect(self._on_item_changed)
        listen(self._learned.changed, self._show_learned)
        chosen = chosen_layers(viewer).events
        for signal in (
            chosen.image,
            chosen.annotation,
            chosen.regions,
            chosen.points,
            chosen.target,
            session.events.annotation,
            session.events.network,
            session.events.start_from,
        ):
            listen(signal, self.refresh)
        for signal in (viewer.layers.events.removed, viewer.layers.events.renamed):
            signal.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        self.setAccessibleName("Annotated images")
        self.setToolTip(
            "Ticked images are learned from. An image for validation is only used to "
            "measure how good the model is; without one, a part of the annotation is "
            "held back for that."
        )
        self.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setWordWrap(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            columns.setSectionResizeMode(_IMAGE, QHeaderView.ResizeMode.Stretch)
            for column in (_OBJECTS, _ROLE):
                columns.setSectionResizeMode(
                    column, QHeaderView.ResizeMode.ResizeToContents
                )

    def value(self) -> dict[ImageLayer, Role]:
        """Return the ticked images and their roles."""
        learned = self._learned
        return {
            image: learned.role(image) for image in self._images if image in learned
        }

    def first(self) -> ImageLayer | None:
        """Return the first ticked image that has painted objects."""
        for image in self.value():
            if find_layer(self._viewer, image, "annotation") is not None:
                return image
        return None

    def parts(self) -> int:
        """Return how many images or regions are ticked; planes of a stack count."""
        return sum(self._parts_of(image) for image in self.value())

    def _parts_of(self, image: ImageLayer) -> int:
        try:
            regions = regions_of(find_layer(self._viewer, image, "regions"), image)
        except InputError:  # said when the training is to start
            regions = {}
        drawn = sum(map(len, regions.values()))
        # How many planes of a stack are annotated takes longer to find out.
        return drawn or (1 if len(spatial_shape(image)) == 2 else 2)

    def _tell_parts(self) -> None:
        self.partsChanged.emit(self.parts())

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == _IMAGE:
            is_ticked = item.checkState() == Qt.CheckState.Checked
            self._learned.tick(self._images[item.row()], is_ticked=is_ticked)

    def refresh(self, _event: object = None) -> None:
        """List the images that are annotated now, with their ticks and roles."""
        images = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, ImageLayer) and self._is_learned_from(layer)
        ]
        second = "Target" if self._learns_values else "Objects"
        self.setHorizontalHeaderLabels(["Image", second, "Role"])
        if images != self._images:
            self._list(images)
        self.setVisible(bool(images))
        with signals_blocked(self):
            for row, image in enumerate(images):
                self._tick(row).setText(image.name)
                self._tick(row).setToolTip(image.name)
        self._watch()
        self._soon.start()

    @property
    def _learns_values(self) -> bool:
        """Whether another image is learned, not what is painted or marked."""
        return self._session.annotation == "values"

    def _is_learned_from(self, image: ImageLayer) -> bool:
        if self._learns_values:
            return target_of(self._viewer, image) is not None
        return any(find_layer(self._viewer, image, m) is not None for m in _MARKS)

    def _list(self, images: list[ImageLayer]) -> None:
        self._images = images
        with signals_blocked(self):  # half a row cannot be counted
            self.setRowCount(len(images))
            for row, image in enumerate(images):
                tick = QTableWidgetItem()
                tick.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable
                )
                self.setItem(row, _IMAGE, tick)
                self.setItem(row, _OBJECTS, QTableWidgetItem())
                role = QComboBox()
                role.setAccessibleName("Role")
                for name in ROLE_COLORS:
                    role.addItem(name, name)
                give = functools.partial(self._learned.give, image)
                role.currentTextChanged.connect(give)
                self.setCellWidget(row, _ROLE, role)
        self._show_learned()
        self._fit_height()

    def _show_learned(self) -> None:
        """Show ticks and roles as they are now, in whichever table they were set."""
        learned = self._learned
        for row, image in enumerate(self._images):
            checked, role = Qt.CheckState.Checked, self._role(row)
            is_ticked = image in learned
            with signals_blocked(self), signals_blocked(role):
                self._tick(row).setCheckState(
                    checked if is_ticked else Qt.CheckState.Unchecked
                )
                role.setCurrentText(learned.role(image))
        self._tell_parts()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Fit once the style of the rows is known."""
        super().showEvent(event)
        self._fit_height()

    def _fit_height(self) -> None:
        header = self.horizontalHeader()
        height = 2 * self.frameWidth() + (header.sizeHint().height() if header else 0)
        for row in range(min(self.rowCount(), _MAX_ROWS_SHOWN)):
            self.resizeRowToContents(row)
            height += self.rowHeight(row)
        self.setFixedHeight(height)

    def _watch(self) -> None:
        """Count again when something is painted or framed."""
        for signal in self._watched:
            signal.disconnect(self._on_edited)
        self._watched = []
        for image in self._images:
            annotation = find_layer(self._viewer, image, "annotation")
            # The brush emits only `paint`; undo and redo only `set_data`.
            if annotation is not None:
                self._watched += [annotation.events.paint, annotation.events.set_data]
            for role in ("regions", "points"):
                layer = find_layer(self._viewer, image, role)
                if layer is not None:
                    self._watched.append(layer.events.data)
        for signal in self._watched:
            signal.connect(self._on_edited)

    def _on_edited(self, _event: object) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _count(self) -> None:
        self._tell_parts()
        if self._learns_values:
            self._counts.forget()
            self._show_targets()
            return
        questions, marked = [], {}
        volume = self._session.learning_network.dimensions == 3
        for image in self._images:
            points = find_layer(self._viewer, image, "points")
            if points is not None and len(points.data):
                marked[image] = len(points.data)
            annotation = find_layer(self._viewer, image, "annotation")
            try:
                regions = regions_of(find_layer(self._viewer, image, "regions"), image)
            except InputError:  # said when the training is to start
                regions = {}
            if annotation is not None:
                questions.append((image, annotation.data, regions))

        def count() -> dict[ImageLayer, str]:
            shown = {image: str(points) for image, points in marked.items()}
            for image, data, regions in questions:
                objects = summarise_layers(data, regions, volume=volume).objects
                if image not in marked:
                    shown[image] = str(objects)
                elif objects:
                    shown[image] = _BOTH
            return shown

        self._counts.ask(count)

    def _show_counts(self, counts: dict[ImageLayer, str]) -> None:
        for row, image in enumerate(self._images):
            item = self.item(row, _OBJECTS)
            if item is not None and image in counts:
                item.setText(counts[image])
                is_both = counts[image] == _BOTH
                item.setToolTip(_KEEP_ONE if is_both else "")
                item.setTextAlignment(
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                )

    def _show_targets(self) -> None:
        for row, image in enumerate(self._images):
            item, target = self.item(row, _OBJECTS), target_of(self._viewer, image)
            if item is not None and target is not None:
                item.setText("itself" if target is image else target.name)
                item.setToolTip(target.name)

    def _tick(self, row: int) -> QTableWidgetItem:
        item = self.item(row, _IMAGE)
        if item is None:
            raise IndexError(f"There is no row {row}.")
        return item

    def _role(self, row: int) -> QComboBox:
        widget = self.cellWidget(row, _ROLE)
        if not isinstance(widget, QComboBox):
            raise IndexError(f"There is no row {row}.")
        return widget
