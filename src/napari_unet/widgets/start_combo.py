"""What the next training starts from: scratch, a starter that suits, another model."""

from __future__ import annotations

import html
from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_unet.core.errors import InputError, in_dock
from napari_unet.learned import picks_start
from napari_unet.widgets.background import listen
from napari_unet.widgets.model_combo import (
    STARTER_MODELS,
    ModelCombo,
    Offer,
    offer_starters,
)

if TYPE_CHECKING:
    from napari_unet.session import Session

_SCRATCH, _MODEL = "Scratch", "The model in use"


class StartCombo(ModelCombo):
    """View of `Session.start_from`; what the user has chosen stays while it is offered.

    Else it is the model in use or, where none is chosen, the starter that suits what is
    annotated; `line` says so.

    Parameters
    ----------
    session : Session
        The state to show and to change.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.setToolTip(
            "Going on from a model that knows similar images needs fewer annotations; "
            "from scratch, nothing of an old model remains"
        )
        self.currentIndexChanged.connect(self._on_chosen)
        events = session.events
        for signal in (
            events.model_folder,
            events.suited,
            events.suited_start,
            events.annotation,
            events.network,
        ):
            listen(signal, self._show)
        self._show()

    def _show(self, _event: object = None) -> None:
        session, starters = self._session, self._session.list_starters()
        if session.annotation == "values":  # starter models know objects
            starters = []
        in_use = session.model_in_use if self._learns_the_same() else None
        groups = {"": [Offer(_SCRATCH)], STARTER_MODELS: offer_starters(starters)}
        if in_use is not None and in_use not in [path for path, _ in starters]:
            groups[""].append(Offer(_MODEL, in_use, in_use.name))
        offered = {each.folder for group in groups.values() for each in group}
        stays = session.start_is_chosen and session.start_from in offered
        usual = in_use
        if picks_start(session) and session.suited_start is not None:
            usual = session.suited_start.folder
        if usual not in offered:
            usual = None
        self.offer(groups, session.start_from if stays else usual)
        session.start_from = self.folder()
        self._show_line()

    def _learns_the_same(self) -> bool:
        """Tell whether the model in use can go on with what is to be learned."""
        with suppress(InputError):  # said where the model is shown
            if (model := self._session.read_model()) is not None:
                kinds = {model.settings.annotation, self._session.annotation}
                return "values" not in kinds or len(kinds) == 1
        return True

    def _on_chosen(self, _index: int) -> None:
        self._session.start_is_chosen = True
        self._session.start_from = self.folder()
        self._show_line()

    def _show_line(self) -> None:
        """Say why it is this one, where the program has chosen."""
        session, suited = self._session, self._session.suited_start
        said = ""
        is_it = suited is not None and suited.folder == self.folder()
        if suited is not None and is_it and picks_start(session):
            why = in_dock(suited.why).rstrip(".")
            said = html.escape(f"Chosen for '{suited.image}': {why}.")
        self.line.setText(f"<small>{said}</small>")
        self.line.setVisible(bool(said))
