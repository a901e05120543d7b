"""A training on the command line: run, with its progress, and what came of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_unet.cli.app import count, report
from napari_unet.cli.classes import class_rows, say_class_scores
from napari_unet.cli.model_folder import put_back, set_aside
from napari_unet.cli.stop import stop_requests

if TYPE_CHECKING:  # so that --help does not wait for torch
    from collections.abc import Iterator

    from napari_unet.core.annotation.class_values import ClassTable
    from napari_unet.core.card import Card
    from napari_unet.core.config import AnnotationKind, ModelSettings
    from napari_unet.core.workflow import Model, TrainProgress


def train_into(
    folder: Path,
    steps: "Iterator[TrainProgress]",
    start: "Model | None",
    found: "ClassTable | None",
    *,
    resume: bool,
    even_if_worse: bool = False,
    as_json: bool,
) -> None:
    """Run a training and report it; a model that stands in its place is kept."""
    first = next(steps)  # all that is given is checked before an older model is touched
    if first.note:
        print(first.note, file=sys.stderr)
    kept = None if resume else set_aside(folder, start)
    try:
        interrupted = _drive(steps)
    except BaseException:
        put_back(kept, folder)
        raise
    is_worse = even_if_worse and _take_learned(folder)
    result, text = _summarise(folder)
    if is_worse:
        text += "\nIt is not better than that, and kept all the same."
    result["classes"] = None if found is None else class_rows(found)
    result["kept"] = None if kept is None else str(kept)
    if kept is not None:
        text += f"\nThe model that was there is now '{kept}'."
    report(result, text, as_json=as_json)
    if interrupted:
        raise typer.Exit(130)


def _drive(steps: "Iterator[TrainProgress]") -> bool:
    """Run a training with a progress bar; return whether it was interrupted.

    The first Ctrl-C (or a polite kill) stops after the current step, and the training
    saves itself; a second one stops at once.
    """
    from tqdm import tqdm

    with (
        stop_requests() as stopped,
        tqdm(total=100, desc="Prepare", unit="%", file=sys.stderr) as bar,
    ):
        bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        for progress in steps:
            bar.set_description_str(progress.phase.capitalize(), refresh=False)
            bar.n = round(100 * progress.fraction, 1)
            if progress.note:
                bar.write(progress.note, file=sys.stderr)
            if progress.patch:
                said = f"patches of {progress.patch}, {progress.memory} for a step"
                bar.write(said, file=sys.stderr)
            if progress.ground:
                bar.write(progress.ground, file=sys.stderr)
            if progress.part:
                without = f"Leave out {progress.part} of {progress.parts - 1}"
                bar.set_description_str(without, refresh=False)
            if progress.loss == progress.loss:
                bar.set_postfix_str(
                    f"iteration {progress.iteration}, loss {progress.loss:.4f}",
                    refresh=False,
                )
            if progress.validation is not None:
                bar.write(_say_validation(progress), file=sys.stderr)
            bar.refresh()
            if stopped:
                steps.close()  # type: ignore[attr-defined]
                bar.write("Stopped; the model is saved.", file=sys.stderr)
                return True
    return False


def _say_validation(progress: "TrainProgress") -> str:
    """Return one line about a validation."""
    from napari_unet.core.score_words import shown_scores

    if progress.validation is None:
        return ""
    scores = shown_scores(progress.validation.as_dict())
    said = ", ".join(f"{title} {value}" for title, value in scores.items())
    kept = ", kept so far" if progress.is_best else ""
    if progress.validated:  # the last one
        kept = kept.removesuffix(" so far")
    what = progress.validated or f"iteration {progress.iteration}"
    return f"{what}: validation {said}{kept}"


def _take_learned(folder: Path) -> bool:
    """Give the model what was learned; tell whether its start had been kept."""
    from napari_unet.core.card import read_manifest
    from napari_unet.core.workflow import use_learned

    if read_manifest(folder).card.learned is None:
        return False
    use_learned(folder)
    return True


def _summarise(folder: Path) -> tuple[dict[str, Any], str]:
    """Return what the saved model says of itself."""
    from napari_unet.core.card import read_manifest

    manifest = read_manifest(folder)
    card: Card = manifest.card
    device, _, precision = card.device.partition(", ")
    result = {
        "model": str(folder),
        "iterations": card.iterations,
        "seconds": card.seconds,
        "loss": card.loss,
        "validation_before": card.scores_before,
        "validation": card.scores,
        "validated": card.validation,
        "verdict": _judge(card),
        "kept_start": card.learned is not None,
        "learned": None if card.learned is None else card.learned.scores,
        "device": device,
        "precision": precision,
    }
    steps = count(card.iterations, "iteration")
    lines = [f"{folder}: {steps} in {card.seconds:.0f} s on {device} ({precision})"]
    if card.scores is None:
        lines += _say_unmeasured(card)
    elif card.learned is not None:
        lines += _say_kept(card, manifest.settings.annotation)
    else:
        lines += _say_scores(card, card.scores, manifest.settings)
    return result, "\n".join(lines)


def _judge(card: "Card") -> str | None:
    """Return whether what was learned is better than the start, equal or worse."""
    from napari_unet.core.gain import judge

    if not card.scores_before or not card.compared:
        return None
    return judge(card.scores_before, card.compared)


def _say_scores(
    card: "Card", scores: dict[str, float], settings: "ModelSettings"
) -> list[str]:
    """Return how good the model is, and how that is known."""
    from napari_unet.core.score_words import (
        describe_doubt,
        describe_found,
        describe_new_classes,
        shown_gain,
    )

    kind = settings.annotation
    gain = shown_gain(card.scores_before, scores, kind)
    lines = [f"validation {title}: {value}" for title, value in gain.items()]
    if by_class := say_class_scores(scores, settings):
        lines.append(by_class)
    elif scores.get("f1") == 0:
        lines.append("No object is found yet: train longer, or annotate more.")
    elif found := describe_found(scores, kind):
        lines.append(f"On the validation ground it {found}.")
    lines += [f"It was {card.validation}."] if card.validation else []
    others = (
        describe_doubt(card.scores_before, scores),
        describe_new_classes(card.started_from, card.new_classes),
    )
    return lines + [sentence for sentence in others if sentence]


def _say_kept(card: "Card", kind: "AnnotationKind") -> list[str]:
    """Return why the model is still the one it started from."""
    from napari_unet.core.score_words import (
        describe_doubt,
        describe_found,
        describe_kept,
        describe_verdict,
    )

    before, learned = card.scores_before or {}, card.compared or {}
    found, was = (describe_found(s, kind) for s in (learned, card.scores or {}))
    lines = [
        f"{describe_verdict(before, learned, kind)}.",
        f"On the validation ground it {found}." if found else "",
        describe_doubt(before, learned),
        f"It was {card.validation}." if card.validation else "",
        f"The model is still the one it started from{describe_kept(before, learned)}.",
        f"On the same ground it {was}." if was else "",
        "Train with --even-if-worse to have what was learned.",
    ]
    return [line for line in lines if line]


def _say_unmeasured(card: "Card") -> list[str]:
    """Return why it is not known how good the model is."""
    if card.is_unmeasured:
        return [
            "How good it is was not measured: it was stopped before each image or "
            "region was left out once. The same command with --resume makes up for it."
        ]
    lines = [
        "No ground was left to measure how good it is: annotate more, or give "
        "--validation-images."
    ]
    if card.started_from is not None:
        lines.append(
            f"So it could not be compared with '{card.started_from}', from which it "
            "started; it may be better or worse."
        )
    return lines
