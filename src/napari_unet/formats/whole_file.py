"""Write a file so that the whole of it appears, or nothing at all.

The content goes into an unfinished file beside the target, is forced onto the disk,
and takes the target's name in one step. Whatever happens before that step (a crash, a
full disk, an error) leaves an older file of that name as it was.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_unet.core.errors import InputError

# Begins with a dot, so that no reader of the folder takes it for a result.
_UNFINISHED = ".unfinished-"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def write_whole(path: Path | str) -> Iterator[Path]:
    """Give a path to write to; what is there in the end becomes `path`.

    Parameters
    ----------
    path : Path or str
        The file to write. Its folder is made if it is missing; a symbolic link is
        followed. An existing file is replaced.

    Yields
    ------
    Path
        An unfinished file in the same folder, with the same suffix. If the block
        raises, it is removed and `path` stays as it was.

    Raises
    ------
    InputError
        If the system does not let the file be written: a sentence that names the
        file, the reason and a way out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with write_whole(Path(folder) / "note.txt") as unfinished:
    ...         _ = unfinished.write_text("done")
    ...     (Path(folder) / "note.txt").read_text()
    'done'
    """
    target = Path(os.path.realpath(path))
    unfinished = target.with_name(_UNFINISHED + secrets.token_hex(6) + target.suffix)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        _force_to_disk(unfinished)
        unfinished.replace(target)
    except OSError as error:
        raise InputError(say_why(Path(path), error)) from error
    finally:
        # On Windows a writer that failed may still hold the file open.
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    _force_folder_to_disk(target.parent)


def require_same(same: bool, path: Path | str) -> None:
    """Refuse a file that was read back differently from what was written.

    Called inside `write_whole`, it keeps the older file of that name.

    Raises
    ------
    InputError
        If `same` is false.
    """
    if not same:
        raise InputError(
            f"'{Path(path).name}' was not saved: what was read back differs from what "
            "was written. Save it on another disk, and have this one checked."
        )


def _force_to_disk(path: Path) -> None:
    # Windows flushes only through a handle that may write.
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _force_folder_to_disk(folder: Path) -> None:
    """Make the new name durable; Windows and some network disks cannot, nor need it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def say_why(path: Path, error: OSError) -> str:
    """Say why a file could not be written, and what to do."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        advice = "free some space there or choose another folder"
    elif error.errno in _FORBIDDEN:
        advice = (
            "choose a folder you may write to, and close the file in other programs"
        )
    elif error.errno is None:
        # NumPy's own message about a short write carries no number.
        advice = "see whether the disk is full, or choose another folder"
    else:
        advice = "choose another file name or folder"
    return (
        f"'{path.name}' could not be saved in '{path.parent}' ({reason}): {advice}. "
        "No file was changed."
    )
