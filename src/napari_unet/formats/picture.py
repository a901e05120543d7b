"""One picture per image for people: the image, the objects found, the weight map."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.formats.panels import (
    INK,
    draw_colour_bar,
    draw_outlines,
    draw_scale_bar,
    enlarge,
    find_font,
    map_colours,
    stretch_contrast,
)
from napari_unet.formats.whole_file import require_same, write_whole

# Longest side of a panel on the picture.
_PANEL = 720
_MARGIN = 24
_GAP = 20


def write_picture(
    path: Path | str,
    image: Image | NDArray[np.generic],
    labels: NDArray[np.integer],
    weights: NDArray[np.floating] | None = None,
    truth: NDArray[np.integer] | None = None,
    *,
    title: str = "",
    pixel_size_um: Sequence[float] | None = None,
) -> None:
    """Write a PNG with the image, the outlines of the objects, and the weight map.

    Parameters
    ----------
    path : Path or str
        The file; an existing one is replaced in one step.
    image : Image or ndarray, shape (Y, X) or (Y, X, C)
        One plane; its contrast is stretched, 8-bit colours are kept.
    labels : ndarray of int, shape (Y, X)
        The objects; each is outlined in a colour.
    weights : ndarray of float, shape (Y, X), optional
        The weight map; without it the picture has two panels.
    truth : ndarray of int, shape (Y, X), optional
        The true objects, outlined thinly in white.
    title : str
        Written above everything.
    pixel_size_um : sequence of float, optional
        Edge lengths (Y, X) of a pixel, for a scale bar; by default those of `image`.

    Raises
    ------
    InputError
        If the shapes differ, or the file cannot be written or reads back differently.
    """
    if isinstance(image, Image):
        pixel_size_um = pixel_size_um or image.pixel_size_um
        image = np.moveaxis(image.array, 0, -1)
    _check_shapes(path, image, labels=labels, weights=weights, truth=truth)
    scale = _choose_scale(labels.shape)
    plain = enlarge(stretch_contrast(image), scale)
    outlined = draw_outlines(plain, labels, scale, truth)
    if pixel_size_um:
        draw_scale_bar(plain, pixel_size_um[-1] / scale)
    panels = [_Panel("Image", plain), _Panel(_count(labels, truth), outlined)]
    if weights is not None:
        panels.append(_draw_weights(weights, scale))
    picture = _lay_out(panels, title)
    with write_whole(path) as unfinished:
        picture.save(unfinished, "PNG")
        with Picture.open(unfinished) as back:
            same = back.mode == picture.mode and back.tobytes() == picture.tobytes()
        require_same(same, path)


@dataclass(frozen=True, slots=True, eq=False)
class _Panel:
    caption: str
    picture: Picture.Image
    key: Picture.Image | None = None  # to the right of it

    @property
    def width(self) -> int:
        """With the key, and not narrower than the caption."""
        key = 0 if self.key is None else 10 + self.key.width
        text, font = find_font(self.caption, 19)
        return max(self.picture.width + key, int(font.getlength(text)) + 1)


def _check_shapes(
    path: Path | str,
    image: NDArray[np.generic],
    **others: NDArray[np.generic] | None,
) -> None:
    for name, array in others.items():
        if array is not None and (array.ndim != 2 or array.shape != image.shape[:2]):
            raise InputError(
                f"'{Path(path).name}' cannot be drawn: the {name} have the shape "
                f"{array.shape}, the image {image.shape[:2]}; choose one plane, and "
                "what belongs to it."
            )


def _choose_scale(shape: Sequence[int]) -> float:
    """Return a whole factor for small images, a fraction for those over the limit."""
    longest = max(shape)
    return _PANEL / longest if longest > _PANEL else float(_PANEL // longest)


def _count(labels: NDArray[np.integer], truth: NDArray[np.integer] | None) -> str:
    found = len(np.unique(labels[labels > 0]))
    noun = "object" if found == 1 else "objects"
    if truth is None:
        return f"{found} {noun}"
    true = len(np.unique(truth[truth > 0]))
    return f"{found} {noun} found, the {true} true ones in white"


def _draw_weights(weights: NDArray[np.floating], scale: float) -> _Panel:
    highest = float(weights.max()) or 1.0
    picture = enlarge(map_colours(weights / highest), scale)
    unknown = " (0: not annotated)" if (weights == 0).any() else ""
    key = draw_colour_bar(picture.height, highest)
    return _Panel(f"Weight of each pixel in training{unknown}", picture, key)


def _lay_out(panels: Sequence[_Panel], title: str) -> Picture.Image:
    text, font = find_font(title, 24)
    top = _MARGIN + (40 if title else 0)
    width = sum(panel.width for panel in panels) + _GAP * (len(panels) - 1)
    width = max(width, int(font.getlength(text))) + 2 * _MARGIN
    height = top + 30 + panels[0].picture.height + _MARGIN
    sheet = Picture.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN - 4), text, font=font, fill=INK)
    left = _MARGIN
    for panel in panels:
        caption, font = find_font(panel.caption, 19)
        pen.text((left, top), caption, font=font, fill=INK)
        sheet.paste(panel.picture, (left, top + 30))
        if panel.key is not None:
            sheet.paste(panel.key, (left + panel.picture.width + 10, top + 30))
        left += panel.width + _GAP
    return sheet
