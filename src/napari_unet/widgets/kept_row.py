"""How an annotation is kept, to be seen: undo, redo, and what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_unet.desk_folders import forget_left_open, list_left_open
from napari_unet.widgets.background import listen, show_problem
from napari_unet.widgets.desks import desks_of

if TYPE_CHECKING:
    import napari


class StepButtons(QWidget):
    """Undo and Redo without a limit.

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
        self._undo = _button(
            "Undo",
            "Take the last change of annotation or prediction back (Ctrl+Z)",
        )
        self._redo = _button("Redo", "Make it once more (Ctrl+Shift+Z)")
        _lay_out(self, None, self._undo, self._redo)
        self._undo.clicked.connect(lambda: self._desks.step("undo"))
        self._redo.clicked.connect(lambda: self._desks.step("redo"))
        self._desks.changed.connect(self._show)
        listen(self._desks.predictions.changed, self._show)
        self._show()

    def _show(self) -> None:
        keeper, steps = self._desks.keeper, self._desks.predictions
        desk = None if keeper is None else keeper.kept.desk
        can_undo = steps.can("undo") or (desk is not None and desk.can_undo)
        can_redo = steps.can("redo") or (desk is not None and desk.can_redo)
        self._undo.setEnabled(can_undo)
        self._redo.setEnabled(can_redo)
        self.setVisible(desk is not None or can_undo or can_redo)


class EarlierAnnotation(QWidget):
    """Offers what the chosen image was annotated with before; else it is hidden.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the image is.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desks = desks_of(viewer)
        self._said = QLabel()
        self._bring_back = _button(
            "Bring back", "Show the earlier annotation; all of it can still be undone"
        )
        self._anew = _button(
            "Start anew", "Begin without it; the earlier annotation stays on the disk"
        )
        _lay_out(self, self._said, self._bring_back, self._anew)
        self._bring_back.clicked.connect(self._desks.bring_back)
        self._anew.clicked.connect(self._desks.start_anew)
        self._desks.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        offer = self._desks.describe_offer()
        self._said.setText(offer or self._desks.refused)
        self.setVisible(bool(self._said.text()))
        for button in (self._bring_back, self._anew):
            button.setVisible(bool(offer))


class LeftOpen(QWidget):
    """Offers the images that were annotated when napari ended unexpectedly.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are opened.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desks, self._images = desks_of(viewer), list_left_open()
        self._said = QLabel()
        self._open = _button(
            "Open again", "Open these images, with everything that was painted"
        )
        self._not = _button(
            "Not now", "What was painted is offered again when you open an image"
        )
        _lay_out(self, self._said, self._open, self._not)
        names = ", ".join(f"'{image.name}'" for image in self._images)
        self._said.setText(f"napari ended unexpectedly while you annotated {names}.")
        self._open.clicked.connect(self._on_open_clicked)
        self._not.clicked.connect(self._on_not_clicked)
        self.setVisible(bool(self._images))

    def _on_open_clicked(self) -> None:
        self.hide()
        try:
            self._desks.reopen(self._images)
        except Exception as error:  # noqa: BLE001 - whatever a reader of files raises
            show_problem(error, "Opening the images")
            return

    def _on_not_clicked(self) -> None:
        self.hide()
        forget_left_open()


def _lay_out(row: QWidget, said: QLabel | None, *buttons: QPushButton) -> None:
    """Put buttons beside each other, below what is said."""
    layout = QGridLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    if said is not None:
        said.setWordWrap(True)
        layout.addWidget(said, 0, 0, 1, len(buttons))
    for column, button in enumerate(buttons):
        layout.addWidget(button, 1, column)


def _button(text: str, help_text: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(help_text)
    button.setAccessibleDescription(help_text)
    return button
