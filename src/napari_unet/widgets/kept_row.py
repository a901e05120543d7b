"""The row of an annotation that is kept: undo, redo, and what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_unet.widgets.desks import desks_of

if TYPE_CHECKING:
    import napari


class KeptRow(QWidget):
    """Undo and Redo without a limit; or an offer of what was annotated before.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the annotation is.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desks = desks_of(viewer)
        self._said = QLabel()
        self._said.setWordWrap(True)
        self._undo = _button(
            "Undo", "Take the last change of the annotation back (Ctrl+Z)"
        )
        self._redo = _button("Redo", "Make it once more (Ctrl+Shift+Z)")
        self._bring_back = _button(
            "Bring back", "Show the earlier annotation; all of it can still be undone"
        )
        self._anew = _button(
            "Start anew", "Begin without it; the earlier annotation stays on the disk"
        )
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._said, 0, 0, 1, 2)
        layout.addWidget(self._undo, 1, 0)
        layout.addWidget(self._redo, 1, 1)
        layout.addWidget(self._bring_back, 2, 0)
        layout.addWidget(self._anew, 2, 1)
        self._undo.clicked.connect(lambda: self._desks.step("undo"))
        self._redo.clicked.connect(lambda: self._desks.step("redo"))
        self._bring_back.clicked.connect(self._desks.bring_back)
        self._anew.clicked.connect(self._desks.start_anew)
        self._desks.changed.connect(self._show)
        self.destroyed.connect(self._desks.close)
        self._show()

    def _show(self) -> None:
        keeper, offered = self._desks.keeper, self._desks.offered
        self._said.setText(self._desks.describe_offer() or self._desks.refused)
        self._said.setVisible(bool(self._said.text()))
        for button in (self._bring_back, self._anew):
            button.setVisible(offered is not None)
        desk = None if keeper is None else keeper.kept.desk
        for button in (self._undo, self._redo):
            button.setVisible(desk is not None)
        self._undo.setEnabled(desk is not None and desk.can_undo)
        self._redo.setEnabled(desk is not None and desk.can_redo)


def _button(text: str, help_text: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(help_text)
    button.setAccessibleDescription(help_text)
    return button
