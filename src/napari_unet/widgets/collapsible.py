"""A titled box that opens and closes."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget


class Collapsible(QWidget):
    """A title to click, and a widget that is shown below it while it is open.

    Unlike superqt's, it gives the content whatever height it asks for at its width, so
    that texts of several lines are never cut off, and truly hides it when closed, so
    that a closed section can tell that nobody looks.

    Parameters
    ----------
    title : str
        What the box is about.
    content : QWidget
        What it holds.
    is_open : bool
        Whether it is open at the start.
    """

    def __init__(self, title: str, content: QWidget, *, is_open: bool = False) -> None:
        super().__init__()
        self._title, self._content = title, content
        self._button = QPushButton()
        self._button.setCheckable(True)
        self._button.setStyleSheet("text-align: left; font-weight: bold;")
        self._button.setToolTip(f"Open or close '{title}'")
        self._button.setAccessibleName(title)
        self.setAccessibleName(title)
        holder = QVBoxLayout()
        holder.setContentsMargins(8, 4, 2, 8)
        holder.addWidget(content)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self._button)
        rows.addLayout(holder)
        self._holder = holder
        self._button.toggled.connect(self.setOpen)
        self.setOpen(is_open)

    def isOpen(self) -> bool:
        """Tell whether the content is shown."""
        return bool(self._button.isChecked())

    def setOpen(self, is_open: bool) -> None:
        """Show or hide the content."""
        self._button.setChecked(is_open)
        self._button.setText(f"{'▾' if is_open else '▸'}  {self._title}")
        self._content.setVisible(is_open)
        self._holder.setContentsMargins(8, *((4, 2, 8) if is_open else (0, 2, 0)))
