"""Whether what was learned is better than what was there, and by which score."""

from collections.abc import Mapping
from typing import Literal

Verdict = Literal["better", "equal", "worse"]

# Digits that are shown: what differs by less is equal.
_DIGITS = 3
_DIGITS_DB = 2
# A smaller difference is no clear one where a single object makes as much.
_CLEAR = 0.03


def deciding(scores: Mapping[str, float]) -> str:
    """Return the name of the score that decides which of two models is better.

    Of objects it is the average precision over the IoU thresholds, which asks for
    right outlines, too; of classes the mean IoU, of points, which have no outlines, F1,
    and of grey values the PSNR.

    Examples
    --------
    >>> deciding({"f1": 0.9, "iou": 0.75, "ap": 0.625})
    'ap'
    >>> deciding({"f1": 0.9, "iou": 0.75})
    'f1'
    """
    if "psnr" in scores:
        return "psnr"
    if "iou_0" in scores:
        return "iou"
    return "ap" if "ap" in scores else "f1"


def judge(before: Mapping[str, float], learned: Mapping[str, float]) -> Verdict:
    """Say whether a model has become clearly better or worse.

    A difference that is not shown, or is small and less than one object makes, is none.

    Parameters
    ----------
    before, learned : mapping of str to float
        Scores on the same ground.

    Examples
    --------
    >>> judge({"f1": 0.9, "ap": 0.6251}, {"f1": 0.9, "ap": 0.6254})
    'equal'
    >>> judge({"ap": 0.851, "objects_true": 93}, {"ap": 0.845, "objects_true": 93})
    'equal'
    >>> judge({"f1": 0.9, "ap": 0.625}, {"f1": 0.9, "ap": 0.75})
    'better'
    """
    name = deciding(learned)
    difference = shown_difference(before, learned, name)
    is_small = objects_too_few(before, learned) and abs(difference) < _CLEAR
    if difference == 0 or is_small:
        return "equal"
    return "better" if difference > 0 else "worse"


def shown_difference(
    before: Mapping[str, float], learned: Mapping[str, float], name: str
) -> float:
    """Return by how much a score has risen, as far as the shown digits tell.

    Examples
    --------
    >>> shown_difference({"f1": 0.9, "ap": 0.6251}, {"f1": 0.9, "ap": 0.6254}, "ap")
    0.0
    """
    digits = _DIGITS_DB if name == "psnr" else _DIGITS
    was, now = (round(scores[name], digits) for scores in (before, learned))
    return now - was


def finds_nothing(scores: Mapping[str, float]) -> bool:
    """Tell whether objects were looked for, and none was found."""
    of_objects = "psnr" not in scores and "iou_0" not in scores
    return of_objects and scores.get("f1") == 0


def objects_too_few(
    before: Mapping[str, float], learned: Mapping[str, float]
) -> int | None:
    """Return how many objects there are to judge by, if they are too few to be sure.

    They are if the scores differ, but by less than one object makes. Of classes and
    grey values None is returned, and where one model finds nothing and the other does.

    Examples
    --------
    >>> few = {"f1": 1.0, "ap": 0.7, "objects_true": 4}
    >>> objects_too_few(few, few | {"ap": 0.72})
    4
    >>> objects_too_few(few, few | {"ap": 0.4})
    """
    name = deciding(learned)
    objects = int(learned.get("objects_true", 0))
    if name not in ("ap", "f1") or objects == 0:
        return None
    if finds_nothing(before) or finds_nothing(learned):
        return None
    difference = abs(shown_difference(before, learned, name))
    return objects if 0 < difference < 1 / objects else None
