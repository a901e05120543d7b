"""Ground left unpainted: background, or unknown where objects were left out, too."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.finding import Finding, first_pixel
from napari_unet.core.annotation.object_sizes import keep_known
from napari_unet.core.annotation.target import Example
from napari_unet.core.annotation.unpainted import count_others, keep_near
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import DeviceChoice
from napari_unet.core.errors import InputError
from napari_unet.core.prediction.labels import make_labels
from napari_unet.core.prediction.segment import segment
from napari_unet.core.prediction.zoom import Zoom

# Returns who is asked which objects an image holds, and how to zoom the image for it;
# None where nobody is.
Witness = Callable[[Example], tuple[Model, Zoom | None] | None]

# Who finds fewer of the painted objects than this part may know nothing of such ones;
# or, of the model to start from, just those were painted that it misses: where they
# cover less than this part of an image, that is more likely.
_LEAST_AGREED, _SPARSE = 0.25, 0.05
# So many times as many others as painted objects: these are few of many.
_FEW_OF_MANY, _FEWEST_OTHERS = 1.0, 3
# From so many times as many on, it is worth a warning.
_WORTH_SAYING = 0.2
# Objects that cover more of an image are not a few of many.
_DENSE = 0.3
# Of large sets so many images are looked at: if all of these are complete, so are the
# others. Of a large plane so much around what is painted.
_MOST_IMAGES, _LARGEST_SIDE = 8, 2048


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """Annotated images, and what is thought of the ground left unpainted.

    Parameters
    ----------
    examples : list of Example
        Where only a few objects of many are painted, with the rest ignored.
    findings : tuple of Finding
        A warning for each image that may hold objects nobody has painted.
    kept_near : int
        Of how many images only the ground around painted objects is known.
    """

    examples: list[Example]
    findings: tuple[Finding, ...] = ()
    kept_near: int = 0

    @property
    def note(self) -> str:
        """What was decided, in a sentence about the first image; else nothing."""
        if not self.findings:
            return ""
        first, more = self.findings[0], len(self.findings) - 1
        others = f" So it is with {more} more." if more else ""
        return f"'{first.image}': {first.message}{others}"

    def say_ground(self, said: str) -> str:
        """Add to a sentence, if there is one, which ground is known at all."""
        if not said or not self.kept_near:
            return said
        return f"{said}; ground is known only around what was painted"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All objects that a witness finds in an image, whatever is painted on it.

    Parameters
    ----------
    by : str
        Name of the witness.
    labels : ndarray of int, shape ([Z,] h, w)
        Its objects.
    window : tuple of slice
        Where in the plane (Y, X) it has looked.
    """

    by: str
    labels: NDArray[np.integer]
    window: tuple[slice, slice]


@dataclass(slots=True, eq=False)
class _Seen:
    """What a witness says about one image, beside what is painted."""

    painted: int
    may_miss: bool = False
    agreed: int = 0
    others: int = 0
    by: str = ""
    missing: NDArray[np.bool_] | None = field(default=None, repr=False)

    @property
    def is_credible(self) -> bool:
        return self.may_miss or self.agreed >= _LEAST_AGREED * self.painted

    @property
    def are_few_of_many(self) -> bool:
        least = max(_FEW_OF_MANY * self.painted, _FEWEST_OTHERS)
        return self.is_credible and self.others >= least

    @property
    def is_worth_saying(self) -> bool:
        return self.is_credible and self.others > _WORTH_SAYING * self.painted


def settle_unpainted(
    examples: Sequence[Example],
    how: Literal["auto", "background", "unknown"],
    witness: Witness,
    *,
    is_start: bool,
    device: DeviceChoice = "auto",
    to_say: bool = False,
) -> Generator[None, None, Settled]:
    """Decide what ground left unpainted means; one `next` is one tile of a look.

    Parameters
    ----------
    examples : sequence of Example
        Of objects, planes or volumes as the network learns from them. Those with
        regions, where the user has said what is complete, stay as they are.
    how : str
        See `TrainConfig.unpainted`.
    witness : callable
        Of an example: who finds the objects that it holds.
    is_start : bool
        Whether that is the model to start from, of which the user may have seen what
        it misses.
    device : str
        Where to look.
    to_say : bool
        Look even where it changes nothing, to warn of it.

    Returns
    -------
    Settled
        With as many examples, in their order.
    """
    settled = list(examples)

    def look(example: Example) -> Generator[None, None, _Seen]:
        found = yield from find_all(example, witness, device)
        return _compare(example, found, is_start=is_start)

    open_ones = [i for i, each in enumerate(examples) if _is_open(each)]
    seen: dict[int, _Seen] = {}
    if to_say or how != "background":
        step = -(-len(open_ones) // _MOST_IMAGES) or 1
        for number in open_ones[::step]:
            seen[number] = yield from look(examples[number])
        if any(each.is_worth_saying for each in seen.values()):
            for number in (n for n in open_ones if n not in seen):
                seen[number] = yield from look(examples[number])
    findings, kept_near = [], 0
    for number in open_ones:
        found = seen.get(number, _Seen(0))
        near = _is_near(how, found)
        if near:
            settled[number] = keep_near(examples[number], found.missing)
            kept_near += 1
        if found.missing is not None and found.is_worth_saying:
            findings.append(
                Finding(
                    "warning",
                    _say(found, near=near),
                    examples[number].image.name,
                    first_pixel(found.missing),
                    "unpainted objects",
                )
            )
    return Settled(settled, tuple(findings), kept_near)


def _is_open(example: Example) -> bool:
    """Tell whether nothing says which ground is complete, although it may not be."""
    if example.regions or example.points is not None or example.values is not None:
        return False
    painted = int(np.count_nonzero(keep_known(example)))
    return 0 < painted < _DENSE * example.annotation.size


def learn_ground(
    example: Example,
    how: Literal["auto", "background", "unknown"],
    found: Found | None,
    *,
    is_start: bool,
) -> tuple[Example, str]:
    """Return an example as it would be learned from now, and why where that is less.

    Parameters
    ----------
    example : Example
        As for `settle_unpainted`.
    how : str
        See `TrainConfig.unpainted`.
    found : Found, optional
        What was found in its image, at any time.
    is_start : bool
        Whether by the model to start from.
    """
    if how == "background" or not _is_open(example):
        return example, ""
    seen = _compare(example, found, is_start=is_start)
    if not _is_near(how, seen):
        return example, ""
    why = "Only the ground around what you painted counts"
    if seen.are_few_of_many:
        why += f": '{seen.by}' finds {seen.others} more objects"
    return keep_near(example, seen.missing), f"{why}."


def _is_near(how: Literal["auto", "background", "unknown"], seen: _Seen) -> bool:
    """Tell whether only the ground around painted objects is known."""
    return how == "unknown" or (how == "auto" and seen.are_few_of_many)


def find_all(
    example: Example, witness: Witness, device: DeviceChoice = "auto"
) -> Generator[None, None, Found | None]:
    """Ask which objects an image holds, around those that are painted.

    One `next` is one tile. None if nobody is asked, or whoever is cannot read it.
    """
    window = _window(keep_known(example))
    try:
        asked = witness(example)
        if asked is None:
            return None
        model, zoom = asked
        steps = segment(
            example.image,
            model,
            box=window,
            scale=zoom,
            device=device,
            background_only=True,
        )
        while True:
            try:
                next(steps)
            except StopIteration as end:
                labels = make_labels(end.value, model.settings)
                return Found(model.card.name, labels, window)
            yield
    except InputError:  # not an image for this one: it has nothing to say about it
        return None


def _compare(example: Example, found: Found | None, *, is_start: bool) -> _Seen:
    """Compare what is painted with what was found."""
    painted = keep_known(example)
    look = _Seen(
        len(np.unique(painted[painted != 0])),
        may_miss=is_start and int(np.count_nonzero(painted)) < _SPARSE * painted.size,
    )
    if found is None:
        return look
    box = (..., *found.window)
    look.by = found.by
    look.agreed, look.others, missing = count_others(painted[box], found.labels)
    look.missing = np.zeros(painted.shape, bool)
    look.missing[box] = missing
    if example.ignore_label is not None:
        look.missing &= example.annotation != example.ignore_label
    return look


def _window(painted: NDArray[np.integer]) -> tuple[slice, slice]:
    """Return the plane (Y, X), or of a large one the part around painted objects."""
    plane = painted if painted.ndim == 2 else painted.any(axis=0)
    sides = []
    for places, length in zip(np.nonzero(plane), plane.shape, strict=True):
        side = min(length, _LARGEST_SIDE)
        first = min(max(0, int(np.median(places)) - side // 2), length - side)
        sides.append(slice(first, first + side))
    return sides[0], sides[1]


def _say(look: _Seen, *, near: bool) -> str:
    """Return what was seen, what follows from it, and what to do."""
    are = "object is" if look.painted == 1 else "objects are"
    seen = (
        f"{look.painted} {are} painted, and '{look.by}' finds {look.others} more on "
        "ground left unpainted"
    )
    if near:
        return (
            f"{seen}: only the ground around what is painted is learned from, the rest "
            "counts as unknown. Draw regions where all is painted, to learn from all "
            "of that; or, if there is nothing more, say that unpainted ground is "
            "background (on the command line: --unpainted background; in the dock: "
            "Unpainted ground, under Annotate)."
        )
    return (
        f"{seen}, which is learned as background. Paint them, draw regions around what "
        "is complete, or say that unpainted ground is unknown (on the command line: "
        "--unpainted unknown; in the dock: Unpainted ground, under Annotate)."
    )
