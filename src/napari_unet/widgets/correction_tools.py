"""The tools of correction of a viewer: what each does, and by which key.

A key acts on the object under the cursor at once. A button is pressed until it is
pressed again, or Escape: each click on an object meanwhile does what it says. Merging
and splitting draw a line, so their keys press their buttons.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from napari.utils.notifications import show_info
from psygnal import Signal

from napari_unet.core.errors import InputError
from napari_unet.widgets.accepting import accept_in_regions, accept_one, accept_sure
from napari_unet.widgets.background import show_problem
from napari_unet.widgets.chosen import chosen_layers, unwrapped
from napari_unet.widgets.drawn_line import start_line
from napari_unet.widgets.edited_part import EditedPart
from napari_unet.widgets.layers import IGNORE_LABEL
from napari_unet.widgets.object_changes import CHANGES, ModelObjects, merge, split

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import napari
    from napari.layers import Labels

NO_OBJECTS = "There are no objects yet: segment the image, or make an annotation."
_LEFT_BUTTON = 1


class Tool(NamedTuple):
    """A tool of correction: its word, its key, and what it does."""

    word: str
    key: str
    help: str
    draws: bool = False


TOOLS = {
    "accept": Tool("Accept", "K", "Take the predicted object into the annotation"),
    "reject": Tool("Reject", "J", "Take the predicted object out of the prediction"),
    "delete": Tool("Delete", "Shift+D", "Take the object out of the annotation"),
    "add": Tool(
        "Add",
        "W",
        "Add what the model sees here, though it is no predicted object; once more "
        "takes less certain ground, too",
    ),
    "merge": Tool(
        "Merge", "G", "Drag across objects: they become one, as the first", draws=True
    ),
    "split": Tool(
        "Split", "H", "Draw a line: the objects that it crosses are cut", draws=True
    ),
    "separate": Tool(
        "Separate", "Shift+C", "Give each separate piece of the object its own number"
    ),
    "smooth": Tool("Smooth", "Shift+S", "Smooth the outline of the object"),
    "fill": Tool("Fill", "Shift+F", "Fill the holes of the object"),
    "grow": Tool("Grow", "Shift+G", "Grow the object by a pixel, never into others"),
    "shrink": Tool("Shrink", "Shift+H", "Shrink the object by a pixel"),
}


IN_REGIONS_KEY, SURE_KEY = "Shift+K", "Shift+Q"


class CorrectionTools:
    """What corrects the objects of one viewer's annotation and prediction.

    Where both have an object, the annotation's is changed; accepting and rejecting are
    for predicted ones, deleting and adding for the annotation.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose chosen layers are corrected.
    """

    #: Which tool is pressed; "" for none.
    pressed_changed = Signal(str)

    def __init__(self, viewer: napari.Viewer) -> None:
        # It outlives no viewer: those are keys of the dictionary that holds it.
        self._viewer_of = weakref.ref(viewer)
        self._chosen = chosen_layers(viewer)
        #: From which one on objects are accepted as sure.
        self.least_confidence = 0.9
        self._users: set[int] = set()
        self._objects = ModelObjects()
        self._held: Labels | None = None
        self.pressed = ""

    @property
    def _viewer(self) -> napari.Viewer:
        viewer = self._viewer_of()
        if viewer is None:
            raise RuntimeError("The viewer is gone.")
        return viewer

    # ------------------------------------------------------------------ the keys

    def bind(self, user: int) -> None:
        """Let the keys act as long as somebody, by their id, shows the tools."""
        if not self._users:
            for key, act in self._keys().items():
                self._viewer.bind_key(key, act, overwrite=True)
        self._users.add(user)

    def unbind(self, user: int) -> None:
        """Free the keys once nobody shows the tools any more."""
        if self._users == {user}:
            self.release()
            for key in self._keys():
                self._viewer.bind_key(key, None)
        self._users.discard(user)

    def _keys(self) -> dict[str, Callable[[napari.Viewer], None]]:
        """Return what each key does, the keys as napari writes them."""
        keys = {tool.key: self._action(name) for name, tool in TOOLS.items()}
        keys[IN_REGIONS_KEY] = accept_in_regions
        keys[SURE_KEY] = self._on_sure_key
        return {key.replace("+", "-"): act for key, act in keys.items()}

    def _action(self, name: str) -> Callable[[napari.Viewer], None]:
        # napari asks for the name of what it calls, which only functions have.
        def act(viewer: napari.Viewer) -> None:
            self._on_key(name)

        return act

    def _on_sure_key(self, viewer: napari.Viewer) -> None:
        accept_sure(self._viewer, self.least_confidence)

    def _on_key(self, name: str) -> None:
        if TOOLS[name].draws:
            self.press(name)
        else:
            cursor = self._viewer.cursor
            # napari tells where one looks along in 3D only here.
            self._act(name, cursor.position, getattr(cursor, "_view_direction", None))

    # ------------------------------------------------------------ pressed buttons

    def press(self, name: str) -> None:
        """Let clicks, or lines drawn, do what a tool does; pressed again, no more."""
        was_pressed = self.pressed == name
        self.release()
        layer = self._chosen.annotation or self._chosen.prediction
        if name == "accept" or name == "reject":
            layer = self._chosen.prediction
        if was_pressed:
            return
        if layer is None:
            show_info(NO_OBJECTS)
            self.pressed_changed.emit("")
            return
        self._hold(layer, name)

    def release(self, event: Any = None) -> None:
        """Let go of the tool that is pressed."""
        layer, self._held = self._held, None
        if layer is None:
            return
        self.pressed = ""
        self._viewer.mouse_drag_callbacks.remove(self._on_drag)
        self._viewer.layers.selection.events.active.disconnect(self.release)
        layer.events.mode.disconnect(self.release)
        layer.bind_key("Escape", None)
        layer.help = ""
        if layer.mode == "pan_zoom":  # else napari has set what belongs to the mode
            layer.mouse_pan, layer.cursor = True, "standard"
        self.pressed_changed.emit("")

    def _hold(self, layer: Labels, name: str) -> None:
        tool = TOOLS[name]
        self._viewer.layers.selection.active = layer
        layer.visible = True  # nobody can click on what is hidden
        layer.mode = "pan_zoom"
        layer.mouse_pan = not tool.draws
        layer.cursor = "cross" if tool.draws else "pointing"
        layer.help = f"{tool.help}. Escape: no more"
        layer.bind_key("Escape", self.release, overwrite=True)
        layer.events.mode.connect(self.release)
        self._viewer.layers.selection.events.active.connect(self.release)
        self._viewer.mouse_drag_callbacks.append(self._on_drag)
        self._held, self.pressed = layer, name
        self.pressed_changed.emit(name)

    def _on_drag(
        self, viewer: napari.Viewer, event: Any
    ) -> Generator[None, None, None]:
        """Do what is pressed where a click was, or along a line that was drawn."""
        if event.button != _LEFT_BUTTON:
            return
        name, path = self.pressed, [tuple(event.position)]
        line = start_line(self._viewer) if TOOLS[name].draws else None
        if line is not None:
            line.add(event.pos)
        yield
        while event.type == "mouse_move":
            if event.is_dragging and not TOOLS[name].draws:
                return  # moves the view
            path.append(tuple(event.position))
            if line is not None:
                line.add(event.pos)
            yield
        if line is not None:
            line.finish()
        if name != self.pressed:
            return
        if TOOLS[name].draws:
            self._draw(name, path)
        else:
            self._act(name, event.position, event.view_direction)

    # ----------------------------------------------------------------- the changes

    def _act(self, name: str, position: Sequence[float], direction: Any) -> None:
        """Do to the object at a place what a tool does."""
        if self._chosen.annotation is None and self._chosen.prediction is None:
            show_info(NO_OBJECTS)
            return
        try:
            if name == "add":
                said = self._objects.add(self._viewer, position)
            else:
                said = self._change_one(name, position, direction)
        except InputError as error:
            show_problem(error)
            return
        if said:
            show_info(said)

    def _change_one(self, name: str, position: Sequence[float], direction: Any) -> str:
        candidates = self._layers()
        if name in ("accept", "reject"):
            candidates = [la for la in candidates if la is self._chosen.prediction]
        elif name == "delete":
            candidates = [la for la in candidates if la is self._chosen.annotation]
        for layer in candidates:
            number = self._number_at(layer, position, direction)
            if not number:
                continue
            if name == "accept":
                accept_one(self._viewer, number)
                return ""
            part = EditedPart(self._viewer, layer, position)
            return CHANGES[name](part, number, TOOLS[name].word.lower())
        kinds = {"accept": "predicted ", "reject": "predicted ", "delete": "annotated "}
        return f"There is no {kinds.get(name, '')}object under the cursor."

    def _draw(self, name: str, path: Sequence[Sequence[float]]) -> None:
        """Merge or split what lies under a line: annotated, or else predicted."""
        if self._viewer.dims.ndisplay > 2:
            show_info("A line is drawn on slices; go back to them (Ctrl+Y).")
            return
        change = merge if name == "merge" else split
        try:
            for layer in self._layers():
                if change(EditedPart(self._viewer, layer, path[0]), path):
                    return
        except InputError as error:
            show_problem(error)
            return
        show_info(
            "Nothing is merged: drag from one object across others."
            if name == "merge"
            else "Nothing is cut: draw a line across an object, from edge to edge."
        )

    def _layers(self) -> list[Labels]:
        """Return what is corrected, the annotation before the prediction."""
        both = (self._chosen.annotation, self._chosen.prediction)
        return [layer for layer in both if layer is not None and layer.visible]

    def _number_at(
        self, layer: Labels, position: Sequence[float], direction: Any
    ) -> int:
        """Return the number of the object at a place on the screen; 0 for none."""
        if self._viewer.dims.ndisplay > 2:
            value = layer.get_value(
                position,
                view_direction=direction,
                dims_displayed=list(self._viewer.dims.displayed),
                world=True,
            )
        else:
            value = EditedPart(self._viewer, layer, position).number
        return 0 if value in (None, IGNORE_LABEL) else int(value)


_tools: weakref.WeakKeyDictionary[napari.Viewer, CorrectionTools] = (
    weakref.WeakKeyDictionary()
)


def correction_tools(viewer: napari.Viewer) -> CorrectionTools:
    """Return the tools of a viewer, the same object every time."""
    viewer = unwrapped(viewer)
    if viewer not in _tools:
        _tools[viewer] = CorrectionTools(viewer)
    return _tools[viewer]
