"""NumPy files that hold Python objects, read without running anything in them.

NumPy stores such objects as a pickle, and a pickle may name any function and call it
while it is read. Here the names of four functions of NumPy are known, those that make
arrays; each stands for a record of its own that only keeps what it is given, and every
other name ends the reading. Not even NumPy itself is called with what the file says:
its own reconstruction trusts memory layouts.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.formats.stored import refuse_damaged

# Before NumPy 2 and since.
_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_KINDS = "biuf"


class PickledArray:
    """What a pickle says of one array or one number of NumPy."""

    __slots__ = ("_dtype", "_in_columns", "_raw", "_shape")

    def __init__(self, *_placeholder: object) -> None:
        self._shape: Any = ()
        self._dtype: Any = None
        self._in_columns: Any = False
        self._raw: Any = b""

    def __setstate__(self, state: Any) -> None:
        """Keep shape, type and content; they are checked where they are used."""
        _version, self._shape, self._dtype, self._in_columns, self._raw = state

    @property
    def item(self) -> object:
        """The object in an array that holds just one."""
        [only] = self._raw if isinstance(self._raw, list) else []
        return only

    def numbers(self) -> NDArray[Any]:
        """Return the array.

        Raises
        ------
        ValueError
            If it holds anything but numbers, or content and shape differ.
        """
        if not (isinstance(self._dtype, _PickledType) and isinstance(self._raw, bytes)):
            raise ValueError("it holds something else than numbers")
        array = np.frombuffer(self._raw, self._dtype.plain())
        return array.reshape(self._shape, order="F" if self._in_columns else "C")


class _PickledType:
    """What a pickle says of the type of an array."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: object, *_flags: object) -> None:
        self._code, self._order = code, "|"

    def __setstate__(self, state: Any) -> None:
        self._order = state[1]

    def plain(self) -> np.dtype[Any]:
        """Return the type, if it is one of numbers."""
        code, order = self._code, self._order
        is_plain = isinstance(code, str) and code[:1] in _KINDS and code[1:].isdecimal()
        if not is_plain or order not in ("<", ">", "|", "="):
            raise ValueError("it holds something else than numbers")
        return np.dtype(f"{order}{code}")


class _Reader(pickle.Unpickler):
    """An unpickler to which nothing but the arrays of NumPy has a name."""

    def find_class(self, module: str, name: str) -> Any:
        if module in _MODULES and name == "_reconstruct":
            return type("_Array", (PickledArray,), {"__slots__": ()})
        if module in _MODULES and name == "scalar":
            return type("_Scalar", (PickledArray,), {"__slots__": ()})
        if module == "numpy" and name == "dtype":
            return type("_Type", (_PickledType,), {"__slots__": ()})
        if module == "numpy" and name == "ndarray":
            return None  # only ever an argument
        raise InputError(
            f"it names '{module}.{name}', and what a file names could be any program; "
            "only arrays and plain values are read"
        )


def read_npy(path: Path) -> object:
    """Read a NumPy file.

    Parameters
    ----------
    path : Path
        A ``.npy`` file.

    Returns
    -------
    ndarray, or object
        An array of numbers; or the one Python object that was stored, made of plain
        values and containers, and of `PickledArray` where it holds arrays.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds anything else. Nothing in it is run.
    """
    with refuse_damaged(path), path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, in_columns, dtype = read(file)
        content = file.read()
        if dtype.hasobject:
            return _read_object(path, content)
        array = np.frombuffer(content, dtype)
        return array.reshape(shape, order="F" if in_columns else "C")


def _read_object(path: Path, content: bytes) -> object:
    try:
        stored = _Reader(io.BytesIO(content)).load()
    except InputError as error:
        raise InputError(f"'{path.name}' is not read: {error}.") from None
    return stored.item if isinstance(stored, PickledArray) else stored
