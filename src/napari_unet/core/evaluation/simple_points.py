"""Change one shape into another, pixel by pixel, without changing its topology."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The neighbours of a pixel in clockwise order, from the left one; those at even places
# share an edge with it. The neighbour at place k sets bit k of the pixel's pattern.
NEIGHBOURS = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))


def _is_simple(pattern: int) -> bool:
    """Tell whether flipping a pixel among these neighbours changes no topology."""
    around = [pattern >> k & 1 for k in range(8)] + [pattern & 1]
    # Each piece of the object that touches the pixel by an edge is counted once, where
    # it ends; as many pieces of background lie between them.
    ends = (around[k] - around[k] * around[k + 1] * around[k + 2] for k in (0, 2, 4, 6))
    return sum(ends) == 1


SIMPLE = bytes(_is_simple(pattern) for pattern in range(256))
r"""For each pattern of neighbours: 1 if the pixel among them is simple.

Flipping a simple pixel neither joins nor parts, makes nor removes any piece of the
object (connected by edges) or of the background (connected by edges and corners).
It is one if the crossing number :math:`\sum_{k \in \{0, 2, 4, 6\}} (x_k - x_k x_{k+1}
x_{k+2})` is 1 (Yokoi, Toriwaki and Fukumura 1975).
"""


def relax(
    shape: NDArray[np.bool_],
    target: NDArray[np.bool_],
    urgency: NDArray[np.floating[Any]],
) -> NDArray[np.bool_]:
    """Flip simple pixels of `shape` that differ from `target`, until none is left.

    Parameters
    ----------
    shape : ndarray of bool, shape (Y, X)
        What is changed; everything outside the image is background.
    target : ndarray of bool, shape (Y, X)
        What it should become.
    urgency : ndarray of float, shape (Y, X)
        In each pass over the pixels that differ, those with the largest come first.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        `shape` as near to `target` as it gets, with as many objects and holes as
        before.

    Notes
    -----
    Passes repeat until nothing changes, as in [1]_. Only pixels that a flip beside them
    has made simple are looked at again, so the time goes with the pixels that differ.

    References
    ----------
    .. [1] Jain et al. (2010). Boundary learning by optimization with topological
           constraints. CVPR, 2488-2495. :doi:`10.1109/CVPR.2010.5539950`

    Examples
    --------
    >>> shape, target = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 0]]], bool)
    >>> relax(shape, target, np.ones(shape.shape)).astype(int)
    array([[0, 1, 1, 0]])
    """
    width = shape.shape[1] + 2
    framed = np.pad(shape, 1)
    differs = np.pad(shape != target, 1)
    patterns = bytearray(_read_patterns(framed).tobytes())
    places = np.flatnonzero(differs)
    order = np.argsort(-np.pad(urgency, 1).ravel()[places], kind="stable")
    places = places[order]
    ranks = np.full(differs.size, -1)
    ranks[places] = np.arange(len(places))
    # Python's own containers: element by element they are much faster than arrays.
    left, place_of = ranks.tolist(), places.tolist()
    moves = [
        (dy * width + dx, 1 << (k + 4) % 8) for k, (dy, dx) in enumerate(NEIGHBOURS)
    ]
    count = len(place_of)
    # An entry is pass * count + rank: when the pixel's turn comes.
    turns = [rank for rank, i in enumerate(place_of) if SIMPLE[patterns[i]]]
    waiting = [-1] * count  # the last entry of each pixel, by rank
    while turns:
        turn = heappop(turns)
        rank = turn % count
        here = place_of[rank]
        if left[here] < 0 or not SIMPLE[patterns[here]]:
            continue
        left[here] = -1
        for step, bit in moves:
            there = here + step
            patterns[there] ^= bit
            other = left[there]
            if other >= 0 and SIMPLE[patterns[there]]:
                next_turn = turn - rank + other + (count if other < rank else 0)
                if waiting[other] != next_turn:
                    waiting[other] = next_turn
                    heappush(turns, next_turn)
    remaining = (np.array(left) >= 0).reshape(framed.shape)[1:-1, 1:-1]
    return np.where(remaining, shape, target)


def _read_patterns(framed: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the pattern of each pixel's neighbours; 0 in the outermost ones."""
    patterns = np.zeros(framed.shape, np.uint8)
    height, width = framed.shape
    for k, (dy, dx) in enumerate(NEIGHBOURS):
        seen = framed[1 + dy : height - 1 + dy, 1 + dx : width - 1 + dx]
        patterns[1:-1, 1:-1] |= seen.astype(np.uint8) << k
    return patterns
