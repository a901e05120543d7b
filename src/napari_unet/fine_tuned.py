"""A training as the docks start it: from a model folder, on the job's own thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_unet.priority import leave_room

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_unet.core.workflow import Example, TrainProgress, TrainResult


def fine_tune(
    examples: Sequence[Example],
    folder: Path,
    *,
    start_from: Path | None,
    **settings: Any,
) -> Generator[TrainProgress, None, TrainResult]:
    """Load the model to start from, if any, and train.

    Parameters
    ----------
    examples : sequence of Example
        Annotated images.
    folder : Path
        The model folder to write.
    start_from : Path, optional
        The model folder to start from.
    **settings
        The other arguments of `core.workflow.fine_tune`.
    """
    from napari_unet.core import workflow

    leave_room()
    model = workflow.load_model(start_from) if start_from else None
    result = yield from workflow.fine_tune(
        examples, folder, start_from=model, **settings
    )
    return result
