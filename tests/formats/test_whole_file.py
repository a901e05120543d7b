"""A file appears whole or not at all, whatever goes wrong."""

import errno
import os
import stat

import pytest

from napari_unet.core.errors import InputError
from napari_unet.formats.whole_file import require_same, write_whole


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "labels.tif"
    path.write_bytes(b"old")
    return path


def test_the_new_file_takes_the_place_of_the_old_one(old):
    with write_whole(old) as unfinished:
        unfinished.write_bytes(b"new")
        assert old.read_bytes() == b"old"
        assert unfinished.suffix == ".tif"
        assert unfinished.parent == old.parent
    assert contents(old.parent) == {"labels.tif": b"new"}


def test_missing_folders_are_made(tmp_path):
    with write_whole(tmp_path / "a" / "b" / "c.csv") as unfinished:
        unfinished.write_bytes(b"new")
    assert contents(tmp_path / "a" / "b") == {"c.csv": b"new"}


def test_a_new_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    with write_whole(tmp_path / "new") as unfinished:
        unfinished.write_bytes(b"")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_error_on_the_way_leaves_the_old_file_and_nothing_else(old, error):
    def write():
        with write_whole(old) as unfinished:
            unfinished.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert contents(old.parent) == {"labels.tif": b"old"}


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device.*free some space"),
        (errno.EROFS, "Read-only file system.*choose a folder you may write to"),
        (errno.EIO, "choose another file name or folder"),
    ],
)
@pytest.mark.parametrize("step", ["fsync", "open", "replace"])
def test_a_full_or_read_only_disk_is_said_in_a_sentence(
    old, monkeypatch, number, advice, step
):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)

    def write():
        with write_whole(old) as unfinished:
            # Not through `os.open`, which may be the step that fails.
            unfinished.write_bytes(b"half")

    with pytest.raises(InputError, match=f"'labels.tif' could not be saved.*{advice}"):
        write()
    monkeypatch.undo()
    assert contents(old.parent) == {"labels.tif": b"old"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the file size")
def test_a_disk_that_fills_up_while_writing_leaves_the_old_file(old):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def write():
        with write_whole(old) as unfinished:
            unfinished.write_bytes(bytes(10_000))

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"File too large.*free some space"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(old.parent) == {"labels.tif": b"old"}


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_read_only_folder_is_said_in_a_sentence(old):
    old.parent.chmod(0o500)
    try:
        with (
            pytest.raises(InputError, match="choose a folder you may write to"),
            write_whole(old) as unfinished,
        ):
            unfinished.write_bytes(b"new")
    finally:
        old.parent.chmod(0o700)


def test_a_folder_in_place_of_the_file_is_said_in_a_sentence(tmp_path):
    (tmp_path / "labels.tif").mkdir()
    with (
        pytest.raises(InputError, match=r"'labels.tif' could not be saved"),
        write_whole(tmp_path / "labels.tif") as unfinished,
    ):
        unfinished.write_bytes(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["labels.tif"]


def test_a_file_in_place_of_the_folder_is_said_in_a_sentence(old):
    with (
        pytest.raises(
            InputError, match=r"'a.tif' could not be saved in '.*labels.tif'"
        ),
        write_whole(old / "a.tif") as unfinished,
    ):
        unfinished.write_bytes(b"new")


def test_a_link_is_followed(old):
    link = old.parent / "link.tif"
    link.symlink_to(old)
    with write_whole(link) as unfinished:
        unfinished.write_bytes(b"new")
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_a_difference_on_reading_back_is_refused(old):
    require_same(True, old)

    def write():
        with write_whole(old) as unfinished:
            unfinished.write_bytes(b"new")
            require_same(False, old)

    with pytest.raises(InputError, match=r"'labels.tif' was not saved: what was read"):
        write()
    assert contents(old.parent) == {"labels.tif": b"old"}
