"""With few addresses (ulimit -v) threads are done without, and tiles stay sensible."""

import math
import subprocess
import sys
import threading

import numpy as np
import pytest

from napari_unet.core.annotation.gap import measure_gap
from napari_unet.core.config import NetworkConfig
from napari_unet.core.memory import is_memory_shortage
from napari_unet.core.network.geometry import Geometry
from napari_unet.core.prediction.tiling import plan_tiles


def test_distances_between_objects_need_no_thread(monkeypatch):
    labels = np.zeros((40, 40), int)
    labels[5:15, 5:15], labels[5:15, 20:30] = 1, 2
    every = np.ones(labels.shape, bool)
    wanted = measure_gap(labels, 20, pixel_size=(1, 1), where=every)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    found = measure_gap(labels, 20, pixel_size=(1, 1), where=every)
    np.testing.assert_array_equal(found, wanted)
    assert np.isfinite(found).any()


def test_no_room_for_a_thread_is_a_shortage_of_memory():
    assert is_memory_shortage(RuntimeError("can't start new thread"))


def test_tiles_are_not_planned_so_small_that_they_are_all_context():
    geometries = Geometry.of_axes(NetworkConfig(levels=4))
    halo = geometries[0].halo
    tiles = plan_tiles((520, 696), geometries, memory=2**25)
    assert len(tiles) <= math.prod(math.ceil(n / (halo // 2)) for n in (520, 696))


THREADS = """
import resource, threading
most = 4 << 30
resource.setrlimit(resource.RLIMIT_AS, (most, most))
from napari_unet.core.heap import share_heap
share_heap()
import psutil
before = psutil.Process().memory_info().vms
go = threading.Event()
held = []
def work():
    held.append(bytearray(1000))
    go.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
print((psutil.Process().memory_info().vms - before) >> 20)
go.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit and glibc")
def test_threads_share_one_heap_where_addresses_are_few():
    ran = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 4 * 60  # a heap of their own is 64 MB each
