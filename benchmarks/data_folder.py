"""The folder of the data that a benchmark is told to read."""

import argparse
from pathlib import Path


def data_folder(given: str) -> Path:
    """Return the folder that `--data` names; argparse says it where there is none."""
    if not (folder := Path(given)).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder '{given}'")
    return folder
