"""What is asked about the points of a plane, copied, for another thread to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.core.annotation.points import Points, check_inside
from napari_unet.core.image import in_pixels_of_x
from napari_unet.widgets.frames import folded_shape, planes_of_time, times_of
from napari_unet.widgets.layers import (
    IGNORE_LABEL,
    labels_of,
    pixel_size_um,
)
from napari_unet.widgets.point_layers import points_of

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels
    from napari.layers import Points as PointsLayer
    from numpy.typing import NDArray

    from napari_unet.core.annotation.point_maps import PointMapName
    from napari_unet.core.annotation.target import Region, Target
    from napari_unet.core.config import TrainConfig
    from napari_unet.session import Session
    from napari_unet.widgets.chosen import ChosenLayers


def learned_points(chosen: ChosenLayers) -> PointsLayer | None:
    """Return the points that a training learns from; None where objects are painted.

    An image with points is learned by them; with an empty layer of points and an
    annotation, by what is painted.
    """
    points = chosen.points
    if points is not None and (len(points.data) or chosen.annotation is None):
        return points
    return None


@dataclass(frozen=True, slots=True, eq=False)
class PointQuestion:
    """The points of one plane, and what a training would make of them.

    Parameters
    ----------
    points : Points
        Of the whole image, in its pixels.
    shape : tuple of int
        ([Z,] Y, X) of the image.
    plane : int or None
        Which plane of a stack.
    volume : bool
        Whether the network learns from volumes: points of other planes reach this one.
    pixel_size : tuple of float or None
        In pixels of X, where it counts.
    regions : tuple of Region
        On the plane.
    ignored : ndarray of bool, shape (Y, X), or None
        Ground to be left out.
    config : TrainConfig
        The settings of the training.
    """

    points: Points
    shape: tuple[int, ...]
    plane: int | None
    volume: bool
    pixel_size: tuple[float, ...] | None
    regions: tuple[Region, ...]
    ignored: NDArray[np.bool_] | None
    config: TrainConfig

    @classmethod
    def of(
        cls,
        session: Session,
        image: ImageLayer,
        layer: PointsLayer,
        annotation: Labels | None,
        plane: int | None,
        regions: tuple[Region, ...],
    ) -> PointQuestion:
        """Copy what counts.

        Raises
        ------
        InputError
            If a point lies outside the image.
        """
        shape, points = folded_shape(image), points_of(layer, image)
        check_inside(points, shape, f"The points of '{image.name}'")
        volume = session.learning_network.dimensions == 3 and plane is not None
        at = plane
        if volume and plane is not None and times_of(image) > 1:
            shape, points, at = _of_time(image, points, plane)
        sizes = pixel_size_um(image) if volume else None
        ignored = None
        if annotation is not None:
            ignored = labels_of(annotation, plane) == IGNORE_LABEL
        return cls(
            points,
            shape,
            at,
            volume,
            in_pixels_of_x(sizes),
            regions,
            ignored,
            session.train_config,
        )

    def __eq__(self, other: object) -> bool:
        """Tell whether the answer would be the same."""
        if not isinstance(other, PointQuestion):
            return NotImplemented
        return (
            self._settings() == other._settings()
            and np.array_equal(self.points.positions, other.points.positions)
            and _same(self.ignored, other.ignored)
        )

    __hash__ = None  # type: ignore[assignment]

    def _settings(self) -> tuple[object, ...]:
        plane = (self.shape, self.plane, self.volume, self.pixel_size, self.regions)
        return (*plane, self.config, self.points.names)

    @property
    def count(self) -> int:
        """How many points there are, in the volume or on the plane."""
        if self.plane is None or self.volume:
            return len(self.points)
        return len(self.points.plane(self.plane))

    def derive(self, name: PointMapName) -> NDArray[np.float32]:
        """Return a map of the plane, (Y, X); see `derive_point_map`."""
        from napari_unet.core.annotation.point_maps import derive_point_map

        weights = self.config.weight_map
        return derive_point_map(name, self._draw(), weights, self.config.sampling)

    def _draw(self) -> Target:
        from napari_unet.core.annotation.point_maps import (
            draw_plane_of_balls,
            draw_points,
        )

        weights, radius = self.config.weight_map, self.config.point_radius
        if self.plane is None or not self.volume:
            points = self.points
            if self.plane is not None:
                points = points.plane(self.plane)
            return draw_points(
                points,
                self.shape[-2:],
                weights,
                radius=radius,
                regions=self.regions,
                ignored=self.ignored,
            )
        return draw_plane_of_balls(
            self.points,
            self.plane,
            self.shape,
            weights,
            radius=radius,
            regions=self.regions,
            ignored=self.ignored,
            pixel_size=self.pixel_size,
        )


def _same(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _of_time(
    image: ImageLayer, points: Points, plane: int
) -> tuple[tuple[int, ...], Points, int]:
    """Return shape and points of the time point of a plane, and the plane in it."""
    planes = planes_of_time(image, plane)
    along_z = np.round(points.positions[:, 0])
    mine = np.isin(along_z, planes)
    names = tuple(n for n, keep in zip(points.names, mine, strict=True) if keep)
    moved = Points(points.positions[mine] - (planes[0], 0, 0), names)
    return (len(planes), *folded_shape(image)[1:]), moved, plane - planes[0]
