"""Asks which starter model suits what is annotated, to start a training from it."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]  # qtpy's own

from napari_unet.core.errors import InputError
from napari_unet.fine_tuned import SuitedStart, suit_start
from napari_unet.learned import picks_start
from napari_unet.widgets.background import LatestAnswer
from napari_unet.widgets.layers import image_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image as ImageLayer
    from qtpy.QtWidgets import QWidget

    from napari_unet.segmented import Segmented
    from napari_unet.session import Session


class StarterQuestion(QObject):
    """Brings `Session.suited_start`, where nobody has chosen a model or a start.

    Parameters
    ----------
    session : Session
        Whose start it is.
    owner : QWidget
        Also the Qt parent.
    """

    settled = Signal()

    def __init__(self, session: Session, owner: QWidget) -> None:
        super().__init__(owner)
        self._session = session
        self._image: Callable[[], ImageLayer | None] = lambda: None
        self._answer = LatestAnswer(owner, "Choosing what to start from")
        self._answer.answered.connect(self._on_answered)
        self._answer.failed.connect(self._on_failed)

    @property
    def is_open(self) -> bool:
        """Whether an answer that counts is still to come."""
        return self._answer.is_busy and picks_start(self._session)

    def ask(self, layer: ImageLayer | None, segmented: Segmented | None) -> None:
        """Ask for an annotated image, unless it was asked for or nobody needs it.

        Parameters
        ----------
        layer : Image layer, optional
            What is learned from.
        segmented : Segmented, optional
            What was found in it: the starter that did so suits it.
        """
        if layer is None or layer is self._image() or not picks_start(self._session):
            return
        if segmented is not None and segmented.starter is not None:
            self._image = weakref.ref(layer)
            self._answer.forget()
            suited = SuitedStart(segmented.starter, layer.name, segmented.why)
            self._session.suited_start = suited
            self.settled.emit()
            return
        if self._session.is_busy:  # it has the processor; asked again when it ends
            return
        try:
            image = image_of(layer)
        except InputError:  # said when the training is to start
            return
        self._image = weakref.ref(layer)
        self._session.suited_start = None
        self._answer.ask(functools.partial(suit_start, image, self._session.device))

    def _on_answered(self, suited: SuitedStart) -> None:
        if self._answer.is_busy:  # asked for another image meanwhile
            return
        self._session.suited_start = suited
        self.settled.emit()

    def _on_failed(self, _error: object) -> None:
        self.settled.emit()
