"""Annotations looked at as the docks start it: before a training, or when asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_unet.core.annotation.finding import Finding
from napari_unet.core.errors import InputError, PlacedError, in_dock

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_unet.core.annotation.target import Example
    from napari_unet.core.config import AnnotationKind, ModelSettings, TrainConfig
    from napari_unet.core.training.inspection import Inspection


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
