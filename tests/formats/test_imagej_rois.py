"""ImageJ ROIs: exact both ways, and what ImageJ's own tools draw."""

import zipfile

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
import roifile
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.errors import InputError
from napari_unet.formats.annotations import read_annotation
from napari_unet.formats.imagej_rois import write_rois


@given(
    npst.arrays(
        np.int32,
        npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7),
        elements=st.sampled_from([0, 1, 2, 70_000]),
    )
)
def test_labels_come_back_exactly(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("rois") / "cells.zip"
    write_rois(path, labels)
    np.testing.assert_array_equal(read_annotation(path, labels.shape).labels, labels)


def test_imagej_sees_the_outline_of_its_wand(tmp_path):
    labels = np.zeros((9, 9), np.uint16)
    labels[2:5, 3:7] = 12
    write_rois(tmp_path / "cells.zip", labels)
    (roi,) = roifile.roiread(tmp_path / "cells.zip")
    assert roi.roitype == roifile.ROI_TYPE.TRACED
    assert (roi.name, roi.top, roi.left, roi.bottom, roi.right) == ("00012", 2, 3, 5, 7)
    assert roi.coordinates().tolist() == [[3, 2], [7, 2], [7, 5], [3, 5]]
    with zipfile.ZipFile(tmp_path / "cells.zip") as archive:
        assert archive.namelist() == ["00012.roi"]


def test_an_object_with_a_hole_is_one_composite_roi(tmp_path):
    labels = np.zeros((9, 9), np.uint16)
    labels[2:7, 2:7], labels[4, 4], labels[0, 0] = 3, 0, 3
    write_rois(tmp_path / "cells.zip", labels)
    (roi,) = roifile.roiread(tmp_path / "cells.zip")
    assert roi.composite
    assert len(roi.coordinates(multi=True)) == 3
    assert (roi.top, roi.left, roi.bottom, roi.right) == (0, 0, 7, 7)


def test_an_object_in_a_stack_has_a_roi_on_each_of_its_planes(tmp_path):
    labels = np.zeros((3, 5, 5), np.uint16)
    labels[1:, 1:3, 1:3] = 4
    write_rois(tmp_path / "cells.zip", labels)
    rois = roifile.roiread(tmp_path / "cells.zip")
    assert [(roi.name, roi.position) for roi in rois] == [
        ("00004 z002", 2),
        ("00004 z003", 3),
    ]


def test_rois_drawn_in_imagej_are_numbered_and_painted_by_pixel_centres(tmp_path):
    polygon = roifile.ImagejRoi.frompoints(
        np.array([[1.2, 1.2], [4.2, 1.2], [4.2, 3.4], [1.2, 3.4]]), name="0002-0003"
    )
    rectangle = roifile.ImagejRoi()
    rectangle.roitype, rectangle.name = roifile.ROI_TYPE.RECT, "7"
    rectangle.left, rectangle.top, rectangle.right, rectangle.bottom = 6, 0, 20, 2
    oval = roifile.ImagejRoi()
    oval.roitype, oval.name = roifile.ROI_TYPE.OVAL, "nucleus"
    oval.left, oval.top, oval.right, oval.bottom = 0, 5, 4, 9
    roifile.roiwrite(tmp_path / "a.zip", [polygon, rectangle, oval])

    labels = read_annotation(tmp_path / "a.zip", (10, 10)).labels

    expected = np.zeros((10, 10), int)
    expected[1:3, 1:4], expected[0:2, 6:10] = 8, 7
    np.testing.assert_array_equal(labels[:5], expected[:5])
    assert 11 <= (labels[5:9, 0:4] == 9).sum() <= 12
    assert set(np.unique(labels)) == {0, 7, 8, 9}


def test_a_single_roi_file_is_read(tmp_path):
    square = np.array([[1, 1], [3, 1], [3, 3], [1, 3]])
    roifile.ImagejRoi.frompoints(square, name="5").tofile(tmp_path / "a.roi")
    labels = read_annotation(tmp_path / "a.roi", (4, 4)).labels
    assert (labels == 5).sum() == 4


def test_no_objects_give_an_empty_set(tmp_path):
    write_rois(tmp_path / "a.zip", np.zeros((4, 4), np.uint8))
    assert not read_annotation(tmp_path / "a.zip", (4, 4)).labels.any()


def test_a_set_of_lines_is_refused(tmp_path):
    line = roifile.ImagejRoi.frompoints(np.array([[1, 1], [3, 1]]), name="scar")
    line.roitype = roifile.ROI_TYPE.POLYLINE
    roifile.roiwrite(tmp_path / "a.zip", [line])
    with pytest.raises(InputError, match=r"no area and no point. .* 1 × line"):
        read_annotation(tmp_path / "a.zip", (4, 4))


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", b"Iout"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"'a.zip' cannot be read: it is damaged"):
        read_annotation(tmp_path / "a.zip", (4, 4))


def test_an_image_beyond_imagejs_coordinates_is_refused(tmp_path):
    with pytest.raises(InputError, match="up to 60535 pixels wide"):
        write_rois(tmp_path / "a.zip", np.zeros((1, 60_536), np.uint8))
    labels = np.zeros((2, 60_535), np.uint8)
    labels[:, 40_000:] = 1
    write_rois(tmp_path / "a.zip", labels)


def test_an_older_set_is_replaced_not_extended(tmp_path):
    path = tmp_path / "a.zip"
    write_rois(path, np.array([[1, 2]]))
    write_rois(path, np.array([[3, 0]]))
    np.testing.assert_array_equal(read_annotation(path, (1, 2)).labels, [[3, 0]])
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]
