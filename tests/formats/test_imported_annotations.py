"""Annotations as other programs write them, and as this one exports them."""

import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_unet.core.errors import InputError
from napari_unet.formats.annotations import find_class_names, read_annotation
from napari_unet.formats.geojson import write_geojson
from napari_unet.formats.imagej_rois import write_rois
from napari_unet.formats.points import write_points

POLYGON, RECT, OVAL, LINE, FREEHAND, TRACED, POINT = 0, 1, 2, 3, 7, 8, 10
TEXT, SUBPIXEL = 1, 128
SHAPE = (40, 60)


def roi(kind, box, corners=(), *, exact=(), path=(), floats=None, **more):
    """Return the bytes of a ROI in ImageJ's layout: big-endian, two headers of 64.

    `box` is top, left, bottom, right; `corners` are x and y from its corner.
    """
    get = {"name": "", "position": 0, "czt": (0, 0, 0), "group": 0, "subtype": 0}
    get |= {"arc": 0} | more
    options = SUBPIXEL if exact or floats else 0
    body = struct.pack(f">{len(path)}f", *path)
    for axis in (0, 1):
        body += struct.pack(f">{len(corners)}h", *(corner[axis] for corner in corners))
    for axis in (0, 1):
        body += struct.pack(f">{len(exact)}f", *(corner[axis] for corner in exact))
    second = 64 + len(body)
    head = struct.pack(">4shBx5h", b"Iout", 228, kind, *box, len(corners))
    head += struct.pack(">4f", *(floats or (0, 0, 0, 0)))
    head += struct.pack(">hi8x", 0, len(path))
    head += struct.pack(">hh2xh", get["subtype"], options, get["arc"])
    head += struct.pack(">ii", get["position"], second)
    tail = struct.pack(">4x3i", *get["czt"])
    tail += struct.pack(">ii4xhB", second + 64, len(get["name"]), 0, get["group"])
    assert len(head) == 64
    return head + body + tail.ljust(64, b"\0") + get["name"].encode("utf-16-be")


def save(path, *rois):
    with zipfile.ZipFile(path, "w") as archive:
        for number, content in enumerate(rois):
            archive.writestr(f"{number:04d}.roi", content)
    return path


def disk(centre, radius, shape=SHAPE):
    y, x = np.indices(shape) + 0.5
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2


def blobs(shape=SHAPE):
    """Return touching objects, one with a hole, one in two pieces, one at the edge."""
    labels = np.zeros(shape, np.uint16)
    labels[disk((12, 12), 8, shape)] = 3
    labels[disk((12, 12), 3, shape)] = 0
    labels[disk((14, 26), 7, shape)] = 1
    labels[30:34, 5:9] = labels[34:38, 9:13] = 7
    labels[disk((40, 58), 9, shape)] = 12
    return labels


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


# --- what this program writes ---------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "name"), [(write_rois, "a.zip"), (write_geojson, "a.geojson")]
)
@pytest.mark.parametrize("planes", [(), (3,), (2, 3)])
def test_exported_labels_come_back(tmp_path, write, name, planes):
    labels = np.zeros((*planes, *SHAPE), np.uint16)
    labels[(-1,) * len(planes)] = blobs()
    write(tmp_path / name, labels)
    back = read_annotation(tmp_path / name, labels.shape)
    np.testing.assert_array_equal(back.labels, labels)
    assert back.said == "4 objects."
    if len(planes) < 2:  # without an image, they lie in the smallest that holds them
        guessed = read_annotation(tmp_path / name).labels
        np.testing.assert_array_equal(guessed, labels)


def test_exported_points_come_back(tmp_path):
    positions = np.array([[3.25, 4], [0, 59]])
    write_points(tmp_path / "a.csv", positions, ["cell", "debris"])
    back = read_annotation(tmp_path / "a.csv", SHAPE)
    np.testing.assert_array_equal(back.points.positions, positions)
    assert back.points.names == ("cell", "debris")
    assert (back.labels, back.said) == (None, "2 points.")


# --- ImageJ ---------------------------------------------------------------------------


def test_every_area_of_imagej_is_painted_where_it_lies(tmp_path):
    square = [(0, 0), (4, 0), (4, 4), (0, 4)]
    quarter = [(x + 0.3, y + 0.3) for x, y in [(20, 2), (26, 2), (20, 8)]]
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    hand = [(50 + 5 * np.cos(t), 10 + 5 * np.sin(t)) for t in turn]
    kappa = 4 * (np.sqrt(2) - 1) / 3 * 6
    circle = [0, 16, 30, 3, 16, 30 + kappa, 10 + kappa, 36, 10, 36]
    circle += [3, 10 - kappa, 36, 4, 30 + kappa, 4, 30]
    circle += [3, 4, 30 - kappa, 10 - kappa, 24, 10, 24]
    circle += [3, 10 + kappa, 24, 16, 30 - kappa, 16, 30, 4]
    hole = [0, 8, 28, 1, 12, 28, 1, 12, 32, 1, 8, 32, 4]
    rois = [
        roi(TRACED, (2, 3, 6, 7), square, name="0004-0005"),
        roi(POLYGON, (2, 20, 8, 26), [(0, 0), (6, 0), (0, 6)], exact=quarter),
        roi(OVAL, (2, 30, 14, 42)),
        roi(FREEHAND, (5, 45, 15, 55), [(0, 0)] * 90, exact=hand),
        roi(RECT, (24, 4, 36, 16), path=circle + hole),
        roi(RECT, (20, 20, 24, 26), floats=(20.4, 20.6, 5.0, 3.0)),
        roi(OVAL, (25, 30, 33, 38), floats=(30.5, 25.5, 7.0, 7.0)),
        roi(RECT, (20, 45, 30, 57), arc=10),
    ]
    labels = read_annotation(save(tmp_path / "a.zip", *rois), SHAPE).labels

    assert np.unique(labels).tolist() == list(range(9))
    expected = np.zeros(SHAPE, int)
    expected[2:6, 3:7] = 1
    expected[21:24, 20:25] = 6
    for number in (1, 6):
        np.testing.assert_array_equal(labels == number, expected == number)
    y, x = np.indices(SHAPE) + 0.5
    triangle = (x > 20.3) & (y > 2.3) & (x - 20.3 + y - 2.3 < 6)
    np.testing.assert_array_equal(labels == 2, triangle)
    np.testing.assert_array_equal(labels == 3, disk((8, 36), 6))
    assert iou(labels == 4, disk((10, 50), 5)) > 0.97
    ring = disk((30, 10), 6)
    ring[28:32, 8:12] = False
    assert iou(labels == 5, ring) > 0.97
    np.testing.assert_array_equal(labels == 7, disk((29, 34), 3.5))
    rounded = labels[20:30, 45:57] == 8
    assert rounded[5].all()
    assert not rounded[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_rois_lie_on_the_planes_that_they_name(tmp_path):
    box = (0, 0, 4, 4)
    rois = [
        roi(RECT, box, position=2),
        roi(RECT, box, czt=(1, 3, 1)),
        roi(RECT, (10, 0, 14, 4)),
        roi(RECT, box, position=9),
    ]
    path = save(tmp_path / "a.zip", *rois)
    stack = read_annotation(path, (3, *SHAPE))
    assert stack.labels[:, 0, 0].tolist() == [0, 1, 2]
    assert stack.labels[0, 10, 0] == 3
    assert "1 of 4 areas and points name no plane; they lie on the first." in stack.lost
    assert "1 area on planes that the image does not have was left out." in stack.lost
    times = save(tmp_path / "t.zip", roi(RECT, box, czt=(1, 1, 3)))
    assert read_annotation(times, (3, *SHAPE)).labels[:, 0, 0].tolist() == [0, 0, 1]
    assert read_annotation(times, (4, 2, *SHAPE)).labels[2, 0, 0, 0] == 1


def test_what_is_lost_of_a_roi_set_is_said(tmp_path):
    rois = [
        roi(RECT, (0, 0, 10, 10)),
        roi(RECT, (5, 5, 15, 15)),
        roi(RECT, (30, 50, 50, 80)),
        roi(RECT, (0, 70, 5, 75)),
        roi(RECT, (20, 20, 22, 22)),
        roi(RECT, (20, 20, 24, 24)),
        roi(LINE, (0, 0, 5, 5), floats=(0.0, 0.0, 5.0, 5.0)),
        roi(RECT, (0, 0, 9, 9), subtype=TEXT),
    ]
    found = read_annotation(save(tmp_path / "a.zip", *rois), SHAPE)
    assert found.found == "4 objects"
    assert found.lost == (
        "Left out, for only areas and points can be used: 1 × line, 1 × text.",
        "1 area outside the image was left out.",
        "1 area was cut at the edge of the image.",
        "Outlines overlap: on 29 pixels the later one lies on top, which hides 1 area "
        "completely.",
    )
    assert (found.labels[5:10, 5:10] == 2).all()


def test_points_of_imagej_come_beside_its_areas(tmp_path):
    whole = roi(POINT, (3, 4, 3, 4), [(0, 0)])
    exact = roi(POINT, (3, 4, 9, 9), [(0, 0), (5, 6)], exact=[(4.5, 3.5), (99.0, 9.5)])
    path = save(tmp_path / "a.zip", whole, exact, roi(RECT, (0, 0, 2, 2)))
    found = read_annotation(path, SHAPE)
    assert found.points.positions.tolist() == [[3, 4], [3, 4]]
    assert found.found == "1 object and 2 points"
    assert found.lost == ("1 of 3 points outside the image left out.",)


def test_names_that_are_not_numbers_of_objects_make_no_labels(tmp_path):
    names = ("0", "5", "5", "99999999999999999999")
    rois = [
        roi(RECT, (0, 5 * i, 4, 5 * i + 4), name=name) for i, name in enumerate(names)
    ]
    found = read_annotation(save(tmp_path / "a.zip", *rois), SHAPE)
    assert np.unique(found.labels).tolist() == [0, 1, 2, 3, 4]
    assert "the same number" in found.lost[0]


def test_groups_of_imagej_are_classes(tmp_path):
    rois = [
        roi(RECT, (0, 5 * i, 4, 5 * i + 4), group=g) for i, g in enumerate((2, 1, 2))
    ]
    path = save(tmp_path / "a.zip", *rois)
    found = read_annotation(path, SHAPE, kind="classes")
    assert found.names == ("background", "group 1", "group 2")
    assert found.labels[0, [0, 5, 10]].tolist() == [2, 1, 2]


def test_a_zip_file_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(InputError, match=r"'a.zip' holds no ROI of ImageJ; save them"):
        read_annotation(tmp_path / "a.zip", SHAPE)


@pytest.mark.parametrize("end", [40, 66, 100])
def test_a_roi_that_is_cut_short_is_refused(tmp_path, end):
    content = roi(TRACED, (2, 3, 6, 7), [(0, 0), (4, 0), (4, 4), (0, 4)], name="5")
    (tmp_path / "a.roi").write_bytes(content[:end])
    if end > 90:  # only the name is gone
        assert (read_annotation(tmp_path / "a.roi", SHAPE).labels == 1).sum() == 16
    else:
        with pytest.raises(InputError, match=r"'a.roi' cannot be read: it is damaged"):
            read_annotation(tmp_path / "a.roi", SHAPE)


# --- QuPath ---------------------------------------------------------------------------


def feature(geometry, of_class=None, **properties):
    if of_class:
        color = {"name": of_class, "color": [200, 0, 0]}
        properties["classification"] = color
    properties.setdefault("objectType", "annotation")
    return {
        "type": "Feature",
        "id": "1b0b8b5e-0c3c-4a8a-9a5b-1f2f3c4d5e6f",
        "geometry": geometry,
        "properties": properties,
    }


def box(x, y, side):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return [[float(a), float(b)] for a, b in ring]


def polygon(*rings, **more):
    return {"type": "Polygon", "coordinates": [*rings], **more}


def write_json(path, *features):
    content = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(content))
    return path


def test_outlines_of_qupath_keep_their_holes_and_parts(tmp_path):
    two = {"type": "MultiPolygon", "coordinates": [[box(30, 2, 4)], [box(40, 2, 6)]]}
    both = {"type": "GeometryCollection", "geometries": [polygon(box(2, 20, 5)), two]}
    path = write_json(
        tmp_path / "a.geojson",
        feature(polygon(box(2, 2, 10), box(5, 5, 3)), name="Tumor 1"),
        feature({**two, "plane": {"c": -1, "z": 0, "t": 0}}, objectType="detection"),
        feature({"type": "Point", "coordinates": [10.5, 30.5]}, "Immune"),
        feature({"type": "LineString", "coordinates": [[0, 0], [5, 5]]}),
        feature(polygon(box(0, 0, 60)), "Region*"),
    )
    found = read_annotation(path, SHAPE)
    expected = np.zeros(SHAPE, int)
    expected[2:12, 2:12], expected[5:8, 5:8] = 1, 0
    expected[2:6, 30:34] = expected[2:8, 40:46] = 2
    np.testing.assert_array_equal(found.labels, expected)
    assert found.points.positions.tolist() == [[30, 10]]
    assert found.points.names == ("Immune",)
    assert found.lost[0].endswith("1 × area of the class 'Region*', 1 × line.")
    collection = write_json(tmp_path / "b.geojson", feature(both))
    assert len(np.unique(read_annotation(collection, SHAPE).labels)) == 3


@pytest.mark.parametrize("place", [float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("shape", [SHAPE, None])
def test_what_was_drawn_nowhere_is_refused(tmp_path, place, shape):
    outline = polygon([[0, 0], [place, 0], [3, 3], [0, 0]])
    for drawn in (outline, {"type": "Point", "coordinates": [place, 0]}):
        path = write_json(tmp_path / "a.geojson", feature(drawn))
        with pytest.raises(InputError, match="something was drawn at no place"):
            read_annotation(path, shape)


def test_the_annotation_around_detections_is_no_object(tmp_path):
    path = write_json(
        tmp_path / "a.geojson",
        feature(polygon(box(2, 2, 3)), objectType="detection"),
        feature(polygon(box(8, 2, 3)), objectType="cell"),
        feature(polygon(box(0, 0, 30))),
        feature(polygon(box(40, 2, 5))),
    )
    found = read_annotation(path, SHAPE)
    assert found.labels[3, [3, 9, 20, 42]].tolist() == [1, 2, 0, 3]
    assert "1 × annotation around detections" in found.lost[0]


def test_classes_of_qupath_become_classes_when_asked(tmp_path):
    path = write_json(
        tmp_path / "a.geojson",
        feature(polygon(box(0, 0, 4)), "Tumor"),
        feature(polygon(box(10, 0, 4)), "Stroma"),
        feature(polygon(box(20, 0, 4))),
    )
    assert find_class_names(path) == ("Stroma", "Tumor")
    found = read_annotation(path, SHAPE, kind="classes")
    assert found.names == ("background", "Stroma", "Tumor")
    assert found.labels[0, [0, 10, 20]].tolist() == [2, 1, 0]
    assert found.lost == ("1 area without a class was left out.",)
    names = ("background", "Tumor", "Necrosis", "Stroma")
    named = read_annotation(path, SHAPE, kind="classes", names=names)
    assert named.labels[0, [0, 10]].tolist() == [1, 3]
    with pytest.raises(InputError, match="areas of the class 'Tumor', which is not"):
        read_annotation(path, SHAPE, kind="classes", names=("background", "Stroma"))
    plain = write_json(tmp_path / "b.geojson", feature(polygon(box(0, 0, 4))))
    with pytest.raises(InputError, match=r"'b.geojson': None of its areas has a class"):
        read_annotation(plain, SHAPE, kind="classes")


def test_planes_of_qupath_are_planes_of_the_stack(tmp_path):
    path = write_json(
        tmp_path / "a.geojson",
        feature(polygon(box(0, 0, 4), plane={"c": -1, "z": 2, "t": 0})),
        feature(polygon(box(0, 0, 4), plane={"c": -1, "z": 1, "t": 1})),
    )
    labels = read_annotation(path, (2, 3, *SHAPE)).labels
    assert labels[:, :, 0, 0].tolist() == [[0, 0, 1], [0, 2, 0]]


# --- Cellpose -------------------------------------------------------------------------


def save_seg(path, masks, **more):
    """Save what Cellpose's window saves."""
    by_hand = np.zeros(int(masks.max()), bool)
    by_hand[:2] = True
    content = {
        "outlines": np.zeros_like(masks),
        "colors": np.zeros((int(masks.max()), 3), np.uint8),
        "masks": masks,
        "chan_choose": [0, 0],
        "ismanual": by_hand,
        "filename": "/home/me/images/cells.tif",
        "flows": [np.zeros((1, *masks.shape, 3), np.uint8), [], np.float32(2.5), None],
        "manual_changes": [],
        "est_diam": np.float64(31.5),
        "normalize_params": {"lowhigh": None, "percentile": [1.0, 99.0]},
        **more,
    }
    np.save(path, content, allow_pickle=True)
    return path


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, ">u2"])
def test_masks_of_cellpose_are_labels(tmp_path, order, dtype):
    masks = np.asarray(blobs(), dtype, order=order)
    found = read_annotation(save_seg(tmp_path / "cells_seg.npy", masks), SHAPE)
    np.testing.assert_array_equal(found.labels, masks)
    assert found.said == "4 objects. 2 of them were drawn by hand."


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("module", ["numpy.core", "numpy._core"])
def test_masks_saved_by_any_numpy_are_read(tmp_path, protocol, module):
    path = save_seg(tmp_path / "cells_seg.npy", blobs())
    stored = pickle.dumps(
        np.array({"masks": blobs(), "est": np.float64(3)}, object), protocol=protocol
    )
    if protocol == 3:
        stored = stored.replace(b"numpy._core.", f"{module}.".encode())
    path.write_bytes(path.read_bytes()[:128] + stored)
    np.testing.assert_array_equal(read_annotation(path).labels, blobs())


def test_a_stack_of_masks_and_a_plain_array_are_read(tmp_path):
    masks = np.stack([blobs(), blobs()])
    path = save_seg(tmp_path / "a_seg.npy", masks)
    np.testing.assert_array_equal(read_annotation(path).labels, masks)
    np.save(tmp_path / "b.npy", blobs().astype(np.int32))
    np.testing.assert_array_equal(read_annotation(tmp_path / "b.npy").labels, blobs())


class Attack:
    """Whose unpickling runs a command."""

    def __init__(self, run, *arguments):
        self.call = run, arguments

    def __reduce__(self):
        return self.call


def attacks(marker):
    yield Attack(os.system, f"touch {marker}")
    yield Attack(eval, f"open({str(marker)!r}, 'w')")
    yield Attack(exec, f"open({str(marker)!r}, 'w')")
    yield Attack(np.save, str(marker), np.zeros(3))
    yield Attack(np.fromfile, str(marker))
    yield Attack(getattr, "text", "join")


@pytest.mark.parametrize("which", range(6))
def test_a_program_in_a_file_does_not_run(tmp_path, which):
    marker = tmp_path / "it_ran"
    attack = list(attacks(marker))[which]
    path = save_seg(tmp_path / "a_seg.npy", blobs(), filename=attack)
    with pytest.raises(InputError, match=r"'a_seg.npy' is not read: it names '"):
        read_annotation(path, SHAPE)
    assert not [*tmp_path.glob("it_ran*")]
    if which == 0:  # and it would have run
        np.load(path, allow_pickle=True)
        assert marker.exists()


@pytest.mark.parametrize(
    "stored",
    [
        b"cposix\nsystem\n(S'touch it_ran'\ntR.",
        b"(S'touch it_ran'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"cnumpy\n__builtins__\n.",
        b"cnumpy.core.multiarray\n__builtins__\n.",
        b"\x80\x02\x82\x01.",
        b"P1\n.",
    ],
)
def test_no_opcode_names_anything_but_arrays(tmp_path, monkeypatch, stored):
    monkeypatch.chdir(tmp_path)
    path = save_seg(tmp_path / "a_seg.npy", blobs())
    path.write_bytes(path.read_bytes()[:128] + stored)
    with pytest.raises(InputError, match=r"'a_seg.npy' (is not|cannot be) read"):
        read_annotation(path, SHAPE)
    assert [file.name for file in tmp_path.iterdir()] == ["a_seg.npy"]


def test_an_array_that_lies_about_its_memory_is_refused(tmp_path):
    # Bytes that NumPy would take for pointers, if it were told they are numbers.
    content = np.array({"masks": np.array([1, None], object)}, object)
    raw = pickle.dumps(content, protocol=3).replace(b"]q", b"C\x10" + b"A" * 16 + b"q")
    path = save_seg(tmp_path / "a_seg.npy", blobs())
    path.write_bytes(path.read_bytes()[:128] + raw)
    with pytest.raises(InputError, match=r"'a_seg.npy' cannot be read"):
        read_annotation(path, SHAPE)
    larger = save_seg(tmp_path / "b_seg.npy", blobs()).read_bytes()
    path.write_bytes(larger[: len(larger) // 2])
    with pytest.raises(InputError, match=r"'a_seg.npy' cannot be read"):
        read_annotation(path, SHAPE)


def test_a_numpy_file_without_masks_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", {"flows": 1}, allow_pickle=True)
    with pytest.raises(InputError, match=r"'a.npy' holds no masks; save them in Cell"):
        read_annotation(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"'a.npy' holds no masks"):
        read_annotation(tmp_path / "a.npy")


# --- images, and everything else ------------------------------------------------------


def test_label_images_are_read_as_they_are(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", blobs())
    found = read_annotation(tmp_path / "a.tif", SHAPE)
    np.testing.assert_array_equal(found.labels, blobs())
    assert found.said == "4 objects."


def test_pieces_of_a_mask_become_objects_and_that_is_said(tmp_path):
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:5, 2:5] = mask[10:14, 20:30] = 255
    Picture.fromarray(mask).save(tmp_path / "a.png")
    found = read_annotation(tmp_path / "a.png")
    assert found.labels[[3, 12], [3, 25]].tolist() == [1, 2]
    assert found.found == "2 objects"
    assert found.lost[0].startswith("All of them had the number 255: it is a mask")
    classes = read_annotation(tmp_path / "a.png", kind="classes")
    np.testing.assert_array_equal(classes.labels, mask)


def test_other_files_are_refused_with_what_can_be_read(tmp_path):
    (tmp_path / "a.docx").write_text("cells")
    with pytest.raises(InputError, match=r"'a.docx' is none of the annotations that"):
        read_annotation(tmp_path / "a.docx")
    with pytest.raises(InputError, match="does not exist; check the path"):
        read_annotation(tmp_path / "b.zip")


def test_a_file_is_read_by_what_it_holds_not_by_its_name(tmp_path):
    write_rois(tmp_path / "a.zip", blobs())
    (tmp_path / "a.zip").rename(tmp_path / "a.geojson")
    found = read_annotation(tmp_path / "a.geojson", SHAPE)
    np.testing.assert_array_equal(found.labels, blobs())
