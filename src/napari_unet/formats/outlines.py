"""Outlines of objects along the edges of their pixels, and back to pixels.

The outline of an object runs between pixels: the one in row 0 and column 0 covers the
square from (0, 0) to (1, 1). The enclosed area is the number of pixels exactly, and
filling the outline gives the very same pixels. ImageJ and QuPath count alike; napari
counts from pixel centres, 0.5 less along both axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[Any]  # (n, 2): x and y of the corners; the last joins the first
Part = tuple[Ring, ...]  # the outer ring, then the holes


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of one object.

    Parameters
    ----------
    label : int
        The object's number in the label image.
    parts : tuple of tuple of ndarray
        One part for each piece of the object (pixels connected by their edges), a
        valid polygon: the outer ring, then its holes. A ring is an (n, 2) array of
        corner coordinates x, y in pixels. The object lies to the right when an outer
        ring is walked along in the image.
    """

    label: int
    parts: tuple[Part, ...]


def trace_outlines(labels: NDArray[np.integer]) -> list[Outline]:
    """Return the outline of every object of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background, every other value is one object.

    Returns
    -------
    list of Outline
        One per object, in the order of the labels. The time grows with the number of
        pixels, not with the number of objects.

    Examples
    --------
    >>> (outline,) = trace_outlines(np.array([[0, 7], [0, 7]]))
    >>> outline.label, outline.parts[0][0].tolist()
    (7, [[1, 0], [2, 0], [2, 2], [1, 2]])
    """
    from skimage.measure import label as connect

    edges = _find_edges(labels)
    if edges is None:
        return []
    piece_of_pixel = np.pad(
        connect(labels, connectivity=1),  # type: ignore[no-untyped-call]
        1,
    ).ravel()
    pieces: dict[int, dict[int, list[Ring]]] = {}
    for ring in _walk_rings(edges.next_corner, edges.pinched, edges.corner):
        corners = edges.corner[ring]
        pixel = edges.pixel[ring[0]]
        label, piece = int(edges.label[ring[0]]), int(piece_of_pixel[pixel])
        rings = pieces.setdefault(label, {}).setdefault(piece, [])
        # Holes are walked the other way round, which makes their area negative.
        rings.insert(0 if _signed_area(corners) > 0 else len(rings), corners)
    return [
        Outline(label, tuple(tuple(rings) for rings in pieces[label].values()))
        for label in sorted(pieces)
    ]


def fill_rings(
    rings: Sequence[Ring], shape: tuple[int, int]
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return the pixels whose centres lie inside the rings.

    Parameters
    ----------
    rings : sequence of ndarray, shape (n, 2)
        Any closed polygons, x and y in pixels, not only those that follow edges. What
        an even number of them encloses is outside, so holes are just rings.
    shape : tuple of int
        Shape (Y, X) of the image; what lies beyond is cut off.

    Returns
    -------
    box : tuple of slice
        Where the pixels are in the image.
    mask : ndarray of bool, shape of the box
        True inside.
    """
    rows, columns = _cross_row_centres(rings, shape)
    if not len(rows):
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), bool)
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - top + 1, int(columns.max()) - left
    # Every crossing of a row's centre line switches between outside and inside.
    at = (rows - top) * (width + 1) + (columns - left)
    switches = np.bincount(at, minlength=height * (width + 1))
    inside = np.cumsum(switches.reshape(height, width + 1), axis=1)[:, :-1] % 2 == 1
    return (slice(top, top + height), slice(left, left + width)), inside


@dataclass(frozen=True, slots=True)
class _Edges:
    """The pixel edges at which outlines turn; one array entry per edge."""

    corner: NDArray[np.int32]  # (n, 2): x, y where the edge begins
    label: NDArray[np.integer]
    pixel: NDArray[np.intp]  # its object pixel, in the padded image
    pinched: NDArray[np.bool_]  # two pixels of the object touch diagonally here
    next_corner: NDArray[np.intp]


def _find_edges(labels: NDArray[np.integer]) -> _Edges | None:
    """Find all edges between different labels, and which follows which.

    The sides of a pixel are 0 top, 1 right, 2 bottom, 3 left, walked in this order,
    so that the object is to the right. An edge is known by its side and its pixel.
    """
    padded = np.pad(labels, 1)
    flat, width = padded.ravel(), padded.shape[1]
    outward = (-width, 1, width, -1)  # from a pixel to its neighbour at each side
    inner = np.flatnonzero(flat)
    pixels = [inner[flat[inner + step] != flat[inner]] for step in outward]
    pixel = np.concatenate(pixels)
    if not len(pixel):
        return None
    side = np.repeat(np.arange(4), [len(p) for p in pixels])
    successor = np.searchsorted(
        side * flat.size + pixel,
        np.concatenate([_follow(flat, p, s, outward) for s, p in enumerate(pixels)]),
    )
    turns = np.empty(len(pixel), bool)
    turns[successor] = side[successor] != side
    while not turns[successor].all():  # jump over straight runs, doubling the jump
        successor = np.where(turns[successor], successor, successor[successor])
    kept = np.flatnonzero(turns)
    pixel, side = pixel[kept], side[kept]
    corner = np.stack(
        [pixel % width - 1 + np.isin(side, (1, 2)), pixel // width - 1 + (side >= 2)],
        axis=1,
    )
    here, before = np.array(outward)[side], np.array(outward)[side - 1]
    own = flat[pixel]
    pinched = (
        (flat[pixel + here + before] == own)
        & (flat[pixel + here] != own)
        & (flat[pixel + before] != own)
    )
    place = np.cumsum(turns) - 1
    return _Edges(corner.astype(np.int32), own, pixel, pinched, place[successor[kept]])


def _follow(
    flat: NDArray[np.integer],
    pixel: NDArray[np.intp],
    side: int,
    outward: tuple[int, ...],
) -> NDArray[np.intp]:
    """Return the edge after each edge of one side, as side * size + pixel.

    Where two pixels of an object touch diagonally, the walk stays with its pixel.
    """
    own = flat[pixel]
    ahead = pixel + outward[(side + 1) % 4]
    across = ahead + outward[side]
    turn_right = (side + 1) % 4 * flat.size + pixel
    straight = side * flat.size + ahead
    turn_left = (side - 1) % 4 * flat.size + across
    return np.where(
        flat[ahead] != own,
        turn_right,
        np.where(flat[across] != own, straight, turn_left),
    )


def _walk_rings(
    next_corner: NDArray[np.intp],
    pinched: NDArray[np.bool_],
    corner: NDArray[np.int32],
) -> list[list[int]]:
    """Return the edges of each ring in order; no ring meets a corner twice."""
    following = next_corner.tolist()
    seen = bytearray(len(following))
    rings = []
    for start in range(len(following)):
        ring = []
        edge = start
        while not seen[edge]:
            seen[edge] = 1
            ring.append(edge)
            edge = following[edge]
        if ring and pinched[ring].any():
            rings += _split_where_it_touches_itself(ring, corner)
        elif ring:
            rings.append(ring)
    return rings


def _split_where_it_touches_itself(
    ring: list[int], corner: NDArray[np.int32]
) -> list[list[int]]:
    """Cut a ring at the corners it meets twice: only then is the polygon valid."""
    rings: list[list[int]] = []
    path: list[int] = []
    place: dict[tuple[int, ...], int] = {}
    for edge in ring:
        point = tuple(corner[edge].tolist())
        if point in place:
            loop = path[place[point] :]
            rings.append(loop)
            del path[place[point] :]
            for inner in loop[1:]:
                del place[tuple(corner[inner].tolist())]
        place[point] = len(path)
        path.append(edge)
    return [*rings, path]


def _signed_area(ring: NDArray[np.int32]) -> int:
    x, y = ring.T.astype(np.int64)
    return int(x @ np.roll(y, -1) - y @ np.roll(x, -1)) // 2


def _cross_row_centres(
    rings: Sequence[Ring], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return row and first column behind each crossing of a row's centre line."""
    begin = np.concatenate(rings).astype(float)
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings]).astype(float)
    upper = np.where((begin[:, 1] < end[:, 1])[:, None], begin, end)
    lower = np.where((begin[:, 1] < end[:, 1])[:, None], end, begin)
    # Row r is crossed if top <= r + 0.5 < bottom; half open, so that a corner that
    # lies on a centre line counts once.
    first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, shape[0]).astype(np.intp)
    last = np.clip(np.ceil(lower[:, 1] - 0.5), 0, shape[0]).astype(np.intp)
    count = last - first
    edge = np.repeat(np.arange(len(count)), count)
    rows = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    rows += first[edge]
    rise = np.where(count > 0, lower[:, 1] - upper[:, 1], 1)
    slope = (lower[:, 0] - upper[:, 0]) / rise
    x = upper[edge, 0] + (rows + 0.5 - upper[edge, 1]) * slope[edge]
    return rows, np.clip(np.ceil(x - 0.5), 0, shape[1]).astype(np.intp)
