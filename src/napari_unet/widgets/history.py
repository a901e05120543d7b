"""All trainings so far: what each reached, and the way back to any of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtCore import QFile, Qt, QUrl
from qtpy.QtGui import QDesktopServices, QFont
from qtpy.QtWidgets import (
    QGridLayout,
    QHeaderView,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.core.score_words import describe_found, shown_gain
from napari_unet.widgets.background import listen, show_problem
from napari_unet.widgets.go_on import GoOnButton
from napari_unet.widgets.score_tables import CopiedTable
from napari_unet.widgets.training_bar import describe_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qtpy.QtGui import QShowEvent

    from napari_unet.core.card import Card
    from napari_unet.session import Session

# What tells them apart comes first: the dock is narrow.
_COLUMNS = ("When", "F1", "IoU", "Start", "Model")
_START = 3  # from here on they share what is left
_MOST_ROWS = 6
_PATH = Qt.ItemDataRole.UserRole


class RunHistory(QWidget):
    """The model folders of the user, newest first, the one in use in bold.

    Parameters
    ----------
    session : Session
        Lists the models; `model_folder` is the one in use.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._table = CopiedTable(_COLUMNS)
        self._table.setAccessibleName("Trainings")
        self._table.setToolTip(
            "F1 and IoU are those of the validation; dB is the PSNR of grey values"
        )
        self._table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self._table.setWordWrap(False)
        # Names of models differ at their ends.
        self._table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        columns = self._table.horizontalHeader()
        if columns is not None:
            for column in range(_START):
                columns.setSectionResizeMode(
                    column, QHeaderView.ResizeMode.ResizeToContents
                )
        self._use = _button("Use this model", "Segment with it, and fine-tune from it")
        self._open = _button("Open folder", "Show the model's files")
        self._delete = _button("Delete…", "Move the model to the trash")
        self.go_on = GoOnButton(session)
        buttons = QGridLayout()
        for place, button in enumerate(
            (self._use, self.go_on, self._open, self._delete)
        ):
            buttons.addWidget(button, *divmod(place, 2))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        layout.addLayout(buttons)

        self._table.itemSelectionChanged.connect(self._show_buttons)
        self._table.itemDoubleClicked.connect(self._on_use_clicked)
        self._use.clicked.connect(self._on_use_clicked)
        self._open.clicked.connect(self._on_open_clicked)
        self._delete.clicked.connect(self._on_delete_clicked)
        listen(session.events.model_folder, self.refresh)
        listen(session.events.job, self.refresh)
        self.refresh()

    def showEvent(self, event: QShowEvent | None) -> None:
        """List the folders anew: other programs may have changed them."""
        super().showEvent(event)
        self.refresh()

    def selected(self) -> Path | None:
        """Return the selected model folder."""
        items = self._table.selectedItems()
        return items[0].data(_PATH) if items else None

    def refresh(self, _event: object = None) -> None:
        """List the model folders, keeping the selection."""
        selected = self.selected()
        models = self._session.list_models()
        self._table.setRowCount(len(models))
        for row, (folder, card) in enumerate(models):
            in_use = folder == self._session.model_folder
            for column, text in enumerate(_describe(folder, card)):
                item = QTableWidgetItem(text)
                item.setData(_PATH, folder)
                item.setToolTip(_explain(folder, card))
                font = QFont(item.font())
                font.setBold(in_use)
                item.setFont(font)
                self._table.setItem(row, column, item)
            if folder == selected:
                self._table.selectRow(row)
        self._table.fit_height(_MOST_ROWS)
        self._show_buttons()

    def _show_buttons(self) -> None:
        """Offer only what can be done; not while a job may be using the folder."""
        folder, idle = self.selected(), not self._session.is_busy
        self._open.setEnabled(folder is not None)
        self._delete.setEnabled(folder is not None and idle)
        in_use = folder == self._session.model_folder
        self._use.setEnabled(folder is not None and idle and not in_use)
        self.go_on.setFolder(folder or self._session.model_folder)

    def _on_use_clicked(self) -> None:
        folder = self.selected()
        if folder is None or not self._use.isEnabled():
            return
        try:
            self._session.read_model(folder)
        except InputError as error:
            show_problem(error)
        else:
            self._session.model_folder = folder

    def _on_open_clicked(self) -> None:
        folder = self.selected()
        if folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _on_delete_clicked(self) -> None:
        folder = self.selected()
        if folder is None:
            return
        answer = QMessageBox.question(
            self,
            "Delete the model?",
            f"'{folder.name}' will be moved to the trash.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._delete_folder(folder)

    def _delete_folder(self, folder: Path) -> None:
        if not move_to_trash(folder):
            show_problem(
                InputError(
                    f"'{folder}' could not be moved to the trash; nothing was deleted. "
                    "Delete it in your file browser."
                )
            )
            return
        if self._session.model_folder == folder:
            self._session.model_folder = None
        show_info(f"'{folder.name}' is in the trash.")
        self.refresh()


def move_to_trash(folder: Path) -> bool:
    """Move a folder to the system's trash; tell whether that worked."""
    done = QFile.moveToTrash(str(folder))
    # PyQt returns the new place, too, where the signature in C++ has it as an output.
    return bool(done[0] if isinstance(done, tuple) else done)


def describe_gain(card: Card) -> str:
    """Return the validation scores before and after a training, for people.

    Examples
    --------
    >>> from napari_unet.core.card import Card
    >>> before, after = {"f1": 0.5, "iou": 0.625}, {"f1": 0.9, "iou": 0.75}
    >>> describe_gain(Card(scores_before=before, scores=after))
    'F1 0.500 → 0.900, IoU 0.625 → 0.750'
    >>> describe_gain(Card(scores={"f1": 0.0, "iou": 0.1}))
    'F1 0.000, IoU 0.100; no object is found yet, train longer or annotate more'
    >>> describe_gain(Card(scores={"f1": 0.5, "iou": 0.5, "ap": 0.25}))
    'F1 0.500, IoU 0.500, AP 0.250'
    >>> describe_gain(Card(scores={"f1": 0.0, "iou": 0.5, "iou_0": 0.9, "iou_1": 0.1}))
    'mean IoU 0.500'
    >>> describe_gain(Card(scores={"psnr": 31.25, "mse": 4.0}))
    'PSNR 31.25 dB'
    >>> describe_gain(Card(scores_before={"psnr": 20.0}, scores={"psnr": 31.25}))
    'PSNR 20.00 → 31.25 dB'
    >>> describe_gain(Card())
    'no ground was left to measure how good it is: annotate more, or draw a validation
    region'
    """
    if not card.scores:
        return describe_unmeasured(card)
    gain = shown_gain(card.scores_before, card.scores)
    text = ", ".join(f"{title} {value}" for title, value in gain.items())
    if "F1" in gain and card.scores["f1"] == 0:
        text += "; no object is found yet, train longer or annotate more"
    return text


def describe_unmeasured(card: Card) -> str:
    """Say why it is not known how good a model is.

    Examples
    --------
    >>> from napari_unet.core.card import Card
    >>> describe_unmeasured(Card(started_from="nuclei"))
    "no ground was left to measure how good it is, or whether it is better than
    'nuclei' was: annotate more, or draw a validation region"
    """
    if card.is_unmeasured:
        return "not measured: it was stopped before each part was left out once"
    measure = "measure how good it is"
    if card.started_from is not None:
        measure += f", or whether it is better than '{card.started_from}' was"
    return (
        f"no ground was left to {measure}: annotate more, or draw a validation region"
    )


def describe_choice(before: ObjectConfig, after: ObjectConfig) -> str:
    """Return in a sentence which ways of making objects a training has changed.

    Examples
    --------
    >>> from napari_unet.core.config import ObjectConfig
    >>> describe_choice(ObjectConfig(), ObjectConfig(threshold=0.3, min_size=40))
    'Chosen for the objects, to be changed under Segment: threshold 0.3, smallest
    object 40 px.'
    >>> describe_choice(ObjectConfig(), ObjectConfig())
    ''
    """
    parts = []
    for name, declared in ObjectConfig.model_fields.items():
        if (value := getattr(after, name)) == getattr(before, name):
            continue
        title = (declared.title or name.replace("_", " ")).lower()
        unit = " px" if name == "min_size" else ""
        parts.append(f"{title} {value:g}{unit}")
    if not parts:
        return ""
    return f"Chosen for the objects, to be changed under Segment: {', '.join(parts)}."


def _describe(folder: Path, card: Card) -> tuple[str, ...]:
    """Return the texts of a row."""
    scores = card.scores or {}
    return (
        datetime.fromisoformat(card.created).strftime("%d %b %H:%M")
        if card.created
        else "",
        f"{scores['psnr']:.1f} dB" if "psnr" in scores else _shown(scores, "f1"),
        _shown(scores, "iou"),
        card.started_from or "scratch",
        card.name or folder.name,
    )


def _explain(folder: Path, card: Card) -> str:
    """Return what a row has no room for."""
    start = card.started_from or "scratch"
    taken = describe_time(card.seconds)
    lines = [card.name or folder.name, f"from {start}, trained for {taken}"]
    if card.learned is not None:
        lines.append("what was learned was no better: still the model it started from")
    if card.scores is not None:
        lines += [describe_gain(card), describe_found(card.scores), card.validation]
    return "\n".join(line for line in (*lines, str(folder)) if line)


def _shown(scores: Mapping[str, float], name: str) -> str:
    return f"{scores[name]:.2f}" if name in scores else "–"


def _button(title: str, help_text: str) -> QPushButton:
    button = QPushButton(title)
    button.setToolTip(help_text)
    return button
