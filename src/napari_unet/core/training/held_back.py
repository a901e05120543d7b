"""Annotated images, split into those to train on and those to validate on."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from napari_unet.core.annotation.target import Example, Region, Role, mark_known
from napari_unet.core.config import AnnotationKind
from napari_unet.core.training.apart import View, ground_of, keep_away

# Of each held-back part and of what remains, so that both say something.
_FEWEST_OBJECTS = 2
_FEWEST_CLASSES = 2
# Where the usual part of the only ground would hold too little, larger ones are tried.
_LARGER_SHARES = (0.35, 0.5)
# Shorter ground, in px, is not cut.
_SHORTEST = 8
# An area that is no more than this part of all ground may be held back as a whole.
_LARGEST_WHOLE = 0.3
# Between both parts, in what the network sees on each side of a pixel, and how much of
# the training ground must be left for that. Twice, no pixel is seen by both: the whole
# receptive field. Once, nothing that is trained on is seen from what is judged, nor the
# other way round. Less where little is annotated: to learn from none would be worse.
_GAPS = ((2.0, 0.6), (1.0, 0.4), (0.5, 0.4), (0.25, 0.4), (0.0, 0.0))
# The number of an image, and one of its regions.
Area = tuple[int, Region]
# What is left of an area, if anything, and what is held back of it.
Cut = tuple[Region | None, Region]
Split = tuple[list[Example], list[Example]]


def split_validation(
    examples: Sequence[Example],
    kind: AnnotationKind = "objects",
    share: float = 0.0,
    view: View | None = None,
) -> Split:
    """Return the examples to train on and those to validate on.

    Where the user named validation images or regions, they are taken. Else a part of
    one annotated area is held back: a fifth of it per area there is, half at most, or,
    of five areas and more, a whole one; more of it where a fifth holds too little. The
    same image may appear on both sides, with regions that do not overlap. With a
    `share` of one's own, that part of all annotated ground is: whole areas, from the
    last one on, and a part of another.

    Parameters
    ----------
    examples : sequence of Example
        As the user annotated them.
    kind : str
        Of objects, both parts hold at least two; of classes, what is left to train on
        has all that were there, and what is held back at least two.
    share : float
        Of the annotated pixels, below 1; 0 for the rule above.
    view : callable, optional
        From `apart.view_of`: how far the network sees. Ground so near to what is held
        back is not trained on, as far as enough is left; it stays known.

    Returns
    -------
    training, validation : list of Example
        Each with regions of one role. `validation` is empty where too little is
        annotated to hold any of it back.
    """
    training = [p for e in examples if (p := _part(e, "training")) is not None]
    validation = [p for e in examples if (p := _part(e, "validation")) is not None]
    if validation or not training:
        return training, validation
    ground = size_of(training)
    for times, least in _GAPS if view else _GAPS[-1:]:
        gaps = [
            tuple(math.ceil(times * side) for side in view(e.image))
            if view
            else (0,) * e.annotation.ndim
            for e in training
        ]
        splits = (
            _hold_back_share(training, kind, share, gaps)
            if share > 0
            else _hold_back(training, kind, gaps)
        )
        for rest, held in splits:
            enough = size_of(rest) >= least * (ground - size_of(held))
            if times == 0 or (enough and says_enough(training, rest, kind)):
                return rest, held
    return training, []


def train_on_all(examples: Sequence[Example]) -> list[Example]:
    """Return all examples as those to train on, whatever role they were given."""
    return [
        replace(
            example,
            role="training",
            regions=tuple(replace(r, role="training") for r in example.regions),
        )
        for example in examples
    ]


def says_enough(
    training: Sequence[Example], rest: Sequence[Example], kind: AnnotationKind
) -> bool:
    """Tell whether what is left can be learned from: every class, or two objects."""
    if any(example.values is not None for example in training):
        return bool(rest)
    every, left = (
        [
            {(0 if kind == "classes" else index, number) for number in numbers}
            for index, example in enumerate(examples)
            for region in ground_of(example)
            for numbers in [numbers_in(example, region)]
        ]
        for examples in (training, rest)
    )
    kept = set[tuple[int, int]]().union(*left)
    if kind == "classes":
        return kept == set[tuple[int, int]]().union(*every)
    return sum(number > 0 for _, number in kept) >= _FEWEST_OBJECTS


def size_of(examples: Sequence[Example]) -> int:
    """Return how many pixels are annotated."""
    return sum(_size(region) for e in examples for region in ground_of(e))


def _part(example: Example, role: Role) -> Example | None:
    """Return the part of an example with this role; None if there is none."""
    if example.role != role and not any(r.role == role for r in example.regions):
        return None
    regions = tuple(r for r in example.regions if r.role == role)
    if example.role == "validation":  # the whole image is, whatever its regions say
        return replace(example, role="validation") if role == "validation" else None
    if example.regions and not regions:
        return None
    return replace(example, regions=regions, seen=example.regions)


def _hold_back(
    training: list[Example], kind: AnnotationKind, gaps: Sequence[tuple[int, ...]]
) -> Iterator[Split]:
    """Cut a validation part off an annotated area, or take a whole one of many."""
    areas = list_areas(training)
    usual = 0.2 * len(areas)
    largest = _LARGEST_WHOLE * sum(_size(region) for _, region in areas)
    for index, region in reversed(areas) if usual >= 1 else ():
        left = [area for area in areas if area != (index, region)]
        if _size(region) <= largest and _may_go(training, index, region, left, kind):
            whole = None, replace(region, role="validation")
            yield divide(training, areas, {(index, region): whole}, gaps)
    usual = min(0.5, usual)
    for share in (usual, *(more for more in _LARGER_SHARES if more > usual)):
        for index, region in reversed(areas):
            cut = _cut_fairly(training[index], region, share, kind, gaps[index])
            if cut is not None:
                yield divide(training, areas, {(index, region): cut}, gaps)


def _hold_back_share(
    training: list[Example],
    kind: AnnotationKind,
    share: float,
    gaps: Sequence[tuple[int, ...]],
) -> Iterator[Split]:
    """Hold back whole areas from the last one on, then a part of another."""
    areas = list_areas(training)
    wanted = share * sum(_size(region) for _, region in areas)
    cuts: dict[Area, Cut] = {}
    for index, region in reversed(areas):
        if wanted < 1:
            break
        size, example = _size(region), training[index]
        left = [area for area in areas if area not in cuts and area != (index, region)]
        if size <= wanted:
            if left and _may_go(training, index, region, left, kind):
                cuts[index, region] = None, replace(region, role="validation")
                wanted -= size
            continue
        cut = _cut_fairly(example, region, wanted / size, kind, gaps[index])
        if cut is not None:
            cuts[index, region] = cut
            break
    if cuts:
        yield divide(training, areas, cuts, gaps)


def _may_go(
    training: list[Example],
    index: int,
    region: Region,
    left: Sequence[Area],
    kind: AnnotationKind,
) -> bool:
    """Tell whether a whole area says something, and what is left says the rest."""
    example = training[index]
    if example.values is not None:
        return True
    away = numbers_in(example, region)
    if kind == "classes":
        kept = set().union(*(numbers_in(training[i], r) for i, r in left))
        return away <= kept and len(away) >= _FEWEST_CLASSES
    return len(away - {0}) >= _FEWEST_OBJECTS


def list_areas(training: Sequence[Example]) -> list[Area]:
    """Return all annotated areas: each with the number of its image."""
    return [
        (i, region)
        for i, example in enumerate(training)
        for region in ground_of(example)
    ]


def _size(region: Region) -> int:
    """Return the number of pixels."""
    return math.prod(b - a for a, b in zip(region.start, region.stop, strict=True))


def _cut_fairly(
    example: Example,
    region: Region,
    share: float,
    kind: AnnotationKind,
    gap: tuple[int, ...],
) -> tuple[Region, Region] | None:
    """Cut `share` off a region so that both parts say something, if that can be."""
    longest = max(b - a for a, b in zip(region.start, region.stop, strict=True))
    if longest < _SHORTEST:
        return None
    fair = (
        (rest, held)
        for rest, held in _cuts(region, share)
        if _is_fair(example, region, keep_away((rest,), (held,), gap), held, kind)
    )
    if kind == "classes":  # as many of them as can be
        return max(fair, key=lambda c: len(numbers_in(example, c[1])), default=None)
    return next(fair, None)


def divide(
    training: list[Example],
    areas: Sequence[Area],
    cuts: Mapping[Area, Cut],
    gaps: Sequence[tuple[int, ...]],
) -> Split:
    """Return the images with what is left of their areas, and with what is not."""
    rest, held = [], []
    for index, example in enumerate(training):
        mine = [area for area in areas if area[0] == index]
        away = tuple(cuts[area][1] for area in mine if area in cuts)
        if not away:
            rest.append(example)
            continue
        left: list[Region] = []
        seen = list(example.seen)
        for area in mine:
            part = cuts[area][0] if area in cuts else area[1]
            kept = () if part is None else keep_away((part,), away, gaps[index])
            left += kept
            if kept != (area[1],):
                seen.append(area[1])
        if left:
            rest.append(replace(example, regions=tuple(left), seen=tuple(seen)))
        held.append(replace(example, regions=away))
    return rest, held


def _cuts(region: Region, share: float) -> Iterator[tuple[Region, Region]]:
    """Cut `share` off a region: the last part of its longer side.

    What is annotated is often not spread evenly: the other sides are tried, too.
    """
    lengths = [b - a for a, b in zip(region.start, region.stop, strict=True)]
    longer = int(np.argmax(lengths))
    yield _cut(region, share, longer, first=False)
    yield _cut(region, share, longer, first=True)
    for axis in range(len(lengths)):
        if axis != longer and lengths[axis] > 1:
            yield _cut(region, share, axis, first=False)
            yield _cut(region, share, axis, first=True)


def _cut(
    region: Region, share: float, axis: int, *, first: bool
) -> tuple[Region, Region]:
    """Return what is left of a region and what was cut off, across an axis."""
    start, stop = region.start[axis], region.stop[axis]
    part = min(math.ceil((stop - start) * share), stop - start - 1)
    at = start + part if first else stop - part
    before = tuple(at if i == axis else b for i, b in enumerate(region.stop))
    after = tuple(at if i == axis else a for i, a in enumerate(region.start))
    low, high = replace(region, stop=before), replace(region, start=after)
    rest, held = (high, low) if first else (low, high)
    return rest, replace(held, role="validation")


def _is_fair(
    example: Example,
    region: Region,
    rest: Sequence[Region],
    held: Region,
    kind: AnnotationKind,
) -> bool:
    """Tell whether both parts of a region say something."""
    if example.values is not None:  # all of its ground says enough
        return bool(rest)
    all_of_it, away = (numbers_in(example, r) for r in (region, held))
    left = set[int]().union(*(numbers_in(example, r) for r in rest))
    if kind == "classes":
        return left == all_of_it and len(away) >= _FEWEST_CLASSES
    return min(len(left - {0}), len(away - {0})) >= _FEWEST_OBJECTS


def numbers_in(example: Example, region: Region) -> set[int]:
    """Return the annotated numbers inside a region, without ignored ground.

    Points have numbers of their own, from 1 on.
    """
    if example.points is not None:
        return set(
            (np.flatnonzero(mark_counted_points(example, (region,))) + 1).tolist()
        )
    box = tuple(slice(a, b) for a, b in zip(region.start, region.stop, strict=True))
    numbers: set[int] = set(np.unique(example.annotation[box]).tolist())
    return numbers - {example.ignore_label}


def mark_counted_points(example: Example, regions: Sequence[Region]) -> np.ndarray:
    """Tell of each point whether it lies in one of the regions, and is not ignored."""
    if example.points is None:
        return np.zeros(0, bool)
    known = mark_known(example.annotation.shape, regions) & (example.annotation == 0)
    last = np.asarray(known.shape) - 1
    pixels = np.clip(np.round(example.points.positions), 0, last).astype(int)
    counted: np.ndarray = known[tuple(pixels.T)]
    return counted
