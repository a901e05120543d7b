"""What is learned: objects, classes with names and colours, or another image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_unet.core.errors import InputError
from napari_unet.widgets.background import listen, show_problem
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.class_colors import class_color, show_classes, show_objects
from napari_unet.widgets.class_merging import merge_classes
from napari_unet.widgets.layers import IGNORE_LABEL, current_plane

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels

    from napari_unet.core.config import AnnotationKind
    from napari_unet.session import Session

_NUMBER, _NAME = range(2)
_MOST_ROWS_SHOWN = 6
_FEWEST, _MOST = 2, 256
# Painting, undo and redo, and another plane; looked at so often at most.
_CHANGES = ("paint", "set_data", "data")
_LOOK_MSEC = 300
# What may be learned from an image, as people say it.
_KINDS: dict[AnnotationKind, str] = {
    "objects": "objects",
    "classes": "classes",
    "values": "another image",
}


class ClassList(QWidget):
    """View of `Session.annotation` and `Session.class_names`; a click takes a brush.

    Parameters
    ----------
    session : Session
        The state to show and to change.
    viewer : napari.Viewer
        Unwrapped; its annotation gets the colours and names.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self, session: Session, viewer: napari.Viewer, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._viewer = session, viewer
        self._watched: Labels | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_LOOK_MSEC)
        self._soon.timeout.connect(self._show_strange)
        self._chosen = chosen_layers(viewer)
        self._build()
        self._kind.currentIndexChanged.connect(self._on_kind_chosen)
        self._table.cellClicked.connect(self._on_row_clicked)
        self._table.cellChanged.connect(self._on_name_edited)
        self._more.clicked.connect(self._on_more_clicked)
        self._fewer.clicked.connect(self._on_fewer_clicked)
        for signal in (
            session.events.annotation,
            session.events.class_names,
            self._chosen.events.annotation,
        ):
            listen(signal, self._show)
        self._show()

    def _build(self) -> None:
        self._kind = QComboBox()
        for kind, title in _KINDS.items():
            self._kind.addItem(title, kind)
        self._kind.setAccessibleName("Learn")
        self._kind.setToolTip(
            "Objects: one number per object, all of one kind. Classes: one number per "
            "kind of ground; single objects are not told apart. Another image: nothing "
            "is painted, the network predicts the grey values of another layer"
        )
        self._table = QTableWidget(0, 2)
        self._table.setAccessibleName("Classes")
        self._table.setToolTip(
            "Click a class to paint it; double-click its name to change it. Give it "
            "the name of another class to merge the two"
        )
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        rows, columns = self._table.verticalHeader(), self._table.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            columns.hide()
            columns.setSectionResizeMode(
                _NUMBER, QHeaderView.ResizeMode.ResizeToContents
            )
            columns.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self._more = QPushButton("Add class")
        self._more.setToolTip(
            "One class more. A model that is fine-tuned keeps what it knows of the "
            "classes that have the names it knows"
        )
        self._fewer = QPushButton("Remove last class")
        self._fewer.setToolTip("What is painted with its number must be erased first")
        choice = QHBoxLayout()
        choice.addWidget(QLabel("Learn"))
        choice.addWidget(self._kind, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self._more)
        buttons.addWidget(self._fewer)
        self._classes = QWidget()
        below = QVBoxLayout(self._classes)
        below.setContentsMargins(0, 0, 0, 0)
        self._strange = QLabel()
        self._strange.setWordWrap(True)
        below.addWidget(self._table)
        below.addLayout(buttons)
        below.addWidget(self._strange)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(choice)
        layout.addWidget(self._classes)

    def paint_with(self, number: int) -> None:
        """Take a brush with the number of a class."""
        layer = self._chosen.annotation
        if layer is not None:
            self._viewer.layers.selection.active = layer
            layer.selected_label = number
            layer.mode = "paint"
        self._table.setCurrentCell(number, _NAME)

    # ------------------------------------------------------------ controls to session

    def _on_kind_chosen(self, _index: int) -> None:
        self._session.annotation = self._kind.currentData()

    def _on_row_clicked(self, row: int, _column: int) -> None:
        self.paint_with(row)

    def _on_name_edited(self, row: int, column: int) -> None:
        item, names = self._table.item(row, column), list(self._session.class_names)
        name = "" if item is None else item.text().strip()
        if column == _NAME and name and name not in names:
            old, names[row] = names[row], name
            if (color := self._session.class_colors.get(old)) is not None:
                self._session.class_colors[name] = color
            self._session.class_names = tuple(names)
        elif column == _NAME and name in names and names.index(name) != row:
            first, second = sorted((row, names.index(name)))
            self._merge(first, second, name)
        self._show()  # a name that cannot be goes back to what it was

    def _merge(self, kept: int, gone: int, name: str) -> None:
        """Make one class of two that shall have one name, if that is meant."""
        names = list(self._session.class_names)
        if len(names) <= _FEWEST:
            return
        answer = QMessageBox.question(
            self,
            "Merge classes?",
            f"'{name}' is the name of another class. Make one class of both? What is "
            f"painted as class {gone} becomes class {kept}, in all annotations.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        if answer != QMessageBox.StandardButton.Yes:
            return
        try:
            merge_classes(self._viewer, kept, gone)
        except InputError as error:
            show_problem(error)
            return
        colors = self._session.class_colors
        if names[kept] in colors:
            colors[name] = colors[names[kept]]
        names[kept] = name
        del names[gone]
        self._session.class_names = tuple(names)

    def _on_more_clicked(self) -> None:
        names = self._session.class_names
        number = len(names)
        while (name := f"class {number}") in names:
            number += 1
        self._session.class_names = (*names, name)
        self.paint_with(len(names))

    def _on_fewer_clicked(self) -> None:
        self._session.class_names = self._session.class_names[:-1]

    # ------------------------------------------------------------ session to controls

    def _show(self, _event: object = None) -> None:
        session, names = self._session, self._session.class_names
        are_classes = session.annotation == "classes"
        values = [session.class_colors.get(name, "") for name in names]
        with signals_blocked(self._kind):
            self._kind.setCurrentIndex(self._kind.findData(session.annotation))
        self._classes.setVisible(are_classes)
        self._more.setEnabled(len(names) < _MOST)
        self._fewer.setEnabled(len(names) > _FEWEST)
        with signals_blocked(self._table):
            self._table.setRowCount(len(names))
            for row, name in enumerate(names):
                self._table.setItem(row, _NUMBER, _swatch(row, values[row]))
                self._table.setItem(row, _NAME, QTableWidgetItem(name))
        height = 2 * self._table.frameWidth()
        for row in range(min(len(names), _MOST_ROWS_SHOWN)):
            height += self._table.rowHeight(row)
        self._table.setFixedHeight(height)
        layer = self._chosen.annotation
        if layer is not None and are_classes:
            show_classes(layer, names, values)
        elif layer is not None:
            show_objects(layer)
        self._watch(layer)
        self._show_strange()

    def _watch(self, layer: Labels | None) -> None:
        """Notice when a number that is no class is painted, or put right."""
        if layer is self._watched:
            return
        for watched, act in ((self._watched, "disconnect"), (layer, "connect")):
            if watched is not None:
                for name in _CHANGES:
                    getattr(getattr(watched.events, name), act)(self._on_painted)
        self._watched = layer

    def _on_painted(self, _event: object = None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _show_strange(self) -> None:
        are_classes = self._session.annotation == "classes"
        said = self._say_strange() if are_classes else ""
        self._strange.setText(said)
        self._strange.setVisible(bool(said))

    def _say_strange(self) -> str:
        """Return what to say of numbers on the screen that are no class, if any."""
        layer = self._chosen.annotation
        if layer is None:
            return ""
        plane = current_plane(self._viewer, layer)
        data = np.asarray(layer.data if plane is None else layer.data[plane])
        numbers = np.unique(data[data >= len(self._session.class_names)])
        count = int((numbers != IGNORE_LABEL).sum())
        if not count:
            return ""
        shown = "1 painted number is" if count == 1 else f"{count} painted numbers are"
        return (
            f"<b>{shown} no class</b> and shown in grey: add classes for them, paint "
            "over them, or choose objects again."
        )


def _swatch(number: int, value: str) -> QTableWidgetItem:
    """Return a cell with the number of a class on its colour."""
    item = QTableWidgetItem(f" {number} ")
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)  # a selection would hide the colour
    if number:
        color = QColor.fromRgbF(*class_color(number, value))
        item.setBackground(color)
        dark = color.lightnessF() < 0.5
        item.setForeground(QColor("white" if dark else "black"))
    return item
