"""The section that segments: one button, and sliders that act at once."""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_unet.core.errors import InputError
from napari_unet.jobs import Status
from napari_unet.planned import describe_plan
from napari_unet.segmented import color_values
from napari_unet.widgets.background import (
    LatestAnswer,
    listen,
    run_in_background,
    show_problem,
)
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.described import describe_segmentation
from napari_unet.widgets.form import Form
from napari_unet.widgets.frames import planes_of_time
from napari_unet.widgets.layers import (
    current_plane,
    image_of,
    outline_of,
    visible_box,
)
from napari_unet.widgets.point_layers import DetectionLayer
from napari_unet.widgets.prediction_form import PredictionForm
from napari_unet.widgets.prediction_layer import PredictionLayer
from napari_unet.widgets.section import Section
from napari_unet.widgets.values_layer import ValuesLayer

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image as ImageLayer

    from napari_unet.core.config import ModelSettings, ObjectConfig
    from napari_unet.jobs import Job, Outcome
    from napari_unet.segmented import Box, Segmented, TileLabels
    from napari_unet.session import Session

# What has probabilities and an uncertainty.
_WITH_MAPS = (PredictionLayer, DetectionLayer)
_Shown = PredictionLayer | DetectionLayer | ValuesLayer
VIEW, SLICE, LAYER = "Field of view", "This slice", "Whole layer"
TIME = "This time point"  # all its slices, where a layer has time and depth
# How points are found, and what matters for whole objects only.
_OF_POINTS, _OF_OBJECTS = ("threshold", "min_size"), ("fill_holes", "split")
NO_IMAGE = "Open an image first: File, then Open File(s) or Open Sample."
NO_MODEL = (
    "No model is chosen. Choose or open one under <b>Image and model</b>, or paint "
    "some objects under <b>Annotate</b> and press <b>Start training</b> under "
    "<b>Fine-tune</b>."
)


class SegmentSection(Section):
    """View of `Session.objects`, `Session.segmentation` and the job that makes it.

    Parameters
    ----------
    session : Session
        The state to show and to change.
    viewer : napari.Viewer
        Where labels appear.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self, session: Session, viewer: napari.Viewer, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, viewer, parent)
        # Only of the section that began the session's last segmentation; the others
        # leave the viewer alone.
        self._shown: _Shown | None = None
        # Of that segmentation: settings of the model, and planes.
        self._begun: tuple[ModelSettings | None, tuple[int, ...] | None] = None, None
        self._detects = False  # whether the model in use knows points only
        self._found_with: ObjectConfig | None = None
        self._finder = LatestAnswer(self, "Finding objects")
        self._build()
        self._button.clicked.connect(self._on_button_clicked)
        self._probabilities.clicked.connect(self._on_probabilities_clicked)
        self._uncertainty.clicked.connect(self._on_uncertainty_clicked)
        self._form.valueChanged.connect(self._on_form_edited)
        self._where.currentTextChanged.connect(self._how.refresh)
        self._how.told.connect(self._on_plan_told)
        self._finder.answered.connect(self._on_found)
        listen(session.events.objects, self._on_objects_changed)
        listen(session.events.segmentation, self._on_segmentation)
        listen(session.events.job, self._on_job)
        listen(session.events.model_folder, self._on_model_chosen)
        listen(session.events.model_folder, self._show_form)
        listen(self._chosen.events.image, self._show_image)
        self._on_model_chosen()
        self._show_image()
        self._show_form()

    def _build(self) -> None:
        self._hint = QLabel()
        self._hint.setWordWrap(True)
        self._where = QComboBox()
        self._where.setToolTip("Which part of the image to segment")
        self._where.setAccessibleName("What to segment")
        self._where.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._button = QPushButton("Segment")
        self._button.setMinimumHeight(36)
        self._button.setToolTip("Find the objects with the chosen model")
        self._progress = QProgressBar()
        self._progress.setAccessibleName("Progress of the segmentation")
        self._progress.hide()
        self._line = QLabel()
        self._line.setWordWrap(True)
        self._line.hide()
        fields = (*_OF_POINTS, *_OF_OBJECTS)
        self._form: Form[ObjectConfig] = Form(
            self._session.objects,
            fields,
            sliders={"threshold": (0.02, 0.98), "split": (0.0, 1.0)},
        )
        self._probabilities = QPushButton("Show probabilities")
        self._probabilities.setToolTip(
            "Show how sure the model is of each pixel, as an image layer; of several "
            "classes one layer each, in its colour, instead of the labels"
        )
        self._uncertainty = QPushButton("Show uncertainty")
        self._uncertainty.setToolTip(
            "Show where the model is in doubt, as an image layer: 0 sure, 1 anyone's "
            "guess. Where versions are averaged, a second, hidden layer shows how much "
            "they contradict each other"
        )
        self._how = PredictionForm(self._session, self._plan)
        maps = QHBoxLayout()
        maps.addWidget(self._probabilities)
        maps.addWidget(self._uncertainty)
        buttons = QHBoxLayout()
        buttons.addWidget(self._where)
        buttons.addWidget(self._button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._hint)
        layout.addLayout(buttons)
        layout.addWidget(self._progress)
        layout.addWidget(self._line)
        layout.addWidget(self._form)
        layout.addLayout(maps)
        layout.addWidget(Collapsible("More settings", self._how))

    def _on_model_chosen(self, _folder: object = None) -> None:
        """A model of points detects; what shapes whole objects is of no use to it."""
        model = None
        with suppress(InputError):  # said where the model is shown
            model = self._session.read_model()
        self._detects = model is not None and model.settings.annotation == "points"
        for name in _OF_OBJECTS:
            self._form.setFieldVisible(name, not self._detects)
        self._how.refresh()
        self._show_state()

    # ------------------------------------------------------------------ the job

    def _on_button_clicked(self) -> None:
        job = self._session.job
        if job is not None:
            job.cancel()
            self._show_state()
            return
        layer = self._chosen.image
        try:
            if layer is None:
                raise InputError(NO_IMAGE)
            self._start(layer)
        except InputError as error:
            show_problem(error)

    def _start(self, layer: ImageLayer) -> None:
        settings = self._model_settings()
        if settings and settings.planes_as_channels and layer.ndim > 2:
            raise InputError(
                f"The model takes the planes of '{layer.name}' as channels: split them "
                "under Image and model, Channels and pixel size."
            )
        box, planes = self._extent(layer)
        job = self._session.segment(image_of(layer), box=box, planes=planes or ())
        self._finder.forget()
        self._found_with = self._session.objects
        kind: Any = ValuesLayer if self._predicts_values() else PredictionLayer
        kind = DetectionLayer if self._detects else kind
        self._shown = kind(self._viewer, layer)
        if settings is not None:
            values = color_values(settings, self._session.class_colors)
            settings = settings.replaced(class_values=values)
        self._begun = settings, planes
        self._progress.setRange(0, 0)
        # With an average, one version of one tile is a step.
        steps = "tiles" if self._session.averaging == "none" else "steps"
        self._progress.setFormat(f"%v of %m {steps}")
        self._line.hide()
        self._how.ask()
        run_in_background(
            job,
            self,
            session=self._session,
            progressed=self._on_tile,
            ended=self._on_ended,
        )
        self._show_state()

    def _plan(self) -> Callable[[], str] | None:
        """Return what to compute to learn what a segmentation would take."""
        session, layer = self._session, self._chosen.image
        settings = self._model_settings()
        if settings is None or layer is None or layer.ndim > 3:
            return None
        box, planes = self._extent(layer)
        return functools.partial(
            describe_plan,
            outline_of(layer),
            settings,
            session.prediction,
            box=box,
            planes=planes,
            averaging=session.averaging,
            device=session.device,
        )

    def _on_plan_told(self, text: str) -> None:
        """Say it while the segmentation begun here runs, where it is not said below."""
        is_running = self._session.is_busy and self._shown is not None
        if is_running and not self._how.isVisible():
            self._say(text)

    def _predicts_values(self) -> bool:
        """Tell whether the chosen model predicts grey values instead of objects."""
        settings = self._model_settings()
        return settings is not None and settings.annotation == "values"

    def _on_job(self, job: Job | None) -> None:
        if job is not None and job.name == "Segment":
            self._shown = None  # whoever began it shows the new segmentation
        self._show_state()

    def _extent(self, layer: ImageLayer) -> tuple[Box | None, tuple[int, ...] | None]:
        """Return which box of which planes to segment; None means all of it."""
        where = self._where.currentText()
        plane = current_plane(self._viewer, layer)
        box = visible_box(layer) if where == VIEW else None
        if plane is None or where == LAYER:
            return box, None
        return box, planes_of_time(layer, plane) if where == TIME else (plane,)

    def _on_tile(self, tile: TileLabels) -> None:
        first = self._progress.maximum() == 0
        self._progress.setRange(0, tile.total)
        self._progress.setValue(tile.done)
        if self._shown is not None:
            if first:  # an image that is refused leaves the viewer as it was
                self._empty_layers(self._shown)
            self._shown.show_tile(tile)

    def _empty_layers(self, shown: _Shown) -> None:
        """Make room for the tiles in the layers that show them."""
        settings, planes = self._begun
        shown.start(planes)
        if isinstance(shown, _WITH_MAPS):
            shown.probabilities.start(settings, planes)

    def _on_ended(self, outcome: Outcome) -> None:
        if outcome.status is not Status.DONE:
            self._shown = None  # the session's segmentation is an earlier one
        self._show_state()
        if outcome.status is Status.CANCELLED:
            done = self._progress.maximum() > 0
            shown = "the finished tiles are shown" if done else "no tile was finished"
            self._say(f"Stopped; {shown}.")
        elif (
            outcome.status is Status.DONE and self._found_with != self._session.objects
        ):
            self._on_objects_changed(self._session.objects)

    # --------------------------------------------------------------- the objects

    def _on_form_edited(self, config: ObjectConfig) -> None:
        self._session.objects = config

    def _on_objects_changed(self, config: ObjectConfig) -> None:
        self._form.setValue(config)
        segmented = self._session.segmentation
        if self._shown is None or segmented is None or self._session.job is not None:
            return
        self._finder.ask(lambda: self._session.find_objects(segmented, config))

    def _on_found(self, segmented: Segmented) -> None:
        self._session.segmentation = segmented

    def _on_segmentation(self, segmented: Segmented | None) -> None:
        if segmented is not None and self._shown is not None:
            self._shown.show(segmented)
        self._show_state()
        if segmented is not None:
            self._say(describe_segmentation(segmented, self._session.objects))

    def _on_probabilities_clicked(self) -> None:
        segmented = self._session.segmentation
        if isinstance(self._shown, _WITH_MAPS):
            self._shown.probabilities.open()
            if segmented is not None and not self._is_segmenting():
                self._shown.probabilities.show(segmented)

    def _is_segmenting(self) -> bool:
        job = self._session.job
        return job is not None and job.name == "Segment"

    def _on_uncertainty_clicked(self) -> None:
        segmented = self._session.segmentation
        if segmented is not None and isinstance(self._shown, _WITH_MAPS):
            self._shown.show_uncertainty(segmented)

    # ------------------------------------------------------------------- showing

    def _show_image(self) -> None:
        layer, old = self._chosen.image, self._where.currentText()
        axes = 2 if layer is None else layer.ndim
        between = {2: [], 3: [SLICE]}.get(axes, [SLICE, TIME])
        with signals_blocked(self._where):
            self._where.clear()
            self._where.addItems([VIEW, *between, LAYER])
            self._where.setCurrentText(old if old else LAYER)
        self._line.hide()  # it is about another image
        self._how.refresh()
        self._show_state()

    def _show_form(self) -> None:
        """Offer how objects are made only where the model makes some."""
        settings = self._model_settings()
        self._form.setVisible(settings is None or settings.annotation == "objects")

    def _model_settings(self) -> ModelSettings | None:
        """Return those of the model in use; None if it cannot be read."""
        with suppress(InputError):  # said where the model is shown
            if (manifest := self._session.read_model()) is not None:
                return manifest.settings
        return None

    def _show_state(self) -> None:
        session, job = self._session, self._session.job
        hint = ""
        if session.model_folder is None:
            hint = NO_MODEL
        if self._chosen.image is None:
            hint = NO_IMAGE
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        mine = self._is_segmenting()
        stopping = job is not None and job.is_cancelling
        verb = "Detect" if self._detects else "Segment"
        verb = "Predict" if self._predicts_values() else verb
        self._button.setText("Stop" if mine else verb)
        self._button.setEnabled(not stopping if mine else job is None and not hint)
        self._button.setToolTip(
            f"'{job.name}' is running: wait for it or stop it first"
            if job is not None and not mine
            else "Set a point on each object that the chosen model finds"
            if self._detects
            else "Predict the grey values that the chosen model has learned"
            if verb == "Predict"
            else "Find the objects with the chosen model"
        )
        self._progress.setVisible(mine)
        is_shown = isinstance(self._shown, _WITH_MAPS)
        is_done = session.segmentation is not None and is_shown
        self._probabilities.setEnabled(is_done or (mine and is_shown))
        self._uncertainty.setEnabled(is_done)

    def _say(self, text: str) -> None:
        self._line.setText(text)
        self._line.show()
