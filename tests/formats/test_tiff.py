"""TIFF files of many writers are read; what we write, others read."""

import contextlib

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.errors import InputError
from napari_unet.formats.images import read_class_labels, read_image, read_labels
from napari_unet.formats.tiff import write_grey, write_labels

rng = np.random.default_rng(0)
GREY = rng.integers(0, 60_000, (48, 64)).astype(np.uint16)
STACK = rng.integers(0, 60_000, (12, 48, 64)).astype(np.uint16)
COLOUR = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.tif"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (16, 16)},
        {"rowsperstrip": 5},
        {"imagej": True},
        {"ome": True},
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib", "tile": (32, 32)},
        {"compression": "zstd"},
        {"compression": "packbits"},
        {"compression": "lzma"},
        {"metadata": None},
    ],
    ids=str,
)
def test_grey_images_of_every_making_are_read(path, options):
    tifffile.imwrite(path, GREY, **options)
    image = read_image(path)
    np.testing.assert_array_equal(image.array, GREY[None])
    assert image.array.dtype == np.uint16
    assert image.array.dtype.isnative
    assert (image.name, image.pixel_size_um) == ("cells", None)


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "rgb", "compression": "lzw", "tile": (16, 16)},
        {"photometric": "rgb", "imagej": True},
        {"photometric": "rgb", "ome": True, "metadata": {"axes": "YXS"}},
        {"photometric": "rgb", "metadata": None},
    ],
    ids=str,
)
def test_colours_become_three_channels(path, options):
    tifffile.imwrite(path, COLOUR, **options)
    np.testing.assert_array_equal(read_image(path).array, np.moveaxis(COLOUR, -1, 0))


def test_planar_colours_become_three_channels(path):
    planar = np.ascontiguousarray(np.moveaxis(COLOUR, -1, 0))
    tifffile.imwrite(path, planar, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_image(path).array, planar)


def test_transparency_is_dropped(path):
    alpha = np.full((48, 64, 1), 255, np.uint8)
    tifffile.imwrite(path, np.concatenate([COLOUR, alpha], -1), photometric="rgb")
    assert read_image(path).channels == 3


def test_jpeg_inside_tiff_is_read_as_colours(path):
    flat = np.full((48, 64, 3), (200, 100, 50), np.uint8)
    tifffile.imwrite(path, flat, photometric="rgb", compression="jpeg")
    np.testing.assert_allclose(
        read_image(path).array[:, 20, 20], (200, 100, 50), atol=3
    )


def test_one_bit_images_and_masks_are_read(path):
    tifffile.imwrite(path, GREY > 30_000, photometric="minisblack")
    np.testing.assert_array_equal(read_image(path).array[0], GREY > 30_000)
    labels = read_labels(path)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, GREY > 30_000)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((3, 48, 64), (3, 48, 64)),  # few first: channels
        ((48, 64, 5), (5, 48, 64)),  # few last: channels
        ((12, 48, 64), (1, 12, 48, 64)),  # many: a stack
        ((6, 9, 11), (1, 6, 9, 11)),  # few, but so are the others: a stack
        ((2, 10, 48, 64), (2, 10, 48, 64)),
        ((10, 2, 48, 64), (2, 10, 48, 64)),
        ((10, 48, 64, 2), (2, 10, 48, 64)),
        ((1, 48, 64), (1, 48, 64)),
        ((1, 1), (1, 1, 1)),
        ((3, 2000), (1, 3, 2000)),
    ],
)
def test_without_names_the_shape_tells_the_axes(path, shape, expected):
    tifffile.imwrite(path, np.zeros(shape, np.uint16), photometric="minisblack")
    assert read_image(path).array.shape == expected


@pytest.mark.parametrize("kind", ["imagej", "ome"])
@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ("ZYX", (3, 48, 64), (1, 3, 48, 64)),
        ("TYX", (3, 48, 64), (1, 3, 48, 64)),
        ("CYX", (12, 48, 64), (12, 48, 64)),
        ("ZCYX", (3, 2, 48, 64), (2, 3, 48, 64)),
        ("TCYX", (3, 2, 48, 64), (2, 3, 48, 64)),
    ],
)
def test_the_axes_that_a_file_names_are_believed(path, kind, axes, shape, expected):
    data = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    tifffile.imwrite(
        path, data, metadata={"axes": axes}, photometric="minisblack", **{kind: True}
    )
    image = read_image(path)
    assert image.array.shape == expected
    last = tuple(np.array(expected) - 1)
    assert image.array[last] == data.max()


def test_multi_page_files_are_stacks(path):
    with tifffile.TiffWriter(path) as file:
        for plane in STACK:
            file.write(plane, metadata=None)
    np.testing.assert_array_equal(read_image(path).array[0], STACK)


def test_a_thumbnail_beside_the_image_is_left_out(path):
    with tifffile.TiffWriter(path) as file:
        file.write(GREY[::4, ::4].copy(), metadata=None)
        file.write(GREY, metadata=None)
    np.testing.assert_array_equal(read_image(path).array[0], GREY)


def test_a_palette_keeps_its_numbers(path):
    ramp = np.stack([np.arange(256)[::-1] * 257] * 3).astype(np.uint16)
    numbers = (GREY % 256).astype(np.uint8)
    tifffile.imwrite(path, numbers, photometric="palette", colormap=ramp)
    np.testing.assert_array_equal(read_image(path).array[0], numbers)
    np.testing.assert_array_equal(read_labels(path), numbers)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {
                "ome": True,
                "metadata": {
                    "PhysicalSizeX": 650,
                    "PhysicalSizeXUnit": "nm",
                    "PhysicalSizeY": 0.7,
                },
            },
            (0.7, 0.65),
        ),
        (
            {"imagej": True, "resolution": (2, 4), "metadata": {"unit": "micron"}},
            (0.25, 0.5),
        ),
        (
            {"imagej": True, "resolution": (2, 2), "metadata": {"unit": "\\u00B5m"}},
            (0.5, 0.5),
        ),
        ({"imagej": True, "resolution": (2e3, 2e3), "metadata": {"unit": "mm"}}, 0.5),
        ({"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}, 0.5),
        ({"resolution": (25_400, 25_400), "resolutionunit": "INCH"}, 1),
        # Nothing that a microscope has written:
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (28.35, 28.35), "resolutionunit": "CENTIMETER"}, None),
        ({"resolution": (1200, 1200), "resolutionunit": "INCH"}, None),
        ({"resolution": (4, 4), "resolutionunit": "NONE"}, None),
        ({"imagej": True, "resolution": (72, 72), "metadata": {"unit": "inch"}}, None),
        ({"imagej": True, "resolution": (1, 1), "metadata": {"unit": "pixel"}}, None),
        ({"imagej": True}, None),
        ({"ome": True}, None),
    ],
    ids=str,
)
def test_the_pixel_size_is_read_where_a_microscope_wrote_it(path, options, expected):
    tifffile.imwrite(path, GREY, **options)
    size = read_image(path).pixel_size_um
    if expected is None:
        assert size is None
    else:
        np.testing.assert_allclose(size, np.broadcast_to(expected, 2), rtol=1e-6)


@pytest.mark.parametrize(
    ("axes", "spacing", "expected"),
    [("ZYX", 2.0, 2.0), ("ZYX", None, 0.5), ("TYX", None, 1.0)],
)
def test_a_stack_has_a_size_along_its_planes(path, axes, spacing, expected):
    metadata = {"axes": axes, "unit": "um"} | ({"spacing": spacing} if spacing else {})
    tifffile.imwrite(path, STACK, imagej=True, resolution=(2, 2), metadata=metadata)
    assert read_image(path).pixel_size_um == (expected, 0.5, 0.5)


@pytest.mark.parametrize("axes", ["TZYX", "TZCYX"])
def test_depth_and_time_at_once_are_refused_with_a_way_out(path, axes):
    shape = (4, 3, 2, 16, 16) if "C" in axes else (4, 3, 16, 16)
    tifffile.imwrite(
        path, np.zeros(shape, np.uint16), imagej=True, metadata={"axes": axes}
    )
    match = rf"'cells.tif' has both depth and time: {axes} \(4, 3, .*time point"
    for read in (read_image, read_labels):
        with pytest.raises(InputError, match=match):
            read(path)


@pytest.mark.parametrize("shape", [(20, 21, 22, 23), (2, 3, 4, 20, 20)])
def test_more_axes_than_the_shape_can_tell_are_refused(path, shape):
    tifffile.imwrite(path, np.zeros(shape, np.uint8), photometric="minisblack")
    lengths = " × ".join(map(str, shape))
    match = rf"'cells.tif' has {len(shape)} axes, {lengths}, and does not say.*Fiji"
    for read in (read_image, read_labels, read_class_labels):
        with pytest.raises(InputError, match=match):
            read(path)


def test_labels_of_four_axes_without_names_are_not_called_colours(path):
    tifffile.imwrite(path, np.zeros((6, 12, 80, 96), np.uint16))
    with pytest.raises(InputError, match=r"4 axes, 6 × 12 × 80 × 96, and does not say"):
        read_labels(path)


def test_several_images_of_one_size_in_a_file_are_refused(path):
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(GREY)
        file.write(GREY)
    with pytest.raises(InputError, match="holds 2 images of shape"):
        read_image(path)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw", "rowsperstrip": 8},
        {"compression": "zlib", "tile": (16, 16)},
        {"imagej": True},
        {"imagej": True, "compression": "zlib"},
        {"ome": True},
        {"ome": True, "compression": "zlib"},
        {"metadata": None},
    ],
    ids=str,
)
def test_a_file_cut_short_is_refused_and_never_read_in_part(path, options):
    stack = STACK[:3, ::2, ::2].copy()
    tifffile.imwrite(path, stack, photometric="minisblack", **options)
    whole, data = read_image(path), path.read_bytes()
    read = []
    for cut in {*range(0, len(data), 151), *range(len(data) - 40, len(data), 7)}:
        path.write_bytes(data[:cut])
        # Of some files the last bytes are of no use, and may be missing.
        with contextlib.suppress(InputError):
            read.append((cut, read_image(path).array))
    for cut, array in read:
        assert cut > len(data) - 600
        np.testing.assert_array_equal(array, whole.array)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"hello, I am a text", bytes(500)])
def test_what_is_no_tiff_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"'cells.tif' cannot be read: it is damaged"):
        read_image(path)


def test_a_damaged_file_leaves_nothing_on_the_console(path, capfd):
    tifffile.imwrite(path, STACK, imagej=True)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(InputError):
        read_image(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("values", [GREY / 7, GREY.astype(np.float32)], ids=str)
def test_labels_with_fractions_are_refused(path, values):
    tifffile.imwrite(path, values)
    with pytest.raises(InputError, match=r"'cells.tif' holds float(32|64) values.*16"):
        read_labels(path)


def test_negative_labels_are_refused_with_their_place(path):
    labels = np.zeros((5, 6), np.int16)
    labels[2, 3] = -1
    tifffile.imwrite(path, labels)
    with pytest.raises(InputError, match=r"negative numbers, such as -1 at \(2, 3\)"):
        read_labels(path)


def test_colours_and_channels_as_labels_are_refused(path):
    tifffile.imwrite(path, COLOUR, photometric="rgb")
    with pytest.raises(InputError, match="holds colours or channels, YXS"):
        read_labels(path)
    tifffile.imwrite(path, STACK[:3].copy(), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(InputError, match="holds colours or channels, CYX"):
        read_labels(path)


@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "u4", "i4", "i8"])
def test_labels_keep_their_numbers(path, dtype):
    labels = (GREY % 100).astype(dtype)
    tifffile.imwrite(path, labels)
    read = read_labels(path)
    np.testing.assert_array_equal(read, labels)
    assert read.dtype.isnative


def test_a_few_planes_of_labels_are_a_stack(path):
    tifffile.imwrite(path, STACK[:3].copy(), photometric="minisblack")
    np.testing.assert_array_equal(read_labels(path), STACK[:3])


# --- writing --------------------------------------------------------------------------


@given(
    labels=npst.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.int64, np.uint32]),
        npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6),
        elements=st.integers(0, 255),
    ),
    factor=st.sampled_from([1, 200, 20_000]),
)
def test_labels_of_any_shape_come_back_exactly(tmp_path_factory, labels, factor):
    path = tmp_path_factory.mktemp("labels") / "labels.tif"
    if labels.dtype.itemsize > 2:
        labels = labels * factor
    write_labels(path, labels)
    read = read_labels(path)
    np.testing.assert_array_equal(read.reshape(labels.shape), labels)
    assert read.dtype in (np.uint8, np.uint16, np.uint32)


@pytest.mark.parametrize("highest", [255, 65_535, 65_536, 2**32 - 1])
@pytest.mark.parametrize("shape", [(40, 50), (7, 40, 50)])
def test_other_programs_read_labels_and_pixel_size(path, highest, shape):
    labels = np.zeros(shape, np.int64)
    labels[..., 5:9, 5:9] = highest
    size = (0.25, 0.5) if len(shape) == 2 else (2.0, 0.25, 0.5)
    write_labels(path, labels, size)

    np.testing.assert_array_equal(tifffile.imread(path), labels)
    np.testing.assert_allclose(read_image(path).pixel_size_um, size)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert page.compression.name == "ADOBE_DEFLATE"  # needs no imagecodecs
        if highest <= 65_535:  # what Fiji reads
            assert file.imagej_metadata["unit"] == "um"
            assert file.imagej_metadata.get("slices", 1) == labels.size // 2000
            np.testing.assert_allclose(page.resolution, (2, 4))
        else:  # pixels per centimetre
            assert file.is_ome
            assert page.resolutionunit.name == "CENTIMETER"
            np.testing.assert_allclose(page.resolution, (2e4, 4e4))


@pytest.mark.parametrize("size", [1e-4, 1 / 3, 0.1083, 6.5, 123.4, 1e4])
@pytest.mark.parametrize("highest", [1, 70_000])
def test_every_pixel_size_survives(path, size, highest):
    write_labels(path, np.full((4, 4), highest), (size, size))
    np.testing.assert_allclose(read_image(path).pixel_size_um, size, rtol=1e-6)


def test_maps_and_probabilities_are_written_as_float32(path):
    grey = rng.random((2, 40, 50))
    write_grey(path, grey, (0.5, 0.5))
    image = read_image(path)
    np.testing.assert_array_equal(image.array, grey.astype(np.float32))
    assert image.pixel_size_um == (0.5, 0.5)

    write_grey(path, grey[0])
    np.testing.assert_array_equal(read_image(path).array[0], grey[0].astype("f4"))

    write_grey(path, grey, (3, 0.5, 0.5))
    image = read_image(path)
    np.testing.assert_array_equal(image.array[0], grey.astype(np.float32))
    assert image.pixel_size_um == (3, 0.5, 0.5)

    stack = rng.random((2, 5, 40, 50))
    write_grey(path, stack)
    np.testing.assert_array_equal(read_image(path).array, stack.astype(np.float32))


def test_what_fits_no_format_is_refused(path):
    with pytest.raises(InputError, match="labels are whole numbers"):
        write_labels(path, np.zeros((4, 4)))
    with pytest.raises(InputError, match="lie between -1 and 0"):
        write_labels(path, np.array([[-1, 0]]))
    with pytest.raises(InputError, match="lie between 0 and 4294967296"):
        write_labels(path, np.array([[0, 2**32]]))
    with pytest.raises(InputError, match=r"3 axes .* do not fit the names 'YX'"):
        write_grey(path, np.zeros((2, 4, 4)), axes="YX")
    with pytest.raises(InputError, match=r"size \(1, 1\) does not fit the axes ZYX"):
        write_labels(path, np.zeros((2, 4, 4), int), (1, 1))
    assert not path.exists()


def test_a_file_that_reads_back_differently_is_not_kept(path, monkeypatch):
    path.write_bytes(b"old")
    original = tifffile.imwrite
    monkeypatch.setattr(
        tifffile, "imwrite", lambda to, data, **more: original(to, data * 0, **more)
    )
    with pytest.raises(InputError, match=r"'cells.tif' was not saved: what was read"):
        write_labels(path, np.ones((4, 4), np.uint8))
    assert path.read_bytes() == b"old"


def test_a_full_disk_while_writing_is_said_in_a_sentence(path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"'cells.tif' could not be saved"):
            write_grey(path, rng.random((100, 100)))
        with pytest.raises(InputError, match=r"'cells.tif' could not be saved"):
            write_labels(path, rng.integers(0, 60_000, (100, 100)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(path.parent.iterdir()) == []


def test_the_description_is_what_imagej_expects(path):
    write_labels(path, np.full((5, 40, 50), 3), (2, 0.5, 0.5))
    with tifffile.TiffFile(path) as file:
        lines = file.pages[0].description.splitlines()
    assert lines[0].startswith("ImageJ=")
    assert {"images=5", "slices=5", "unit=um", "spacing=2", "max=3.0"} <= set(lines)
