"""Whether what was learned is better than what was there, and by which score."""

from collections.abc import Mapping
from typing import Literal

Verdict = Literal["better", "equal", "worse"]

# Digits that are shown: what differs by less is equal.
_DIGITS = 3
_DIGITS_DB = 2
# With so many objects, a difference of less than one of them is none worth a word.
_MANY = 100


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
    """Say whether a model has become better, as far as the shown digits tell.

    Parameters
    ----------
    before, learned : mapping of str to float
        Scores on the same ground.

    Examples
    --------
    >>> judge({"f1": 0.9, "ap": 0.6251}, {"f1": 0.9, "ap": 0.6254})
    'equal'
    >>> judge({"f1": 0.9, "ap": 0.625}, {"f1": 0.9, "ap": 0.75})
    'better'
    """
    name = deciding(learned)
    digits = _DIGITS_DB if name == "psnr" else _DIGITS
    was, now = (round(scores[name], digits) for scores in (before, learned))
    if now == was:
        return "equal"
    return "better" if now > was else "worse"


def finds_nothing(scores: Mapping[str, float]) -> bool:
    """Tell whether objects were looked for, and none was found."""
    of_objects = "psnr" not in scores and "iou_0" not in scores
    return of_objects and scores["f1"] == 0


def objects_too_few(
    before: Mapping[str, float], learned: Mapping[str, float]
) -> int | None:
    """Return how many objects there are to judge by, if they are too few to tell.

    They are if the scores differ by less than one object makes. Of classes, grey
    values and many objects, None is returned.

    Examples
    --------
    >>> few = {"f1": 1.0, "ap": 0.7, "objects_true": 4}
    >>> objects_too_few(few, few | {"ap": 0.72})
    4
    >>> objects_too_few(few, few | {"ap": 0.4})
    """
    name = deciding(learned)
    objects = int(learned.get("objects_true", 0))
    if name not in ("ap", "f1") or not 0 < objects < _MANY:
        return None
    if finds_nothing(before) and finds_nothing(learned):
        return None
    return objects if abs(learned[name] - before[name]) < 1 / objects else None
