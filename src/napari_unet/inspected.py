"""Annotations looked at as the faces start it: before a training, or when asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_unet.core.annotation.finding import Finding, gather_planes
from napari_unet.core.errors import InputError, PlacedError, in_dock

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_unet.core.annotation.target import Example
    from napari_unet.core.config import (
        AnnotationKind,
        DeviceChoice,
        ModelSettings,
        TrainConfig,
    )
    from napari_unet.core.training.inspection import Inspection
    from napari_unet.core.workflow import Model


def inspect(
    examples: Sequence[Example],
    settings: ModelSettings,
    config: TrainConfig,
    *,
    start_from: ModelSettings | None = None,
    faults: Sequence[Finding] = (),
) -> Generator[float, None, Inspection]:
    """Look for mistakes in what a model is to learn from; one `next` is one image.

    Parameters
    ----------
    examples : sequence of Example
        Annotated images; where they have points, these are looked at.
    settings : ModelSettings
        Of the model: what the numbers mean, its classes and its network.
    config : TrainConfig
        How it would be trained.
    start_from : ModelSettings, optional
        Of the model to start from: what it cannot learn is an error.
    faults : sequence of Finding
        Errors that were found before, in images of which no example could be made.

    Yields
    ------
    float
        Which part is done, up to 1.

    Returns
    -------
    Inspection
    """
    from napari_unet.core.training.inspection import inspect_examples
    from napari_unet.core.training.kind import check_kind

    kind: AnnotationKind = settings.annotation
    if any(example.points is not None for example in examples):
        kind = "points"
    inspection = yield from inspect_examples(
        examples,
        kind,
        network=settings.network,
        training=config,
        names=settings.class_names if kind == "classes" else (),
    )
    found = list(faults)
    try:
        check_kind(examples, start_from)
    except InputError as error:
        found.append(fault_of(error, examples[0].image.name))
    return replace(inspection, findings=(*found, *inspection.findings))


def inspect_unpainted(
    examples: Sequence[Example],
    settings: ModelSettings,
    config: TrainConfig,
    *,
    start_from: Model | None = None,
    device: DeviceChoice = "auto",
) -> Generator[float, None, tuple[list[Example], list[Finding]]]:
    """Ask the model to start from what was left unpainted; one `next` is one tile.

    Parameters
    ----------
    examples, settings, config
        As for `inspect`.
    start_from : Model, optional
        The model to start from; without, a starter is asked where little is painted.
    device : str
        Where to look.

    Returns
    -------
    examples : list of Example
        As they would be learned from: with unknown ground ignored.
    findings : list of Finding
        What the model finds where nothing is painted.

    Raises
    ------
    InputError
        If the examples cannot be learned from, or not by that model.
    """
    from napari_unet.core.training.task import Task
    from napari_unet.core.training.unpainted import settle_unpainted
    from napari_unet.core.workflow import choose_witness

    same = list(examples)
    if settings.annotation != "objects":
        return same, []
    task = Task.of(examples, config, settings, start_from)
    how, witness = config.unpainted, choose_witness(start_from, task.settings, device)
    steps = settle_unpainted(
        task.examples,
        how,
        witness,
        is_start=start_from is not None,
        device=device,
        to_say=True,
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            settled = end.value
            break
        yield 0.0
    if len(settled.examples) == len(examples):
        pairs = zip(examples, settled.examples, strict=True)
        same = [
            replace(e, annotation=s.annotation, ignore_label=s.ignore_label)
            if e.annotation.shape == s.annotation.shape
            else e
            for e, s in pairs
        ]
    return same, _of_whole_images(settled.findings, examples)


def _of_whole_images(
    findings: Sequence[Finding], examples: Sequence[Example]
) -> list[Finding]:
    """Return what was found on planes of stacks as findings of the stacks."""
    names = {e.image.name for e in examples}
    found = [finding for finding in findings if finding.image in names]
    for example in examples:
        planes = {f"{example.image.name} [{z}]": z for z in example.annotated_planes}
        mine = [(planes[f.image], [f]) for f in findings if f.image in planes]
        gathered = gather_planes(mine)
        found += [replace(f, image=example.image.name) for f in gathered]
    return found


def fault_of(error: InputError, image: str) -> Finding:
    """Return what cannot be used as a finding of this image."""
    place = error.place if isinstance(error, PlacedError) else None
    return Finding("error", str(error), image, place)


def refuse_faults(
    examples: Sequence[Example], settings: ModelSettings, config: TrainConfig
) -> None:
    """Refuse to train on annotations with errors.

    Raises
    ------
    InputError
        In one sentence: the first error, its image and place, and how many more.
    """
    steps = inspect(examples, settings, config)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            errors: tuple[Finding, ...] = end.value.errors
            break
    if errors:
        text = say(errors[0])
        if len(errors) > 1:
            text += f" Check lists {len(errors) - 1} more."
        raise InputError(text)


def say(finding: Finding) -> str:
    """Return a finding in one line: image, place, and what it is."""
    parts = (part for part in (finding.image, finding.where) if part)
    return f"{', '.join(parts)}: {in_dock(finding.message)}"
