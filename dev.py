"""Set up the project and run it: ``python3 dev.py demo | test | gui | lint | lock``.

Needs nothing but Python 3.11 or newer. Makes ``.venv``, installs the pinned versions
of ``constraints.txt`` into it, and (for the tests) the Debian packages that Qt needs.
Later calls only compare a stamp and take seconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.sha256"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

# What the xcb plugin of PyQt6 links to: one library to look for per package.
DISPLAY_PACKAGES = {
    "libgl1": "libGL.so.1",
    "libegl1": "libEGL.so.1",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
    "libdbus-1-3": "libdbus-1.so.3",
    "libfontconfig1": "libfontconfig.so.1",
    "libglib2.0-0": "libglib-2.0.so.0",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-image0": "libxcb-image.so.0",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-randr0": "libxcb-randr.so.0",
    "libxcb-render-util0": "libxcb-render-util.so.0",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-xinerama0": "libxcb-xinerama.so.0",
    "libxcb-xkb1": "libxcb-xkb.so.1",
}
# napari draws with OpenGL; without a graphics card Mesa's software renderer does it.
MESA_PACKAGE = "libgl1-mesa-dri"
FONT_PACKAGE = "fonts-dejavu-core"

LINTERS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("npe2", "validate", "--imports", "napari-unet-live"),
)
LOCK_HEADER = (
    "# Every version the project is tested with: Python 3.11, Linux, without CUDA.\n"
    "# Made by `python3 dev.py lock` (uv pip compile).\n"
)
# pip and setuptools come with the virtual environment; CUDA comes with a CUDA wheel.
NOT_LOCKED = ("nvidia-", "cuda-", "triton", "pip==", "setuptools==")


def main() -> int:
    """Install what is missing and run the command named on the command line."""
    commands = {
        "demo": lambda args: run(BIN / "napari-unet", "demo", *args),
        "gui": open_gui,
        "test": test,
        "lint": lambda args: max(run(BIN / tool[0], *tool[1:]) for tool in LINTERS),
        "lock": lock,
    }
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    install()
    return commands[sys.argv[1]](sys.argv[2:])


def run(*command: object) -> int:
    """Run a command from the project's root; return its exit code."""
    return subprocess.call([str(part) for part in command], cwd=ROOT)


def test(args: list[str]) -> int:
    """Run the tests with what they need of the system."""
    install_display_packages()
    return run(PYTHON, "-m", "pytest", *args)


def open_gui(args: list[str]) -> int:
    """Open napari with the dock; with a sample unless images are named."""
    install_display_packages(with_xvfb=False)
    return run(BIN / "napari-unet", "gui", *args)


def install() -> None:
    """Make ``.venv`` as ``pyproject.toml`` and ``constraints.txt`` describe it."""
    wanted = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        wanted.update((ROOT / name).read_bytes())
    stamp = f"{wanted.hexdigest()} {ROOT}"
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == stamp:
        return
    STAMP.unlink(missing_ok=True)
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before pip checks
        stop(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    print("Installing into .venv (a few minutes the first time) ...", flush=True)
    make_venv()
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "-qq")
    if run(*pip, "-c", "constraints.txt", "-e", ".[test]") != 0:
        stop("pip could not install the packages; its own message stands above.")
    STAMP.write_text(stamp)


def make_venv() -> None:
    """Make the virtual environment; Debian ships Python without its ``ensurepip``."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        apt_install(["python3-venv"])
    clear = VENV.exists()
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)]) == 0:
        return
    if clear:  # a broken environment of an earlier attempt
        shutil.rmtree(VENV)
        venv.create(VENV, with_pip=True)
        return
    stop(f"{sys.executable} could not make a virtual environment in {VENV}.")


def install_display_packages(*, with_xvfb: bool = True) -> None:
    """Install the system libraries that Qt, OpenGL and a virtual screen need."""
    if not sys.platform.startswith("linux"):
        return
    missing = [name for name, so in DISPLAY_PACKAGES.items() if not can_load(so)]
    if not any(Path("/usr/lib").glob("*/dri/swrast_dri.so")) and shutil.which("dpkg"):
        missing.append(MESA_PACKAGE)
    if not Path("/usr/share/fonts").exists():
        missing.append(FONT_PACKAGE)
    if with_xvfb and shutil.which("Xvfb") is None:
        missing += ["xvfb", "xauth"]
    if missing:
        apt_install(missing)


def can_load(library: str) -> bool:
    """Tell whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def apt_install(packages: list[str]) -> None:
    """Install Debian packages where that is allowed; else print the line and stop."""
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0
    if not may_install or shutil.which("apt-get") is None:
        line = " ".join(install)
        stop(
            "Some system packages are missing. On Debian or Ubuntu run\n\n"
            f"    sudo apt-get update && sudo {line}\n\nand then this command again."
        )
    print(f"Installing system packages: {' '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            stop(f"{' '.join(command)} failed:\n{done.stderr}")


def lock(args: list[str]) -> int:
    """Write ``constraints.txt`` anew from ``pyproject.toml``."""
    command = [
        *("uv", "pip", "compile", "pyproject.toml", "--all-extras", "--no-header"),
        *("--no-annotate", "--python-version", "3.11", "--quiet"),
        *("--python-platform", "x86_64-unknown-linux-gnu", "--constraints", "-", *args),
    ]
    if shutil.which("uv") is None:
        stop("uv is needed to make the lock: pip install uv")
    done = subprocess.run(
        command, cwd=ROOT, input="torch==2.13.0\n", capture_output=True, text=True
    )
    if done.returncode != 0:
        stop(done.stderr)
    lines = [
        line
        for line in done.stdout.splitlines(keepends=True)
        if line.strip() and not line.startswith(NOT_LOCKED)
    ]
    (ROOT / "constraints.txt").write_text(LOCK_HEADER + "".join(lines))
    return 0


def stop(message: str) -> None:
    """End with a sentence instead of a traceback."""
    sys.exit(f"\n{message}\n")


if __name__ == "__main__":
    sys.exit(main())
