"""Write the folder `sample_data` anew: ``python -m napari_unet.samples [FOLDER]``."""

import argparse
from pathlib import Path

from napari_unet.samples.folder import write_samples


def main() -> None:
    """Write all pictures and say so."""
    parser = argparse.ArgumentParser(prog="python -m napari_unet.samples")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("sample_data"), help="where to"
    )
    folder: Path = parser.parse_args().folder
    print(f"{len(write_samples(folder))} files written to {folder}")


if __name__ == "__main__":
    main()
