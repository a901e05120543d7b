"""The pixel size of a model to be trained from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFormLayout, QWidget
from superqt.utils import signals_blocked

from napari_unet.widgets.background import listen
from napari_unet.widgets.length_box import LengthBox

if TYPE_CHECKING:
    from napari_unet.session import Session


class ModelPixelSize(QWidget):
    """View of `Session.pixel_size_um` and `Session.pixel_size_z_um`.

    Parameters
    ----------
    session : Session
        The state to show and to change.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._plane = LengthBox(
            "Pixel size of the new model",
            "of the images",
            "Edge of a pixel of the new model: images are rescaled to it, in training "
            "and in use. Larger pixels learn large objects faster and see more context",
        )
        self._depth = LengthBox(
            "Distance of planes of the new model",
            "of the images",
            "3D: distance of planes of the new model",
        )
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.addRow("Pixel size", self._plane)
        self._form.addRow("Between planes", self._depth)
        self._plane.valueChanged.connect(self._on_edited)
        self._depth.valueChanged.connect(self._on_edited)
        for signal in (
            session.events.pixel_size_um,
            session.events.pixel_size_z_um,
            session.events.network,
        ):
            listen(signal, self._show)
        self._show()

    def _show(self, _event: object = None) -> None:
        session = self._session
        with signals_blocked(self._plane), signals_blocked(self._depth):
            self._plane.setLength(session.pixel_size_um)
            self._depth.setLength(session.pixel_size_z_um)
        self._form.setRowVisible(self._depth, session.network.dimensions == 3)

    def _on_edited(self, _value: float) -> None:
        # Both are read first: setting one shows the session's values again.
        plane, depth = self._plane.length(), self._depth.length()
        self._session.pixel_size_um = plane
        self._session.pixel_size_z_um = depth
