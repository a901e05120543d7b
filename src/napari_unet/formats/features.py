"""GeoJSON in: what QuPath has drawn."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_unet.formats.drawings import Area, Drawing, Mark, Place
from napari_unet.formats.outlines import Part
from napari_unet.formats.stored import refuse_damaged

Feature = dict[str, Any]
_NO_OBJECTS = ("root", "tma_core", "tmacore")
_DETECTIONS = ("detection", "cell", "tile")
_NOUNS = {"LineString": "line", "MultiLineString": "line"}


def read_geojson(path: Path | str) -> Drawing:
    """Read the objects of a GeoJSON file.

    Parameters
    ----------
    path : Path or str
        A feature collection, a list of features, or one feature.

    Returns
    -------
    Drawing
        Polygons are areas, points are points; a name that is a number asks for this
        label. What QuPath calls the classification is the class. Lines are left out,
        and the nuclei of cells, and what is no object in QuPath: classes that end in
        an asterisk, the cores of arrays, and annotations within which detections lie.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    path = Path(path)
    found = Drawing()
    with refuse_damaged(path):
        features = read_features(path)
        around = _find_parents(features)
        for feature, is_parent in zip(features, around, strict=True):
            if is_parent:
                found.left_out["annotation around detections"] += 1
            else:
                _sort_in(feature, found)
    return found


def _find_parents(features: Sequence[Feature]) -> list[bool]:
    """Tell which features are annotations in which QuPath was told to look for cells.

    They hold the whole box of at least one detection, and lie on its plane.
    """
    kinds = [str(properties_of(feature).get("objectType")) for feature in features]
    children = [
        (_place_of(feature["geometry"]), *_box_of(feature["geometry"]))
        for feature, kind in zip(features, kinds, strict=True)
        if kind in _DETECTIONS
    ]
    if not children or "annotation" not in kinds:
        return [False] * len(features)
    places = [place for place, *_ in children]
    first, last = (np.array([each[i] for each in children]) for i in (1, 2))
    found = []
    for feature, kind in zip(features, kinds, strict=True):
        is_parent = False
        if kind == "annotation":
            place = _place_of(feature["geometry"])
            start, stop = _box_of(feature["geometry"])
            inside = ((first >= start) & (last <= stop)).all(axis=1)
            here = np.array([each == place for each in places])
            is_parent = bool((inside & here).any())
        found.append(is_parent)
    return found


def _box_of(geometry: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the least and the greatest x and y of the outer rings; NaN of none."""
    rings = [
        part[0]
        for shape in _simple(geometry)
        if shape["type"] in ("Polygon", "MultiPolygon")
        for part in parts_of(shape)
    ]
    if not rings:
        return np.full(2, np.nan), np.full(2, np.nan)
    corners = np.concatenate(rings)
    return corners.min(axis=0), corners.max(axis=0)


def _sort_in(feature: Feature, found: Drawing) -> None:
    """Add a feature to what was found."""
    properties, geometry = properties_of(feature), feature["geometry"]
    of_class = _class_of(properties)
    if properties.get("objectType") in _NO_OBJECTS:
        found.left_out[f"{properties['objectType']} of QuPath"] += 1
        return
    if of_class.endswith("*"):
        found.left_out[f"area of the class '{of_class}'"] += 1
        return
    if feature.get("nucleusGeometry"):
        found.left_out["nucleus in a cell"] += 1
    name = str(properties.get("name", ""))
    number = int(name) if name.isdecimal() else None
    place = _place_of(geometry)
    for shape in _simple(geometry):
        if shape["type"] in ("Polygon", "MultiPolygon"):
            if parts := parts_of(shape):
                found.areas.append(Area(parts, number, of_class, place))
            else:
                found.left_out["empty outline"] += 1
        elif shape["type"] in ("Point", "MultiPoint"):
            found.marks.extend(_marks_of(shape, of_class, place))
        else:
            found.left_out[_NOUNS.get(shape["type"], str(shape["type"]))] += 1


def _class_of(properties: Mapping[str, Any]) -> str:
    """Return the class that QuPath gives an object, as it writes it on the screen."""
    classification = properties.get("classification") or {}
    if isinstance(classification, str):
        return classification
    names = classification.get("names") or [classification.get("name") or ""]
    return ": ".join(map(str, names))


def _place_of(geometry: Mapping[str, Any]) -> Place:
    plane = geometry.get("plane")
    if not plane:
        return Place()
    return Place(time=int(plane.get("t") or 0), z=int(plane.get("z") or 0))


def _simple(geometry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the geometries of a collection, or the one that it is."""
    if geometry["type"] != "GeometryCollection":
        yield geometry
        return
    for each in geometry["geometries"]:
        yield from _simple(each)


def _marks_of(geometry: dict[str, Any], of_class: str, place: Place) -> Iterator[Mark]:
    coordinates = geometry["coordinates"]
    points = [coordinates] if geometry["type"] == "Point" else coordinates
    for x, y in np.array([point[:2] for point in points], float).reshape(-1, 2):
        yield Mark(float(x) - 0.5, float(y) - 0.5, of_class, place)


def read_features(path: Path) -> list[Feature]:
    """Return the features of a collection, of a list, or the only one."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict):
        content = content.get("features", [content])
    return cast("list[Feature]", content)


def properties_of(feature: Feature) -> dict[str, Any]:
    """Return the properties of a feature; it may have none."""
    return feature.get("properties") or {}


def parts_of(geometry: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return the polygons of a geometry; those without corners are none."""
    coordinates = geometry["coordinates"]
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    return tuple(
        tuple(np.asarray(ring, float)[:-1, :2] for ring in rings)
        for rings in polygons
        if rings and len(rings[0])
    )
