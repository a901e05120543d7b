"""Mistakes in images and labels that spoil a training, found before it starts."""

import numpy as np

from napari_unet.core.annotation.finding import Finding, Level
from napari_unet.core.annotation.object_findings import find_object_faults
from napari_unet.core.annotation.shapes import explain_shapes
from napari_unet.core.annotation.target import Example, check_labels
from napari_unet.core.config import AnnotationKind
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image

# From this share of pixels at the largest value on, an image is over-exposed.
_SATURATED = 0.01


def find_faults(
    image: Image, labels: np.ndarray, kind: AnnotationKind = "objects"
) -> list[Finding]:
    """Look for mistakes in an image and its labels.

    Parameters
    ----------
    image : Image
        (C, Y, X), or (C, Z, Y, X) with labels (Z, Y, X).
    labels : ndarray of int
        Of the same (Y, X).
    kind : str
        Whether they are objects; of classes see `class_findings`.

    Returns
    -------
    list of Finding
        Errors first; empty where nothing was found.
    """
    try:
        labels = check_labels(labels, "the labels")
    except InputError as error:
        return [Finding("error", str(error))]
    if labels.shape != image.shape:
        text = explain_shapes(image, labels.shape)
        return [Finding("error", text), *look_at_grey_values(image)]
    findings = []
    if kind == "objects":
        findings = find_object_faults(Example(image, labels))
    findings += look_at_grey_values(image)
    return sorted(findings, key=lambda finding: finding.level)


def look_at_grey_values(image: Image) -> list[Finding]:
    """Look for constant and over-exposed channels."""
    findings, exposed = [], []
    for index, channel in enumerate(image.array):
        name = f"Channel {index}" if image.channels > 1 else "The image"
        low, high = channel.min(), channel.max()
        if low == high:
            level: Level = "error" if image.channels == 1 else "warning"
            text = f"{name} is constant: all its pixels are {low}. Nothing can be seen."
            findings.append(Finding(level, text))
        elif (share := float(np.mean(channel == high))) > _SATURATED:
            limit = channel.dtype.kind in "ui" and high == np.iinfo(channel.dtype).max
            if limit:
                exposed.append(f"{share:.0%} of the pixels of {name.lower()}")
    if exposed:
        text = (
            f"{', '.join(exposed)} have the largest value that there is: over-exposed, "
            "which is right for a white background only. Differences among them are "
            "lost; expose for a shorter time."
        )
        findings.append(Finding("warning", text))
    return findings
