"""Regions as GeoJSON: rectangles with a role, as QuPath shows them."""

from collections.abc import Sequence
from typing import Any

# (start, stop, role): the corners of a half-open box ([Z,] Y, X), and what it is for.
Box = tuple[tuple[int, ...], tuple[int, ...], str]


def region_features(boxes: Sequence[Box]) -> dict[str, Any]:
    """Return regions as a GeoJSON feature collection.

    Parameters
    ----------
    boxes : sequence of (start, stop, role)
        Half-open boxes in pixels; the role is ``training`` or ``validation``, which
        QuPath shows as the class of an annotation. Of a box (Z, Y, X) each plane has a
        feature of its own.

    Returns
    -------
    dict
        Ready for JSON. Coordinates (x, y) are corners of pixels, counted from the
        upper left corner of the image.
    """
    features = [_make_feature(box) for box in split_into_planes(boxes)]
    return {"type": "FeatureCollection", "features": features}


def split_into_planes(boxes: Sequence[Box]) -> list[Box]:
    """Return boxes of one plane each; those (Y, X) as they are."""
    split: list[Box] = []
    for start, stop, role in boxes:
        if len(start) == 2:
            split.append((tuple(start), tuple(stop), role))
            continue
        split += [
            ((z, *start[1:]), (z + 1, *stop[1:]), role)
            for z in range(start[0], stop[0])
        ]
    return split


def _make_feature(box: Box) -> dict[str, Any]:
    (*plane, top, left), (*_, bottom, right), role = box
    # GeoJSON repeats the first corner at the end of a ring.
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    geometry: dict[str, Any] = {"type": "Polygon", "coordinates": [ring]}
    if plane:
        geometry["plane"] = {"c": -1, "z": plane[0], "t": 0}
    properties = {
        "objectType": "annotation",
        "name": f"{role} region",
        "classification": {"name": role.capitalize()},
        "role": role,
    }
    return {"type": "Feature", "geometry": geometry, "properties": properties}
