"""The dock section that starts, shows and stops trainings."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import InputError, in_dock
from napari_unet.fine_tuned import settings_to_learn
from napari_unet.segmented import color_values
from napari_unet.session import TRAINING
from napari_unet.watched import Course, point_of
from napari_unet.widgets.annotation_layers import examples_of
from napari_unet.widgets.background import (
    join_in_background,
    listen,
    run_in_background,
    show_problem,
)
from napari_unet.widgets.check import CheckList
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.curves import TrainingCurves
from napari_unet.widgets.examples_table import ExamplesTable
from napari_unet.widgets.history import RunHistory
from napari_unet.widgets.image_pairs import pairs_of
from napari_unet.widgets.live_preview import LivePreview
from napari_unet.widgets.patch_preview import PatchPreview
from napari_unet.widgets.section import Section
from napari_unet.widgets.starter_question import StarterQuestion
from napari_unet.widgets.train_form import TrainForm
from napari_unet.widgets.training_bar import TrainingBar, describe_news
from napari_unet.widgets.training_result import TrainingResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import napari
    from qtpy.QtGui import QShowEvent

    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.annotation.target import Example
    from napari_unet.core.card import Manifest
    from napari_unet.core.config import ModelSettings, TrainConfig
    from napari_unet.core.history import HistoryEntry
    from napari_unet.core.workflow import TrainProgress
    from napari_unet.jobs import Job, Outcome
    from napari_unet.session import Session

_START = "Start training"
_STOP = "Stop and keep the best"


class FineTuneSection(Section):
    """Train on what is annotated, watch it learn, stop, and go back to any training.

    Parameters
    ----------
    session : Session
        Holds the settings and runs the training.
    viewer : napari.Viewer
        Whose annotations are learned, and where the preview is shown.
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
        self._job: Job | None = None
        self._form = TrainForm(session)
        self._examples = ExamplesTable(session, self._viewer)
        self._examples.partsChanged.connect(self._form.setParts)
        self._form.setParts(self._examples.parts())
        self._starter = StarterQuestion(session, self)
        self._waits = False  # to start once it is known from what
        self._preview = LivePreview(self._viewer, self)
        self._button = QPushButton(_START)
        self._patches = PatchPreview(session, self._viewer, self)
        self._show_patches = QPushButton("Preview patches")
        self._show_patches.setToolTip(
            "Show a few randomly changed patches as the network would see them, with "
            "target and weights, beside the image; press again for others"
        )
        self._check = QPushButton("Check")
        self._check.setToolTip(
            "Look for mistakes in the ticked images and their annotations, and count "
            "what is annotated; press again to stop"
        )
        self._findings = CheckList(self._viewer, self)
        buttons = QHBoxLayout()
        buttons.addWidget(self._check)
        buttons.addWidget(self._show_patches)
        self._progress = TrainingBar()
        self._curves = TrainingCurves()
        self._result = TrainingResult(session)
        self._history = RunHistory(session)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._form)
        layout.addWidget(self._examples)
        layout.addWidget(self._button)
        layout.addLayout(buttons)
        for widget in (
            self._findings,
            self._progress,
            self._result,  # above the curves, which would push it out of sight
            self._curves,
            Collapsible("All trainings", self._history),
        ):
            layout.addWidget(widget)
        self._button.clicked.connect(self._on_button_clicked)
        self._show_patches.clicked.connect(self._on_preview_clicked)
        self._check.clicked.connect(self._on_check_clicked)
        self._history.go_on.asked.connect(self._on_go_on_asked)
        listen(session.events.job, self._show_button)
        self._examples.partsChanged.connect(self._ask_what_starts)
        self._starter.settled.connect(self._on_settled)
        events = session.events
        for signal in (
            events.job,
            events.model_folder,
            events.annotation,
            events.network,
        ):
            listen(signal, self._ask_what_starts)
        for signal in (
            events.annotation,
            events.class_names,
            events.preset,
            events.network,
            events.train_config,
            events.start_from,
        ):
            listen(signal, self._findings.markOld)
        self._show_button()
        self._take_up()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look for what to start from only now: the answer loads torch."""
        super().showEvent(event)
        self._ask_what_starts()

    def _ask_what_starts(self, _event: object = None) -> None:
        if self.isVisible():
            layer, segmented = self._examples.first(), self._session.segmentation
            is_its = layer is self._chosen.segmented
            self._starter.ask(layer, segmented if is_its else None)
            self._show_button()

    def _on_settled(self) -> None:
        if not self._waits:
            return
        self._waits = False
        self._progress.hide()
        self._show_button()
        self._on_button_clicked()

    def _training(self) -> Job | None:
        """Return the training that runs, in whichever dock it was started."""
        job = self._session.job
        return job if job is not None and job.name == TRAINING else None

    def _show_button(self, _event: object = None) -> None:
        """Offer Start, Stop, or nothing while another job runs."""
        job, training = self._session.job, self._training()
        self._button.setText(_START if training is None else _STOP)
        can_stop = training is not None and not training.is_cancelling
        self._button.setEnabled((job is None or can_stop) and not self._waits)
        self._form.setEnabled(training is None)
        self._examples.setEnabled(training is None)
        self._show_patches.setEnabled(training is None)
        if training is not None:
            self._button.setToolTip(
                "End the training now; the model that was best so far is saved"
            )
        elif job is not None:
            self._button.setToolTip(f"'{job.name}' is running; wait for it or stop it")
        else:
            self._button.setToolTip("Learn from the ticked images")

    def _on_button_clicked(self) -> None:
        training = self._training()
        if training is not None:
            training.cancel()
            self._progress.sayStopping()
            self._show_button()
            return
        if self._starter.is_open:
            self._waits = True
            self._progress.sayChoosing()
            self._show_button()
            return
        try:
            self._start()
        except InputError as error:
            self._result.clear()
            show_problem(error)

    def _on_preview_clicked(self) -> None:
        try:
            self._patches.draw(self._collect())
        except InputError as error:
            show_problem(error)

    def _on_check_clicked(self) -> None:
        if self._findings.is_running:
            self._findings.cancel()
            return
        try:
            self._look()
        except InputError as error:
            show_problem(error)

    def _look(self) -> None:
        """Check annotations for the model that would learn from them."""
        faults: list[Finding] = []
        examples, model = self._collect(faults), self._model_to_start_from()
        if faults and not examples:
            self._findings.showFaults(faults)
            return
        settings = settings_to_learn(self._session.settings_for(examples), model)
        self._findings.look(
            examples,
            settings,
            self._session.train_config,
            start_from=None if model is None else model.settings,
            folder=self._form.start_from(),
            faults=faults,
        )

    def _model_to_start_from(self) -> Manifest | None:
        folder = self._form.start_from()
        return None if folder is None else self._session.read_model(folder)

    def _collect(self, faults: list[Finding] | None = None) -> list[Example]:
        """Return what the ticked images hold to be learned; see `examples_of`."""
        if self._session.annotation == "values":
            return pairs_of(self._viewer, self._examples.value())
        return examples_of(self._viewer, self._examples.value(), faults)

    def _start(self) -> None:
        from napari_unet.core.training.kind import check_kind

        examples = self._collect()
        model = self._model_to_start_from()
        check_kind(examples, None if model is None else model.settings)
        settings = settings_to_learn(self._session.settings_for(examples), model)
        job = self._session.fine_tune(
            examples, start_from=self._form.start_from(), preview=self._preview.ask
        )
        self._watch(job, examples, settings, model)

    def _on_go_on_asked(self, folder: Path, config: TrainConfig) -> None:
        """Go on with a stopped training, on what is ticked."""
        from napari_unet.resumed import resume

        try:
            examples = self._collect()
            model = self._session.read_model(folder)
            settings = settings_to_learn(self._session.settings_for(examples), model)
            job = resume(
                self._session, examples, folder, config, preview=self._preview.ask
            )
        except InputError as error:
            show_problem(error)
            return
        history = () if model is None else model.card.history
        self._watch(job, examples, settings, model, history)

    def _watch(
        self,
        job: Job,
        examples: list[Example],
        settings: ModelSettings,
        model: Manifest | None,
        history: Sequence[HistoryEntry] = (),
    ) -> None:
        """Run a training and show how it goes.

        Parameters
        ----------
        job : Job
            Not yet running.
        examples : list of Example
            What it learns from.
        settings : ModelSettings
            Of the model that learns, for the look at its examples.
        model : Manifest, optional
            Of the model it starts from.
        history : sequence of HistoryEntry
            Of a training that goes on.
        """
        session = self._session
        known = settings if model is None else model.settings
        course = Course(
            class_names=known.class_names,
            class_values=color_values(known, session.class_colors),
            channels=examples[0].image.channels,
            normalisation=session.normalisation
            if model is None
            else known.normalisation,
            values=session.annotation == "values",
            objects=session.objects,
            history=history,
        )
        session.course = course
        course.follow(job)
        self._job = job
        self._preview.start(course.channels, course.normalisation, values=course.values)
        self._show_course(course)
        run_in_background(
            job,
            self,
            session=session,
            progressed=self._on_progressed,
            ended=self._on_ended,
        )
        config = session.train_config
        self._findings.look(examples, settings, config, is_asked=False)

    def _take_up(self) -> None:
        """Show the training that runs, or what the last one brought."""
        course, training = self._session.course, self._training()
        if course is None:
            return
        if training is not None:
            self._job = training
            self._show_course(course)
            join_in_background(
                training,
                self,
                progressed=self._on_progressed,
                ended=self._on_ended,
            )
        elif course.outcome is not None:
            self._show_course(course)
            self._on_ended(course.outcome)

    def _show_course(self, course: Course) -> None:
        """Show all that a training has told so far."""
        self._curves.clear()
        self._curves.nameClasses(course.class_names, course.class_values)
        self._curves.showHistory(course.history)
        for point in list(course.points):
            self._curves.add(*point)
        self._result.clear()
        self._progress.start()
        self._show_button()
        if course.note:
            self._result.say(escape(in_dock(course.note)))
        if course.last is not None:
            self._show_progress(course.last)

    def _on_progressed(self, progress: TrainProgress) -> None:
        if progress.preview is not None:
            self._preview.show(progress.preview)
        if said := describe_news(progress):
            self._result.say(said)
        if (point := point_of(progress)) is not None:
            self._curves.add(*point)
        self._show_progress(progress)

    def _show_progress(self, progress: TrainProgress) -> None:
        if self._job is not None and self._job.is_cancelling:
            self._progress.sayStopping()
        elif self._job is not None:
            self._progress.showProgress(progress)

    def _on_ended(self, outcome: Outcome) -> None:
        self._job = None
        # Whoever works elsewhere in the dock is not taken away from there.
        is_watched = not self._button.visibleRegion().isEmpty()
        self._curves.finish()
        self._preview.stop()
        self._progress.hide()
        self._show_button()
        self._result.showEnd(outcome)
        if is_watched:
            self._result.scrollIntoView()
