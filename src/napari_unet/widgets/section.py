"""What every section of the dock is: a view of one session in one viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_unet.widgets.chosen import chosen_layers, unwrapped

if TYPE_CHECKING:
    import napari

    from napari_unet.session import Session


class Section(QWidget):
    """A part of the dock; knows the session, the viewer, and the layers chosen in it.

    Parameters
    ----------
    session : Session
        The state to show and to change.
    viewer : napari.Viewer
        Whose layers it works on.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self, session: Session, viewer: napari.Viewer, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._viewer = session, unwrapped(viewer)
        self._chosen = chosen_layers(self._viewer)
