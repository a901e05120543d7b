"""The outline that a ROI of ImageJ stands for, in pixels from the image's corner."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.formats.outlines import Ring

if TYPE_CHECKING:
    from roifile import ImagejRoi

# Steps of the path of a composite ROI, and how many numbers follow each of them.
MOVE, LINE, QUADRATIC, CUBIC, CLOSE = range(5)
_NUMBERS = (2, 2, 4, 6, 0)
_CURVE_STEPS = 16
# The corners of a curve lie at most this far from each other, in pixels.
_ARC_STEP_PX, _FEWEST_CORNERS = 0.25, 32


def rings_of(roi: "ImagejRoi") -> list[Ring]:
    """Return the closed polygons that bound an area, those of holes included.

    Parameters
    ----------
    roi : ImagejRoi
        A polygon, rectangle, oval, freehand or traced ROI, or several as one.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    from roifile import ROI_TYPE

    if roi.multi_coordinates is not None:
        rings = _follow(roi.multi_coordinates.tolist())
    elif roi.roitype == ROI_TYPE.OVAL:
        rings = [_draw_oval(*_box_of(roi))]
    elif roi.roitype == ROI_TYPE.RECT:
        rings = [_draw_rectangle(*_box_of(roi), roi.rounded_rect_arc_size)]
    else:
        rings = [np.asarray(roi.coordinates(), float)]
    return [ring for ring in rings if len(ring) > 2]


def _box_of(roi: "ImagejRoi") -> tuple[float, float, float, float]:
    """Return left, top, width and height, with fractions of a pixel if it has them."""
    if roi.subpixelrect:
        return roi.xd, roi.yd, roi.widthd, roi.heightd
    return roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top


def _draw_oval(left: float, top: float, width: float, height: float) -> Ring:
    corners = _FEWEST_CORNERS + int(2 * (abs(width) + abs(height)) / _ARC_STEP_PX)
    turn = np.linspace(0, 2 * np.pi, min(corners, 100_000), endpoint=False)
    x = left + width / 2 * (1 + np.cos(turn))
    return np.stack([x, top + height / 2 * (1 + np.sin(turn))], axis=1)


def _draw_rectangle(
    left: float, top: float, width: float, height: float, arc: float
) -> Ring:
    """Return a rectangle whose corners are quarters of a circle `arc` pixels wide."""
    across, down = min(arc, width), min(arc, height)
    if arc <= 0:
        sides = [(left, top), (left + width, top)]
        return np.array(
            [*sides, (left + width, top + height), (left, top + height)], float
        )
    oval = _draw_oval(0, 0, across, down)
    x, y = oval.T
    x = x + left + np.where(x > across / 2, width - across, 0)
    return np.stack([x, y + top + np.where(y > down / 2, height - down, 0)], axis=1)


def _follow(path: list[float]) -> list[Ring]:
    """Return the polygons of a path: moves, lines, curves and closings."""
    rings: list[list[NDArray[np.float64]]] = []
    at = 0
    while at < len(path):
        step = int(path[at])
        if not MOVE <= step <= CLOSE:
            raise ValueError(f"a path has the unknown step {step}")
        numbers = path[at + 1 : at + 1 + _NUMBERS[step]]
        if len(numbers) < _NUMBERS[step]:
            raise ValueError("a path ends within a step")
        points = np.array(numbers, float).reshape(-1, 2)
        if step == MOVE:
            rings.append([points])
        elif step == LINE:
            rings[-1].append(points)
        elif step != CLOSE:
            rings[-1].append(_bend(np.concatenate([rings[-1][-1][-1:], points])))
        at += 1 + _NUMBERS[step]
    return [np.concatenate(ring) for ring in rings]


def _bend(control: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of a Bézier curve behind its first one (de Casteljau)."""
    share = np.linspace(0, 1, _CURVE_STEPS + 1)[1:, None, None]
    points = np.repeat(control[None], _CURVE_STEPS, axis=0)
    while points.shape[1] > 1:
        points = points[:, :-1] * (1 - share) + points[:, 1:] * share
    return points[:, 0]
