"""How far a score of few objects may be from that of many: 95 % intervals."""

from __future__ import annotations

import itertools
import math
import operator
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Interval = tuple[float, float]

LEVEL = 0.95
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
# From so many images on, how much these differ among each other is measured.
_FEWEST_IMAGES = 3


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over objects, each with a part of a whole; they can be added.

    Parameters
    ----------
    count : int
        Objects.
    parts, products, wholes : float
        Of their squared parts, of part times whole, and of squared wholes.
    """

    count: int = 0
    parts: float = 0.0
    products: float = 0.0
    wholes: float = 0.0

    @classmethod
    def of(cls, parts: NDArray[np.generic], wholes: NDArray[np.generic]) -> Sums:
        """Sum up the objects of an image."""
        part, whole = parts.astype(float), wholes.astype(float)
        return cls(
            len(part),
            float((part * part).sum()),
            float((part * whole).sum()),
            float((whole * whole).sum()),
        )

    def __add__(self, other: Sums) -> Sums:
        """Return the sums over the objects of both."""
        return Sums(
            self.count + other.count,
            self.parts + other.parts,
            self.products + other.products,
            self.wholes + other.wholes,
        )


def wilson(hits: float, of: float) -> Interval:
    r"""Return the 95 % score interval of a proportion.

    Parameters
    ----------
    hits, of : float
        How many of how many; need not be whole.

    Returns
    -------
    low, high : float
        From 0 to 1; all of it where `of` is 0. In contrast to the bootstrap and to
        :math:`p \pm 1.96\,s`, it is not a point where all or none are hits.

    References
    ----------
    Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; recommended for small numbers by
    Brown, Cai & DasGupta (2001), Statistical Science 16, 101-133.

    Examples
    --------
    >>> low, high = wilson(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    if of <= 0:
        return 0.0, 1.0
    share, pull = hits / of, _Z * _Z / of
    middle = (share + pull / 2) / (1 + pull)
    half = math.sqrt(share * (1 - share) * pull + pull * pull / 4) / (1 + pull)
    return max(0.0, middle - half), min(1.0, middle + half)


def f1_interval(parts: Sequence[tuple[int, int]]) -> Interval:
    r"""Return the 95 % interval of F1.

    :math:`F_1 = 2J / (1 + J)` grows with the share :math:`J` of hits among all objects,
    true or invented. So the Wilson interval of that share gives the one of F1 ("Wilson
    indirect").

    Parameters
    ----------
    parts : sequence of (int, int)
        Of each image: objects found, and objects that are true or invented; a pair
        that was matched counts once.

    References
    ----------
    Lam, Gopal & Qian (2023), Confidence intervals for the F1 score: a comparison of
    four methods. :doi:`10.48550/arXiv.2309.14621`

    Examples
    --------
    >>> low, high = f1_interval([(9, 11)])
    >>> round(low, 2), round(high, 2)
    (0.69, 0.97)
    """
    low, high = share_interval(parts)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def share_interval(parts: Sequence[tuple[int, int]]) -> Interval:
    """Return the 95 % interval of hits among objects that come from several images.

    Parameters
    ----------
    parts : sequence of (int, int)
        Of each image: hits, and how many objects.
    """
    hits = sum(part for part, _ in parts)
    objects = sum(of for _, of in parts)
    spread = design_effect(parts)
    return wilson(hits / spread, objects / spread)


def mean_share_interval(
    thresholds: Sequence[Sequence[tuple[int, int]]],
) -> Interval:
    """Return the 95 % interval of a mean of shares of the same objects.

    As average precision is over the IoU thresholds: the mean of the intervals at each
    of them. Which objects are hit at one threshold mostly tells which are at the next;
    were they not to move together at all, the interval would be too wide, never too
    narrow.

    Parameters
    ----------
    thresholds : sequence of sequence of (int, int)
        At each threshold, of each image: hits, and true and predicted objects, of
        which a hit is two.
    """
    each = [
        share_interval([(hits, objects - hits) for hits, objects in parts])
        for parts in thresholds
    ]
    low, high = (sum(ends) / len(ends) for ends in zip(*each, strict=True))
    return low, high


def ratio_interval(part: float, whole: float, sums: Sums) -> Interval | None:
    r"""Return the 95 % interval of a ratio of two sums over objects.

    As IoU of foreground is: pixels shared over pixels covered. Pixels of one object
    are far from independent; objects are nearly so. For a ratio :math:`r` of sums of
    :math:`n` parts :math:`s` and wholes :math:`u`, the variance is
    :math:`\frac{n}{n-1} \sum (s - r u)^2 / (\sum u)^2`. A few objects do not tell how
    often one is missed: two of half the mean size are added, of which one is missed
    and one found whole, as Agresti and Coull do for a share.

    Parameters
    ----------
    part, whole : float
        The sums.
    sums : Sums
        Over the same objects.

    Returns
    -------
    (float, float) or None
        With Student's quantile; None without objects.

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd ed., chapter 6; Agresti & Coull (1998),
    Am. Stat. 52, 119-126.

    Examples
    --------
    >>> low, high = ratio_interval(24, 30, Sums(3, 192, 240, 300))
    >>> round(low, 2), round(high, 2)
    (0.41, 1.0)
    """
    if sums.count == 0 or whole <= 0:
        return None
    size = whole / sums.count / 2
    sums += Sums(2, size**2, size**2, 2 * size**2)
    middle = (part + size) / (whole + 2 * size)
    squares = sums.parts - 2 * middle * sums.products + middle**2 * sums.wholes
    error = math.sqrt(max(0.0, squares) * sums.count / (sums.count - 1))
    half = _student(sums.count) * error / (whole + 2 * size)
    ratio = part / whole
    return max(0.0, min(ratio, middle - half)), min(1.0, max(ratio, middle + half))


def design_effect(parts: Sequence[tuple[int, int]]) -> float:
    r"""Return by how much images that differ make objects count less.

    Objects of one image resemble each other: where shares of hits vary more between
    images than those of independent objects would, so many objects say no more than
    fewer independent ones.

    Parameters
    ----------
    parts : sequence of (int, int)
        Of each image: hits, and how many objects.

    Returns
    -------
    float
        The variance of the share among images over that of independent objects, at
        least 1; 1 for fewer than three images, which do not tell. What it is above 1 is
        itself uncertain with few images, and grows as Student's t does over the normal
        quantile.

    References
    ----------
    Rao & Scott (1992), Biometrics 48, 577-585; Korn & Graubard (1998), Survey
    Methodology 24, 193-201.

    Examples
    --------
    >>> design_effect([(9, 10), (9, 10), (9, 10)])
    1.0
    >>> round(design_effect([(7, 10), (10, 10), (4, 10)]), 1)
    16.8
    """
    filled = [(part, of) for part, of in parts if of]
    count, objects = len(filled), sum(of for _, of in filled)
    share = sum(part for part, _ in filled) / objects if objects else 0.0
    if count < _FEWEST_IMAGES or share in (0, 1):
        return 1.0
    between = sum((part - share * of) ** 2 for part, of in filled)
    between *= count / (count - 1) / objects**2
    independent = share * (1 - share) / objects
    excess = max(0.0, between / independent - 1)
    return 1 + excess * (_student(count) / _Z) ** 2


def jackknife(
    scores: Sequence[Any], names: Sequence[str], highest: float = math.inf
) -> dict[str, Interval]:
    """Return the 95 % intervals of scores of several images, by leaving out each.

    For scores that are no share of objects, as IoU or SEG. Pixels of one image are far
    from independent: only images say how much such a score may vary.

    Parameters
    ----------
    scores : sequence
        Of each image; they can be added.
    names : sequence of str
        Attributes of their sum, none of which is ever below 0.
    highest : float
        Which they cannot exceed.

    Returns
    -------
    dict of str to (float, float)
        With Student's quantile; nothing for fewer than three images.

    References
    ----------
    Efron & Tibshirani (1993), An introduction to the bootstrap, chapter 11.
    """
    count = len(scores)
    if count < _FEWEST_IMAGES:
        return {}
    before = list(itertools.accumulate(scores, operator.add))
    after = list(itertools.accumulate(reversed(scores), operator.add))[::-1]
    without = [
        after[1],
        *(a + b for a, b in zip(before[:-2], after[2:], strict=True)),
        before[-2],
    ]
    intervals = {}
    for name in names:
        values = [getattr(each, name) for each in without]
        mean = sum(values) / count
        error = math.sqrt((count - 1) / count * sum((v - mean) ** 2 for v in values))
        half = _student(count) * error
        whole = getattr(before[-1], name)
        intervals[name] = max(0.0, whole - half), min(highest, whole + half)
    return intervals


def _student(count: int) -> float:
    """Return Student's quantile for the spread of so many images."""
    return float(stdtrit(count - 1, (1 + LEVEL) / 2))
