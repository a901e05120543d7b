"""The section to annotate in: objects, regions, ignored ground, predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import qthrottled

from napari_unet.core.errors import InputError
from napari_unet.widgets.annotated import (
    OBJECTS_AND_POINTS,
    describe_summary,
    describe_unpainted,
    describe_whole,
    summarise_layers,
)
from napari_unet.widgets.annotation_layers import (
    add_regions,
    regions_of,
    set_role,
    split_touching,
)
from napari_unet.widgets.background import LatestAnswer, listen, show_problem
from napari_unet.widgets.class_list import ClassList
from napari_unet.widgets.collapsible import Collapsible
from napari_unet.widgets.correction_row import CorrectionButtons
from napari_unet.widgets.kept_row import EarlierAnnotation, StepButtons
from napari_unet.widgets.label_values import LabelValues
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import (
    IGNORE_LABEL,
    add_labels,
    align_labels,
    link_layer,
    spatial_shape,
    unlink_layer,
)
from napari_unet.widgets.point_controls import PointControls
from napari_unet.widgets.section import Section
from napari_unet.widgets.target_picker import TargetPicker
from napari_unet.widgets.unpainted import UnpaintedGround

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Layer

    from napari_unet.core.annotation.summary import AnnotationSummary
    from napari_unet.core.annotation.target import Role
    from napari_unet.session import Session

NO_IMAGE = "Choose an image under <b>Image and model</b> first."
ALL_IS_LEARNED = (
    "Without regions all of the image is learned from; a part of it is held back to "
    "measure how good the model is."
)
ONLY_REGIONS_LEARNED = "Only the regions are learned from."
ONLY_REGIONS_COUNT = "Only the regions are learned from; paint every object in them."
_COUNT_MSEC = 300
_OUTLINE_PX = 2


class AnnotateSection(Section):
    """View of the annotation and the regions of the chosen image.

    Parameters
    ----------
    session : Session
        Not changed; taken like every section takes it.
    viewer : napari.Viewer
        Where the layers are.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self, session: Session, viewer: napari.Viewer, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, viewer, parent)
        self._watched: list[Layer] = []
        self._counter = LatestAnswer(self, "Counting")
        self._build()
        self._layer.layerChanged.connect(self._on_layer_chosen)
        self._new.clicked.connect(self._on_new_clicked)
        self._next.clicked.connect(self._on_next_clicked)
        self._ignore.clicked.connect(lambda: self._paint_with(IGNORE_LABEL))
        self._training.clicked.connect(lambda: self._draw_region("training"))
        self._validation.clicked.connect(lambda: self._draw_region("validation"))
        self._split.clicked.connect(self._on_split_clicked)
        self._counter.answered.connect(self._show_summary)
        for signal in (
            session.events.annotation,
            session.events.class_names,
            session.events.network,
            session.events.start_from,
            session.events.train_config,
            self._chosen.events.image,
            self._chosen.events.annotation,
            self._chosen.events.regions,
            self._chosen.events.points,
        ):
            listen(signal, self._show_layers)
        self._show_layers()

    def _build(self) -> None:
        self._hint = _line()
        self._layer = LayerCombo(
            self._viewer,
            self._fits,
            placeholder="No annotation yet",
            can_be_empty=True,
        )
        self._layer.setToolTip(
            "The labels layer you paint in: one number per object. An existing layer "
            "of the image's shape can be taken, too"
        )
        self._layer.setAccessibleName("Annotation")
        self._new = _button("New", "Make an empty labels layer that fits the image")
        self._next = _button(
            "Next object", "Take a brush with a number that is not in use"
        )
        self._ignore = _button(
            "Ignored ground",
            "Take a brush that marks doubtful ground: it is not learned from",
        )
        self._training = _button(
            "Training region",
            "Draw a rectangle in which you paint every object; or, while rectangles "
            "are selected with the arrow, turn them into training regions",
        )
        self._validation = _button(
            "Validation region",
            "Draw a fully painted rectangle that is kept for measuring how good the "
            "model is; or, while rectangles are selected with the arrow, turn them "
            "into such regions",
        )
        self._summary, self._rule = _line(), _line()
        self._unpainted = UnpaintedGround(self._session)
        self._split = _button(
            "Split into single objects",
            "Everything has the same number: give each separate piece its own",
        )
        self._split.hide()
        self._correct = CorrectionButtons(self._viewer)
        self._earlier = EarlierAnnotation(self._viewer)
        self._kept = StepButtons(self._viewer)
        self._points = PointControls(self._session, self._viewer)
        self._classes = ClassList(self._session, self._viewer)
        self._target = TargetPicker(self._viewer)
        grid = QGridLayout()
        grid.addWidget(self._layer, 0, 0)
        grid.addWidget(self._new, 0, 1)
        brushes = QHBoxLayout()
        brushes.addWidget(self._next, 1)
        brushes.addWidget(self._ignore, 1)
        grid.addLayout(brushes, 1, 0, 1, 2)
        grid.addWidget(self._training, 2, 0)
        grid.addWidget(self._validation, 2, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._hint)
        layout.addWidget(self._earlier)
        layout.addWidget(self._classes)
        layout.addWidget(self._target)
        layout.addLayout(grid)
        layout.addWidget(self._summary)
        layout.addWidget(self._rule)
        layout.addWidget(self._unpainted)
        layout.addWidget(self._split)
        layout.addWidget(self._correct)
        layout.addWidget(self._kept)
        elsewhere = LabelValues(self._session, self._viewer, self._take_annotation)
        self._elsewhere = Collapsible("Labels from elsewhere", elsewhere)
        layout.addWidget(self._elsewhere)
        layout.addWidget(self._points)

    def _fits(self, layer: Layer) -> bool:
        image = self._chosen.image
        if image is None or not isinstance(layer, Labels):
            return False
        if layer is self._chosen.prediction:
            return False
        return tuple(layer.data.shape) == spatial_shape(image)

    # ----------------------------------------------------------------- the layers

    def _on_new_clicked(self) -> None:
        if (image := self._chosen.image) is not None:
            if (found := self._chosen.prediction) is not None:
                found.contour = _OUTLINE_PX  # told from what is painted
            self._take_annotation(add_labels(self._viewer, image, "annotation"))
            self._on_next_clicked()

    def _on_layer_chosen(self, layer: Labels | None) -> None:
        if layer is not None and layer is not self._chosen.annotation:
            self._take_annotation(layer)

    def _take_annotation(self, layer: Labels) -> None:
        image, old = self._chosen.image, self._chosen.annotation
        if image is None:
            return
        try:
            align_labels(layer, image)
        except InputError as error:
            show_problem(error)
            self._layer.setValue(old)
            return
        if old is not None and old is not layer:
            unlink_layer(old)  # an image has one annotation
        link_layer(layer, image, "annotation")
        self._chosen.annotation = layer

    def _on_next_clicked(self) -> None:
        layer = self._chosen.annotation
        if self._session.annotation == "classes":
            self._classes.paint_with(1)
            return
        if layer is not None:
            numbers = layer.data[layer.data != IGNORE_LABEL]
            self._paint_with(int(numbers.max(initial=0)) + 1)

    def _paint_with(self, number: int) -> None:
        layer = self._chosen.annotation
        if layer is not None:
            self._viewer.layers.selection.active = layer
            layer.selected_label = number
            layer.mode = "paint"

    def _draw_region(self, role: Role) -> None:
        image = self._chosen.image
        if image is None:
            return
        if self._chosen.regions is None:
            self._chosen.regions = add_regions(self._viewer, image)
        regions = self._chosen.regions
        # napari leaves a rectangle selected that was just drawn; only what the user
        # has picked with the arrow is meant to change.
        is_picking = (
            self._viewer.layers.selection.active is regions
            and regions.mode in ("select", "direct")
            and bool(regions.selected_data)
        )
        if not is_picking:
            regions.selected_data = set()
        set_role(regions, role)
        self._viewer.layers.selection.active = regions
        if not is_picking:
            regions.mode = "add_rectangle"
        self._count()

    def _on_split_clicked(self) -> None:
        if (layer := self._chosen.annotation) is not None:
            try:
                split_touching(layer)
            except InputError as error:
                show_problem(error)

    # -------------------------------------------------------------------- showing

    def _show_layers(self) -> None:
        chosen = self._chosen
        self._layer.refresh()
        self._layer.setValue(chosen.annotation)
        self._hint.setText("" if chosen.image is not None else NO_IMAGE)
        self._hint.setVisible(chosen.image is None)
        kind = self._session.annotation
        self._next.setVisible(kind == "objects")
        self._correct.setVisible(kind == "objects")
        self._target.setVisible(kind == "values")
        for control in (
            self._layer,
            self._new,
            self._ignore,
            self._elsewhere,
        ):
            control.setVisible(kind != "values")  # which paints nothing
        # Points that are there are learned from, whatever is chosen to be learned.
        has_points = chosen.points is not None
        self._points.setVisible(kind == "objects" or (kind == "classes" and has_points))
        has_image, has_annotation = (
            chosen.image is not None,
            chosen.annotation is not None,
        )
        for control in (self._new, self._training, self._validation):
            control.setEnabled(has_image)
        for control in (self._next, self._ignore):
            control.setEnabled(has_annotation)
        self._watch([chosen.annotation, chosen.regions, chosen.points])
        self._count()

    def _watch(self, layers: Sequence[Layer | None]) -> None:
        for layer in self._watched:
            for name in _CHANGES:
                if name in layer.events:
                    getattr(layer.events, name).disconnect(self._on_changed)
        self._watched = [layer for layer in layers if layer is not None]
        for layer in self._watched:
            for name in _CHANGES:
                if name in layer.events:
                    getattr(layer.events, name).connect(self._on_changed)

    def _on_changed(self, event: Any = None) -> None:
        self._count()

    @qthrottled(timeout=_COUNT_MSEC)
    def _count(self) -> None:
        chosen = self._chosen
        image, annotation = chosen.image, chosen.annotation
        if self._session.annotation == "values":
            self._show_rule_of_values()
            return
        self._summary.setVisible(annotation is not None)
        self._rule.setVisible(annotation is not None)
        self._unpainted.hide()
        if image is None or annotation is None:
            self._counter.forget()
            self._points.sayRule(True)
            self._split.hide()
            return
        try:
            regions = regions_of(chosen.regions, image)
        except InputError as error:
            self._summary.setText(str(error))
            self._rule.hide()
            return
        volume = self._session.learning_network.dimensions == 3
        self._rule.setText(
            ONLY_REGIONS_COUNT if regions else self._say_unpainted(annotation.ndim)
        )
        are_objects = self._session.annotation == "objects"
        self._unpainted.setVisible(are_objects and not regions)
        data = annotation.data
        self._counter.ask(lambda: summarise_layers(data, regions, volume=volume))

    def _say_unpainted(self, axes: int) -> str:
        """Return what counts where there are no regions."""
        session = self._session
        volume = session.learning_network.dimensions == 3
        if session.annotation != "objects":
            return describe_whole(axes, volume=volume)
        return describe_unpainted(axes, volume=volume, config=session.train_config)

    def _show_rule_of_values(self) -> None:
        """Say from which ground another image is learned; nothing is to be counted."""
        self._counter.forget()
        self._summary.hide()
        self._split.hide()
        self._unpainted.hide()
        has_regions = self._chosen.regions is not None and self._chosen.regions.nshapes
        self._rule.setText(ONLY_REGIONS_LEARNED if has_regions else ALL_IS_LEARNED)
        self._rule.setVisible(self._chosen.image is not None)

    def _show_summary(self, summary: AnnotationSummary) -> None:
        image = self._chosen.image
        if image is not None:
            kind, points = self._session.annotation, self._chosen.points
            classes = len(self._session.class_names) if kind == "classes" else None
            self._summary.setText(describe_summary(summary, image, classes))
            has_points = points is not None and len(points.data) > 0
            has_both = has_points and summary.objects > 0
            if has_both:
                self._rule.setText(OBJECTS_AND_POINTS)
            # Where there are points and nothing is painted, their rule counts.
            self._rule.setVisible(has_both or not has_points)
            if has_points:
                self._unpainted.hide()
            self._points.sayRule(not has_both)
            self._split.setVisible(summary.looks_binary and kind == "objects")


# Painting, undo and redo, and whatever else gives a layer other contents.
_CHANGES = ("paint", "set_data", "data", "features")


def _button(text: str, help_text: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(help_text)
    button.setAccessibleDescription(help_text)
    return button


def _line() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label
