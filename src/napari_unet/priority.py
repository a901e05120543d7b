"""Long work beside a window lets the window go first."""

import os
import sys
import threading

import psutil

# Where both want one core, the window (niceness 0) gets nine times as much of it.
_NICENESS = 10


def leave_room() -> None:
    """Make the calling thread and its computations step back behind the window.

    Without this, training and window fight for the cores: on two of them a click waits
    for 120 ms every now and then. To be called before the thread computes anything: its
    helpers take its priority over. Does nothing to the main thread's own priority.
    """
    if sys.platform != "linux":  # elsewhere threads have no priority of their own
        import torch

        cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
        torch.set_num_threads(max(1, cores - 1))
    elif threading.current_thread() is not threading.main_thread():
        # It cannot be taken back, but threads of Qt's pool end by themselves.
        thread = threading.get_native_id()
        niceness = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread))
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
