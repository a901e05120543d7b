"""How far training and validation ground lie apart, and how far they should.

A network that is judged beside the ground it learned from is judged too well: it has
seen the neighbourhood. Where boxes lie as far apart as the network sees, it has not.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from napari_unet.core.annotation.target import Example, Region
from napari_unet.core.config import ModelSettings
from napari_unet.core.image import Image, scale_to_model
from napari_unet.core.network.geometry import Geometry

# Of an image: how many of its pixels a network sees on each side of a pixel, along
# ([Z,] Y, X).
View = Callable[[Image], tuple[int, ...]]


def view_of(settings: ModelSettings) -> View:
    """Return how far a model looks in an image, in the pixels of that image."""
    halos = [each.halo for each in Geometry.of_axes(settings.network)]

    def view(image: Image) -> tuple[int, ...]:
        grown = scale_to_model(image, settings.pixel_sizes_um, settings.zoom)
        factors = grown[-len(halos) :]
        # Rescaling mixes a pixel with its neighbours.
        sides = [
            halo if factor == 1 else math.ceil(halo / factor) + 1
            for halo, factor in zip(halos, factors, strict=True)
        ]
        return (0,) * (len(image.shape) - len(sides)) + tuple(sides)

    return view


def keep_away(
    regions: Iterable[Region], held: Sequence[Region], gap: Sequence[int]
) -> tuple[Region, ...]:
    """Return what is left of boxes that shall lie so far from others.

    Parameters
    ----------
    regions : iterable of Region
        What is to be trained on.
    held : sequence of Region
        What is held back.
    gap : sequence of int, one per axis
        In pixels; two boxes are apart if they are along one axis.

    Returns
    -------
    tuple of Region
        Boxes that do not overlap each other where the given ones did not.
    """
    left = list(regions)
    for box in held:
        start = [a - g for a, g in zip(box.start, gap, strict=True)]
        stop = [b + g for b, g in zip(box.stop, gap, strict=True)]
        left = [piece for region in left for piece in _cut_out(region, start, stop)]
    return tuple(left)


def _cut_out(
    region: Region, start: Sequence[int], stop: Sequence[int]
) -> Iterable[Region]:
    """Return a box without another one, as boxes: slabs before and behind it."""
    sides = zip(region.start, region.stop, start, stop, strict=True)
    if any(min(b, d) <= max(a, c) for a, b, c, d in sides):
        yield region
        return
    for axis in range(len(start)):
        first, last = region.start[axis], region.stop[axis]
        if first < start[axis]:
            yield _with_side(region, axis, first, start[axis])
        if stop[axis] < last:
            yield _with_side(region, axis, stop[axis], last)
        region = _with_side(
            region, axis, max(first, start[axis]), min(last, stop[axis])
        )


def _with_side(region: Region, axis: int, first: int, end: int) -> Region:
    """Return a box that reaches from `first` to before `end` along an axis."""
    start = (*region.start[:axis], first, *region.start[axis + 1 :])
    stop = (*region.stop[:axis], end, *region.stop[axis + 1 :])
    return replace(region, start=start, stop=stop)


def ground_of(example: Example) -> tuple[Region, ...]:
    """Return the boxes of an example: all of it, where there are no regions."""
    shape = example.annotation.shape
    return example.regions or (Region((0,) * len(shape), shape),)


def describe_ground(
    training: Sequence[Example], validation: Sequence[Example], view: View
) -> str:
    """Say on what a model is validated, and what its nearness to the rest means.

    Parameters
    ----------
    training, validation : sequence of Example
        The two parts.
    view : callable
        From `view_of`.

    Returns
    -------
    str
        A sentence without its full stop; nothing where nothing is validated on.
    """
    if not validation:
        return ""
    images = {id(each.image): each.image for each in (*training, *validation)}
    marks = {key: _mark(image) for key, image in images.items()}
    pairs = [
        (number, a, b)
        for number, held in enumerate(validation)
        for rest in training
        if marks[id(rest.image)] == marks[id(held.image)]
        for a, b in itertools.product(ground_of(held), ground_of(rest))
    ]
    both = {number for number, a, b in pairs if _overlap(a, b)}
    if both:
        return _describe_both(len(both), len(validation))
    if not pairs:
        return "validated on images that were not trained on"
    near = [(_distance(a, b), view(validation[n].image)) for n, a, b in pairs]
    return _describe_gap(*min(near, key=lambda each: _part_of_view(*each)))


def _describe_both(count: int, images: int) -> str:
    """Say that some images, or all, are trained on and validated on."""
    if count == images:
        return (
            "validated on ground that was trained on, too: the scores say nothing of "
            "other images. To learn how good it is, keep some images for validation"
        )
    were = "was" if count == 1 else "were"
    return (
        f"validated on {images} images, and {count} of the {images} {were} trained on, "
        "too: the scores are better than those of other images. To be sure, validate "
        "on images that are not trained on"
    )


def _describe_gap(apart: Sequence[int], seen: Sequence[int]) -> str:
    """Say how far ground lies from what was trained on, and what that means."""
    gap, reach = max(apart), max(seen)
    part = _part_of_view(apart, seen)
    if part >= 2:
        return (
            f"validated on ground {gap} px away from what was trained on: the whole "
            f"receptive field ({2 * reach} px) lies between, no pixel is seen from both"
        )
    if part >= 1:
        return (
            f"validated on ground {gap} px away from what was trained on: less than "
            f"the whole receptive field ({2 * reach} px), but as far as the network "
            f"sees to each side ({reach} px), so that none of it was seen in training"
        )
    where = "beside" if gap == 0 else f"only {gap} px away from"
    return (
        f"validated on ground {where} what was trained on, while the network sees "
        f"{reach} px to each side: the scores may be a little too good. To be sure, "
        "annotate another image, or a region farther away"
    )


def _mark(image: Image) -> tuple[object, ...]:
    """Return what two images have in common only if they hold the same."""
    array = np.ascontiguousarray(image.array)
    digest = hashlib.blake2b(array.view(np.uint8).data, digest_size=16).digest()
    return array.shape, array.dtype.str, digest


def _overlap(one: Region, other: Region) -> bool:
    """Tell whether two boxes have a pixel in common."""
    sides = zip(one.start, one.stop, other.start, other.stop, strict=True)
    return all(max(a, c) < min(b, d) for a, b, c, d in sides)


def _distance(one: Region, other: Region) -> tuple[int, ...]:
    """Return how many pixels lie between two boxes along each axis."""
    sides = zip(one.start, one.stop, other.start, other.stop, strict=True)
    return tuple(max(0, c - b, a - d) for a, b, c, d in sides)


def _part_of_view(apart: Sequence[int], view: Sequence[int]) -> float:
    """Return by which part of what the network sees two boxes are apart."""
    return max(
        (distance / max(side, 1) for distance, side in zip(apart, view, strict=True)),
        default=0.0,
    )
