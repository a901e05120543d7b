"""The dock section that shows what the loss will look at, while one paints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotation_layers import regions_of, summarise_layers
from napari_unet.widgets.background import LatestAnswer, listen
from napari_unet.widgets.form import Form
from napari_unet.widgets.layers import IGNORE_LABEL, current_plane, labels_of
from napari_unet.widgets.overlay import show_overlay
from napari_unet.widgets.section import Section

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_unet.core.annotation.live_weight_map import LiveWeightMap
    from napari_unet.core.config import TrainConfig, WeightMapConfig
    from napari_unet.session import Session

_FIELDS = (
    "form",
    "w0",
    "sigma",
    "class_balance",
    "background",
    "background_sigma",
    "separation_border",
)
_SLIDERS = {"w0": (0.0, 50.0), "sigma": (0.5, 20.0)}
# Changes closer together than this are answered at once: a stroke sends dozens.
_GATHER_MSEC = 15


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """A weight map with what it belongs to."""

    image: ImageLayer
    plane: int | None
    weights: NDArray[Any]
    highest: float
    objects: int


class WeightMapSection(Section):
    """Sliders for the weight map, and the map as a layer that follows the brush.

    Parameters
    ----------
    session : Session
        Holds the settings and computes the map.
    viewer : napari.Viewer
        Where the annotation is painted and the map is shown.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self,
        session: Session,
        viewer: napari.Viewer,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, viewer, parent)
        self._watched: list[tuple[Any, Callable[..., None]]] = []
        self._asked: tuple[Any, Any] = (None, None)
        self._map: ImageLayer | None = None
        self._live_map: LiveWeightMap | None = None
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self._answers = LatestAnswer(self, "Weight map")
        self._answers.answered.connect(self._on_answered)
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(_GATHER_MSEC)
        self._gather.timeout.connect(self._ask)

        self._live = QCheckBox("Show the weight map while painting")
        self._live.setToolTip(
            "Shows how much each pixel counts in training, as a layer on the image: "
            "bright where objects nearly touch. It follows the brush."
        )
        self._form: Form[WeightMapConfig] = Form(
            session.train_config.weight_map, _FIELDS, sliders=_SLIDERS
        )
        self._status = QLabel()
        self._status.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._live)
        layout.addWidget(self._form)
        layout.addWidget(self._status)

        self._live.toggled.connect(self._on_live_toggled)
        self._form.valueChanged.connect(self._on_form_edited)
        listen(session.events.train_config, self._on_config_changed)
        listen(session.events.annotation, self._on_kind_changed)
        listen(session.events.class_names, self._on_kind_changed)
        listen(self._chosen.events.annotation, self._on_layers_chosen)
        listen(self._chosen.events.regions, self._on_layers_chosen)

    def _on_form_edited(self, config: WeightMapConfig) -> None:
        self._session.train_config = self._session.train_config.replaced(
            weight_map=config
        )

    def _on_kind_changed(self, _event: object = None) -> None:
        """Compute with a new map: the numbers mean something else now."""
        self._live_map = None
        self._asked = (None, None)
        self._request()

    def _on_config_changed(self, config: TrainConfig) -> None:
        if config.weight_map != self._form.value():
            self._form.setValue(config.weight_map)
        if self._map is not None:
            self._map.contrast_limits = _contrast(config.weight_map)
        self._request()

    def _on_live_toggled(self, live: bool) -> None:
        self._status.clear()
        if not live:
            self._answers.forget()
            self._asked = (None, None)
        if self._map is not None:
            self._map.visible = live
        self._on_layers_chosen()

    def _on_layers_chosen(self, _layer: object = None) -> None:
        """Listen to what is painted and framed now, and to nothing else."""
        for signal, slot in self._watched:
            signal.disconnect(slot)
        self._watched = []
        if not self._live.isChecked():
            return
        annotation, regions = self._chosen.annotation, self._chosen.regions
        if annotation is None:
            self._status.setText("Make an annotation and paint a few objects first.")
            return
        # `paint` comes before the pixels are written, `labels_update` right after, and
        # undo and redo emit only `set_data`, which also follows the current slice.
        events = annotation.events
        later = [events.paint, events.set_data, events.data]
        if regions is not None:
            later += [regions.events.data, regions.events.features]
        self._watched = [(signal, self._request) for signal in later]
        self._watched.append((events.labels_update, self._request_now))
        for signal, slot in self._watched:
            signal.connect(slot)
        self._request()

    def _request(self, _event: object = None) -> None:
        if self._watched and not self._gather.isActive():
            self._gather.start()

    def _request_now(self, _event: object = None) -> None:
        """Ask before the canvas is drawn, unless there is enough to compute already."""
        if self._answers.is_busy:
            self._request()
        else:
            self._ask()

    def _ask(self) -> None:
        """Hand a copy of the plane on the screen to another thread."""
        image, annotation = self._chosen.image, self._chosen.annotation
        if image is None or annotation is None or not self._live.isChecked():
            return
        plane = current_plane(self._viewer, annotation)
        try:
            regions = regions_of(self._chosen.regions, image).get(plane, ())
        except InputError as error:
            self._status.setText(str(error))
            return
        session, painted = self._session, labels_of(annotation, plane)
        # One stroke sends several events, and showing a layer sends one, too.
        question = (image, plane, regions, session.train_config.weight_map)
        if question == self._asked[0] and np.array_equal(painted, self._asked[1]):
            return
        if question != self._asked[0] or self._live_map is None:
            self._live_map = session.live_weight_map(
                regions=regions, ignore_label=IGNORE_LABEL
            )
        self._asked, live_map = (question, painted), self._live_map

        def compute() -> _Answer:
            weights = live_map.update(painted)
            summary = summarise_layers(painted, {None: regions})
            highest = float(weights.max())
            return _Answer(image, plane, weights, highest, summary.objects)

        self._answers.ask(compute)

    def _on_answered(self, answer: _Answer) -> None:
        if not self._live.isChecked() or answer.image not in self._viewer.layers:
            return
        if answer.objects < 2:
            self._status.setText(
                "Fewer than two objects are annotated here, so there is no ridge "
                "between objects yet."
            )
        else:
            self._status.setText(
                f"{answer.objects} objects; the brightest pixels count "
                f"{answer.highest:.1f} times"
            )
        self._map = show_overlay(
            self._viewer,
            answer.image,
            "weight map",
            answer.weights,
            plane=answer.plane,
            colormap="inferno",
            blending="additive",
            opacity=0.8,
            contrast_limits=_contrast(self._session.train_config.weight_map),
        )

    def _on_layer_removed(self, event: Any) -> None:
        """A map that the user deleted is one the user wants no more."""
        if event.value is self._map:
            self._map = None
            self._asked = (None, None)
            self._live.setChecked(False)


def _contrast(config: WeightMapConfig) -> tuple[float, float]:
    """Return fixed limits, so that a stroke far away changes no colour here."""
    return (0.0, max(config.w0, 1.0) + 1)
