"""The panels of a picture: grey values, outlines, a weight map, and their scales."""

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from napari_unet.formats.outlines import Ring, trace_outlines

Colour = tuple[int, int, int]
INK: Colour = (40, 40, 40)
# Okabe & Ito (2008), distinct for the colour-blind, without black and the dark blue
# that would drown in a dark image.
OBJECT_COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 178, 130),
    (240, 228, 66),
    (224, 100, 20),
    (214, 131, 177),
)
# Black through purple and orange to pale yellow: as lightness rises evenly, the order
# of the values is seen without a key, by the colour-blind and in print too.
_MAP_COLOURS = (
    (0, 0, 4),
    (31, 12, 72),
    (87, 16, 110),
    (136, 34, 106),
    (188, 55, 84),
    (227, 89, 51),
    (249, 142, 9),
    (249, 201, 50),
    (252, 255, 164),
)
# Drawn this much larger and shrunk afterwards, lines have smooth edges.
_FINE = 3
# Two channels as magenta and green, which everyone tells apart.
_TWO_CHANNELS = np.array([[1, 0, 1], [0, 1, 0]])


def stretch_contrast(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return an image for the eye: the darkest 0.5 % black, the brightest 0.2 % white.

    Parameters
    ----------
    image : ndarray, shape (Y, X) or (Y, X, C)
        Grey values or channels. 8-bit colours are kept as they are; two channels
        become magenta and green; of more than three the first three are taken.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
    """
    channels = image[..., None] if image.ndim == 2 else image[..., :3]
    if channels.shape[-1] == 3 and channels.dtype == np.uint8:
        return np.ascontiguousarray(channels).astype(np.uint8)
    values = channels.astype(float)
    low, high = np.percentile(values, (0.5, 99.8), axis=(0, 1))
    span = np.where(high > low, high - low, 1)
    bright = np.clip((values - low) / span, 0, 1)
    if bright.shape[-1] == 2:
        bright = np.clip(bright @ _TWO_CHANNELS, 0, 1)
    grey: NDArray[np.uint8] = (bright * 255).astype(np.uint8)
    return np.broadcast_to(grey, (*grey.shape[:2], 3)).copy()


def map_colours(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the colour of each value between 0 and 1.

    Examples
    --------
    >>> map_colours(np.array([0.0, 1.0])).tolist()
    [[0, 0, 4], [252, 255, 164]]
    """
    at = np.linspace(0, 1, len(_MAP_COLOURS))
    bands = [np.interp(values, at, band) for band in zip(*_MAP_COLOURS, strict=True)]
    colours: NDArray[np.uint8] = np.rint(np.stack(bands, axis=-1)).astype(np.uint8)
    return colours


def enlarge(colours: NDArray[np.uint8], scale: float) -> Picture.Image:
    """Return a panel `scale` times as large: pixels stay squares, or are averaged."""
    height, width = colours.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    panel = Picture.fromarray(colours)
    method = Picture.Resampling.NEAREST if scale >= 1 else Picture.Resampling.BOX
    return panel.resize(size, method)


def draw_outlines(
    panel: Picture.Image,
    labels: NDArray[np.integer],
    scale: float,
    truth: NDArray[np.integer] | None = None,
) -> Picture.Image:
    """Draw the outline of every object in its colour, true outlines thinly in white.

    Parameters
    ----------
    panel : Image
        What lies below; it is not changed.
    labels, truth : ndarray of int, shape (Y, X)
        Objects found, and objects in truth.
    scale : float
        Panel pixels per pixel of the labels.
    """
    fine = panel.resize(
        (panel.width * _FINE, panel.height * _FINE), Picture.Resampling.NEAREST
    )
    pen = ImageDraw.Draw(fine)
    outlines = trace_outlines(labels)
    area = np.count_nonzero(labels) / max(1, len(outlines))
    # An eighth of a typical object is thick enough to see and leaves the inside free.
    width = float(np.clip(np.sqrt(area) * scale / 8, 1, 3)) * _FINE
    lines = [
        (_smooth(ring) * (scale * _FINE), OBJECT_COLOURS[outline.label % 6])
        for outline in outlines
        for part in outline.parts
        for ring in part
    ]
    # A dark seam lifts the lines off bright images; all seams lie below all lines.
    for ring, _ in lines:
        _draw_ring(pen, ring, (0, 0, 0), width + 0.8 * _FINE)
    for ring, colour in lines:
        _draw_ring(pen, ring, colour, width)
    if truth is not None:
        for outline in trace_outlines(truth):
            for ring in (ring for part in outline.parts for ring in part):
                _draw_ring(pen, _smooth(ring) * (scale * _FINE), (255, 255, 255), 2)
    return fine.reduce(_FINE)


def draw_scale_bar(panel: Picture.Image, um_per_pixel: float) -> None:
    """Draw a bar of a round length in µm into the lower right corner of a panel."""
    longest = panel.width * 0.3 * um_per_pixel
    length = _round_down(longest)
    width = round(length / um_per_pixel)
    if width < 12 or panel.height < 60:
        return  # too small to be read
    pen = ImageDraw.Draw(panel)
    right, bottom = panel.width - 14, panel.height - 14
    box = (right - width, bottom - 5, right, bottom)
    pen.rectangle((box[0] - 1, box[1] - 1, right + 1, bottom + 1), fill=(0, 0, 0))
    pen.rectangle(box, fill=(255, 255, 255))
    text, font = find_font(f"{length:g} µm", 17)
    pen.text(
        (right - width / 2, bottom - 9),
        text,
        font=font,
        fill=(255, 255, 255),
        anchor="mb",
        stroke_width=2,
        stroke_fill=(0, 0, 0),
    )


def draw_colour_bar(height: int, highest: float) -> Picture.Image:
    """Return the key of a map: its colours from 0 to `highest`, with numbers."""
    numbers = [number for number in _choose_ticks(highest) if number <= highest]
    texts = [find_font(f"{number:g}", 15) for number in numbers]
    widest = max(font.getlength(text) for text, font in texts)
    bar = Picture.new("RGB", (26 + int(widest), height), "white")
    ramp = map_colours(np.linspace(1, 0, height)[:, None].repeat(16, axis=1))
    bar.paste(Picture.fromarray(ramp), (0, 0))
    pen = ImageDraw.Draw(bar)
    for number, (text, font) in zip(numbers, texts, strict=True):
        y = round((height - 1) * (1 - number / highest))
        pen.line((16, y, 20, y), fill=INK)
        # Numbers at the ends stay within the bar's height.
        middle = float(np.clip(y, 7, max(7, height - 7)))
        pen.text((24, middle), text, font=font, fill=INK, anchor="lm")
    return bar


def find_font(text: str, size: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """Return a font that has the letters of a text, and the text as it can be written.

    Pillow's own font has no letters but those of ASCII: for others a font of the
    system is taken, and where there is none they are spelled without accents.
    """
    if not text.isascii():
        font = _find_system_font(size)
        if font is not None:
            return text, font
        plain = unicodedata.normalize("NFKD", text.replace("µ", "u"))
        text = plain.encode("ascii", "ignore").decode()
    default = ImageFont.load_default(size)
    if not isinstance(default, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install its wheel.")
    return text, default


@cache
def _find_system_font(size: float) -> ImageFont.FreeTypeFont | None:
    for name in ("DejaVuSans.ttf", "segoeui.ttf", "Arial.ttf", "Helvetica.ttc"):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None


def _smooth(ring: Ring) -> NDArray[np.float64]:
    """Return the ring through the middles of its pixel edges, without staircases."""
    ends = np.roll(ring, -1, axis=0)
    lengths = np.abs(ends - ring).sum(axis=1).astype(int)
    step = np.sign(ends - ring).repeat(lengths, axis=0)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    along = (np.arange(lengths.sum()) - first + 0.5)[:, None]
    middles: NDArray[np.float64] = ring.repeat(lengths, axis=0) + step * along
    return middles


def _draw_ring(
    pen: ImageDraw.ImageDraw, ring: NDArray[np.float64], colour: Colour, width: float
) -> None:
    points = [*map(tuple, ring.tolist()), *map(tuple, ring[:2].tolist())]
    pen.line(points, fill=colour, width=max(1, round(width)), joint="curve")


def _round_down(number: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, 50... that is not above `number`."""
    power = 10.0 ** np.floor(np.log10(number))
    return float(max(m for m in (1, 2, 5) if m <= number / power * (1 + 1e-9)) * power)


def _choose_ticks(highest: float) -> Sequence[float]:
    step = _round_down(highest / 3)
    return [float(number) for number in step * np.arange(int(highest / step) + 1)]
