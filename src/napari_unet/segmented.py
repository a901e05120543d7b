"""A segmentation as the docks keep it: probabilities, and the labels found in them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.priority import leave_room

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_unet.core.config import AnnotationKind, ModelSettings, ObjectConfig
    from napari_unet.core.image import Image
    from napari_unet.core.prediction.detect import Detections
    from napari_unet.core.prediction.segment import Segmentation, SegmentProgress
    from napari_unet.core.prediction.zoom import Zoom

Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class TileLabels:
    """One tile of a running segmentation, ready to be shown.

    Parameters
    ----------
    done, total : int
        Tiles finished and to do.
    plane : int or None
        Index along Z or time; None for a 2D image.
    box : tuple of slice
        Where the tile lies in the plane or volume, in pixels of the image.
    labels : ndarray of int, shape ([Z,] Y, X)
        The tile's objects, numbered for themselves.
    probabilities : ndarray of float32, shape (K, [Z,] Y, X), or None
        Of each class; None where the model predicts values.
    news : str
        What was done about too little memory, in a sentence; mostly nothing.
    plan : str
        What all of it was planned to take, in words.
    starter : Path, optional
        Of the starter model that was picked.
    """

    done: int
    total: int
    plane: int | None
    box: tuple[slice, ...]
    labels: NDArray[Any]
    probabilities: NDArray[np.float32] | None = None
    news: str = ""
    plan: str = ""
    starter: Path | None = None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Segmented:
    """A finished segmentation with the probabilities it came from.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (K, Y, X) or (K, Z, Y, X)
        Of the box and the planes only.
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        Objects, numbered 1 … n in each plane or in the volume; or classes. Where the
        model predicts values, the first channel of `probabilities`, which are values.
    box : tuple of two slices
        The segmented part of each plane, in pixels of the image.
    planes : tuple of int or None
        Indices along Z or time; None for a 2D image.
    annotation : str
        Whether the model knows objects, classes or points.
    volume : bool
        Whether a 3D model saw the planes together.
    times : int
        Of how many time points, one after the other, the planes of volumes are.
    spacing : tuple of float, optional
        Of a volume: edges of a pixel along Z, Y and X, if known.
    disagreement : ndarray of float32, shape (Y, X) or (Z, Y, X), or None
        Where versions were averaged: how much they contradict each other.
    class_names, class_values : tuple
        Of the model; see `ModelSettings`.
    points : Detections, optional
        What a model of points has found, in pixels of the whole image. The labels then
        say where the points were taken from.
    found_with : ObjectConfig, optional
        How the labels were found in the probabilities.
    starter : Path, optional
        Of the starter model that was picked, where the user had chosen no model.
    why : str
        This starter model and no other.
    zoom : Zoom, optional
        How the zoom was chosen, where that was left to the program.
    chosen_scale : float, optional
        The zoom, where the user chose it.
    enlargement : float
        How many times longer objects are here, in pixels, than at the zoom that the
        model was made for; so the smallest one grows.
    drift : str
        A sentence where the image is unlike all that the model has seen.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[Any]
    box: Box
    planes: tuple[int, ...] | None
    annotation: AnnotationKind = "objects"
    volume: bool = False
    times: int = 1
    disagreement: NDArray[np.float32] | None = None
    spacing: tuple[float, ...] | None = None
    class_names: tuple[str, ...] = ()
    class_values: tuple[int | str, ...] = ()
    points: Detections | None = None
    found_with: ObjectConfig | None = None
    starter: Path | None = None
    why: str = ""
    zoom: Zoom | None = None
    chosen_scale: float | None = None
    enlargement: float = 1.0
    drift: str = ""

    def relabelled(self, config: ObjectConfig) -> Segmented:
        """Return the same with the objects found again, without the network."""
        from napari_unet.core.prediction.detect import locate_points
        from napari_unet.core.prediction.labels import find_labels

        if self.annotation == "values":
            return replace(self, found_with=config)
        points = None
        if self.annotation == "points":
            points = locate_points(
                self.probabilities,
                self.box,
                self.planes,
                config,
                volume=self.volume,
                times=self.times,
            )
        labels = find_labels(
            self.probabilities,
            config.enlarged(self.enlargement),
            self.annotation,
            volume=self.volume,
            times=self.times,
            spacing=self.spacing,
        )
        return replace(self, labels=labels, points=points, found_with=config)

    def doubt(self, config: ObjectConfig) -> str:
        """Return a sentence where nothing, or everything, was found; else nothing."""
        from napari_unet.core.prediction.doubt import doubt_result

        return doubt_result(
            self.probabilities,
            self.labels,
            self.annotation,
            config.enlarged(self.enlargement),
            self.class_names,
            own_min_size=config.min_size,
        )

    @property
    def foreground(self) -> NDArray[np.float32]:
        """Probability of being anything but background, shape ([Z,] Y, X)."""
        foreground: NDArray[np.float32] = 1 - self.probabilities[0]
        return foreground

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """How unsure the result is, from 0 to 1, shape ([Z,] Y, X)."""
        from napari_unet.core.prediction.uncertainty import entropy

        return entropy(self.probabilities)


def color_values(
    settings: ModelSettings, colors: Mapping[str, str]
) -> tuple[int | str, ...]:
    """Return what stands for each class of a model in labels.

    Parameters
    ----------
    settings : ModelSettings
        Of the model; its own values come first.
    colors : mapping of str to str
        '#rrggbb' by the name of a class: those of coloured labels that were opened.
    """
    names = settings.class_names
    if settings.class_values or not all(name in colors for name in names):
        return settings.class_values
    return tuple(colors[name] for name in names)


def segment_by_tiles(
    image: Image,
    folder: Path | None,
    objects: ObjectConfig,
    *,
    adjusted_for: Path | None,
    class_colors: Mapping[str, str],
    **settings: Any,
) -> Generator[TileLabels, None, Segmented]:
    """Segment an image with the model in a folder, on the job's own thread.

    Parameters
    ----------
    image : Image
        The whole image.
    folder : Path, optional
        The model folder; by default that of the starter model that suits the image.
    objects : ObjectConfig
        How probabilities become objects.
    adjusted_for : Path, optional
        With which model: another one that is picked makes them in its own way, but for
        what was changed before any model was used.
    class_colors : mapping of str to str
        By the name of a class: see `color_values`.
    **settings
        The other arguments of `core.workflow.segment`.
    """
    from napari_unet.core import workflow

    leave_room()
    starter, why = None, ""
    scale = settings.get("scale")
    if folder is None:
        device = settings.get("device", "auto")
        choice = workflow.choose_starter(image, device, scale=scale)
        model, starter, why = choice.model, choice.model.folder, choice.why
        if scale == "auto" and choice.zoom is not None:
            settings["scale"] = choice.zoom  # was looked for to choose
        if starter != adjusted_for:
            changed = {} if adjusted_for else changed_by_hand(objects)
            objects = model.settings.objects.replaced(**changed)
    else:
        model = workflow.load_model(folder)
    steps = workflow.segment(image, model, **settings)
    kind = model.settings.annotation
    if kind == "values":
        result = yield from _predict_values(steps, model.settings)
        return replace(result, found_with=objects)
    segmentation = yield from label_tiles(steps, objects, kind, starter)
    return replace(
        finish_segmentation(segmentation, objects, kind),
        class_names=model.settings.class_names,
        class_values=color_values(model.settings, class_colors),
        starter=starter,
        why=why,
        zoom=segmentation.zoom,
        chosen_scale=scale if isinstance(scale, float) else None,
    )


def changed_by_hand(objects: ObjectConfig) -> dict[str, Any]:
    """Return what differs from how objects are made before any model is used."""
    usual = type(objects)().model_dump()
    return {n: value for n, value in objects.model_dump().items() if value != usual[n]}


def _predict_values(
    steps: Generator[SegmentProgress, None, Segmentation], settings: ModelSettings
) -> Generator[TileLabels, None, Segmented]:
    """Bring each tile, and in the end all of it, to the grey values of the target."""
    from napari_unet.core.prediction.values import restore_values

    low, high = settings.value_range[0]
    with closing(steps):
        while True:
            try:
                tile = next(steps)
            except StopIteration as stop:
                segmentation: Segmentation = stop.value
                break
            values = (tile.foreground + 1) / 2 * (high - low) + low
            yield TileLabels(
                tile.done,
                tile.total,
                tile.plane,
                tile.box,
                values,
                news=tile.news,
                plan=tile.plan,
            )
    restored = restore_values(segmentation.probabilities, settings)
    return Segmented(
        probabilities=restored,
        labels=restored[0],
        box=segmentation.box,
        planes=segmentation.planes,
        annotation=settings.annotation,
    )


def label_tiles(
    steps: Generator[SegmentProgress, None, Segmentation],
    config: ObjectConfig,
    kind: AnnotationKind,
    starter: Path | None = None,
) -> Generator[TileLabels, None, Segmentation]:
    """Turn each tile into labels where it was computed, not where it is shown.

    Parameters
    ----------
    steps : generator of SegmentProgress
        A running segmentation; closed together with this generator.
    config : ObjectConfig
        For the preview; objects cut by a tile's edge are mended at the end, and only
        then split at waists, which takes half as long as the network.
    kind : str
        What the model learned.
    starter : Path, optional
        Which starter model was picked, to be told.
    """
    from napari_unet.core.prediction.objects import find_objects

    labels: NDArray[Any]
    coarse = config.replaced(split=0.0)
    with closing(steps):
        while True:
            try:
                tile = next(steps)
            except StopIteration as stop:
                segmentation: Segmentation = stop.value
                return segmentation
            if kind != "objects":
                labels = (tile.foreground >= config.threshold).astype(np.uint8)
            else:
                labels = find_objects(tile.foreground, coarse)
            yield TileLabels(
                tile.done,
                tile.total,
                tile.plane,
                tile.box,
                labels,
                tile.probabilities,
                tile.news,
                tile.plan,
                starter,
            )


def finish_segmentation(
    segmentation: Segmentation,
    config: ObjectConfig,
    kind: AnnotationKind,
) -> Segmented:
    """Find the objects, or the points, in a finished segmentation.

    Parameters
    ----------
    segmentation : Segmentation
        Probabilities of the whole box.
    config : ObjectConfig
        How probabilities become objects.
    kind : str
        What the model learned.
    """
    segmented = Segmented(
        probabilities=segmentation.probabilities,
        labels=np.zeros(0),
        box=segmentation.box,
        planes=segmentation.planes,
        annotation=kind,
        volume=segmentation.volume,
        times=segmentation.times,
        disagreement=segmentation.disagreement,
        spacing=segmentation.spacing,
        enlargement=segmentation.enlargement,
        drift=segmentation.drift,
    )
    return segmented.relabelled(config)
