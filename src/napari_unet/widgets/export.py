"""The dock section that writes labels and points into files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Labels, Points
from napari.utils.history import get_save_history, update_save_history
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.card import file_stem
from napari_unet.core.errors import InputError
from napari_unet.jobs import Job, Outcome, Status
from napari_unet.widgets.background import listen, run_in_background, show_problem
from napari_unet.widgets.class_colors import in_own_values
from napari_unet.widgets.errors_layer import is_verdict
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.layers import (
    find_layer,
    image_of,
    is_made_for,
    is_users_image,
    labels_of,
    pixel_size_um,
    role_of,
    spatial_shape,
)
from napari_unet.widgets.point_layers import classes_of
from napari_unet.widgets.section import Section

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

    from napari_unet.formats.export import LabelsExport
    from napari_unet.formats.points_export import PointsExport
    from napari_unet.session import Session

_FORMATS = (
    ("tiff", "Label image (TIFF)", "One number per object, with the pixel size", True),
    ("rois", "ImageJ ROIs (ZIP)", "Outlines for the ROI Manager of Fiji", False),
    ("geojson", "QuPath (GeoJSON)", "Outlines as QuPath detections", False),
    (
        "csv",
        "Table (CSV)",
        "One row per object: place, area, shape, intensity; in µm where the pixel "
        "size is known",
        False,
    ),
)


class ExportSection(Section):
    """Choose labels or points and a folder; every file is read back and compared.

    Parameters
    ----------
    session : Session
        Runs the export.
    viewer : napari.Viewer
        Whose layers to offer.
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
        self._proposed: Layer | None = None
        self._labels = LayerCombo(
            self._viewer, self._can_export, placeholder="No labels or points yet"
        )
        self._labels.setToolTip("The objects or points to export")
        self._image = LayerCombo(
            self._viewer,
            is_users_image,
            placeholder="no image",
            can_be_empty=True,
        )
        self._image.setToolTip("The table gives the mean intensity in this image")
        self._name = QLineEdit()
        self._name.setToolTip("Name of the files, without their endings")
        self._folder = QLineEdit(get_save_history()[0])
        self._folder.setToolTip("Where the files go")
        self._folder.textChanged.connect(self._on_folder_changed)
        browse = QPushButton("Choose…")
        browse.setToolTip("Choose the folder")
        browse.setAccessibleName("Choose the folder")
        browse.clicked.connect(self._on_browse_clicked)
        folder_row = QHBoxLayout()
        folder_row.addWidget(self._folder)
        folder_row.addWidget(browse)

        self._form = form = QFormLayout()
        for title, control, row in (
            ("Layer", self._labels, self._labels),
            ("Measure in", self._image, self._image),
            ("Name", self._name, self._name),
            ("Folder", self._folder, folder_row),
        ):
            label = QLabel(title)
            label.setBuddy(control)
            control.setAccessibleName(title)
            form.addRow(label, row)

        self._button = QPushButton("Export")
        self._button.setToolTip(
            "Write the files; each is read back and compared before it counts as done"
        )
        self._open = QPushButton("Open folder")
        self._open.setToolTip("Show the folder in the system's file browser")
        self._result = QLabel()
        self._result.setWordWrap(True)
        self._result.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self._make_formats())
        buttons = QHBoxLayout()
        buttons.addWidget(self._button, 1)
        buttons.addWidget(self._open)
        layout.addLayout(buttons)
        layout.addWidget(self._result)

        self._labels.layerChanged.connect(self._on_labels_chosen)
        self._button.clicked.connect(self._on_button_clicked)
        self._open.clicked.connect(self._on_open_clicked)
        listen(self._chosen.events.prediction, self._take_prediction)
        listen(self._chosen.events.image, self._on_image_chosen)
        listen(session.events.segmentation, self._take_prediction)
        self._on_image_chosen()

    def _make_formats(self) -> QWidget:
        """Return the formats of labels to choose from, and what points become."""
        holder = QWidget()
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        self._formats: dict[str, QCheckBox] = {}
        for name, title, help_text, on in _FORMATS:
            self._formats[name] = box = QCheckBox(title)
            box.setToolTip(help_text)
            box.setChecked(on)
            layout.addWidget(box)
        self._of_points = QLabel(
            "A table (CSV) with the place of each point in pixels, its class, and its "
            "confidence where a model has found it. napari opens it as a Points layer; "
            "the command line trains on it and evaluates it."
        )
        self._of_points.setWordWrap(True)
        layout.addWidget(self._of_points)
        return holder

    def _take_prediction(self, _layer: object = None) -> None:
        """Propose the prediction of the chosen image, or what was detected in it."""
        image, found = self._chosen.image, self._chosen.prediction
        segmented = self._session.segmentation
        detects = segmented is not None and segmented.annotation == "points"
        if image is not None and (found is None or detects):
            found = find_layer(self._viewer, image, "detections") or found
        if found is None or found is self._proposed:
            return  # what the user has chosen and typed since stays
        self._proposed = found
        self._labels.setValue(found)
        self._on_labels_chosen(found)

    def _on_image_chosen(self, _image: object = None) -> None:
        """Offer what belongs to another image."""
        self._proposed = None
        self._labels.refresh()
        self._take_prediction()
        self._on_labels_chosen(self._labels.value())

    def _on_labels_chosen(self, layer: Labels | Points | None) -> None:
        are_points = isinstance(layer, Points)
        self._form.setRowVisible(self._image, not are_points)
        self._of_points.setVisible(are_points)
        for box in self._formats.values():
            box.setVisible(not are_points)

        self._name.setText(file_stem(layer.name) if layer else "")
        self._result.hide()  # it is about another layer
        self._show_button()
        image = self._chosen.image
        if isinstance(layer, Labels) and image is not None:
            fits = spatial_shape(image) == layer.data.shape
            self._image.setValue(image if fits else None)

    def _on_folder_changed(self, _text: str) -> None:
        self._result.hide()  # it is about another folder
        self._show_button()

    def _on_browse_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Folder for the exported files", self._folder.text()
        )
        if folder:
            self._folder.setText(folder)

    def _on_button_clicked(self) -> None:
        from napari_unet.formats.export import LabelsExport, export_labels
        from napari_unet.formats.points_export import export_points

        try:
            export = self._read()
        except InputError as error:
            show_problem(error)
            return
        if not self._may_write(export):
            return
        update_save_history(str(export.folder / "file"))
        self._button.setEnabled(False)
        self._say("Writing …")
        # Not the session's one job: files may be written while a training runs.
        run_in_background(
            Job(
                "Export",
                lambda: (
                    export_labels(export)
                    if isinstance(export, LabelsExport)
                    else export_points(export)
                ),
            ),
            self,
            progressed=lambda path: self._say(f"Wrote {path.name} …"),
            ended=lambda outcome: self._on_ended(outcome, export),
        )

    def _read(self) -> LabelsExport | PointsExport:
        """Copy what is chosen; edits after this do not reach the files."""
        from napari_unet.formats.export import LabelsExport

        layer, image = self._labels.value(), self._image.value()
        if layer is None:
            raise InputError("There is no layer of labels or points to export.")
        if isinstance(layer, Points):
            return self._read_points(layer)
        formats = [name for name, box in self._formats.items() if box.isChecked()]
        return LabelsExport(
            labels=in_own_values(layer, labels_of(layer)),
            folder=Path(self._folder.text()).expanduser(),
            stem=file_stem(self._name.text()),
            formats=formats,  # type: ignore[arg-type]
            image=image_of(image) if image is not None and "csv" in formats else None,
            pixel_size_um=pixel_size_um(layer),
            # The docks number the objects of each plane by itself.
            by_plane=role_of(layer) is not None,
        )

    def _read_points(self, layer: Points) -> PointsExport:
        from napari_unet.core.annotation.points import Points as Places
        from napari_unet.formats.points_export import PointsExport

        confidence = layer.features.get("confidence")
        if confidence is not None:
            confidence = confidence.to_numpy(float)
        return PointsExport(
            points=Places(layer.data.copy(), tuple(classes_of(layer))),
            folder=Path(self._folder.text()).expanduser(),
            stem=file_stem(self._name.text()),
            confidence=confidence,
        )

    def _may_write(self, export: LabelsExport | PointsExport) -> bool:
        """Ask before files are replaced."""
        old = [path.name for path in export.paths.values() if path.exists()]
        if not old:
            return True
        question = f"{', '.join(old)} in '{export.folder}' will be replaced."
        answer = QMessageBox.question(
            self,
            "Replace files?",
            question,
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Yes

    def _on_ended(self, outcome: Outcome, export: LabelsExport | PointsExport) -> None:
        self._show_button()
        if outcome.status is not Status.DONE:
            self._say("Not all files were written.")
            return
        names = ", ".join(path.name for path in outcome.result)
        self._say(f"Written to {export.folder}, read back and compared: {names}.")

    def _show_button(self, _text: object = None) -> None:
        """Export needs labels, and a folder to write to."""
        folder = self._folder.text().strip()
        self._button.setEnabled(self._labels.value() is not None and bool(folder))

    def _on_open_clicked(self) -> None:
        folder = Path(self._folder.text()).expanduser()
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _can_export(self, layer: Layer) -> bool:
        """Tell whether to offer a layer: one made for another image is not."""
        if not isinstance(layer, Labels | Points) or is_verdict(layer):
            return False
        others = [each for each in self._viewer.layers if is_users_image(each)]
        if (image := self._chosen.image) in others:
            others.remove(image)
            return not any(is_made_for(layer, other) for other in others)
        return True

    def _say(self, text: str) -> None:
        self._result.setText(text)
        self._result.show()
