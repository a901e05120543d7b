"""Warping error: splits and mergers that no shift of a border explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_unet.core.evaluation.simple_points import NEIGHBOURS, relax

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The neighbours that share an edge.
_EDGES = NEIGHBOURS[::2]


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """The truth, warped onto a prediction, and what is left of the differences.

    Parameters
    ----------
    warped : ndarray of bool, shape (Y, X)
        The true cells, moved towards the predicted ones as far as their topology goes.
    splits, mergers : ndarray of bool, shape (Y, X)
        Pixels that still differ, and would part a cell in two or join two cells.
    """

    warped: NDArray[np.bool_]
    splits: NDArray[np.bool_]
    mergers: NDArray[np.bool_]


def warp(
    true: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    urgency: NDArray[np.floating[Any]],
) -> Warp:
    """Warp true cells onto predicted ones, and classify what is left.

    Parameters
    ----------
    true, predicted : ndarray of bool, shape (Y, X)
        True inside cells. Cells are connected by edges; outside the image is none.
    urgency : ndarray of float, shape (Y, X)
        How far the probability is from the threshold: those pixels move first.

    Returns
    -------
    Warp
        A pixel counts as

        * *merger*, if it is background of the warped truth with two or more of its
          cells among the eight neighbours;
        * *split*, if it is in a cell and has another one among the neighbours, or if
          its cell falls apart without it.

        The others would make or remove cells or holes, and are not counted. A border
        that is missing costs its length, a membrane too much costs one pixel.

    References
    ----------
    .. [1] Jain et al. (2010). Boundary learning by optimization with topological
           constraints. CVPR, 2488-2495. :doi:`10.1109/CVPR.2010.5539950`
    .. [2] Arganda-Carreras et al. (2015). Crowdsourcing the creation of image
           segmentation algorithms for connectomics. Frontiers in Neuroanatomy 9, 142.
           :doi:`10.3389/fnana.2015.00142`
    """
    warped = relax(true, predicted, urgency)
    labels = np.pad(ndimage.label(warped)[0], 1)
    rows, columns = np.nonzero(warped != predicted)
    seen = np.stack([labels[rows + 1 + y, columns + 1 + x] for y, x in NEIGHBOURS])
    highest = seen.max(axis=0)
    lowest = np.where(seen > 0, seen, highest).min(axis=0)
    several = lowest < highest
    inside = warped[rows, columns]
    parts = np.zeros(len(rows), bool)
    parts[inside] = _parts_its_cell(warped, rows[inside], columns[inside])
    splits, mergers = np.zeros((2, *true.shape), bool)
    splits[rows, columns] = inside & (several | parts)
    mergers[rows, columns] = ~inside & several
    return Warp(warped, splits, mergers)


def _parts_its_cell(
    cells: NDArray[np.bool_], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which of these pixels hold their cell together: it falls apart without.

    What remains without all of them is labelled once. Its pieces and the pixels are the
    nodes of a small graph, in which those pixels are articulation points.
    """
    rest = cells.copy()
    rest[rows, columns] = False
    pieces, count = ndimage.label(rest)
    nodes = np.pad(pieces, 1)  # 0 is nothing, then come the pieces, then the pixels
    nodes[rows + 1, columns + 1] = count + 1 + np.arange(len(rows))
    beside = [nodes[rows + 1 + dy, columns + 1 + dx] for dy, dx in _EDGES]
    neighbours: dict[int, set[int]] = {}
    for number, around in enumerate(np.stack(beside, axis=1).tolist(), start=count + 1):
        for other in {*around} - {0}:
            neighbours.setdefault(number, set()).add(other)
            neighbours.setdefault(other, set()).add(number)
    points = find_articulation_points(neighbours)
    return np.array([count + 1 + k in points for k in range(len(rows))], bool)


def find_articulation_points(neighbours: dict[int, set[int]]) -> set[int]:
    """Return the nodes of a graph without which it falls into more parts.

    Parameters
    ----------
    neighbours : dict of int to set of int
        The nodes that each node is connected with, in both directions.

    Returns
    -------
    set of int
        By depth-first search (Hopcroft and Tarjan 1973), without recursion: in time
        linear in the size of the graph.

    Examples
    --------
    >>> find_articulation_points({1: {2}, 2: {1, 3}, 3: {2}})
    {2}
    """
    points: set[int] = set()
    found: dict[int, int] = {}  # when each node was reached
    reach: dict[int, int] = {}  # the earliest node that its subtree is connected with
    for root in neighbours:
        if root in found:
            continue
        found[root] = reach[root] = len(found)
        path = [(root, root, iter(neighbours[root]))]
        children = 0
        while path:
            node, parent, others = path[-1]
            for other in others:
                if other not in found:
                    found[other] = reach[other] = len(found)
                    path.append((other, node, iter(neighbours[other])))
                    break
                if other != parent:
                    reach[node] = min(reach[node], found[other])
            else:
                path.pop()
                if parent == root != node:
                    children += 1
                elif node != root and reach[node] >= found[parent]:
                    points.add(parent)
                reach[parent] = min(reach[parent], reach[node])
        if children > 1:
            points.add(root)
    return points
