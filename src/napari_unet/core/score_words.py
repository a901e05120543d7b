"""Scores as a biologist says them: what was found, and how certain that is."""

from collections.abc import Mapping

from napari_unet.core.config import AnnotationKind

# What happened to the others, in the order in which it is told.
_ERRORS = ("split", "merged", "missed", "invented")


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
    titles = {"f1": "F1", "iou": "IoU", "ap": "AP"}
    return {t: f"{scores[name]:.3f}" for name, t in titles.items() if name in scores}


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
    was = shown_scores(before, kind) if before else {}
    gain = {}
    for title, value in shown_scores(after, kind).items():
        start = f"{was[title].removesuffix(' dB')} → " if title in was else ""
        gain[title] = f"{start}{value}"
    if "F1" in gain and (interval := describe_interval(after)):
        gain["F1"] += f" ({interval})"
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


def describe_worse(
    before: Mapping[str, float],
    learned: Mapping[str, float],
    kind: AnnotationKind = "objects",
) -> str:
    """Say that a training made a model worse, in a sentence without its full stop.

    Parameters
    ----------
    before, learned : mapping of str to float
        Scores of the start, and of what was learned, each with the way of making
        objects that suits it best.

    Examples
    --------
    >>> describe_worse({"f1": 0.9, "ap": 0.625}, {"f1": 0.75, "ap": 0.5})
    'What was learned is worse on the validation ground (F1 0.900 → 0.750, AP 0.625 →
    0.500)'
    """
    was, now = shown_scores(before, kind), shown_scores(learned, kind)
    gone = ", ".join(
        f"{title} {was[title].removesuffix(' dB')} → {value}"
        for title, value in now.items()
        if title in was
    )
    return f"What was learned is worse on the validation ground ({gone})"
