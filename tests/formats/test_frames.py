"""Labels of stacks with depth and time, in every format."""

import numpy as np
import pytest
import roifile

from napari_unet.formats.annotations import read_annotation
from napari_unet.formats.export import LabelsExport, measure
from napari_unet.formats.geojson import write_geojson
from napari_unet.formats.imagej_rois import write_rois
from napari_unet.formats.images import read_image, read_labels
from napari_unet.formats.tiff import write_grey, write_labels

SHAPE = (2, 3, 12, 14)


@pytest.fixture
def labels():
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 1, 2:6, 3:9] = 4
    labels[1, 1, 2:5, 3:9] = 4
    labels[1, 2, 7:9, 1:3] = 9
    return labels


@pytest.mark.parametrize("highest", [200, 70_000])  # ImageJ's format, and OME-TIFF
def test_labels_keep_their_axes_and_pixel_size(tmp_path, labels, highest):
    path = tmp_path / "l.tif"
    labels = labels.astype(np.uint32)
    labels[0, 0, 0, 0] = highest
    write_labels(path, labels, (2.0, 0.5, 0.25))
    np.testing.assert_array_equal(read_labels(path), labels)
    assert read_image(path).pixel_size_um == pytest.approx((2.0, 0.5, 0.25))


def test_maps_with_channels_keep_their_axes(tmp_path):
    maps = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)
    write_grey(tmp_path / "p.tif", maps, (2.0, 0.5, 0.5))
    image = read_image(tmp_path / "p.tif")
    np.testing.assert_array_equal(image.unfold(image.array), maps)


def test_outlines_know_time_and_plane(tmp_path, labels):
    write_rois(tmp_path / "l.zip", labels)
    rois = roifile.roiread(tmp_path / "l.zip")
    places = {(r.name, r.t_position, r.z_position) for r in rois}
    assert places == {
        ("00004 t001 z002", 1, 2),
        ("00004 t002 z002", 2, 2),
        ("00009 t002 z003", 2, 3),
    }
    np.testing.assert_array_equal(
        read_annotation(tmp_path / "l.zip", SHAPE).labels, labels
    )
    write_geojson(tmp_path / "l.geojson", labels)
    np.testing.assert_array_equal(
        read_annotation(tmp_path / "l.geojson", SHAPE).labels, labels
    )


@pytest.mark.parametrize("by_plane", [True, False])
def test_the_table_says_when_and_where(tmp_path, labels, by_plane):
    export = LabelsExport(labels, tmp_path, "l", ("csv",), by_plane=by_plane)
    columns = measure(export)
    assert columns["label"].tolist() == [4, 4, 9]
    assert columns["time"].tolist() == [0, 1, 1]
    if by_plane:
        assert columns["plane"].tolist() == [1, 1, 2]
        assert columns["area_px"].tolist() == [24, 18, 4]
    else:
        assert columns["volume_px"].tolist() == [24, 18, 4]
