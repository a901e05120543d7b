"""Tables of points: napari's layout and plain columns, read back as they were."""

import numpy as np
import pytest
from napari.layers import Points as PointsLayer
from napari_builtins.io import napari_get_reader, napari_write_points

from napari_unet.core.errors import InputError
from napari_unet.formats.points import (
    find_tables,
    pair_with_points,
    read_points,
    was_written_here,
    write_points,
)

POSITIONS = np.array([[1.25, 2], [30, 4.5]])


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "points.csv"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def refused(table):
    def read(text):
        with pytest.raises(InputError) as problem:
            read_points(table(text))
        return str(problem.value)

    return read


@pytest.mark.parametrize("positions", [POSITIONS, np.insert(POSITIONS, 0, 3, axis=1)])
def test_what_is_written_reads_back_and_opens_in_napari(tmp_path, positions):
    path = tmp_path / "cells.csv"
    write_points(path, positions, ["round", "long"], np.array([0.5, 0.75]))
    back = read_points(path)
    assert back.points.positions.tolist() == positions.tolist()
    assert back.points.names == ("round", "long")
    assert back.has_classes
    [(data, meta, kind)] = napari_get_reader(str(path))(str(path))
    assert kind == "points"
    assert data.tolist() == positions.tolist()
    assert meta["properties"]["class"].tolist() == ["round", "long"]
    assert meta["properties"]["confidence"].tolist() == [0.5, 0.75]


def test_a_points_layer_saved_by_napari_is_read(tmp_path):
    path = tmp_path / "layer.csv"
    layer = PointsLayer(POSITIONS, features={"class": [1.0, 2.0]})
    data, meta, _ = layer.as_layer_data_tuple()
    napari_write_points(str(path), data, meta | {"properties": layer.properties})
    back = read_points(path)
    assert back.points.positions.tolist() == POSITIONS.tolist()
    assert back.points.names == ("1", "2")


def test_plain_tables_have_x_and_y_in_any_order_and_case(table):
    back = read_points(table("Area;Y;X\n9;1.25;2\n\n7;30;4.5\n"))
    assert back.points.positions.tolist() == POSITIONS.tolist()
    assert not back.has_classes
    assert set(back.points.names) == {"object"}
    stack = read_points(table("x,y,z,class\n2,1,7,nucleus\n"))
    assert stack.points.positions.tolist() == [[7, 1, 2]]
    assert stack.points.names == ("nucleus",)


def test_a_table_without_points_is_an_image_without_objects(table):
    assert len(read_points(table("x,y\n")).points) == 0
    stack = read_points(table("index,axis-0,axis-1,axis-2\n")).points
    assert stack.positions.shape == (0, 3)


def test_no_points_are_written_and_read(tmp_path):
    path = tmp_path / "none.csv"
    write_points(path, np.zeros((0, 2)), [], np.zeros(0))
    assert len(read_points(path).points) == 0


def test_bad_tables_are_refused_with_the_line(refused):
    assert "has the columns a, b" in refused("a,b\n1,2\n")
    assert "Line 3 of 'points.csv' has 'far' as x" in refused("x,y\n1,2\nfar,2\n")
    assert "'nan' as y" in refused("x,y\n1,nan\n")
    assert "Line 2 of 'points.csv' has 1 values" in refused("x,y\n1\n")
    assert "names no class" in refused("x,y,class\n1,2,\n")
    assert "is empty" in refused("")
    with pytest.raises(InputError, match="does not exist"):
        read_points("nowhere.csv")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes(b"x,y\n\xff\xfe\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_points(path)


def test_tables_are_paired_with_images_by_their_stems(tmp_path):
    for name in ("a.tif", "b.ome.tif"):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "images" / name).touch()
    points = tmp_path / "points"
    points.mkdir()
    for name in ("a.csv", "b.csv", "counts.csv"):
        (points / name).write_text("x,y\n")
    pairs = pair_with_points(tmp_path / "images", points)
    assert [(i.name, p.name) for i, p in pairs] == [
        ("a.tif", "a.csv"),
        ("b.ome.tif", "b.csv"),
    ]
    (points / "b.csv").unlink()
    with pytest.raises(InputError, match=r"no points in .* for 'b'"):
        pair_with_points(tmp_path / "images", points)
    with pytest.raises(InputError, match="no CSV file"):
        find_tables(tmp_path / "images")
    with pytest.raises(InputError, match="not a CSV"):
        find_tables(tmp_path / "images" / "a.tif")


def test_own_tables_are_told_from_others(tmp_path, table):
    write_points(tmp_path / "ours.csv", POSITIONS, ["a", "a"], np.ones(2))
    assert was_written_here(tmp_path / "ours.csv")
    assert not was_written_here(table("index,axis-0,axis-1\n"))
