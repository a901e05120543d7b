"""GeoJSON: exact both ways, valid polygons, and what QuPath writes."""

import json

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.errors import InputError
from napari_unet.formats.annotations import read_annotation
from napari_unet.formats.geojson import (
    read_regions,
    write_geojson,
    write_regions,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.geojson"


def square(left, top, size, **properties):
    corners = [[left, top], [left + size, top], [left + size, top + size]]
    corners += [[left, top + size], [left, top]]
    geometry = {"type": "Polygon", "coordinates": [corners]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


@given(
    npst.arrays(
        np.int32,
        npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7),
        elements=st.sampled_from([0, 1, 2, 70_000]),
    )
)
def test_labels_come_back_exactly(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("geojson") / "cells.geojson"
    write_geojson(path, labels)
    np.testing.assert_array_equal(read_annotation(path, labels.shape).labels, labels)


def test_qupath_finds_what_it_looks_for(path):
    labels = np.zeros((9, 9), np.uint16)
    labels[2:7, 2:7], labels[4, 4] = 3, 0
    labels[0, 0], labels[0, 8] = 8, 8
    columns = {"label": np.array([3, 8]), "area_px": [24, 2], "gap": [np.nan, 1.5]}
    write_geojson(path, labels, object_type="annotation", measurements=columns)

    content = json.loads(path.read_text())
    assert content["type"] == "FeatureCollection"
    ring, pair = content["features"]
    assert ring["properties"] == {
        "objectType": "annotation",
        "name": "3",
        "measurements": {"area_px": 24},
    }
    assert pair["properties"]["measurements"] == {"area_px": 2, "gap": 1.5}
    assert ring["geometry"]["type"] == "Polygon"
    assert pair["geometry"]["type"] == "MultiPolygon"
    shapes = [shapely.geometry.shape(f["geometry"]) for f in (ring, pair)]
    assert all(shape.is_valid for shape in shapes)
    assert [shape.area for shape in shapes] == [24, 2]
    # As RFC 7946 wants it.
    assert shapes[0].exterior.is_ccw
    assert not shapes[0].interiors[0].is_ccw


def test_objects_of_a_stack_lie_on_planes_of_qupath(path):
    labels = np.zeros((3, 4, 4), np.uint8)
    labels[2, 1, 1] = 1
    write_geojson(path, labels)
    (feature,) = json.loads(path.read_text())["features"]
    assert feature["geometry"]["plane"] == {"c": -1, "z": 2, "t": 0}
    assert feature["properties"]["objectType"] == "detection"


@pytest.mark.parametrize("wrap", [list, lambda found: {"features": found}])
def test_areas_drawn_in_qupath_are_numbered(path, wrap):
    found = [
        square(0, 0, 2, name="nucleus"),
        square(4.3, 0.2, 2, name="5"),
        square(0, 4, 1),
    ]
    found[2]["properties"] = None
    path.write_text(json.dumps(wrap(found)))
    expected = np.zeros((6, 8), int)
    expected[0:2, 0:2], expected[0:2, 4:6], expected[4, 0] = 6, 5, 7
    np.testing.assert_array_equal(read_annotation(path, (6, 8)).labels, expected)


def test_a_single_feature_that_leaves_the_image_is_cut_off(path):
    path.write_text(json.dumps(square(-2, -2, 4, name="1")))
    labels = read_annotation(path, (6, 8)).labels
    assert labels[:2, :2].all()
    assert labels.sum() == 4


def test_a_file_of_lines_is_refused(path):
    feature = {"type": "Feature", "properties": {}}
    feature["geometry"] = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    path.write_text(json.dumps([feature]))
    with pytest.raises(InputError, match=r"no area and no point\. .* 1 × line"):
        read_annotation(path, (4, 4))


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"features": 3}', "null"])
def test_a_damaged_file_is_refused(path, content):
    path.write_text(content)
    with pytest.raises(InputError, match=r"'cells.geojson' cannot be read"):
        read_annotation(path, (4, 4))
    with pytest.raises(InputError, match=r"'cells.geojson' cannot be read"):
        read_regions(path)


def test_regions_come_back_exactly(path):
    regions = [((0, 0), (10, 20), "training"), ((5, 30), (6, 31), "validation")]
    write_regions(path, regions)
    assert read_regions(path) == regions
    first = json.loads(path.read_text())["features"][0]["properties"]
    assert first["classification"] == {"name": "Training"}
    write_regions(path, [])
    assert read_regions(path) == []


def test_rectangles_with_a_class_from_qupath_are_regions(path):
    drawn = square(1.2, 3.4, 10, objectType="annotation")
    drawn["properties"]["classification"] = {"name": "Validation", "color": [1, 2, 3]}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [drawn]}))
    assert read_regions(path) == [((3, 1), (13, 11), "validation")]


def test_what_is_no_region_is_refused(path):
    path.write_text(json.dumps(square(0, 0, 5, classification={"name": "Tumor"})))
    with pytest.raises(InputError, match="a region of the class 'tumor'; give it"):
        read_regions(path)
    triangle = square(0, 0, 5, role="training")
    del triangle["geometry"]["coordinates"][0][1]
    path.write_text(json.dumps(triangle))
    with pytest.raises(InputError, match="not an upright rectangle"):
        read_regions(path)
