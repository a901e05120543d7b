"""Memory that the C library keeps in reserve, given back to the system."""

import ctypes
import functools
import sys

# Of glibc's mallopt: how many heaps there may be.
_M_ARENA_MAX = -8


def trim_heap() -> None:
    """Give it back, in some milliseconds; nothing happens but on Linux with glibc.

    Of what a tile, a training step or a large label image needed, some 200 MB may stay.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim"):
            library.malloc_trim(0)


@functools.cache
def share_heap() -> None:
    """Let all threads share one heap, where this process may have few addresses.

    By default each thread has its own, of 64 MB addresses and more, used or not: with
    `ulimit -v` they are lost for all else. Only on Linux with glibc.
    """
    if sys.platform != "linux":
        return
    import resource  # not on Windows

    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, 1)
