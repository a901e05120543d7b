"""Training patches as files: image, target and weights of each, to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.formats.tiff import write_grey, write_labels


def write_patches(
    folder: Path | str,
    images: NDArray[np.floating],
    targets: NDArray[np.generic],
    weights: NDArray[np.floating],
) -> list[Path]:
    """Write ``patch001_image.tif``, ``…_target.tif`` and ``…_weights.tif`` of each.

    Parameters
    ----------
    folder : Path or str
        Made if it is missing; files of these names are replaced.
    images : ndarray of float, shape (N, C, [Z,] Y, X)
        Normalised grey values.
    targets : ndarray, shape (N, [z,] y, x) or (N, T, [z,] y, x)
        Classes as whole numbers; or normalised grey values to predict. Smaller than
        the images, in their middle, where the network's output is.
    weights : ndarray of float, shape (N, [z,] y, x)
        Of the loss.

    Returns
    -------
    list of Path
        Three for each patch.

    Raises
    ------
    InputError
        If the folder cannot be made, or a file cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Patches cannot be saved in '{folder}': {error.strerror or error}. Choose "
            "a folder that you may write to."
        ) from error
    written: list[Path] = []
    for number, patch in enumerate(zip(images, targets, weights, strict=True), 1):
        names = ("image", "target", "weights")
        paths = [folder / f"patch{number:03d}_{name}.tif" for name in names]
        _write_patch(paths, *patch)
        written += paths
    return written


def _write_patch(
    paths: Sequence[Path],
    image: NDArray[np.floating],
    target: NDArray[np.generic],
    weights: NDArray[np.floating],
) -> None:
    write_grey(paths[0], image, axes="CZYX" if image.ndim == 4 else "CYX")
    if target.dtype.kind in "iu":
        write_labels(paths[1], target.astype(np.uint8))
    else:
        values = target.astype(np.float32)
        write_grey(paths[1], values, axes="CZYX" if target.ndim == 4 else "CYX")
    write_grey(paths[2], weights, axes="ZYX" if weights.ndim == 3 else "YX")
