"""An export writes every chosen file, equal to the labels, or says why not."""

import csv

import numpy as np
import pytest

from napari_unet.core.card import file_stem
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats.annotations import read_annotation
from napari_unet.formats.export import LabelsExport, export_labels
from napari_unet.formats.images import read_labels

LABELS = np.zeros((20, 30), np.uint16)
LABELS[2:6, 3:9] = 1
LABELS[10:16, 12:20] = 2
EVERYTHING = ("tiff", "rois", "geojson", "csv")


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(export):
    return list(export_labels(export))


def test_every_format_holds_the_same_objects(tmp_path):
    export = LabelsExport(LABELS, tmp_path / "new", "cells", EVERYTHING)

    paths = run(export)

    assert [path.name for path in paths] == [
        "cells.tif",
        "cells.zip",
        "cells.geojson",
        "cells.csv",
    ]
    np.testing.assert_array_equal(read_labels(paths[0]), LABELS)
    np.testing.assert_array_equal(
        read_annotation(paths[1], LABELS.shape).labels, LABELS
    )
    np.testing.assert_array_equal(
        read_annotation(paths[2], LABELS.shape).labels, LABELS
    )
    assert [row["area_px"] for row in read_csv(paths[3])] == ["24", "48"]


def test_the_table_measures_the_image_in_micrometres(tmp_path):
    image = Image(np.full((1, 20, 30), 7, np.uint8))
    export = LabelsExport(LABELS, tmp_path, "cells", ["csv"], image, (0.5, 0.5))
    (path,) = run(export)
    row = read_csv(path)[0]
    assert float(row["area_um2"]) == pytest.approx(6)
    assert any(float(v) == 7 for name, v in row.items() if "mean" in name)


def test_objects_numbered_by_plane_are_measured_by_plane(tmp_path):
    stack = np.stack([LABELS, 0 * LABELS, LABELS])
    image = Image(np.ones((1, *stack.shape)), (2.0, 0.5, 0.5))
    export = LabelsExport(
        stack, tmp_path, "cells", ["csv"], image, (2.0, 0.5, 0.5), by_plane=True
    )
    rows = read_csv(*run(export))
    assert [(row["plane"], row["label"]) for row in rows] == [
        ("0", "1"),
        ("0", "2"),
        ("2", "1"),
        ("2", "2"),
    ]


def test_nothing_to_export_is_refused(tmp_path):
    with pytest.raises(InputError, match="'cells' holds no objects"):
        LabelsExport(LABELS * 0, tmp_path, "cells", ["tiff"])
    with pytest.raises(InputError, match="No file format is chosen"):
        LabelsExport(LABELS, tmp_path, "cells", [])


def test_an_image_of_another_shape_is_refused(tmp_path):
    other = Image(np.zeros((1, 5, 5)), name="other")
    with pytest.raises(InputError, match=r"'cells' have the shape \(20, 30\).*'other'"):
        LabelsExport(LABELS, tmp_path, "cells", ["csv"], other)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    with pytest.raises(InputError, match=r"The folder .* cannot be made"):
        run(LabelsExport(LABELS, blocker / "below", "cells", ["tiff"]))


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a/b:c", "a_b_c"), ("  ", "labels"), ("..", "labels"), ("Zellen 1", "Zellen 1")],
)
def test_layer_names_become_file_names(name, stem):
    assert file_stem(name) == stem
