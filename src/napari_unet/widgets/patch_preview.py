"""A few training patches beside the image: what the random changes make of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject

from napari_unet.widgets.background import LatestAnswer, listen
from napari_unet.widgets.chosen import chosen_layers
from napari_unet.widgets.layers import (
    LayerRole,
    current_plane,
    is_on_screen,
    role_of,
    spatial_shape,
)
from napari_unet.widgets.overlay import show_overlay

if TYPE_CHECKING:
    import napari
    from napari.components import Camera
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget
    from torch import Tensor

    from napari_unet.core.annotation.target import Example
    from napari_unet.core.training.patches import Batch
    from napari_unet.jobs import Job
    from napari_unet.session import Session

_Camera = tuple[tuple[float, ...], float]
_ROLES: tuple[LayerRole, ...] = ("patches", "patch targets", "patch weights")
_COLUMNS = 3
# Between the patches, and between them and the image, in px.
_GAP = 8


class PatchPreview(QObject):
    """Draws patches in the background and shows image, target and weights as layers.

    Parameters
    ----------
    session : Session
        Its training settings count.
    viewer : napari.Viewer
        Unwrapped; the patches appear beside the chosen image.
    owner : QWidget
        Qt parent.
    """

    def __init__(self, session: Session, viewer: napari.Viewer, owner: QWidget) -> None:
        super().__init__(owner)
        self._session, self._viewer = session, viewer
        self._number = 0
        # Centre and zoom before the camera went to the patches, and there.
        self._cameras: tuple[_Camera, _Camera] | None = None
        self._answers = LatestAnswer(owner, "Drawing patches")
        self._answers.answered.connect(self._show)
        listen(session.events.job, self._on_job)

    def draw(self, examples: list[Example]) -> None:
        """Draw other patches than the last time."""
        self._number += 1
        session, number = self._session, self._number
        self._answers.ask(lambda: session.draw_patches(examples, number))

    def _on_job(self, job: Job | None) -> None:
        """Clear the view for what begins now: the patches have been looked at."""
        if job is None:
            return
        self._answers.forget()
        for layer in [x for x in self._viewer.layers if role_of(x) in _ROLES]:
            self._viewer.layers.remove(layer)
        camera, image = self._viewer.scene.camera, chosen_layers(self._viewer).image
        if self._cameras is not None:
            before, there = self._cameras
            is_lost = image is not None and not is_on_screen(image)
            if is_lost or there == _read(camera):
                camera.center, camera.zoom = before
        self._cameras = None

    def _show(self, batch: Batch) -> None:
        image = chosen_layers(self._viewer).image
        if image is None:
            return
        batch = middle_planes(batch)
        left = spatial_shape(image)[-1] + 2 * _GAP
        size = batch.image.shape[-1]
        if batch.values is not None:
            self._show_pairs(image, batch.image, batch.values)
            return
        shown: dict[LayerRole, tuple[NDArray[Any], dict[str, Any]]] = {
            "patches": (
                batch.image.mean(dim=1).numpy(),
                {"colormap": "gray", "contrast_limits": (-1, 1)},
            ),
            "patch targets": (
                batch.classes.numpy().astype(np.float32),
                {"colormap": "cyan", "blending": "additive", "opacity": 0.3},
            ),
            "patch weights": (
                batch.weights.numpy(),
                {"colormap": "inferno", "blending": "additive", "visible": False},
            ),
        }
        # Each new layer comes directly onto the image: the lowest is made last.
        layers = []
        for role, (patches, options) in reversed(shown.items()):
            data = tile_patches(patches, size, -1 if role == "patches" else 0)
            layers.append(self._lay(image, role, data, left, **options))
        self._look_at(layers)

    def _show_pairs(self, image: ImageLayer, patches: Tensor, targets: Tensor) -> None:
        """Show patches of grey values, and right of them what shall be predicted."""
        left = spatial_shape(image)[-1] + 2 * _GAP
        shown: dict[LayerRole, Tensor] = {"patches": patches, "patch targets": targets}
        layers = []
        for role, part in shown.items():
            data = tile_patches(part.mean(dim=1).numpy(), patches.shape[-1], -1)
            looks = {"colormap": "gray", "contrast_limits": (-1, 1)}
            layers.append(self._lay(image, role, data, left, **looks))
            left += data.shape[1] + 4 * _GAP
        self._look_at(layers)

    def _lay(
        self,
        image: ImageLayer,
        role: LayerRole,
        data: NDArray[Any],
        left: int,
        **options: Any,
    ) -> ImageLayer:
        """Lay a sheet of patches beside the image, `left` px from its left edge."""
        return show_overlay(
            self._viewer,
            image,
            role,
            data,
            plane=current_plane(self._viewer, image),
            box=(slice(0, data.shape[0]), slice(left, left + data.shape[1])),
            **options,
        )

    def _look_at(self, layers: list[ImageLayer]) -> None:
        """Move the camera there: beside the image is mostly off the screen."""
        if self._viewer.dims.ndisplay != 2:
            return
        camera = self._viewer.scene.camera
        before = self._cameras[0] if self._cameras is not None else _read(camera)
        self._viewer.fit_to_view(layers=layers)
        self._cameras = before, _read(camera)


def _read(camera: Camera) -> _Camera:
    return camera.center, camera.zoom


def middle_planes(batch: Batch) -> Batch:
    """Return the middle planes of patches of volumes; others as they are."""
    if batch.classes.ndim == 3:
        return batch
    depth = batch.classes.shape[1]
    beyond = (batch.image.shape[2] - depth) // 2  # of a valid network's input
    return replace(
        batch,
        image=batch.image[:, :, beyond + depth // 2],
        classes=batch.classes[:, depth // 2],
        weights=batch.weights[:, depth // 2],
        values=None if batch.values is None else batch.values[:, :, depth // 2],
    )


def tile_patches(patches: NDArray[Any], size: int, between: float = 0) -> NDArray[Any]:
    """Lay patches side by side, the smaller ones in the middle of their places.

    Parameters
    ----------
    patches : ndarray, shape (N, y, x)
        Of images, targets or weights; those of a valid network are smaller.
    size : int
        Edge of the places in pixels.
    between : float
        What stands between the patches.

    Returns
    -------
    ndarray, shape (Y, X)
        Rows of three.
    """
    place = size + _GAP
    rows = -(-len(patches) // _COLUMNS)
    shape = (rows * place - _GAP, _COLUMNS * place - _GAP)
    sheet = np.full(shape, between, patches.dtype)
    for number, patch in enumerate(patches):
        row, column = divmod(number, _COLUMNS)
        top, left = (
            at * place + (size - length) // 2
            for at, length in zip((row, column), patch.shape, strict=True)
        )
        sheet[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return sheet
