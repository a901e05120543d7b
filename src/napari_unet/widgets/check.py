"""The check of annotations in the dock: what was found, and the way to each place."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import (  # type: ignore[attr-defined]  # Signal is qtpy's own
    QEvent,
    QObject,
    Qt,
    Signal,
)
from qtpy.QtWidgets import (
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import InputError, in_dock
from napari_unet.jobs import Job, Outcome, Status
from napari_unet.widgets.background import run_in_background
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.errors_layer import go_to
from napari_unet.widgets.layers import LayerRole, find_layer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    import napari

    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.annotation.target import Example
    from napari_unet.core.config import ModelSettings, TrainConfig
    from napari_unet.core.training.inspection import Inspection

_MOST_HEIGHT = 220
_PLACE = Qt.ItemDataRole.UserRole
# What is said before a training even if nobody asked: objects that training loses.
_SAID_UNASKED = "separation border"
CHANGED_SINCE = "<i>Something was changed since; press Check again.</i>"
# What may be annotated, and how that is noticed. Not by `set_data`: a slider emits it.
_ROLES: tuple[LayerRole, ...] = ("annotation", "regions", "points")
_CHANGES = ("paint", "labels_update", "data")
_ICONS = {
    "error": QStyle.StandardPixmap.SP_MessageBoxCritical,
    "warning": QStyle.StandardPixmap.SP_MessageBoxWarning,
}


class CheckList(QWidget):
    """What a check found: counts, and a list whose rows lead to their places.

    Parameters
    ----------
    viewer : napari.Viewer
        Unwrapped; whose images are looked at.
    parent : QWidget, optional
        Qt parent.
    """

    running = Signal(bool)

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._job: Job | None = None
        self._watched: list[Any] = []
        self._is_watching = False
        self._unasked = QLabel()
        self._unasked.setWordWrap(True)
        self._unasked.setTextFormat(Qt.TextFormat.RichText)
        self._unasked.hide()
        self._summary = QLabel()
        self._summary.setWordWrap(True)
        self._summary.hide()
        self._summary.setTextFormat(Qt.TextFormat.RichText)
        self._list = QListWidget()
        self._list.setWordWrap(True)
        self._list.setAccessibleName("Findings")
        self._list.setToolTip("Click a finding to see its place")
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._list.itemClicked.connect(self._on_clicked)
        self._list.itemActivated.connect(self._on_clicked)
        self._list.hide()
        if (ground := self._list.viewport()) is not None:
            ground.installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._unasked)
        layout.addWidget(self._summary)
        layout.addWidget(self._list)
        self.hide()

    @property
    def is_running(self) -> bool:
        """Whether a check is under way."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop looking."""
        if self._job is not None:
            self._job.cancel()

    def look(
        self,
        examples: Sequence[Example],
        settings: ModelSettings,
        config: TrainConfig,
        *,
        start_from: ModelSettings | None = None,
        folder: Path | None = None,
        faults: Sequence[Finding] = (),
        is_asked: bool = True,
    ) -> None:
        """Look at annotations in the background, and show what is found.

        Parameters
        ----------
        examples, settings, config, start_from, faults
            As for `inspected.inspect`.
        folder : Path, optional
            Of the model to start from: it is asked what was left unpainted.
        is_asked : bool
            Whether the user wants to see everything; else only objects are named that
            the separation border leaves nearly nothing of.
        """
        from napari_unet.inspected import inspect

        if self.is_running and not is_asked:
            return  # what the user asked for says as much
        self.cancel()

        def steps() -> Generator[float, None, Inspection]:
            learned: Sequence[Example] = examples
            unpainted: list[Finding] = []
            if is_asked:
                learned, unpainted = yield from _look_at_ground(
                    examples, settings, config, folder
                )
            inspection = yield from inspect(
                learned, settings, config, start_from=start_from, faults=faults
            )
            return replace(
                inspection,
                findings=tuple(
                    sorted([*inspection.findings, *unpainted], key=lambda f: f.level)
                ),
            )

        job = Job("Check", steps)
        self._job = job
        self.destroyed.connect(job.cancel)
        if is_asked:
            self._list.hide()
            self._unasked.hide()
            self._summary.setText("Checking …")
            self._summary.show()
            self.show()
        self.running.emit(True)
        run_in_background(
            job,
            self,
            progressed=lambda part: self._on_progressed(job, part, is_asked=is_asked),
            ended=lambda outcome: self._on_ended(job, outcome, is_asked=is_asked),
        )

    def _on_progressed(self, job: Job, part: float, *, is_asked: bool) -> None:
        if job is self._job and is_asked:
            self._summary.setText(f"Checking … {part:.0%}")

    def _on_ended(self, job: Job, outcome: Outcome, *, is_asked: bool) -> None:
        if job is not self._job:
            return
        self._job = None
        self.running.emit(False)
        if outcome.status is not Status.DONE:
            if is_asked:
                self.hide()
        elif is_asked:
            self.setValue(outcome.result)
        else:
            self._warn(outcome.result)

    def setValue(self, inspection: Inspection) -> None:
        """Show what was found."""
        self._summary.setText(describe(inspection))
        self._summary.show()
        self._list.clear()
        style = self.style()
        for finding in inspection.findings:
            item = QListWidgetItem(_say(finding))
            item.setToolTip(in_dock(finding.message))
            item.setData(_PLACE, (finding.image, finding.place))
            if style is not None:
                item.setIcon(style.standardIcon(_ICONS[finding.level]))
            self._list.addItem(item)
        self._list.setVisible(bool(inspection.findings))
        self.show()
        self._fit_height()
        self._watch()

    def showFaults(self, faults: Sequence[Finding]) -> None:
        """Show what is wrong where nothing is left to be looked at."""
        from napari_unet.core.annotation.summary import AnnotationSummary
        from napari_unet.core.training.inspection import Inspection

        self.setValue(Inspection(tuple(faults), AnnotationSummary()))

    def markOld(self, _event: object = None) -> None:
        """Say that what was found may hold no longer; it stays, to be mended."""
        self._unasked.hide()
        if self._is_watching:
            self._summary.setText(f"{self._summary.text()}<br>{CHANGED_SINCE}")
        self._unwatch()

    def _watch(self) -> None:
        """Notice when something is painted, framed or marked."""
        self._unwatch()
        self._is_watching = True
        for layer in self._viewer.layers:
            if isinstance(layer, ImageLayer):
                for role in _ROLES:
                    found = find_layer(self._viewer, layer, role)
                    self._watched += [
                        getattr(found.events, name)
                        for name in _CHANGES
                        if found is not None and name in found.events
                    ]
        for signal in self._watched:
            signal.connect(self.markOld)

    def _unwatch(self) -> None:
        self._is_watching = False
        for signal in self._watched:
            signal.disconnect(self.markOld)
        self._watched = []

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Fit again where the list has another width: lines are broken anew."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._fit_height()
        return super().eventFilter(watched, event)

    def _fit_height(self) -> None:
        """Make the list as high as its rows, up to a maximum."""
        self._list.scheduleDelayedItemsLayout()
        # Not by `sizeHintForRow`, which does not know how lines are broken.
        rows = sum(
            self._list.visualItemRect(item).height()
            for row in range(self._list.count())
            if (item := self._list.item(row)) is not None
        )
        frame = 2 * self._list.frameWidth()
        self._list.setFixedHeight(min(_MOST_HEIGHT, rows + frame))

    def _warn(self, inspection: Inspection) -> None:
        """Name the objects that the border takes, if there are any; nothing else."""
        lost = [f for f in inspection.findings if f.topic == _SAID_UNASKED]
        self._unasked.setText(escape(_say(lost[0])) if lost else "")
        self._unasked.setVisible(bool(lost))
        if lost:
            self.show()

    def _on_clicked(self, item: QListWidgetItem) -> None:
        name, place = item.data(_PLACE)
        layers = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, ImageLayer) and layer.name == name
        ]
        if not layers:  # closed or renamed since
            return
        choose_image(self._viewer, layers[0])
        annotation = chosen_layers(self._viewer).annotation
        if annotation is not None:
            annotation.visible = True
            self._viewer.layers.selection.active = annotation
        if place is not None:
            go_to(self._viewer, layers[0], place)


def _look_at_ground(
    examples: Sequence[Example],
    settings: ModelSettings,
    config: TrainConfig,
    folder: Path | None,
) -> Generator[float, None, tuple[Sequence[Example], list[Finding]]]:
    """Ask the model in a folder, as a training from it would, what was left out."""
    from napari_unet.fine_tuned import load_start
    from napari_unet.inspected import inspect_unpainted

    try:
        start = load_start(folder, examples, settings)
        return (
            yield from inspect_unpainted(examples, settings, config, start_from=start)
        )
    except InputError:  # it is among the other findings
        return examples, []


def _say(finding: Finding) -> str:
    from napari_unet.inspected import say

    return say(finding)


def describe(inspection: Inspection) -> str:
    """Return how much was found and how much is annotated, as rich text."""
    errors = len(inspection.errors)
    warnings = len(inspection.findings) - errors
    found = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    text = f"<b>{found if inspection.findings else 'Nothing is wrong'}</b>"
    counts, table = inspection.counts, inspection.classes
    if table is not None:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td align=right>&nbsp;&nbsp;{pixels:,} px</td>"
            f"<td align=right>&nbsp;&nbsp;{share:.1%}</td></tr>"
            for name, pixels, share in zip(
                table.names, table.pixels, table.shares, strict=True
            )
        )
        return f"{text}<table>{rows}</table>"
    if counts.objects and not counts.object_px:
        text += f" · {_count(counts.objects, 'point')}"
    elif counts.objects:
        share = counts.object_px / counts.known_px
        text += (
            f" · {_count(counts.objects, 'object')} on {share:.1%} of "
            f"{counts.known_px:,} annotated px"
        )
    return text


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
