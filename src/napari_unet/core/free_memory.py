"""How much memory this process may still take: of the computer, or of its share of it.

A container, a batch system and `ulimit -v` may give less than the computer has, and end
whatever takes more.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_CGROUPS = Path("sys/fs/cgroup")
# Of both versions of Linux's control groups: limit, use, and in memory.stat the part of
# it that only repeats files, and is given back when it is needed.
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

# What a process has given back it can take again, though its limits count it: smaller
# tiles than this is enough for would take very long. Those that do not fit are halved.
_LEAST = 128 << 20
# Threads and libraries take more addresses than memory: stacks, and heaps that grow.
_ADDRESSES_KEPT = 96 << 20


def free_memory() -> int:
    """Return how many bytes are free within all limits, 128 MiB at least."""
    free: list[int] = [psutil.virtual_memory().available]
    if sys.platform == "linux":
        free += [*free_in_groups(Path("/")), *_free_addresses()]
    return max(_LEAST, min(free))


def free_in_groups(root: Path) -> Iterator[int]:
    """Yield what is left in each control group that this process is in.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.

    Notes
    -----
    Version 2: https://docs.kernel.org/admin-guide/cgroup-v2.html. In a container, the
    groups may be mounted from its own on, though they are named from the topmost of the
    computer: all that are there are read.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if not controllers:
            top, files = root / _CGROUPS, _V2
        elif "memory" in controllers.split(","):
            top, files = root / _CGROUPS / "memory", _V1
        else:
            continue
        place = Path(name.lstrip("/"))
        for group in (place, *place.parents):
            with suppress(OSError, ValueError):  # none there, or no limit: "max"
                yield _free_in(top / group, *files)


def _free_in(group: Path, limit: str, used: str, files: str) -> int:
    """Return what is left in one group."""
    most = int((group / limit).read_text())
    now = int((group / used).read_text())
    stat = dict(map(str.split, (group / "memory.stat").read_text().splitlines()))
    return most - now + int(stat.get(files, 0))


def _free_addresses() -> Iterator[int]:
    """Yield what is left of the addresses that this process may have, if limited."""
    import resource  # not on Windows

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        yield most - psutil.Process().memory_info().vms - _ADDRESSES_KEPT
