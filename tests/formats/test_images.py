"""Files are found, paired by stem, and refused with a sentence."""

import re

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.errors import InputError
from napari_unet.formats.axes import guess_axes
from napari_unet.formats.images import (
    find_images,
    pair_files,
    read_image,
    read_labels,
    stem_of,
)


def put(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def names(paths):
    return [path.name for path in paths]


def test_images_of_a_folder_come_as_people_count(tmp_path):
    put(tmp_path, "t10.tif", "t2.TIF", "b.png", "A.jpeg", "t1.tiff", "c.JPG")
    assert names(find_images(tmp_path)) == [
        "A.jpeg",
        "b.png",
        "c.JPG",
        "t1.tiff",
        "t2.TIF",
        "t10.tif",
    ]


def test_other_files_hidden_ones_and_folders_are_left_out(tmp_path):
    put(tmp_path, "a.tif", "notes.txt", "Thumbs.db", "._a.tif", ".hidden.png")
    (tmp_path / "old.tif").mkdir()
    assert names(find_images(tmp_path)) == ["a.tif"]


def test_probabilities_beside_their_labels_are_left_out(tmp_path):
    put(tmp_path, "a.tif", "a_probabilities.tif", "b_probabilities.tif")
    put(tmp_path, "a_uncertainty.tif")
    assert names(find_images(tmp_path)) == ["a.tif", "b_probabilities.tif"]


def test_a_file_stands_for_itself(tmp_path):
    put(tmp_path, "a.ome.tif")
    assert find_images(tmp_path / "a.ome.tif") == [tmp_path / "a.ome.tif"]


def test_a_missing_path_is_refused(tmp_path):
    for look in (find_images, read_image, read_labels):
        with pytest.raises(
            InputError, match=r"nowhere' does not exist; check the path"
        ):
            look(tmp_path / "nowhere")


def test_an_empty_folder_and_one_without_images_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no TIFF, PNG or JPEG .*: it is empty"):
        find_images(tmp_path)
    put(tmp_path, "a.txt", "b.czi")
    with pytest.raises(InputError, match="it holds only other files or folders"):
        find_images(tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    put(tmp_path, "a.czi")
    with pytest.raises(InputError, match=r"'a.czi' is not a TIFF, PNG or JPEG"):
        read_image(tmp_path / "a.czi")


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(InputError, match="is a folder; name one image in it"):
        read_image(tmp_path)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.tif", "a"),
        ("a.ome.tif", "a"),
        ("a.OME.TIFF", "a"),
        ("a.b.png", "a.b"),
        ("plate 1.2.jpg", "plate 1.2"),
    ],
)
def test_stems(tmp_path, name, stem):
    assert stem_of(tmp_path / name) == stem


def test_files_of_equal_stem_are_pairs(tmp_path):
    images = put(tmp_path / "images", "a.ome.tif", "c.tif", "b.jpg", "readme.txt")
    labels = put(tmp_path / "labels", "b.tif", "a.png", "c.tif")
    assert [names(pair) for pair in pair_files(images, labels)] == [
        ["a.ome.tif", "a.png"],
        ["b.jpg", "b.tif"],
        ["c.tif", "c.tif"],
    ]


def test_labels_may_be_called_as_annotations_are_exported(tmp_path):
    images = put(tmp_path / "images", "a.tif", "b points.tif", "c.tif")
    labels = put(
        tmp_path / "labels", "a annotation.tif", "b points.tif", "c points.tif"
    )
    assert [names(pair) for pair in pair_files(images, labels)] == [
        ["a.tif", "a annotation.tif"],
        ["b points.tif", "b points.tif"],
        ["c.tif", "c points.tif"],
    ]
    put(tmp_path / "labels", "a.tif")
    with pytest.raises(InputError, match="a annotation"):
        pair_files(images, labels)


def test_two_files_are_a_pair_whatever_their_names(tmp_path):
    put(tmp_path, "image.tif", "mask.png")
    pair = tmp_path / "image.tif", tmp_path / "mask.png"
    assert pair_files(*pair) == [pair]


def test_a_file_finds_its_partner_in_a_folder(tmp_path):
    images = put(tmp_path / "images", "a.tif", "b.tif")
    labels = put(tmp_path / "labels", "a.png", "b.png", "c.png")
    assert pair_files(images / "b.tif", labels) == [
        (images / "b.tif", labels / "b.png")
    ]
    assert pair_files(images, labels / "a.png") == [
        (images / "a.tif", labels / "a.png")
    ]
    with pytest.raises(InputError, match=r"no image in .* for 'c'"):
        pair_files(images, labels / "c.png")


def test_files_without_a_partner_are_named(tmp_path):
    images = put(tmp_path / "images", *(f"{i}.tif" for i in range(9)), "x.tif")
    labels = put(tmp_path / "labels", "x.tif", "y.tif")
    expected = (
        f"There are no labels in '{labels.parent / 'labels'}' for '0', '1', '2', '3', "
        f"'4' and 4 more and no image in '{images}' for 'y'. Files belong together"
    )
    with pytest.raises(InputError, match=re.escape(expected)):
        pair_files(images, labels)


def test_two_files_of_one_stem_are_refused(tmp_path):
    images = put(tmp_path / "images", "a.tif", "a.png")
    labels = put(tmp_path / "labels", "a.tif")
    with pytest.raises(InputError, match=r"'a.png' and 'a.tif' in .* same name"):
        pair_files(images, labels)


def test_the_values_of_a_big_stack_are_not_taken_for_another_axis(tmp_path):
    stack = np.arange(9 * 10 * 11, dtype=np.uint16).reshape(9, 10, 11)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tif").plane(4).array[0], stack[4]
    )


def test_an_image_with_nan_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((4, 5), np.nan, np.float32))
    with pytest.raises(InputError, match="'a' has 20 pixels that are not a number"):
        read_image(tmp_path / "a.tif")


@given(st.lists(st.integers(1, 40), min_size=2, max_size=5))
def test_guessed_axes_fit_the_shape(shape):
    axes = guess_axes(shape, np.dtype(np.uint16))
    if axes:
        assert len(axes) == len(shape)
        assert {"Y", "X"} <= set(axes)
        assert len(set(axes)) == len(axes)
        if "C" in axes:
            channels = shape[axes.index("C")]
            assert channels <= 8
            assert 4 * channels <= min(shape[axes.index(side)] for side in "YX")
