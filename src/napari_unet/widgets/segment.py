"""The section that segments: one button, and sliders that act at once."""

from __future__ import annotations

import functools
import html
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import InputError
from napari_unet.jobs import Status
from napari_unet.learned import take_starter
from napari_unet.planned import describe_plan
from napari_unet.segmented import color_values
from napari_unet.session import SEGMENTING
from napari_unet.widgets.background import (
    LatestAnswer,
    listen,
    run_in_background,
    show_problem,
)
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.described import describe_end
from napari_unet.widgets.extent_combo import ExtentCombo
from napari_unet.widgets.form import Form
from napari_unet.widgets.layers import image_of, outline_of
from napari_unet.widgets.prediction_form import PredictionForm
from napari_unet.widgets.section import Section
from napari_unet.widgets.segment_button import SegmentButton
from napari_unet.widgets.segment_report import SegmentReport
from napari_unet.widgets.shown import Shown
from napari_unet.widgets.tile_bar import TileBar

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image as ImageLayer

    from napari_unet.core.config import AnnotationKind, ModelSettings, ObjectConfig
    from napari_unet.jobs import Job, Outcome
    from napari_unet.segmented import Segmented, TileLabels
    from napari_unet.session import Session
    from napari_unet.widgets.point_layers import DetectionLayer
    from napari_unet.widgets.prediction_layer import PredictionLayer

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
        self._shown: Shown | None = None
        self._gone = ""  # the name of its image, if that was removed meanwhile
        self._finder = LatestAnswer(self, "Finding objects")
        self._build()
        self._button.clicked.connect(self._on_button_clicked)
        self._probabilities.clicked.connect(self._on_probabilities_clicked)
        self._uncertainty.clicked.connect(self._on_uncertainty_clicked)
        self._form.valueChanged.connect(self._on_form_edited)
        self._where.currentTextChanged.connect(self._how.refresh)
        self._how.told.connect(self._on_plan_told)
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self._finder.answered.connect(self._on_found)
        listen(session.events.objects, self._on_objects_changed)
        listen(session.events.segmentation, self._on_segmentation)
        listen(session.events.job, self._on_job)
        for signal in (session.events.model_folder, session.events.suited):
            listen(signal, self._on_model_chosen)
            listen(signal, self._show_form)
        listen(self._chosen.events.image, self._show_image)
        self._on_model_chosen()
        self._show_image()
        self._show_form()

    def _build(self) -> None:
        self._hint = QLabel()
        self._hint.setWordWrap(True)
        self._where = ExtentCombo(self._viewer)
        self._button = SegmentButton()
        self._progress = TileBar()
        self._report = SegmentReport(
            self._session, self._viewer, self._on_button_clicked
        )
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
        layout.addWidget(self._report)
        layout.addWidget(self._form)
        layout.addLayout(maps)
        layout.addWidget(Collapsible("More settings", self._how))

    def _on_model_chosen(self, _folder: object = None) -> None:
        """A model of points detects; what shapes whole objects is of no use to it."""
        for name in _OF_OBJECTS:
            self._form.setFieldVisible(name, self._kind() != "points")
        self._how.refresh()
        self._show_state()

    # ------------------------------------------------------------------ the job

    def _on_button_clicked(self) -> None:
        job = self._session.job
        if job is not None:
            self._stop(job)
            return
        layer = self._chosen.image
        try:
            if layer is None:
                raise InputError(NO_IMAGE)
            self._start(layer)
        except InputError as error:
            show_problem(error)

    def _stop(self, job: Job) -> None:
        """End it after the tile that is under way."""
        job.cancel()
        self._progress.sayStopping()
        self._show_state()

    def _on_layer_removed(self, event: Any) -> None:
        """Without its image, a segmentation is of no use."""
        job, shown = self._session.job, self._shown
        if job is None or shown is None or event.value is not shown.image:
            return
        if self._is_segmenting():
            self._gone = event.value.name
            shown.remove()
            self._stop(job)

    def _start(self, layer: ImageLayer) -> None:
        settings = self._model_settings()
        if settings and settings.planes_as_channels and layer.ndim > 2:
            raise InputError(
                f"The model takes the planes of '{layer.name}' as channels: split them "
                "under Image and model, Channels and pixel size."
            )
        self._where.check(layer)
        box, planes = self._where.read(layer)
        before = self._shown  # beginning a job forgets it
        job = self._session.segment(image_of(layer), box=box, planes=planes or ())
        self._finder.forget()
        if settings is not None:
            values = color_values(settings, self._session.class_colors)
            settings = settings.replaced(class_values=values)
        self._shown = Shown(self._viewer, layer, self._kind(), settings, planes, before)
        self._gone = ""
        self._chosen.segmented = layer
        self._progress.start()
        self._progress.nameImage(self._chosen)
        self._report.forget(layer)
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
        box, planes = self._where.read(layer)
        return functools.partial(
            describe_plan,
            outline_of(layer),
            settings,
            session.prediction,
            box=box,
            planes=planes,
            averaging=session.averaging,
            device=session.device,
            zoom=self._how.found_zoom,
        )

    def _on_plan_told(self, text: str) -> None:
        """Say it while the segmentation begun here runs, where it is not said below."""
        is_running = self._session.is_busy and self._shown is not None
        if is_running and not self._how.isVisible():
            self._say(html.escape(text))

    def _kind(self) -> AnnotationKind:
        """Return what the model in use has learned."""
        settings = self._model_settings()
        return "objects" if settings is None else settings.annotation

    def _on_job(self, job: Job | None) -> None:
        if job is not None and job.name == SEGMENTING:
            self._shown = None  # whoever began it shows the new segmentation
        self._show_state()

    def _on_tile(self, tile: TileLabels) -> None:
        if self._gone:
            return
        averages = self._session.averaging != "none"
        self._progress.showTile(tile, self._kind(), averages=averages)
        if tile.starter is not None:
            take_starter(self._session, tile.starter)
        self._how.tell(tile.plan)
        if tile.news:
            self._say(html.escape(tile.news))
        if self._shown is not None:
            self._shown.show_tile(tile)

    def _on_ended(self, outcome: Outcome) -> None:
        if outcome.status is not Status.DONE or self._gone:
            self._go_back(outcome)
        self._show_state()
        self._find_again()

    def _go_back(self, outcome: Outcome) -> None:
        """Show the session's segmentation, an earlier one, and why it is not this."""
        is_seen, is_back, shown = False, False, self._shown
        if shown is not None:
            is_seen = shown.shows_tiles
            self._shown, is_back = shown.give_back(self._session.segmentation)
        if outcome.status is not Status.DONE:
            said = describe_end(
                outcome,
                tiles=self._progress.value(),
                is_seen=is_seen,
                is_back=is_back,
                gone=self._gone,
            )
            self._say(said)

    # --------------------------------------------------------------- the objects

    def _on_form_edited(self, config: ObjectConfig) -> None:
        self._session.objects = config

    def _on_objects_changed(self, config: ObjectConfig) -> None:
        self._form.setValue(config)
        self._find_again()

    def _find_again(self) -> None:
        """Find the objects of the chosen image as they are to be found now."""
        session, config = self._session, self._session.objects
        segmented = session.segmentation
        if self._current() is None or segmented is None or session.job is not None:
            return
        if config != segmented.found_with:
            self._finder.ask(lambda: session.find_objects(segmented, config))

    def _current(self) -> Shown | None:
        """Return what shows the segmentation, if that is of what is chosen.

        That of another image, or by another kind of model, stays as it is.
        """
        shown = self._shown
        if shown is None or shown.image is not self._chosen.image:
            return None
        if not self._session.has_model:
            return None
        chosen = self._model_settings()
        kinds = {
            model.annotation for model in (shown.settings, chosen) if model is not None
        }
        return shown if len(kinds) < 2 else None

    def _on_found(self, segmented: Segmented) -> None:
        self._session.segmentation = segmented

    def _on_segmentation(self, segmented: Segmented | None) -> None:
        if segmented is not None and self._shown is not None:
            self._shown.show(segmented)
        self._show_state()
        image = self._shown.image if self._shown else self._chosen.segmented
        if segmented is not None and image is not None:
            self._report.tell(image, segmented)
        self._how.showZoom(self._report.current)

    def _on_probabilities_clicked(self) -> None:
        segmented, maps = self._session.segmentation, self._maps()
        if maps is not None:
            maps.probabilities.open()
            if segmented is not None and not self._is_segmenting():
                maps.probabilities.show(segmented)

    def _maps(self) -> PredictionLayer | DetectionLayer | None:
        """Return what shows the maps of what is chosen, if it has any."""
        shown = self._current()
        return None if shown is None else shown.maps

    def _is_segmenting(self) -> bool:
        job = self._session.job
        return job is not None and job.name == SEGMENTING

    def _on_uncertainty_clicked(self) -> None:
        segmented, maps = self._session.segmentation, self._maps()
        if segmented is not None and maps is not None:
            maps.show_uncertainty(segmented)

    def _show_image(self) -> None:
        self._where.offer(self._chosen.image)
        self._how.showZoom(self._report.current)
        self._progress.nameImage(self._chosen)
        self._how.refresh()
        self._find_again()  # the sliders may have moved while another one was chosen
        self._show_state()

    def _show_form(self) -> None:
        """Offer how objects are made, and maps, only where the model makes some."""
        kind = self._kind()
        self._form.setVisible(kind in ("objects", "points"))
        for button in (self._probabilities, self._uncertainty):
            button.setVisible(kind != "values")

    def _model_settings(self) -> ModelSettings | None:
        """Return those of the model in use; None if it cannot be read."""
        with suppress(InputError):  # said where the model is shown
            if (manifest := self._session.read_model()) is not None:
                return manifest.settings
        return None

    def _show_state(self) -> None:
        session, job = self._session, self._session.job
        hint = "" if session.has_model else NO_MODEL
        if self._chosen.image is None:
            hint = NO_IMAGE
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self._button.showState(job, self._kind(), ready=not hint)
        mine = self._is_segmenting()
        self._progress.setVisible(mine)
        is_shown = self._maps() is not None
        is_done = session.segmentation is not None and is_shown
        self._probabilities.setEnabled(is_done or (mine and is_shown))
        self._uncertainty.setEnabled(is_done)

    def _say(self, text: str) -> None:
        self._report.say(self._chosen.segmented, text)
