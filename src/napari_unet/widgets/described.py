"""What a segmentation has found, in words."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtGui import QColor

from napari_unet.core.errors import InputError, in_dock
from napari_unet.jobs import Status
from napari_unet.widgets.class_colors import class_color
from napari_unet.widgets.point_layers import describe_points

if TYPE_CHECKING:
    from napari_unet.core.config import ObjectConfig
    from napari_unet.jobs import Outcome
    from napari_unet.segmented import Segmented


def _describe_classes(segmented: Segmented) -> str:
    """Return each class with its colour and its share of the ground, as rich text."""
    counts = np.bincount(
        segmented.labels.ravel(), minlength=len(segmented.probabilities)
    )
    values = segmented.class_values or ("",) * len(counts)
    rows = []
    for number, (pixels, name) in enumerate(
        zip(counts.tolist(), segmented.class_names, strict=True)
    ):
        color = QColor.fromRgbF(*class_color(number, values[number])).name()
        square = f"<font color='{color}'>■</font>" if number else "□"
        share = pixels / max(1, segmented.labels.size)
        shown = html.escape(name).replace(" ", "&nbsp;")
        rows.append(f"{square}&nbsp;{shown}&nbsp;{share:.1%}")
    return "&nbsp; ".join(rows)


def describe_segmentation(segmented: Segmented, objects: ObjectConfig) -> str:
    """Return what was found, by which starter model, how, and what is doubtful in it.

    As rich text, a line each.
    """
    lines = [_describe_found(segmented)]
    if segmented.starter is not None:
        why = html.escape(segmented.why)
        lines.append(f"By the starter model <b>{segmented.starter.name}</b>: {why}.")
    zoom = ""
    if segmented.zoom is not None:
        zoom = segmented.zoom.said or f"zoom {segmented.zoom.factor:.3g}"
    if segmented.chosen_scale is not None:
        zoom = f"zoom {segmented.chosen_scale:g}, as you chose"
    for each in (zoom, segmented.drift, segmented.doubt(objects)):
        if said := in_dock(each):
            ended = said if said.endswith(".") else f"{said}."
            lines.append(html.escape(ended[:1].upper() + ended[1:]))
    return "<br>".join(lines)


def describe_end(
    outcome: Outcome, *, tiles: int, is_seen: bool, is_back: bool, gone: str
) -> str:
    """Return why a segmentation brought no result, as rich text.

    Parameters
    ----------
    outcome : Outcome
        Of a job that was stopped or has failed.
    tiles : int
        How many were finished.
    is_seen : bool
        Whether any of them is shown, or what was seen before.
    is_back : bool
        Whether an earlier result is shown instead.
    gone : str
        The name of the image, if it was removed meanwhile.
    """
    if gone:
        return f"Stopped: the image '{html.escape(gone)}' was removed."
    if outcome.status is Status.FAILED:
        said = in_dock(str(outcome.error))
        if not isinstance(outcome.error, InputError):
            said = f"It ended with an error: {said or type(outcome.error).__name__}"
        back = " The earlier result is shown again." if is_back else ""
        return f"<b>Not segmented.</b> {html.escape(said)}{back}"
    if is_back:
        return "Stopped; the earlier, finished result is shown again."
    shown = "no tile was finished"
    if is_seen:
        shown = "only what was seen in a first look is shown"
    if tiles > 0:
        shown = f"{'the finished tiles are' if is_seen else 'nothing of it is'} shown"
    return f"Stopped; {shown}."


def _describe_found(segmented: Segmented) -> str:
    """Return what was found, for people."""
    if segmented.annotation == "classes":
        return _describe_classes(segmented)
    if segmented.points is not None:
        return describe_points(segmented)
    if segmented.annotation == "values":
        channels = len(segmented.probabilities)
        more = f"; the first of {channels} channels is shown" if channels > 1 else ""
        return f"The predicted image, in grey values of the model's targets{more}"
    parts: Any = [segmented.labels]
    if segmented.planes is not None:
        volumes = segmented.times if segmented.volume else len(segmented.planes)
        parts = np.split(segmented.labels, volumes)
    count = sum(int(part.max(initial=0)) for part in parts)
    text = f"{count} object" if count == 1 else f"{count:,} objects"
    if segmented.planes is None or segmented.volume:
        return text
    slices = len(segmented.planes)
    return f"{text} in one slice" if slices == 1 else f"{text} in {slices} slices"
