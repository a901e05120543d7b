"""GeoJSON as QuPath reads and writes it: outlines of objects, and regions.

Coordinates are pixels of the full image, counted from its upper left corner, as in
QuPath. Outlines follow the edges of the pixels.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.region_features import (
    Box,
    region_features,
    split_into_planes,
)
from napari_unet.core.errors import InputError
from napari_unet.formats.drawings import Area, Drawing, Mark, Place, paint_objects
from napari_unet.formats.outlines import Outline, Part, trace_outlines
from napari_unet.formats.stored import refuse_damaged
from napari_unet.formats.whole_file import require_same, write_whole

Feature = dict[str, Any]
Region = Box
ROLES = ("training", "validation")
_NO_OBJECTS = ("root", "tma_core", "tmacore")
_NOUNS = {"LineString": "line", "MultiLineString": "line"}


def write_geojson(
    path: Path | str,
    labels: NDArray[np.integer],
    *,
    object_type: Literal["detection", "annotation"] = "detection",
    measurements: Mapping[str, Sequence[Any] | NDArray[Any]] | None = None,
) -> None:
    """Write the outline of every object as a feature that QuPath imports.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced in one step.
    labels : ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        0 is background. In a stack an object has one feature on each of its planes.
    object_type : str
        ``detection``: QuPath handles thousands of them fast; ``annotation``: they can
        be edited there.
    measurements : mapping of str to sequence, optional
        Columns as `napari_unet.formats.table.measure_objects` returns them, one value
        per object; the column ``label`` says of which.

    Raises
    ------
    InputError
        If the file cannot be written or reads back differently.
    """
    if labels.ndim not in (2, 3, 4):
        raise InputError(
            f"'{Path(path).name}' cannot be saved: GeoJSON holds labels (Y, X), "
            f"(Z, Y, X) or (T, Z, Y, X), not {labels.shape}."
        )
    rows = _by_label(measurements or {})
    features = []
    for (time, plane), outline in _trace_planes(labels):
        geometry = _make_geometry(outline.parts)
        if labels.ndim > 2:
            geometry["plane"] = {"c": -1, "z": plane, "t": time}
        properties = {"objectType": object_type, "name": str(outline.label)}
        values = rows.get(outline.label, {})
        features.append(_make_feature(geometry, properties | values))
    with write_whole(path) as unfinished:
        _write_features(unfinished, features)
        back, _ = paint_objects(read_geojson(unfinished), labels.shape)
        require_same(np.array_equal(back, labels), path)


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
        an asterisk, and the cores of arrays.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    path = Path(path)
    found = Drawing()
    with refuse_damaged(path):
        for feature in _read_features(path):
            _sort_in(feature, found)
    return found


def _sort_in(feature: Feature, found: Drawing) -> None:
    """Add a feature to what was found."""
    properties, geometry = _properties(feature), feature["geometry"]
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
            if parts := _parts_of(shape):
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


def write_regions(path: Path | str, regions: Sequence[Region]) -> None:
    """Write fully annotated regions as rectangles with a role.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced in one step.
    regions : sequence of (start, stop, role)
        Half-open boxes ([Z,] Y, X) in pixels; the role is ``training`` or
        ``validation``. QuPath shows it as the class of an annotation.

    Raises
    ------
    InputError
        If the file cannot be written or reads back differently.
    """
    features = region_features(regions)["features"]
    axes = len(regions[0][0]) if regions else 2
    with write_whole(path) as unfinished:
        _write_features(unfinished, features)
        back = read_regions(unfinished, axes)
        require_same(back == split_into_planes(regions), path)


def read_regions(path: Path | str, axes: int = 2) -> list[Region]:
    """Read rectangles with a role.

    Parameters
    ----------
    path : Path or str
        Written by `write_regions`, or rectangles drawn in QuPath with the class
        Training or Validation. Corners are rounded to whole pixels.
    axes : int
        3 for a stack: each rectangle lies on its plane in depth or time, and on the
        first one where it names none, as in QuPath.

    Returns
    -------
    list of (start, stop, role)
        Half-open boxes ([Z,] Y, X) in pixels.

    Raises
    ------
    InputError
        If the file is missing or damaged, or one of its areas is no rectangle, has no
        such role, or lies on a plane of an image that has none.
    """
    path = Path(path)
    with refuse_damaged(path):
        return [_read_region(feature, path, axes) for feature in _read_features(path)]


def _read_region(feature: Feature, path: Path, axes: int) -> Region:
    properties = _properties(feature)
    classification = properties.get("classification") or {}
    role = str(properties.get("role") or classification.get("name")).lower()
    if role not in ROLES:
        raise InputError(
            f"'{path.name}' holds a region of the class '{role}'; give it the class "
            "Training or Validation."
        )
    geometry = feature["geometry"]
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        raise InputError(
            f"'{path.name}' holds a region of the type {geometry['type']}; draw "
            "regions with the rectangle tool."
        )
    rings = [ring for part in _parts_of(geometry) for ring in part]
    corners = np.concatenate(rings)
    start, stop = corners.min(axis=0), corners.max(axis=0)
    # Every corner of a rectangle lies on two of its sides.
    on_sides = ((corners == start) | (corners == stop)).all()
    if len(rings) != 1 or not on_sides or len(np.unique(corners, axis=0)) != 4:
        raise InputError(
            f"'{path.name}' holds a region that is not an upright rectangle; draw "
            "regions with the rectangle tool."
        )
    (left, top), (right, bottom) = np.rint([start, stop]).astype(int).tolist()
    plane = geometry.get("plane") or {}
    z = int(plane.get("z") or plane.get("t") or 0)
    if axes == 3:
        return (z, top, left), (z + 1, bottom, right), role
    if z:
        raise InputError(
            f"'{path.name}' holds a region of plane {z}, but its image has one plane "
            "only; draw the regions on this very image."
        )
    return (top, left), (bottom, right), role


def _trace_planes(
    labels: NDArray[np.integer],
) -> Iterator[tuple[tuple[int, int], Outline]]:
    """Return each outline with its time and plane, 0 where there is none."""
    for place in np.ndindex(labels.shape[:-2]):
        time, plane = (0, 0, *place)[-2:]
        for outline in trace_outlines(labels[place]):
            yield (time, plane), outline


def _make_geometry(parts: Sequence[Part]) -> dict[str, Any]:
    # GeoJSON repeats the first corner at the end of a ring.
    polygons = [[[*ring.tolist(), ring[0].tolist()] for ring in part] for part in parts]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _make_feature(geometry: dict[str, Any], properties: dict[str, Any]) -> Feature:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _by_label(
    columns: Mapping[str, Sequence[Any] | NDArray[Any]],
) -> dict[int, dict[str, Any]]:
    """Return each object's measurements; JSON has no word for those without a value."""
    values = {name: np.asarray(column).tolist() for name, column in columns.items()}
    rows = {}
    for index, label in enumerate(values.pop("label", [])):
        row = {name: column[index] for name, column in values.items()}
        rows[label] = {
            "measurements": {name: v for name, v in row.items() if np.isfinite(v)}
        }
    return rows


def _write_features(path: Path, features: Sequence[Feature]) -> None:
    collection = {"type": "FeatureCollection", "features": features}
    text = json.dumps(collection, separators=(",", ":"), allow_nan=False)
    path.write_text(text, encoding="utf-8")


def _read_features(path: Path) -> list[Feature]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict):
        content = content.get("features", [content])
    return cast("list[Feature]", content)


def _properties(feature: Feature) -> dict[str, Any]:
    return feature.get("properties") or {}


def _parts_of(geometry: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return the polygons of a geometry; those without corners are none."""
    coordinates = geometry["coordinates"]
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    parts = tuple(
        tuple(np.asarray(ring, float)[:-1, :2] for ring in rings)
        for rings in polygons
        if rings and len(rings[0])
    )
    if not all(np.isfinite(ring).all() for part in parts for ring in part):
        raise ValueError("an outline has a corner at no finite place")
    return parts
