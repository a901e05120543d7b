"""PNG and JPEG in."""

import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.formats.stored import Stored, refuse_damaged

_PNG = b"\x89PNG\r\n\x1a\n"


def read_png_or_jpeg(path: Path) -> Stored:
    """Read a PNG or JPEG file.

    Parameters
    ----------
    path : Path
        Any PNG or JPEG, with 1 to 16 bits.

    Returns
    -------
    Stored
        Axes YX, or YXS with three colours; transparency is dropped. A palette is
        returned with the numbers. Resolutions are not read: in these formats they are
        a printer's.

    Raises
    ------
    InputError
        If the file cannot be read completely.
    """
    with refuse_damaged(path):
        data = path.read_bytes()
        if _has_deep_colours(data):
            # Pillow would round 16-bit colours to 8 bits.
            import imagecodecs

            return _keep_colours(path, imagecodecs.png_decode(data))
        return _read_by_pillow(path)


def _read_by_pillow(path: Path) -> Stored:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            picture = Image.open(path)
        except Image.DecompressionBombError as error:
            raise InputError(
                f"'{path.name}' has too many pixels for a PNG or JPEG; save it as TIFF."
            ) from error
    with picture:
        picture.load()
        if picture.mode in ("P", "PA"):
            colours = picture.palette.getdata()[1] if picture.palette else b""
            mode = picture.palette.mode if picture.palette else "RGB"
            palette = np.frombuffer(colours, np.uint8).reshape(-1, len(mode))
            full = np.zeros((256, 3), np.uint8)  # short palettes end in black
            full[: len(palette)] = palette[:, :3]
            return Stored(path, np.asarray(picture.getchannel(0)), "YX", palette=full)
        if picture.mode not in ("1", "L", "LA", "RGB", "RGBA", "I", "I;16", "I;16B"):
            return _keep_colours(path, np.asarray(picture.convert("RGB")))
        return _keep_colours(path, np.asarray(picture))


def _has_deep_colours(data: bytes) -> bool:
    """Whether this is a PNG with 16 bits and more than one value per pixel."""
    if not data.startswith(_PNG) or len(data) < 26:
        return False
    depth, kind = struct.unpack_from("BB", data, 24)
    return depth == 16 and kind in (2, 4, 6)


def _keep_colours(path: Path, array: NDArray[np.generic]) -> Stored:
    if array.ndim == 2:
        return Stored(path, array, "YX")
    # 2 values are grey and transparency, 4 are three colours and transparency.
    return Stored(path, array[..., : 3 if array.shape[-1] > 2 else 1], "YXS")
