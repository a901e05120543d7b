"""Draws F1 against seconds, a panel for each set and number of annotated images."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

COLOURS = {
    "from the starter": "#1f6fc4",
    "U-Net from scratch": "#8a8a8a",
    "random forest": "#d9822b",
}
WIDTH, HEIGHT = 250, 150  # of the axes of a panel, px
LEFT, TOP, RIGHT, BOTTOM = 44, 34, 22, 40
ACROSS = 3
LEGEND = 34


@dataclass(frozen=True)
class Curve:
    """What one way reaches.

    Parameters
    ----------
    name : str
        Of the set of images.
    annotated, scored : int
        Images.
    way : str
        One of `COLOURS`.
    points : list of (float, float)
        Seconds and F1.
    forgets : str
        F1 on a starter's own images, before and after.
    """

    name: str
    annotated: int
    scored: int
    way: str
    points: list[tuple[float, float]]
    forgets: str = ""


def draw_curves(path: Path, curves: Sequence[Curve]) -> None:
    """Write a PNG; all panels have the same axes, F1 from 0 to 1."""
    if not curves:
        return
    panels = [
        list(group) for _, group in groupby(curves, key=lambda c: (c.name, c.annotated))
    ]
    longest = max(seconds for curve in curves for seconds, _ in curve.points)
    across = min(ACROSS, len(panels))
    size = (LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM)
    rows = -(-len(panels) // across)
    picture = Image.new("RGB", (across * size[0], rows * size[1] + LEGEND), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for number, (way, colour) in enumerate(COLOURS.items()):
        x = LEFT + 190 * number
        pen.line([(x, 17), (x + 24, 17)], fill=colour, width=3)
        pen.text((x + 32, 17), way, fill="black", font=font, anchor="lm")
    for number, panel in enumerate(panels):
        corner = (number % across * size[0], LEGEND + number // across * size[1])
        _draw_panel(pen, font, corner, panel, longest)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def _draw_panel(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    corner: tuple[int, int],
    curves: Sequence[Curve],
    longest: float,
) -> None:
    left, top = corner[0] + LEFT, corner[1] + TOP
    bottom = top + HEIGHT
    images = "1 image" if curves[0].annotated == 1 else f"{curves[0].annotated} images"
    title = f"{curves[0].name}, {images}"
    pen.text((left, top - 12), title, fill="black", font=font, anchor="ls")
    for f1 in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - HEIGHT * f1
        pen.line([(left, y), (left + WIDTH, y)], fill="#dddddd")
        pen.text((left - 6, y), f"{f1:g}", fill="#555555", font=font, anchor="rm")
    step = 10 if longest <= 80 else 30
    for seconds in range(0, int(longest) + 1, step):
        x = left + WIDTH * seconds / longest
        unit = " s" if seconds == 0 else ""
        said = f"{seconds}{unit}"
        pen.text((x, bottom + 6), said, fill="#555555", font=font, anchor="mt")
    for curve in curves:
        colour = COLOURS[curve.way]
        places = [
            (left + WIDTH * seconds / longest, bottom - HEIGHT * f1)
            for seconds, f1 in curve.points
        ]
        pen.line(places, fill=colour, width=2)
        for x, y in places:
            pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill=colour, outline="white")
