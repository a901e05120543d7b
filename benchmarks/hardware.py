"""One line about the machine, for the head of every table."""

import os
import platform
from pathlib import Path


def describe_hardware() -> str:
    """Return processor, cores, graphics card, Python and torch."""
    import torch

    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith("model name")
        ]
        processor = names[0] if names else processor
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{processor}, {os.cpu_count()} cores, {card}; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )
