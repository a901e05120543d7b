"""ImageJ ROI sets: a zip of outlines for the ROI Manager, and back to labels."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.formats.outlines import Outline, Ring, paint_outlines, trace_outlines
from napari_unet.formats.stored import refuse_damaged
from napari_unet.formats.whole_file import require_same, write_whole

if TYPE_CHECKING:
    from roifile import ImagejRoi

# The label, and in a stack the plane: '00012 z003', with time '00012 t002 z003'. ImageJ
# names its own '0123-0456'.
_NAME = re.compile(r"(\d+)(?: t\d+)?(?: z\d+)?")
# ImageJ stores coordinates in 16 bits and takes larger ones for negative.
_FARTHEST = 60_535
_MOVE, _LINE, _CLOSE = 0, 1, 4  # the segments of a composite ROI


def write_rois(path: Path | str, labels: NDArray[np.integer]) -> None:
    """Write the outline of every object as a ROI of ImageJ.

    An outline follows the edges of the pixels, as that of ImageJ's wand does, so the
    area that ImageJ measures is the number of pixels. An object with holes or in
    several pieces is one composite ROI.

    Parameters
    ----------
    path : Path or str
        The zip file; an existing one is replaced in one step.
    labels : ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        0 is background. In a stack an object has one ROI on each of its planes.

    Raises
    ------
    InputError
        If the file cannot be written or reads back differently, or the image is
        larger than ImageJ's coordinates.
    """
    if labels.ndim not in (2, 3, 4) or max(labels.shape[-2:]) > _FARTHEST:
        raise InputError(
            f"'{Path(path).name}' cannot be saved: ROIs of ImageJ fit images (Y, X) or "
            f"(Z, Y, X) up to {_FARTHEST} pixels wide, not {labels.shape}. Save the "
            "labels as TIFF or GeoJSON."
        )
    with write_whole(path) as unfinished:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for roi in _make_rois(labels):
                entry = zipfile.ZipInfo(f"{roi.name}.roi")
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, roi.tobytes())
        back = read_rois(unfinished, labels.shape)
        require_same(np.array_equal(back, labels), path)


def read_rois(path: Path | str, shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Read a set of ImageJ ROIs as labels.

    Parameters
    ----------
    path : Path or str
        A zip file, or a single ``.roi`` file.
    shape : tuple of int
        Shape (Y, X), (Z, Y, X) or (T, Z, Y, X) of the image that the ROIs belong to.

    Returns
    -------
    ndarray of int, shape `shape`
        ROIs whose names are numbers keep them as labels; others get the numbers that
        follow. A pixel belongs to a ROI if its centre does; of overlapping ROIs to the
        last. In a stack, ROIs without a position lie on the first plane.

    Raises
    ------
    InputError
        If the file is missing or damaged, or holds lines or points.
    """
    import roifile

    path = Path(path)
    with refuse_damaged(path):
        found = roifile.roiread(path)
        rois = found if isinstance(found, list) else [found]
        rings = [_find_rings(roi, path) for roi in rois]
    matches = [_NAME.fullmatch(roi.name) for roi in rois]
    last = max((int(match[1]) for match in matches if match), default=0)
    outlines: list[tuple[int, Outline]] = []
    for roi, match, parts in zip(rois, matches, rings, strict=True):
        last += not match
        label = int(match[1]) if match else last
        plane = max(0, (roi.position or roi.z_position) - 1)
        if len(shape) == 4 and not roi.position:
            plane += max(0, roi.t_position - 1) * shape[1]
        outlines.append((plane, Outline(label, (tuple(parts),))))
    return paint_outlines(outlines, shape)


def _make_rois(labels: NDArray[np.integer]) -> Iterator["ImagejRoi"]:
    if labels.ndim == 2:
        for outline in trace_outlines(labels):
            yield _make_roi(outline, f"{outline.label:05d}")
        return
    for place in np.ndindex(labels.shape[:-2]):
        plane = place[-1] + 1
        for outline in trace_outlines(labels[place]):
            name = f"{outline.label:05d}"
            if len(place) == 2:
                time = place[0] + 1
                roi = _make_roi(outline, f"{name} t{time:03d} z{plane:03d}")
                roi.c_position, roi.z_position, roi.t_position = 1, plane, time
            else:
                roi = _make_roi(outline, f"{name} z{plane:03d}")
                roi.position = plane
            yield roi


def _make_roi(outline: Outline, name: str) -> "ImagejRoi":
    from roifile import ROI_TYPE, ImagejRoi

    rings = [ring for part in outline.parts for ring in part]
    corners = np.concatenate(rings)
    roi = ImagejRoi()
    roi.version, roi.name = 227, name
    roi.left, roi.top = map(int, corners.min(axis=0))
    roi.right, roi.bottom = map(int, corners.max(axis=0))
    if len(rings) == 1:
        roi.roitype = ROI_TYPE.TRACED
        roi.n_coordinates = len(corners)
        roi.integer_coordinates = corners - corners.min(axis=0)
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = np.concatenate([_draw_path(ring) for ring in rings])
        roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _draw_path(ring: Ring) -> NDArray[np.float32]:
    """Return a ring as ImageJ's drawing commands: move, line, line, ..., close."""
    commands = np.full((len(ring), 3), _LINE, np.float32)
    commands[0, 0] = _MOVE
    commands[:, 1:] = ring
    return np.append(commands.ravel(), np.float32(_CLOSE))


def _find_rings(roi: "ImagejRoi", path: Path) -> list[Ring]:
    from roifile import ROI_TYPE

    areas = ("POLYGON", "RECT", "OVAL", "FREEHAND", "TRACED")
    if roi.roitype not in [ROI_TYPE[name] for name in areas]:
        raise InputError(
            f"'{path.name}' holds the ROI '{roi.name}', a {roi.roitype.name.lower()}; "
            "objects need areas. Remove it in ImageJ's ROI Manager."
        )
    rings = roi.coordinates(multi=True)
    return [np.asarray(ring) for ring in rings if len(ring)]
