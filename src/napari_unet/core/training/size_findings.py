"""Objects that are too large or too small for a network, stacks of too few planes."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.annotation.finding import Finding
from napari_unet.core.annotation.object_sizes import keep_known
from napari_unet.core.annotation.target import Example
from napari_unet.core.config import NetworkConfig, TrainConfig
from napari_unet.core.network.geometry import Geometry

# How large most objects are at most: this percentile, so that no single one decides.
_LARGE = 90
# Objects narrower than this part of a pixel of the deepest level gain nothing by it.
_LOST_IN_A_PIXEL = 4


def measure_objects(example: Example) -> NDArray[np.int64]:
    """Return the width of each object, in pixels.

    Parameters
    ----------
    example : Example
        Of objects, (Y, X) or (Z, Y, X).

    Returns
    -------
    ndarray of int, shape (N,)
        The longer side of its bounding box in the plane; only of those with a pixel in
        the regions, if there are any.
    """
    labels = keep_known(example)
    numbers, place = np.unique(labels, return_inverse=True)
    consecutive = place.reshape(labels.shape) + int(numbers[0] > 0)
    boxes = [box for box in ndimage.find_objects(consecutive) if box is not None]
    widths = [max(side.stop - side.start for side in box[-2:]) for box in boxes]
    return np.array(widths, np.int64)


def find_size_faults(
    widths: NDArray[np.integer], network: NetworkConfig, training: TrainConfig
) -> list[Finding]:
    """Compare objects with what a network sees.

    Parameters
    ----------
    widths : ndarray of int, shape (N,)
        Of all objects, in pixels; at least one.
    network, training : NetworkConfig, TrainConfig
        Their context and patches.
    """
    large, middle = float(np.percentile(widths, _LARGE)), float(np.median(widths))
    plane = Geometry(network)
    context, deepest = 2 * plane.halo, plane.step
    findings = []
    if large > context:
        text = (
            f"Objects are up to {large:.0f} px wide, but the network sees only about "
            f"{context} px around a pixel ({network.levels} levels): inside it cannot "
            "tell where it is. Give it more levels, or make the pixels larger."
        )
        findings.append(Finding("warning", text, topic="context"))
    elif large > training.patch_size:
        text = (
            f"Objects are up to {large:.0f} px wide, patches {training.patch_size} px: "
            "no patch shows a whole one. Choose larger patches (on the command line: "
            "--set "
            "patch_size=…; in the dock: More settings, Training)."
        )
        findings.append(Finding("warning", text, topic="patch size"))
    if middle * _LOST_IN_A_PIXEL < deepest:
        text = (
            f"Half of the objects are no wider than {middle:.0f} px, a small part of "
            f"a pixel of the network's deepest level ({deepest} px with "
            f"{network.levels} levels): fewer levels see as much of them (on the "
            "command line: --levels 2; in the dock: More settings, Network), and an "
            "enlarged image more."
        )
        findings.append(Finding("warning", text, topic="small objects"))
    return findings


def find_depth_faults(example: Example, network: NetworkConfig) -> list[Finding]:
    """Look for stacks of fewer planes than a network of volumes needs."""
    if network.dimensions == 2:
        return []
    shape = example.image.shape
    if len(shape) == 2:
        text = (
            "This is a single plane, but the network learns from volumes. Give a stack "
            "of planes, or choose a network of 2 dimensions."
        )
        return [Finding("error", text, topic="dimensions")]
    along_z = Geometry(network, along_z=True)
    least = along_z.size_at_least(1)
    if shape[0] >= least:
        return []
    text = (
        f"The stack has {shape[0]} planes, the network ({network.levels_z} levels "
        f"along Z, '{network.padding}' padding) needs at least {least}: the others are "
        "mirrored, and teach nothing new. Choose fewer levels along Z (on the "
        "command line: --set levels_z=1; in the dock: More settings, Network), or a "
        "network of 2 dimensions."
    )
    return [Finding("warning", text, topic="few planes")]
