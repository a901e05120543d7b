"""No writer leaves anything behind on a full disk, nor touches the older file."""

import gc

import numpy as np
import pytest

from napari_unet.core.errors import InputError
from napari_unet.formats.geojson import write_geojson, write_regions
from napari_unet.formats.imagej_rois import write_rois
from napari_unet.formats.picture import write_picture
from napari_unet.formats.table import measure_objects, write_table
from napari_unet.formats.tiff import write_grey, write_labels

resource = pytest.importorskip("resource")
LABELS = np.arange(40_000, dtype=np.uint32).reshape(200, 200) // 7 % 50
REGIONS = [((0, i), (5, i + 5), "training") for i in range(50)]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_labels(path, LABELS),
        lambda path: write_labels(path, LABELS + 70_000),
        lambda path: write_grey(path, LABELS / 7),
        lambda path: write_rois(path, LABELS),
        lambda path: write_geojson(path, LABELS),
        lambda path: write_regions(path, REGIONS),
        lambda path: write_table(path, measure_objects(LABELS)),
        lambda path: write_picture(path, LABELS, LABELS),
    ],
    ids=["labels", "ome", "grey", "rois", "geojson", "regions", "table", "picture"],
)
def test_a_full_disk_is_said_and_the_older_file_kept(tmp_path, write):
    path = tmp_path / "result.tif"
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(
            InputError, match=r"'result.tif' could not be saved in '.*'"
        ):
            write(path)
        gc.collect()  # what is cleaned up late complains now
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]
