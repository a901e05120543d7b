"""The part of the evaluation that compares two layers of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points as PointsLayer
from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QLabel, QWidget

from napari_unet.core.annotation.points import (
    DEFAULT_CLASS,
    Points,
    fold_points,
    lie_between_planes,
)
from napari_unet.core.image import in_pixels_of_x
from napari_unet.widgets.annotation_layers import boxes_of, regions_of
from napari_unet.widgets.comparison import Answer
from napari_unet.widgets.errors_layer import is_verdict
from napari_unet.widgets.frames import folded_shape
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import (
    IGNORE_LABEL,
    find_layer,
    labels_of,
    pixel_size_um,
    spatial_shape,
)
from napari_unet.widgets.point_layers import CLASS, classes_of

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_unet.core.evaluation.error_map import Verdict
    from napari_unet.core.evaluation.point_comparison import PointComparison
    from napari_unet.widgets.chosen import ChosenLayers

# Points this far apart, in pixels, may be the same object (Falk et al. 2019).
_DISTANCE = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class PointInputs:
    """Copies of what is compared, and the layer the result belongs to.

    Parameters
    ----------
    layer : Points layer
        The true one; only handed on.
    predicted, true : Points
        In pixels of `layer`.
    distance : float
        How far apart a pair may be, in pixels.
    volume : bool
        Whether pairs may lie on different planes.
    pixel_size : tuple of float or None
        In pixels of X.
    known : ndarray of bool, shape ([Z,] Y, X), or None
        Where points count; None means everywhere.
    """

    layer: PointsLayer
    predicted: Points
    true: Points
    distance: float
    volume: bool
    pixel_size: tuple[float, ...] | None
    known: NDArray[np.bool_] | None

    def compare(self) -> Generator[float, None, Answer]:
        """Compare, away from the window's thread."""
        from napari_unet.core.evaluation.point_comparison import compare_points

        yield 0.0
        compared = compare_points(
            self.predicted.positions,
            self.predicted.names,
            self.true.positions,
            self.true.names,
            distance=self.distance,
            volume=self.volume,
            pixel_size=self.pixel_size,
            known=self.known,
        )
        return Answer(self.layer, "points", compared, self._judge(compared))

    def _judge(self, compared: PointComparison) -> list[Verdict]:
        """Return what became of each point that counts; numbers begin at 1."""
        from napari_unet.core.evaluation.error_map import ErrorKind, Verdict

        verdicts = [
            Verdict(
                ErrorKind.FOUND if compared.was_found[i] else ErrorKind.MISSED,
                i + 1,
                None,
                tuple(self.true.positions[i].tolist()),
            )
            for i in np.flatnonzero(compared.true_counted).tolist()
        ]
        false = compared.counted & ~compared.found
        verdicts += [
            Verdict(
                ErrorKind.FALSE,
                None,
                i + 1,
                tuple(self.predicted.positions[i].tolist()),
            )
            for i in np.flatnonzero(false).tolist()
        ]
        return verdicts


class PointForm(QWidget):
    """Choose two layers of points, and how far apart a pair may be.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    chosen : ChosenLayers
        Whose regions and ignored ground count.
    parent : QWidget, optional
        Qt parent.
    """

    layersChanged = Signal()

    def __init__(
        self, viewer: napari.Viewer, chosen: ChosenLayers, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._chosen = viewer, chosen
        self._proposed_for: PointsLayer | None = None  # planes apart, or not
        self._predicted, self._true = (
            LayerCombo(viewer, _is_points, placeholder="No points yet")
            for _ in range(2)
        )
        self._predicted.setToolTip("What a model has detected")
        self._true.setToolTip(
            "What is right: set by hand, or from a file. If these are the points of "
            "the chosen image, only those in its regions count, none on ignored ground"
        )
        self._distance = QDoubleSpinBox()
        self._distance.setRange(0.1, 1000)
        self._distance.setValue(_DISTANCE)
        self._distance.setDecimals(1)
        self._distance.setSuffix(" px")
        self._distance.setToolTip("How far apart a pair of points may be, in pixels")
        self._across = QCheckBox("Pairs across planes")
        self._across.setToolTip(
            "Objects reach through the planes of the stack, as a model of volumes "
            "finds them; otherwise each plane counts for itself"
        )
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        for title, control, name in (
            ("Predicted", self._predicted, "Predicted points"),
            ("True", self._true, "True points"),
            ("Distance", self._distance, "Distance of pairs"),
            ("", self._across, ""),
        ):
            label = QLabel(title)
            label.setBuddy(control)
            if name:
                control.setAccessibleName(name)
            self._form.addRow(label, control)
        for box in (self._predicted, self._true):
            box.layerChanged.connect(self._on_layer_chosen)
        self._on_layer_chosen()

    def take_chosen(self) -> None:
        """Propose the detections and the points of the chosen image."""
        if self._chosen.image is None:
            return
        found = find_layer(self._viewer, self._chosen.image, "detections")
        if found is not None:
            self._predicted.setValue(found)
        if self._chosen.points is not None:
            self._true.setValue(self._chosen.points)
        self._on_layer_chosen()

    def layers(self) -> tuple[PointsLayer | None, PointsLayer | None]:
        """Return the predicted and the true layer."""
        return self._predicted.value(), self._true.value()

    def _on_layer_chosen(self, _layer: object = None) -> None:
        predicted, true = self.layers()
        stack = true is not None and true.ndim == 3
        self._form.setRowVisible(self._across, stack)
        if predicted is not None and predicted is not self._proposed_for:
            found = Points(predicted.data, ("",) * len(predicted.data))
            self._across.setChecked(lie_between_planes(found))
        self._proposed_for = predicted
        self.layersChanged.emit()

    def read(self) -> PointInputs | None:
        """Copy what is chosen; None if nothing is.

        Raises
        ------
        InputError
            If a region cannot be used.
        """
        predicted, true = self.layers()
        if predicted is None or true is None:
            return None
        volume = self._across.isChecked() and true.ndim == 3
        # Where one side knows no classes, only the places are compared.
        classed = CLASS in predicted.features and CLASS in true.features
        found, wanted = (
            Points(
                _places(layer, true),
                tuple(classes_of(layer))
                if classed
                else (DEFAULT_CLASS,) * len(layer.data),
            )
            for layer in (predicted, true)
        )
        return PointInputs(
            true,
            found,
            wanted,
            distance=self._distance.value(),
            volume=volume,
            pixel_size=in_pixels_of_x(pixel_size_um(true)),
            known=self._known(true, wanted, volume=volume),
        )

    def _known(
        self, layer: PointsLayer, true: Points, *, volume: bool
    ) -> NDArray[np.bool_] | None:
        """Return where points count: in regions, and not on ignored ground.

        Without regions, the planes of a stack without true points do not count, unless
        it is a volume.
        """
        from napari_unet.core.annotation.target import mark_known

        image, annotation = self._chosen.image, self._chosen.annotation
        if layer is not self._chosen.points or image is None:
            return None
        regions = boxes_of(regions_of(self._chosen.regions, image))
        known = mark_known(folded_shape(image), regions)
        if known.ndim == 3 and not regions and not volume:
            folded = fold_points(true, spatial_shape(image))
            planes = np.round(folded.positions[:, 0]).astype(int)
            known &= np.isin(np.arange(len(known)), planes)[:, None, None]
        known = known.reshape(spatial_shape(image))
        if annotation is not None:
            known &= labels_of(annotation) != IGNORE_LABEL
        return known


def _is_points(layer: Layer) -> bool:
    return isinstance(layer, PointsLayer) and not is_verdict(layer)


def _places(layer: PointsLayer, reference: PointsLayer) -> NDArray[Any]:
    """Return points in pixels of another layer; unscaled ones are so already."""
    data = np.array(layer.data, float)
    unscaled = pixel_size_um(layer) is None and (layer.scale == 1).all()
    if layer is reference or layer.ndim != reference.ndim or unscaled or not len(data):
        return data
    return np.array([reference.world_to_data(layer.data_to_world(p)) for p in data])
