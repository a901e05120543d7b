"""Over which mirrored and turned versions of an image a prediction is averaged."""

import re
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.config import AVERAGES, Averaging
from napari_unet.core.errors import InputError
from napari_unet.core.image import IntensityRange
from napari_unet.core.prediction.rescaled import Rescaled
from napari_unet.core.prediction.tiling import read_window

Box = tuple[slice, ...]

_MOST_ANGLES = 360


@dataclass(frozen=True, slots=True)
class Version:
    """One way to look at an image.

    Parameters
    ----------
    turns : int
        Quarter turns; they and mirroring move pixels and need no interpolation.
    mirrored : bool
        Left to right, before turning.
    angle : float
        Turned by this many degrees, interpolated; then nothing of the above.
    """

    turns: int = 0
    mirrored: bool = False
    angle: float = 0.0


UNCHANGED = Version()


def list_versions(averaging: Averaging) -> list[Version]:
    """Return the versions that a name stands for.

    Parameters
    ----------
    averaging : str
        "none", "4 flips", "4 rotations", "8" (both), or "N angles": N rotations by
        equal steps of 360°/N. The paper of 2015 averaged over "7 rotated versions" of
        the image and does not say which; "7 angles" is how we read it.

    Raises
    ------
    InputError
        If it is none of these names.
    """
    averaging = averaging.replace("-", " ")  # as the command line spells them
    both = (False, True)
    quarters = range(4)
    if averaging == "none":
        return [UNCHANGED]
    if averaging == "4 flips":
        return [Version(turns, mirrored) for turns in (0, 2) for mirrored in both]
    if averaging == "4 rotations":
        return [Version(turns) for turns in quarters]
    if averaging == "8":
        return [Version(turns, mirrored) for turns in quarters for mirrored in both]
    match = re.fullmatch(r"(\d{1,4}) angles", averaging)
    if match is None or not 2 <= int(match[1]) <= _MOST_ANGLES:
        names = ", ".join(f"'{name}'" for name in AVERAGES)
        raise InputError(
            f"There is no average over '{averaging}'; choose {names}, or any other "
            f"number of angles from 2 to {_MOST_ANGLES}."
        )
    steps = int(match[1])
    return [_turned(step, steps) for step in range(steps)]


def _turned(step: int, steps: int) -> Version:
    """Return the version turned by ``step / steps`` of a full circle."""
    turns, rest = divmod(4 * step, steps)
    return Version(turns) if rest == 0 else Version(angle=360 * step / steps)


class Rotation:
    """A plane turned about a fixed pixel, and read where it is needed.

    All tiles read from the same grid of the turned plane, however the plane is cut, so
    that tiling shows neither here. Linear interpolation, there and back; beyond its
    edge the plane is mirrored, as in all prediction. All planes of a volume are turned
    alike, that is about Z.

    Parameters
    ----------
    angle : float
        In degrees.
    shape : tuple of int
        ([Z,] Y, X) of the image; pixel (0, 0) of the turned plane is its middle pixel.
    """

    def __init__(self, angle: float, shape: tuple[int, ...]) -> None:
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        # Row vectors of the turned plane's axes: a turned pixel q shows middle + R q.
        self._matrix = np.array([[cos, -sin], [sin, cos]])
        self._middle = np.array([length // 2 for length in shape[-2:]])

    def cover(self, part: Box, step: int) -> Box:
        """Return the box of the turned image from which a part can be interpolated.

        In the plane it begins at multiples of `step` (`Geometry.step`) and may begin
        below 0; along Z it is the part's.
        """
        ends = [(each.start, each.stop - 1) for each in part[-2:]]
        corners = np.array([(y, x) for y in ends[0] for x in ends[1]]) - self._middle
        turned = corners @ self._matrix
        low = np.floor(turned.min(axis=0)).astype(int) // step * step
        high = np.ceil(turned.max(axis=0)).astype(int) + 1
        plane = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return *part[:-2], *plane

    def read(
        self,
        array: np.ndarray | Rescaled,
        window: tuple[tuple[int, int], ...],
        intensity: IntensityRange,
    ) -> np.ndarray:
        """Return a window of the turned image, normalised, (C, [z,] y, x) float32."""
        depth, plane = window[:-2], window[-2:]
        starts = np.array([start for start, _ in plane])
        shape = tuple(stop - start for start, stop in plane)
        corners = np.array([(y, x) for y in plane[0] for x in plane[1]])
        places = corners @ self._matrix.T + self._middle
        low = np.floor(places.min(axis=0)).astype(int)
        high = np.ceil(places.max(axis=0)).astype(int) + 1
        around = [(int(a), int(b)) for a, b in zip(low, high, strict=True)]
        source = intensity.apply(read_window(array, [*depth, *around]))
        offset = self._matrix @ starts + self._middle - low
        return _interpolate(source, self._matrix, offset, shape)

    def turn_back(self, values: np.ndarray, box: Box, part: Box) -> np.ndarray:
        """Return values (K, ...) in a box of the turned image on a part of it.

        Box and part have the same planes.
        """
        starts = np.array([each.start for each in part[-2:]]) - self._middle
        offset = self._matrix.T @ starts - [each.start for each in box[-2:]]
        shape = tuple(each.stop - each.start for each in part[-2:])
        return _interpolate(values, self._matrix.T, offset, shape)


def _interpolate(
    source: np.ndarray, matrix: np.ndarray, offset: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Read each plane of (..., Y, X) at ``matrix @ pixel + offset``, linearly."""
    out = np.empty((*source.shape[:-2], *shape), np.float32)
    for index in np.ndindex(source.shape[:-2]):
        ndimage.affine_transform(
            source[index],
            matrix,
            offset,
            shape,
            output=out[index],
            order=1,
            mode="nearest",
        )
    return out
