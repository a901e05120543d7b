"""A journal of annotation: every change, appended to one file as it is made.

The file begins with a line of JSON, ``{"napari-unet journal": 1}``. Records follow:

======================  ===============================================================
4 bytes                 number of bytes of the content, little-endian
4 bytes                 CRC-32 of the content
the content             zlib: a line of JSON, then arrays where there are any
======================  ===============================================================

The line of JSON says what a record is: ``{"is": "pixels", "layer": …, "what": …,
"time": …, "runs": N, "dtype": "<u2"}`` is followed by the gaps between runs and their
lengths (N int64 each) and by the values before and after (N each); ``"state"`` holds
``before`` and ``after`` itself; ``"undo"`` and ``"redo"`` step back and forward;
``"layer"`` tells shape and dtype of an array that is annotated from now on.

A program that dies while it writes leaves an unfinished record at the end, and nothing
else: what was written before is whole, and the rest is cut off. Where a disk has
damaged a record in the middle, what comes after it is kept in a file of its own.
"""

import contextlib
import json
import logging
import os
import time
import weakref
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from napari_unet.core.annotation.change import Change, PixelChange, StateChange
from napari_unet.core.errors import InputError
from napari_unet.formats.whole_file import say_why

_log = logging.getLogger(__name__)
_HEADER = b'{"napari-unet journal": 1}\n'
_NUMBER = np.dtype("<i8")
_HEAD = 8
# zlib is fast enough for a brush at its lowest level.
_LEVEL = 1
# A crash leaves less of a record than this; more is a sign of damage.
_LEAST_DAMAGE = 2**16


@dataclass(frozen=True, slots=True)
class Step:
    """A step back or forward: ``undo`` or ``redo``."""

    word: str


@dataclass(frozen=True, slots=True)
class NewLayer:
    """An array that is annotated from now on; it begins as zeros.

    Parameters
    ----------
    layer : str
        Its key.
    shape : tuple of int
        Of the array.
    dtype : str
        As NumPy writes it.
    """

    layer: str
    shape: tuple[int, ...]
    dtype: str


Record = Change | Step | NewLayer


class Journal:
    """An open journal, to append to and to read from.

    Parameters
    ----------
    path : Path
        The file; it is made where there is none. An unfinished record at its end is cut
        off.

    Raises
    ------
    InputError
        If it is no journal, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: list[int] = []
        self._is_torn = False
        try:
            with contextlib.ExitStack() as on_error:
                self._file: BinaryIO = open(path, "a+b", buffering=0)  # noqa: SIM115
                on_error.callback(self._file.close)
                self._end = self._find_end()
                self._save_rest()
                self._cut()
                on_error.pop_all()
                # Whoever lets go of it without closing it leaves no open file behind.
                weakref.finalize(self, self._file.close).atexit = False
        except OSError as error:
            raise InputError(say_why(path, error)) from error

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._places)

    def append(self, record: Record) -> int:
        """Append a record, and return its number.

        It is in the hands of the system then, so that it outlives the program; `sync`
        forces it onto the disk, so that it outlives a power cut.

        Raises
        ------
        InputError
            If it cannot be written; the journal is as it was.
        """
        if self._is_torn:
            self._try(self._cut)
        content = zlib.compress(_encode(record), _LEVEL)
        head = len(content).to_bytes(4, "little")
        block = head + zlib.crc32(content).to_bytes(4, "little") + content
        self._is_torn = True
        self._try(lambda: self._write(block))
        self._is_torn = False
        self._places.append(self._end)
        self._end += len(block)
        return len(self._places) - 1

    def __getitem__(self, number: int) -> Record:
        """Return a record by its number."""
        self._file.seek(self._places[number])
        content = _read_block(self._file)
        try:
            return _decode(content or b"")
        except (ValueError, KeyError, zlib.error) as error:
            raise InputError(
                f"Step {number + 1} of '{self.path}' cannot be read: it was changed by "
                "another program, or written by a later version of this one."
            ) from error

    def __iter__(self) -> Iterator[Record]:
        return (self[number] for number in range(len(self)))

    def sync(self) -> None:
        """Force all that was appended onto the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Force it onto the disk and close it."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]

    def _try(self, write: Callable[[], None]) -> None:
        """Write; say in a sentence why that is not possible."""
        try:
            write()
        except OSError as error:
            with contextlib.suppress(OSError):
                self._cut()
            raise InputError(say_why(self.path, error)) from error

    def _cut(self) -> None:
        """Cut off what is unfinished at the end."""
        self._file.truncate(self._end)
        self._file.seek(self._end)
        self._is_torn = False

    def _save_rest(self) -> None:
        """Keep what follows a damaged record beside the journal."""
        self._file.seek(self._end)
        rest = self._file.read()
        size = int.from_bytes(rest[:4], "little")
        is_unfinished = _HEAD + size >= len(rest) and len(rest) < _LEAST_DAMAGE
        if is_unfinished or not any(rest):
            return
        day = time.strftime("%Y-%m-%d %H.%M.%S")
        aside = self.path.with_name(f"{self.path.name} damaged, rest of {day}")
        aside.write_bytes(rest)
        _log.warning(
            "'%s' was damaged; what came after it is in '%s'.", self.path, aside.name
        )

    def _find_end(self) -> int:
        """Return where the last whole record ends, and note where each begins."""
        self._file.seek(0)
        head = self._file.read(len(_HEADER))
        if head != _HEADER:
            if not _HEADER.startswith(head):
                raise InputError(f"'{self.path}' is no journal of annotation.")
            self._file.truncate(0)
            self._write(_HEADER)
            return len(_HEADER)
        end = len(_HEADER)
        while (content := _read_block(self._file)) is not None:
            self._places.append(end)
            end += _HEAD + len(content)
        return end


def _read_block(file: BinaryIO) -> bytes | None:
    """Return the content of a record, or None if there is none, or no whole one."""
    head = file.read(_HEAD)
    if len(head) < _HEAD:
        return None
    size, check = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
    # A power cut may leave zeros; and a damaged size is no reason to read 4 GB.
    if size == 0 or size > os.fstat(file.fileno()).st_size:
        return None
    content = file.read(size)
    return content if len(content) == size and zlib.crc32(content) == check else None


def _encode(record: Record) -> bytes:
    arrays: list[np.ndarray] = []
    said: dict[str, Any]
    match record:
        case PixelChange():
            dtype = record.before.dtype.newbyteorder("<")
            said = {
                "is": "pixels",
                "layer": record.layer,
                "what": record.what,
                "time": time.time(),
                "runs": len(record.starts),
                "dtype": dtype.str,
            }
            gaps = np.diff(record.starts, prepend=0)
            arrays = [
                gaps.astype(_NUMBER),
                record.lengths.astype(_NUMBER),
                record.before.astype(dtype),
                record.after.astype(dtype),
            ]
        case StateChange():
            said = {
                "is": "state",
                "layer": record.layer,
                "what": record.what,
                "time": time.time(),
                "before": record.before,
                "after": record.after,
            }
        case Step():
            said = {"is": record.word, "time": time.time()}
        case NewLayer():
            said = {
                "is": "layer",
                "layer": record.layer,
                "shape": record.shape,
                "dtype": record.dtype,
            }
    line = json.dumps(said).encode() + b"\n"
    return b"".join([line, *(array.tobytes() for array in arrays)])


def _decode(content: bytes) -> Record:
    line, _, rest = zlib.decompress(content).partition(b"\n")
    said = json.loads(line)
    match said["is"]:
        case "pixels":
            count, dtype = said["runs"], np.dtype(said["dtype"])
            kinds = [_NUMBER, _NUMBER, dtype, dtype]
            parts, place = [], 0
            for kind in kinds:
                parts.append(np.frombuffer(rest, kind, count, place))
                place += count * kind.itemsize
            gaps, lengths, before, after = parts
            starts = np.cumsum(gaps)
            return PixelChange(
                said["layer"], starts, lengths, before, after, said["what"]
            )
        case "state":
            return StateChange(
                said["layer"], said["before"], said["after"], said["what"]
            )
        case "layer":
            return NewLayer(said["layer"], tuple(said["shape"]), said["dtype"])
        case word:
            return Step(word)
