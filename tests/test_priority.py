"""Work beside the window steps back; the window itself never does."""

import os
import sys
import threading

import psutil
import pytest

from napari_unet.priority import leave_room


def run_on_a_thread(work):
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities in Linux")
def test_work_that_steps_back_may_use_every_core():
    import torch

    def threads():
        leave_room()
        return torch.get_num_threads()

    assert run_on_a_thread(threads) == torch.get_num_threads()


@pytest.mark.skipif(sys.platform == "linux", reason="threads have priorities in Linux")
def test_without_priorities_one_core_is_left_free():
    import torch

    def threads():
        leave_room()
        return torch.get_num_threads()

    cores = psutil.cpu_count(logical=False) or os.cpu_count()
    assert run_on_a_thread(threads) == max(1, cores - 1)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities in Linux")
def test_only_the_working_thread_steps_back():
    def niceness():
        leave_room()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert run_on_a_thread(niceness) >= 5
    leave_room()
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
