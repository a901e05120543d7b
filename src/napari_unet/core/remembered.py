"""What was measured on this machine, so that it is measured once; such files."""

import json
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_unet.core.user_folders import cache_folder

_FILE = "measured.json"
# Of Linux: lines that tell one processor from another.
_OF_PROCESSOR = ("vendor_id", "model name", "cpu family", "model")


def recall(key: str) -> float | None:
    """Return the number remembered under `key`; None if there is none to be read."""
    value = read_content(_path()).get(key)
    return float(value) if isinstance(value, (int, float)) else None


def remember(key: str, value: float) -> None:
    """Remember a number for the next start; where nothing can be written, forget it."""
    write_content(_path(), read_content(_path()) | {key: value})


def read_content(path: Path) -> dict[str, Any]:
    """Return what a file remembers; nothing if it is missing or damaged."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
    return {}


def write_content(path: Path, content: dict[str, Any]) -> None:
    """Write it aside, then rename; where nothing can be written, leave it."""
    text = json.dumps(content, indent=1) + "\n"
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)


def name_processor() -> str:
    """Return what tells this processor, and this computer, from others."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        pairs = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
        stripped = {name.strip(): value.strip() for name, value in pairs.items()}
        known = [stripped[name] for name in _OF_PROCESSOR if name in stripped]
        name = " ".join(known) or name
    return f"{name}, {platform.node()}"


def _path() -> Path:
    """Return the file; it may not exist."""
    return cache_folder() / _FILE
