"""What is asked about what is painted, copied, for another thread to answer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.image import in_pixels_of_x
from napari_unet.widgets.annotation_layers import boxes_of, regions_of
from napari_unet.widgets.frames import times_of
from napari_unet.widgets.layers import IGNORE_LABEL, labels_of, pixel_size_um

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels, Shapes
    from numpy.typing import NDArray

    from napari_unet.core.annotation.derived import MapName
    from napari_unet.core.annotation.live_weight_map import LiveWeightMap
    from napari_unet.core.annotation.target import Region
    from napari_unet.core.config import AnnotationKind, TrainConfig
    from napari_unet.session import Session
    from napari_unet.widgets.ground_witness import Ground, GroundWitness


@dataclass(frozen=True, slots=True, eq=False)
class LabelQuestion:
    """What is painted on a plane or in a volume, and what a training would make of it.

    Parameters
    ----------
    painted : ndarray of int, shape ([Z,] Y, X)
        A copy.
    name : str
        Which map is asked for.
    plane : int or None
        Which plane of a stack; None for a 2D image, and where the network learns from
        volumes, whose objects reach through planes.
    pixel_size : tuple of float or None
        Of a volume, in pixels of X, where it counts.
    regions : tuple of Region
        Of the plane or the volume.
    kind : str
        Whether the numbers are objects or classes.
    classes : int
        How many there are, background included.
    config : TrainConfig
        The settings of the training.
    ground : Ground, optional
        What is thought of ground left unpainted, where that may be unknown.
    """

    painted: NDArray[Any]
    name: MapName
    plane: int | None
    pixel_size: tuple[float, ...] | None
    regions: tuple[Region, ...]
    kind: AnnotationKind
    classes: int
    config: TrainConfig
    ground: Ground | None = None

    @classmethod
    def of(
        cls,
        session: Session,
        image: ImageLayer,
        annotation: Labels,
        plane: int | None,
        regions: Shapes | None,
        name: MapName,
        witness: GroundWitness,
    ) -> LabelQuestion:
        """Copy what counts; the witness is asked about ground left unpainted.

        Raises
        ------
        InputError
            If a region is not a rectangle along the axes.
        """
        by_plane, sizes = regions_of(regions, image), None
        volume = session.learning_network.dimensions == 3 and times_of(image) == 1
        if plane is not None and volume:
            plane, boxes = None, boxes_of(by_plane)
            sizes = pixel_size_um(image)
        else:
            boxes = by_plane.get(plane, ())
        of_classes = session.annotation == "classes"
        painted = labels_of(annotation, plane)
        is_open = session.annotation == "objects" and not by_plane
        return cls(
            painted,
            name,
            plane,
            in_pixels_of_x(sizes),
            boxes,
            session.annotation,
            len(session.class_names) if of_classes else 2,
            session.train_config,
            witness.ask(image, plane, painted) if is_open else None,
        )

    def is_like(self, other: object) -> bool:
        """Tell whether all but what is painted is the same."""
        return isinstance(other, LabelQuestion) and all(
            getattr(self, field.name) == getattr(other, field.name)
            for field in fields(self)
            if field.name != "painted"
        )

    def __eq__(self, other: object) -> bool:
        """Tell whether the answer would be the same."""
        if not isinstance(other, LabelQuestion):
            return NotImplemented
        return self.is_like(other) and np.array_equal(self.painted, other.painted)

    __hash__ = None  # type: ignore[assignment]

    @property
    def objects(self) -> int:
        """How many there are on known ground."""
        from napari_unet.core.annotation.summary import summarise_annotation

        return summarise_annotation(self.painted, self.regions, IGNORE_LABEL).objects

    def derive(self, live_map: LiveWeightMap) -> tuple[NDArray[np.float32], str]:
        """Return the map, shape of `painted`, and what is to be said about its ground.

        A plane's weight map comes from what follows the brush; a volume's is computed
        anew.
        """
        from napari_unet.core.annotation.derived import derive_map

        painted, said = self.painted, ""
        if self.ground is not None:
            painted, said = self.ground.learn(painted, self.config.unpainted)
        if self.name == "weight map" and painted.ndim == 2:
            return live_map.update(painted), said
        values = derive_map(
            self.name,
            painted,
            self.config.weight_map,
            self.config.sampling,
            regions=self.regions,
            ignore_label=IGNORE_LABEL,
            kind=self.kind,
            classes=self.classes,
            pixel_size=self.pixel_size,
        )
        return values, said
