"""Buttons that take predicted objects over into the annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotation_layers import Accepted, accept_into, regions_of
from napari_unet.widgets.background import listen, show_problem
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.layers import add_labels, current_plane, visible_box

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    import napari
    from napari.layers import Labels

    from napari_unet.segmented import Box


class AcceptButtons(QWidget):
    """Copy predicted objects: all in view, the picked one, or those clicked on.

    Each press is one step that can be undone.

    Parameters
    ----------
    viewer : napari.Viewer
        Where prediction and annotation are.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._chosen = chosen_layers(viewer)
        self._clickable: Labels | None = None
        self._in_view = QPushButton("Accept all in view")
        self._picked = QPushButton("Accept picked")
        self._by_click = QPushButton("Accept by click")
        self._by_click.setCheckable(True)
        helps = {
            self._in_view: "Take every predicted object on the screen into the "
            "annotation; what is painted there is kept",
            self._picked: "Take the predicted object whose number is selected in the "
            "prediction layer into the annotation",
            self._by_click: "While this is pressed, a click on a predicted object "
            "takes it into the annotation",
        }
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for index, (button, help_text) in enumerate(helps.items()):
            button.setToolTip(help_text)
            button.setAccessibleDescription(help_text)
            layout.addWidget(button, *divmod(index, 2))
        self._in_view.clicked.connect(self._on_in_view_clicked)
        self._picked.clicked.connect(self._on_picked_clicked)
        self._by_click.toggled.connect(self._on_by_click_toggled)
        listen(self._chosen.events.prediction, self._show_prediction)
        self._show_prediction()

    def _show_prediction(self) -> None:
        self._by_click.setChecked(False)
        has_prediction = self._chosen.prediction is not None
        for button in (self._in_view, self._picked, self._by_click):
            button.setEnabled(has_prediction)

    def _on_in_view_clicked(self) -> None:
        if self._chosen.image is None:
            return
        accepted = self._accept(box=visible_box(self._chosen.image))
        if accepted.objects:
            show_info(
                f"{_count(accepted.objects)} now in the annotation; Undo takes them "
                f"out again.{_say_outside(accepted)}"
            )

    def _on_picked_clicked(self) -> None:
        if self._chosen.prediction is not None:
            self._accept_one(self._chosen.prediction.selected_label)

    def _on_by_click_toggled(self, pressed: bool) -> None:
        if self._clickable is not None:
            self._clickable.mouse_drag_callbacks.remove(self._on_click)
            self._clickable = None
        layer = self._chosen.prediction
        if pressed and layer is not None:
            self._clickable = layer
            layer.mouse_drag_callbacks.append(self._on_click)
            layer.mode = "pan_zoom"
            layer.visible = True  # nobody can click on what is hidden
            self._viewer.layers.selection.active = layer

    def _on_click(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        """Accept the object under a click; a drag still moves the view."""
        yield
        while event.type == "mouse_move":
            if event.is_dragging:
                return
            yield
        number = layer.get_value(event.position, world=True)
        if number:
            self._accept_one(int(number))

    def _accept_one(self, number: int) -> None:
        """Accept one object; speak of it only if it will not be learned."""
        accepted = self._accept(chosen=[number])
        if accepted.outside:
            show_info(f"The object is now in the annotation.{_say_outside(accepted)}")

    def _accept(
        self, *, box: Box | None = None, chosen: Collection[int] | None = None
    ) -> Accepted:
        """Accept objects; say so if there are none."""
        image, prediction = self._chosen.image, self._chosen.prediction
        if image is None or prediction is None:
            return Accepted(0, 0)
        if self._chosen.annotation is None:
            active = self._viewer.layers.selection.active
            self._chosen.annotation = add_labels(self._viewer, image, "annotation")
            self._viewer.layers.selection.active = active
        plane = current_plane(self._viewer, image)
        try:
            accepted = accept_into(
                self._chosen.annotation,
                prediction,
                plane=plane,
                box=box,
                chosen=chosen,
                regions=regions_of(self._chosen.regions, image).get(plane, ()),
            )
        except InputError as error:
            show_problem(error)
            return Accepted(0, 0)
        if not accepted.objects:
            show_info("Nothing to accept here: these objects are annotated already.")
        return accepted


def _count(objects: int) -> str:
    return "1 object is" if objects == 1 else f"{objects} objects are"


def _say_outside(accepted: Accepted) -> str:
    """Return what to say of accepted objects that no region touches."""
    if not accepted.outside:
        return ""
    verb = "lies" if accepted.outside == 1 else "lie"
    which = "It" if accepted.objects == 1 else f"{accepted.outside} of them"
    return (
        f" {which} {verb} outside the regions, where nothing is learned: draw a region "
        "there, once all objects in it are right."
    )
