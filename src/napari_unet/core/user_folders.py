"""Where the program keeps what is the user's."""

import os
from pathlib import Path

import platformdirs

# Tests and shared workstations put everything elsewhere than in the user's folders.
_HOME_VARIABLE = "NAPARI_UNET_HOME"
_NAME = "napari-unet-live"


def data_folder() -> Path:
    """Return the folder of what the user makes, which may not exist."""
    return _home() or Path(platformdirs.user_data_dir(_NAME, False))


def cache_folder() -> Path:
    """Return the folder of what can be made again, which may not exist."""
    return _home() or Path(platformdirs.user_cache_dir(_NAME, False))


def _home() -> Path | None:
    home = os.environ.get(_HOME_VARIABLE)
    return Path(home) if home else None
