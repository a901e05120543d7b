"""Stacks with depth and time as volumes: each annotated time point is an example."""

from dataclasses import replace

import numpy as np

from napari_unet.core.annotation.points import Points
from napari_unet.core.annotation.target import Example, Region


def split_times(example: Example) -> list[Example]:
    """Return the annotated time points of a stack; itself if it has no time.

    Parameters
    ----------
    example : Example
        Of a stack (C, T * Z, Y, X), as `Image.times` says.

    Returns
    -------
    list of Example
        Volumes (C, Z, Y, X). Time points with nothing painted, set or framed are left
        out: nobody has looked at them.
    """
    times = example.image.times
    if times == 1:
        return [example]
    depth = example.image.shape[0] // times
    annotated = sorted({plane // depth for plane in example.annotated_planes})
    return [_cut(example, time, depth) for time in annotated]


def _cut(example: Example, time: int, depth: int) -> Example:
    """Return one time point of an example."""
    first, end = time * depth, (time + 1) * depth
    volume, values = example.image.time_point(time), example.values
    regions = (_move(region, first, end) for region in example.regions)
    return replace(
        example,
        image=replace(volume, name=f"{volume.name} [{time}]"),
        annotation=example.annotation[first:end],
        regions=tuple(region for region in regions if region is not None),
        points=None if example.points is None else _take(example.points, first, end),
        values=None if values is None else values[:, first:end],
    )


def _move(region: Region, first: int, end: int) -> Region | None:
    """Return what of a region lies on the planes from `first` to `end`."""
    start, stop = max(region.start[0], first), min(region.stop[0], end)
    if start >= stop:
        return None
    return replace(
        region,
        start=(start - first, *region.start[1:]),
        stop=(stop - first, *region.stop[1:]),
    )


def _take(points: Points, first: int, end: int) -> Points:
    """Return the points on the planes from `first` to `end`."""
    planes = np.round(points.positions[:, 0])
    mine = (planes >= first) & (planes < end)
    names = tuple(n for n, keep in zip(points.names, mine, strict=True) if keep)
    return Points(points.positions[mine] - (first, 0, 0), names)
