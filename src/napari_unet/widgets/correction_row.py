"""The tools of correction as buttons."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QDockWidget,
    QGridLayout,
    QMainWindow,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.widgets.accept import AcceptButtons
from napari_unet.widgets.background import listen
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.correction_tools import TOOLS, correction_tools

if TYPE_CHECKING:
    import napari
    from qtpy.QtGui import QHideEvent

_COLUMNS = 4


class CorrectionButtons(QWidget):
    """View of the `CorrectionTools` of a viewer, whose keys act while it is shown.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose objects are corrected.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen_layers(viewer)
        self._tools = correction_tools(viewer)
        self._many = AcceptButtons(viewer)
        self._buttons = {name: QPushButton(tool.word) for name, tool in TOOLS.items()}
        for name, button in self._buttons.items():
            tool = TOOLS[name]
            how = "" if tool.draws else ", under the cursor"
            button.setToolTip(f"{tool.help}. Key{how}: {tool.key}")
            button.setAccessibleDescription(tool.help)
            button.setCheckable(True)
            button.clicked.connect(functools.partial(self._tools.press, name))
        grid = QGridLayout()
        grid.setSpacing(4)
        for index, button in enumerate(self._buttons.values()):
            grid.addWidget(button, *divmod(index, _COLUMNS))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._many)
        layout.addLayout(grid)
        listen(self._tools.pressed_changed, self._show_pressed)
        listen(self._chosen.events.annotation, self._show_layers)
        listen(self._chosen.events.prediction, self._show_layers)
        self.destroyed.connect(functools.partial(self._tools.unbind, id(self)))
        self._show_layers()

    def setVisible(self, visible: bool) -> None:
        """Show the tools, and let their keys act; or neither."""
        super().setVisible(visible)
        if visible:
            self._tools.bind(id(self))
        else:
            self._tools.unbind(id(self))

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Free the keys when the dock is closed; not when it is only folded."""
        super().hideEvent(event)
        QTimer.singleShot(0, self._see_whether_closed)

    def _see_whether_closed(self) -> None:
        # napari takes the widget of a dock that is closed out of its window.
        is_alive = isalive(self)  # type: ignore[no-untyped-call]
        if is_alive and not isinstance(self.window(), QMainWindow | QDockWidget):
            self._tools.unbind(id(self))

    def _show_pressed(self, pressed: str) -> None:
        for name, button in self._buttons.items():
            button.setChecked(name == pressed)

    def _show_layers(self, _event: Any = None) -> None:
        has_prediction = self._chosen.prediction is not None
        has_any = has_prediction or self._chosen.annotation is not None
        for name, button in self._buttons.items():
            needs_prediction = name in ("accept", "reject", "add")
            button.setEnabled(has_prediction if needs_prediction else has_any)
