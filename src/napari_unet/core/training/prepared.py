"""An annotated image at the model's pixel size, with its target."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.annotation.points import Points
from napari_unet.core.annotation.target import Region, Target, mark_known
from napari_unet.core.config import ModelSettings
from napari_unet.core.image import IntensityRange


@dataclass(frozen=True, slots=True, eq=False)
class KnownPoints:
    """Points at the model's pixel size.

    Parameters
    ----------
    positions : ndarray of float, shape (N, 2) or (N, 3)
        ([Z,] Y, X) in pixels.
    classes : ndarray of int, shape (N,)
        From 1 on.
    known : ndarray of bool, shape ([Z,] Y, X)
        Where no point is missing; in contrast to a target's, also around points.
    """

    positions: np.ndarray
    classes: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An example at the model's pixel size.

    Parameters
    ----------
    grey : ndarray, shape (C, [Z,] Y, X)
        Grey values as in the image, resampled.
    intensity : IntensityRange
        Of the whole image.
    target : Target
        Classes, labels and known pixels.
    points : KnownPoints, optional
        What the target was drawn from, where that was points.
    pixel_size : tuple of float, optional
        Edge lengths of a pixel compared with that along X: in 3D, pixels are often
        longer along Z.
    """

    grey: np.ndarray
    intensity: IntensityRange
    target: Target
    points: KnownPoints | None = None
    pixel_size: tuple[float, ...] | None = None

    def part(self, box: tuple[slice, ...]) -> "Prepared":
        """Return a part ([Z,] Y, X) of it; positions count from its corner."""
        target, points = self.target, self.points
        if points is not None:
            corner = [side.start or 0 for side in box]
            points = replace(
                points, positions=points.positions - corner, known=points.known[box]
            )
        return replace(
            self,
            grey=self.grey[(slice(None), *box)],
            target=replace(
                target,
                classes=target.classes[box],
                labels=target.labels[box],
                known=target.known[box],
                seen=None if target.seen is None else target.seen[box],
            ),
            points=points,
        )


def place_points(
    points: Points,
    settings: ModelSettings,
    factors: Sequence[float],
    annotation: np.ndarray,
    regions: Sequence[Region],
) -> KnownPoints:
    """Bring points to the model's pixel size.

    Parameters
    ----------
    points : Points
        ([Z,] Y, X), in pixels of the image.
    settings : ModelSettings
        Its classes count.
    factors : sequence of float
        By how much each axis grows.
    annotation : ndarray of int, shape ([Z,] Y, X)
        Ignored ground is not 0; at the model's pixel size, like `regions`.
    regions : sequence of Region
        Fully annotated ground.
    """
    return KnownPoints(
        # Pixel i has its centre at (i + 0.5) * f - 0.5 of the new grid.
        positions=(points.positions + 0.5) * np.asarray(factors) - 0.5,
        classes=points.numbers(settings.class_names),
        known=mark_known(annotation.shape, regions) & (annotation == 0),
    )
