"""A combo box of model folders, in groups: those of the user, those that come along."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QFont, QStandardItem, QStandardItemModel
from superqt.utils import signals_blocked

from napari_unet.widgets.elided_combo import ElidedCombo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_unet.core.card import Card

STARTER_MODELS = "Starter models"
_NONE = Qt.ItemFlag.NoItemFlags


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry: what it is called, and which folder it means, if any."""

    title: str
    folder: Path | None = None
    tooltip: str = ""


class ModelCombo(ElidedCombo):
    """Offers model folders, a heading above each group that has a title."""

    def offer(
        self, groups: Mapping[str, Sequence[Offer]], chosen: Path | None = None
    ) -> None:
        """Offer other models and choose one, telling nobody.

        Parameters
        ----------
        groups : mapping of str to sequence of Offer
            By the text of the heading; '' has none.
        chosen : Path, optional
            The first entry with this folder is chosen.
        """
        entries = QStandardItemModel(self)
        place = None
        for heading, offers in groups.items():
            if heading and offers:
                entries.appendRow(_heading(heading))
            for offer in offers:
                item = QStandardItem(offer.title)
                item.setData(offer.folder, Qt.ItemDataRole.UserRole)
                item.setToolTip(offer.tooltip)
                if place is None and offer.folder == chosen:
                    place = entries.rowCount()
                entries.appendRow(item)
        with signals_blocked(self):
            self.setModel(entries)
            self.setCurrentIndex(-1 if place is None else place)

    def folder(self) -> Path | None:
        """Return the folder of what is chosen; None where it has none."""
        folder: Path | None = self.currentData()
        return folder

    def folders(self) -> list[Path | None]:
        """Return the folder of each entry, headings left out."""
        places = range(self.count())
        return [self.itemData(i) for i in places if self._can_be_chosen(i)]

    def titles(self) -> list[str]:
        """Return the text of each entry, headings left out."""
        places = range(self.count())
        return [self.itemText(i) for i in places if self._can_be_chosen(i)]

    def _can_be_chosen(self, place: int) -> bool:
        entries = self.model()
        flags = None if entries is None else entries.index(place, 0).flags()
        return flags is not None and flags != _NONE


def offer_starters(starters: Sequence[tuple[Path, Card]]) -> list[Offer]:
    """Return an entry for each starter model, with its card in short as tooltip."""
    return [Offer(path.name, path, describe_starter(card)) for path, card in starters]


def describe_starter(card: Card) -> str:
    """Return what one should know before one uses a starter model, as rich text."""
    if card.notes is None:
        return ""
    notes = card.notes
    lines = [
        f"<b>{html.escape(card.name)}</b>: {html.escape(notes.purpose)}",
        html.escape(notes.made_for),
    ]
    if notes.headline:
        where = html.escape(", ".join(each.name for each in notes.held_out))
        lines.append(f"{notes.headline} on images it has never seen, of {where}")
    if notes.known_failures:
        failures = html.escape(" ".join(notes.known_failures))
        lines.append(f"<b>Where it fails:</b> {failures}")
    lines.append(f"<b>Licence of its data:</b> {html.escape(notes.licence)}")
    return "".join(f"<p>{line}</p>" for line in lines)


def _heading(text: str) -> QStandardItem:
    """Return a line of the list that cannot be chosen."""
    item = QStandardItem(text)
    item.setFlags(_NONE)
    font = QFont(item.font())
    font.setBold(True)
    item.setFont(font)
    return item
