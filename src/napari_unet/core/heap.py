"""Memory that the C library keeps in reserve, given back to the system."""

import ctypes
import sys


def trim_heap() -> None:
    """Give it back, in some milliseconds; nothing happens but on Linux with glibc.

    Of what a tile, a training step or a large label image needed, some 200 MB may stay.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim"):
            library.malloc_trim(0)
