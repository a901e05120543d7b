"""GeoJSON as QuPath reads and writes it: outlines of objects, and regions.

Coordinates are pixels of the full image, counted from its upper left corner, as in
QuPath. Outlines follow the edges of the pixels.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.region_features import (
    Box,
    region_features,
    split_into_planes,
)
from napari_unet.core.errors import InputError
from napari_unet.formats.drawings import paint_objects
from napari_unet.formats.features import (
    Feature,
    parts_of,
    properties_of,
    read_features,
    read_geojson,
)
from napari_unet.formats.outlines import Outline, Part, trace_outlines
from napari_unet.formats.stored import refuse_damaged
from napari_unet.formats.whole_file import require_same, write_whole

Region = Box
ROLES = ("training", "validation")


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
        return [_read_region(feature, path, axes) for feature in read_features(path)]


def _read_region(feature: Feature, path: Path, axes: int) -> Region:
    properties = properties_of(feature)
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
    rings = [ring for part in parts_of(geometry) for ring in part]
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
