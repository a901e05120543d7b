"""Scores as a biologist says them: what was found, and how certain that is."""

import math
from collections.abc import Mapping, Sequence

from napari_unet.core.config import AnnotationKind
from napari_unet.core.gain import (
    deciding,
    finds_nothing,
    judge,
    objects_too_few,
    shown_difference,
)

# What happened to the others, in the order in which it is told.
_ERRORS = ("split", "merged", "missed", "invented")
# The titles of scores, and what is to be known of that which decides.
_TITLES = {"f1": "F1", "iou": "IoU", "ap": "AP"}
_DECIDING = {
    "ap": "AP, which asks for right outlines, too",
    "f1": "F1",
    "iou": "mean IoU",
    "psnr": "PSNR",
}


def shown_scores(
    scores: Mapping[str, float], kind: AnnotationKind = "objects"
) -> dict[str, str]:
    """Return the scores that are shown where there is little room, by their titles.

    The last one of objects, AP, is what the best checkpoint is chosen by.

    Examples
    --------
    >>> shown_scores({"f1": 0.9, "iou": 0.75, "dice": 0.8, "ap": 0.625})
    {'F1': '0.900', 'IoU': '0.750', 'AP': '0.625'}
    >>> shown_scores({"psnr": 31.25, "mse": 4.0})
    {'PSNR': '31.25 dB'}
    """
    if kind == "classes" or "iou_0" in scores:
        return {"mean IoU": f"{scores['iou']:.3f}"}
    if "psnr" in scores:
        return {"PSNR": f"{scores['psnr']:.2f} dB"}
    return {t: f"{scores[name]:.3f}" for name, t in _TITLES.items() if name in scores}


def shown_gain(
    before: Mapping[str, float] | None,
    after: Mapping[str, float],
    kind: AnnotationKind = "objects",
) -> dict[str, str]:
    """Return the scores of `shown_scores` with what they were, and their intervals.

    Examples
    --------
    >>> shown_gain({"f1": 0.5}, {"f1": 0.9, "f1_low": 0.786, "f1_high": 0.957})
    {'F1': '0.500 → 0.900 (95 %: 0.79 to 0.96)'}
    >>> shown_gain({"psnr": 20.0}, {"psnr": 31.25})
    {'PSNR': '20.00 → 31.25 dB'}
    """
    names = {title: name for name, title in _TITLES.items()} | {"mean IoU": "iou"}
    was = shown_scores(before, kind) if before else {}
    gain = {}
    for title, value in shown_scores(after, kind).items():
        start = f"{was[title].removesuffix(' dB')} → " if title in was else ""
        interval = describe_interval(after, names.get(title, ""))
        gain[title] = f"{start}{value}" + (f" ({interval})" if interval else "")
    return gain


def describe_interval(scores: Mapping[str, float], name: str = "f1") -> str:
    """Return the interval of a score, if it has one.

    Examples
    --------
    >>> describe_interval({"f1": 0.9, "f1_low": 0.786, "f1_high": 0.957})
    '95 %: 0.79 to 0.96'
    >>> describe_interval({"f1": 0.9})
    ''
    """
    if f"{name}_low" not in scores:
        return ""
    return f"95 %: {scores[f'{name}_low']:.2f} to {scores[f'{name}_high']:.2f}"


def describe_found(
    scores: Mapping[str, float], kind: AnnotationKind = "objects"
) -> str:
    """Return what became of the objects or points, in a sentence; else nothing.

    Examples
    --------
    >>> counts = {"objects_true": 52, "true_positives": 47, "split": 2, "missed": 3}
    >>> describe_found(counts | {"merged": 0, "invented": 1})
    'found 47 of 52 objects; 2 split, 3 missed, 1 invented'
    >>> describe_found({"objects_true": 5, "true_positives": 5}, "points")
    'found 5 of 5 points'
    >>> describe_found({"psnr": 31.25})
    ''
    """
    if kind not in ("objects", "points") or "iou_0" in scores:
        return ""
    if "true_positives" not in scores:
        return ""
    hits, there = (int(scores[n]) for n in ("true_positives", "objects_true"))
    errors = [f"{count:.0f} {n}" for n in _ERRORS if (count := scores.get(n, 0))]
    said = f"found {hits} of {there} {kind}"
    return said + (f"; {', '.join(errors)}" if errors else "")


def describe_verdict(
    before: Mapping[str, float],
    learned: Mapping[str, float],
    kind: AnnotationKind = "objects",
) -> str:
    """Say whether a training made a model better, in a sentence without its full stop.

    Parameters
    ----------
    before, learned : mapping of str to float
        Scores of the start, and of what was learned, each with the way of making
        objects that suits it best.
    kind : str
        What was learned.

    Examples
    --------
    >>> describe_verdict({"f1": 0.9, "ap": 0.625}, {"f1": 0.5, "ap": 0.25})
    'What was learned is worse than the model it started from by AP and F1: AP 0.625 →
    0.250, F1 0.900 → 0.500'
    >>> describe_verdict({"f1": 0.9, "ap": 0.625}, {"f1": 0.91, "ap": 0.5})
    'What was learned is worse than the model it started from by AP, which asks for
    right outlines, too: AP 0.625 → 0.500, F1 0.900 → 0.910'
    >>> describe_verdict({"psnr": 20.0}, {"psnr": 20.0})
    'There is no clear difference between what was learned and the model it started
    from: PSNR 20.00 → 20.00 dB'
    >>> describe_verdict({"f1": 0.0, "iou": 0.04}, {"f1": 0.0, "iou": 0.05})
    'Neither what was learned nor the model it started from finds any object on the
    validation ground'
    """
    if finds_nothing(before) and finds_nothing(learned):
        return (
            "Neither what was learned nor the model it started from finds any "
            f"{kind.removesuffix('s')} on the validation ground"
        )
    gain = shown_gain(before, learned, kind)
    decisive = _DECIDING[deciding(learned)].partition(",")[0]
    first = sorted(gain, key=lambda title: title != decisive)
    scores = ", ".join(f"{title} {gain[title]}" for title in first)
    verdict = judge(before, learned)
    if verdict == "equal":
        return (
            "There is no clear difference between what was learned and the model it "
            f"started from: {scores}"
        )
    nothing = f"finds no {kind.removesuffix('s')} any more, and so "
    return (
        f"What was learned {nothing if finds_nothing(learned) else ''}is {verdict} "
        f"than the model it started from by {_say_by(before, learned)}: {scores}"
    )


def _say_by(before: Mapping[str, float], learned: Mapping[str, float]) -> str:
    """Return by which scores one model is better: F1, too, if it says the same."""
    name = deciding(learned)
    if name == "ap" and "f1" in before and "f1" in learned:
        rises = (shown_difference(before, learned, each) for each in ("ap", "f1"))
        if math.prod(rises) > 0:
            return "AP and F1"
    return _DECIDING[name]


def describe_kept(
    before: Mapping[str, float] | None, learned: Mapping[str, float]
) -> str:
    """Say why a model stays as it was without being better; else nothing.

    To be read after "'start' stays the model in use".

    Examples
    --------
    >>> describe_kept({"psnr": 20.0}, {"psnr": 20.0})
    ': without a clear gain, what it has learned before is not risked'
    >>> describe_kept({"psnr": 20.0}, {"psnr": 10.0})
    ''
    """
    if not before or judge(before, learned) != "equal":
        return ""
    return ": without a clear gain, what it has learned before is not risked"


def describe_doubt(
    before: Mapping[str, float] | None, after: Mapping[str, float] | None
) -> str:
    """Say that there are too few objects to tell two models apart; else nothing.

    Examples
    --------
    >>> few = {"f1": 1.0, "ap": 0.7, "objects_true": 4}
    >>> describe_doubt(few, few | {"ap": 0.72})
    'With 4 objects to judge by, one object more or less makes as much.'
    >>> describe_doubt(few, few | {"ap": 0.8})
    'With 4 objects to judge by, that is not certain: one object more or less makes as
    much.'
    >>> describe_doubt(few, few)
    ''
    """
    if not before or not after:
        return ""
    objects = objects_too_few(before, after)
    if objects is None:
        return ""
    counted = "1 object" if objects == 1 else f"{objects} objects"
    doubt = "" if judge(before, after) == "equal" else "that is not certain: "
    return f"With {counted} to judge by, {doubt}one object more or less makes as much."


def describe_new_classes(start: str | None, names: Sequence[str]) -> str:
    """Say that a start was no rival, for it does not know all classes; else nothing.

    Examples
    --------
    >>> describe_new_classes("cells", ["nucleus"])
    "'cells' does not know 'nucleus', so it could not be better: what was learned is
    used."
    """
    if not names:
        return ""
    unknown = ", ".join(f"'{name}'" for name in names)
    return (
        f"'{start}' does not know {unknown}, so it could not be better: what was "
        "learned is used."
    )
