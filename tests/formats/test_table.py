"""Measurements agree with their definitions; CSV files hold all of them."""

import csv

import numpy as np
import pytest

from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats.table import measure_objects, write_table


def disc(size, radius):
    y, x = np.mgrid[:size, :size] - size // 2
    return (y**2 + x**2 <= radius**2).astype(np.uint16)


def test_a_rectangle_measures_what_one_counts():
    labels = np.zeros((20, 30), np.uint16)
    labels[4:8, 10:20] = 7
    columns = measure_objects(labels, pixel_size_um=(0.5, 0.5))
    assert {name: column.tolist() for name, column in columns.items()} == {
        "label": [7],
        "area_px": [40],
        "area_um2": [10],
        "centroid_y_px": [5.5],
        "centroid_y_um": [2.75],
        "centroid_x_px": [14.5],
        "centroid_x_um": [7.25],
        "equivalent_diameter_px": [pytest.approx(np.sqrt(160 / np.pi))],
        "equivalent_diameter_um": [pytest.approx(np.sqrt(160 / np.pi) / 2)],
        "perimeter_px": [24],  # through the centres of the outer pixels
        "perimeter_um": [12],
        "eccentricity": [pytest.approx(np.sqrt(1 - 15 / 99))],
        "solidity": [1],
    }


def test_a_disc_is_round_and_a_ring_is_not_solid():
    labels = disc(81, 36)
    columns = measure_objects(labels)
    assert columns["eccentricity"][0] == pytest.approx(0, abs=1e-6)
    assert columns["perimeter_px"][0] == pytest.approx(2 * np.pi * 36, rel=0.05)
    assert columns["solidity"][0] > 0.97
    labels[disc(81, 25) > 0] = 0
    expected = 1 - (disc(81, 25).sum() / disc(81, 36).sum())
    assert measure_objects(labels)["solidity"][0] == pytest.approx(expected, rel=0.03)


def test_without_a_pixel_size_there_are_no_columns_in_um():
    assert not [name for name in measure_objects(disc(9, 3)) if "um" in name]


def test_oblong_pixels_have_areas_but_no_perimeter_in_um():
    columns = measure_objects(disc(9, 3), pixel_size_um=(0.5, 0.25))
    assert columns["area_um2"][0] == columns["area_px"][0] * 0.125
    assert columns["centroid_y_um"][0] == 2
    assert columns["centroid_x_um"][0] == 1
    assert "perimeter_um" not in columns


def test_grey_values_are_measured_channel_by_channel():
    labels = np.array([[1, 1, 0], [0, 9, 9]])
    array = np.array([[[1, 3, 100], [100, 5, 5]], [[-1, -3, 0], [0, 2, 4]]], np.int16)
    columns = measure_objects(labels, Image(array, (2, 2)))
    assert columns["mean_intensity_channel_1"].tolist() == [2, 5]
    assert columns["max_intensity_channel_1"].tolist() == [3, 5]
    assert columns["mean_intensity_channel_2"].tolist() == [-2, 3]
    assert columns["max_intensity_channel_2"].tolist() == [-1, 4]
    assert columns["area_um2"].tolist() == [8, 8]
    single = measure_objects(labels, Image(array[:1]))
    assert single["mean_intensity"].tolist() == [2, 5]


def test_objects_in_three_dimensions_have_volumes():
    labels = np.zeros((4, 6, 6), np.uint8)
    labels[1:3, 1:4, 2:4] = 2
    image = Image(np.full((1, 4, 6, 6), 8, np.uint8), (2, 0.5, 0.5))
    columns = measure_objects(labels, image)
    assert columns["volume_px"].tolist() == [12]
    assert columns["volume_um3"].tolist() == [6]
    assert columns["centroid_z_um"].tolist() == [3]
    assert columns["equivalent_diameter_um"][0] == pytest.approx(
        (36 / np.pi) ** (1 / 3)
    )
    assert columns["max_intensity"].tolist() == [8]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_the_smallest_objects_are_measured_without_a_warning(shape):
    columns = measure_objects(np.ones(shape, np.uint8), pixel_size_um=(1, 1))
    assert columns["area_px"].tolist() == [np.prod(shape)]
    assert columns["solidity"].tolist() == [1]
    assert all(np.isfinite(column).all() for column in columns.values())


def test_no_objects_give_columns_without_rows(tmp_path):
    columns = measure_objects(
        np.zeros((4, 5), np.uint8), Image(np.zeros((1, 4, 5))), (1, 1)
    )
    assert {len(column) for column in columns.values()} == {0}
    assert {"label", "area_um2", "max_intensity", "solidity"} <= columns.keys()
    write_table(tmp_path / "a.csv", columns)
    assert (tmp_path / "a.csv").read_text().split(",")[0] == "label"


def test_an_image_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"shape \(4, 5\), the image 'well' \(4, 6\)"):
        measure_objects(np.ones((4, 5), int), Image(np.zeros((1, 4, 6)), name="well"))


def test_a_table_holds_every_value(tmp_path):
    columns = {"label": [1, 70_000], "size_um": [1 / 3, 2.0], "name": ["a,b", 'µ"']}
    write_table(tmp_path / "a.csv", columns)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["label", "size_um", "name"],
            ["1", "0.33333333", "a,b"],
            ["70000", "2", 'µ"'],
        ]
