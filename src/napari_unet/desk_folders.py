"""Where annotations are kept: a folder for each image that was ever annotated.

``annotations/<hash of the image>/`` in the user's folder holds ``journal``, every
change of its annotation, and ``image.json``, what image that is. The image itself stays
where it is; it is known again by its pixels, whatever its file is called then.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import InputError
from napari_unet.core.remembered import read_content
from napari_unet.core.user_folders import data_folder
from napari_unet.formats.whole_file import say_why, write_whole

_FOLDER, _JOURNAL, _ABOUT, _LOCK = "annotations", "journal", "image.json", "lock"
# There as long as a desk is open, and afterwards where nothing could close it.
_OPEN = "open"
_VERSION = 1
# All pixels count up to this many bytes; of larger images, evenly spaced planes.
_HASHED = 2**28
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class KeptImage:
    """An image whose annotation is kept.

    Parameters
    ----------
    name : str
        Of its layer.
    path : str
        Where it was opened from; '' if that is not known.
    shape : tuple of int
        Of its pixels.
    """

    name: str
    path: str
    shape: tuple[int, ...]


class KeptDesk:
    """The desk of one image, open in this window and in no other.

    Parameters
    ----------
    key : str
        From `hash_pixels`.
    image : KeptImage
        What it is.

    Raises
    ------
    InputError
        If it is open in another window, or its folder cannot be written.
    """

    def __init__(self, key: str, image: KeptImage) -> None:
        # Not before there is something to keep: the dock opens faster without.
        from filelock import FileLock, Timeout

        from napari_unet.desk import Desk

        self.folder = folder_of(key)
        # Opened on one thread, closed on another.
        self._lock = FileLock(self.folder / _LOCK, thread_local=False)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"'{image.name}' is annotated in another window of napari already, or "
                "opened twice in this one: what is painted here is not kept there. "
                "Close the other, and open this image again."
            ) from None
        except OSError as error:
            raise InputError(say_why(self.folder, error)) from error
        try:
            self._describe(image)
            self.desk = Desk(self._journal)
        except BaseException:
            self._lock.release()
            raise

    def begin(self) -> None:
        """Remember that it is painted on: a crash is known by that."""
        with suppress(OSError):  # then a crash is not told from an end
            (self.folder / _OPEN).touch()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is annotated."""
        desk = self.desk
        return not any(desk.states.values()) and not any(
            array.any() for array in desk.arrays.values()
        )

    @property
    def changed(self) -> float:
        """When the annotation changed last, in seconds since 1970."""
        return self._journal.stat().st_mtime

    def set_aside(self) -> None:
        """Begin an empty journal; the old one is kept beside it, under its date."""
        from napari_unet.desk import Desk

        day = time.strftime("%Y-%m-%d %H.%M.%S", time.localtime(self.changed))
        aside = self.folder / f"{_JOURNAL} of {day}"
        if aside.exists():
            aside = aside.with_name(f"{aside.name}, {time.time_ns()}")
        self.desk.close()
        try:
            self._journal.rename(aside)
        except OSError as error:
            raise InputError(say_why(aside, error)) from error
        finally:
            self.desk = Desk(self._journal)

    def close(self) -> None:
        """Close it, so that another window may open it."""
        try:
            self.desk.close()
            (self.folder / _OPEN).unlink(missing_ok=True)
        finally:
            self._lock.release()

    @property
    def _journal(self) -> Path:
        return self.folder / _JOURNAL

    def _describe(self, image: KeptImage) -> None:
        """Write what image it is; where it was, if that is not known any more."""
        before = _read_about(self.folder)
        path = image.path and os.path.abspath(image.path)
        about = {
            "version": _VERSION,
            "name": image.name,
            "path": path or (before.path if before is not None else ""),
            "shape": image.shape,
        }
        with write_whole(self.folder / _ABOUT) as unfinished:
            unfinished.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def folder_of(key: str) -> Path:
    """Return the folder of an image by its hash; it may not exist."""
    return data_folder() / _FOLDER / key


def is_kept(key: str) -> bool:
    """Tell whether an image was ever annotated."""
    return (folder_of(key) / _JOURNAL).exists()


def list_left_open() -> list[KeptImage]:
    """Return the images that were annotated when napari ended without closing them.

    Only those whose file is where it was; the one annotated last comes first.
    """
    if not (marks := list((data_folder() / _FOLDER).glob(f"*/{_OPEN}"))):
        return []
    from filelock import FileLock, Timeout

    found = []
    for mark in marks:
        image, journal = _read_about(mark.parent), mark.parent / _JOURNAL
        if image is None or not image.path or not Path(image.path).exists():
            continue
        lock = FileLock(mark.parent / _LOCK)
        try:
            with lock.acquire(timeout=0):
                found.append((journal.stat().st_mtime, image))
        except (Timeout, OSError):
            continue  # another window has it
    return [image for _, image in sorted(found, key=lambda each: -each[0])]


def forget_left_open() -> None:
    """Offer those no more; what was painted stays where it is."""
    from filelock import FileLock, Timeout

    for mark in (data_folder() / _FOLDER).glob(f"*/{_OPEN}"):
        lock = FileLock(mark.parent / _LOCK)
        with suppress(Timeout, OSError), lock.acquire(timeout=0):
            mark.unlink(missing_ok=True)


def _read_about(folder: Path) -> KeptImage | None:
    """Return what image a folder is of; None if that cannot be read."""
    about = read_content(folder / _ABOUT)
    if about.get("version") != _VERSION:
        return None
    return KeptImage(str(about["name"]), str(about["path"]), tuple(about["shape"]))


def hash_pixels(array: Any) -> str:
    """Return what tells an image from others: a hash of its pixels.

    Parameters
    ----------
    array : array
        In memory or not. Of more than 256 MB, evenly spaced planes along the first axis
        count.
    """
    shape, dtype = tuple(array.shape), np.dtype(array.dtype)
    hashed = hashlib.blake2b(digest_size=_DIGITS)
    hashed.update(repr((shape, dtype.str)).encode())
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if size <= _HASHED:
        hashed.update(np.ascontiguousarray(array).data)
        return hashed.hexdigest()
    count = max(1, _HASHED * shape[0] // size)
    for place in np.linspace(0, shape[0] - 1, count).astype(int):
        hashed.update(np.ascontiguousarray(array[place]).data)
    return hashed.hexdigest()
