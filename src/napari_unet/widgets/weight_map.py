"""The dock section that shows what training makes of what one paints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotation_layers import regions_of
from napari_unet.widgets.background import LatestAnswer, listen
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.form import Form
from napari_unet.widgets.ground_witness import GroundWitness
from napari_unet.widgets.label_question import LabelQuestion
from napari_unet.widgets.layers import IGNORE_LABEL, current_plane
from napari_unet.widgets.map_answer import MapAnswer
from napari_unet.widgets.overlay import show_overlay
from napari_unet.widgets.point_question import PointQuestion, learned_points
from napari_unet.widgets.section import Section

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels
    from napari.layers import Points as PointsLayer

    from napari_unet.core.annotation.derived import MapName
    from napari_unet.core.annotation.live_weight_map import LiveWeightMap
    from napari_unet.core.annotation.target import Region
    from napari_unet.core.config import SamplingConfig, TrainConfig, WeightMapConfig
    from napari_unet.session import Session

_FIELDS = ("form", "w0", "sigma", "separation_border")
_MORE_FIELDS = ("class_balance", "class_weights", "background", "background_sigma")
_SLIDERS = {"w0": (0.0, 50.0), "sigma": (0.5, 20.0)}
# Changes closer together than this are answered at once: a stroke sends dozens.
_GATHER_MSEC = 15
# What each map is, for the tooltip; and how its layer looks.
_MAPS: dict[MapName, str] = {
    "weight map": "How much each pixel counts in training: bright where objects nearly "
    "touch",
    "separation border": "The line of background that training cuts between touching "
    "objects",
    "patch density": "How often a pixel is the centre of a training patch",
    "distance map": "How far it is to the nearest object, and inside one to its edge",
}
_LOOKS: dict[MapName, dict[str, Any]] = {
    "weight map": {"colormap": "inferno", "opacity": 0.8},
    "separation border": {"colormap": "cyan", "contrast_limits": (0.0, 1.0)},
    "patch density": {
        "colormap": "viridis",
        "opacity": 0.6,
        "contrast_limits": (0.0, 1.0),
    },
    "distance map": {
        "colormap": "PiYG",
        "opacity": 0.6,
        "contrast_limits": (-20.0, 20.0),
        "blending": "translucent",
    },
}


class WeightMapSection(Section):
    """Sliders for the weight map, and it or another map as a layer under the brush.

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
        self._witness = GroundWitness(session, self)
        self._witness.answered.connect(self._request)
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(_GATHER_MSEC)
        self._gather.timeout.connect(self._ask)

        self._build()
        self._live.toggled.connect(self._on_live_toggled)
        self._name.currentIndexChanged.connect(self._on_name_chosen)
        self._form.valueChanged.connect(self._on_form_edited)
        self._more.valueChanged.connect(self._on_form_edited)
        self._sampling.valueChanged.connect(self._on_sampling_edited)
        listen(session.events.train_config, self._on_config_changed)
        listen(session.events.annotation, self._on_kind_changed)
        listen(session.events.network, self._on_layers_chosen)
        listen(session.events.start_from, self._on_layers_chosen)
        listen(session.events.class_names, self._on_kind_changed)
        listen(self._chosen.events.annotation, self._on_layers_chosen)
        listen(self._chosen.events.regions, self._on_layers_chosen)
        listen(self._chosen.events.points, self._on_layers_chosen)
        self._enable_forms()

    def _build(self) -> None:
        self._live = QCheckBox("Show live:")
        self._live.setToolTip("A layer on the image; it follows the brush")
        self._name = QComboBox()
        self._name.setAccessibleName("Map to show")
        for index, (name, help_text) in enumerate(_MAPS.items()):
            self._name.addItem(name, name)
            self._name.setItemData(index, help_text, Qt.ItemDataRole.ToolTipRole)
        self._name.setToolTip(_MAPS["weight map"])
        shown = QHBoxLayout()
        shown.addWidget(self._live)
        shown.addWidget(self._name, 1)
        config = self._session.train_config
        self._form: Form[WeightMapConfig] = Form(
            config.weight_map, _FIELDS, sliders=_SLIDERS
        )
        self._more: Form[WeightMapConfig] = Form(config.weight_map, _MORE_FIELDS)
        self._sampling: Form[SamplingConfig] = Form(config.sampling)
        rarely = QWidget()
        rows = QVBoxLayout(rarely)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self._more)
        rows.addWidget(QLabel("<b>Where patches are centred</b>"))
        rows.addWidget(self._sampling)
        self._status = QLabel()
        self._status.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(shown)
        layout.addWidget(self._form)
        layout.addWidget(self._status)
        layout.addWidget(Collapsible("Classes and patches", rarely))

    def _on_form_edited(self, config: WeightMapConfig) -> None:
        if config.form != self._session.train_config.weight_map.form:
            config = config.in_form(config.form)
        self._session.train_config = self._session.train_config.replaced(
            weight_map=config
        )

    def _on_kind_changed(self, _event: object = None) -> None:
        """Compute with a new map: the numbers mean something else now."""
        self._live_map = None
        self._asked = (None, None)
        self._status.clear()
        self._enable_forms()
        self._on_layers_chosen()

    def _enable_forms(self) -> None:
        """Of another image, every pixel weighs the same: there is nothing to set."""
        for form in (self._form, self._more, self._sampling):
            form.setEnabled(self._session.annotation != "values")

    def _on_sampling_edited(self, config: SamplingConfig) -> None:
        self._session.train_config = self._session.train_config.replaced(
            sampling=config
        )

    def _on_config_changed(self, config: TrainConfig) -> None:
        for form in (self._form, self._more):
            form.setValue(config.weight_map)
        self._sampling.setValue(config.sampling)
        if self._map is not None and self._name.currentData() == "weight map":
            self._map.contrast_limits = _contrast(config.weight_map)
        self._request()

    def _on_name_chosen(self, _index: int) -> None:
        """Put another map in the place of the one that is shown."""
        self._name.setToolTip(_MAPS[self._name.currentData()])
        self._answers.forget()
        old, self._map = self._map, None
        if old is not None and old in self._viewer.layers:
            self._viewer.layers.remove(old)
        self._status.clear()
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
        if self._session.annotation == "values":
            self._hide_map()
            self._status.setText("Of another image, every pixel weighs the same.")
            return
        points = self._chosen.points
        if annotation is None and points is None:
            self._hide_map()
            self._status.setText(
                "Make an annotation and paint a few objects first, or mark them by "
                "points."
            )
            return
        self._watched = []
        # `paint` comes before the pixels are written, `labels_update` right after, and
        # undo and redo emit only `set_data`, which also follows the current slice.
        later: list[Any] = []
        if annotation is not None:
            events = annotation.events
            later = [events.paint, events.set_data, events.data]
            self._watched.append((events.labels_update, self._request_now))
        if points is not None:
            # Following the slice, too, which for painted layers `set_data` does.
            later += [points.events.data, points.events.features]
            later += [points.events.set_data]
        if regions is not None:
            later += [regions.events.data, regions.events.features]
        self._watched += [(signal, self._request) for signal in later]
        for signal, slot in self._watched:
            signal.connect(slot)
        self._request()

    def _hide_map(self) -> None:
        """Show no map where nothing is annotated any more."""
        self._answers.forget()
        self._asked = (None, None)
        if self._map is not None:
            self._map.visible = False
            self._map = None

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
        points = learned_points(self._chosen)
        if image is None or not self._live.isChecked():
            return
        plane = current_plane(self._viewer, image)
        try:
            if points is not None:
                regions = regions_of(self._chosen.regions, image).get(plane, ())
                self._ask_of_points(image, points, plane, regions)
            elif annotation is not None:
                self._ask_of_labels(image, annotation, plane)
        except InputError as error:
            self._status.setText(str(error))

    def _ask_of_labels(
        self, image: ImageLayer, annotation: Labels, plane: int | None
    ) -> None:
        """Hand a copy of what is painted to another thread."""
        name: MapName = self._name.currentData()
        question = LabelQuestion.of(
            self._session,
            image,
            annotation,
            plane,
            self._chosen.regions,
            name,
            self._witness,
        )
        # One stroke sends several events, and showing a layer sends one, too.
        if (image, question) == self._asked:
            return
        asked_image, asked = self._asked
        if (
            self._live_map is None
            or image is not asked_image
            or not question.is_like(asked)
        ):
            self._live_map = self._session.live_weight_map(
                regions=question.regions, ignore_label=IGNORE_LABEL
            )
        self._asked, live_map = (image, question), self._live_map

        def compute() -> MapAnswer:
            values, ground = question.derive(live_map)
            count = question.objects
            return MapAnswer(image, question.plane, name, values, count, ground=ground)

        self._answers.ask(compute)

    def _ask_of_points(
        self,
        image: ImageLayer,
        layer: PointsLayer,
        plane: int | None,
        regions: tuple[Region, ...],
    ) -> None:
        """Hand a copy of the points to another thread."""
        question = PointQuestion.of(
            self._session, image, layer, self._chosen.annotation, plane, regions
        )
        name: MapName = self._name.currentData()
        if ((image, name), question) == self._asked:
            return
        self._asked, self._live_map = ((image, name), question), None

        def compute() -> MapAnswer:
            values = question.derive(name)
            return MapAnswer(image, plane, name, values, question.count, "points")

        self._answers.ask(compute)

    def _on_answered(self, answer: MapAnswer) -> None:
        if not self._live.isChecked() or answer.image not in self._viewer.layers:
            return
        self._status.setText(answer.describe())
        looks: dict[str, Any] = {"blending": "additive"} | _LOOKS[answer.name]
        if answer.name == "weight map":
            looks["contrast_limits"] = _contrast(self._session.train_config.weight_map)
        layer = show_overlay(
            self._viewer,
            answer.image,
            answer.name,
            answer.values,
            plane=answer.plane,
            **looks,
        )
        if layer is not self._map:
            layer.visible = True
        self._map = layer

    def _on_layer_removed(self, event: Any) -> None:
        """A map that the user deleted is one the user wants no more."""
        if event.value is self._map:
            self._map = None
            self._asked = (None, None)
            self._live.setChecked(False)


def _contrast(config: WeightMapConfig) -> tuple[float, float]:
    """Return fixed limits, so that a stroke far away changes no colour here."""
    return (0.0, max(config.w0, 1.0) + 1)
