"""Long work beside a window: it leaves a core free and lets the window go first."""

import os
import sys
import threading

import psutil

# Where both want one core, the window (niceness 0) gets three times as much of it.
_NICENESS = 10


def leave_room() -> None:
    """Make the calling thread and its computations step back behind the window.

    Without this, training and window fight for the cores: on two of them a click waits
    for 120 ms every now and then, with it for 20 ms. Does nothing to the main thread's
    own priority. Loads torch.
    """
    import torch

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    torch.set_num_threads(max(1, cores - 1))
    # Only Linux has a priority for each thread; it cannot be taken back, but threads of
    # Qt's pool end by themselves.
    if (
        sys.platform == "linux"
        and threading.current_thread() is not threading.main_thread()
    ):
        thread = threading.get_native_id()
        niceness = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread))
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
