"""Annotations that were made elsewhere: from a file to the annotation of an image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.errors import InputError
from napari_unet.jobs import Job
from napari_unet.widgets.background import listen, run_in_background, show_problem
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.layers import add_labels, spatial_shape, unlink_layer
from napari_unet.widgets.point_layers import add_points

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import napari
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_unet.formats.annotations import Imported
    from napari_unet.jobs import Outcome
    from napari_unet.session import Session

_FILTER = (
    "Annotations (*.zip *.roi *.geojson *.json *.npy *.tif *.tiff *.png *.csv);;"
    "All files (*)"
)


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """A file to be read, and for what."""

    path: Path
    image: ImageLayer
    shape: tuple[int, ...]
    class_names: tuple[str, ...]  # of the session, where classes are learned; else none

    def read(self) -> Generator[None, None, tuple[Imported, tuple[str, ...]]]:
        """Return what the file holds, and the names of its classes."""
        from napari_unet.formats.annotations import find_class_names, read_annotation

        yield
        if not self.class_names:
            return self._fit(read_annotation(self.path, self.shape)), ()
        named = find_class_names(self.path)
        known = self.class_names if {*named} <= {*self.class_names[1:]} else ()
        found = read_annotation(self.path, self.shape, kind="classes", names=known)
        return self._fit(found), found.names

    def _fit(self, found: Imported) -> Imported:
        """Refuse labels that belong to another image.

        Raises
        ------
        InputError
            Naming both shapes.
        """
        if found.labels is not None and found.labels.shape != self.shape:
            raise InputError(
                f"'{self.path.name}' holds labels of {found.labels.shape}, the image "
                f"'{self.image.name}' is {self.shape}; choose the image that they "
                "were made on."
            )
        return found


class ImportFile(QWidget):
    """A button that makes the annotation of an image from a file of another program.

    Parameters
    ----------
    session : Session
        Gets the classes found, where classes are learned.
    viewer : napari.Viewer
        Unwrapped; gets a new layer. The annotation it had stays, hidden.
    take : callable
        Takes a new labels layer as the annotation.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self,
        session: Session,
        viewer: napari.Viewer,
        take: Callable[[Labels], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._viewer, self._take = session, viewer, take
        self._chosen = chosen_layers(viewer)
        self._is_reading = False
        self._button = QPushButton("Import file …")
        self._button.setToolTip(
            "Make the annotation from a file: ROIs of ImageJ (.zip, .roi), GeoJSON of "
            "QuPath, _seg.npy of Cellpose, labels or a mask as TIFF or PNG, points as "
            "CSV. What was painted stays in a layer of its own"
        )
        self._said = QLabel()
        self._said.setWordWrap(True)
        self._said.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        layout.addWidget(self._said)
        self._button.clicked.connect(self._on_clicked)
        listen(self._chosen.events.image, self._show)
        self._show()

    def read(self, path: Path) -> None:
        """Read a file on a thread of its own; then its annotation appears."""
        image = self._chosen.image
        if image is None or self._is_reading:
            return
        names = self._session.class_names
        request = _Request(
            path,
            image,
            spatial_shape(image),
            names if self._session.annotation == "classes" else (),
        )
        self._is_reading = True
        self._say(f"Reading {path.name} …")
        self._show()
        run_in_background(
            Job("Import", request.read),
            self,
            ended=lambda outcome: self._on_ended(outcome, request),
        )

    def _on_clicked(self) -> None:
        image = self._chosen.image
        source = None if image is None else image.source.path
        folder = str(Path(source).parent) if source else ""
        name, _ = QFileDialog.getOpenFileName(self, "Import", folder, _FILTER)
        if name:
            self.read(Path(name))

    def _on_ended(self, outcome: Outcome, request: _Request) -> None:
        self._is_reading = False
        self._show()
        if outcome.result is None:
            self._say("")
            return
        found, names = outcome.result
        if self._chosen.image is not request.image:
            self._say(
                f"Another image was chosen meanwhile; choose '{request.image.name}' "
                f"and import {request.path.name} again."
            )
            return
        try:
            if found.labels is not None:
                self._take_labels(found.labels, names)
            if found.points is not None:
                self._take_points(found, request.image)
        except InputError as error:
            show_problem(error)
            self._say("")
        else:
            self._say(f"{request.path.name}: {found.said}")

    def _take_labels(self, labels: NDArray[np.integer], names: tuple[str, ...]) -> None:
        image, old = self._chosen.image, self._chosen.annotation
        if image is None:
            return
        if self._session.annotation == "classes":
            labels = self._number(image, labels, names)
        fits = labels.max(initial=0) <= np.iinfo(np.uint16).max
        labels = labels.astype(np.uint16 if fits else np.int32)
        if old is not None:
            old.visible = False
        self._take(add_labels(self._viewer, image, "annotation", labels))

    def _number(
        self, image: ImageLayer, values: NDArray[np.integer], names: tuple[str, ...]
    ) -> NDArray[np.integer]:
        """Return classes by number; the session learns how they are called."""
        if not names:
            from napari_unet.core.annotation.class_values import (
                count_values,
                settle_classes,
                to_classes,
            )
            from napari_unet.core.annotation.target import Example
            from napari_unet.widgets.layers import outline_of

            example = Example(outline_of(image), values)
            table = settle_classes(count_values([example]))
            names = table.names
            values = to_classes(example, table).annotation.reshape(values.shape)
        if names != self._session.class_names:
            self._session.class_names = names
        return values

    def _take_points(self, found: Imported, image: ImageLayer) -> None:
        """Show points; they are learned from where nothing else came with them."""
        layer = add_points(self._viewer, image, found.points)
        if found.labels is not None:
            unlink_layer(layer)  # a model learns either to segment or to detect
            return
        if self._chosen.points is not None:
            self._chosen.points.visible = False
            unlink_layer(self._chosen.points)
        self._chosen.points = layer

    def _show(self, _event: object = None) -> None:
        self._button.setEnabled(self._chosen.image is not None and not self._is_reading)

    def _say(self, text: str) -> None:
        self._said.setText(text)
        self._said.setVisible(bool(text))
